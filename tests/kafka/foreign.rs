//! Somebody else writes into the topic: nothing of it is applied, and nothing behind it before somebody has looked.

use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use replicator::kafka::envelope::{Commit, Encoder, Record};

use super::client::{MINUTE, config};
use super::followed::{Followed, says};
use super::walk::{self, SOON};
use crate::servers::Broker;
use crate::shapes::flow::number;
use crate::sluice::Running;
use crate::verbs::serve::{free_port, get};

majors!(a_record_that_is_none_of_ours);

/// Puts it there, and says where it stands.
fn put(topic: &str, value: &[u8]) -> i64 {
    let producer: BaseProducer = config(Broker::shared()).create().expect("a producer");
    producer.send(BaseRecord::<(), [u8]>::to(topic).partition(0).payload(value)).map_err(|(e, _)| e).expect("send");
    producer.flush(MINUTE).expect("it is there");
    producer.client().fetch_watermarks(topic, 0, MINUTE).expect("its end").1
}

async fn a_record_that_is_none_of_ours(major: u32) {
    let commit = Record::Commit(Commit { lsn: filters::change::Lsn(u64::MAX >> 2), changes: 3, ..Commit::default() });
    let position = Record::Position { after: filters::change::Lsn(1), lsn: filters::change::Lsn(1) };
    let encoded = |record: &Record| Encoder::new().record(record).value.to_vec();
    let cases: [(&str, Vec<u8>, &str); 5] = [
        ("garbage", b"secret \xff\xfe garbage of somebody".to_vec(), ""),
        ("newer", vec![8, 99, 0x12, 6, b's', b'e', b'c', b'r', b'e', b't'], "99"),
        ("count", encoded(&commit), "3"),
        ("back", encoded(&position), ""),
        ("empty", Vec::new(), ""),
    ];
    for (case, value, words) in cases {
        let name = format!("kafka_foreign_{case}");
        let port = free_port();
        let mut f = Followed::new(major, &name, "").await;
        f.apply.term();
        assert!(f.apply.wait(SOON).await.success());
        // the half that is held has a port to be asked on
        let yaml = std::fs::read_to_string(f.sluice.dir.join("sluice.yaml")).expect("the file");
        f.sluice.configure(&format!("{yaml}serve: {{ listen: \"127.0.0.1:{port}\" }}\n"));
        f.applies();
        says(&f.apply, "INFO running").await;
        let before = number(&f.t, "SELECT count(*) FROM log").await;
        let end = put(&f.db.name, &value);
        walk::run(&f.s, "INSERT INTO log VALUES (7, 'behind it')").await;
        held(&f.apply, port, &f.db.name, end, words).await;
        // tried again, and held again
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        assert!(f.apply.ended().is_none(), "{case}: {}", f.apply.log());
        assert_eq!(get(port, "/healthz").0, 200, "{case}");
        assert_eq!(number(&f.t, "SELECT count(*) FROM log").await, before, "{case}: something is applied");
        assert!(f.capture.ended().is_none(), "{}", f.capture.log());
        for log in [f.apply.log(), f.capture.log(), get(port, "/metrics").1] {
            assert!(!log.contains("secret"), "{case}: {log}");
        }
        f.apply.term();
        assert!(f.apply.wait(SOON).await.success(), "{case}: {}", f.apply.log());
        // one that is to end says so by its code
        let once = f.sluice.run(&["apply", "--until-caught-up"]).await;
        assert_eq!(once.code, 6, "{case}: {}", once.stderr);
    }
}

/// Red, and in words that lead there.
async fn held(apply: &Running, port: u16, topic: &str, end: i64, words: &str) {
    let began = std::time::Instant::now();
    loop {
        let (status, why) = get(port, "/readyz");
        if status == 503 && why.starts_with("not ready: held: ") {
            // the foreign record was the last one then, or a batch of the capture's came in between
            let offset = why.split("offset ").nth(1).and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next());
            let offset: i64 = offset.unwrap_or_default().parse().unwrap_or(-1);
            assert!((end - 40..end).contains(&offset), "offset {offset}, the end was {end}: {why}");
            assert!(why.contains(topic) && why.contains(words), "{why}");
            return;
        }
        assert!(began.elapsed() < SOON, "not held: {status} {why}\n{}", apply.log());
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
