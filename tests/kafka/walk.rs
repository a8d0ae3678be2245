//! The whole walk with a topic between: copied, followed, joined later by another target, and all of it equal.

use std::time::Duration;

use tokio_postgres::Client;

use crate::check::{self, Table};
use crate::servers::{Broker, Db, Pair, wait_until};
use crate::sluice::{Running, Sluice};

majors!(in_one_process, two_halves_and_a_target_that_joins);

pub const SOON: Duration = Duration::from_secs(150);

pub const SCHEMA: &str = "CREATE TABLE cruises (id int PRIMARY KEY, name text, body text);
    ALTER TABLE cruises ALTER body SET STORAGE EXTERNAL;
    CREATE TABLE guests (id bigint PRIMARY KEY, email text UNIQUE, cruise int);
    CREATE TABLE log (at int, what text);
    CREATE TABLE handles (handle text PRIMARY KEY, v int);";

const ROWS: &str =
    "INSERT INTO cruises SELECT g, 'cruise ' || g, repeat(md5(g::text), 90) FROM generate_series(1, 500) g;
    INSERT INTO guests SELECT g, 'guest' || g || '@secret.example', g % 500 FROM generate_series(1, 1000) g;
    INSERT INTO log SELECT g, 'first' FROM generate_series(1, 100) g;
    INSERT INTO handles SELECT 'secret' || g, g FROM generate_series(1, 200) g;";

pub const CHANGES: &str = "UPDATE cruises SET name = 'renamed' WHERE id % 3 = 0; DELETE FROM cruises WHERE id % 7 = 0;
    UPDATE guests SET email = 'moved' || id || '@secret.example' WHERE id % 5 = 0; INSERT INTO log VALUES (1, 'more');
    DELETE FROM handles WHERE v % 2 = 0; UPDATE handles SET v = v + 1; UPDATE cruises SET id = id + 1000 WHERE id % 11 = 0;
    TRUNCATE log; INSERT INTO log VALUES (2, 'again');";

/// Rules over it, by way of a topic of this name.
pub fn rules(topic: &str, brokers: &str) -> String {
    format!(
        "tables:\n  \"public.*\": keep\n  public.guests: {{ columns: {{ email: email }} }}\n  public.handles: {{ columns: {{ handle: {{ mask: hash, length: 32 }} }} }}\n\
         copy: {{ chunk_rows: 150 }}\nbuffer: {{ kafka: {{ brokers: \"{brokers}\", topic: {topic} }} }}\n"
    )
}

pub async fn shop(major: u32, name: &str) -> (Db, Client, Client) {
    let db = Pair::get(major).create_db(&format!("{name}_{major}")).await;
    db.on_both(SCHEMA).await;
    let (s, t) = (db.source().await, db.target().await);
    run(&s, ROWS).await;
    (db, s, t)
}

pub async fn run(client: &Client, sql: &str) {
    client.batch_execute(sql).await.unwrap_or_else(|e| panic!("{e:?} in: {sql:.300}"));
}

/// All that is not masked is equal, and nothing raw is there.
pub async fn equal(s: &Client, t: &Client) {
    for table in [Table::named("cruises"), Table::named("guests").without(&["email"]), Table::named("log")] {
        check::equal(s, t, table).await;
    }
    check::equal(s, t, Table::named("handles").without(&["handle"])).await;
    let raw = "SELECT (SELECT count(*) FROM guests WHERE email LIKE '%secret%') + (SELECT count(*) FROM handles WHERE handle LIKE '%secret%')";
    let raw: i64 = t.query_one(raw, &[]).await.expect("a count").get(0);
    assert_eq!(raw, 0);
    let diverged = "SELECT coalesce(sum(divergences), 0)::bigint FROM sluice.tables";
    let diverged: i64 = t.query_one(diverged, &[]).await.expect("a sum").get(0);
    assert_eq!(diverged, 0, "nobody else wrote it");
}

async fn in_one_process(major: u32) {
    let (db, s, t) = shop(major, "walk_one").await;
    let sluice = Sluice::between(&db, &rules(&db.name, &Broker::shared().addr()));
    sluice.ok(&["run", "--until-caught-up"]).await;
    equal(&s, &t).await;
    run(&s, CHANGES).await;
    sluice.ok(&["run", "--until-caught-up"]).await;
    equal(&s, &t).await;
}

/// Waits until a target shows this mark of production's.
pub async fn shows(s: &Client, t: &Client, mark: i32, halves: &[&Running]) {
    run(s, &format!("INSERT INTO log VALUES ({mark}, 'mark')")).await;
    let sql = format!("SELECT count(*) FROM log WHERE at = {mark} AND what = 'mark'");
    wait_until("it shows the mark", SOON, || async {
        let there: i64 = t.query_one(&sql, &[]).await.expect("a count").get(0);
        let pending: i64 = t.query_one("SELECT count(*) FROM sluice.pending", &[]).await.map_or(1, |row| row.get(0));
        for half in halves {
            assert!(!half.log().contains("ERROR"), "{}", half.log());
        }
        there == 1 && pending == 0
    })
    .await;
}

async fn two_halves_and_a_target_that_joins(major: u32) {
    let (db, s, t) = shop(major, "walk_two").await;
    let rules = rules(&db.name, &Broker::shared().addr());
    let sluice = Sluice::between(&db, &rules);
    let (capture, apply) = (sluice.spawn(&["capture"]), sluice.spawn(&["apply"]));
    wait_until("it has begun", SOON, || async {
        let there = "SELECT count(*) FROM pg_tables WHERE schemaname = 'sluice' AND tablename = 'pending'";
        let there: i64 = t.query_one(there, &[]).await.expect("a count").get(0);
        there == 1
    })
    .await;
    shows(&s, &t, 10_001, &[&capture, &apply]).await;
    run(&s, CHANGES).await;
    shows(&s, &t, 10_002, &[&capture, &apply]).await;
    equal(&s, &t).await;

    // another target, of the same topic: it is brought what it has not, and the first does not notice
    let other = Pair::get(major).create_db(&format!("walk_two_b_{major}")).await;
    run(&other.target().await, SCHEMA).await;
    let joins = Sluice::over(&db.name, &db.source_url(), &other.target_url(), &rules);
    let joined = joins.spawn(&["apply"]);
    let o = other.target().await;
    wait_until("it has begun", SOON, || async { o.query("SELECT 1 FROM sluice.pending", &[]).await.is_ok() }).await;
    shows(&s, &o, 10_003, &[&capture, &joined]).await;
    shows(&s, &t, 10_004, &[&capture, &apply]).await;
    shows(&s, &o, 10_005, &[&capture, &joined]).await;
    equal(&s, &t).await;
    equal(&s, &o).await;
    for mut half in [capture, apply, joined] {
        half.term();
        assert!(half.wait(Duration::from_secs(20)).await.success(), "{}", half.log());
    }
    equal(&s, &t).await;
}
