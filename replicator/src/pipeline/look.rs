//! What the loop looks at once in a while, because nobody tells it: what production holds for us, whether the
//! publications and tables are still those that were copied, whether it is still our turn.

use std::time::Instant;

use super::{Pipeline, pulse};
use crate::error::{Doing, Error};
use crate::source::{publication, snapshot::Snapshot};

impl Pipeline {
    /// Looks at production and at the target's registry. True: somebody wants the files to be read again.
    pub(super) async fn look(&mut self) -> Result<bool, Error> {
        self.last_look = Instant::now();
        self.looks += 1;
        // before anything that this look does to staging
        self.look_at_freeze().await?;
        self.look_at_slot().await?;
        if self.flow.standby.is_some() && self.flow.is_quiet() && !self.is_frozen() {
            // by its keepalives alone: of a standby that is silent nobody knows otherwise how far it is
            self.flow.board.state().lag.quiet(self.flow.batch.position());
        }
        if self.looks.is_multiple_of(10) {
            self.look_at_publications().await?;
        }
        if self.looks % 10 == 1 {
            self.flow.look_at_tables().await?;
            self.flow.look_at_labels().await?;
        }
        if self.looks % 10 == 1 || self.copied {
            self.follow().await;
        }
        let mut reread = false;
        if let Some(sink) = &mut self.flow.sink {
            // `resync` from elsewhere writes there too
            reread = sink.look().await?;
            if self.freeze.is_none() {
                sink.tidy().await?;
            }
            if self.looks.is_multiple_of(10) && sink.references_changed().await? {
                return Err(Error::start_over("foreign keys of staging changed; starting over"));
            }
            self.flow.count_records();
        }
        if self.is_frozen() {
            // what held it before may come again behind the freeze, and is said again then
            self.go_on().await?;
            return Ok(reread);
        }
        let stands = {
            let mut state = self.flow.board.state();
            if !self.is_pending() {
                state.streams();
            }
            state.stands()
        };
        if !stands {
            self.go_on().await?;
        }
        Ok(reread)
    }

    /// Takes back what was written on the target of why we stood still; once a run.
    pub(super) async fn go_on(&mut self) -> Result<(), Error> {
        if let Some(sink) = self.flow.sink.as_mut().filter(|_| !self.went_on) {
            sink.hold(None).await?;
            self.went_on = true;
        }
        Ok(())
    }

    /// What production shows by now of all that was applied, how much WAL is held, and whether a standby still is one.
    async fn look_at_slot(&mut self) -> Result<(), Error> {
        let flow = &mut self.flow;
        let (watch, standby, value) = (&flow.watch, flow.standby.as_deref(), "pg_catalog.pg_current_snapshot()::text");
        let (shows, held) = pulse::beside_the_slot(watch, standby, &flow.board, &flow.setup, value).await?;
        if let Some(now) = shows.and_then(|s| s.parse::<Snapshot>().ok()) {
            flow.applied.look(&now);
        }
        flow.setup.budget.weigh(&flow.setup.slot, held, &flow.board)
    }

    /// A table that left a publication and came back has changes that were not sent: starting over sees to it.
    async fn look_at_publications(&mut self) -> Result<(), Error> {
        let now = publication::fingerprint(&mut *self.flow.watch.lock().await, &self.flow.setup.publications)
            .await
            .doing("look at the publications")?;
        match now == self.publications {
            true => Ok(()),
            false => Err(Error::start_over("the publications changed; starting over")),
        }
    }
}
