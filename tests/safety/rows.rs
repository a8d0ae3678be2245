//! Rows of staging's own in a table that is replicated: `protect.rows`.

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use crate::check::{self, Table};
use crate::seed::Seed;
use crate::servers::wait_until;
use crate::shapes::Flow;
use crate::shapes::flow::CATCH_UP;
use crate::shapes::flow::{number, text};
use crate::sluice::Sluice;

majors!(
    a_default_decides,
    a_day_beside_them,
    every_index,
    a_life_beside_them,
    amid_a_large_transaction,
    killed_when_one_is_shadowed,
    what_cannot_be_protected
);

/// Where the process is killed.
pub const KILLED: &[&str] = &["apply.shadowed"];

const LIMIT: Duration = Duration::from_secs(90);

/// What production's `sluice shadowed` names, as `key because`.
async fn shadowed(flow: &Flow) -> String {
    let sql = "SELECT coalesce(string_agg(key[1] || ' ' || why, ', ' ORDER BY key[1]), '') FROM sluice.shadowed";
    text(&flow.t, sql).await
}

/// What staging has, as `key=value`.
async fn staging(flow: &Flow) -> String {
    text(&flow.t, "SELECT string_agg(key || '=' || value, ', ' ORDER BY key) FROM settings").await
}

const SETTINGS: &str = "CREATE TABLE settings (key text PRIMARY KEY, value text, place int UNIQUE, note text);
    ALTER TABLE settings ALTER note SET STORAGE EXTERNAL";

/// Each way in which a row can meet them, in the copy and in the stream; and back.
async fn a_day_beside_them(major: u32) {
    let rest = "tables: { public.settings: keep }
protect: { rows: { public.settings: key LIKE 'staging.%' } }";
    let flow = Flow::with(major, "own_rows", rest).await;
    flow.both(SETTINGS).await;
    // staging: its own, and what an older script has left
    flow.target(
        "INSERT INTO settings VALUES ('staging.a', 'mine', 1), ('staging.b', 'mine', 2), ('staging.t', 'mine', 7),
         ('gone', 'old', 8), ('x', 'old', 9)",
    )
    .await;
    flow.source(
        "INSERT INTO settings VALUES ('staging.a', 'prod', 11), ('staging.p', 'prod', 12), ('x', 'prod', 2),
         ('y', 'prod', 3), ('z', 'prod', 4)",
    )
    .await;
    flow.catch_up().await;
    let mine = "staging.a=mine, staging.b=mine, staging.t=mine";
    assert_eq!(staging(&flow).await, format!("{mine}, y=prod, z=prod"));
    assert_eq!(shadowed(&flow).await, "staging.a , staging.p , x settings_place_key");
    let said = flow.sluice.ok(&["shadowed"]).await.stdout;
    assert!(said.contains("staging.b of staging's own is in its way in settings_place_key"), "{said}");
    assert!(said.contains("staging would take it for one of its own"), "{said}");
    let status = flow.sluice.ok(&["status"]).await.stdout;
    assert!(status.contains("3 rows shadowed by staging's own"), "{status}");

    // shadowed rows change and stay what they are; one that was not becomes one, by its key and by a value
    flow.source(
        "UPDATE settings SET value = 'prod 2' WHERE key IN ('staging.a', 'x');
         UPDATE settings SET key = 'staging.y' WHERE key = 'y'; UPDATE settings SET place = 1 WHERE key = 'z'",
    )
    .await;
    flow.catch_up().await;
    assert_eq!(staging(&flow).await, mine);
    assert_eq!(shadowed(&flow).await, "staging.a , staging.p , staging.y , x settings_place_key, z settings_place_key");

    // and back: by a change of production, by one of the key; one is deleted, one is not sent whole
    flow.source(
        "UPDATE settings SET place = 20, note = repeat('n', 9000) WHERE key = 'x'; UPDATE settings SET key = 'y' WHERE key = 'staging.y';
         DELETE FROM settings WHERE key = 'staging.a'; UPDATE settings SET note = repeat('n', 9000) WHERE key = 'z';
         UPDATE settings SET value = 'prod 3' WHERE key = 'z'",
    )
    .await;
    flow.catch_up().await;
    assert_eq!(staging(&flow).await, format!("{mine}, x=prod 2, y=prod"));
    assert_eq!(shadowed(&flow).await, "staging.p , z settings_place_key");

    // production inserts and deletes what staging has, in one transaction and in several, and empties the table
    flow.source(
        "INSERT INTO settings VALUES ('staging.b', 'prod', 30); UPDATE settings SET value = 'prod 2' WHERE key = 'staging.b';
         BEGIN; INSERT INTO settings VALUES ('staging.t', 'prod', 31); DELETE FROM settings WHERE key = 'staging.t'; COMMIT;
         DELETE FROM settings WHERE key = 'staging.b'",
    )
    .await;
    flow.catch_up().await;
    assert_eq!(staging(&flow).await, format!("{mine}, x=prod 2, y=prod"));
    assert_eq!(shadowed(&flow).await, "staging.p , z settings_place_key");

    // what staging gives up, production's row takes
    let mut running = flow.sluice.spawn(&["run"]);
    flow.target("DELETE FROM settings WHERE key = 'staging.a'").await;
    let there = "SELECT count(*) FROM settings WHERE key = 'z' AND value = 'prod 3'";
    wait_until("the way is free", LIMIT, || async { number(&flow.t, there).await == 1 }).await;
    running.term();
    assert!(running.wait(LIMIT).await.success(), "{}", running.log());
    assert_eq!(shadowed(&flow).await, "staging.p ");

    flow.sluice.ok(&["resync", "public.settings"]).await;
    flow.catch_up().await;
    let mine = "staging.b=mine, staging.t=mine";
    assert_eq!(staging(&flow).await, format!("{mine}, x=prod 2, y=prod, z=prod 3"));
    assert_eq!(shadowed(&flow).await, "staging.p ");
    flow.source("TRUNCATE settings; INSERT INTO settings VALUES ('new', 'prod', 40)").await;
    flow.catch_up().await;
    assert_eq!(staging(&flow).await, format!("new=prod, {mine}"));
    assert_eq!(shadowed(&flow).await, "");
    assert_eq!(flow.divergences().await, 0, "nothing of it is a divergence");

    // no longer protected: they are unknown, and go
    let less = rest.replace("key LIKE 'staging.%'", "key = 'staging.b'");
    flow.sluice.lay(&flow.db.name, &less);
    flow.catch_up().await;
    assert_eq!(staging(&flow).await, "new=prod, staging.b=mine");
}

