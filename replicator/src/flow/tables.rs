//! Production's tables held against the plan: at each shape that comes by in the stream, and now and then, because a
//! migration without a row sends nothing. See [`crate::shapes`] and [`crate::source::rewrites`].

use std::collections::HashMap;
use std::time::{Duration, Instant};

use filters::change::Table;
use sink_postgres::pending::Pending;

use super::Flow;
use crate::downstream::{Downstream, Name};
use crate::error::{Doing, Error};
use crate::schema::{Wanted, additive, read};
use crate::shapes::Planned;
use crate::source::rewrites::{self, Look, Rows};
use crate::source::{catalog, snapshot};

/// So long nobody wonders that production does not show yet what its stream has.
const SOON: Duration = Duration::from_secs(1);
/// So long it is waited for where it can be done without: it would be some rows that are healed.
const MOMENT: Duration = Duration::from_millis(200);
/// It is asked again this often at most.
const AGAIN: Duration = Duration::from_millis(50);

/// What `status` says of a table that is copied again.
const REWRITTEN: &str = "its rows were rewritten on production";

impl<S: Downstream> Flow<S> {
    /// A table's shape in the stream. The sink must be here.
    ///
    /// Also one that fits: it comes after every change of a table, so it may be one that changed the rows and not the
    /// shape, or the same names over other columns.
    pub async fn reshaped(&mut self, shape: &Table) -> Result<(), Error> {
        let Some(planned) = self.shapes.of(shape) else { return Ok(()) };
        let (name, oid, fits) = (planned.name(), planned.table.shape.oid, planned.fits(shape));
        // of a table that comes as it is, names hide nothing; rows written anew, and not seen now, the next look will find
        let must_know = planned.shields() || !fits;
        let table = planned.table.shape.to_string();
        let sink = self.sink.as_mut().ok_or_else(|| Error::Bug("the sink is away".into()))?;
        if sink.pending_of(&name).is_some_and(Pending::is_whole) {
            self.shapes.mark(shape.oid, fits);
            return Ok(());
        }
        if !self.shown(&table, must_know).await? && must_know {
            // nobody can say yet, and nobody will before its rows have gone by: so they are left to the copy, which looks again.
            // No start over: it would wait for the lock of a migration that waits for us
            let sink = self.sink.as_mut().ok_or_else(|| Error::Bug("the sink is away".into()))?;
            sink.make_pending(&name, "its rows came before production showed them").await?;
            self.shapes.mark(shape.oid, fits);
            return Ok(());
        }
        let beside = self.shapes.beside(oid);
        let snapshot = snapshot::now(&mut *self.watch.lock().await).await?;
        let now = self.looks(&beside).await?;
        self.compare(&[oid], &now).await?;
        let noted = self.noted(&beside).await?;
        let rewritten = !self.rewritten(&[oid], &now, &noted).await?.is_empty();
        if fits && !rewritten {
            self.shapes.mark(shape.oid, true);
            self.vouched.of(&self.shapes, snapshot, &now, &noted);
            return Ok(());
        }
        let sink = self.sink.as_mut().ok_or_else(|| Error::Bug("the sink is away".into()))?;
        // what was applied of an open transaction goes, so that the mark stays
        sink.drop_pieces().await?;
        let how = if rewritten {
            sink.make_pending(&name, REWRITTEN).await?;
            "was rewritten on production: it is copied again"
        } else {
            sink.make_pending(&name, "its rows came in another shape").await?;
            "has rows of another shape in the stream: it is copied again"
        };
        Err(Error::Changed { table, how })
    }

    /// Is it known what to make of this shape? It is no replicated table's, or one that was looked at late enough.
    pub fn knows(&self, shape: &Table) -> bool {
        let Some(planned) = self.shapes.of(shape) else { return true };
        planned.fits(shape) && self.batch.xid().is_some_and(|xid| self.vouched.covers(shape.oid, xid))
    }

    /// All tables, now and then: what changed without a row, or has no row behind it.
    pub async fn look_at_tables(&mut self) -> Result<(), Error> {
        let oids: Vec<u32> = self.shapes.planned().map(|p| p.table.shape.oid).collect();
        // before the looks: what changes between them and it is looked at the next time
        let word = rewrites::word(&mut *self.watch.lock().await, &oids).await.doing("read the catalog")?;
        if self.word == word {
            return Ok(());
        }
        let now = self.looks(&oids).await?;
        self.compare(&oids, &now).await?;
        let noted = self.noted(&oids).await?;
        for name in self.rewritten(&oids, &now, &noted).await? {
            tracing::info!(schema = name.0, table = name.1, "{REWRITTEN}: it is copied again");
            if let Some(sink) = &mut self.sink {
                sink.make_pending(&name, REWRITTEN).await?;
            }
        }
        self.word = word;
        Ok(())
    }

    async fn looks(&self, oids: &[u32]) -> Result<HashMap<u32, Look>, Error> {
        rewrites::looks(&mut *self.watch.lock().await, oids).await.doing("read the catalog")
    }

