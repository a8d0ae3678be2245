//! A table of the pipeline, as the replicator knows it from production's catalog.

use filters::scalar::Reading;

use crate::known::Known;

/// What the target has to know of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSpec {
    /// Unquoted.
    pub schema: String,
    /// Unquoted.
    pub name: String,
    /// Columns of the replica identity by which ranges are cut and points are found; empty if there is no key.
    pub key: Vec<String>,
    /// How they are ordered; `None`: the table is one unit.
    pub kinds: Option<Vec<Reading>>,
    /// May a single key be pending? Not without a key, nor with a masked one.
    pub pointable: bool,
    /// Only some of its rows come, and its old rows do not tell which.
    pub partial: bool,
    /// The table and what becomes of its columns, to be remembered: if it says otherwise than before the whole table is pending.
    pub known: Known,
    /// Columns that production has and that do not come: reconciling blanks them on the target.
    pub withheld: Vec<String>,
}
