//! The topic between capture and apply: one partition, one transactional producer, any number of readers.
//!
//! **Why nothing is lost or doubled.** What a producer puts into the topic between `begin` and `commit` becomes visible
//! at once or never, and a commit that has returned is on as many brokers as the topic demands. A producer that dies, or whose
//! commit had no answer, leaves a transaction of which nobody knows how it ended. Whoever opens the next one fences the former
//! and waits until the broker has decided; only then is the end of the topic read ([`Consumer::tail`]), and it is the truth.
//! Readers see committed records only, at offsets that they keep themselves: never by what a group has committed.
//!
//! All of it blocks: it lives in a thread of its own, or in `spawn_blocking`.

pub mod apply;
pub mod arrivals;
pub mod asking;
pub mod capture;
pub mod consumer;
pub mod envelope;
pub mod error;
pub mod memory;
pub mod options;
pub mod producer;
pub mod requests;
mod rules;
pub mod run;
pub mod sink;
pub mod standing;
pub mod topic;

mod context;

pub use consumer::{Consumer, Taken};
pub use error::Error;
pub use options::Options;
pub use producer::Producer;

use std::time::{Duration, Instant, SystemTime};

/// There is no other: order holds in one partition only.
const PARTITION: i32 = 0;
/// A broker that restarts, or a new leader, is waited for this long and nobody hears of it. Longer than that is for
/// the one that runs the pipeline to decide.
const PATIENCE: Duration = Duration::from_secs(30);
/// What waits for an answer looks up this often, for a reason why none will come.
const LOOK: Duration = Duration::from_millis(500);
/// A broker that has just come back may not know of every topic yet: one that is said not to be there is asked for again for so long.
const SURE: Duration = Duration::from_secs(5);

/// Does what blocks, on a thread that may.
pub(crate) async fn blocking<T: Send + 'static>(
    what: impl FnOnce() -> Result<T, crate::error::Error> + Send + 'static,
) -> Result<T, crate::error::Error> {
    let done = tokio::task::spawn_blocking(what).await;
    done.map_err(|e| crate::error::Error::ended("what asks Kafka", &e))?
}

/// When a time of production's was, as far as its clock and ours agree: never later than now.
fn instant(time: i64) -> Instant {
    let age = Duration::from_micros(u64::try_from(now().saturating_sub(time)).unwrap_or_default());
    let now = Instant::now();
    now.checked_sub(age).unwrap_or(now)
}

/// Now, in microseconds since 2000-01-01 00:00 UTC, as PostgreSQL counts.
fn now() -> i64 {
    const SINCE_1970: u64 = 946_684_800;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.saturating_sub(Duration::from_secs(SINCE_1970)).as_micros()).unwrap_or_default()
}
