//! Somebody else writes into the topic: nothing of it is applied, and nothing behind it before somebody has looked.

use std::time::{Duration, Instant};

use filters::change::Lsn;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use replicator::kafka::envelope::{ChunkBegin, Commit, Encoder, Record};
use sink_postgres::part::Part;
use sink_postgres::pending::Range;

use super::client::{MINUTE, config};
use super::followed::{ENDS, Followed, says};
use super::walk::{self, SOON};
use crate::servers::Broker;
use crate::shapes::flow::number;
use crate::verbs::serve::{free_port, get};

eighteen!(records_that_are_none_of_ours);

/// Puts them there, and says where the topic ends then.
fn put(topic: &str, values: &[Vec<u8>]) -> i64 {
    let producer: BaseProducer = config(&Broker::shared().addr()).create().expect("a producer");
    for value in values {
        let record = BaseRecord::<(), [u8]>::to(topic).partition(0).payload(value);
        producer.send(record).map_err(|(e, _)| e).expect("send");
    }
    producer.flush(MINUTE).expect("they are there");
    producer.client().fetch_watermarks(topic, 0, MINUTE).expect("its end").1
}

async fn records_that_are_none_of_ours(major: u32) {
    let encoded = |record: &Record| Encoder::new().record(record).value.to_vec();
    let mut f = Followed::new(major, "kafka_foreign", "").await;
    // the half that is held has a port to be asked on
    let port = free_port();
    let yaml = std::fs::read_to_string(f.sluice.dir.join("sluice.yaml")).expect("the file");
    f.sluice.configure(&format!("{yaml}serve: {{ listen: \"127.0.0.1:{port}\" }}\n"));
    f.apply.term();
    assert!(f.apply.wait(ENDS).await.success());
    f.applies();
    let garbage = b"secret \xff\xfe garbage of somebody".to_vec();
    let oid = number(&f.s, "SELECT 'cruises'::regclass::oid::bigint").await;
    let part = Part::Range(Range { id: 0, lo: None, hi: None, columns: Vec::new() });
    let begin = ChunkBegin { table: oid as u32, id: 1, at: Lsn(u64::MAX >> 2), part };
    let commit = Commit { lsn: Lsn(u64::MAX >> 2), changes: 3, ..Commit::default() };
    let cases: [(&str, Vec<Vec<u8>>, &str); 6] = [
        ("garbage", vec![garbage.clone()], "does not begin with its version"),
        ("newer", vec![vec![8, 99, 0x12, 6, b's', b'e', b'c', b'r', b'e', b't']], "99"),
        ("count", vec![encoded(&Record::Commit(commit))], "its changes are 3, and 0 have come"),
        (
            "back",
            vec![encoded(&Record::Position { after: Lsn(1), lsn: Lsn(1) })],
            "is not where the topic was read up to",
        ),
        ("empty", vec![Vec::new()], "does not begin with its version"),
        ("amid a part", vec![encoded(&Record::ChunkBegin(begin)), garbage], "goes back, or stands amid a transaction"),
    ];
    for (case, values, words) in cases {
        says(&f.apply, "INFO running").await;
        f.shows().await;
        if case == "amid a part" {
            // it waits for it, and nobody answers
            f.capture.kill9();
            let pend = "INSERT INTO sluice.pending (pipeline, schema, name) SELECT pipeline, schema, name FROM sluice.tables WHERE name = 'cruises'";
            walk::run(&f.t, pend).await;
            tokio::time::sleep(Duration::from_millis(1500)).await;
        }
        let before = number(&f.t, "SELECT count(*) FROM log").await;
        let end = put(&f.db.name, &values);
        walk::run(&f.s, "INSERT INTO log VALUES (7, 'behind it')").await;
        held(&f, port, case, end, words).await;
        // tried again, and held again
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(f.apply.ended().is_none(), "{case}: {}", f.apply.log());
        assert_eq!(get(port, "/healthz").0, 200, "{case}");
        assert_eq!(number(&f.t, "SELECT count(*) FROM log").await, before, "{case}: something is applied");
        for said in [f.apply.log(), f.capture.log(), get(port, "/metrics").1, f.sluice.run(&["status"]).await.stdout] {
            assert!(!said.contains("secret"), "{case}: {said}");
        }
        f.apply.kill9();
        let once = f.sluice.run(&["apply", "--exit-on-stop"]).await;
        assert!(once.code == 6 && once.stderr.contains(words), "{case}: {} {}", once.code, once.stderr);
        if case == "amid a part" {
            f.captures();
        }
        // nothing but to begin anew, behind it
        f.resync().await;
        f.applies();
    }
    f.apply.kill9();
    f.sluice.configure(&yaml);
    f.applies();
    f.ends_equal().await;
}

/// Red, in words that lead there.
async fn held(f: &Followed, port: u16, case: &str, end: i64, words: &str) {
    let began = Instant::now();
    loop {
        let (status, why) = get(port, "/readyz");
        if status == 503 && why.starts_with("not ready: held: ") {
            // it was the last one, or records of the capture's came behind it
            let offset = why.split("offset ").nth(1).and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next());
            let offset: i64 = offset.unwrap_or_default().parse().unwrap_or(-1);
            assert!((end - 9..end).contains(&offset), "{case}: offset {offset}, the end was {end}: {why}");
            assert!(why.contains(&f.db.name) && why.contains(words), "{case}: {why}");
            return;
        }
        assert!(began.elapsed() < SOON, "{case}: not held: {status} {why}\n{}", f.apply.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