/// A transaction that comes in pieces, with such a row in one of them: what the pieces before it have brought stays.
async fn amid_a_large_transaction(major: u32) {
    let rest = "tables: { public.settings: keep, public.log: keep }
protect: { rows: { public.settings: key LIKE 'staging.%' } }";
    let flow = Flow::with(major, "own_rows_pieces", rest).await;
    flow.both(&format!("{SETTINGS}; CREATE TABLE log (id int PRIMARY KEY, note text)")).await;
    flow.source("INSERT INTO settings VALUES ('staging.a', 'prod', 1), ('x', 'prod', 2)").await;
    flow.catch_up().await;
    assert_eq!((staging(&flow).await, shadowed(&flow).await), ("x=prod".to_owned(), "staging.a ".to_owned()));
    // behind so many rows each: the first piece, one between, one that ends the transaction
    for (n, before) in [5_000, 30_000, 50_000, 90_000].into_iter().enumerate() {
        let from = n * 100_000;
        flow.source(&format!(
            "BEGIN; INSERT INTO log SELECT g, 'before' FROM generate_series({from} + 1, {from} + {before}) g;
             UPDATE settings SET value = 'prod {n}' WHERE key IN ('staging.a', 'x');
             INSERT INTO log SELECT g, 'behind' FROM generate_series({from} + {before} + 1, {from} + 95000) g; COMMIT"
        ))
        .await;
        flow.catch_up().await;
        let all = "SELECT count(*) FROM log";
        assert_eq!(number(&flow.t, all).await, number(&flow.s, all).await, "behind {before} rows");
        assert_eq!((staging(&flow).await, shadowed(&flow).await), (format!("x=prod {n}"), "staging.a ".to_owned()));
    }
    assert_eq!(flow.divergences().await, 0);
}

