//! What is told: kinds of events, and one that has happened.

use serde_json::{Value, json};

/// A kind of event. Its word stands in `notify.webhooks.events`, and in what is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// The pipeline is open for the first time since the process began.
    Started,
    /// Staging shows what production has.
    CaughtUp,
    /// Something stands in the way that will not go by itself.
    Held,
    /// A server has been out of reach, or out of room, for a while.
    Retrying,
    /// What was held, or out of reach, goes on.
    Resumed,
    /// Rows went into quarantine.
    Quarantined,
    /// Rows of the target were not as expected.
    Diverged,
    /// What our slot holds of production's WAL: much, so much that the copy pauses, so much that the slot goes; and less again.
    Wal,
    /// Columns are withheld until somebody classifies them.
    Drift,
    /// A run with `--until-caught-up` has ended well.
    Finished,
    /// A run has ended with an error.
    Failed,
    /// A run was asked to end, and has.
    Stopped,
    /// Somebody tries whether he is heard (`check --notify`).
    Test,
}

impl Kind {
    /// All there are.
    pub const ALL: &[Kind] = &[
        Kind::Started,
        Kind::CaughtUp,
        Kind::Held,
        Kind::Retrying,
        Kind::Resumed,
        Kind::Quarantined,
        Kind::Diverged,
        Kind::Wal,
        Kind::Drift,
        Kind::Finished,
        Kind::Failed,
        Kind::Stopped,
        Kind::Test,
    ];

    /// One word.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Started => "started",
            Kind::CaughtUp => "caught_up",
            Kind::Held => "held",
            Kind::Retrying => "retrying",
            Kind::Resumed => "resumed",
            Kind::Quarantined => "quarantined",
            Kind::Diverged => "diverged",
            Kind::Wal => "wal",
            Kind::Drift => "drift",
            Kind::Finished => "finished",
            Kind::Failed => "failed",
            Kind::Stopped => "stopped",
            Kind::Test => "test",
        }
    }

    /// Does it come as often as it happens? It happens once in a process.
    pub(super) fn is_once(self) -> bool {
        matches!(self, Kind::Started | Kind::Finished | Kind::Failed | Kind::Stopped | Kind::Test)
    }

    /// Is it one of those of which only the last one is true?
    pub(super) fn is_state(self) -> bool {
        matches!(self, Kind::CaughtUp | Kind::Held | Kind::Retrying | Kind::Resumed)
    }
}

/// An event. Nothing in it is a value of a row (invariant 5): it is made of names, numbers and errors.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Of which kind.
    pub kind: Kind,
    /// Of which half of a pipeline with a topic; empty without one.
    pub half: &'static str,
    /// Told apart from others of its kind by this: by what it is held, say.
    pub about: String,
    /// In one sentence.
    pub summary: String,
    /// In facts, by kind.
    pub data: Value,
    /// So many of its kind and about the same were not told since the last that was.
    pub suppressed: u64,
    /// When, by this machine's clock.
    pub at: jiff::Timestamp,
}

impl Event {
    /// One that happens now.
    pub fn new(kind: Kind, half: &'static str, summary: impl Into<String>, data: Value) -> Event {
        let (about, at) = (String::new(), jiff::Timestamp::now());
        Event { kind, half, about, summary: summary.into(), data, suppressed: 0, at }
    }

    /// The same, about something.
    pub fn about(mut self, what: impl Into<String>) -> Event {
        self.about = what.into();
        self
    }
}

/// Who tells: what is the same in all that a process sends.
#[derive(Clone, Debug)]
pub struct Sender {
    /// The pipeline.
    pub pipeline: String,
    /// `target.environment`.
    pub environment: Option<String>,
    /// The machine.
    pub host: String,
}

/// The body that a webhook gets, of version 1; docs/operations.md has it. `audit`: number and hash of the last entry.
pub(super) fn body(event: &Event, id: &str, of: &Sender, audit: Option<&(i64, String)>) -> Value {
    json!({
        "version": 1,
        "id": id,
        "type": event.kind.word(),
        "timestamp": event.at.to_string(),
        "pipeline": of.pipeline,
        "environment": of.environment,
        "half": (!event.half.is_empty()).then_some(event.half),
        "host": of.host,
        "summary": event.summary,
        "suppressed": event.suppressed,
        "data": event.data,
        "audit": audit.map(|(entry, hash)| json!({ "entry": entry, "head": hash })),
    })
}
