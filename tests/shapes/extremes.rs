//! What PostgreSQL just allows: 1,600 columns, none at all, names of any characters, keys of 32 columns.

use super::flow::{Flow, number};
use crate::check;

majors!(sixteen_hundred_columns, sixteen_hundred_columns_without_a_key, no_column, any_name, a_key_of_32_columns);

/// `c1 … cN`, each written by `one`.
fn columns(upto: usize, one: impl Fn(usize) -> String) -> String {
    (1..=upto).map(one).collect::<Vec<_>>().join(", ")
}

/// The most that a table can have. Long numbers, so that the texts of a row are wider than a page.
async fn sixteen_hundred_columns(major: u32) {
    let flow = Flow::new(major, "columns_1600").await;
    flow.both(&format!("CREATE TABLE wide (id int PRIMARY KEY, {})", columns(1599, |n| format!("c{n} int")))).await;
    let row = |id: &str| format!("SELECT {id}, {}", columns(1599, |n| format!("2000000000 + {n}")));
    flow.source(&format!("INSERT INTO wide {} FROM generate_series(1, 40) g", row("g"))).await;
    // a part of it is there, and wrong: the copy compares row by row
    flow.target(&format!("INSERT INTO wide {} FROM generate_series(20, 50) g; UPDATE wide SET c800 = 0", row("g")))
        .await;
    flow.equal().await;
    flow.source(&format!("INSERT INTO wide {}; INSERT INTO wide (id, c1599) VALUES (101, 7)", row("100"))).await;
    flow.source("UPDATE wide SET c1 = 1, c1599 = NULL WHERE id < 5; UPDATE wide SET id = 200, c77 = 9 WHERE id = 7; DELETE FROM wide WHERE id = 9").await;
    flow.source(&format!("UPDATE wide SET {} WHERE id IN (11, 12)", columns(1599, |n| format!("c{n} = -{n}")))).await;
    flow.equal().await;
}

/// Each row is known by all of them.
async fn sixteen_hundred_columns_without_a_key(major: u32) {
    let flow = Flow::new(major, "columns_1600_full").await;
    flow.both(&format!(
        "CREATE TABLE wide ({}); ALTER TABLE wide REPLICA IDENTITY FULL",
        columns(1600, |n| format!("c{n} int"))
    ))
    .await;
    flow.source(&format!(
        "INSERT INTO wide SELECT g, {} FROM generate_series(1, 4) g, generate_series(1, 2)",
        columns(1599, |n| format!("2000000000 + {n}"))
    ))
    .await;
    flow.equal().await;
    flow.source("UPDATE wide SET c1600 = 1 WHERE c1 = 1; DELETE FROM wide WHERE ctid = (SELECT min(ctid) FROM wide WHERE c1 = 2)").await;
    flow.equal().await;
}

/// Such a table has nothing to copy: it is said, and nothing else suffers.
async fn no_column(major: u32) {
    let flow = Flow::new(major, "no_column").await;
    flow.both("CREATE TABLE nothing (); CREATE TABLE other (id int PRIMARY KEY)").await;
    flow.source("INSERT INTO nothing DEFAULT VALUES; INSERT INTO other VALUES (1)").await;
    let said = flow.catch_up().await;
    assert!(said.stderr.contains("public.nothing: none of its columns is copied"), "{}", said.stderr);
    flow.source("INSERT INTO nothing DEFAULT VALUES; INSERT INTO other VALUES (2); TRUNCATE nothing").await;
    flow.catch_up().await;
    check::equal(&flow.s, &flow.t, "other").await;
    assert_eq!(number(&flow.t, "SELECT count(*) FROM nothing").await, 0);
    // all of them generated, or dropped: nothing is left either
    flow.both("CREATE TABLE shell (gone int); ALTER TABLE shell DROP COLUMN gone").await;
    flow.source("INSERT INTO shell DEFAULT VALUES; INSERT INTO other VALUES (3)").await;
    flow.catch_up().await;
    check::equal(&flow.s, &flow.t, "other").await;
}

