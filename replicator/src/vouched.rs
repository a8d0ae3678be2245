//! Tables of which a look at production's catalog has shown that they are as they were planned.
//!
//! A Relation comes before the first rows of each table on every new stream, and after every change of a table; each is held against
//! the catalog ([`crate::shapes`]). Of thousands of tables in a backlog that would be thousands of questions, one behind another. So
//! tables beside the one in question are looked at with it, and what the look says of them is kept.
//!
//! **Why it may be kept.** A Relation comes in a transaction that has written rows of the table. Whatever changed the table before
//! was committed before that transaction could lock it, or is of the same transaction. (A partitioned table is sent
//! as its root, and who writes a leaf locks the leaf: whatever changes a column of the root locks every leaf.) So a snapshot that shows the transaction shows
//! each change of the table that the Relation can stand for; the look came after the snapshot, and shows no less. Of a
//! transaction that the snapshot does not show nothing is known: it is looked again.
//!
//! Rows that were written anew ([`crate::source::rewrites`]) are covered alike: a table is kept only if they are where they were noted to be.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::shapes::Shapes;
use crate::source::rewrites::{Look, Rows};
use crate::source::snapshot::Snapshot;

/// Transaction ids of the stream have 32 bits: long before they come around, nothing is kept any more.
const KEPT: Duration = Duration::from_secs(600);

/// Tables by OID, and the snapshot behind which each was looked at.
#[derive(Debug, Default)]
pub struct Vouched {
    tables: HashMap<u32, Arc<Seen>>,
}

#[derive(Debug)]
struct Seen {
    snapshot: Snapshot,
    at: Instant,
}

impl Vouched {
    /// Keeps of `looks`, taken behind `snapshot`, what is as it was planned, with its rows where they were noted to be.
    pub fn of(
        &mut self,
        shapes: &Shapes,
        snapshot: Snapshot,
        looks: &HashMap<u32, Look>,
        noted: &HashMap<(String, String), Option<Rows>>,
    ) {
        let seen = Arc::new(Seen { snapshot, at: Instant::now() });
        for (&oid, look) in looks {
            let Some(planned) = shapes.get(oid) else { continue };
            let rows = look.rows.clone().of(&planned.concerns());
            let stays = noted.get(&planned.name()).is_some_and(|was| was.as_ref() == Some(&rows));
            if look.print == planned.table.look && stays {
                self.tables.insert(oid, Arc::clone(&seen));
            } else {
                self.tables.remove(&oid);
            }
        }
    }

    /// Was the table looked at behind a snapshot that shows this transaction?
    pub fn covers(&self, oid: u32, xid: u32) -> bool {
        let seen = self.tables.get(&oid).filter(|seen| seen.at.elapsed() < KEPT);
        seen.is_some_and(|seen| seen.snapshot.shows(seen.snapshot.full(xid)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_snapshot_does_not_show_is_not_covered() {
        let seen = Seen { snapshot: "726:729:726".parse().unwrap(), at: Instant::now() };
        let vouched = Vouched { tables: HashMap::from([(1, Arc::new(seen))]) };
        for (xid, covered) in [(725, true), (726, false), (727, true), (728, true), (729, false), (800, false)] {
            assert_eq!(vouched.covers(1, xid), covered, "{xid}");
        }
        assert!(!vouched.covers(2, 725), "nobody looked at it");
    }

    #[test]
    fn it_is_not_kept_for_long() {
        let at = Instant::now().checked_sub(KEPT).unwrap();
        let seen = Seen { snapshot: "726:729:".parse().unwrap(), at };
        assert!(!Vouched { tables: HashMap::from([(1, Arc::new(seen))]) }.covers(1, 725));
    }
}
