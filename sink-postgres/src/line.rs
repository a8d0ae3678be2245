//! Batches one behind another: while the target works on one, the next is planned and written.
//!
//! **Why it is as if each had gone by itself.**
//!
//! 1. Nothing of the next is sent before every statement of the one before has touched as many rows as it had to. What is sent then is one
//!    write: the commit of the one before, and the next behind it.
//! 2. That commit may fail still (a check that was deferred to it). Then the next finds that the checkpoint is not where it begins
//!    (`claim.rs`): whatever its statements did is rolled back, and each goes again by itself.
//! 3. What the next was planned by, mappings and what is pending, changes in the slow path, in slices of the copy and by `reload_pending`. Slices and
//!    looks come when no batch is under way; where one fails its fast path, what was written of the next is thrown away, unsent.
//! 4. A shape that nobody has learnt takes a question, and the session has none to spare: such a batch is planned when it is alone.
//!
//! So there are two batches at most, each bounded as one, and a third that is gathered meanwhile by who reads.

use filters::change::{Batch, Lsn, Progress, Sink};
use tokio::sync::mpsc;

use crate::apply::{Fast, Written};
use crate::error::Error;
use crate::exchange::Sent;
use crate::failpoint;
use crate::sink::PostgresSink;

/// A batch, and what the checkpoint has to remember with it of production's visibility ([`PostgresSink::remember_xids`]).
#[derive(Debug)]
pub struct Noted {
    /// The changes.
    pub batch: Batch,
    /// All below is visible on production, and the last that is known.
    pub xids: (u64, u64),
}

/// What comes behind a batch, and whom to tell how far it is.
#[derive(Debug)]
pub struct Line {
    more: mpsc::Receiver<Noted>,
    told: mpsc::Sender<Progress>,
}

/// Where what comes behind is put, and what becomes of it: the other end of a [`Line`].
#[derive(Debug)]
pub struct Feeder {
    more: mpsc::Sender<Noted>,
    told: mpsc::Receiver<Progress>,
    /// One was put there, and the one before it is under way still.
    full: bool,
    fed: bool,
}

impl Feeder {
    /// Room for one more, if there is: whatever is put there is applied, and something is.
    pub fn room(&mut self) -> Option<mpsc::Permit<'_, Noted>> {
        let room = if self.full { None } else { self.more.try_reserve().ok() };
        (self.full, self.fed) = (self.full || room.is_some(), self.fed || room.is_some());
        room
    }

    /// Was any put there?
    pub fn has_fed(&self) -> bool {
        self.fed
    }

    /// The next position that is reached with more under way; `None`: there is none. Cancel-safe.
    pub async fn told(&mut self) -> Option<Progress> {
        let progress = self.told.recv().await?;
        self.full = false;
        Some(progress)
    }
}

impl Line {
    /// Both ends of one.
    pub fn new() -> (Feeder, Line) {
        // one word for each that was put there, and one is put there at a time
        let ((more, taken), (tells, told)) = (mpsc::channel(1), mpsc::channel(2));
        (Feeder { more, told, full: false, fed: false }, Line { more: taken, told: tells })
    }

    /// Nothing comes behind.
    pub fn alone() -> Line {
        Line::new().1
    }

    /// The next; `None`: none is there, and from now on none comes.
    async fn next(&mut self) -> Option<Noted> {
        if let Ok(next) = self.more.try_recv() {
            return Some(next);
        }
        self.more.close();
        // who was about to put one there has its place still
        self.more.recv().await
    }
}

/// A batch that waits for the one before it.
pub(crate) struct Behind {
    batch: Batch,
    /// The end of the one before.
    commit: Option<Sent>,
    /// Its own statements, if it could be planned.
    written: Option<Written>,
}

impl Behind {
    /// What was written and is not to be sent.
    fn unsent(&mut self) -> impl Iterator<Item = Sent> {
        self.commit.take().into_iter().chain(self.written.take().map(|w| w.sent))
    }
}

impl PostgresSink {
    /// Applies a batch, and what comes behind it until nothing does.
    pub async fn apply_line(&mut self, first: Noted, line: &mut Line) -> Result<Progress, Error> {
        let mut next = Some((self.noted(first), None));
        while let Some((batch, written)) = next.take() {
            next = self.apply_one(batch, written, line).await?;
        }
        Ok(self.progress)
    }

