//! A staging has no memory: after any history of policies, with production's traffic between them and deaths in the midst of
//! the copies that they cause, it is what a new staging is under the last policy.

use std::fmt::Write as _;
use std::time::Duration;

use fastrand::Rng;

use crate::check;
use crate::seed::Seed;
use crate::servers::{Db, Pair};
use crate::shapes::Flow;
use crate::shapes::flow::{CATCH_UP, number};
use crate::sluice::{Output, Sluice};

majors!(a_history_leaves_no_trace);

/// Policies that follow each other on one staging.
const POLICIES: u32 = 3;

const TABLES: &str = "
CREATE TABLE ints (id int PRIMARY KEY, x text, y text, n numeric, d date, j jsonb, extra text);
CREATE TABLE texts (id text COLLATE \"C\" PRIMARY KEY, x text UNIQUE, y text, n int);
CREATE TABLE wholes (id uuid PRIMARY KEY, x text, y text, n int);
CREATE TABLE bags (x text, y text, n int);
ALTER TABLE ints ALTER x SET STORAGE EXTERNAL;
ALTER TABLE wholes ALTER x SET STORAGE EXTERNAL, REPLICA IDENTITY FULL;
ALTER TABLE texts ALTER y SET STORAGE EXTERNAL;
ALTER TABLE bags REPLICA IDENTITY FULL;";

/// What may become of text, of what is unique, and of anything else.
const TEXT: &[&str] = &[
    "keep",
    "drop",
    "null",
    "hash",
    "email",
    "lorem",
    "{ mask: partial, keep_first: 1 }",
    "{ mask: hash, when: n > 50, else: keep }",
    "{ mask: lorem, when: n IS NULL OR n < 30, else: { mask: hash, length: 12 } }",
    "{ mask: compose, template: 'of {y}' }",
];
const UNIQUE: &[&str] = &["keep", "hash", "email", "drop", "username"];
const OTHER: &[(&str, &[&str])] = &[
    ("n", &["keep", "drop", "keep", "noise"]),
    ("d", &["keep", "drop", "{ mask: date_trunc, to: month }"]),
    ("j", &["keep", "drop", "{ mask: json, paths: { '$.a': keep }, other: drop }"]),
];
const WHERE: &[&str] = &["", "", "", "n > 20", "n <= 70 OR n IS NULL", "y <> 'b'"];

fn pick<'a>(rng: &mut Rng, of: &[&'a str]) -> &'a str {
    of[rng.usize(..of.len())]
}

/// One policy for all tables.
fn policy(rng: &mut Rng) -> String {
    let mut yaml = String::from("copy: { chunk_rows: 100, readers: 2 }\ntables:\n");
    for (table, columns) in [
        ("ints", &["x", "y", "n", "d", "j", "extra"][..]),
        ("texts", &["id", "x", "y", "n"]),
        ("wholes", &["x", "y", "n"]),
        ("bags", &["x", "y", "n"]),
    ] {
        if rng.u32(..16) == 0 {
            let _ = writeln!(yaml, "  public.{table}: structure");
            continue;
        }
        let _ = writeln!(yaml, "  public.{table}:");
        let only = pick(rng, WHERE);
        if !only.is_empty() {
            let _ = writeln!(yaml, "    where: {only}");
        }
        let _ = writeln!(yaml, "    columns:");
        // what `compose` names must come, and not be composed itself
        let y = pick(rng, &TEXT[..TEXT.len() - 1]);
        let named = y != "drop";
        for &column in columns {
            let class = match (table, column) {
                ("texts", "id") => pick(rng, &["keep", "keep", "hash"]),
                ("texts", "x") => pick(rng, UNIQUE),
                (_, "y") => y,
                (_, "x" | "extra") => loop {
                    let class = pick(rng, TEXT);
                    if named || !class.contains("compose") {
                        break class;
                    }
                },
                (_, column) => OTHER.iter().find(|(c, _)| *c == column).map_or("keep", |(_, of)| pick(rng, of)),
            };
            let _ = writeln!(yaml, "      {column}: {class}");
        }
    }
    yaml
}

