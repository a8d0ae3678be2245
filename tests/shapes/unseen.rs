//! A migration that the stream has and no snapshot of production shows yet: its rows must not be taken for those of the
//! shape before it.

use std::time::Duration;

use tokio_postgres::Client;

use super::flow::{number, text};
use crate::check::{self, Table};
use crate::servers::{Cluster, wait_until};
use crate::sluice::{Running, Sluice};

majors!(equal_names_and_other_columns, production_waits_for_us, rows_chosen_by_another_column);

const SOON: Duration = Duration::from_secs(120);

const SWAP: &str = "BEGIN; ALTER TABLE t DROP note; ALTER TABLE t RENAME email TO note; ALTER TABLE t ADD email text; UPDATE t SET email = 'e' WHERE id > 10; INSERT INTO t VALUES (21, 'a@secret.example', 'b'); COMMIT";

/// Two servers, a table with a mask, and a replicator that follows it.
async fn followed(major: u32) -> (Cluster, Cluster, Client, Client, Running) {
    let (source, target) = (Cluster::start(major), Cluster::start(major));
    let yaml = "tables: { public.t: { columns: { email: email } } }";
    let sluice = Sluice::over("unseen", &source.url("postgres"), &target.url("postgres"), yaml);
    let (s, t) = (source.client("postgres").await, target.client("postgres").await);
    for side in [&s, &t] {
        run(side, "CREATE TABLE t (id int PRIMARY KEY, note text, email text)").await;
    }
    run(&s, "INSERT INTO t SELECT g, 'note', 'raw' || g || '@secret.example' FROM generate_series(1, 20) g").await;
    sluice.ok(&["run", "--until-caught-up"]).await;
    let running = sluice.spawn(&["run"]);
    run(&s, "UPDATE t SET note = 'beat' WHERE id = 1").await;
    let beat = "SELECT count(*) FROM t WHERE note = 'beat'";
    wait_until("it streams", SOON, || async { number(&t, beat).await == 1 }).await;
    (source, target, s, t, running)
}

/// Production's standbys are these from here on.
async fn standbys(source: &mut Cluster, s: &Client, names: &str) {
    source.configure([("synchronous_standby_names", names)]);
    source.reload();
    wait_until("it is reloaded", SOON, || async { text(s, "SHOW synchronous_standby_names").await == names }).await;
}

/// It goes on: `note` is withheld now, and `email` is masked as ever.
async fn goes_on(s: &Client, t: &Client, mut running: Running) {
    let emails = "SELECT count(email) FROM t";
    wait_until("it goes on", SOON, || async {
        nothing_raw(t, &running).await;
        number(t, emails).await == 11
    })
    .await;
    check::equal(s, t, Table::named("t").without(&["note", "email"])).await;
    running.term();
    assert!(running.wait(Duration::from_secs(20)).await.success(), "{}", running.log());
}

/// The list of names is what it was, and `note` holds what was masked: only the catalog tells, and it does not yet.
async fn equal_names_and_other_columns(major: u32) {
    let (mut source, _target, s, t, running) = followed(major).await;
    standbys(&mut source, &s, "nobody").await;
    let writer = source.client("postgres").await;
    let hanging = tokio::spawn(async move { writer.batch_execute(SWAP).await });
    wait_until("it waits for what it has read", SOON, || async {
        nothing_raw(&t, &running).await;
        running.log().contains("does not show this transaction yet")
    })
    .await;
    standbys(&mut source, &s, "").await;
    hanging.await.expect("no panic").expect("it commits in the end");
    goes_on(&s, &t, running).await;
}

/// Everybody is a standby, we too: its commit is shown when we have it. Each would wait for the other.
async fn production_waits_for_us(major: u32) {
    let (mut source, _target, s, t, running) = followed(major).await;
    standbys(&mut source, &s, "*").await;
    tokio::time::timeout(SOON, s.batch_execute(SWAP)).await.expect("it commits").expect("it commits");
    nothing_raw(&t, &running).await;
    goes_on(&s, &t, running).await;
}

/// Nothing is masked, and which rows come is decided by a column: another has its name now, and only the catalog tells.
async fn rows_chosen_by_another_column(major: u32) {
    let (mut source, target) = (Cluster::start(major), Cluster::start(major));
    let sluice = Sluice::over(
        "unseen_rows",
        &source.url("postgres"),
        &target.url("postgres"),
        "tables: { public.t: { where: shown } }",
    );
    let (s, t) = (source.client("postgres").await, target.client("postgres").await);
    for side in [&s, &t] {
        run(side, "CREATE TABLE t (id int PRIMARY KEY, other bool, shown bool, v text)").await;
    }
    run(&s, "INSERT INTO t SELECT g, g <= 10, g > 10, 'a' FROM generate_series(1, 20) g").await;
    sluice.ok(&["run", "--until-caught-up"]).await;
    let mut running = sluice.spawn(&["run"]);
    run(&s, "UPDATE t SET v = 'beat' WHERE id = 11").await;
    wait_until("it streams", SOON, || async { number(&t, "SELECT count(*) FROM t WHERE v = 'beat'").await == 1 }).await;
    standbys(&mut source, &s, "nobody").await;
    let writer = source.client("postgres").await;
    let swap = "BEGIN; ALTER TABLE t DROP other, DROP v; ALTER TABLE t RENAME shown TO other; ALTER TABLE t ADD shown bool, ADD v text;
        UPDATE t SET shown = NOT other, v = 'b'; INSERT INTO t VALUES (0, false, true, 'b'); COMMIT";
    let swap = tokio::spawn(async move { writer.batch_execute(swap).await });
    wait_until("it waits for what it has read", SOON, || async {
        assert_eq!(number(&t, "SELECT count(*) FROM t WHERE id <= 10").await, 0, "{}", running.log());
        running.log().contains("does not show this transaction yet")
    })
    .await;
    standbys(&mut source, &s, "").await;
    swap.await.expect("no panic").expect("it commits in the end");
    running.term();
    assert!(running.wait(Duration::from_secs(20)).await.success(), "{}", running.log());
}

async fn nothing_raw(t: &Client, running: &Running) {
    let raw = number(t, "SELECT count(*) FROM t WHERE t::text LIKE '%secret%'").await;
    assert_eq!(raw, 0, "{}", running.log());
}

async fn run(client: &Client, sql: &str) {
    client.batch_execute(sql).await.unwrap_or_else(|e| panic!("{e:?} in: {sql}"));
}
