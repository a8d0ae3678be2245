//! What runs on a server for us and that nobody waits for any more is asked to end.
//!
//! A session that is dropped amid a statement closes its socket, and its server looks there only when it has something to
//! say: a long statement runs on, with its locks, and the next start would wait for it. So who lets go of sessions asks for
//! the end of what they do. One that does nothing by then hears nothing of it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinSet;
use wire::Canceler;

/// So many are kept; older ones are of sessions that have gone since.
const MOST: usize = 64;
/// A server may take this long to hear it.
const HEARD: Duration = Duration::from_secs(1);

/// The sessions that may have to be asked.
#[derive(Clone, Debug, Default)]
pub struct Cancels(Arc<Mutex<VecDeque<Canceler>>>);

impl Cancels {
    /// One more.
    pub fn add(&self, canceler: Canceler) {
        let mut all = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if all.len() >= MOST {
            all.pop_front();
        }
        all.push_back(canceler);
    }

    /// Asks all of them, at the same time. Call it when nobody waits for their answers any more: who does would try again.
    pub async fn all(&self) {
        let all: Vec<_> = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).iter().cloned().collect();
        let mut asked = JoinSet::new();
        for canceler in all {
            asked.spawn(async move {
                if let Err(e) = canceler.cancel().await {
                    tracing::debug!(error = %e, "a server does not hear that a statement is to end");
                }
            });
        }
        let _ = tokio::time::timeout(HEARD, asked.join_all()).await;
    }
}
