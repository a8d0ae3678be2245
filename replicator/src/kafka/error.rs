//! What can go wrong with Kafka, and what the reader does about it, in words that hold neither a record nor a password.

use std::fmt::Display;

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use crate::error::{Doing, Kind};

/// What happened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another producer of the same pipeline was opened after this one.
    #[error("another sluice captures for this pipeline now")]
    Fenced,
    /// A transaction was open for longer than a broker lets it be: that it was ended is told as if another had come.
    #[error(
        "the broker has ended a transaction that was open for {seconds} s: it took too long, or another sluice captures for this pipeline now"
    )]
    Late {
        /// How long it was.
        seconds: u64,
    },
    /// One that was opened at the same time, and has lost already, has taken half of ours with it.
    #[error("another sluice was about to capture for this pipeline, and has lost")]
    Crossed,
    /// What was looked at before the fence is not what there is behind it.
    #[error("another sluice has captured for this pipeline meanwhile; starting over")]
    Meanwhile,
    /// What was to be read next is no longer there.
    #[error("offset {offset} is to be read next, and the topic begins at {low}: what lies between has expired unread")]
    Expired {
        /// The next to be read.
        offset: i64,
        /// The first there is.
        low: i64,
    },
    /// What was read is not there.
    #[error("offset {offset} is to be read next, and the topic ends at {end}: it was made anew, or has lost its end")]
    Beyond {
        /// The next to be read.
        offset: i64,
        /// The next to be written.
        end: i64,
    },
    /// What was written is not there.
    #[error(
        "what was captured into it reached offset {last}, and the topic ends at {end}: it was made anew, or has lost its end"
    )]
    Anew {
        /// An offset that was written.
        last: i64,
        /// The next to be written.
        end: i64,
    },
    /// There is no such topic.
    #[error("there is no topic {0}")]
    Absent(String),
    /// A property that was given, without its value, which may be a secret.
    #[error("kafka.properties: {name}: {why}")]
    Property {
        /// Its name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The properties do not go together.
    #[error("kafka.properties: {0}")]
    Properties(String),
    /// All else, as broker or library tell it.
    #[error("{told}")]
    Told {
        /// Which of the many.
        code: Code,
        /// In words.
        told: String,
    },
}

impl Error {
    /// A code without a story.
    pub(super) fn of(code: Code) -> Error {
        match code {
            Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch => Error::Fenced,
            code => Error::Told { code, told: code.to_string() },
        }
    }

    /// No answer came.
    pub(crate) fn silence() -> Error {
        Error::of(Code::OperationTimedOut)
    }

    /// What the reader does about it.
    pub fn kind(&self) -> Kind {
        match self {
            Error::Fenced
            | Error::Late { .. }
            | Error::Expired { .. }
            | Error::Beyond { .. }
            | Error::Anew { .. }
            | Error::Absent(_) => Kind::Refused,
            Error::Crossed | Error::Meanwhile => Kind::Unavailable,
            Error::Property { .. } | Error::Properties(_) => Kind::Config,
            Error::Told { code, .. } => kind(*code),
        }
    }

    /// Whether a topic, and nobody else, stands in the way.
    pub fn is_of_topic(&self) -> bool {
        matches!(self, Error::Expired { .. } | Error::Beyond { .. } | Error::Anew { .. } | Error::Absent(_))
    }

    /// Does a broker know of no such topic, or partition?
    pub(super) fn is_of_no_topic(&self) -> bool {
        let unknown =
            |code| matches!(code, Code::UnknownTopic | Code::UnknownPartition | Code::UnknownTopicOrPartition);
        matches!(self, Error::Told { code, .. } if unknown(*code))
    }

