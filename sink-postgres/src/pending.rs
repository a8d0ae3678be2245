//! Which parts of a table are not yet exact.
//!
//! At every moment: **a done range is exact at the checkpoint, a pending range is unknown.** An event whose key lies in
//! a pending range is skipped, its chunk will bring the row; an event in a done range must touch exactly one row. A
//! pending range of one key is the answer to everything that is not as expected.
//!
//! Only what is pending is written down (`sluice.pending`): a table without an entry there is done.
//!
//! **Some columns of a range can be unknown, and its rows exact otherwise**: one was withheld and is approved, or its rule
//! became stricter. Events of such a range apply, with these columns in them; its chunk sets them alone, of the rows that no
//! event has touched. A row that leaves the range with a value that was not sent would take the unknown with it, so its
//! keys, old and new, become pending points.
//!
//! **A key in quarantine is held** (`quarantine.rs`): its row is unknown too, so its events are skipped; but no slice
//! brings it before somebody has decided. A **shadowed** key (`shadow.rs`) is no row of production on the target, and each of
//! its events is looked at by itself.

use std::cmp::Ordering;
use std::collections::HashSet;

use filters::change::{Change, Op, Row};
use filters::scalar::Reading;

use crate::key::{self, Key};

/// A range of keys `[lo, hi)`; `None` is without end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// Its row in `sluice.pending`.
    pub id: i64,
    /// From here on.
    pub lo: Option<Key>,
    /// Up to here, exclusive.
    pub hi: Option<Key>,
    /// Only these columns of its rows are unknown; empty: the rows are.
    pub columns: Vec<String>,
}

impl Range {
    /// Is it the whole table, with all its columns?
    pub fn is_whole(&self) -> bool {
        self.lo.is_none() && self.hi.is_none() && self.hides()
    }

    /// Are its rows unknown, so that events are skipped?
    pub fn hides(&self) -> bool {
        self.columns.is_empty()
    }
}

/// What is pending of one table.
#[derive(Clone, Debug, Default)]
pub struct Pending {
    /// How keys are ordered; `None`: the table is one unit, all pending or all done.
    pub kinds: Option<Vec<Reading>>,
    /// The key's columns as indexes into the rows that come, in the order of `kinds` and of every bound and point.
    pub key: Vec<usize>,
    /// May a single key be pending? Not where there is no key, nor where it is masked: production could not be asked for it.
    pub pointable: bool,
    /// Ranges, in no order.
    pub ranges: Vec<Range>,
    /// Single keys.
    pub points: HashSet<Key>,
    /// Keys of rows in quarantine: as pending as a point, and no slice fetches them.
    pub held: HashSet<Key>,
    /// Rows in quarantine; those without a key too.
    pub quarantined: u64,
    /// Keys of rows that cannot come because of rows of the target's own.
    pub shadowed: HashSet<Key>,
    /// Keys of rows that production has no more, and that rows of the target's own refer to.
    pub tombstones: HashSet<Key>,
}

impl Pending {
    /// Is there nothing that a slice has to bring?
    pub fn is_done(&self) -> bool {
        self.ranges.is_empty() && self.points.is_empty()
    }

    /// Are there rows with a record of their own?
    pub fn remembers_keys(&self) -> bool {
        self.quarantined > 0 || !self.shadowed.is_empty() || !self.tombstones.is_empty()
    }

    /// Is everything exact, as far as is known?
    pub fn is_exact(&self) -> bool {
        self.is_done() && !self.remembers_keys()
    }

    /// Is the whole table one pending range?
    pub fn is_whole(&self) -> bool {
        self.ranges.iter().any(Range::is_whole)
    }

    /// Are rows unknown, not only some columns of theirs?
    fn hides(&self) -> bool {
        !self.points.is_empty() || self.ranges.iter().any(Range::hides)
    }

    /// Are there rows of which only some columns are unknown?
    pub fn fills(&self) -> bool {
        self.ranges.iter().any(|r| !r.hides())
    }

    /// The pending range in which all of `[lo, hi)` lies; of a table that is one unit only all of it does.
    pub fn holding(&self, lo: Option<&Key>, hi: Option<&Key>) -> Option<&Range> {
        let same = |r: &&Range| r.lo.as_ref() == lo && r.hi.as_ref() == hi;
        let Some(kinds) = &self.kinds else { return self.ranges.iter().find(same) };
        let text = |key: &Key| -> Vec<Vec<u8>> { key.iter().map(|v| v.as_bytes().to_vec()).collect() };
        let inside = |r: &Range, key: &Key| {
            let key = text(key);
            in_range(kinds, r, &key.iter().map(Vec::as_slice).collect::<Vec<_>>())
        };
        let holds = |r: &&Range| {
            let from = r.lo.is_none() || r.lo.as_ref() == lo || lo.is_some_and(|lo| inside(r, lo));
            let to = r.hi.is_none() || r.hi.as_ref() == hi || hi.is_some_and(|hi| inside(r, hi));
            from && to
        };
        // rows come before columns of rows
        let found = self.ranges.iter().filter(|r| r.hides()).find(holds);
        found.or_else(|| self.ranges.iter().find(holds))
    }

