//! The topic as it must be: made so where it is not there, looked at where it is.
//!
//! One partition, because the order of transactions holds in one only. Never compacted: that keeps the last record of each key, and sluice
//! needs all, since an update may not hold a value that an earlier one has.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{self, Poll, Wake};
use std::thread::Thread;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use super::context::Context;
use super::options::{BATCH, LARGEST};
use super::{Error, LOOK, Options, PATIENCE, SURE};
use crate::error::{self, Doing as _, Kind};

/// A topic's settings, as far as anything rests on them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// One.
    pub partitions: usize,
    /// Copies of it.
    pub replicas: usize,
    /// How many copies must have a record before it is acknowledged.
    pub in_sync: usize,
    /// delete, compact, or both.
    pub cleanup: String,
    /// How long a record is kept at least; `None`: for ever.
    pub retention: Option<Duration>,
    /// How many bytes are kept at most; `None`: any.
    pub retained: Option<u64>,
    /// Of a batch, compressed.
    pub largest: usize,
}

/// Makes the topic and the two beside it where nobody has captured yet, and refuses one that is not as it must be. What is remembered is made
/// last: once it is there the others have been, and one that is gone was deleted. Made anew it would be an empty one.
pub fn made(options: &Options) -> Result<(), error::Error> {
    let state = options.state();
    let found = look(&state)?;
    let each = if found.is_some() { check } else { ensure };
    each(options)?;
    each(&options.requests())?;
    let Some(shape) = found else { return make(&state, KEPT).doing_to("make topic", &state.topic) };
    match faults_of_state(&state.topic, &shape).into_iter().next() {
        None => Ok(()),
        Some(Fault { what, hint }) => Err(error::Error::Refused { what, hint }),
    }
}

/// Of what is remembered the last of each key is kept, and no more than some MB beside it.
const KEPT: &[(&str, &str)] = &[
    ("cleanup.policy", "compact"),
    ("segment.bytes", "4194304"),
    ("min.cleanable.dirty.ratio", "0.1"),
    ("max.message.bytes", "8388608"),
];

/// Makes the topic if it is not there, and refuses one that is not as it must be.
pub fn ensure(options: &Options) -> Result<(), error::Error> {
    if look(options)?.is_none() {
        let largest = LARGEST.to_string();
        // as it comes: the broker does not pack it anew
        let settings =
            [("cleanup.policy", "delete"), ("compression.type", "producer"), ("max.message.bytes", &largest)];
        make(options, &settings).doing_to("make topic", &options.topic)?;
    }
    check(options)
}

/// Refuses a topic that is not as it must be, or not there.
pub fn check(options: &Options) -> Result<(), error::Error> {
    let began = Instant::now();
    loop {
        match look(options)? {
            Some(shape) => return fits(&options.topic, &shape),
            None if began.elapsed() < SURE => nap(),
            None => return Err(Error::Absent(options.topic.clone())).doing("look for the topic"),
        }
    }
}

/// Is it as it must be?
fn fits(topic: &str, shape: &Shape) -> Result<(), error::Error> {
    if let Some(Fault { what, hint }) = faults(topic, shape).into_iter().next() {
        return Err(error::Error::Refused { what, hint });
    }
    if shape.replicas > 1 && shape.in_sync < 2 {
        tracing::warn!(
            topic,
            hint = alter(topic, "min.insync.replicas=2"),
            "what one broker alone has acknowledged can be lost with it"
        );
    }
    Ok(())
}

/// What is not as it must be, and what mends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// In words.
    pub what: String,
    /// A command, or words.
    pub hint: String,
}

/// The command that changes a setting.
pub fn alter(topic: &str, setting: &str) -> String {
    format!("kafka-configs.sh --alter --entity-type topics --entity-name {topic} --add-config {setting}")
}

/// All that is not as it must be of a topic with records of which none may be missing.
pub fn faults(topic: &str, shape: &Shape) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut fault = |what, hint| faults.push(Fault { what, hint });
    if shape.partitions != 1 {
        fault(
            format!("topic {topic} has {} partitions, and transactions stay in order in one only", shape.partitions),
            "name a topic that is not there yet, which sluice makes, or one that has exactly one partition".into(),
        );
    }
    if shape.cleanup.split(',').any(|policy| policy.trim() == "compact") {
        fault(
            format!("topic {topic} is compacted, and records would go that later ones lean on"),
            alter(topic, "cleanup.policy=delete"),
        );
    }
    if shape.largest < BATCH {
        fault(
            format!("topic {topic} takes at most {} bytes at a time", shape.largest),
            alter(topic, &format!("max.message.bytes={LARGEST}")),
        );
    }
    faults
}

/// The same of the topic of what a capture remembers.
pub fn faults_of_state(topic: &str, shape: &Shape) -> Vec<Fault> {
    if shape.partitions == 1 && shape.cleanup.trim() == "compact" {
        return Vec::new();
    }
    let what = format!("topic {topic} must have one partition and be compacted: it is what a capture remembers");
    vec![Fault { what, hint: "delete it if nothing has been captured yet; sluice makes it".into() }]
}

/// The topic's settings; `None`: there is no such topic.
pub fn look(options: &Options) -> Result<Option<Shape>, error::Error> {
    Ok(look_within(options, PATIENCE)?.1)
}

