//! A broker that is killed, that hangs, that is not there, that does not let us in.
#![allow(clippy::disallowed_methods, reason = "a test may block its own thread")]

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use replicator::error::{Error, Kind};
use replicator::kafka::{self, Consumer, Options, Producer, topic};

use super::clients::{MINUTE, SECOND, kafka_error, options, put, read, values};
use crate::seed::Seed;
use crate::servers::Broker;

/// Writes 0, 1, 2, … in transactions of ten until told to stop, as a capture does: after an error it opens anew,
/// finds out where it was, and goes on there. How many there are, and how often it had to.
fn write(options: &Options, stop: &AtomicBool) -> (u32, u32) {
    let (mut next, mut errors) = (0u32, 0);
    loop {
        let mut written = || -> Result<(), Error> {
            let mut producer = Producer::open(options)?;
            let tail = Consumer::tail(options, 1, MINUTE)?;
            next = tail.first().map_or(0, |t| u32::from_be_bytes(t.value[..].try_into().expect("a number")) + 1);
            while !stop.load(Ordering::Relaxed) {
                producer.begin()?;
                for n in next..next + 10 {
                    producer.send(b"", &[], &n.to_be_bytes())?;
                }
                producer.commit()?;
                next += 10;
            }
            Ok(())
        };
        match written() {
            Ok(()) => return (next, errors),
            Err(e) => {
                assert_eq!(e.kind(), Kind::Unavailable, "{}", e.told());
                errors += 1;
            }
        }
    }
}

#[test]
fn a_broker_that_is_killed_loses_nothing_and_doubles_nothing() {
    let mut broker = Broker::start();
    let options = options(&broker, "outages_killed");
    topic::ensure(&options).expect("make the topic");
    let (stop, over, seed) = (AtomicBool::new(false), AtomicBool::new(false), Seed::or(7));
    let mut random = seed.rng(0);
    let (written, errors, read) = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let written = write(&options, &stop);
            over.store(true, Ordering::Relaxed);
            written
        });
        let reader = scope.spawn(|| {
            let (mut consumer, mut all) = (Consumer::open(&options, 0).expect("open"), Vec::new());
            // a reader hears nothing of a restart but silence
            while !over.load(Ordering::Relaxed) {
                all.extend(consumer.next(SECOND / 5).expect("read"));
            }
            while let Some(taken) = consumer.next(2 * SECOND).expect("read") {
                all.push(taken);
            }
            all
        });
        for _ in 0..4 {
            std::thread::sleep(Duration::from_millis(random.u64(300..2000)));
            broker.kill9();
            std::thread::sleep(Duration::from_millis(random.u64(0..2000)));
            broker.start_again();
        }
        std::thread::sleep(SECOND);
        stop.store(true, Ordering::Relaxed);
        let (written, errors) = writer.join().expect("no panic");
        (written, errors, reader.join().expect("no panic"))
    });
    eprintln!("{written} records, {errors} errors");
    let numbers: Vec<u32> =
        read.iter().map(|t| u32::from_be_bytes(t.value[..].try_into().expect("a number"))).collect();
    assert!(written > 0 && numbers == (0..written).collect::<Vec<_>>(), "{written} written, {} read", numbers.len());
}

#[test]
fn a_broker_that_does_not_come_back_is_out_of_reach_within_a_minute() {
    let mut broker = Broker::start();
    let options = options(&broker, "outages_gone");
    topic::ensure(&options).expect("make the topic");
    let mut producer = Producer::open(&options).expect("open");
    put(&mut producer, &["1"]);
    let mut consumer = Consumer::open(&options, 0).expect("open");
    consumer.next(MINUTE).expect("read").expect("a record");
    broker.kill9();
    let limit = Duration::from_secs(80);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let error = bounded(limit, || {
                producer.begin().and_then(|()| producer.send(b"", &[], b"2")).and_then(|()| producer.commit())
            });
            assert_eq!(error.kind(), Kind::Unavailable, "{}", error.told());
        });
        scope.spawn(|| {
            let began = Instant::now();
            let error = loop {
                match consumer.next(SECOND) {
                    Ok(taken) => assert_eq!(taken, None),
                    Err(e) => break e,
                }
                assert!(began.elapsed() < limit, "it says nothing");
            };
            assert_eq!(error.kind(), Kind::Unavailable, "{}", error.told());
        });
        for open in [
            |options: &Options| Producer::open(options).map(|_| ()),
            |options: &Options| Consumer::open(options, 0).map(|_| ()),
            |options: &Options| Consumer::tail(options, 1, SECOND).map(|_| ()),
            topic::ensure,
        ] {
            let options = &options;
            scope.spawn(move || {
                let error = bounded(limit, || open(options));
                assert_eq!((error.kind(), error.exit_code()), (Kind::Unavailable, 4), "{}", error.told());
            });
        }
    });
    broker.start_again();
    let mut producer = Producer::open(&options).expect("open");
    assert_eq!(values(&Consumer::tail(&options, 1, MINUTE).expect("tail")), ["1"]);
    put(&mut producer, &["2"]);
    assert_eq!(values(&read(&options, 0)), ["1", "2"]);
}

