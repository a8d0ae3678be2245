//! One round trip: a transaction's statements in one write, the server's answers in one read.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::BytesMut;
use filters::change::{Batch, Lsn, Row, Value};
use postgres_protocol::{IsNull, message::frontend};
use wire::{Connection, ServerError, tag};

use crate::error::Error;
use crate::mapping::{Key, Mapping};
use crate::plan::{Act, Step};
use crate::statement::{self, Arrays};

/// What the server made of a run of statements.
#[derive(Debug)]
pub enum Outcome {
    /// All ran, and touched as many rows as they had to.
    Done,
    /// The checkpoint was not where it had to be, or not under our epoch.
    Moved,
    /// A statement touched more or fewer rows than it had to.
    Miscounted,
    /// The server refused a statement; what came after it was not run.
    Failed(wire::Error),
}

#[derive(Clone, Copy)]
enum Expect {
    Any,
    Rows(u64),
    Checkpoint,
}

/// The statements that the session has prepared, by their text: they cost a parse and a plan once.
#[derive(Default)]
pub struct Statements {
    names: HashMap<String, String>,
    made: u64,
    arrays: Arrays,
}

impl Statements {
    /// Forgets all: the session is new, or a relation changed under them.
    pub fn clear(&mut self) {
        self.names.clear();
    }

    /// Begins to gather statements for `db`.
    pub fn begin<'s>(&'s mut self, db: &'s mut Connection) -> Exchange<'s> {
        Exchange { statements: self, db, expect: Vec::new(), fresh: Vec::new() }
    }
}

/// Statements gathered for one round trip.
pub struct Exchange<'s> {
    statements: &'s mut Statements,
    db: &'s mut Connection,
    expect: Vec<Expect>,
    fresh: Vec<String>,
}

