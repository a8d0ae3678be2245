//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand};

/// Production's changes, filtered and masked, into staging, exactly once.
#[derive(Debug, Parser)]
#[command(name = "sluice", version, propagate_version = true, max_term_width = 100)]
pub struct Args {
    /// The configuration; sluice.lock lies beside it
    #[arg(short, long, global = true, default_value = "sluice.yaml", value_name = "FILE", env = "SLUICE_CONFIG")]
    pub config: PathBuf,
    /// Say more (-vv: even more)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Logs as JSON lines
    #[arg(long, global = true)]
    pub log_json: bool,
    /// What to do
    #[command(subcommand)]
    pub verb: Verb,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Copy what is pending, then stream, until stopped
    Run(Run),
    /// Show where everything stands, read from the two databases
    Status(Status),
    /// Bring tables up to date again, in chunks, without emptying them
    Resync(Resync),
    /// Drop slot, publications and what sluice keeps on the target; asks first
    Destroy(Destroy),
    /// Go on from a slot that another replicator has used: the tables are declared equal at its position
    #[command(hide = true)]
    Adopt(Adopt),
}

/// `run`.
#[derive(Debug, ClapArgs)]
pub struct Run {
    /// End once the target shows what production had at the start
    #[arg(long)]
    pub until_caught_up: bool,
    /// End after this time at a clean boundary, with exit code 7 (30s, 30m, 2h)
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub timeout: Option<Duration>,
    /// End with exit code 6, rather than hold, when a row cannot be applied
    #[arg(long)]
    pub exit_on_stop: bool,
}

/// `status`.
#[derive(Debug, ClapArgs)]
pub struct Status {
    /// As JSON, one object
    #[arg(long)]
    pub json: bool,
    /// Again every two seconds, until Ctrl-C
    #[arg(long)]
    pub watch: bool,
}

/// `resync`.
#[derive(Debug, ClapArgs)]
pub struct Resync {
    /// Tables: public.customers
    #[arg(required_unless_present = "all", conflicts_with = "all", value_name = "TABLE")]
    pub tables: Vec<String>,
    /// All tables, from a new slot: after a lost slot, or a restored production
    #[arg(long)]
    pub all: bool,
    /// Do not ask
    #[arg(long, requires = "all")]
    pub yes: bool,
}

/// `destroy`.
#[derive(Debug, ClapArgs)]
pub struct Destroy {
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// `adopt`.
#[derive(Debug, ClapArgs)]
pub struct Adopt {
    /// A pgoutput slot that nobody reads now
    #[arg(long, value_name = "NAME")]
    pub slot: String,
    /// The publication that was read with it
    #[arg(long, value_name = "NAME")]
    pub publication: String,
}

/// A time with a unit.
pub fn time(text: &str) -> Result<Duration, String> {
    let end = text.find(|c: char| !c.is_ascii_digit()).ok_or("a time wants a unit: 500ms, 30s, 30m, 2h")?;
    let (number, unit) = text.split_at(end);
    let number: u64 = number.parse().map_err(|_| "a time is a whole number and a unit: 500ms, 30s, 30m, 2h")?;
    match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(number * 60)),
        "h" => Ok(Duration::from_secs(number * 3600)),
        _ => Err(format!("unknown unit {unit:?}: ms, s, m or h")),
    }
}
