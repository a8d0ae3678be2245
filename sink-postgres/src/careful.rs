//! The slow path: the same batch in smaller pieces, in production's own order at last.
//!
//! A run of changes that failed as a whole is cut in halves, each behind a savepoint, until what fails is one change.
//! Where a row was not as expected, or is known to be a matter for this way, the halves are folded, as the batch was: what is looked for is
//! one row among thousands.
//! Where the server refused one, it is most often a matter of order (two rows that swap a unique value), and they go in production's
//! own order at once. The one that is left is looked at: a row that is not as expected becomes a **pending range of one**, healed by the next slice;
//! everything else is an error of this change, and only of this, and what becomes of it [`crate::quarantine`] says.

use std::borrow::Cow;
use std::sync::Arc;

use filters::change::{Batch, Change, Lsn, Op, Row};

use crate::error::Error;
use crate::exchange::Outcome;
use crate::key;
use crate::mapping::Mapping;
use crate::plan::{self, Act, Item, Step};
use crate::route::{Route, route};
use crate::sink::{OnDivergence, PostgresSink};

/// How a piece is tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    /// By its net effect.
    Folded,
    /// Change by change, in production's own order.
    InOrder,
}

/// So few changes go one by one.
const FEW: usize = 32;

/// Puts both halves of a range onto the stack, the first on top.
fn cut_in_two(todo: &mut Vec<((usize, usize), Way)>, (from, to): (usize, usize), way: Way) {
    let middle = from + (to - from) / 2;
    todo.extend([((middle, to), way), ((from, middle), way)]);
}

impl PostgresSink {
    /// Applies the batch by pieces in the open target transaction, or in a new one. Leaves it open.
    pub(crate) async fn careful(&mut self, batch: &Batch, refused: bool) -> Result<(), Error> {
        let claim = self.claim(batch, self.open);
        let mut run = self.statements.begin(&mut self.db);
        if !self.open {
            run.sql("BEGIN")?;
        }
        if let Some(claim) = claim {
            run.claim(claim)?;
        }
        let outcome = run.finish().await?;
        match outcome {
            Outcome::Done => {}
            Outcome::Moved | Outcome::Miscounted => return Err(self.fenced(batch.after)),
            Outcome::Failed(e) => return Err(e.into()),
        }
        self.open = true;
        tracing::debug!(changes = batch.changes.len(), "slow path");
        // depth first, in order: a stack of ranges
        let whole = (0usize, batch.changes.len());
        let mut todo = vec![];
        match refused || batch.changes.len() <= FEW {
            true => todo.push((whole, Way::InOrder)),
            false => cut_in_two(&mut todo, whole, Way::Folded),
        }
        while let Some(((from, to), way)) = todo.pop() {
            let Some(changes) = batch.changes.get(from..to) else { continue };
            if changes.is_empty() {
                continue;
            }
            let Some(outcome) = self.piece(changes, way).await? else { continue };
            match (way, changes) {
                (Way::InOrder, [change]) => self.one(change, lsn_of(batch, from)).await?,
                (Way::Folded, _) if !matches!(outcome, Outcome::Miscounted) || to - from <= FEW => {
                    todo.push(((from, to), Way::InOrder));
                }
                (way, _) => cut_in_two(&mut todo, (from, to), way),
            }
        }
        Ok(())
    }

