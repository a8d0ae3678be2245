//! `sluice plan`: what `run` would do, told before it does it. Nothing is written.
//!
//! [`gather`] asks the two servers, [`Forecast`] is what they said, [`render`] is how a person reads it.

mod fires;
mod gather;
mod hazards;
mod render;
mod sample;

use serde::Serialize;

use super::args::{Args, Plan};
use super::print;
use crate::error::Error;
use crate::proofs::Proof;

/// What is copied and read in a second, roughly: for times that are only to be the right order of magnitude.
pub(super) const BYTES_A_SECOND: f64 = 52_428_800.0;

/// Everything that there is to say.
#[derive(Debug, Serialize)]
pub(super) struct Forecast {
    /// The pipeline's name.
    pub pipeline: String,
    /// The configuration in force, secrets as `***`.
    pub configuration: String,
    /// What is copied.
    pub tables: Vec<Table>,
    /// What is kept on the target as structure only, with the rows that `run` takes away.
    pub structure: Vec<Held>,
    /// What stays on production, and why.
    pub not_replicated: Vec<Away>,
    /// The target's own, never written.
    pub protected: Vec<Held>,
    /// The target's tables that hold rows and that sluice knows nothing of.
    pub ungoverned: Vec<Held>,
    /// Columns of tables that are copied which production does not have, and which hold values, as far as the server has counted.
    pub ungoverned_columns: Vec<String>,
    /// What of the target's own could fire for our writes.
    pub firing: fires::Firing,
    /// References that could end nowhere.
    pub hazards: Vec<String>,
    /// What would change on production.
    pub publications: Vec<String>,
    /// Worth a word.
    pub warnings: Vec<String>,
    /// What `run` would refuse: key path, what is wrong, what mends it.
    pub problems: Vec<String>,
    /// What was proved, and why it holds.
    pub proofs: Vec<Proof>,
    /// Tables of which rows were tried on the target, with their number.
    pub tried: Vec<(String, u64)>,
    /// Tables of which none were, and why.
    pub untried: Vec<(String, String)>,
    /// Bytes to read.
    pub bytes: u64,
    /// How long the copy takes, about.
    pub seconds: f64,
    /// Bytes of WAL that production writes a second, as measured just now.
    pub wal_per_second: f64,
    /// Bytes of WAL that production holds while the longest slice or unit is copied.
    pub wal_held: u64,
}

/// A table that is copied.
#[derive(Debug, Serialize)]
pub(super) struct Table {
    pub name: String,
    /// `None`: the server never looked.
    pub rows: Option<u64>,
    pub bytes: u64,
    pub kept: usize,
    pub dropped: Vec<String>,
    pub withheld: Vec<String>,
    pub masks: Vec<Masked>,
    pub key: Vec<String>,
    /// Only rows of which this is true.
    pub only: Option<String>,
    /// Rows of the target of which this is true are its own.
    pub own: Option<String>,
    /// On so many rows production and sluice were seen to decide it alike.
    pub decided_alike: Option<u64>,
    /// `ranges`, or `one unit`.
    pub cut: &'static str,
    /// Some of its rows, masked, if they were asked for.
    pub sample: Option<sample::Sample>,
    /// Why it is one unit.
    pub why: Option<&'static str>,
    /// How long the stream is held for it, if it is one unit.
    pub held_seconds: Option<f64>,
}

/// A column with its mask.
#[derive(Debug, Serialize)]
pub(super) struct Masked {
    pub column: String,
    pub mask: String,
    /// Different values on production, by its statistics; `None`: it has none.
    pub distinct: Option<u64>,
    /// The share of rows that have the most common value: it is as common on staging.
    pub most_common: Option<f64>,
    pub keeps: &'static str,
    pub gives_away: &'static str,
}

/// A table that stays on production.
#[derive(Debug, Serialize)]
pub(super) struct Away {
    pub name: String,
    /// `exclude`, or `not named`.
    pub why: &'static str,
}

/// A table of the target that gets no rows.
#[derive(Debug, Serialize)]
pub(super) struct Held {
    pub name: String,
    /// The server's estimate; `None`: it never looked.
    pub rows: Option<u64>,
}

/// Shows it.
pub async fn run(args: &Args, verb: &Plan) -> Result<(), Error> {
    let (config, lock) = super::load(args)?;
    let (forecast, problems) = gather::gather(&config, lock.as_ref(), verb.sample).await?;
    if verb.json {
        print::data(serde_json::to_string(&forecast).map_err(|e| Error::Bug(e.to_string()))? + "\n")?;
    } else {
        print::data(render::text(&forecast))?;
    }
    // all of it was shown, and this is how a pipe that asks only for the exit code hears of it
    if problems.0.is_empty() { Ok(()) } else { Err(Error::Config(problems)) }
}
