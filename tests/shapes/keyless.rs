//! A table that has no key gets one, one that had a key loses it, and one without comes later: it moves between the two
//! publications, and production's own statements work.

use super::flow::{Flow, number};
use crate::check;

majors!(one_without_a_key_comes_later, one_gets_a_key);

/// The second publication is younger than the slot then: what was written before it was made must not need it.
async fn one_without_a_key_comes_later(major: u32) {
    let flow = Flow::new(major, "keyless_later").await;
    flow.both("CREATE TABLE t (id int PRIMARY KEY, v int)").await;
    flow.source("INSERT INTO t SELECT g, g FROM generate_series(1, 10) g").await;
    flow.equal().await;
    flow.source("UPDATE t SET v = 0 WHERE id = 1").await;
    flow.both("CREATE TABLE late (v int)").await;
    flow.source("UPDATE t SET v = 0 WHERE id = 2; INSERT INTO late VALUES (1)").await;
    flow.equal().await;
    flow.source("UPDATE t SET v = 0 WHERE id = 3; INSERT INTO late VALUES (2); UPDATE late SET v = 3").await;
    flow.catch_up().await;
    check::equal(&flow.s, &flow.t, "t").await;
    assert_eq!(number(&flow.t, "SELECT sum(v) FROM late").await, 3, "inserts come, updates do not");
}

async fn one_gets_a_key(major: u32) {
    let flow = Flow::new(major, "keyless_gets").await;
    flow.both("CREATE TABLE t (id int PRIMARY KEY, v int); CREATE TABLE late (id int, v int)").await;
    flow.source("INSERT INTO late VALUES (1, 1), (2, 2); UPDATE late SET v = 3").await;
    flow.equal().await;
    flow.both("ALTER TABLE late ADD PRIMARY KEY (id)").await;
    flow.source("UPDATE late SET v = 4; INSERT INTO t VALUES (1, 1)").await;
    flow.equal().await;
    flow.source("UPDATE late SET v = 5; DELETE FROM late WHERE id = 1").await;
    flow.equal().await;
}
