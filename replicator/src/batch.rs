//! Events become batches: as many source transactions as have come while the target was busy.
//!
//! There is no timer. A stream that has caught up is applied transaction by transaction; a backlog fills the batch while
//! the one before it is applied, up to the limit. A source transaction larger than the limit is cut into pieces that claim
//! no position (`upto: None`) but the last.

use std::collections::HashSet;

use filters::change::{Batch, Change, Commit, Lsn};

/// Changes in a batch at most; more brings nothing, and makes the target's work lumpy.
const MOST: usize = 20_000;
/// Tables in a batch at most. The target locks each, and each of its indexes, until the batch commits, in a table of locks that all its
/// sessions share: by default it has room for some 7,000, and whoever finds it full fails, a tester too. A partitioned table counts as one.
const TABLES: usize = 1_000;

/// Gathers changes.
#[derive(Debug)]
pub struct Batcher {
    limit: usize,
    bytes: usize,
    batch: Batch,
    /// Tables of its changes, by OID.
    tables: HashSet<u32>,
    /// The source transaction that is open, and what stands in the batch from before it.
    xid: u32,
    open: bool,
    /// A piece of the open transaction has been handed out already.
    pieces: bool,
    /// A change of it was left to the copy.
    left_out: bool,
    /// Up to here there is nothing for us.
    idle: Lsn,
    /// Where the topic is read on behind that, if it comes from one.
    read_on: Option<i64>,
}

impl Batcher {
    /// Begins behind `after`. `limit` in bytes.
    pub fn new(after: Lsn, limit: usize) -> Batcher {
        Batcher {
            limit,
            bytes: 0,
            batch: Batch { after, ..Batch::default() },
            tables: HashSet::new(),
            xid: 0,
            open: false,
            pieces: false,
            left_out: false,
            idle: after,
            read_on: None,
        }
    }

    /// A source transaction begins; its commit record starts at `lsn`.
    pub fn begin(&mut self, xid: u32, lsn: Lsn) {
        (self.xid, self.open, self.batch.open) = (xid, true, lsn);
    }

    /// One of its changes.
    pub fn change(&mut self, change: Change) {
        self.bytes += change.size();
        if self.batch.changes.last().is_none_or(|last| last.table.oid != change.table.oid) {
            self.tables.insert(change.table.oid);
        }
        self.batch.changes.push(change);
    }

    /// The source transaction that is open.
    pub fn xid(&self) -> Option<u32> {
        self.open.then_some(self.xid)
    }

    /// One of its changes is left to the copy: the snapshot of that must show the transaction.
    pub fn left_out(&mut self) {
        self.left_out = true;
    }

    /// It is whole. One without a change for us only moves the position.
    pub fn commit(&mut self, lsn: Lsn, time: i64) {
        let before = self.batch.commits.last().map_or(0, |c| c.changes);
        if self.batch.changes.len() > before || self.pieces || self.left_out {
            self.batch.commits.push(Commit {
                changes: self.batch.changes.len(),
                lsn,
                begun: self.batch.open,
                xid: self.xid,
                time,
                read_on: self.read_on,
            });
            self.pieces = false;
            self.left_out = false;
        }
        self.open = false;
        self.idle = lsn;
    }

    /// What ends a source transaction, or says that nothing is in flight, is the record before this offset of the topic. To be said
    /// before it is taken.
    pub fn reads_on(&mut self, offset: i64) {
        self.read_on = Some(offset);
    }

    /// The source transaction that is open is void: it comes again, or never.
    pub fn void(&mut self) {
        let whole = self.batch.commits.last().map_or(0, |c| c.changes);
        self.batch.changes.truncate(whole);
        (self.open, self.pieces, self.left_out) = (false, false, false);
        self.measure();
    }

    /// Nothing is in flight up to here.
    pub fn idle(&mut self, lsn: Lsn) {
        if !self.open {
            self.idle = self.idle.max(lsn);
        }
    }