    /// Is this row's key pending? A row whose key cannot be read is pending as soon as anything is.
    pub fn covers(&self, row: &Row) -> bool {
        // asked of every change: a table that is done is not read
        !self.is_exact() && self.covers_values(key::values(row, &self.key).as_deref())
    }

    /// The same for a key that was read already, if it could be.
    pub fn covers_values(&self, values: Option<&[&[u8]]>) -> bool {
        match values {
            // what is held is held by its key: a row without one is another
            None => self.hides(),
            Some(values) => self.is_whole() || self.covers_key(values),
        }
    }

    /// The same for a key.
    pub fn covers_key(&self, values: &[impl AsRef<[u8]>]) -> bool {
        if !self.points.is_empty() || !self.held.is_empty() || !self.shadowed.is_empty() {
            let key: Option<Key> = values.iter().map(|v| String::from_utf8(v.as_ref().to_vec()).ok()).collect();
            let any = |key: &Key| self.points.contains(key) || self.held.contains(key) || self.shadowed.contains(key);
            if key.is_none_or(|key| any(&key)) {
                return true;
            }
        }
        self.in_ranges(values)
    }

    fn in_ranges(&self, values: &[impl AsRef<[u8]>]) -> bool {
        let Some(kinds) = &self.kinds else { return self.ranges.iter().any(Range::hides) };
        let text: Vec<&[u8]> = values.iter().map(AsRef::as_ref).collect();
        self.ranges.iter().filter(|r| r.hides()).any(|r| in_range(kinds, r, &text))
    }

    /// Does this change leave a shadowed key with another row? Not where a slice will bring it anyway.
    pub fn shadows(&self, change: &Change) -> bool {
        if self.shadowed.is_empty() {
            return false;
        }
        let row = match &change.op {
            Op::Insert { new } => key::values(new, &self.key),
            Op::Update { old, new } => key::after(old.as_ref().map(|o| o.row()), new, &self.key),
            Op::Due { key } => key::values(key, &self.key),
            Op::Delete { .. } | Op::Truncate { .. } => None,
        };
        let key: Option<Key> = row.into_iter().flatten().map(|v| String::from_utf8(v.to_vec()).ok()).collect();
        key.is_some_and(|key| self.shadowed.contains(&key) && !self.points.contains(&key) && !self.in_ranges(&key))
    }

    /// Is this change of a key that was kept for rows of the target's own? Not where a slice will bring it anyway.
    pub fn keeps(&self, change: &Change) -> bool {
        if self.tombstones.is_empty() {
            return false;
        }
        let (old, new) = match &change.op {
            Op::Insert { new } => (None, Some(new)),
            Op::Update { old, new } => (old.as_ref().map(|o| o.row()), Some(new)),
            Op::Delete { old } => (Some(old.row()), None),
            Op::Due { .. } | Op::Truncate { .. } => (None, None),
        };
        let before = old.and_then(|old| key::owned(old, &self.key));
        let after = new.and_then(|new| self.after(old, new));
        let kept = |key: &Key| self.tombstones.contains(key) && !self.points.contains(key) && !self.in_ranges(key);
        before.iter().chain(&after).any(kept)
    }

    /// The key that a change leaves a row with.
    fn after(&self, old: Option<&Row>, new: &Row) -> Option<Key> {
        let values = key::after(old, new, &self.key)?;
        values.into_iter().map(|v| String::from_utf8(v.to_vec()).ok()).collect()
    }

    /// Does this change say that a key in quarantine, or a shadowed one, is no more? By this old row: it was deleted, or has
    /// another key now.
    pub fn frees<'c>(&self, change: &'c Change) -> Option<&'c Row> {
        if self.held.is_empty() && self.shadowed.is_empty() {
            return None;
        }
        let is = |key: Key| self.held.contains(&key) || self.shadowed.contains(&key);
        let held = |row: &Row| key::owned(row, &self.key).is_some_and(is);
        match &change.op {
            Op::Delete { old } => Some(old.row()).filter(|old| held(old)),
            Op::Update { old: Some(old), new } => {
                let old = old.row();
                let moved = key::values(old, &self.key) != key::after(Some(old), new, &self.key);
                (moved && held(old)).then_some(old)
            }
            _ => None,
        }
    }

    /// Those keys in quarantine that a range takes in.
    pub fn held_in(&self, range: &Range) -> Vec<Key> {
        let taken = |key: &&Key| {
            let text: Vec<&[u8]> = key.iter().map(|v| v.as_bytes()).collect();
            self.kinds.as_ref().is_none_or(|kinds| in_range(kinds, range, &text))
        };
        self.held.iter().filter(taken).cloned().collect()
    }
}

