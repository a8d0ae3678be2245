//! COPY in both directions, its errors without values.

use wire::Error;

use crate::world::{World, chain};

majors!(out_and_in, an_error_shows_no_value, an_error_in_the_middle_of_much, given_up, not_a_copy, out_that_fails_late);

async fn out_and_in(major: u32) {
    let world = World::of(major);
    let (mut from, mut to) = (world.session().await, world.session().await);
    to.simple("CREATE TEMP TABLE t (a int, b text)").await.unwrap();
    let rows = "SELECT i, CASE WHEN i % 7 > 0 THEN repeat('x', i % 100) END FROM generate_series(1, 200000) i";
    from.copy_out(&format!("COPY ({rows}) TO STDOUT")).await.unwrap();
    assert!(matches!(from.simple("SELECT 1").await, Err(Error::Protocol(_))), "not in the middle of a COPY");
    to.copy_in("COPY t FROM STDIN").await.unwrap();
    let (mut bytes, mut chunks) = (0, 0);
    while let Some(data) = from.copy_data().await.unwrap() {
        assert!(data.ends_with(b"\n"), "whole rows");
        to.copy_send(&data).await.unwrap();
        bytes += data.len();
        chunks += 1;
    }
    assert_eq!(to.copy_end().await.unwrap(), 200_000);
    assert!(bytes / chunks > 4096, "rows come in bulk: {chunks} chunks of {bytes} bytes");
    let digest = "SELECT md5(string_agg(t::text, ',' ORDER BY a)) FROM";
    let a = from.query(&format!("{digest} ({rows}) t(a, b)"), &[]).await.unwrap();
    let b = to.query(&format!("{digest} t"), &[]).await.unwrap();
    assert_eq!(a, b);
}

async fn an_error_shows_no_value(major: u32) {
    let mut session = World::of(major).session().await;
    session.simple("CREATE TEMP TABLE t (id int PRIMARY KEY, email text UNIQUE)").await.unwrap();
    for (data, sqlstate) in [("1\tann@x\n2\tann@x\n", "23505"), ("ann@x\t1\n", "22P02"), ("1\n", "22P04")] {
        session.copy_in("COPY t FROM STDIN").await.unwrap();
        session.copy_send(data.as_bytes()).await.unwrap();
        let e = session.copy_end().await.unwrap_err();
        assert_eq!(e.sqlstate(), Some(sqlstate));
        for shown in [chain(&e), format!("{e:?}"), format!("{session:?}")] {
            assert!(!shown.contains("ann"), "{shown}");
        }
    }
    assert_eq!(session.query("SELECT * FROM t", &[]).await.unwrap().len(), 0);
}

/// Told before the end of the rows, or at it: but told, and the session goes on.
async fn an_error_in_the_middle_of_much(major: u32) {
    let mut session = World::of(major).session().await;
    session.simple("CREATE TEMP TABLE t (id int)").await.unwrap();
    session.copy_in("COPY t FROM STDIN").await.unwrap();
    let rows = [b"1\n".repeat(50_000), b"x\n".to_vec(), b"1\n".repeat(50_000)].concat();
    let mut told = None;
    for _ in 0..100 {
        if let Err(e) = session.copy_send(&rows).await {
            told = Some(e);
            break;
        }
    }
    let told = match told {
        Some(e) => e,
        None => session.copy_end().await.unwrap_err(),
    };
    assert_eq!(told.sqlstate(), Some("22P02"));
    assert!(session.copy_end().await.is_err());
    assert_eq!(session.query("SELECT * FROM t", &[]).await.unwrap().len(), 0);
}

async fn given_up(major: u32) {
    let mut session = World::of(major).session().await;
    session.simple("CREATE TEMP TABLE t (id int)").await.unwrap();
    session.simple("BEGIN").await.unwrap();
    session.copy_in("COPY t FROM STDIN").await.unwrap();
    session.copy_send(b"1\n").await.unwrap();
    session.copy_fail("no more").await.unwrap();
    assert_eq!(session.transaction_status(), b'E');
    session.simple("ROLLBACK").await.unwrap();
    assert_eq!(session.query("SELECT * FROM t", &[]).await.unwrap().len(), 0);
}

async fn not_a_copy(major: u32) {
    let mut session = World::of(major).session().await;
    let e = session.copy_out("COPY nowhere TO STDOUT").await.unwrap_err();
    assert_eq!(chain(&e), "42P01 undefined_table");
    assert!(session.copy_data().await.is_err() && session.copy_send(b"").await.is_err());
    assert!(session.copy_out("SELECT 1").await.is_err());
    assert!(!session.is_broken());
    assert_eq!(session.query("SELECT 1", &[]).await.unwrap().len(), 1);
}

async fn out_that_fails_late(major: u32) {
    let mut session = World::of(major).session().await;
    let sql = "COPY (SELECT 1 / (i - 90000) FROM generate_series(1, 100000) i) TO STDOUT";
    session.copy_out(sql).await.unwrap();
    let mut rows = 0;
    let e = loop {
        match session.copy_data().await {
            Ok(Some(data)) => rows += data.iter().filter(|b| **b == b'\n').count(),
            Ok(None) => panic!("no error"),
            Err(e) => break e,
        }
    };
    assert_eq!((rows, e.sqlstate()), (89_999, Some("22012")));
    assert_eq!(session.query("SELECT 1", &[]).await.unwrap().len(), 1);
}
