//! Being asked to stop: by a signal, or by a deadline. To read the files again is to stop at a boundary too, and to go on.

use std::time::{Duration, Instant};

use tokio::sync::watch;

/// A process that was asked to end is gone within five seconds: what is written at the very end may take what is left of this, and so much at least.
const IN_ALL: Duration = Duration::from_millis(4500);
const AT_LEAST: Duration = Duration::from_millis(100);

/// Why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// SIGTERM: end at a boundary, exit 0.
    Terminate,
    /// Ctrl-C: end at a boundary, exit 130.
    Interrupt,
    /// `--timeout`: end at a boundary, exit 7.
    Timeout,
    /// `--until-caught-up` has met a freeze: end at a boundary, exit 5.
    Frozen,
    /// SIGHUP, or `approve --now` from elsewhere: end at a boundary, read the files, go on.
    Reread,
}

/// Asks.
#[derive(Clone, Debug)]
pub struct Stopper(std::sync::Arc<watch::Sender<Option<(Why, Instant)>>>);

/// Is asked.
#[derive(Clone, Debug)]
pub struct Stop {
    /// And since when.
    asked: watch::Receiver<Option<(Why, Instant)>>,
    asker: Stopper,
}

/// Both ends.
pub fn pair() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(None);
    let asker = Stopper(std::sync::Arc::new(sender));
    (asker.clone(), Stop { asked: receiver, asker })
}

impl Stopper {
    /// Asks; the first reason to end stays.
    pub fn stop(&self, why: Why) {
        self.0.send_if_modified(|w| {
            if matches!(w, None | Some((Why::Reread, _))) {
                *w = Some((why, Instant::now()));
                true
            } else {
                false
            }
        });
    }
}

impl Stop {
    /// Has somebody asked?
    pub fn asked(&self) -> Option<Why> {
        self.asked.borrow().map(|(why, _)| why)
    }

    /// How long what is written at the very end may take: `most`, and what is left of the time that a process has which was asked to end.
    pub fn left(&self, most: Duration) -> Duration {
        match *self.asked.borrow() {
            Some((why, since)) if why != Why::Reread => most.min(IN_ALL.saturating_sub(since.elapsed())).max(AT_LEAST),
            _ => most,
        }
    }

    /// Asks for the files to be read again.
    pub fn reread(&self) {
        self.asker.stop(Why::Reread);
    }

    /// They are about to be read: whoever asks from here on asks anew.
    pub fn rereads(&self) {
        self.asker.0.send_if_modified(|w| w.take_if(|(why, _)| *why == Why::Reread).is_some());
    }

    /// Waits until somebody asks.
    pub async fn wait(&mut self) -> Why {
        loop {
            if let Some(why) = self.asked() {
                return why;
            }
            if self.asked.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}