impl Exchange<'_> {
    /// A statement without parameters whose count does not matter.
    pub fn sql(&mut self, sql: &str) -> Result<(), Error> {
        self.run(sql, &[], false, Expect::Any)
    }

    /// Moves the checkpoint to the batch's end: the fence and the position in one statement.
    pub fn move_checkpoint(
        &mut self,
        pipeline: &str,
        epoch: i64,
        batch: &Batch,
        upto: Lsn,
        seen: u64,
        max: u64,
    ) -> Result<(), Error> {
        let time = batch
            .commits
            .last()
            .map(|c| format!("{}.{:06}", c.time.div_euclid(1_000_000), c.time.rem_euclid(1_000_000)));
        let params: Vec<Option<BytesMut>> = [
            Some(pipeline.to_owned()),
            Some(epoch.to_string()),
            Some(batch.after.to_string()),
            Some(upto.to_string()),
            Some(seen.to_string()),
            Some(max.to_string()),
            time,
        ]
        .into_iter()
        .map(|p| p.map(|p| BytesMut::from(p.as_bytes())))
        .collect();
        self.run(MOVE, &params, false, Expect::Checkpoint)
    }

    /// Locks the checkpoint where it stands, for a source transaction that comes in pieces.
    pub fn lock_checkpoint(&mut self, pipeline: &str, epoch: i64, at: Lsn, mode: &str) -> Result<(), Error> {
        let params: Vec<Option<BytesMut>> = [pipeline.to_owned(), epoch.to_string(), at.to_string()]
            .iter()
            .map(|p| Some(BytesMut::from(p.as_bytes())))
            .collect();
        let sql = format!(
            "SELECT 1 FROM sluice.checkpoint WHERE pipeline = $1::text AND epoch = $2::text::bigint AND lsn = $3::text::pg_lsn FOR {mode}"
        );
        self.run(&sql, &params, false, Expect::Checkpoint)
    }

    /// One step of a plan.
    pub fn step(&mut self, maps: &[Arc<Mapping>], step: &Step<'_>) -> Result<(), Error> {
        let (Step::Delete(map, ..) | Step::Update(map, ..) | Step::Insert(map, ..) | Step::Single(map, ..)) = step;
        let m = maps.get(*map).ok_or_else(|| Error::Bug("a step without a mapping".into()))?;
        let expect = step.rows().map_or(Expect::Any, Expect::Rows);
        match step {
            Step::Insert(_, rows) => {
                self.run(&statement::copy(m), &[], false, expect)?;
                statement::copy_rows(m, rows, self.db.outgoing());
                Ok(())
            }
            Step::Delete(_, rows) => {
                let key = keyed(m)?;
                self.arrays(&statement::delete(m, key), rows.iter().copied(), &key.source, expect)
            }
            Step::Update(_, unchanged, rows) => {
                let key = keyed(m)?;
                let Some(sql) = statement::update(m, key, unchanged) else { return Ok(()) };
                let source = statement::update_sources(m, key, unchanged);
                self.arrays(&sql, rows.iter().map(|r| &**r), &source, expect)
            }
            Step::Single(_, act) => self.single(m, act, expect),
        }
    }

    fn single(&mut self, m: &Mapping, act: &Act<'_>, expect: Expect) -> Result<(), Error> {
        let all = |row: &Row| m.columns.iter().map(|c| value(row.get(c.source))).collect::<Vec<_>>();
        match (act, &m.key) {
            (Act::Truncate, _) => self.run(&statement::truncate(m), &[], false, expect),
            (Act::Update { old: Some(old), new }, Some(key)) => {
                let unchanged: Vec<usize> =
                    new.values().enumerate().filter(|(_, v)| *v == Value::Unchanged).map(|(i, _)| i).collect();
                if key.columns.iter().any(|&i| m.columns.get(i).is_some_and(|c| c.identity_always)) {
                    if !unchanged.is_empty() {
                        // the row would have to come again whole, and was not sent whole: count none, so that it becomes due
                        return self.run("SELECT 1 WHERE false", &[], false, expect);
                    }
                    // such a column cannot be SET: the row goes and comes again
                    self.arrays(&statement::delete(m, key), std::iter::once(*old), &key.source, expect)?;
                    self.run(&statement::copy(m), &[], false, expect)?;
                    statement::copy_rows(m, &[std::borrow::Cow::Borrowed(*new)], self.db.outgoing());
                    return Ok(());
                }
                let mut params: Vec<_> = key.source.iter().map(|&i| value(old.get(i))).collect();
                for fixed in [false, true] {
                    let sent =
                        m.columns.iter().filter(|c| !unchanged.contains(&c.source) && c.identity_always == fixed);
                    params.extend(sent.map(|c| value(new.get(c.source))));
                }
                self.run(&statement::rekey(m, key, &unchanged), &params, false, expect)
            }
            (Act::Update { old: Some(old), new }, None)
                if m.columns.iter().any(|c| {
                    let now = new.get(c.source);
                    c.identity_always && now != Value::Unchanged && now != old.get(c.source)
                }) =>
            {
                // such a column cannot be SET: the row goes and comes again, whole, as the old one is
                self.run(&statement::one_of_equal(m, None), &all(old), false, expect)?;
                let whole = crate::plan::overlay(std::borrow::Cow::Borrowed(*old), new);
                self.run(&statement::copy(m), &[], false, expect)?;
                statement::copy_rows(m, &[whole], self.db.outgoing());
                Ok(())
            }
            (Act::Update { old: Some(old), new }, None) => {
                let mut params = all(old);
                let sent = m.columns.iter().filter(|c| new.get(c.source) != Value::Unchanged && !c.identity_always);
                params.extend(sent.map(|c| value(new.get(c.source))));
                self.run(&statement::one_of_equal(m, Some(new)), &params, false, expect)
            }
            (Act::Delete(old), None) => self.run(&statement::one_of_equal(m, None), &all(old), false, expect),
            _ => Err(Error::Bug(format!("a change of {} that neither folds nor stands alone", m.writable.name()))),
        }
    }

    fn arrays<'r>(
        &mut self,
        sql: &str,
        rows: impl Iterator<Item = &'r Row>,
        source: &[usize],
        expect: Expect,
    ) -> Result<(), Error> {
        let mut arrays = std::mem::take(&mut self.statements.arrays);
        arrays.reset(source.len());
        rows.for_each(|row| arrays.push(row, source));
        let done = self.run_arrays(sql, arrays.finish(), expect);
        self.statements.arrays = arrays;
        done
    }

    fn run_arrays(&mut self, sql: &str, arrays: &[BytesMut], expect: Expect) -> Result<(), Error> {
        self.bind(sql, arrays.iter().map(Some), true, expect)
    }

    fn run(&mut self, sql: &str, params: &[Option<BytesMut>], binary: bool, expect: Expect) -> Result<(), Error> {
        self.bind(sql, params.iter().map(Option::as_ref), binary, expect)
    }

    fn bind<'p>(
        &mut self,
        sql: &str,
        params: impl Iterator<Item = Option<&'p BytesMut>>,
        binary: bool,
        expect: Expect,
    ) -> Result<(), Error> {
        let bug = |_| Error::Bug("a statement larger than the protocol allows".into());
        let params: Vec<_> = params.collect();
        let known = self.statements.names.get(sql).cloned();
        let name = match known {
            Some(name) => name,
            None => {
                self.statements.made += 1;
                let name = format!("s{}", self.statements.made);
                frontend::parse(&name, sql, [], self.db.outgoing()).map_err(bug)?;
                self.statements.names.insert(sql.to_owned(), name.clone());
                self.fresh.push(sql.to_owned());
                name
            }
        };
        let write =
            |p: Option<&BytesMut>, out: &mut BytesMut| -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
                let Some(p) = p else { return Ok(IsNull::Yes) };
                out.extend_from_slice(p);
                Ok(IsNull::No)
            };
        frontend::bind("", &name, [i16::from(binary)], params, write, [], self.db.outgoing())
            .map_err(|_| Error::Bug("parameters larger than the protocol allows".into()))?;
        frontend::execute("", 0, self.db.outgoing()).map_err(bug)?;
        self.expect.push(expect);
        Ok(())
    }

    /// Sends everything and reads what the server made of it.
    pub async fn finish(mut self) -> Result<Outcome, Error> {
        frontend::sync(self.db.outgoing());
        self.db.flush().await?;
        let mut expect = std::mem::take(&mut self.expect).into_iter();
        let mut outcome = Outcome::Done;
        loop {
            let message = self.db.message().await?;
            match message.tag {
                tag::READY_FOR_QUERY => break,
                tag::COMMAND_COMPLETE => {
                    let rows = message.affected().unwrap_or(0);
                    outcome = match (outcome, expect.next()) {
                        (Outcome::Done, Some(Expect::Checkpoint)) if rows != 1 => Outcome::Moved,
                        (Outcome::Done, Some(Expect::Rows(want))) if rows != want => Outcome::Miscounted,
                        (outcome, _) => outcome,
                    };
                }
                tag::ERROR_RESPONSE if !matches!(outcome, Outcome::Failed(_) | Outcome::Moved) => {
                    outcome = Outcome::Failed(ServerError::parse(&message.body).into());
                }
                _ => {}
            }
        }
        if matches!(outcome, Outcome::Failed(_)) {
            // which of the fresh ones were prepared is not known: their names are not used again
            for sql in self.fresh.drain(..) {
                self.statements.names.remove(&sql);
            }
        }
        Ok(outcome)
    }
}

fn keyed(m: &Mapping) -> Result<&Key, Error> {
    m.key.as_ref().ok_or_else(|| Error::Bug(format!("a step by key on {}, which has none", m.writable.name())))
}

fn value(v: Value<'_>) -> Option<BytesMut> {
    match v {
        Value::Text(v) | Value::Binary(v) => Some(BytesMut::from(v)),
        Value::Null | Value::Unchanged => None,
    }
}

const MOVE: &str =
    "UPDATE sluice.checkpoint SET lsn = $4::text::pg_lsn, xid_seen = $5::text::bigint, xid_max = $6::text::bigint,
  source_time = coalesce('2000-01-01 00:00:00+00'::timestamptz + ($7::text || ' seconds')::interval, source_time),
  updated_at = pg_catalog.clock_timestamp()
  WHERE pipeline = $1::text AND epoch = $2::text::bigint AND lsn = $3::text::pg_lsn";
