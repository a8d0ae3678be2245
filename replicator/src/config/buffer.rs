//! `buffer.kafka`: the topic between capture and apply.
//!
//! What librdkafka knows is passed through, so that whatever a Kafka asks of its clients can be said. Not passed through
//! is what the promise hangs on: who may write, that a record is there once, what of the topic is read, and that nothing
//! but the target says how far it has come.

use super::problem::{Fault, Problems};
use super::read::At;
use super::secret::Secret;
use super::sections::label;
use super::tree::Scalar;

/// The section `buffer.kafka`.
#[derive(Clone, Debug)]
pub struct Buffer {
    /// `host:port,host:port`: some of Kafka's brokers.
    pub brokers: String,
    /// Of one partition.
    pub topic: String,
    /// In the file's order.
    pub properties: Vec<Property>,
}

/// A setting of librdkafka's.
#[derive(Clone, Debug)]
pub struct Property {
    /// As librdkafka has it.
    pub name: String,
    /// For librdkafka, and for nobody else.
    pub value: Secret,
    /// May it be shown? Neither what came from the environment nor what is a secret by its name.
    pub(super) shown: bool,
}

/// A topic's name has 249 characters at most; ours leaves room for `.requests`.
const LONGEST_TOPIC: usize = 240;

/// Set by sluice, and why nobody else may.
const OURS: &[(&str, &str)] = &[
    ("bootstrap.servers", "buffer.kafka.brokers says it"),
    ("metadata.broker.list", "buffer.kafka.brokers says it"),
    ("transactional.id", "by this name Kafka shuts out a capture that another has taken over from"),
    ("enable.idempotence", "without it a record can be there twice"),
    ("acks", "production is told that it may forget what Kafka has on all replicas in sync"),
    ("request.required.acks", "production is told that it may forget what Kafka has on all replicas in sync"),
    ("isolation.level", "only what is committed is read"),
    ("enable.auto.commit", "how far a target has come stands on the target, in the transaction of its rows"),
    ("auto.commit.enable", "how far a target has come stands on the target, in the transaction of its rows"),
    ("group.id", "how far a target has come stands on the target, in the transaction of its rows"),
    ("auto.offset.reset", "what has gone from the topic unread is an error, and not skipped"),
    ("enable.partition.eof", "it says that everything has been read"),
    ("plugin.library.paths", "a library of somebody else's in the process that holds the raw rows"),
];

/// What people set by hand, for "did you mean".
#[cfg(feature = "kafka")]
const USUAL: &[&str] = &[
    "client.id",
    "client.rack",
    "compression.level",
    "compression.type",
    "linger.ms",
    "message.max.bytes",
    "message.timeout.ms",
    "sasl.mechanism",
    "sasl.oauthbearer.config",
    "sasl.password",
    "sasl.username",
    "security.protocol",
    "socket.keepalive.enable",
    "socket.timeout.ms",
    "ssl.ca.location",
    "ssl.certificate.location",
    "ssl.endpoint.identification.algorithm",
    "ssl.key.location",
    "ssl.key.password",
    "transaction.timeout.ms",
];

/// Reads `buffer`. `None` where nothing is said, or a problem was written down.
pub(super) fn buffer(at: &At<'_>, pipeline: Option<&str>, problems: &mut Problems) -> Option<Buffer> {
    if !at.is_there() {
        return None;
    }
    if !cfg!(feature = "kafka") {
        let fault = Fault::new("this sluice was built without Kafka");
        at.get("kafka").problem(fault.hint("build it with the feature kafka, or take the section out"), problems);
        return None;
    }
    at.entries(problems);
    let kafka = at.get("kafka");
    kafka.entries(problems);
    let brokers = kafka.get("brokers").require(problems, brokers);
    let topic = kafka.get("topic");
    let topic =
        if topic.is_there() { topic.read(problems, topic_name) } else { pipeline.map(|p| format!("sluice.{p}")) };
    let properties = kafka.get("properties").entries(problems);
    let properties = properties.into_iter().filter_map(|(name, at)| property(name, &at, problems)).collect();
    Some(Buffer { brokers: brokers?, topic: topic?, properties })
}

fn brokers(scalar: &Scalar) -> Result<String, Fault> {
    let all: Vec<&str> = scalar.text.split(',').map(str::trim).collect();
    if all.iter().all(|broker| is_broker(broker)) {
        return Ok(all.join(","));
    }
    let fault = Fault::new(format!("{} is no list of brokers", scalar.shown()));
    Err(fault.hint("host:port, with commas between: kafka1:9092,kafka2:9092"))
}

fn is_broker(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let name = |host: &str| host.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
    let address = |host: &str| host.chars().all(|c| c.is_ascii_hexdigit() || ":.".contains(c));
    let host_fits = match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        Some(inner) => !inner.is_empty() && address(inner),
        None => !host.is_empty() && name(host),
    };
    host_fits && port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port != 0)
}

fn topic_name(scalar: &Scalar) -> Result<String, Fault> {
    let good = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let name = label(scalar, LONGEST_TOPIC, "letters, digits, \".\", _ and -", good)?;
    match name.as_str() {
        "." | ".." => Err(Fault::new(format!("{} is not a name", scalar.shown()))),
        _ => Ok(name),
    }
}

fn property(name: &str, at: &At<'_>, problems: &mut Problems) -> Option<Property> {
    if let Some((_, why)) = OURS.iter().find(|(ours, _)| *ours == name) {
        at.problem(Fault::new("set by sluice itself").hint(*why), problems);
        return None;
    }
    at.read(problems, |scalar| {
        let shown = !scalar.expanded && !is_secret(name);
        taken(name, &scalar.text, shown)?;
        Ok(Property { name: name.to_owned(), value: Secret::new(scalar.text.as_str()), shown })
    })
}

/// Is a value of this name one that nobody is to see, even if it stands in the file?
fn is_secret(name: &str) -> bool {
    let words = ["password", "passphrase", "secret", "key.pem", "sasl.oauthbearer.config"];
    words.iter().any(|word| name.contains(word))
}

/// Does librdkafka take this? Asked here, so that a slip is told with its line, and not by a client that does not come up.
#[cfg(feature = "kafka")]
fn taken(name: &str, value: &str, shown: bool) -> Result<(), Fault> {
    use rdkafka::error::KafkaError;
    use rdkafka::types::RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN;

    match rdkafka::ClientConfig::new().set(name, value).create_native_config() {
        Ok(_) => Ok(()),
        Err(KafkaError::ClientConfig(RD_KAFKA_CONF_UNKNOWN, ..)) => {
            let hint = super::did_you_mean(name, USUAL.iter().copied());
            Err(Fault { what: "no property of librdkafka".to_owned(), hint })
        }
        // what it says of the value has the value in it
        Err(KafkaError::ClientConfig(_, why, ..)) if shown => Err(Fault::new("librdkafka does not take it").hint(why)),
        Err(_) => Err(Fault::new("librdkafka does not take the value")),
    }
}

#[cfg(not(feature = "kafka"))]
fn taken(_: &str, _: &str, _: bool) -> Result<(), Fault> {
    Ok(())
}