/// 63 bytes, quotes, dots, line breaks, tabs, backslashes, in schemas, tables, columns, keys, types and publications.
async fn any_name(major: u32) {
    let flow = Flow::with(major, "any_name", "tables: { \"*.*\": keep }\ncopy: { chunk_rows: 100 }").await;
    let long = |c: char| c.to_string().repeat(63);
    let schema = "a.b\n\t\"\"c\\ 'x'";
    let tables = [
        format!("\"{schema}\".\"t\n{{}},\t\"\"%s\"\"\""),
        format!("\"{schema}\".\"{}\"", long('t')),
        "\"null\".\"a.b\"".to_owned(),
    ];
    let odd = [
        "\"k\ne\ty\"",
        "\"k.2\"\"\\\"",
        "\"v\t\n\"",
        "\"[1]\"",
        "\"null\"",
        &format!("\"{}\"", long('v')),
        "\"äääääääääääääääääääääääääääääää\"",
        "\"--\"",
        "\"/*\"",
        "\"$1\"",
        "\" \"",
    ];
    let mood = format!("\"{schema}\".\"m\no\"\"d\"");
    flow.both(&format!("CREATE SCHEMA \"{schema}\"; CREATE SCHEMA \"null\"; CREATE TYPE {mood} AS ENUM ('a', 'b')"))
        .await;
    for table in &tables {
        let columns = odd.map(|c| format!("{c} int")).join(", ");
        let key = format!("PRIMARY KEY ({}, {}), UNIQUE ({})", odd[1], odd[0], odd[2]);
        flow.both(&format!("CREATE TABLE {table} ({columns}, mood {mood}, {key})")).await;
    }
    for table in &tables {
        flow.source(&format!(
            "INSERT INTO {table} SELECT {}, 'a' FROM generate_series(1, 250) g",
            odd.map(|_| "g").join(", ")
        ))
        .await;
        flow.target(&format!(
            "INSERT INTO {table} SELECT {}, 'b' FROM generate_series(200, 300) g",
            odd.map(|_| "g").join(", ")
        ))
        .await;
    }
    flow.catch_up().await;
    for table in &tables {
        flow.source(&format!("UPDATE {table} SET {} = -1, mood = 'b' WHERE {} = 7; UPDATE {table} SET {} = 1000 WHERE {} = 8; DELETE FROM {table} WHERE {} = 9; INSERT INTO {table} ({}, {}) VALUES (9, 0)", odd[2], odd[0], odd[1], odd[0], odd[0], odd[0], odd[1])).await;
        flow.target(&format!("DELETE FROM {table} WHERE {} = 11", odd[0])).await;
        flow.source(&format!("UPDATE {table} SET {} = 0 WHERE {} = 11", odd[5], odd[0])).await;
    }
    flow.catch_up().await;
    for table in &tables {
        check::equal(&flow.s, &flow.t, table.as_str()).await;
    }
    assert_eq!(flow.divergences().await, 3, "one row of each was edited");
    // out of the publication and in again: what was written between is not in the stream
    for table in &tables {
        flow.source(&format!("ALTER PUBLICATION sluice_any_name DROP TABLE {table}; UPDATE {table} SET mood = NULL; ALTER PUBLICATION sluice_any_name ADD TABLE {table}")).await;
    }
    flow.catch_up().await;
    for table in &tables {
        check::equal(&flow.s, &flow.t, table.as_str()).await;
    }
    // and through the lock, and what the other verbs print
    flow.sluice.ok(&["init", "--lock"]).await;
    flow.source(&format!("INSERT INTO {} ({}, {}) VALUES (-9, 0)", tables[0], odd[0], odd[1])).await;
    let said = flow.catch_up().await;
    assert!(!said.stderr.contains("sluice.lock"), "the lock says all of it: {}", said.stderr);
    check::equal(&flow.s, &flow.t, tables[0].as_str()).await;
    flow.sluice.ok(&["plan"]).await;
    flow.sluice.ok(&["status"]).await;
}

/// An index has no more columns than that.
async fn a_key_of_32_columns(major: u32) {
    let flow = Flow::with(major, "key_of_32", "tables: { \"public.*\": keep }\ncopy: { chunk_rows: 100 }").await;
    let key = columns(32, |n| format!("k{n}"));
    flow.both(&format!("CREATE TABLE t ({}, v text, PRIMARY KEY ({key}))", columns(32, |n| format!("k{n} int")))).await;
    flow.source(&format!(
        "INSERT INTO t SELECT {}, 'v' FROM generate_series(1, 350) g",
        columns(32, |n| format!("g % {n}0"))
    ))
    .await;
    flow.target(&format!(
        "INSERT INTO t SELECT {}, 'old' FROM generate_series(300, 400) g",
        columns(32, |n| format!("g % {n}0"))
    ))
    .await;
    flow.equal().await;
    flow.source("UPDATE t SET v = 'w' WHERE k32 < 50; UPDATE t SET k32 = k32 + 1000 WHERE k31 < 9; DELETE FROM t WHERE k30 = 77; UPDATE t SET k1 = 77, k17 = -1 WHERE k29 = 100").await;
    flow.equal().await;
    // one key pending of many
    flow.target("DELETE FROM t WHERE k32 = 60").await;
    flow.source("UPDATE t SET v = 'x'").await;
    flow.catch_up().await;
    check::equal(&flow.s, &flow.t, "t").await;
    assert_eq!(flow.divergences().await, number(&flow.s, "SELECT count(*) FROM t WHERE k32 = 60").await);
}
