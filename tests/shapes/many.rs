//! Small tables by the thousand: two thousand in two hundred schemas in the long versions of tests, six hundred else.

use std::time::{Duration, Instant};

use super::flow::{CATCH_UP, Flow, number};
use crate::servers::wait_until;

majors!(tables_by_the_thousand);

const LIMIT: Duration = Duration::from_secs(900);
const TABLES: u32 = 10;

/// A few globs: eight tables of each schema as they are, one masked, so that tables are tried out too, one stays away.
const RULES: &str = r#"tables:
  "tenant_*.plain_*": keep
  "tenant_*.noted_*": { columns: { note: hash } }
  "tenant_*.away_*": exclude
"#;

/// More than fit into one slice, also where time is short.
fn schemas() -> i64 {
    if std::env::var_os("SLUICE_SOAK").is_some() { 200 } else { 60 }
}

/// A DO block: a statement for each table, by its schema and name, in one transaction.
fn each(statement: &str) -> String {
    let schemas = schemas();
    format!(
        "DO $do$ BEGIN FOR s IN 0..{schemas} - 1 LOOP FOR t IN 0..{TABLES} - 1 LOOP EXECUTE pg_catalog.format($f${statement}$f$, 'tenant_' || s,
         CASE WHEN t < 8 THEN 'plain_' WHEN t < 9 THEN 'noted_' ELSE 'away_' END || t); END LOOP; END LOOP; END $do$"
    )
}

/// What every table that is replicated holds, by name; of masked ones without what is masked.
const CONTENT: &str = r"SELECT n.nspname || '.' || c.relname, pg_catalog.query_to_xml(pg_catalog.format(
      CASE WHEN c.relname LIKE 'noted%' THEN 'SELECT id, n FROM %I.%I ORDER BY id' ELSE 'SELECT id, n, note FROM %I.%I ORDER BY id' END,
      n.nspname, c.relname), true, false, '')::text
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname LIKE 'tenant\_%' AND c.relkind = 'r' AND c.relname NOT LIKE 'away%' ORDER BY 1";

/// Locks on production that the sessions of a copy hold.
const LOCKS: &str = "SELECT count(*) FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a USING (pid)
    WHERE a.datname = pg_catalog.current_database() AND a.application_name ~ '^sluice/.*/(export|copy)$'";

async fn equal(flow: &Flow) {
    let mut sides = Vec::new();
    for client in [&flow.s, &flow.t] {
        let rows = client.query(CONTENT, &[]).await.expect("all of it");
        sides.push(rows.iter().map(|r| (r.get(0), r.get(1))).collect::<Vec<(String, String)>>());
    }
    assert_eq!(i64::try_from(sides[0].len()), Ok(schemas() * 9));
    for (there, here) in sides[0].iter().zip(&sides[1]) {
        assert_eq!(there, here);
    }
    let away = "SELECT count(*) FROM tenant_0.away_9";
    assert_eq!((number(&flow.s, away).await, number(&flow.t, away).await), (3, 0));
    assert_eq!(flow.divergences().await, 0);
}

async fn tables_by_the_thousand(major: u32) {
    let flow = Flow::with(major, "many", RULES).await;
    let schemas = format!(
        "DO $$ BEGIN FOR s IN 0..{} - 1 LOOP EXECUTE 'CREATE SCHEMA tenant_' || s; END LOOP; END $$",
        schemas()
    );
    let began = Instant::now();
    flow.both(&schemas).await;
    flow.both(&each("CREATE TABLE %I.%I (id int PRIMARY KEY, note varchar(80), n int)")).await;
    flow.source(&each("INSERT INTO %I.%I SELECT g, 'note ' || g, g FROM generate_series(1, 3) g")).await;
    eprintln!("{major}: made in {:.1} s", began.elapsed().as_secs_f64());
    for verb in ["check", "plan"] {
        let began = Instant::now();
        let said = flow.sluice.run(&[verb]).await;
        assert_eq!(said.code, 0, "{said:?}");
        told(major, verb, began, &said.stdout);
    }
    let began = Instant::now();
    let mut copying = flow.sluice.spawn(&CATCH_UP);
    let mut locks = 0;
    while copying.ended().is_none() {
        assert!(began.elapsed() < LIMIT, "{}", copying.log());
        locks = locks.max(number(&flow.s, LOCKS).await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(copying.wait(LIMIT).await.success(), "{}", copying.log());
    told(major, "the copy", began, &copying.log());
    eprintln!("{major}: {locks} locks on production");
    // by default a server has room for some 7,000, and its own statements fail where there is none
    assert!((100..1150).contains(&locks), "{locks} locks on production");
    equal(&flow).await;

    // one transaction over all of them, one more for each of some, and a table that comes late
    let began = Instant::now();
    let mut running = flow.sluice.spawn(&["run"]);
    flow.source(&each("UPDATE %I.%I SET n = n + 10 WHERE id < 3")).await;
    flow.source(&each("INSERT INTO %I.%I VALUES (4, 'new', 4); DELETE FROM %1$I.%2$I WHERE id = 1")).await;
    flow.source("INSERT INTO tenant_59.plain_0 VALUES (99, 'the last', 1)").await;
    let last = "SELECT count(*) FROM tenant_59.plain_0 WHERE id = 99";
    wait_until("it streams", LIMIT, || async { number(&flow.t, last).await == 1 }).await;
    told(major, "start and stream", began, &running.log());
    let again = Instant::now();
    flow.source(&each("UPDATE %I.%I SET n = n + 10 WHERE id = 2")).await;
    flow.source("DELETE FROM tenant_59.plain_0 WHERE id = 99").await;
    wait_until("it streams", LIMIT, || async { number(&flow.t, last).await == 0 }).await;
    told(major, "stream", again, &running.log());
    eprintln!("{major}: {} kB", running.peak_kb().unwrap_or_default());
    equal(&flow).await;
    let began = Instant::now();
    let said = flow.sluice.ok(&["status"]).await;
    told(major, "status", began, &said.stdout);
    running.term();
    assert!(running.wait(LIMIT).await.success());
}

/// What it took, for whoever reads along (`--nocapture`): what is slow here is slow by the table.
fn told(major: u32, what: &str, began: Instant, said: &str) {
    eprintln!("{major}: {what} {:.1} s, {} lines", began.elapsed().as_secs_f64(), said.lines().count());
}
