//! The arguments of `backup`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

/// `backup`.
#[derive(Debug, ClapArgs)]
pub struct Backup {
    /// What to do
    #[command(subcommand)]
    pub verb: BackupVerb,
}

/// `backup list`, `backup restore`, `backup prune`, `backup key`.
#[derive(Debug, Subcommand)]
pub enum BackupVerb {
    /// Which there are, and of what
    List(BackupList),
    /// Put rows back as they were, in place of those that are there now; asks first
    #[command(after_help = "\
Examples:
  sluice backup restore 20261128T231500Z-refresh --identity key.txt
  sluice backup restore 20261128T231500Z-refresh --table public.settings --identity key.txt
  SLUICE_BACKUP_IDENTITY=AGE-SECRET-KEY-1… sluice backup restore 20261128T231500Z-refresh --yes")]
    Restore(BackupRestore),
    /// Take away what is older than `backup.keep`, and what was interrupted; the newest stays
    Prune,
    /// Make a pair of keys: the secret half on stdout, for a safe place; the public one is `backup.recipient`
    #[command(after_help = "\
Example:
  (umask 077; sluice backup key > key.txt)    what age-keygen does, too")]
    Key,
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
    /// The file with the secret half of the key; else it is in SLUICE_BACKUP_IDENTITY
    #[arg(long, value_name = "FILE")]
    pub identity: Option<PathBuf>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}
