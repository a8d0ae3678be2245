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