/// A column that only staging has says whose a row is, and its default says it of each that comes.
async fn a_default_decides(major: u32) {
    let rest = "tables: { public.t: keep, public.w: { where: n > 0 } }
protect: { rows: { public.t: owner = 'staging', public.w: owner = 'staging' } }";
    let flow = Flow::with(major, "own_rows_default", rest).await;
    let change = |sql: &str| ["t", "w"].map(|table| sql.replace('@', table)).join("; ");
    flow.both(&change("CREATE TABLE @ (id int PRIMARY KEY, n int)")).await;
    flow.target(&change("ALTER TABLE @ ADD owner text DEFAULT 'staging'; INSERT INTO @ VALUES (-1, 7)")).await;
    let there = async |table: &str| {
        text(&flow.t, &format!("SELECT string_agg(concat_ws(' ', id, n, owner), ', ' ORDER BY id) FROM {table}")).await
    };
    flow.source(&change("INSERT INTO @ VALUES (1, 1), (2, 2)")).await;
    flow.catch_up().await;
    flow.source(&change("UPDATE @ SET n = 9 WHERE id = 1; INSERT INTO @ VALUES (3, 3); DELETE FROM @ WHERE id = 2"))
        .await;
    flow.catch_up().await;
    for table in ["t", "w"] {
        assert_eq!(there(table).await, "-1 7 staging", "{table}");
    }
    assert_eq!(shadowed(&flow).await, "1 , 1 , 3 , 3 ", "each row would be staging's own");
    // it says that they are not: a column is looked at when a start meets its table
    flow.target(&change("ALTER TABLE @ ALTER owner SET DEFAULT 'production'")).await;
    flow.source(&change("INSERT INTO @ VALUES (4, 4); UPDATE @ SET n = 8 WHERE id = 1")).await;
    flow.catch_up().await;
    for table in ["t", "w"] {
        assert_eq!(there(table).await, "-1 7 staging, 1 8 production, 4 4 production", "{table}");
    }
    flow.sluice.ok(&["resync", "--all", "--yes"]).await;
    flow.catch_up().await;
    for table in ["t", "w"] {
        assert_eq!(there(table).await, "-1 7 staging, 1 8 production, 3 3 production, 4 4 production", "{table}");
    }
    assert_eq!(shadowed(&flow).await, "");
    assert_eq!(flow.divergences().await, 0);
}

/// Unique indexes of every kind, and the order in which rows come.
async fn every_index(major: u32) {
    let rest = "tables: { public.u: keep }
protect: { rows: { public.u: own } }";
    let flow = Flow::with(major, "own_rows_indexes", rest).await;
    let table = "CREATE TABLE u (id int PRIMARY KEY, a text, b int, c int, d int, own boolean, e int CONSTRAINT late UNIQUE DEFERRABLE INITIALLY DEFERRED);
         CREATE UNIQUE INDEX lowered ON u (lower(a)); CREATE UNIQUE INDEX partial ON u (b) WHERE c > 0;
         CREATE UNIQUE INDEX nulls ON u (d) NULLS NOT DISTINCT WHERE d IS NULL OR d > 0";
    flow.both(table).await;
    flow.target("INSERT INTO u VALUES (-1, 'Anna', 1, 1, 5, true, 7), (-2, 'Berta', 2, 0, NULL, true, 8)").await;
    let rows = "INSERT INTO u VALUES (ID, 'anna', 10, 1, 10, false, 20), (ID + 1, 'c', 1, 2, 11, false, 21), (ID + 2, 'd', 2, 0, 12, false, 22),
        (ID + 3, 'e', 13, 0, NULL, false, 23), (ID + 4, 'f', 14, 1, 14, true, 24), (ID + 5, 'g', 15, 1, 15, false, 7)";
    flow.source(&rows.replace("ID", "1")).await;
    let want = "1 lowered, 2 partial, 4 nulls, 5 , 6 late";
    flow.catch_up().await;
    assert_eq!(shadowed(&flow).await, want);
    // the same by the stream
    flow.source(&format!("BEGIN; DELETE FROM u; {}; COMMIT", rows.replace("ID", "1"))).await;
    flow.catch_up().await;
    assert_eq!(shadowed(&flow).await, want);
    flow.source(&format!("DELETE FROM u; {}", rows.replace("ID", "11"))).await;
    flow.catch_up().await;
    assert_eq!(shadowed(&flow).await, "11 lowered, 12 partial, 14 nulls, 15 , 16 late");
    let there = text(&flow.t, "SELECT string_agg(id::text, ' ' ORDER BY id) FROM u").await;
    assert_eq!(there, "-2 -1 13");
    // a column that decides is set on production
    flow.source("UPDATE u SET own = true WHERE id = 13").await;
    flow.catch_up().await;
    assert_eq!(text(&flow.t, "SELECT string_agg(id::text, ' ' ORDER BY id) FROM u").await, "-2 -1");
    assert_eq!(flow.divergences().await, 0);
}

