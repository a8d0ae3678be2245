//! What is proved of a policy before a byte moves: `plan` and `check` show it, and `run` begins with it.
//!
//! [`keys`]: what must differ on the target still differs behind its masks. [`fits`]: what they write at worst
//! fits there. [`trial`]: the real target has tried rows of
//! production behind their masks, and refuses none. [`unsent`]: what an update may cost. What is not proved is refused, all of it at once, each with the key path,
//! the reason, and a mask that would do.

mod expression;
pub mod fits;
pub mod keys;
pub mod subject;
pub mod trial;
pub mod unsent;

use serde::Serialize;

use crate::config::Problem;

/// What was looked at.
#[derive(Debug, Default)]
pub struct Proofs {
    /// What keeps `run` from beginning.
    pub problems: Vec<Problem>,
    /// What is worth a word.
    pub warnings: Vec<Problem>,
    /// What was proved, and by what argument.
    pub shown: Vec<Proof>,
}

/// One thing that was proved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// The masked column.
    pub column: String,
    /// What asks something of it.
    pub of: String,
    /// Why it gets it.
    pub because: String,
}
