//! What is staging's own may be a part of a table that is written, or the other way round: then the table is not written.

use crate::shapes::{Flow, flow::number};
use crate::sluice::Sluice;

majors!(a_partition_of_what_is_written, what_is_written_is_a_partition, rows_of_a_partition, structure_is_written_too);

/// Staging's. Two levels: `q` is a partition, and has one.
const TABLES: &str = "CREATE TABLE p (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
    CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (100);
    CREATE TABLE q PARTITION OF p FOR VALUES FROM (100) TO (200) PARTITION BY RANGE (id);
    CREATE TABLE q1 PARTITION OF q DEFAULT; CREATE TABLE plain (id int PRIMARY KEY)";

/// `run`, `check` and `plan` refuse the table by its key and say what it shares rows with; staging's rows are what they were.
async fn refused(major: u32, name: &str, rules: &str, key: &str, with: &str) {
    let flow = Flow::with(major, name, rules).await;
    flow.target(TABLES).await;
    // what is one table on staging may be two on production
    let apart = "CREATE TABLE p (id int PRIMARY KEY, v text); CREATE TABLE q1 (LIKE p INCLUDING ALL); CREATE TABLE plain (id int PRIMARY KEY)";
    flow.source(if rules.contains("public.q1: keep") { apart } else { TABLES }).await;
    flow.source("INSERT INTO p SELECT g, 'production' FROM generate_series(1, 150) g; INSERT INTO plain VALUES (1)")
        .await;
    flow.target("INSERT INTO p VALUES (1, 'own'), (101, 'own')").await;
    for verb in [&["run", "--until-caught-up"][..], &["check"], &["plan"]] {
        let done = flow.sluice.run(verb).await;
        let said = format!("{}{}", done.stdout, done.stderr);
        assert_ne!(done.code, 0, "{said}");
        assert!(said.contains(key), "{verb:?} {said}");
        assert!(said.contains(&format!("it shares rows with {with}")), "{verb:?} {said}");
        let rows = "SELECT count(*) FROM p WHERE v = 'own'";
        assert_eq!(number(&flow.t, rows).await, 2, "{verb:?} {said}");
    }
    // without what is protected it goes on
    let free = Sluice::between(&flow.db, "tables: { public.p: keep, public.plain: keep }");
    free.ok(&["run", "--until-caught-up"]).await;
    assert_eq!(number(&flow.t, "SELECT count(*) FROM p WHERE v = 'own'").await, 0, "they were production's to write");
}

async fn a_partition_of_what_is_written(major: u32) {
    let rules = "tables: { public.p: keep, public.plain: keep }\nprotect: { tables: [public.q1] }";
    refused(major, "partition_own", rules, "tables.public.p", "public.q1").await;
}

async fn what_is_written_is_a_partition(major: u32) {
    let rules = "tables: { public.q1: keep, public.plain: keep }\nprotect: { tables: [public.p] }";
    refused(major, "partition_written", rules, "tables.public.q1", "public.p").await;
}

async fn rows_of_a_partition(major: u32) {
    let rules = "tables: { public.p: keep, public.q1: keep }\nprotect: { rows: { public.q1: \"v = 'own'\" } }";
    refused(major, "partition_rows", rules, "tables.public.p", "public.q1").await;
}

async fn structure_is_written_too(major: u32) {
    let rules = "tables: { public.p: structure, public.plain: keep }\nprotect: { tables: [public.p1] }";
    refused(major, "partition_structure", rules, "tables.public.p", "public.p1").await;
}
