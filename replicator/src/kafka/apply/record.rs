//! What each record of the topic means for an apply: a change is gathered, a commit closes a transaction, all else waits until that is applied.

use filters::change::Lsn;
use filters::filter::Verdict;

use super::super::consumer::Taken;
use super::super::envelope::{Malformed, Record, Start};
use super::{Apply, open};
use crate::error::Error;

impl Apply {
    pub(super) fn malformed(&self, offset: i64, why: Malformed) -> Error {
        Error::Topic { topic: self.topic.clone(), offset: Some(offset), why }
    }

    /// One record.
    pub(super) async fn take(&mut self, Taken { offset, value, .. }: Taken) -> Result<(), Error> {
        let raw = value.clone();
        let record = self.decoder.decode(value).map_err(|why| self.malformed(offset, why))?;
        self.next = offset + 1;
        match record {
            // of tables of which it is not known yet what the target's own file makes of them
            Record::Change { .. } | Record::ChunkBegin(_) if self.descriptions.is_starting() => {
                return Err(self.malformed(offset, Malformed::EARLY));
            }
            Record::Change { lsn, change, .. } => {
                if self.changes == 0 {
                    self.batch.begin(0, lsn);
                    self.board.state().lag.late();
                }
                self.changes += 1;
                // a table that the target's own file leaves out
                if !self.descriptions.leaves_out(change.table.oid) {
                    match self.descriptions.pass(change)? {
                        Verdict::Keep(change) => self.batch.change(change),
                        Verdict::Drop => {}
                        Verdict::NeedsRow { gone, due } => {
                            gone.into_iter().for_each(|change| self.batch.change(change));
                            self.batch.change(due);
                        }
                    }
                }
            }
            Record::Commit(commit) => {
                // amid one it may have begun, where all is pending still
                if commit.changes < self.changes || (commit.changes > self.changes && !self.begins) {
                    return Err(self.malformed(offset, Malformed::changes(commit.changes, self.changes)));
                }
                self.chained(commit.after, offset)?;
                if commit.lsn < self.at {
                    return Err(self.malformed(offset, Malformed::BACK));
                }
                self.changes = 0;
                self.at = commit.lsn;
                self.batch.begin(commit.xid, commit.lsn);
                self.batch.reads_on(offset + 1);
                self.batch.commit(commit.lsn, commit.time);
                self.board.state().lag.commits(super::super::instant(commit.time), commit.lsn);
            }
            Record::Position { after, lsn } => self.position(after, lsn, offset).await?,
            Record::Start(start) => self.starts(start, offset, &raw).await?,
            Record::Table(described) => {
                self.descriptions.tell(described, offset, raw, &self.config);
                if !self.descriptions.is_starting() {
                    // rows of another shape follow, and the checkpoint will pass this record
                    self.descriptions.write().await?;
                    self.descriptions.lay(&self.config, self.lock.as_ref()).await?;
                }
            }
            Record::Due { table, why } => self.due(table, why).await?,
            Record::Sequences(wanted) => self.hears_sequences(wanted).await?,
            Record::ChunkBegin(begin) => {
                self.settle().await?;
                self.chunk(begin, offset).await?;
            }
            // of one that is passed by
            Record::ChunkRows(_) | Record::ChunkEnd(_) => {}
        }
        Ok(())
    }

    /// Does it go on where the topic was read up to? One that begins at the topic's end does not know yet where that is.
    fn chained(&mut self, after: Lsn, offset: i64) -> Result<(), Error> {
        if std::mem::take(&mut self.begins) || after == self.at {
            return Ok(());
        }
        Err(self.malformed(offset, Malformed::GAP))
    }

    /// Nothing is in flight; behind a start all has been described.
    async fn position(&mut self, after: Lsn, lsn: Lsn, offset: i64) -> Result<(), Error> {
        self.chained(after, offset)?;
        if self.changes > 0 || lsn < self.at {
            return Err(self.malformed(offset, Malformed::BACK));
        }
        self.at = lsn;
        if self.descriptions.is_starting() {
            self.settle().await?;
            self.registers().await?;
        }
        self.batch.reads_on(offset + 1);
        self.batch.idle(lsn);
        Ok(())
    }

    /// A capture begins.
    async fn starts(&mut self, start: Start, offset: i64, raw: &[u8]) -> Result<(), Error> {
        self.land().await?;
        open::same(&self.start, &start)?;
        self.batch.void();
        self.changes = 0;
        if !self.begins && start.at < self.at && start.begun == self.start.begun {
            return Err(self.malformed(offset, Malformed::BACK));
        }
        // behind where we are: another slot, or the topic has lost what lay between. All is described anew, and unknown
        self.gap = !self.begins && (start.at > self.at || start.begun != self.start.begun);
        (self.at, self.begins) = (start.at, false);
        let sink = self.sink.as_mut().ok_or_else(|| Error::Bug("the sink is away".into()))?;
        sink.drop_pieces().await?;
        self.descriptions.start(&start, offset, raw);
        self.start = start;
        Ok(())
    }

    /// What a table holds is unknown from here on.
    async fn due(&mut self, oid: u32, why: String) -> Result<(), Error> {
        if self.descriptions.is_starting() {
            self.descriptions.due(oid, why);
            return Ok(());
        }
        self.settle().await?;
        self.make_pending(oid, &why).await
    }

    async fn make_pending(&mut self, oid: u32, why: &str) -> Result<(), Error> {
        let Some(name) = self.descriptions.name(oid) else { return Ok(()) };
        let sink = self.sink.as_mut().ok_or_else(|| Error::Bug("the sink is away".into()))?;
        sink.make_pending(&name, why).await?;
        self.asking.soon();
        Ok(())
    }

    /// The target hears of the tables as they are described now.
    async fn registers(&mut self) -> Result<(), Error> {
        let sink = self.sink.as_mut().ok_or_else(|| Error::Bug("the sink is away".into()))?;
        self.descriptions.register(sink, &self.config, self.lock.as_ref()).await?;
        let own = self.descriptions.structures(&self.config);
        open::empty(sink, &self.config, &self.start, own).await?;
        if std::mem::take(&mut self.gap) {
            tracing::warn!("the capture goes on behind a gap: every table is brought anew");
            for name in self.descriptions.names() {
                sink.make_pending(&name, "there is a gap in the topic").await?;
            }
            self.asking.soon();
        }
        for (oid, why) in self.descriptions.dues() {
            self.make_pending(oid, &why).await?;
        }
        Ok(())
    }
}
