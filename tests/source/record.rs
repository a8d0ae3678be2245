//! Records what a real server sends, for the tests of the parser and the seeds of its fuzzing. Run by hand, when a new
//! major comes: `SLUICE_RECORD=1 cargo test -p replicator --test it record`, then look at the difference.

use std::fmt::Write;
use std::path::Path;

use super::seeds;
use crate::servers::Cluster;

/// Name, what happens before the slot is made, what happens after.
const SCENES: &[(&str, &str, &[&str])] = &[
    (
        "identity",
        "CREATE TABLE t (id int PRIMARY KEY, x text, y int);
         CREATE TABLE f (id int PRIMARY KEY, x text); ALTER TABLE f REPLICA IDENTITY FULL;
         CREATE TABLE i (x text, code text NOT NULL UNIQUE); ALTER TABLE i REPLICA IDENTITY USING INDEX i_code_key;
         CREATE TABLE n (x text); ALTER TABLE n REPLICA IDENTITY NOTHING;",
        &[
            "BEGIN; INSERT INTO t VALUES (1, 'one', NULL), (2, NULL, NULL); UPDATE t SET x = 'eins' WHERE id = 1;
             UPDATE t SET id = 3 WHERE id = 1; DELETE FROM t WHERE id = 3; COMMIT",
            "BEGIN; INSERT INTO f VALUES (1, NULL); UPDATE f SET x = 'one'; UPDATE f SET id = 2; DELETE FROM f; COMMIT",
            "BEGIN; INSERT INTO i VALUES ('a', 'k'); UPDATE i SET x = 'b'; UPDATE i SET code = 'kk'; DELETE FROM i; COMMIT",
            "INSERT INTO n VALUES ('')",
        ],
    ),
    (
        "toast",
        "CREATE TABLE t (id int PRIMARY KEY, big text, x int); ALTER TABLE t ALTER big SET STORAGE EXTERNAL;
         CREATE TABLE f (id int PRIMARY KEY, big text, x int); ALTER TABLE f ALTER big SET STORAGE EXTERNAL;
         ALTER TABLE f REPLICA IDENTITY FULL;",
        &[
            "INSERT INTO t VALUES (1, repeat('v', 2100), 1)",
            "UPDATE t SET x = 2",
            "INSERT INTO f VALUES (1, repeat('v', 2100), 1)",
            "UPDATE f SET x = 2",
        ],
    ),
    (
        "shape",
        "CREATE TABLE t (id int PRIMARY KEY, x varchar(10)); CREATE TABLE none ();
         CREATE TABLE g (id int PRIMARY KEY, double int GENERATED ALWAYS AS (id * 2) STORED);",
        &[
            "INSERT INTO t VALUES (1, 'one')",
            "BEGIN; ALTER TABLE t ADD y numeric(8, 2); INSERT INTO t VALUES (2, 'two', 2.50); COMMIT",
            "BEGIN; ALTER TABLE t DROP x; INSERT INTO t VALUES (3, 3); COMMIT",
            "ALTER TABLE t RENAME TO \"Tä \"\"x\"\"\"",
            "INSERT INTO \"Tä \"\"x\"\"\" VALUES (4)",
            "INSERT INTO none DEFAULT VALUES",
            "INSERT INTO g VALUES (1)",
        ],
    ),
    (
        "truncate",
        "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY REFERENCES a);",
        &["TRUNCATE a, b", "TRUNCATE a RESTART IDENTITY CASCADE"],
    ),
    (
        "types",
        "CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE TYPE pair AS (a int, b text);
         CREATE DOMAIN short AS varchar(5);
         CREATE TABLE t (id int PRIMARY KEY, m mood, p pair, s short, l mood[], j jsonb, b bytea, r int4range);",
        &[r#"INSERT INTO t VALUES (1, 'happy', '(1,two)', 'abc', '{sad,happy}', '{"a": 1}', '\x00ff', '[1,5)')"#],
    ),
    (
        "origin",
        "CREATE TABLE t (id int PRIMARY KEY); SELECT pg_replication_origin_create('elsewhere');
         SELECT pg_replication_origin_session_setup('elsewhere');",
        &["BEGIN; SELECT pg_replication_origin_xact_setup('1/2', now()); INSERT INTO t VALUES (1); COMMIT"],
    ),
    (
        "logical",
        "CREATE TABLE t (id int PRIMARY KEY);",
        &[
            "SELECT pg_logical_emit_message(false, 'prefix', 'alone')",
            "BEGIN; INSERT INTO t VALUES (1); SELECT pg_logical_emit_message(true, 'prefix', 'inside'); COMMIT",
        ],
    ),
];

const CHANGES: &str = "SELECT data FROM pg_logical_slot_get_binary_changes('golden', NULL, NULL, \
    'proto_version', '1', 'publication_names', 'p', 'messages', 'true')";

async fn record(major: u32) {
    let cluster = Cluster::start(major);
    let admin = cluster.client("postgres").await;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let golden = root.join(format!("src/source/golden/{major}"));
    std::fs::create_dir_all(&golden).unwrap();
    for (name, before, after) in SCENES {
        admin.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        let db = cluster.client(name).await;
        db.batch_execute(before).await.unwrap();
        let publication = "CREATE PUBLICATION p FOR ALL TABLES";
        let slot = "SELECT pg_create_logical_replication_slot('golden', 'pgoutput')";
        for statements in [publication, slot].iter().chain(*after) {
            db.batch_execute(statements).await.unwrap();
        }
        let mut lines = String::new();
        let mut messages = Vec::new();
        for (i, row) in db.query(CHANGES, &[]).await.unwrap().iter().enumerate() {
            let data: &[u8] = row.get(0);
            data.iter().for_each(|byte| write!(lines, "{byte:02x}").unwrap());
            lines.push('\n');
            if major == 18 {
                std::fs::write(seeds::corpus("pgoutput").join(format!("{name}-{i:02}")), data).unwrap();
            }
            messages.push(data.to_vec());
        }
        std::fs::write(golden.join(format!("{name}.hex")), lines).unwrap();
        seeds::stream(&format!("{name}-{major}"), &messages);
        db.batch_execute("SELECT pg_drop_replication_slot('golden')").await.unwrap();
    }
    if major == 18 {
        seeds::masks(&cluster).await;
        seeds::backend(&cluster);
    }
}

/// Does nothing unless asked to, as it writes files of the repository.
#[tokio::test]
async fn record_the_goldens() {
    if std::env::var_os("SLUICE_RECORD").is_none() {
        return;
    }
    for major in crate::servers::MAJORS {
        record(major).await;
    }
}