/// The record is there with its commit, and not before.
async fn killed_when_one_is_shadowed(major: u32) {
    let rest = "tables: { public.settings: keep }
protect: { rows: { public.settings: key LIKE 'staging.%' } }";
    let flow = Flow::with(major, "own_rows_kill", rest).await;
    flow.both(SETTINGS).await;
    flow.target("INSERT INTO settings VALUES ('staging.a', 'mine', 1)").await;
    flow.source("INSERT INTO settings VALUES ('x', 'prod', 2)").await;
    flow.catch_up().await;
    let ours = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'sluice/own_rows_kill/%'";
    flow.source("UPDATE settings SET place = 1 WHERE key = 'x'").await;
    for place in KILLED {
        let dying = Sluice::between(&flow.db, rest).env("SLUICE_FAILPOINT", place);
        let ended = dying.spawn(&CATCH_UP).wait(LIMIT).await;
        assert_eq!(ended.signal(), Some(9), "at {place}");
        wait_until("its sessions are gone", LIMIT, || async { number(&flow.t, ours).await == 0 }).await;
        assert_eq!(shadowed(&flow).await, "", "nothing of it before its commit, at {place}");
        flow.catch_up().await;
        assert_eq!(shadowed(&flow).await, "x settings_place_key", "at {place}");
        assert_eq!(staging(&flow).await, "staging.a=mine");
    }
}

/// Tables of a life: by a key, by whole rows, by a masked key, of which some rows come.
const TABLES: &str = "
CREATE TABLE a (id int PRIMARY KEY, n int UNIQUE, body text); ALTER TABLE a ALTER body SET STORAGE EXTERNAL;
CREATE TABLE f (id int PRIMARY KEY, n int UNIQUE, body text); ALTER TABLE f REPLICA IDENTITY FULL;
CREATE TABLE m (id text PRIMARY KEY, n int UNIQUE, body text);
CREATE TABLE w (id int PRIMARY KEY, n int UNIQUE, body text)";
const NAMES: [&str; 4] = ["a", "f", "m", "w"];

