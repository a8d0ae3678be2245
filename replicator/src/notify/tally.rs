//! What has become of notifications, by receiver: for `/metrics`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What has become of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The receiver has taken it.
    Sent,
    /// It was given up.
    Failed,
    /// It was not told by itself, because others like it were just before.
    Suppressed,
}

impl Outcome {
    /// One word.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Sent => "sent",
            Outcome::Failed => "failed",
            Outcome::Suppressed => "suppressed",
        }
    }
}

/// Counts, shared.
#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<Mutex<BTreeMap<(String, Outcome), u64>>>);

impl Tally {
    /// One more.
    pub(crate) fn count(&self, receiver: &str, outcome: Outcome) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry((receiver.to_owned(), outcome)).or_default() += 1;
    }

    /// All so far.
    pub fn counts(&self) -> BTreeMap<(String, Outcome), u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
