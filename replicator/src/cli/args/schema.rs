//! The arguments of `schema`.

use clap::{Args as ClapArgs, Subcommand};

/// `schema`.
#[derive(Debug, ClapArgs)]
pub struct Schema {
    /// What to do
    #[command(subcommand)]
    pub verb: SchemaVerb,
}

/// `schema diff`, `schema apply`.
#[derive(Debug, Subcommand)]
pub enum SchemaVerb {
    /// What staging's tables have otherwise than production's; exit code 3 if rows would not fit
    Diff(SchemaDiff),
    /// Make what staging lacks: schemas, types, tables, partitions; asks first. Nothing that is there is changed
    #[command(after_help = "\
Examples:
  sluice schema apply --dry-run > staging.sql    to read, or for somebody with more rights
  sluice schema apply --yes                      in CI")]
    Apply(SchemaApply),
}

/// `schema diff`.
#[derive(Debug, ClapArgs)]
pub struct SchemaDiff {
    /// As JSON, one list
    #[arg(long)]
    pub json: bool,
}

/// `schema apply`.
#[derive(Debug, ClapArgs)]
pub struct SchemaApply {
    /// Print the SQL, with the literals that are to be read first, and make nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask: the literals have been read
    #[arg(long, conflicts_with = "dry_run")]
    pub yes: bool,
}