    /// A piece behind a savepoint, in one round trip. `None`: it is applied; else it has to be cut, or looked at.
    async fn piece(&mut self, changes: &[Change], way: Way) -> Result<Option<Outcome>, Error> {
        self.learn(changes).await?;
        let (items, due) = self.items(changes).ok_or_else(|| Error::Bug("mapping".into()))?;
        if !due.is_empty() {
            return Ok(Some(Outcome::Miscounted));
        }
        let steps: Vec<Step<'_>> = match way {
            Way::Folded => plan::fold(&self.maps, items),
            Way::InOrder => items.into_iter().flat_map(|item| plan::fold(&self.maps, [item])).collect(),
        };
        if steps.is_empty() {
            return Ok(None);
        }
        self.attempt(&steps).await
    }

    /// Runs steps behind a savepoint and releases it, or goes back to it and says why.
    pub(crate) async fn attempt(&mut self, steps: &[Step<'_>]) -> Result<Option<Outcome>, Error> {
        let mut run = self.statements.begin(&mut self.db);
        run.sql("SAVEPOINT change")?;
        for step in steps {
            run.step(&self.maps, step)?;
        }
        match run.finish().await? {
            Outcome::Done => {
                self.db.simple("RELEASE SAVEPOINT change").await?;
                Ok(None)
            }
            Outcome::Failed(e) if !e.sqlstate().is_some_and(crate::error::is_verdict) => Err(e.into()),
            other => {
                self.db.simple("ROLLBACK TO SAVEPOINT change; RELEASE SAVEPOINT change").await?;
                Ok(Some(other))
            }
        }
    }

    /// One change that could not be applied as it is.
    async fn one(&mut self, change: &Change, lsn: Lsn) -> Result<(), Error> {
        let map = self.map(&change.table).await?;
        let name = (change.table.schema.to_string(), change.table.name.to_string());
        let pending = self.tables.entry(name.clone()).or_default();
        let (route, freed) = (route(change, pending), pending.frees(change));
        let (pending_shadows, kept) = (pending.shadows(change), pending.keeps(change));
        if let Some(old) = freed {
            let mapping = self.at(map)?;
            self.free(&mapping, &name, old, lsn).await?;
        }
        if pending_shadows {
            return self.of_a_shadowed_key(change, map, &name, lsn).await;
        }
        let act = match route {
            Route::Skip => return Ok(()),
            // its old key is no more
            Route::Due(row) if freed.is_some() => return self.due(&name, &row.clone(), false).await,
            Route::Due(row) => {
                let row = row.clone();
                if let Op::Update { old: Some(old), .. } = &change.op {
                    let old = old.row().clone();
                    self.due(&name, &old, false).await?;
                }
                return self.due(&name, &row, false).await;
            }
            Route::Apply(act) => act,
        };
        let mapping = self.at(map)?;
        let act = if kept { self.comes_back(&mapping, &name, act).await? } else { Some(act) };
        let Some(act) = act else { return Ok(()) };
        let steps = plan::fold(&self.maps, [Item { map, act: act.clone() }]);
        let Some(outcome) = self.attempt(&steps).await? else {
            return match act {
                Act::Truncate => self.free_all(&name).await,
                _ => Ok(()),
            };
        };
        if matches!(outcome, Outcome::Miscounted) && self.let_go(&mapping, &name, &act, lsn).await? {
            return self.went(map, &mapping, &name, &act).await;
        }
        // a row that was not one of those that come is not there, and nobody has edited anything
        let expected = mapping.partial && matches!(outcome, Outcome::Miscounted);
        let row = match &act {
            Act::Insert(row) | Act::Update { old: None, new: row } | Act::Delete(row) => (*row).clone(),
            Act::Update { old: Some(old), new } => plan::overlay(Cow::Borrowed(*old), new).into_owned(),
            // of no one row
            Act::Truncate => {
                let source = failed(change, outcome)?;
                let (table, operation) = (change.table.to_string(), "truncate");
                return Err(Error::Data { table, operation, lsn, full: None, source });
            }
        };
        match outcome {
            Outcome::Failed(e) if e.sqlstate() != Some("23505") => {
                return self.refused(change, lsn, (map, &act, &row), e).await;
            }
            _ if self.shadow(&mapping, &name, &act, &row, lsn).await? => return Ok(()),
            // what is in the way may be an old row of a pending range: it is unknown, so it may go
            Outcome::Failed(_) => {
                self.db.simple("SAVEPOINT change").await?;
                let evicted = match self.evict(&mapping, &name, &row).await {
                    Err(Error::Wire(e)) if e.sqlstate().is_some_and(crate::error::is_verdict) => {
                        self.db.simple("ROLLBACK TO SAVEPOINT change; RELEASE SAVEPOINT change").await?;
                        return self.refused(change, lsn, (map, &act, &row), e).await;
                    }
                    evicted => evicted?,
                };
                self.db.simple("RELEASE SAVEPOINT change").await?;
                if evicted > 0 {
                    match self.attempt(&steps).await? {
                        None => return Ok(()),
                        // what was in the way has hidden that its old key is referred to
                        Some(Outcome::Miscounted) if self.let_go(&mapping, &name, &act, lsn).await? => {
                            return self.went(map, &mapping, &name, &act).await;
                        }
                        Some(_) => {}
                    }
                }
            }
            _ => {}
        }
        // GENERATED ALWAYS AS IDENTITY cannot be SET: where it changed, the row goes and comes again
        if let Act::Update { old, new } = &act
            && mapping.key.is_some()
            && mapping.identity_always()
            && !new.has_unchanged()
        {
            let steps = [Step::Delete(map, vec![old.unwrap_or(new)]), Step::Insert(map, vec![Cow::Borrowed(*new)])];
            if self.attempt(&steps).await?.is_none() {
                return Ok(());
            }
        }
        // a row that was made the target's own is nobody's divergence either, whatever key production gives it now
        let expected = expected
            || match &act {
                Act::Update { old: Some(old), .. } => mapping.writable.has_own() && self.own_row(&mapping, old).await?,
                _ => false,
            };
        if let Op::Update { old: Some(old), .. } = &change.op {
            // the old key is not as expected either, or it would have been found
            let old = old.row().clone();
            if key::values(&old, &self.tables[&name].key) != key::values(&row, &self.tables[&name].key) {
                self.due(&name, &old, !expected).await?;
            }
        }
        self.due(&name, &row, !expected).await
    }

    /// A change that leaves a shadowed key with another row: decided anew.
    async fn of_a_shadowed_key(
        &mut self,
        change: &Change,
        map: usize,
        name: &(String, String),
        lsn: Lsn,
    ) -> Result<(), Error> {
        let mapping = self.at(map)?;
        let (old, new) = match &change.op {
            Op::Insert { new } => (None, new),
            Op::Update { old, new } => (old.as_ref().map(|o| o.row()), new),
            Op::Due { key } => (None, key),
            Op::Delete { .. } | Op::Truncate { .. } => return Err(Error::Bug("a shadow of no row".into())),
        };
        let key = &self.tables.entry(name.clone()).or_default().key;
        let moved = old.is_some_and(|old| key::values(old, key) != key::after(Some(old), new, key));
        if moved || new.has_unchanged() || matches!(change.op, Op::Due { .. }) {
            // production has the whole of it
            let row = old.map_or_else(|| new.clone(), |old| plan::overlay(Cow::Borrowed(old), new).into_owned());
            self.forget_shadow(name, &row).await?;
            self.due(name, &row, false).await?;
            if let Some(old) = old.filter(|_| moved) {
                let steps = plan::fold(&self.maps, [Item { map, act: Act::Delete(old) }]);
                if self.attempt(&steps).await?.is_some() && !self.let_go(&mapping, name, &Act::Delete(old), lsn).await?
                {
                    self.due(name, &old.clone(), false).await?;
                }
            }
            return Ok(());
        }
        self.db.simple("SAVEPOINT change").await?;
        let still = match self.still_shadowed(&mapping, name, new, lsn).await {
            Err(Error::Wire(e)) if e.sqlstate().is_some_and(crate::error::is_verdict) => {
                self.db.simple("ROLLBACK TO SAVEPOINT change; RELEASE SAVEPOINT change").await?;
                self.forget_shadow(name, new).await?;
                return self.refused(change, lsn, (map, &Act::Insert(new), new), e).await;
            }
            still => still?,
        };
        self.db.simple("RELEASE SAVEPOINT change").await?;
        if still {
            return Ok(());
        }
        let steps = plan::fold(&self.maps, [Item { map, act: Act::Insert(new) }]);
        match self.attempt(&steps).await? {
            None => Ok(()),
            Some(Outcome::Failed(e)) if e.sqlstate() != Some("23505") => {
                self.refused(change, lsn, (map, &Act::Insert(new), new), e).await
            }
            Some(_) => self.due(name, new, false).await,
        }
    }

    /// A change that the target refuses, and it is a matter of this change alone: it goes into quarantine, or holds the stream.
    async fn refused(
        &mut self,
        change: &Change,
        lsn: Lsn,
        (map, act, row): (usize, &Act<'_>, &Row),
        source: wire::Error,
    ) -> Result<(), Error> {
        self.quarantine(change, lsn, row, source).await?;
        // under its old key production has it no more
        if let Act::Update { old: Some(old), .. } = act {
            let name = (change.table.schema.to_string(), change.table.name.to_string());
            let key = self.tables.get(&name).map(|p| p.key.clone()).unwrap_or_default();
            if key::values(old, &key) != key::values(row, &key) {
                let steps = plan::fold(&self.maps, [Item { map, act: Act::Delete(old) }]);
                match self.attempt(&steps).await? {
                    None => {}
                    Some(Outcome::Failed(source)) => {
                        let table = change.table.to_string();
                        return Err(Error::Data { table, operation: "delete", lsn, full: None, source });
                    }
                    Some(_) => {
                        let mapping = self.at(map)?;
                        if self.let_go(&mapping, &name, &Act::Delete(old), lsn).await? {
                            return Ok(());
                        }
                        let expected = mapping.partial;
                        self.due(&name, &(*old).clone(), !expected).await?;
                    }
                }
            }
        }
        Ok(())
    }

    fn at(&self, map: usize) -> Result<Arc<Mapping>, Error> {
        self.maps.get(map).cloned().ok_or_else(|| Error::Bug("mapping".into()))
    }

    /// Makes the row's key a pending range of one. `diverged`: it is not as expected, count it.
    pub(crate) async fn due(&mut self, name: &(String, String), row: &Row, diverged: bool) -> Result<(), Error> {
        if diverged {
            self.counts.diverged(name);
            self.diverged += 1;
            if self.options.on_divergence == OnDivergence::Stop {
                return Err(Error::Diverged {
                    table: format!("{}.{}", name.0, name.1),
                    what: "a row is not as production left it, and on_divergence is stop",
                });
            }
            tracing::warn!(table = %format_args!("{}.{}", name.0, name.1), "divergence: a row on the target is not as expected; its key is due for the next slice");
        }
        let pending = self.tables.entry(name.clone()).or_default();
        let point = pending.pointable.then(|| key::owned(row, &pending.key)).flatten();
        self.add_pending(name, point).await?;
        crate::failpoint::hit("apply.due");
        Ok(())
    }
}

/// The end of the source transaction that holds the change at this place.
fn lsn_of(batch: &Batch, at: usize) -> Lsn {
    batch.commits.iter().find(|c| at < c.changes).map(|c| c.lsn).or(batch.upto).unwrap_or(batch.after)
}

fn failed(change: &Change, outcome: Outcome) -> Result<wire::Error, Error> {
    match outcome {
        Outcome::Failed(source) => Ok(source),
        _ => Err(Error::Bug(format!("a change of {} was miscounted", change.table))),
    }
}
