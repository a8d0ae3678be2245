//! The arguments of `backup`.

use clap::{Args as ClapArgs, Subcommand};

/// `backup`.
#[derive(Debug, ClapArgs)]
pub struct Backup {
    /// What to do
    #[command(subcommand)]
    pub verb: BackupVerb,
}

/// `backup list`, `backup restore`, `backup prune`.
#[derive(Debug, Subcommand)]
pub enum BackupVerb {
    /// Which there are, and of what
    List(BackupList),
    /// Put rows back as they were, in place of those that are there now; asks first
    #[command(after_help = "\
Examples:
  sluice backup restore 20261128T231500123Z-refresh
  sluice backup restore 20261128T231500123Z-refresh --table public.settings")]
    Restore(BackupRestore),
    /// Take away what is older than `backup.keep`, and what was interrupted; the newest stays
    Prune,
}

/// `backup list`.
#[derive(Debug, ClapArgs)]
pub struct BackupList {
    /// As JSON, one list of manifests
    #[arg(long)]
    pub json: bool,
}

/// `backup restore`.
#[derive(Debug, ClapArgs)]
pub struct BackupRestore {
    /// Which, as `list` shows it
    #[arg(value_name = "LABEL")]
    pub label: String,
    /// Only these tables
    #[arg(long = "table", value_name = "TABLE")]
    pub tables: Vec<String>,
    /// The variable with the backup key that the pipeline had when it was made
    #[arg(long, value_name = "VARIABLE")]
    pub former_key: Option<String>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}
