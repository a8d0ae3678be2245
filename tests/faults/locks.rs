//! The target's table of locks has less room than a batch over many tables wants.

use super::world::{number, run};
use crate::servers::Cluster;
use crate::sluice::Sluice;

majors!(a_batch_takes_more_than_there_are);

const TABLES: usize = 200;

/// Somebody has taken all but three hundred.
const FULL: &str = "DO $$ DECLARE i int := 0; BEGIN
  LOOP BEGIN PERFORM pg_advisory_lock(i); i := i + 1; EXCEPTION WHEN out_of_memory THEN EXIT; END; END LOOP;
  PERFORM pg_advisory_unlock(g) FROM generate_series(0, 299) g; END $$";

/// The batch is cut until its locks fit: its transactions are production's own, of a table each.
async fn a_batch_takes_more_than_there_are(major: u32) {
    let (source, target) = (Cluster::start(major), Cluster::start(major));
    let yaml = "tables: { \"public.*\": keep }";
    let sluice = Sluice::over("locks", &source.url("postgres"), &target.url("postgres"), yaml);
    let (s, t) = (source.client("postgres").await, target.client("postgres").await);
    for side in [&s, &t] {
        run(side, &each("CREATE TABLE t%s (id int PRIMARY KEY, n int); CREATE INDEX ON t%1$s (n)")).await;
    }
    run(&s, &each("INSERT INTO t%s VALUES (1, 1)")).await;
    sluice.ok(&["run", "--until-caught-up"]).await;
    let taker = target.client("postgres").await;
    run(&taker, FULL).await;
    run(&s, &each("UPDATE t%s SET n = 2")).await;
    let said = sluice.ok(&["run", "--until-caught-up"]).await.stderr;
    assert!(said.contains("trying a smaller batch") && said.contains("53200"), "{said}");
    drop(taker);
    for table in 1..=TABLES {
        assert_eq!(number(&t, &format!("SELECT n::bigint FROM t{table}")).await, 2, "t{table}");
    }
    assert_eq!(number(&t, "SELECT sum(divergences)::bigint FROM sluice.tables").await, 0);
}

/// A statement for each table, in a transaction of its own.
fn each(statement: &str) -> String {
    format!("DO $do$ BEGIN FOR t IN 1..{TABLES} LOOP EXECUTE format($f${statement}$f$, t); COMMIT; END LOOP; END $do$")
}