    /// Must something be handed out before more is taken?
    pub fn is_full(&self) -> bool {
        // in pieces one source transaction would lock no less
        let tables = self.tables.len() >= TABLES && !self.batch.commits.is_empty();
        self.bytes >= self.limit || self.batch.changes.len() >= MOST || tables
    }

    /// Is nothing in it, and no source transaction open?
    pub fn is_empty(&self) -> bool {
        self.batch.changes.is_empty() && self.batch.commits.is_empty() && !self.open
    }

    /// Is a source transaction open?
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// How far the stream was read with nothing left behind: the end of what is in here, or beyond.
    pub fn position(&self) -> Lsn {
        self.idle
    }

    /// Hands out what is whole; if nothing is whole and it is full, a piece of the open transaction.
    pub fn take(&mut self) -> Option<Batch> {
        let after = self.batch.after;
        let Some(last) = self.batch.commits.last().copied() else {
            if !self.is_full() {
                return None;
            }
            self.bytes = 0;
            self.tables.clear();
            self.pieces = true;
            let next = Batch { after, open: self.batch.open, ..Batch::default() };
            return Some(std::mem::replace(&mut self.batch, next));
        };
        let rest = self.batch.changes.split_off(last.changes);
        let beyond = rest.is_empty() && !self.open && self.idle > last.lsn;
        let (upto, read_on) = if beyond { (self.idle, self.read_on) } else { (last.lsn, last.read_on) };
        let next = Batch { after: upto, changes: rest, open: self.batch.open, ..Batch::default() };
        let mut batch = std::mem::replace(&mut self.batch, next);
        self.measure();
        (batch.upto, batch.read_on) = (Some(upto), read_on);
        Some(batch)
    }

    fn measure(&mut self) {
        self.bytes = self.batch.changes.iter().map(Change::size).sum();
        self.tables = self.batch.changes.iter().map(|change| change.table.oid).collect();
    }

