//! Rows that staging refuses, at random: whatever production does with them, whoever is killed, whatever is tried again,
//! staging is as production but for what a record names.

use std::time::Duration;

use crate::check::{self, Table};
use crate::seed::Seed;
use crate::servers::wait_until;
use crate::shapes::Flow;
use crate::shapes::flow::{number, text};

majors!(a_life_with_rows_aside);

const LIMIT: Duration = Duration::from_secs(90);

/// By a key, by whole rows, by a masked key; a body that is not sent again.
const TABLES: &str = "
CREATE TABLE a (id int PRIMARY KEY, n int, body text); ALTER TABLE a ALTER body SET STORAGE EXTERNAL;
CREATE TABLE f (id int PRIMARY KEY, n int, body text); ALTER TABLE f REPLICA IDENTITY FULL;
CREATE TABLE m (id text PRIMARY KEY, n int, body text)";

async fn a_life_with_rows_aside(major: u32) {
    let seed = Seed::or(11);
    let mut rng = seed.rng(u64::from(major));
    let rest = "tables: { \"public.*\": keep, public.m: { columns: { id: hash }, rest: keep } }
apply: { on_error: quarantine, max_quarantined: 1000 }
copy: { chunk_rows: 100 }";
    let flow = Flow::with(major, "aside_life", rest).await;
    flow.both(TABLES).await;
    for table in ["a", "f", "m"] {
        flow.source(&format!("INSERT INTO {table} SELECT g, g - 10, repeat('x', 3000) FROM generate_series(1, 150) g"))
            .await;
        flow.target(&format!("ALTER TABLE {table} ADD CONSTRAINT positive CHECK (n > 0)")).await;
    }
    flow.catch_up().await;
    let mut running = flow.sluice.spawn(&["run"]);
    for _ in 0..6 {
        for _ in 0..rng.u32(20..40) {
            flow.source(&transaction(&mut rng)).await;
        }
        match rng.u8(..6) {
            0 | 1 => {
                running.kill9();
                running = flow.sluice.spawn(&["run"]);
            }
            2 => drop(flow.sluice.ok(&["resync", ["a", "f", "m"][rng.usize(..3)]]).await),
            3 => drop(flow.sluice.ok(&["quarantine", "retry", "--all"]).await),
            4 => drop(flow.sluice.ok(&["quarantine", "retry", "--table", ["a", "f", "m"][rng.usize(..3)]]).await),
            _ => {}
        }
    }
    let streams = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sluice/aside_life/apply'";
    wait_until("it streams", LIMIT, || async { number(&flow.t, streams).await == 1 }).await;
    running.term();
    assert!(running.wait(LIMIT).await.success());
    flow.catch_up().await;
    let mut aside = 0;
    for table in ["a", "f"] {
        let keys =
            format!("SELECT coalesce(string_agg(key[1], ', '), '0') FROM sluice.quarantine WHERE name = '{table}'");
        let keys = text(&flow.t, &keys).await;
        let others = format!("id NOT IN ({keys})");
        check::equal(&flow.s, &flow.t, Table::named(table).source_rows(&others).target_rows(&others)).await;
        let named = format!("SELECT count(*) FROM {table} WHERE n <= 0 AND {others}");
        assert_eq!(number(&flow.s, &named).await, 0, "refused, and no record names it");
        // each once, and none that production has no more
        let there = number(&flow.s, &format!("SELECT count(*) FROM {table} WHERE id IN ({keys})")).await;
        let records = format!("SELECT count(*) FROM sluice.quarantine WHERE name = '{table}'");
        assert_eq!(number(&flow.t, &records).await, there, "of {keys} of {table} production has");
        aside += there;
    }
    assert!(aside > 3, "{aside} rows aside");
    assert_eq!(flow.divergences().await, 0, "nobody else wrote staging");
    for table in ["a", "f", "m"] {
        flow.target(&format!("ALTER TABLE {table} DROP CONSTRAINT positive")).await;
    }
    flow.sluice.ok(&["quarantine", "retry", "--all"]).await;
    flow.catch_up().await;
    check::equal(&flow.s, &flow.t, "a").await;
    check::equal(&flow.s, &flow.t, "f").await;
    check::equal(&flow.s, &flow.t, Table::named("m").without(&["id"])).await;
    assert_eq!(number(&flow.t, "SELECT count(*) FROM sluice.quarantine").await, 0);
    assert_eq!(flow.divergences().await, 0, "nobody else wrote staging");
}

fn transaction(rng: &mut fastrand::Rng) -> String {
    let statements: Vec<String> = (0..rng.u32(1..5)).map(|_| statement(rng)).collect();
    format!("BEGIN; {}; {}", statements.join("; "), if rng.u8(..10) == 0 { "ROLLBACK" } else { "COMMIT" })
}

fn statement(rng: &mut fastrand::Rng) -> String {
    let table = ["a", "f", "m"][rng.usize(..3)];
    let (i, j, n) = (rng.u32(1..60), rng.u32(1..60), rng.i32(-3..9));
    let body = format!("repeat(md5('{}'), 90)", rng.u32(..));
    match rng.u8(..40) {
        0..=9 => format!("INSERT INTO {table} VALUES ('{i}', {n}, {body}) ON CONFLICT DO NOTHING"),
        10..=17 => format!("UPDATE {table} SET n = {n} WHERE id = '{i}'"),
        18..=21 => format!("UPDATE {table} SET body = {body} WHERE id = '{i}'"),
        22..=28 => format!(
            "UPDATE {table} SET id = '{j}', n = {n} WHERE id = '{i}' AND NOT EXISTS (SELECT FROM {table} WHERE id = '{j}')"
        ),
        29..=37 => format!("DELETE FROM {table} WHERE id = '{i}'"),
        38 => format!("UPDATE {table} SET n = n - 1 WHERE n > 5"),
        39 if rng.bool() => format!("UPDATE {table} SET n = 7, body = {body} WHERE id = '{i}'"),
        _ => format!("TRUNCATE {table}; INSERT INTO {table} SELECT g, g % 7, {body} FROM generate_series(1, 40) g"),
    }
}
