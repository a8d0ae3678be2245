//! What can go wrong at the target, chosen by what the reader will do about it.

use filters::change::Lsn;

/// The operation of [`Error::Data`] that fails at the commit.
pub const DEFERRED: &str = "a deferred check";

/// invalid_text_representation: a text that is no value of its type; of an enum, a label that it does not have.
pub const UNREAD: &str = "22P02";

/// An error of the target's side. None of them carries a value of a row (invariant 5).
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The connection or the server failed us; trying again later may help.
    #[error("target")]
    Wire(#[from] wire::Error),
    /// Somebody else has taken over this pipeline's checkpoint, or it moved without us.
    #[error("fenced: {0}")]
    Fenced(String),
    /// What was to be loaded is no longer pending as it was: somebody asked for a resync meanwhile.
    #[error("a chunk was loaded that is no longer pending")]
    Stale,
    /// The target is not what it must be: refused for safety.
    #[error("{what}")]
    Refused {
        /// What is wrong and where.
        what: String,
        /// What mends it.
        hint: String,
    },
    /// Exactly one change cannot be applied, and it is not a question of trying again.
    #[error("{operation} on {table}{} cannot be applied", place(*lsn))]
    Data {
        /// Schema and name of the table.
        table: String,
        /// insert, update, delete, truncate, copy, or a deferred check.
        operation: &'static str,
        /// End of the source transaction; zero: the row came by a copy.
        lsn: Lsn,
        /// It would have gone into quarantine, and there are so many already that it did not.
        full: Option<u64>,
        /// What the server said, without values.
        #[source]
        source: wire::Error,
    },
    /// Two rows that production keeps apart are the same to a unique index of the target.
    #[error(
        "{table}: two rows of production have one value in {columns} on staging, and only one of them can be there"
    )]
    Collides {
        /// Schema and name of the table.
        table: String,
        /// The columns of the unique index.
        columns: String,
    },
    /// The target has rows that production does not explain, and `on_divergence: stop` is set.
    #[error("{table} diverged: {what}")]
    Diverged {
        /// Schema and name of the table.
        table: String,
        /// What was not as expected.
        what: &'static str,
    },
    /// This cannot be: a bug in sluice.
    #[error("bug: {0}")]
    Bug(String),
}

/// Where in the stream.
fn place(lsn: Lsn) -> String {
    if lsn == Lsn::ZERO { String::new() } else { format!(" in the transaction that ends at {lsn}") }
}

impl Error {
    /// Is it contention with others who use the target, so that the same batch, smaller, will pass?
    pub fn is_contention(&self) -> bool {
        match self {
            Error::Wire(e) => e.sqlstate().is_some_and(is_contention),
            Error::Stale => true,
            _ => false,
        }
    }

    /// Did a unique constraint refuse it?
    pub fn is_unique_violation(&self) -> bool {
        self.sqlstate() == Some("23505")
    }

    /// Was it refused for a row? Else for what all rows have in common, or for nothing of theirs.
    pub fn is_of_a_row(&self) -> bool {
        matches!(self, Error::Data { source, .. } if source.sqlstate().is_some_and(is_of_a_row))
    }

    /// What the server said, in five characters.
    pub fn sqlstate(&self) -> Option<&str> {
        match self {
            Error::Data { source, .. } | Error::Wire(source) => source.sqlstate(),
            _ => None,
        }
    }
}

/// Serialization failure, deadlock, lock timeout, cancel: staging is in use by others.
/// (<https://www.postgresql.org/docs/current/errcodes-appendix.html>)
pub fn is_contention(sqlstate: &str) -> bool {
    matches!(sqlstate, "40001" | "40P01" | "55P03" | "57014")
}

/// Is it to be laid on one row? Of the verdicts those that are not on the whole table, as a missing column or right: in quarantine
/// would be every row of it.
pub fn is_of_a_row(sqlstate: &str) -> bool {
    is_verdict(sqlstate) && !matches!(sqlstate.get(..2), Some("42" | "0A" | "55"))
}

/// Is this error the server's verdict on a row, not on its own state? Only such errors are looked into row by row;
/// everything else (out of disk, out of memory, shutting down) concerns no row.
pub fn is_verdict(sqlstate: &str) -> bool {
    // 22 data exception, 23 integrity constraint violation, 42 wrong or missing object or right, 44 check option,
    // 0A feature not supported, 55000 object not in prerequisite state, P0 a trigger's RAISE, 2F/38/39 routines
    matches!(sqlstate.get(..2), Some("22" | "23" | "42" | "44" | "0A" | "P0" | "2F" | "38" | "39" | "21" | "27" | "09"))
        || sqlstate == "55000"
}
