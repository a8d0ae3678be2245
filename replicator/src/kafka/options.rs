//! Where the topic is and how it is reached, and what of the library's settings is ours to decide.
//!
//! Everything that librdkafka knows can be given; what the promise rests on (transactions, acknowledgements, what a reader may see, where
//! it begins) cannot. A value may be a password: it is passed on, and never shown.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

use super::Error;
use crate::config::Config;
use crate::error;

/// Which topic, and how to get there.
#[derive(Clone, Default)]
pub struct Options {
    /// host:port, with commas between.
    pub brokers: String,
    /// Its name.
    pub topic: String,
    /// Who we are to the broker: a producer fences those before it of the same name.
    pub id: String,
    /// Whatever else librdkafka is to be told.
    pub properties: BTreeMap<String, String>,
    /// How long a topic that we make keeps its records; else as the brokers have it.
    pub retention: Option<Duration>,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("brokers", &self.brokers)
            .field("topic", &self.topic)
            .field("id", &self.id)
            .field("properties", &self.properties.keys())
            .field("retention", &self.retention)
            .finish()
    }
}

/// The largest record, before compression. A broker takes 1 MB where nobody has told it otherwise; a topic that we make takes this.
pub(super) const LARGEST: usize = 8 << 20;
/// How much a batch of several records may have: below what a broker takes by default.
pub(super) const BATCH: usize = 1_000_000;
/// Milliseconds: the longest that brokers allow by default.
const TIMEOUT: &str = "900000";

/// Theirs would break the promise, so they are refused, by all their names.
const OURS: &[&str] = &[
    "acks",
    "allow.auto.create.topics",
    "auto.commit.enable",
    "auto.offset.reset",
    "bootstrap.servers",
    "delivery.report.only.error",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.gapless.guarantee",
    "enable.idempotence",
    "enable.partition.eof",
    "group.id",
    "group.instance.id",
    "group.protocol",
    "isolation.level",
    "log.queue",
    "metadata.broker.list",
    "request.required.acks",
    "transactional.id",
];

impl Options {
    /// As the file says it, for the pipeline's topic.
    pub fn of(config: &Config) -> Result<Options, error::Error> {
        let Some(buffer) = &config.buffer else {
            return Err(error::Error::Refused {
                what: "no topic is named".into(),
                hint: "buffer: { kafka: { brokers: \"host:9092\" } } in sluice.yaml; without Kafka it is sluice run"
                    .into(),
            });
        };
        Ok(Options {
            brokers: buffer.brokers.clone(),
            topic: buffer.topic.clone(),
            // by the topic: two pipelines of one name may be in one Kafka, and two in one topic may not
            id: buffer.topic.clone(),
            properties: buffer.properties.iter().map(|p| (p.name.clone(), p.value.expose().to_owned())).collect(),
            retention: None,
        })
    }

    /// What a capture remembers ([`super::memory`]).
    pub fn state(&self) -> Options {
        Options { topic: format!("{}.state", self.topic), ..self.clone() }
    }

    /// What appliers ask for ([`super::requests`]).
    pub fn requests(&self) -> Options {
        Options { topic: format!("{}.requests", self.topic), ..self.clone() }
    }

    /// For one who only looks, and does not read on: little is fetched ahead.
    pub(super) fn looking(&self) -> Options {
        let mut options = self.clone();
        for (name, value) in [("queued.min.messages", "1"), ("fetch.message.max.bytes", "65536")] {
            options.properties.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        }
        options
    }

    /// The other of the two clients that a capture has. No topic has such a name, so no other pipeline's first client has it either.
    pub fn second(&self) -> Options {
        Options { id: format!("{}/2", self.id), ..self.clone() }
    }

    /// As somebody else than who captures.
    pub fn named(&self, name: &str) -> Options {
        Options { id: format!("{}.{name}", self.id), ..self.clone() }
    }

    /// For how long a transaction may be open.
    pub(super) fn longest_transaction(&self) -> Duration {
        let given = self.properties.get("transaction.timeout.ms").map_or(TIMEOUT, String::as_str);
        given.parse().map_or(Duration::MAX, Duration::from_millis)
    }

    /// For a producer.
    pub(super) fn producer(&self) -> Result<ClientConfig, Error> {
        let (largest, batch) = (LARGEST.to_string(), BATCH.to_string());
        let mut config = self.config(&[
            // a tenth to a third of the bytes, for a tenth of zstd's time
            ("compression.type", "lz4"),
            // a commit would wait for it; and while one batch is on its way, the next one fills all the same
            ("linger.ms", "0"),
            ("batch.size", &batch),
            ("message.max.bytes", &largest),
            // memory: so much waits to be sent or acknowledged, at least one record of the largest
            ("queue.buffering.max.kbytes", "8400"),
            ("queue.buffering.max.messages", "50000"),
            ("message.timeout.ms", "30000"),
            // An open transaction hides nothing but what came after it began, and the next producer ends it at once: so
            // it may be open for long. After it, one who was only slow looks like one who is fenced.
            ("transaction.timeout.ms", TIMEOUT),
        ])?;
        config
            .set("transactional.id", &self.id)
            .set("enable.idempotence", "true")
            .set("acks", "all")
            // a topic that was deleted must not come back by itself, with settings that nobody has chosen
            .set("allow.auto.create.topics", "false");
        Ok(config)
    }

    /// For a consumer. `ends` has it tell when it is at the topic's end.
    pub(super) fn consumer(&self, ends: bool) -> Result<ClientConfig, Error> {
        let mut config = self.config(&[
            // memory: so much is fetched ahead, and of small records so many, each with half a kB of the library's own
            ("queued.max.messages.kbytes", "16384"),
            ("queued.min.messages", "20000"),
            // it rests for a second otherwise, whenever so much is there
            ("fetch.queue.backoff.ms", "10"),
            ("fetch.error.backoff.ms", "100"),
            // a bit that has fallen over on a broker's disk is an error and not a value
            ("check.crcs", "true"),
        ])?;
        config
            // The library wants one to be assigned partitions; nothing is joined, and nothing committed.
            .set("group.id", &self.id)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("isolation.level", "read_committed")
            // never a silent jump over what has expired
            .set("auto.offset.reset", "error")
            .set("allow.auto.create.topics", "false")
            .set("enable.partition.eof", if ends { "true" } else { "false" });
        Ok(config)
    }

    /// For whoever makes topics, or looks at them.
    pub(super) fn admin(&self) -> Result<ClientConfig, Error> {
        self.config(&[])
    }

    fn config(&self, defaults: &[(&str, &str)]) -> Result<ClientConfig, Error> {
        let mut config = ClientConfig::new();
        config
            .set_log_level(RDKafkaLogLevel::Info)
            .set("client.id", &self.id)
            // a broker that does not answer is told from one that is slow
            .set("socket.timeout.ms", "20000")
            // one that is back is found soon
            .set("reconnect.backoff.max.ms", "1000")
            // idle connections are closed by brokers, and nobody need hear of it
            .set("log.connection.close", "false");
        for (name, value) in defaults {
            config.set(*name, *value);
        }
        for (name, value) in &self.properties {
            if OURS.contains(&name.as_str()) {
                return Err(Error::Property { name: name.clone(), why: "sluice decides that itself" });
            }
            config.set(name, value);
        }
        config.set("bootstrap.servers", &self.brokers);
        Ok(config)
    }
}
