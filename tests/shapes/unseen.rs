//! A migration that the stream has and no snapshot of production shows yet: its rows must not be taken for those of the
//! shape before it.

use std::time::Duration;

use tokio_postgres::Client;

use super::flow::{number, text};
use crate::check::{self, Table};
use crate::servers::{Cluster, wait_until};
use crate::sluice::{Running, Sluice};

majors!(equal_names_and_other_columns);

const SOON: Duration = Duration::from_secs(45);

/// The list of names is what it was, and `note` holds what was masked: only the catalog tells, and it does not yet.
async fn equal_names_and_other_columns(major: u32) {
    let (mut source, target) = (Cluster::start(major), Cluster::start(major));
    let yaml = "tables: { public.t: { columns: { email: email } } }";
    let sluice = Sluice::over("unseen", &source.url("postgres"), &target.url("postgres"), yaml);
    let (s, t) = (source.client("postgres").await, target.client("postgres").await);
    for side in [&s, &t] {
        run(side, "CREATE TABLE t (id int PRIMARY KEY, note text, email text)").await;
    }
    run(&s, "INSERT INTO t SELECT g, 'note', 'raw' || g || '@secret.example' FROM generate_series(1, 20) g").await;
    sluice.ok(&["run", "--until-caught-up"]).await;
    let mut running = sluice.spawn(&["run"]);
    run(&s, "UPDATE t SET note = 'beat' WHERE id = 1").await;
    let beat = "SELECT count(*) FROM t WHERE note = 'beat'";
    wait_until("it streams", SOON, || async { number(&t, beat).await == 1 }).await;
    source.configure([("synchronous_standby_names", "nobody")]);
    source.reload();
    wait_until("commits wait for a standby", SOON, || async {
        text(&s, "SHOW synchronous_standby_names").await == "nobody"
    })
    .await;
    let writer = source.client("postgres").await;
    let hanging = tokio::spawn(async move {
        let swap = "BEGIN; ALTER TABLE t DROP note; ALTER TABLE t RENAME email TO note; ALTER TABLE t ADD email text; UPDATE t SET email = 'e' WHERE id > 10; INSERT INTO t VALUES (21, 'a@secret.example', 'b'); COMMIT";
        writer.batch_execute(swap).await
    });
    wait_until("it waits for what it has read", SOON, || async {
        nothing_raw(&t, &running).await;
        running.log().contains("does not show this transaction yet")
    })
    .await;
    source.configure([("synchronous_standby_names", "")]);
    source.reload();
    hanging.await.expect("no panic").expect("it commits in the end");
    // `note` is withheld now, and `email` is masked as ever
    let emails = "SELECT count(email) FROM t";
    wait_until("it goes on", SOON, || async {
        nothing_raw(&t, &running).await;
        number(&t, emails).await == 11
    })
    .await;
    check::equal(&s, &t, Table::named("t").without(&["note", "email"])).await;
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
