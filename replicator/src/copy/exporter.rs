//! The session that holds a slice's snapshot and locks.
//!
//! It says little for as long as the slice lasts: it cuts ranges, and is otherwise there to be there. Production ends a
//! transaction in which nothing is said for `limits.source.idle`, so that a sluice that hangs holds up nobody's VACUUM; so one
//! that lives says something, whatever else it waits for: a target, a lock there, its own pace. That is why a task of its own
//! does it. No bound on the length of a slice would do as well: a slice ends when what it has begun is loaded, and a merge on
//! the target takes what it takes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
use tokio::task::JoinHandle;
use wire::Connection;

use crate::error::{Doing, Error};
use crate::setup::Setup;

/// How long we wait for ACCESS SHARE on production before we try again later.
const LOCK_TIMEOUT: &str = "2s";
/// So often within `limits.source.idle` something is said.
const OFTEN: u32 = 4;

/// The session.
pub struct Exporter {
    db: Arc<Mutex<Connection>>,
    beat: Beat,
    /// What was said by itself has failed, and the transaction with it.
    gone: Arc<AtomicBool>,
}

/// Ends with whom it is for.
struct Beat(JoinHandle<()>);

impl Drop for Beat {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Exporter {
    /// Opens it.
    pub async fn open(setup: &Setup) -> Result<Exporter, Error> {
        let db = setup.copier("export", &[("lock_timeout", LOCK_TIMEOUT)]).await?;
        let db = Arc::new(Mutex::new(db));
        let gone = Arc::new(AtomicBool::new(false));
        let beat = Beat(tokio::spawn(beat(Arc::downgrade(&db), gone.clone(), setup.idle / OFTEN)));
        Ok(Exporter { db, beat, gone })
    }

    /// For one statement, or several that belong together. Not while something else than production is waited for: meanwhile
    /// nobody else can say anything.
    pub async fn lock(&self) -> MutexGuard<'_, Connection> {
        self.db.lock().await
    }

    /// Lets go of snapshot and locks.
    ///
    /// # Errors
    /// They were gone before, since when nobody knows: what failed meanwhile may have failed by that. A statement of whoever
    /// asked that has failed is no such thing: he has heard it.
    pub async fn end(self) -> Result<(), Error> {
        let Exporter { db, beat, gone } = self;
        let mut held = db.lock().await;
        if gone.load(Ordering::SeqCst) {
            return Err(Error::start_over("the snapshot of a slice was ended; starting over"));
        }
        held.simple("COMMIT").await.doing("end a snapshot")?;
        drop((held, beat));
        if let Some(db) = Arc::into_inner(db) {
            db.into_inner().close().await;
        }
        Ok(())
    }
}

/// Says something in a transaction that is open, unless somebody else does.
async fn beat(db: Weak<Mutex<Connection>>, gone: Arc<AtomicBool>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        let Some(db) = db.upgrade() else { return };
        let Ok(mut db) = db.try_lock() else { continue };
        if db.transaction_status() == b'T' && db.simple("SELECT").await.is_err() {
            gone.store(true, Ordering::SeqCst);
            return;
        }
    }
}
