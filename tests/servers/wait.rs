//! Waiting with a limit: a test that hangs says what for.

use std::future::Future;
use std::time::{Duration, Instant};

/// What one test may take before it fails; the long versions of some take an hour.
pub fn test_limit() -> Duration {
    Duration::from_secs(if std::env::var_os("SLUICE_SOAK").is_some() { 3 * 3600 } else { 300 })
}

/// Asks again every 10 ms until `done` says true; panics with `what` when `limit` is over.
pub async fn wait_until<F: Future<Output = bool>>(what: &str, limit: Duration, mut done: impl FnMut() -> F) {
    let start = Instant::now();
    while !done().await {
        assert!(start.elapsed() < limit, "waited {limit:?} in vain until {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The future's output, or a panic when `limit` is over.
pub async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(limit, future).await {
        Ok(output) => output,
        Err(_) => panic!("not done within {limit:?}"),
    }
}