    /// Waits until production shows what the transaction has done that comes by just now.
    ///
    /// The stream can be ahead of what any snapshot shows ([`crate::applied`]): the catalog would be read as it was before
    /// the migration whose rows are in our hands. A migration in an earlier transaction is shown: who wrote behind it had
    /// waited for its lock.
    ///
    /// False: it does not within a moment, and nobody `must` know; or production waits for us. `synchronous_standby_names = '*'` takes our WAL sender for a standby, and then what
    /// is committed is shown when we have it, and not before.
    async fn shown(&self, table: &str, must: bool) -> Result<bool, Error> {
        let Some(xid) = self.batch.xid() else { return Ok(true) };
        let (began, mut pause, mut said) = (Instant::now(), Duration::from_millis(1), false);
        loop {
            let now = snapshot::now(&mut *self.watch.lock().await).await?;
            if now.shows(now.full(xid)) {
                return Ok(true);
            }
            if !must && began.elapsed() > MOMENT || began.elapsed() > SOON && self.is_standby().await? {
                return Ok(false);
            }
            if !said && began.elapsed() > SOON {
                said = true;
                tracing::warn!(
                    table,
                    xid,
                    "production does not show this transaction yet (a synchronous standby?); its table is looked at then"
                );
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(AGAIN);
        }
    }

    /// Does production take our WAL sender for one of its synchronous standbys?
    async fn is_standby(&self) -> Result<bool, Error> {
        let stream = format!("sluice/{}/stream", self.setup.pipeline);
        let sql = "SELECT 1 FROM pg_catalog.pg_stat_replication WHERE application_name = $1 AND sync_state IN ('sync', 'quorum')";
        let rows = self.watch.lock().await.query(sql, &[Some(&stream)]).await.doing("look at the stream")?;
        Ok(!rows.is_empty())
    }

    /// Are these tables still what was planned, so far as it is anything to us?
    async fn compare(&mut self, oids: &[u32], now: &HashMap<u32, Look>) -> Result<(), Error> {
        for &oid in oids {
            let Some(planned) = self.shapes.get(oid) else { continue };
            if now.get(&oid).is_some_and(|look| look.print == planned.table.look) {
                continue;
            }
            let (schema, name) = planned.name();
            let found =
                catalog::table(&mut *self.watch.lock().await, &schema, &name).await.doing("read the catalog")?;
            if let Some(how) = planned.differs(found.as_ref()) {
                return Err(Error::Changed { table: planned.table.shape.to_string(), how });
            }
            let Some(found) = found else { continue };
            let known = |name: &str| planned.table.shape.columns.iter().any(|c| *c.name == *name);
            let names = found.shape.columns.iter().map(|c| &*c.name);
            let added: Vec<&str> = names.filter(|name| !known(name)).collect();
            let gained = !added.is_empty();
            if gained {
                tracing::warn!(table = %found.shape, columns = added.join(", "), "new on production: withheld until somebody classifies them");
                self.board.state().withheld.extend(added.iter().map(|column| format!("{}.{column}", found.shape)));
            }
            self.shapes.saw(oid, found.look);
            if gained {
                self.bring().await?;
            }
        }
        Ok(())
    }

    /// What no Relation tells, now and then: labels of enums, and what a lock was in the way of.
    pub async fn look_at_labels(&mut self) -> Result<(), Error> {
        if self.setup.additive.is_none() {
            return Ok(());
        }
        let labels = read::labels(&mut *self.watch.lock().await).await.doing("read the catalog")?;
        if self.left || labels != self.labels {
            self.bring().await?;
            self.labels = labels;
        }
        Ok(())
    }

    /// What production has gained goes to staging, where `apply.ddl` says so. What waits for a lock there comes with a later look: no row
    /// needs it yet, or it will say so itself.
    async fn bring(&mut self) -> Result<(), Error> {
        let Some(additive) = self.setup.additive.clone() else { return Ok(()) };
        let wanted: Vec<Wanted> = self.shapes.planned().map(|p| Wanted::of(&p.table, &p.compiled)).collect();
        let names = additive::names(&wanted);
        let production = read::side(&mut *self.watch.lock().await, &names).await.doing("read the catalog")?;
        self.left = additive.bring(&production, &wanted).await?.left;
        Ok(())
    }

    /// What was noted of the rows of these tables when they were looked at last, of those that are not pending as a whole.
    async fn noted(&mut self, oids: &[u32]) -> Result<HashMap<Name, Option<Rows>>, Error> {
        let Some(sink) = &mut self.sink else { return Ok(HashMap::new()) };
        let names: Vec<Name> = oids.iter().filter_map(|&oid| self.shapes.get(oid)).map(Planned::name).collect();
        let noted = sink.noted_rows(&names).await?;
        Ok(noted.into_iter().map(|(name, rows)| (name, rows.as_deref().and_then(Rows::parse))).collect())
    }

    /// Those of these tables whose rows were written anew since they were copied; what else is other is noted. Of a table that is
    /// pending as a whole it is noted when its copy begins.
    async fn rewritten(
        &mut self,
        oids: &[u32],
        now: &HashMap<u32, Look>,
        noted: &HashMap<Name, Option<Rows>>,
    ) -> Result<Vec<Name>, Error> {
        let Some(sink) = &mut self.sink else { return Ok(Vec::new()) };
        let mut due = Vec::new();
        for &oid in oids {
            let (Some(planned), Some(look)) = (self.shapes.get(oid), now.get(&oid)) else { continue };
            let name = planned.name();
            let Some(was) = noted.get(&name) else { continue };
            let rows = look.rows.clone().of(&planned.concerns());
            match was {
                Some(was) if was.rewritten(&rows) => due.push(name),
                Some(was) if *was == rows => {}
                _ => sink.note_rows(&name, &rows.text()).await?,
            }
        }
        Ok(due)
    }
}