/// Staging's users write rows of their own while production writes its rows, some of which meet them; everybody is killed.
async fn a_life_beside_them(major: u32) {
    let seed = Seed::or(5);
    let mut rng = seed.rng(u64::from(major));
    let rest = "tables: { \"public.*\": keep, public.m: { columns: { id: hash }, rest: keep }, public.w: { where: n % 1 = 0 } }
protect: { rows: { public.a: n < 0, public.f: n < 0, public.m: n < 0, public.w: n < 0 } }
copy: { chunk_rows: 100, slice: 1s }"
        .replace("n % 1 = 0", "n <> 17 AND n <> 18 AND n <> 19");
    let flow = Flow::with(major, "own_life", &rest).await;
    flow.both(TABLES).await;
    flow.target("CREATE TABLE mine (t text, id text, n int, body text, PRIMARY KEY (t, id))").await;
    for table in NAMES {
        flow.source(&format!("INSERT INTO {table} SELECT g, g - 20, repeat('x', 3000) FROM generate_series(1, 150) g"))
            .await;
    }
    let mut running = flow.sluice.spawn(&["run"]);
    for _ in 0..6 {
        for _ in 0..rng.u32(15..30) {
            flow.source(&production(&mut rng)).await;
            own(&flow, &mut rng).await;
        }
        match rng.u8(..5) {
            0 | 1 => {
                running.kill9();
                running = flow.sluice.spawn(&["run"]);
            }
            2 => drop(flow.sluice.run(&["resync", &format!("public.{}", NAMES[rng.usize(..4)])]).await),
            _ => {}
        }
    }
    wait_until("it runs", LIMIT, || async { running.log().contains("running at=") }).await;
    running.term();
    assert!(running.wait(LIMIT).await.success(), "{}", running.log());
    flow.catch_up().await;
    own_rows_are_as_written(&flow).await;
    assert_eq!(flow.divergences().await, 0, "nobody else wrote staging");
    // whose way became free is due by itself; of the masked key, by a resync
    let mut running = flow.sluice.spawn(&["run"]);
    wait_until("it runs", LIMIT, || async { running.log().contains("running at=") }).await;
    let free = "SELECT count(*) FROM sluice.shadowed s WHERE name <> 'm' AND own IS NOT NULL AND NOT EXISTS (SELECT FROM mine WHERE t = s.name AND id = s.own[1])";
    wait_until("ways are free", LIMIT, || async { number(&flow.t, free).await == 0 }).await;
    running.term();
    assert!(running.wait(LIMIT).await.success(), "{}", running.log());
    flow.sluice.ok(&["resync", "public.m"]).await;
    flow.catch_up().await;
    own_rows_are_as_written(&flow).await;
    let mut kept_away = 0;
    for table in ["a", "f", "w"] {
        // by nothing of sluice's: who of production's rows meets one of staging's own
        let own = text(
            &flow.t,
            &format!(
                "SELECT coalesce(string_agg('(' || id || ',' || n || ')', ','), '(0, 0)') FROM mine WHERE t = '{table}'"
            ),
        )
        .await;
        let some = if table == "w" { "n NOT IN (17, 18, 19)" } else { "true" };
        let come =
            format!("{some} AND n >= 0 AND NOT EXISTS (SELECT FROM (VALUES {own}) o(i, k) WHERE o.i = id OR o.k = n)");
        check::equal(&flow.s, &flow.t, Table::named(table).source_rows(&come).target_rows("n >= 0")).await;
        let away = number(&flow.s, &format!("SELECT count(*) FROM {table} WHERE {some} AND NOT ({come})")).await;
        let records = format!("SELECT count(*) FROM sluice.shadowed WHERE name = '{table}'");
        assert_eq!(number(&flow.t, &records).await, away, "records of {table}");
        kept_away += away;
    }
    let there = number(&flow.s, "SELECT count(*) FROM m WHERE n >= 0").await;
    assert_eq!(number(&flow.t, "SELECT count(*) FROM m WHERE n >= 0").await, there, "no hash is one of staging's ids");
    assert!(kept_away > 10, "{kept_away} rows shadowed");
}

/// A transaction of production's. Values are far apart enough to be free, and near enough to meet.
fn production(rng: &mut fastrand::Rng) -> String {
    let mut sql = "BEGIN; ".to_owned();
    for _ in 0..rng.u32(1..4) {
        let (t, id, n) = (NAMES[rng.usize(..4)], rng.u32(1..220), rng.i32(-20..60) * 5);
        sql += &match rng.u8(..6) {
            0 => format!("INSERT INTO {t} VALUES ({id}, {n}, repeat('y', 2500)) ON CONFLICT DO NOTHING; "),
            1 => format!("DELETE FROM {t} WHERE id = '{id}'; "),
            2 => format!("UPDATE {t} SET body = 'b{n}' WHERE id = '{id}'; "),
            3 => format!("UPDATE {t} SET n = {n} WHERE id = '{id}' AND NOT EXISTS (SELECT FROM {t} WHERE n = {n}); "),
            4 => {
                let to = rng.u32(1..220);
                format!(
                    "UPDATE {t} SET id = '{to}' WHERE id = '{id}' AND NOT EXISTS (SELECT FROM {t} WHERE id = '{to}'); "
                )
            }
            _ if rng.u8(..10) == 0 => {
                format!("TRUNCATE {t}; INSERT INTO {t} SELECT g, g * 5 - 40, 't' FROM generate_series(1, 60) g; ")
            }
            _ => format!("UPDATE {t} SET n = n WHERE id = '{id}'; "),
        };
    }
    sql + "COMMIT"
}

