//! Sequences of each target follow production's by way of the topic, by its own rule and behind its own masks.

use super::followed::{ENDS, says};
use super::walk::{self, SOON, run, shows};
use crate::servers::{Broker, Pair, wait_until};
use crate::shapes::flow::number;
use crate::sluice::Sluice;

eighteen!(they_follow, and_before_a_run_ends);

const ORDERS: &str =
    "CREATE TABLE orders (id serial PRIMARY KEY, v int); CREATE TABLE parts (id bigserial PRIMARY KEY, v int);";

async fn last(client: &tokio_postgres::Client, sequence: &str) -> i64 {
    number(client, &format!("SELECT last_value FROM {sequence}")).await
}

fn rows(table: &str, n: u32) -> String {
    format!("INSERT INTO {table} (v) SELECT g FROM generate_series(1, {n}) g")
}

async fn they_follow(major: u32) {
    let (db, s, t) = walk::shop(major, "seq_topic").await;
    for client in [&s, &t] {
        run(client, ORDERS).await;
    }
    run(&s, &format!("{}; {}", rows("orders", 700), rows("parts", 50))).await;
    let rules = walk::rules(&db.name, &Broker::shared().addr());
    let sluice = Sluice::between(&db, &rules);
    let mut capture = sluice.spawn(&["capture"]);
    says(&capture, "INFO running").await;
    let mut first = sluice.spawn(&["apply"]);
    wait_until("they are ahead", SOON, || async {
        last(&t, "orders_id_seq").await >= 1_700 && last(&t, "parts_id_seq").await >= 1_050
    })
    .await;
    // what is drawn only, and never comes
    run(&s, "SELECT setval('orders_id_seq', 100000)").await;
    wait_until("it follows", SOON, || async { last(&t, "orders_id_seq").await >= 101_000 }).await;
    run(&t, "INSERT INTO orders (v) VALUES (1)").await;

    // one that joins later hears of those that have not moved since, and goes by its own file
    let other = Pair::get(major).create_db(&format!("{}_b", db.name)).await;
    let o = other.target().await;
    run(&o, &format!("{}{ORDERS}", walk::SCHEMA)).await;
    let own = rules.replace("public.guests:", "public.parts: { columns: { id: integer } }\n  public.guests:");
    let own = format!("{own}sequences: {{ margin: 100, offset: 1000000 }}\n");
    let joins = Sluice::over(&db.name, &db.source_url(), &other.target_url(), &own);
    let mut apply = joins.spawn(&["apply"]);
    wait_until("it has begun", SOON, || async { o.query("SELECT 1 FROM sluice.pending", &[]).await.is_ok() }).await;
    shows(&s, &o, 20_001, &[&capture, &apply]).await;
    wait_until("its own are in their range", SOON, || async { last(&o, "orders_id_seq").await >= 1_100_000 }).await;
    assert_eq!(last(&o, "parts_id_seq").await, 1, "a number that is masked here says nothing");

    // somebody holds it when the news comes
    for half in [&mut apply, &mut first] {
        half.term();
        assert!(half.wait(ENDS).await.success(), "{}", half.log());
    }
    run(&s, "SELECT setval('parts_id_seq', 5000)").await;
    let holder = db.target().await;
    run(&holder, "BEGIN; ALTER SEQUENCE parts_id_seq CACHE 1").await;
    let mut first = sluice.spawn(&["apply"]);
    shows(&s, &t, 20_002, &[&capture, &first]).await;
    tokio::time::sleep(std::time::Duration::from_secs(12)).await;
    assert!(last(&holder, "parts_id_seq").await < 6_000);
    run(&holder, "COMMIT").await;
    wait_until("it is set when it is free", SOON, || async { last(&t, "parts_id_seq").await >= 6_000 }).await;
    for half in [&mut capture, &mut first] {
        half.term();
        assert!(half.wait(ENDS).await.success(), "{}", half.log());
    }
    run(&t, "DELETE FROM orders WHERE id > 100000").await;
    walk::equal(&s, &t).await;
}

/// One process, and no ten seconds to wait.
async fn and_before_a_run_ends(major: u32) {
    let (db, s, t) = walk::shop(major, "seq_ends").await;
    for client in [&s, &t] {
        run(client, ORDERS).await;
    }
    run(&s, &rows("orders", 700)).await;
    let sluice = Sluice::between(&db, &walk::rules(&db.name, &Broker::shared().addr()));
    sluice.ok(&["run", "--until-caught-up"]).await;
    assert!(last(&t, "orders_id_seq").await >= 1_700);
    run(&s, "SELECT setval('orders_id_seq', 50000)").await;
    sluice.ok(&["run", "--until-caught-up"]).await;
    assert!(last(&t, "orders_id_seq").await >= 51_000);
}