/// How many brokers there are, and the topic's settings, for one who does not wait for long.
pub fn look_within(options: &Options, patience: Duration) -> Result<(usize, Option<Shape>), error::Error> {
    shape(options, patience).doing_to("look at topic", &options.topic)
}

fn shape(options: &Options, patience: Duration) -> Result<(usize, Option<Shape>), Error> {
    let (brokers, sizes) = sizes(options, patience)?;
    let Some((partitions, replicas)) = sizes else { return Ok((brokers, None)) };
    let admin: AdminClient<Context> = options.admin()?.create_with_context(Context::new())?;
    let asked = ResourceSpecifier::Topic(&options.topic);
    let told = wait(admin.describe_configs([&asked], &AdminOptions::new().request_timeout(Some(patience))))?;
    let told = told.into_iter().next().ok_or_else(Error::silence)?.map_err(Error::of)?;
    if told.entries.is_empty() {
        // who may not ask for them is told of none, and of no error
        return Err(Error::of(Code::TopicAuthorizationFailed));
    }
    let text = |name: &str| told.get(name).and_then(|entry| entry.value.clone());
    let number = |name: &str| text(name).and_then(|value| value.parse::<i64>().ok());
    // -1 is how a broker says any
    let bound = |name: &str| number(name).and_then(|n| u64::try_from(n).ok());
    let shape = Shape {
        partitions,
        replicas,
        in_sync: bound("min.insync.replicas").unwrap_or(1) as usize,
        cleanup: text("cleanup.policy").unwrap_or_default(),
        retention: bound("retention.ms").map(Duration::from_millis),
        retained: bound("retention.bytes"),
        largest: bound("max.message.bytes").map_or(usize::MAX, |n| n as usize),
    };
    Ok((brokers, Some(shape)))
}

/// How many brokers there are; and of the topic, partitions and copies, if it is there.
fn sizes(options: &Options, patience: Duration) -> Result<(usize, Option<(usize, usize)>), Error> {
    let client: BaseConsumer<Context> = options.consumer(false)?.create_with_context(Context::new())?;
    let (began, context) = (Instant::now(), client.context());
    loop {
        let error = match client.fetch_metadata(Some(&options.topic), (LOOK * 10).min(patience)) {
            Ok(told) => match told.topics().first().map(|topic| (topic.error().map(Code::from), topic)) {
                None | Some((Some(Code::UnknownTopicOrPartition | Code::UnknownTopic), _)) => {
                    return Ok((told.brokers().len(), None));
                }
                Some((None, topic)) => {
                    let copies = topic.partitions().iter().map(|p| p.replicas().len()).min();
                    return Ok((told.brokers().len(), Some((topic.partitions().len(), copies.unwrap_or(0)))));
                }
                // made a moment ago, it may have no leader yet
                Some((Some(code), _)) => Error::of(code),
            },
            Err(e) => e.into(),
        };
        client.poll(Duration::from_millis(1));
        if let Some(denied) = context.denied() {
            return Err(denied);
        }
        if error.kind() != Kind::Unavailable || began.elapsed() > patience {
            return Err(context.why(error));
        }
    }
}

fn make(options: &Options, settings: &[(&str, &str)]) -> Result<(), Error> {
    let replicas = sizes(options, PATIENCE)?.0.clamp(1, 3);
    // one broker may fail, and what is acknowledged is on another's disk then
    let in_sync = if replicas == 3 { "2" } else { "1" };
    let retention = options.retention.map(|r| r.as_millis().to_string());
    let mut topic =
        NewTopic::new(&options.topic, 1, TopicReplication::Fixed(replicas as i32)).set("min.insync.replicas", in_sync);
    for (name, value) in settings {
        topic = topic.set(name, value);
    }
    if let Some(retention) = &retention {
        topic = topic.set("retention.ms", retention);
    }
    let admin: AdminClient<Context> = options.admin()?.create_with_context(Context::new())?;
    let limits = AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE));
    let made = wait(admin.create_topics([&topic], &limits))?;
    match made.into_iter().next() {
        // somebody else was faster, or it is only now known here
        Some(Ok(_) | Err((_, Code::TopicAlreadyExists))) => {}
        Some(Err((_, code))) => return Err(Error::of(code)),
        None => return Err(Error::silence()),
    }
    tracing::info!(topic = options.topic, replicas, "topic made");
    settle(options)
}

/// Until brokers know of it: each hears of it in its own time.
fn settle(options: &Options) -> Result<(), Error> {
    let began = Instant::now();
    while sizes(options, PATIENCE)?.1.is_none() {
        if began.elapsed() > PATIENCE {
            return Err(Error::silence());
        }
        nap();
    }
    Ok(())
}

/// Until a broker knows more.
#[expect(clippy::disallowed_methods, reason = "the caller is a thread that may block")]
pub(super) fn nap() {
    std::thread::sleep(LOOK / 5);
}

/// The library's answers come to a thread of its own; this one has nothing else to do.
fn wait<T>(future: impl Future<Output = Result<T, KafkaError>>) -> Result<T, KafkaError> {
    struct Waiting(Thread);
    impl Wake for Waiting {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Waiting(std::thread::current())).into();
    let (mut future, mut context) = (pin!(future), task::Context::from_waker(&waker));
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(done) => return done,
            Poll::Pending => std::thread::park(),
        }
    }
}