/// Is the key in the range, or may it be?
fn in_range(kinds: &[Reading], r: &Range, text: &[&[u8]]) -> bool {
    let bound = |b: &Key| {
        let b: Vec<&[u8]> = b.iter().map(|s| s.as_bytes()).collect();
        key::compare(kinds, text, &b)
    };
    // a key that cannot be compared is nowhere for sure: treat it as pending
    let from = r.lo.as_ref().is_none_or(|lo| bound(lo) != Some(Ordering::Less));
    let upto = r.hi.as_ref().is_none_or(|hi| matches!(bound(hi), Some(Ordering::Less) | None));
    from && upto
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use filters::change::{Identity, Old, RowBuilder, Table, Value};

    use super::*;

    fn range(lo: Option<&str>, hi: Option<&str>) -> Range {
        Range { id: 0, lo: lo.map(|s| vec![s.into()]), hi: hi.map(|s| vec![s.into()]), columns: vec![] }
    }

    #[test]
    fn a_range_takes_in_its_lower_end_only() {
        let p = Pending {
            kinds: Some(vec![Reading::Decimal]),
            key: vec![0],
            ranges: vec![range(Some("10"), Some("20"))],
            ..Default::default()
        };
        for (key, want) in [("9", false), ("10", true), ("19", true), ("20", false), ("100", false), ("x", true)] {
            assert_eq!(p.covers_key(&[key]), want, "{key}");
        }
        let p = Pending { ranges: vec![range(None, Some("10"))], ..p };
        assert!(p.covers_key(&["-5"]) && !p.covers_key(&["10"]));
        let p = Pending { ranges: vec![], points: HashSet::from([vec!["7".to_owned()]]), ..p };
        assert!(p.covers_key(&["7"]) && !p.covers_key(&["70"]));
    }

    #[test]
    fn a_range_of_columns_hides_no_row() {
        let mut filled = range(Some("10"), Some("20"));
        filled.columns = vec!["nickname".into()];
        let mut p = Pending {
            kinds: Some(vec![Reading::Decimal]),
            key: vec![0],
            ranges: vec![filled, range(Some("30"), None)],
            ..Default::default()
        };
        assert!(!p.is_done() && p.fills());
        assert!(!p.covers_key(&["15"]) && p.covers_key(&["30"]));
        p.ranges.truncate(1);
        assert!(!p.covers_values(None), "no row is unknown");
        p.kinds = None;
        assert!(!p.covers_key(&["15"]) && !p.is_whole());
    }

    fn row(values: &[&str]) -> Row {
        let mut row = RowBuilder::new();
        values.iter().for_each(|v| row.push(Value::Text(v.as_bytes())));
        row.finish()
    }

    fn change(op: Op) -> Change {
        let table = Table {
            oid: 1,
            schema: "public".into(),
            name: "t".into(),
            identity: Identity::Default,
            columns: [].into(),
        };
        Change { table: Arc::new(table), op }
    }

    #[test]
    fn a_key_in_quarantine_is_pending_and_no_slice_is_due() {
        let held = HashSet::from([vec!["7".to_owned()]]);
        let p = Pending { key: vec![0], held, quarantined: 2, ..Default::default() };
        assert!(p.is_done() && !p.is_exact() && !p.is_whole());
        assert!(p.covers(&row(&["7", "x"])) && !p.covers(&row(&["8", "x"])));
        assert!(!p.covers_values(None), "what has no key to be read is another row");
        let range = |lo, hi| p.held_in(&range(lo, hi)).len();
        assert_eq!(range(None, None), 1);
        let p = Pending { kinds: Some(vec![Reading::Decimal]), ..p.clone() };
        let range = |lo: &str, hi: &str| p.held_in(&super::tests::range(Some(lo), Some(hi))).len();
        assert_eq!((range("7", "8"), range("8", "9"), range("10", "70")), (1, 0, 0));
        assert!(!Pending { quarantined: 1, ..Default::default() }.is_exact(), "one without a key");
    }

    #[test]
    fn what_is_gone_is_free() {
        let p =
            Pending { key: vec![0], held: HashSet::from([vec!["7".to_owned()]]), quarantined: 1, ..Default::default() };
        let frees = |op| p.frees(&change(op)).is_some();
        let (seven, eight) = (|| row(&["7", "x"]), || row(&["8", "x"]));
        assert!(frees(Op::Delete { old: Old::Key(seven()) }) && !frees(Op::Delete { old: Old::Key(eight()) }));
        assert!(frees(Op::Update { old: Some(Old::Key(seven())), new: eight() }), "it has another key now");
        assert!(!frees(Op::Update { old: Some(Old::Full(seven())), new: row(&["7", "y"]) }), "the same row");
        assert!(!frees(Op::Update { old: Some(Old::Key(eight())), new: seven() }), "another has its key now");
        assert!(!frees(Op::Update { old: None, new: seven() }) && !frees(Op::Insert { new: seven() }));
        let none = Pending { key: vec![0], ..Default::default() };
        assert!(none.frees(&change(Op::Delete { old: Old::Key(seven()) })).is_none());
    }

    #[test]
    fn a_unit_is_pending_as_a_whole() {
        let p = Pending { ranges: vec![range(None, None)], ..Default::default() };
        assert!(p.is_whole() && p.covers_key(&["anything"]));
        assert!(!Pending::default().covers_key(&["anything"]));
    }
}
