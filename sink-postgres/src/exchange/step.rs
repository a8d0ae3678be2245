//! The steps of a plan as statements.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::BytesMut;
use filters::change::{Row, Value};

use super::{Exchange, Expect};
use crate::error::Error;
use crate::mapping::{Key, Mapping};
use crate::plan::{Act, Step, overlay};
use crate::statement;
use crate::statement::Forms;

impl Exchange<'_> {
    /// One step of a plan.
    pub fn step(&mut self, maps: &[Arc<Mapping>], step: &Step<'_>) -> Result<(), Error> {
        let (Step::Delete(map, ..)
        | Step::Absent(map, ..)
        | Step::Update(map, ..)
        | Step::Insert(map, ..)
        | Step::Remove(map, ..)
        | Step::Put(map, ..)
        | Step::Single(map, ..)) = step;
        let m = maps.get(*map).ok_or_else(|| Error::Bug("a step without a mapping".into()))?;
        let expect = step.rows().map_or(Expect::Any, Expect::Rows);
        let each = |rows| if matches!(expect, Expect::Any) { Expect::Any } else { Expect::Rows(rows) };
        match step {
            Step::Insert(_, rows) => self.copy(m, rows, expect),
            Step::Put(_, rows) => {
                let key = keyed(m)?;
                let source = statement::update_sources(m, key, &[]);
                // it may touch any number of rows, so one that is left out would not be missed
                let rows = rows.iter().map(|r| &**r);
                if m.writable.has_own() {
                    let sql = |forms: &Forms| statement::put_unclaimed(m, key, forms);
                    self.arrays(m, rows.clone(), &source, sql, one)?;
                }
                self.arrays(m, rows, &source, |forms| statement::put(m, key, forms), each)
            }
            Step::Delete(_, rows) | Step::Remove(_, rows) => {
                let key = keyed(m)?;
                self.unreferred(m, key, rows)?;
                self.arrays(m, rows.iter().copied(), &key.source, |forms| statement::delete(m, key, forms), each)
            }
            Step::Absent(_, rows) => {
                let key = keyed(m)?;
                let sql = |forms: &Forms| statement::absent(m, key, forms);
                self.arrays(m, rows.iter().copied(), &key.source, sql, one)
            }
            Step::Update(_, unchanged, rows) => {
                let key = keyed(m)?;
                let sql = |forms: &Forms| statement::update(m, key, unchanged, forms);
                let source = statement::update_sources(m, key, unchanged);
                let only_looks = statement::settable(m, key, unchanged).is_empty();
                self.arrays(m, rows.iter().map(|r| &**r), &source, sql, |n| if only_looks { one(n) } else { each(n) })
            }
            Step::Single(_, act) => self.single(m, act, expect),
        }
    }

    /// Rows that are to go, or that are to have another key: nobody of the target's own may refer to them.
    fn unreferred(&mut self, m: &Mapping, key: &Key, rows: &[&Row]) -> Result<(), Error> {
        let Some(by) = &m.referrers else { return Ok(()) };
        self.arrays(m, rows.iter().copied(), &key.source, |forms| statement::hold(m, key, forms), |_| Expect::Any)?;
        // a statement of its own: it sees what was committed until the rows were ours
        let sql = |forms: &Forms| statement::referred(m, key, by, forms);
        self.arrays(m, rows.iter().copied(), &key.source, sql, |_| Expect::Rows(0))
    }

    fn single(&mut self, m: &Mapping, act: &Act<'_>, expect: Expect) -> Result<(), Error> {
        let all = |row: &Row| m.columns.iter().map(|c| value(row.get(c.source))).collect::<Vec<_>>();
        match (act, &m.key) {
            // an old row is always sent whole: what is not would find a row that has nulls there
            (Act::Update { old: Some(old), .. } | Act::Delete(old), _) if old.has_unchanged() => {
                Err(Error::Bug(format!("an old row of {} was not sent whole", m.writable.name())))
            }
            (Act::Truncate, _) => {
                if let Some(by) = &m.referrers {
                    self.run(&statement::hold_all(m), &[], Expect::Any)?;
                    self.run(&statement::any_referred(m, by), &[], Expect::Rows(0))?;
                }
                self.run(&statement::empty(&m.writable, m.may_truncate), &[], expect)
            }
            (Act::Update { old: Some(old), new }, Some(key)) => {
                self.unreferred(m, key, &[*old])?;
                let unchanged: Vec<usize> =
                    new.values().enumerate().filter(|(_, v)| *v == Value::Unchanged).map(|(i, _)| i).collect();
                if key.columns.iter().any(|&i| m.columns.get(i).is_some_and(|c| c.identity_always)) {
                    if !unchanged.is_empty() {
                        // the row would have to come again whole, and was not sent whole: count none, so that it becomes due
                        return self.run("SELECT 1 WHERE false", &[], expect);
                    }
                    // such a column cannot be SET: the row goes and comes again
                    let sql = |forms: &Forms| statement::delete(m, key, forms);
                    self.arrays(m, std::iter::once(*old), &key.source, sql, |_| expect)?;
                    return self.copy(m, &[Cow::Borrowed(*new)], expect);
                }
                let mut params: Vec<_> = key.source.iter().map(|&i| value(old.get(i))).collect();
                for fixed in [false, true] {
                    let sent =
                        m.columns.iter().filter(|c| !unchanged.contains(&c.source) && c.identity_always == fixed);
                    params.extend(sent.map(|c| value(new.get(c.source))));
                }
                self.run(&statement::rekey(m, key, &unchanged), &params, expect)
            }
            (Act::Update { old: Some(old), new }, None)
                if m.columns.iter().any(|c| {
                    let now = new.get(c.source);
                    c.identity_always && now != Value::Unchanged && now != old.get(c.source)
                }) =>
            {
                // such a column cannot be SET: the row goes and comes again, whole, as the old one is
                self.run(&statement::one_of_equal(m, None), &all(old), expect)?;
                let whole = overlay(Cow::Borrowed(*old), new);
                self.copy(m, &[whole], expect)
            }
            (Act::Update { old: Some(old), new }, None) => {
                let mut params = all(old);
                let sent = m.columns.iter().filter(|c| new.get(c.source) != Value::Unchanged && !c.identity_always);
                params.extend(sent.map(|c| value(new.get(c.source))));
                self.run(&statement::one_of_equal(m, Some(new)), &params, expect)
            }
            (Act::Delete(old), None) => self.run(&statement::one_of_equal(m, None), &all(old), expect),
            _ => Err(Error::Bug(format!("a change of {} that neither folds nor stands alone", m.writable.name()))),
        }
    }

    fn copy(&mut self, m: &Mapping, rows: &[Cow<'_, Row>], expect: Expect) -> Result<(), Error> {
        let mut lines = std::mem::take(&mut self.statements.lines);
        let binary = lines.binary(m, rows);
        if !binary {
            lines.text(m, rows);
        }
        let done = self.run(&statement::copy(m, binary), &[], expect);
        lines.put(self.db.outgoing());
        self.statements.lines = lines;
        done
    }

    /// A statement over rows, of [`AT_ONCE`] at a time: `sql` is told how each array comes, `expect` how many rows they have.
    pub(super) fn arrays<'r>(
        &mut self,
        m: &Mapping,
        mut rows: impl Iterator<Item = &'r Row> + Clone,
        source: &[usize],
        sql: impl Fn(&Forms) -> String,
        expect: impl Fn(u64) -> Expect,
    ) -> Result<(), Error> {
        let mut arrays = std::mem::take(&mut self.statements.arrays);
        loop {
            let some = rows.clone().take(AT_ONCE);
            let Some(last) = some.clone().count().checked_sub(1) else { break };
            rows.nth(last);
            arrays.fill(some, source, m.forms(source));
            let sql = sql(arrays.forms());
            self.bind(&sql, arrays.finish().iter().map(Some), true, expect(last as u64 + 1))?;
        }
        self.statements.arrays = arrays;
        Ok(())
    }
}

/// Rows of one statement at most. More, and the server takes their arrays from the system anew each time and gives them back: with
/// 20,000 rows of eight columns a sixth of its time was page faults.
const AT_ONCE: usize = 1_000;

fn one(_: u64) -> Expect {
    Expect::Rows(1)
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
