//! The topic between capture and apply: one partition, one transactional producer, any number of readers.
//!
//! **Why nothing is lost or doubled.** What a producer puts into the topic between `begin` and `commit` becomes visible
//! at once or never, and a commit that has returned is on as many brokers as the topic demands. A producer that dies, or whose
//! commit had no answer, leaves a transaction of which nobody knows how it ended. Whoever opens the next one fences the former
//! and waits until the broker has decided; only then is the end of the topic read ([`Consumer::tail`]), and it is the truth.
//! Readers see committed records only, at offsets that they keep themselves: never by what a group has committed.
//!
//! All of it blocks: it lives in a thread of its own, or in `spawn_blocking`.

pub mod arrivals;
pub mod capture;
pub mod consumer;
pub mod envelope;
pub mod error;
pub mod memory;
pub mod options;
pub mod producer;
pub mod requests;
pub mod sink;
pub mod topic;

mod context;

pub use consumer::{Consumer, Taken};
pub use error::Error;
pub use options::Options;
pub use producer::Producer;

use std::time::Duration;

/// There is no other: order holds in one partition only.
const PARTITION: i32 = 0;
/// A broker that restarts, or a new leader, is waited for this long and nobody hears of it. Longer than that is for
/// the one that runs the pipeline to decide.
const PATIENCE: Duration = Duration::from_secs(30);
/// What waits for an answer looks up this often, for a reason why none will come.
const LOOK: Duration = Duration::from_millis(500);