/// Some changes on production, of every kind.
fn traffic(rng: &mut Rng, fresh: &mut u32) -> String {
    let mut sql = String::new();
    for _ in 0..rng.u32(4..10) {
        let (a, b) = (rng.u32(..100), rng.u32(..100));
        *fresh += 1;
        let f = *fresh;
        let _ = match rng.u32(..10) {
            0 => write!(sql, "UPDATE ints SET n = {a}, y = 'b' WHERE n % 7 = {};", b % 7),
            1 => write!(sql, "UPDATE ints SET x = repeat('{a}', 3000) WHERE id % 9 = {};", b % 9),
            2 => write!(sql, "DELETE FROM ints WHERE id % 31 = {}; DELETE FROM texts WHERE n = {a};", b % 31),
            3 => write!(
                sql,
                "INSERT INTO ints SELECT 1000 * {f} + g, 'x' || g, 'y' || g % 3, g, '2026-01-01'::date + g, '{{\"a\": 1, \"b\": 2}}', 'e' FROM generate_series(1, 9) g;"
            ),
            4 => write!(
                sql,
                "UPDATE texts SET id = id || '_{f}' WHERE n % 11 = {}; UPDATE texts SET n = {a} WHERE n = {b};",
                b % 11
            ),
            5 => write!(sql, "UPDATE texts SET x = x || '_{f}', y = repeat('y{a}', 1500) WHERE n % 5 = {};", b % 5),
            6 => {
                write!(sql, "INSERT INTO texts SELECT 'k{f}-' || g, 'x{f}-' || g, 'b', g FROM generate_series(1, 9) g;")
            }
            7 => write!(
                sql,
                "UPDATE wholes SET n = n + 1 WHERE n % 3 = {}; UPDATE wholes SET id = gen_random_uuid(), y = NULL WHERE n = {a};",
                b % 3
            ),
            8 => write!(
                sql,
                "UPDATE bags SET n = {a} WHERE n % 10 = {}; DELETE FROM bags WHERE n = {b}; INSERT INTO bags VALUES ('x', 'y', {a}), ('x', 'y', {a});",
                b % 10
            ),
            _ => write!(
                sql,
                "DELETE FROM wholes WHERE n = {a}; INSERT INTO wholes SELECT gen_random_uuid(), repeat('w', 2500), 'b', NULL FROM generate_series(1, 3);"
            ),
        };
    }
    sql
}

async fn a_history_leaves_no_trace(major: u32) {
    let seed = Seed::or(11);
    let mut rng = seed.rng(u64::from(major));
    let flow = Flow::with(major, "history", "tables: {}").await;
    flow.both(TABLES).await;
    flow.source(
        "INSERT INTO ints SELECT g, repeat('long', 1000) || g, 'y' || g % 5, g, '2026-01-01'::date + g, '{\"a\": 1, \"b\": \"raw\"}', 'e' || g FROM generate_series(1, 350) g;
         INSERT INTO texts SELECT 'k' || g, 'x' || g, repeat('y', 2500) || g, g FROM generate_series(1, 350) g;
         INSERT INTO wholes SELECT gen_random_uuid(), repeat('w', 2500) || g, 'y' || g % 4, g FROM generate_series(1, 350) g;
         INSERT INTO bags SELECT 'x' || g % 9, 'y' || g % 3, g % 20 FROM generate_series(1, 60) g",
    )
    .await;
    let mut fresh = 1;
    let policies = if std::env::var_os("SLUICE_SOAK").is_some() { POLICIES * 20 } else { POLICIES };
    for round in 0..policies {
        let rules = policy(&mut rng);
        let name = if round % 2 == 0 { "it comes to an end" } else { "it dies in the midst" };
        flow.sluice.lay("history", &rules);
        if round % 2 == 1 {
            let dying = flow.sluice.clone().env("SLUICE_FAILPOINT", "chunk.loaded:2");
            published(&flow, &dying, &[&CATCH_UP[..], &["--timeout", "60s"]].concat()).await;
            flow.source(&traffic(&mut rng, &mut fresh)).await;
        }
        let done = published(&flow, &flow.sluice, &CATCH_UP).await;
        assert_eq!(done.code, 0, "{name}, under\n{rules}{}", done.stderr);
        flow.source(&traffic(&mut rng, &mut fresh)).await;
        let done = published(&flow, &flow.sluice, &CATCH_UP).await;
        assert_eq!(done.code, 0, "{name}, under\n{rules}{}", done.stderr);
        assert_eq!(flow.divergences().await, 0, "round {round}, under\n{rules}");
        equals_a_new_one(&flow, major, round, &rules).await;
    }
}

/// A new staging under the same policy is the same.
async fn equals_a_new_one(flow: &Flow, major: u32, round: u32, rules: &str) {
    let name = format!("history_{round}");
    let new: Db = Pair::get(major).create_db(&name).await;
    let staging = new.target().await;
    staging.batch_execute(TABLES).await.expect("the same tables");
    let sluice = Sluice::over(&name, &flow.db.source_url(), &new.target_url(), rules);
    sluice.ok(&CATCH_UP).await;
    for table in ["ints", "texts", "wholes", "bags"] {
        if let Some(told) = check::differences(&flow.t, &staging, table).await {
            panic!("round {round}: {table} is not what a new one is, under\n{rules}\n{told}");
        }
    }
    assert!(
        number(
            &staging,
            "SELECT (SELECT count(*) FROM ints) + (SELECT count(*) FROM texts) + (SELECT count(*) FROM bags)"
        )
        .await
            > 10
    );
    sluice.ok(&["destroy", "--yes"]).await;
}

/// Runs; where the policy wants another publication, does as it says, and runs again.
async fn published(flow: &Flow, sluice: &Sluice, args: &[&str]) -> Output {
    for _ in 0..2 {
        let mut running = sluice.spawn(args);
        let status = running.wait(Duration::from_secs(60)).await;
        let stderr = running.log();
        let alters: Vec<&str> = stderr.lines().filter(|line| line.starts_with("ALTER PUBLICATION")).collect();
        if status.code() != Some(5) || alters.is_empty() {
            return Output { code: status.code().unwrap_or(-1), stdout: running.stdout(), stderr };
        }
        flow.source(&alters.join("")).await;
    }
    panic!("it wants other publications for ever");
}
