//! How fast the copy may read production: bytes a second, of all its readers together.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What may be taken at once after a rest: so much of a second.
const BURST: Duration = Duration::from_millis(250);
/// What a reader takes at once, at most, but for a row that is larger.
const PIECE: u64 = 256 << 10;
/// A reader reads again after this part of `limits.source.idle`, whatever it owes: to production one that stands still looks dead, and
/// a window that is shut opens again when a sixteenth of a buffer of some MB is free, which takes several pieces.
const SIGNS: u32 = 16;

/// How many readers can share a rate, and each still give production a sign in time.
pub fn readers(rate: u64, idle: Duration) -> usize {
    let pieces = rate as f64 * idle.as_secs_f64() / f64::from(SIGNS) / PIECE as f64;
    (pieces as usize).max(1)
}

/// The shortest `limits.source.idle` at which a reader that keeps to this rate gives a sign in time.
pub fn least_idle(rate: u64) -> Duration {
    Duration::from_secs((PIECE * u64::from(SIGNS)).div_ceil(rate.max(1)))
}

/// A pace that readers share.
#[derive(Debug)]
pub struct Pace {
    /// Bytes a second.
    rate: u64,
    /// When all that was taken so far is paid for.
    paid: Mutex<Instant>,
    /// Nobody stands still for longer.
    longest: Duration,
}

impl Pace {
    /// So many bytes a second; production takes one that stands still for `idle` for dead.
    pub fn new(rate: u64, idle: Duration) -> Pace {
        Pace { rate: rate.max(1), paid: Mutex::new(Instant::now()), longest: idle / SIGNS }
    }

    /// Bytes a second.
    pub fn rate(&self) -> u64 {
        self.rate
    }

    /// These bytes were read: waits until they were not too many. What one large row is too many of stays owed: pieces come
    /// slowly then.
    pub async fn took(&self, bytes: usize) {
        tokio::time::sleep(self.waits(bytes, Instant::now())).await;
    }

    fn waits(&self, bytes: usize, now: Instant) -> Duration {
        self.owes(bytes, now).min(self.longest)
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

    const IDLE: Duration = Duration::from_secs(300);

    #[test]
    fn nobody_looks_dead() {
        assert_eq!((readers(64 << 10, IDLE), readers(1 << 20, IDLE), readers(1 << 40, IDLE) > 64), (4, 75, true));
        for rate in [64 << 10, 100_000, 1 << 20] {
            let least = least_idle(rate);
            assert!(readers(rate, least) == 1 && rate * least.as_secs() >= PIECE * u64::from(SIGNS), "{rate}");
        }
    }

    #[test]
    fn a_large_row_is_paid_for_in_pieces() {
        let (pace, now) = (Pace::new(64 << 10, IDLE), Instant::now() + Duration::from_secs(3600));
        assert_eq!(pace.waits(1 << 30, now), IDLE / SIGNS);
        assert!(pace.owes(1, now) > Duration::from_secs(4 * 3600), "it is still owed");
    }

    #[test]
    fn all_together_keep_to_it() {
        let (pace, began) = (Pace::new(1_000_000, IDLE), Instant::now());
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
        let (pace, now) = (Pace::new(1_000, IDLE), Instant::now() + Duration::from_secs(3600));
        assert_eq!(pace.owes(250, now), Duration::ZERO);
        assert_eq!(pace.owes(1_000, now), Duration::from_secs(1));
    }
}
