//! The arguments of `audit`.

use std::time::Duration;

use clap::{Args as ClapArgs, Subcommand};

use crate::config::typed_time;

/// `audit`.
#[derive(Debug, ClapArgs)]
pub struct Audit {
    /// What to do
    #[command(subcommand)]
    pub verb: AuditVerb,
}

/// `audit show`, `audit verify`.
#[derive(Debug, Subcommand)]
pub enum AuditVerb {
    /// The entries, the oldest first
    Show(AuditShow),
    /// Is it as it was written? Exit code 3, and which entry, if not
    Verify(AuditVerify),
}

/// `audit show`.
#[derive(Debug, ClapArgs)]
pub struct AuditShow {
    /// As JSON, one list
    #[arg(long)]
    pub json: bool,
    /// Only those of so long a time (12h, 7d), by the target's clock
    #[arg(long, value_name = "TIME", value_parser = typed_time)]
    pub since: Option<Duration>,
}

/// `audit verify`.
#[derive(Debug, ClapArgs)]
pub struct AuditVerify {
    /// A hash that was noted elsewhere: is its entry still there?
    #[arg(long, value_name = "HASH")]
    pub head: Option<String>,
    /// A variable of the environment with a masking key that the pipeline had before
    #[arg(long = "former-key", value_name = "VARIABLE")]
    pub former_keys: Vec<String>,
    /// As JSON, one object
    #[arg(long)]
    pub json: bool,
}