    /// Applies one of them, whose statements may be with the server already, and gives the one behind it, whose may be too.
    async fn apply_one(
        &mut self,
        batch: Batch,
        sent: Option<Written>,
        line: &mut Line,
    ) -> Result<Option<(Batch, Option<Written>)>, Error> {
        let mut behind = None;
        let sent = match sent {
            Some(sent) => Ok(Some(sent)),
            None => self.send(&batch).await,
        };
        let tried = match sent {
            Ok(Some(sent)) => self.wait(&batch, sent, line, &mut behind).await,
            Ok(None) => Ok(Fast::Untried),
            Err(e) => Err(e),
        };
        // `None`: it is applied
        let tried = match tried {
            Ok(Fast::Done) => self.end(&batch, &mut behind).await.map_err(Err).err(),
            tried => {
                if behind.as_ref().is_some_and(|b| b.written.is_some()) {
                    failpoint::hit("line.unsent");
                }
                let unsent = behind.iter_mut().flat_map(Behind::unsent);
                self.statements.discard(&mut self.db, unsent);
                Some(tried)
            }
        };
        match tried {
            None => self.counts.applied(&batch.changes),
            Some(tried) => self.apply_anyway(batch, tried).await?,
        }
        match behind {
            Some(Behind { batch, written, .. }) => {
                let _ = line.told.try_send(self.progress);
                Ok(Some((batch, written)))
            }
            None => Ok(line.next().await.map(|next| {
                let _ = line.told.try_send(self.progress);
                (self.noted(next), None)
            })),
        }
    }

    /// Sends the statements of a batch that nothing is before; `None` if it could not be planned.
    pub(crate) async fn send(&mut self, batch: &Batch) -> Result<Option<Written>, Error> {
        self.learn(&batch.changes).await?;
        let written = self.write_out(batch, self.open, &self.unsettled.clone())?;
        self.db.flush().await?;
        Ok(written)
    }

    fn noted(&mut self, Noted { batch, xids: (seen, max) }: Noted) -> Batch {
        self.remember_xids(seen, max);
        batch
    }

    /// Waits for what the server makes of a batch, and writes the one behind it, if one comes, meanwhile.
    pub(crate) async fn wait(
        &mut self,
        batch: &Batch,
        mut sent: Written,
        line: &mut Line,
        behind: &mut Option<Behind>,
    ) -> Result<Fast, Error> {
        let outcome = loop {
            tokio::select! {
                biased;
                outcome = self.statements.answer(&mut self.db, &mut sent.sent) => break outcome?,
                Some(next) = line.more.recv(), if behind.is_none() => {
                    let next = self.noted(next);
                    *behind = Some(self.write_behind(batch, &sent, next)?);
                }
            }
        };
        let fast = self.verdict(outcome, batch)?;
        if fast == Fast::Done && batch.upto.is_none() {
            self.unsettled.extend(&sent.brought);
        }
        Ok(fast)
    }

    /// Writes the end of a batch, and the one that comes behind it.
    fn write_behind(&mut self, batch: &Batch, sent: &Written, next: Batch) -> Result<Behind, Error> {
        let is_piece = batch.upto.is_none();
        let commit = if is_piece { None } else { Some(self.write_commit()?) };
        let unsettled = match is_piece {
            true => self.unsettled.iter().chain(&sent.brought).copied().collect(),
            false => Default::default(),
        };
        let written = self.write_out(&next, is_piece, &unsettled)?;
        if written.is_some() {
            failpoint::hit("line.written");
        }
        Ok(Behind { batch: next, commit, written })
    }

    /// Ends a batch whose statements have done what they had to, and lets go of the one behind it.
    pub(crate) async fn end(&mut self, batch: &Batch, behind: &mut Option<Behind>) -> Result<(), Error> {
        let was_open = std::mem::replace(&mut self.open, true);
        let Some(upto) = batch.upto else {
            failpoint::hit("apply.piece");
            self.db.flush().await?;
            return Ok(());
        };
        failpoint::hit("apply.before_commit");
        let mut commit = match behind.as_mut().and_then(|b| b.commit.take()) {
            Some(commit) => commit,
            None => self.write_commit()?,
        };
        self.db.flush().await?;
        if behind.as_ref().is_some_and(|b| b.written.is_some()) {
            failpoint::hit("line.sent");
        }
        // a deferred trigger speaks here
        let Some(refused) = self.committed(&mut commit, upto).await? else { return Ok(()) };
        if let Some(mut written) = behind.as_mut().and_then(|b| b.written.take()) {
            failpoint::hit("line.refused");
            // whatever it says, it stands where the checkpoint is not
            self.statements.answer(&mut self.db, &mut written.sent).await?;
        }
        self.roll_back().await;
        self.open = was_open;
        Err(self.deferred(refused, batch, upto).await)
    }
}

impl Sink for PostgresSink {
    type Error = Error;

    async fn resume(&mut self) -> Result<Lsn, Error> {
        Ok(self.progress.applied)
    }

    async fn apply(&mut self, batch: Batch) -> Result<Progress, Error> {
        let xids = (self.xid_seen, self.xid_max);
        self.apply_line(Noted { batch, xids }, &mut Line::alone()).await
    }

    async fn flush(&mut self) -> Result<Progress, Error> {
        if !self.open && (self.progress.durable < self.progress.applied || !self.counts.is_empty()) {
            self.sync().await?;
        }
        Ok(self.progress)
    }
}
