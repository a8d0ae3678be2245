//! What is raw is nowhere in Kafka: not in the topic, not in those beside it, not in a transaction that was aborted, to the last byte of the
//! broker's disk.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::walk::{run, shows};
use crate::servers::{Broker, Pair, wait_until};
use crate::sluice::Sluice;

majors!(nothing_raw_is_on_the_brokers_disk);

const SCHEMA: &str = "CREATE TABLE people (email text PRIMARY KEY, name text, note text, kept text, shown bool NOT NULL DEFAULT true);
    CREATE TABLE orders (id int PRIMARY KEY, email text REFERENCES people, body text); ALTER TABLE orders ALTER body SET STORAGE EXTERNAL;
    ALTER TABLE orders REPLICA IDENTITY FULL; CREATE TABLE log (at int, what text);";

const RULES: &str = "tables:
  public.people: { where: shown, columns: { email: email, name: name, note: drop, kept: keep, shown: keep } }
  public.orders: { columns: { email: email, body: scrub } }
  public.log: keep
";

fn person(n: u32) -> String {
    format!("('canary{n}@secret.example', 'Canary Secret{n}', 'note of canary {n}', 'visible{n}', {n} % 3 > 0)")
}

async fn nothing_raw_is_on_the_brokers_disk(major: u32) {
    let db = Pair::get(major).create_db(&format!("kafka_disk_{major}")).await;
    db.on_both(SCHEMA).await;
    let (s, t) = (db.source().await, db.target().await);
    let people: Vec<String> = (0..60).map(person).collect();
    run(&s, &format!("INSERT INTO people VALUES {}", people.join(", "))).await;
    let orders = "INSERT INTO orders SELECT row_number() OVER (), email, repeat('call canary@secret.example ', 200) FROM people WHERE shown";
    run(&s, orders).await;
    let broker = Broker::start();
    // packed, nothing could be found
    let kafka = format!(
        "buffer: {{ kafka: {{ brokers: \"{}\", topic: {}, properties: {{ compression.type: none }} }} }}\n",
        broker.addr(),
        db.name
    );
    let sluice = Sluice::between(&db, &format!("{RULES}{kafka}"));
    let (mut capture, mut apply) = (sluice.spawn(&["capture"]), sluice.spawn(&["apply"]));
    wait_until("it has begun", Duration::from_secs(60), || async {
        t.query("SELECT 1 FROM sluice.pending", &[]).await.is_ok()
    })
    .await;
    shows(&s, &t, 1, &[&capture, &apply]).await;
    // keys move, rows enter and leave the set, a row is edited on staging and heals, a transaction is rolled back
    run(&s, "UPDATE orders SET id = id + 1000 WHERE id % 4 = 0; UPDATE people SET name = 'Other Secret', shown = NOT shown WHERE kept ~ '5$'").await;
    run(&s, "UPDATE orders SET email = 'canary1@secret.example' WHERE id % 5 = 0; DELETE FROM orders WHERE id % 7 = 0")
        .await;
    run(&s, "BEGIN; INSERT INTO people SELECT 'gone' || g || '@secret.example', 'Gone Secret' FROM generate_series(1, 9) g; ROLLBACK").await;
    run(&t, "DELETE FROM orders WHERE id % 6 = 1").await;
    run(&s, "UPDATE orders SET body = body || ' and canary@secret.example' WHERE id % 6 = 1").await;
    shows(&s, &t, 2, &[&capture]).await;
    capture.kill9();
    run(&s, "UPDATE people SET note = 'a canary again', name = 'Third Secret' WHERE shown").await;
    let mut capture = sluice.spawn(&["capture"]);
    shows(&s, &t, 3, &[&capture]).await;
    for half in [&mut capture, &mut apply] {
        half.term();
        assert!(half.wait(Duration::from_secs(20)).await.success(), "{}", half.log());
        assert!(!half.log().to_lowercase().contains("canary"), "{}", half.log());
    }
    let (mut files, mut kept) = (0, 0);
    every_file(&broker.log_dir(), &mut |path, bytes| {
        files += 1;
        kept += memchr::memmem::find_iter(&bytes, "visible").count();
        let lower = bytes.to_ascii_lowercase();
        for raw in ["canary", "secret"] {
            assert!(memchr::memmem::find(&lower, raw.as_bytes()).is_none(), "{raw} is in {}", path.display());
        }
    });
    assert!(files > 5 && kept > 40, "{kept} of what was kept in {files} files: nothing was looked at");
}

fn every_file(dir: &Path, look: &mut impl FnMut(&Path, Vec<u8>)) {
    for entry in fs::read_dir(dir).expect("the broker's directory").flatten() {
        let path = entry.path();
        if path.is_dir() { every_file(&path, look) } else { look(&path, fs::read(&path).expect("read")) }
    }
}
