//! Being asked to stop: by a signal, or by a deadline.

use tokio::sync::watch;

/// Why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// SIGTERM: end at a boundary, exit 0.
    Terminate,
    /// Ctrl-C: end at a boundary, exit 130.
    Interrupt,
    /// `--timeout`: end at a boundary, exit 7.
    Timeout,
}

/// Asks.
#[derive(Clone, Debug)]
pub struct Stopper(std::sync::Arc<watch::Sender<Option<Why>>>);

/// Is asked.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<Option<Why>>);

/// Both ends.
pub fn pair() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(None);
    (Stopper(std::sync::Arc::new(sender)), Stop(receiver))
}

impl Stopper {
    /// Asks; the first reason stays.
    pub fn stop(&self, why: Why) {
        self.0.send_if_modified(|w| {
            if w.is_none() {
                *w = Some(why);
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
        *self.0.borrow()
    }

    /// Waits until somebody asks.
    pub async fn wait(&mut self) -> Why {
        loop {
            if let Some(why) = self.asked() {
                return why;
            }
            if self.0.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}