/// Staging's users write a row of their own, if nobody has its key or value: they see what everybody sees.
async fn own(flow: &Flow, rng: &mut fastrand::Rng) {
    let (t, id, n) = (NAMES[rng.usize(..4)], rng.u32(150..220), -i64::from(rng.u32(1..30)) * 5);
    let sql = match rng.u8(..4) {
        0 | 1 => format!(
            "WITH row AS (INSERT INTO {t} VALUES ({id}, {n}, 'mine') ON CONFLICT DO NOTHING RETURNING *)
             INSERT INTO mine SELECT '{t}', * FROM row"
        ),
        2 => format!(
            "WITH row AS (DELETE FROM {t} WHERE id = '{id}' AND n < 0 RETURNING *) DELETE FROM mine USING row WHERE t = '{t}' AND mine.id = row.id::text"
        ),
        _ => format!(
            "WITH row AS (UPDATE {t} SET body = 'mine {n}' WHERE id = '{id}' AND n < 0 RETURNING *)
             UPDATE mine SET body = row.body FROM row WHERE t = '{t}' AND mine.id = row.id::text"
        ),
    };
    flow.target(&sql).await;
}

async fn own_rows_are_as_written(flow: &Flow) {
    for table in NAMES {
        let there = format!("SELECT string_agg(r::text, '; ' ORDER BY r.id::text) FROM {table} r WHERE n < 0");
        let written = format!(
            "SELECT string_agg(r::text, '; ' ORDER BY r.id) FROM (SELECT id, n, body FROM mine WHERE t = '{table}') r"
        );
        assert_eq!(text(&flow.t, &there).await, text(&flow.t, &written).await, "staging's own rows of {table}");
    }
}

/// Told before anything is written.
async fn what_cannot_be_protected(major: u32) {
    let flow = Flow::with(major, "own_rows_not", "tables: { \"public.*\": keep }").await;
    flow.both(
        "CREATE TABLE keyless (a int); CREATE TABLE made (id int PRIMARY KEY, g int GENERATED ALWAYS AS (id + 1) STORED);
         CREATE TABLE good (id int PRIMARY KEY)",
    )
    .await;
    flow.target("INSERT INTO good VALUES (-1), (-2)").await;
    for (own, code, says) in [
        ("public.keyless: a < 0", 5, "public.keyless has protected rows and no key"),
        ("public.made: g < 0", 5, "public.made.g is generated"),
        ("public.good: nobody = 1", 5, "public.good on the target has no column nobody"),
        ("public.good: id = 'one'", 5, "the target cannot decide protect.rows of public.good (SQLSTATE 22P02)"),
        ("public.good: lower(id) = 1", 2, "protect.rows.public.good: "),
    ] {
        let rows = format!("tables: {{ \"public.*\": keep }}\nprotect: {{ rows: {{ {own} }} }}");
        flow.sluice.lay(&flow.db.name, &rows);
        let run = flow.sluice.run(&["run", "--until-caught-up", "--exit-on-stop"]).await;
        assert_eq!(run.code, code, "{own}: {}", run.stderr);
        assert!(run.stderr.contains(says), "{own}: {}", run.stderr);
        let check = flow.sluice.run(&["check"]).await;
        assert!(
            check.code != 0 && (check.stdout.clone() + &check.stderr).contains(says.split(" (").next().unwrap_or(says)),
            "{own}: {} {}",
            check.stdout,
            check.stderr
        );
    }
    assert_eq!(number(&flow.t, "SELECT count(*) FROM good").await, 2, "nothing was written");
    flow.sluice.lay(&flow.db.name, "tables: { public.good: keep }\nprotect: { rows: { public.good: id < 0 } }");
    let check = flow.sluice.run(&["check"]).await;
    assert!(check.stdout.contains("2 of its rows are staging's own now"), "{}", check.stdout);
    let plan = flow.sluice.ok(&["plan"]).await.stdout;
    assert!(plan.contains("PROTECTED ROWS") && plan.contains("public.good   (\"id\" < 0)"), "{plan}");
}
