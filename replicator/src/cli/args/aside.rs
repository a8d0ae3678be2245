//! The arguments of verbs about rows that are not as on production: in quarantine, shadowed, kept, or out of the way.

use clap::{Args as ClapArgs, Subcommand};

/// `quarantine`.
#[derive(Debug, ClapArgs)]
pub struct Quarantine {
    /// What to do
    #[command(subcommand)]
    pub verb: QuarantineVerb,
}

/// `quarantine list`, `quarantine retry`, `quarantine skip`.
#[derive(Debug, Subcommand)]
pub enum QuarantineVerb {
    /// Which rows, and why: by key, without their other values
    List(QuarantineList),
    /// Bring rows anew from production; those that are refused again come back here
    Retry(Chosen),
    /// Forget rows: they stay as they are on the target; asks first
    Skip(Skip),
}

/// `quarantine list`.
#[derive(Debug, ClapArgs)]
pub struct QuarantineList {
    /// As JSON, one list
    #[arg(long)]
    pub json: bool,
    /// With the rows, masked as staging would have them
    #[arg(long)]
    pub rows: bool,
}

/// `quarantine retry`, and what `quarantine skip` takes too.
#[derive(Debug, ClapArgs)]
#[group(required = true, multiple = false)]
pub struct Chosen {
    /// Numbers, as `list` shows them
    #[arg(value_name = "ID")]
    pub ids: Vec<i64>,
    /// All rows of a table
    #[arg(long = "table", value_name = "TABLE")]
    pub tables: Vec<String>,
    /// All rows
    #[arg(long)]
    pub all: bool,
}

/// `quarantine skip`.
#[derive(Debug, ClapArgs)]
pub struct Skip {
    /// Which
    #[command(flatten)]
    pub chosen: Chosen,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// `shadowed`.
#[derive(Debug, ClapArgs)]
pub struct Shadowed {
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// `tombstones`.
#[derive(Debug, ClapArgs)]
pub struct Tombstones {
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// `removed`.
#[derive(Debug, ClapArgs)]
pub struct Removed {
    /// What to do
    #[command(subcommand)]
    pub verb: RemovedVerb,
}

/// `removed list`, `removed restore`, `removed forget`.
#[derive(Debug, Subcommand)]
pub enum RemovedVerb {
    /// Which rows, and why they went
    List(RemovedList),
    /// Put rows back, where what they refer to is there again; exit code 3 if one cannot come
    Restore(Chosen),
    /// Take rows away for good; asks first
    Forget(Skip),
}

/// `removed list`.
#[derive(Debug, ClapArgs)]
pub struct RemovedList {
    /// As JSON, one list
    #[arg(long)]
    pub json: bool,
    /// With the rows
    #[arg(long)]
    pub rows: bool,
}