fn bounded<T: std::fmt::Debug>(limit: Duration, action: impl FnOnce() -> Result<T, Error>) -> Error {
    let began = Instant::now();
    let error = action().expect_err("there is no broker");
    eprintln!("after {:?}: {}", began.elapsed(), error.told());
    assert!(began.elapsed() < limit, "it took {:?}", began.elapsed());
    error
}

#[test]
fn a_broker_that_hangs_for_a_while_is_waited_for() {
    let mut broker = Broker::start();
    let options = options(&broker, "outages_hangs");
    topic::ensure(&options).expect("make the topic");
    let mut producer = Producer::open(&options).expect("open");
    put(&mut producer, &["1"]);
    let mut consumer = Consumer::open(&options, 0).expect("open");
    consumer.next(MINUTE).expect("read").expect("a record");
    broker.pause();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| put(&mut producer, &["2"]));
        let began = Instant::now();
        while began.elapsed() < 10 * SECOND {
            assert_eq!(consumer.next(SECOND).expect("silence is no error"), None);
        }
        broker.resume();
        writer.join().expect("committed in the end");
    });
    assert_eq!(consumer.next(MINUTE).expect("read").expect("a record").value, "2");
}

/// A broker with a door: who is `sluice` and says `right` comes in, at this port.
pub fn guarded() -> (Broker, u16) {
    let ports: Vec<u16> = (0..3)
        .map(|_| TcpListener::bind("127.0.0.1:0").expect("a port"))
        .collect::<Vec<_>>()
        .iter()
        .map(|listener| listener.local_addr().expect("an address").port())
        .collect();
    let (plain, sasl, controller) = (ports[0], ports[1], ports[2]);
    let at = format!("PLAINTEXT://127.0.0.1:{plain},SASL_PLAINTEXT://127.0.0.1:{sasl}");
    let broker = Broker::with(&[
        ("listeners", &format!("{at},CONTROLLER://127.0.0.1:{controller}")),
        ("advertised.listeners", &at),
        ("controller.quorum.voters", &format!("1@127.0.0.1:{controller}")),
        ("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT"),
        ("sasl.enabled.mechanisms", "PLAIN"),
        (
            "listener.name.sasl_plaintext.plain.sasl.jaas.config",
            "org.apache.kafka.common.security.plain.PlainLoginModule required user_sluice=\"right\";",
        ),
    ]);
    (broker, sasl)
}

#[test]
fn who_is_not_let_in_hears_it_and_not_of_a_time_out() {
    let (_broker, sasl) = guarded();
    let with = |password: &str| Options {
        brokers: format!("127.0.0.1:{sasl}"),
        topic: "outages_denied".into(),
        id: "outages_denied".into(),
        properties: BTreeMap::from(
            [
                ("security.protocol", "SASL_PLAINTEXT"),
                ("sasl.mechanism", "PLAIN"),
                ("sasl.username", "sluice"),
                ("sasl.password", password),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        ),
        retention: None,
    };
    let right = with("right");
    topic::ensure(&right).expect("make the topic");
    put(&mut Producer::open(&right).expect("open"), &["1"]);
    assert_eq!(values(&read(&right, 0)), ["1"]);
    let wrong = with("s3cret");
    for open in [
        |options: &Options| Producer::open(options).map(|_| ()),
        |options: &Options| Consumer::open(options, 0).map(|_| ()),
        |options: &Options| Consumer::tail(options, 1, MINUTE).map(|_| ()),
        topic::ensure,
    ] {
        let error = bounded(20 * SECOND, || open(&wrong));
        assert_eq!((error.kind(), error.exit_code()), (Kind::Denied, 4), "{}", error.told());
        assert!(!format!("{}{error:?}", error.told()).contains("s3cret"));
        assert!(matches!(kafka_error(Err::<(), _>(error)), kafka::Error::Told { .. }));
    }
}
