//! What the target is looked at for once in a while, because nobody tells it: whether it is still our turn, what others have
//! decided there (`resync`, `quarantine`), what its own users have given way to; and the one time at which counters are
//! written down on a stream that never rests.

use crate::error::Error;
use crate::sink::PostgresSink;

impl PostgresSink {
    /// Is it still our turn, and what is pending by now? True: somebody wants the files to be read again.
    pub async fn look(&mut self) -> Result<bool, Error> {
        let reread = self.confirm_turn().await?;
        self.reload_pending().await?;
        Ok(reread)
    }

    /// Lets go of what nothing holds any more, and writes the counters down.
    ///
    /// Counters go here and not with the question of what is durable: that one is asked only while something is not, and on a busy
    /// stream each commit brings its answer. `sluice.tables` then showed nothing for as long as production wrote.
    pub async fn tidy(&mut self) -> Result<(), Error> {
        self.take_skips().await?;
        self.release_shadows().await?;
        self.release_tombstones().await?;
        // amid pieces of a source transaction they would commit what is not whole
        if !self.open {
            self.write_counts().await?;
        }
        Ok(())
    }

    /// Is it still our turn?
    async fn confirm_turn(&mut self) -> Result<bool, Error> {
        let rows = self
            .db
            .query("SELECT epoch, reread FROM sluice.checkpoint WHERE pipeline = $1", &[Some(&self.options.pipeline)])
            .await?;
        match rows.get(0, 0).and_then(|e| e.parse::<i64>().ok()) {
            Some(epoch) if epoch == self.epoch => Ok(rows.get(0, 1) == Some("t")),
            _ => Err(self.fenced(self.progress.applied)),
        }
    }
}
