//! The audit as verbs keep it: an entry before what they do, one with what came of it, and both as JSON lines where so configured.
//!
//! A verb that writes does it within [`kept`]; `run` and `apply`, which open and lose their target as they go, have [`Running`]. What cannot be written down
//! is not done. What was done and whose result cannot be written down stays done; that is logged, and the entry stands there without a result.
//!
//! `audit.file` gets each entry when the target has it, as one line in one write at the end of the file. It is a copy elsewhere, so it has the anchor
//! that a chain needs: who cuts off the target's chain does not cut the file's.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

use serde_json::{Value, json};
use sink_postgres::audit::{self, Chain, Entry, Recorded};
use wire::Connection;

use crate::board::Board;
use crate::config::Config;
use crate::error::Error;
use crate::start;
use crate::stop::{Stop, Why};
use crate::who;

/// The target has half of it to hear how a run has ended, where nobody waits for the end.
const HEARD: Duration = Duration::from_secs(6);

/// Does something that writes on the target, between its two entries in the audit. `what`: the verb's own words, never a value of a row.
///
/// # Errors
/// What it fails with; or that the beginning could not be written down, and then nothing was done.
pub async fn kept<T>(
    config: &Config,
    db: &mut Connection,
    verb: &str,
    what: Value,
    does: impl AsyncFnOnce(&mut Connection) -> Result<T, Error>,
) -> Result<T, Error> {
    let begun = begin(config, db, verb, &what).await?.id;
    let done = does(db).await;
    end(config, db, verb, begun, &result(&done)).await;
    done
}

/// Writes that it begins. For whoever cannot be within [`kept`].
pub async fn begin(config: &Config, db: &mut Connection, verb: &str, what: &Value) -> Result<Recorded, Error> {
    record(config, db, verb, what, None).await
}

/// Writes what came of the entry `begun`, if it can.
pub async fn end(config: &Config, db: &mut Connection, verb: &str, begun: i64, result: &str) -> Option<Recorded> {
    if db.transaction_status() != b'I' {
        // it failed amid a transaction
        let _ = db.simple("ROLLBACK").await;
    }
    match record(config, db, verb, &json!({}), Some((begun, result))).await {
        Ok(recorded) => Some(recorded),
        Err(e) => {
            tracing::warn!(error = e.chain(), verb, begun, "the audit on the target has no result of it");
            None
        }
    }
}

/// What came of it, in words: those of an error, which has no value of a row (invariant 5).
pub fn result<T>(done: &Result<T, Error>) -> String {
    match done {
        Ok(_) => "done".into(),
        Err(e) => e.chain(),
    }
}

/// The chain that this pipeline's entries are put on.
pub fn chain(config: &Config) -> Chain {
    Chain::new(config.masking.key.as_ref())
}

async fn record(
    config: &Config,
    db: &mut Connection,
    verb: &str,
    what: &Value,
    outcome: Option<(i64, &str)>,
) -> Result<Recorded, Error> {
    let (os_user, host) = (who::os_user(), who::host());
    let entry = Entry { pipeline: &config.pipeline, verb, os_user: &os_user, host: &host, what, outcome };
    let recorded = audit::record(db, &chain(config), &entry).await.map_err(Error::Target)?;
    tracing::debug!(verb, entry = recorded.id, head = recorded.hash, "audited");
    if let Some(path) = &config.audit.file {
        append(path, &recorded).map_err(|source| Error::File { action: "append to", path: path.clone(), source })?;
    }
    Ok(recorded)
}

fn append(path: &str, entry: &Recorded) -> std::io::Result<()> {
    let mut line = serde_json::to_string(entry)?;
    line.push('\n');
    let mut file = std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    // in one write: others append to it too
    file.write_all(line.as_bytes())?;
    file.sync_data()
}

/// The entries of a `run` or an `apply`: one when the target is open for the first time, one whenever it goes on by other files, one
/// with its end.
pub struct Running {
    verb: &'static str,
    what: Value,
    begun: Option<i64>,
    /// The files were read again since.
    reread: bool,
    /// By which it was opened.
    config: Option<Config>,
}

impl Running {
    /// Of that verb; `what` as for [`kept`].
    pub fn new(verb: &'static str, what: Value) -> Running {
        Running { verb, what, begun: None, reread: false, config: None }
    }

    /// The files were read again.
    pub fn rereads(&mut self) {
        self.reread = true;
    }

    /// The target is open, and rows are about to be written. Gives why it is to end instead, if somebody has asked for that meanwhile.
    pub async fn opened(&mut self, config: &Config, board: &Board, stop: &mut Stop) -> Result<Option<Why>, Error> {
        tokio::select! {
            biased;
            why = stop.wait() => Ok(Some(why)),
            written = self.open(config, board) => written.map(|()| None),
        }
    }

    /// Where nothing is to be said, nobody is asked.
    async fn open(&mut self, config: &Config, board: &Board) -> Result<(), Error> {
        if self.begun.is_some() && !self.reread {
            return Ok(());
        }
        let mut db = open(config).await?;
        let recorded = match self.begun {
            None => begin(config, &mut db, self.verb, &self.what).await?,
            Some(begun) => {
                let outcome = Some((begun, "goes on by files that were read again"));
                record(config, &mut db, self.verb, &json!({}), outcome).await?
            }
        };
        db.close().await;
        self.begun.get_or_insert(recorded.id);
        (self.reread, self.config) = (false, Some(config.clone()));
        said(&recorded);
        board.state().audit = recorded.hash.map(|hash| (recorded.id, hash));
        Ok(())
    }

    /// It has ended. Half of the time that is left is for this: the run's line is to be written behind it.
    pub async fn ended(self, result: &str, stop: &Stop) {
        let (Some(begun), Some(config)) = (self.begun, self.config) else { return };
        let told = async {
            match open(&config).await {
                Ok(mut db) => {
                    end(&config, &mut db, self.verb, begun, result).await.iter().for_each(said);
                    db.close().await;
                }
                Err(e) => tracing::warn!(error = e.chain(), begun, "the audit on the target has no end of this run"),
            }
        };
        if tokio::time::timeout(stop.left(HEARD) / 2, told).await.is_err() {
            tracing::warn!(begun, "the audit on the target has no end of this run: it does not answer");
        }
    }
}

/// The head of the chain, elsewhere than on the target: in the log of whoever runs for long.
fn said(recorded: &Recorded) {
    tracing::info!(entry = recorded.id, head = recorded.hash, "audited");
}

async fn open(config: &Config) -> Result<Connection, Error> {
    let target = start::ends::target_alone(config)?;
    start::ends::target(config, &target, "audit", &[("lock_timeout", "10s")]).await
}