    /// Hands out an empty batch that only moves the position, if there is somewhere to move it to.
    pub fn take_idle(&mut self) -> Option<Batch> {
        if !self.is_empty() || self.idle <= self.batch.after {
            return None;
        }
        let next = Batch { after: self.idle, ..Batch::default() };
        let batch = std::mem::replace(&mut self.batch, next);
        Some(Batch { upto: Some(self.idle), read_on: self.read_on, ..batch })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use filters::change::{Identity, Op, Table};

    fn change() -> Change {
        let table = Arc::new(Table {
            oid: 1,
            schema: "s".into(),
            name: "t".into(),
            identity: Identity::Default,
            columns: vec![],
        });
        Change { table, op: Op::Truncate { restart_identity: false } }
    }

    #[test]
    fn only_whole_transactions_claim_a_position() {
        let mut b = Batcher::new(Lsn(10), 1 << 20);
        b.begin(1, Lsn(1));
        b.change(change());
        assert!(b.take().is_none());
        b.commit(Lsn(20), 0);
        b.begin(2, Lsn(1));
        b.change(change());
        let batch = b.take().unwrap();
        assert_eq!((batch.after, batch.upto, batch.changes.len(), batch.commits.len()), (Lsn(10), Some(Lsn(20)), 1, 1));
        b.commit(Lsn(30), 0);
        let batch = b.take().unwrap();
        assert_eq!((batch.after, batch.upto, batch.changes.len()), (Lsn(20), Some(Lsn(30)), 1));
        assert!(b.take().is_none() && b.take_idle().is_none());
    }

    #[test]
    fn a_large_transaction_comes_in_pieces() {
        let mut b = Batcher::new(Lsn(10), 1);
        b.begin(1, Lsn(1));
        b.change(change());
        let piece = b.take().unwrap();
        assert_eq!((piece.after, piece.upto, piece.commits.len()), (Lsn(10), None, 0));
        // nothing left but the commit: it still has to be applied, the target's transaction is open
        b.commit(Lsn(20), 0);
        let last = b.take().unwrap();
        assert_eq!((last.after, last.upto, last.changes.len(), last.commits.len()), (Lsn(10), Some(Lsn(20)), 0, 1));
    }

    #[test]
    fn a_topic_is_read_on_behind_what_was_applied() {
        let mut b = Batcher::new(Lsn(10), 1 << 20);
        for (tx, offset) in [(1u32, 5), (2, 9)] {
            b.begin(tx, Lsn(1));
            b.change(change());
            b.reads_on(offset);
            b.commit(Lsn(10 + u64::from(tx)), 0);
        }
        b.begin(3, Lsn(1));
        b.change(change());
        let batch = b.take().unwrap();
        assert_eq!((batch.read_on, batch.commits[0].read_on), (Some(9), Some(5)));
        b.void();
        assert!(b.is_empty());
        b.reads_on(20);
        b.idle(Lsn(30));
        let batch = b.take_idle().unwrap();
        assert_eq!((batch.upto, batch.read_on, batch.changes.len()), (Some(Lsn(30)), Some(20), 0));
    }

    #[test]
    fn many_tables_make_it_full() {
        let mut b = Batcher::new(Lsn(10), 1 << 20);
        let of = |oid| Change { table: Arc::new(Table { oid, ..Table::clone(&change().table) }), ..change() };
        let most = u32::try_from(TABLES).unwrap();
        for tx in 0..most {
            b.begin(tx, Lsn(1));
            b.change(of(tx % (most - 1)));
            b.change(of(tx % (most - 1)));
            b.commit(Lsn(20 + u64::from(tx)), 0);
        }
        assert!(!b.is_full(), "one less");
        b.begin(most, Lsn(1));
        b.change(of(most));
        assert!(b.is_full());
        assert_eq!(b.take().unwrap().commits.len(), TABLES);
        assert!(!b.is_full(), "of what is left only one");
    }

    #[test]
    fn one_transaction_of_many_tables_is_not_cut_for_them() {
        let mut b = Batcher::new(Lsn(10), 1 << 20);
        let of = |oid| Change { table: Arc::new(Table { oid, ..Table::clone(&change().table) }), ..change() };
        b.begin(1, Lsn(1));
        for oid in 0..=u32::try_from(TABLES).unwrap() {
            b.change(of(oid));
            assert!(!b.is_full(), "{oid}");
        }
        b.commit(Lsn(20), 0);
        assert!(b.is_full(), "whole, it waits for no other");
        assert_eq!(b.take().unwrap().upto, Some(Lsn(20)));
    }

    #[test]
    fn what_is_left_to_the_copy_is_a_transaction_that_its_snapshot_must_show() {
        let mut b = Batcher::new(Lsn(10), 1 << 20);
        b.begin(7, Lsn(1));
        assert_eq!(b.xid(), Some(7));
        b.left_out();
        b.commit(Lsn(20), 0);
        assert_eq!(b.xid(), None);
        b.begin(8, Lsn(1));
        b.commit(Lsn(30), 0);
        let batch = b.take().unwrap();
        assert_eq!(batch.commits.iter().map(|c| c.xid).collect::<Vec<_>>(), [7]);
        assert_eq!((batch.upto, batch.changes.len()), (Some(Lsn(30)), 0));
    }

    #[test]
    fn what_is_not_for_us_moves_the_position_only() {
        let mut b = Batcher::new(Lsn(10), 1 << 20);
        b.begin(1, Lsn(1));
        b.commit(Lsn(20), 0);
        assert!(b.take().is_none());
        assert_eq!(b.position(), Lsn(20), "its end is one all the same");
        b.idle(Lsn(25));
        let batch = b.take_idle().unwrap();
        assert_eq!((batch.after, batch.upto, batch.changes.len()), (Lsn(10), Some(Lsn(25)), 0));
        assert!(b.take_idle().is_none());
        b.begin(2, Lsn(1));
        b.idle(Lsn(30));
        assert!(b.take_idle().is_none(), "a keepalive amid a transaction is no position");
    }
}
