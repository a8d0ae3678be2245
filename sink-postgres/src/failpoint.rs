//! Named places at which a test kills the process. Without the feature `failpoints` there is nothing here.

/// Dies here by SIGKILL, as if the machine had gone, if `SLUICE_FAILPOINT` names this place (`name`, or `name:3` for the
/// third time). `name!text` panics instead, with that text as its message.
#[cfg(feature = "failpoints")]
pub fn hit(name: &str) {
    use std::sync::atomic::{AtomicU32, Ordering};
    static HITS: AtomicU32 = AtomicU32::new(0);
    let Ok(wanted) = std::env::var("SLUICE_FAILPOINT") else { return };
    if let Some((place, text)) = wanted.split_once('!') {
        assert!(place != name, "{text}");
        return;
    }
    let (place, nth) = wanted.split_once(':').map_or((wanted.as_str(), 1), |(p, n)| (p, n.parse().unwrap_or(1)));
    if place == name && HITS.fetch_add(1, Ordering::SeqCst) + 1 == nth {
        // not abort: it leaves a core; a kill leaves nothing
        let _ = std::process::Command::new("kill").args(["-9", &std::process::id().to_string()]).status();
        loop {
            std::thread::park();
        }
    }
}

/// Nothing.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub fn hit(_: &str) {}