    /// What mends it.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Error::Fenced => {
                "only one sluice may capture for a pipeline; stop the other, or start this one again to take over"
            }
            Error::Late { .. } => {
                "a part of a table is one transaction, and a table whose key is masked, or has another collation on a target, is one part: give kafka.properties a transaction.timeout.ms that is long enough, and the brokers as much transaction.max.timeout.ms"
            }
            Error::Crossed | Error::Meanwhile => "it is opened again; start one only",
            Error::Expired { .. } => {
                "sluice resync --all fills the gap; then give the topic more retention.ms, or apply more often"
            }
            Error::Beyond { .. } => "if it was made anew: sluice resync --all",
            Error::Anew { .. } => {
                "sluice capture --anew makes a new slot, and has every target brought up to date in chunks; the targets stay full meanwhile"
            }
            Error::Absent(_) => {
                "sluice capture makes it, where it may create topics; else create it with one partition and cleanup.policy=delete"
            }
            Error::Property { .. } | Error::Properties(_) => {
                "https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md lists them all"
            }
            Error::Told { code: Code::MessageSizeTooLarge | Code::MessageBatchTooLarge, .. } => {
                "give the topic more max.message.bytes (and kafka.properties the same message.max.bytes), or exclude the column; nothing is lost meanwhile"
            }
            Error::Told { code: Code::NotEnoughReplicas | Code::NotEnoughReplicasAfterAppend, .. } => {
                "fewer brokers are in sync than the topic's min.insync.replicas wants; it is gone on with once they are back"
            }
            Error::Told { code: Code::SSL, .. } => {
                "kafka.properties: ssl.ca.location has who signed the brokers' certificates, which are for the names in buffer.kafka.brokers and those that they advertise; ssl.certificate.location and ssl.key.location are ours, where they ask for one"
            }
            e => match e.kind() {
                Kind::Unavailable => {
                    "is the broker up, and are the addresses that it advertises reachable from here? nothing is lost meanwhile"
                }
                Kind::Denied => {
                    "kafka.properties has the credentials; docs/kafka.md lists what they must be allowed to do"
                }
                _ => return None,
            },
        })
    }
}

/// What is not listed passes, or may: it is tried again.
fn kind(code: Code) -> Kind {
    match code {
        Code::Authentication
        | Code::SSL
        | Code::SaslAuthenticationFailed
        | Code::UnsupportedSASLMechanism
        | Code::IllegalSASLState
        | Code::SecurityDisabled
        | Code::TopicAuthorizationFailed
        | Code::GroupAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::TransactionalIdAuthorizationFailed
        | Code::DelegationTokenAuthorizationFailed
        | Code::DelegationTokenExpired => Kind::Denied,
        Code::MessageSizeTooLarge
        | Code::MessageBatchTooLarge
        | Code::InvalidMessage
        | Code::InvalidMessageSize
        | Code::InvalidRecord
        | Code::BadMessage
        | Code::BadCompression
        | Code::UnsupportedCompressionType => Kind::Data,
        Code::InvalidArgument
        | Code::InvalidConfig
        | Code::InvalidTopic
        | Code::InvalidTransactionTimeout
        | Code::InvalidReplicationFactor
        | Code::PolicyViolation
        | Code::NotImplemented
        | Code::UnsupportedFeature
        | Code::UnsupportedVersion => Kind::Config,
        _ => Kind::Unavailable,
    }
}

impl From<KafkaError> for Error {
    fn from(e: KafkaError) -> Error {
        match e {
            KafkaError::Transaction(e) => match Error::of(e.code()) {
                // the library's own words say what it was about
                Error::Told { code, .. } => Error::Told { code, told: e.string() },
                other => other,
            },
            KafkaError::AdminOp(code) => Error::of(code),
            // its words quote the value
            KafkaError::ClientConfig(_, words, name, _) => Error::Property { name, why: wrong(&words) },
            KafkaError::ClientCreation(words) | KafkaError::AdminOpCreation(words) => Error::Properties(words),
            KafkaError::Nul(_) => Error::Properties("a name holds a zero byte".into()),
            e => match e.rdkafka_error_code() {
                Some(code) => Error::of(code),
                None => Error::Told { code: Code::Fail, told: e.to_string() },
            },
        }
    }
}

fn wrong(words: &str) -> &'static str {
    if words.starts_with("No such configuration property") {
        "there is no such property"
    } else if words.contains("not supported in this build") {
        "this build of sluice does not have it"
    } else {
        "not a value that it can take"
    }
}

impl<T, E: Into<Error>> Doing<T> for Result<T, E> {
    fn doing(self, action: &'static str) -> Result<T, crate::error::Error> {
        self.map_err(|e| crate::error::Error::Kafka { action: action.into(), source: e.into() })
    }

    fn doing_to(self, action: &'static str, topic: &dyn Display) -> Result<T, crate::error::Error> {
        self.map_err(|e| crate::error::Error::Kafka { action: format!("{action} {topic}").into(), source: e.into() })
    }
}
