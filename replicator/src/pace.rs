//! How fast the copy may read production: bytes a second, of all its readers together.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What may be taken at once after a rest: so much of a second.
const BURST: Duration = Duration::from_millis(250);

/// A pace that readers share.
#[derive(Debug)]
pub struct Pace {
    /// Bytes a second.
    rate: u64,
    /// When all that was taken so far is paid for.
    paid: Mutex<Instant>,
}

impl Pace {
    /// So many bytes a second.
    pub fn new(rate: u64) -> Pace {
        Pace { rate: rate.max(1), paid: Mutex::new(Instant::now()) }
    }

    /// Bytes a second.
    pub fn rate(&self) -> u64 {
        self.rate
    }

    /// These bytes were read: waits until they were not too many.
    pub async fn took(&self, bytes: usize) {
        tokio::time::sleep(self.owes(bytes, Instant::now())).await;
    }

    /// How long whoever has read these bytes has to wait.
    fn owes(&self, bytes: usize, now: Instant) -> Duration {
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        // who has rested may begin with a burst, and saves up no more
        *paid = (*paid).max(now.checked_sub(BURST).unwrap_or(now))
            + Duration::from_secs_f64(bytes as f64 / self.rate as f64);
        paid.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_together_keep_to_it() {
        let (pace, began) = (Pace::new(1_000_000), Instant::now());
        // ten seconds' worth, by whoever comes, each of them waiting as it is told
        let mut now = began;
        for _ in 0..1000 {
            now += pace.owes(10_000, now);
        }
        let took = now.duration_since(began);
        assert!((9.7..10.1).contains(&took.as_secs_f64()), "{took:?}");
    }

    #[test]
    fn a_rest_saves_up_a_burst_and_no_more() {
        let (pace, now) = (Pace::new(1_000), Instant::now() + Duration::from_secs(3600));
        assert_eq!(pace.owes(250, now), Duration::ZERO);
        assert_eq!(pace.owes(1_000, now), Duration::from_secs(1));
    }
}
