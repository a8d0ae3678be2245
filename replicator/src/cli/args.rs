//! The command line.

mod aside;
mod audit;
mod backup;
mod freeze;
mod schema;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand};

use crate::config::typed_time;
pub use freeze::Freeze;

pub use aside::{Chosen, Quarantine, QuarantineVerb, Removed, RemovedList, RemovedVerb, Shadowed, Skip, Tombstones};
pub use audit::{Audit, AuditShow, AuditVerb, AuditVerify};
pub use backup::{Backup, BackupRestore, BackupVerb};
pub use schema::{Schema, SchemaApply, SchemaDiff, SchemaVerb};

/// Flags that every verb takes.
const EVERYWHERE: &str = "Everywhere";

/// Production's changes, filtered and masked, into staging, exactly once.
#[derive(Debug, Parser)]
#[command(
    name = "sluice",
    version,
    max_term_width = 100,
    after_help = "\
Exit codes:
  0  done, or ended by SIGTERM                   5  refused: going on could hurt
  1  a bug                                       6  a row, a right or a table stands in the way
  2  the configuration, or the command line      7  not done within --timeout
  3  a check failed, or something has drifted    130  Ctrl-C
  4  a server is out of reach, or lets nobody in"
)]
pub struct Args {
    /// The configuration; sluice.lock lies beside it
    #[arg(short, long, global = true, default_value = "sluice.yaml", value_name = "FILE", env = "SLUICE_CONFIG",
        hide_env_values = true, help_heading = EVERYWHERE)]
    pub config: PathBuf,
    /// Log more: -v each batch, -vv all; SLUICE_LOG=replicator::copy=debug is finer
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = EVERYWHERE)]
    pub verbose: u8,
    /// Log as JSON lines
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub log_json: bool,
    /// What to do
    #[command(subcommand)]
    pub verb: Verb,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Look at both databases and write a first sluice.yaml, sluice.lock, and the SQL for two roles
    #[command(after_help = "\
Examples:
  sluice init                          with SLUICE_SOURCE_URL and SLUICE_TARGET_URL set
  sluice init --lock                   after a migration, for review")]
    Init(Init),
    /// Check everything that `run` needs, and say what mends what fails
    #[command(after_help = "\
Examples:
  sluice check
  sluice check --locked                in CI: has production drifted from what was reviewed?")]
    Check(Check),
    /// Show what `run` would do: tables, masks, time, WAL, hazards
    Plan(Plan),
    /// Copy what is pending, then stream, until stopped
    #[command(after_help = "\
Examples:
  sluice run                                     as a service
  sluice run --until-caught-up --timeout 30m     for cron and CI")]
    Run(Run),
    /// Bring production's changes, filtered and masked, into a Kafka topic (`buffer.kafka`), and what appliers ask for
    #[command(after_help = "\
Examples:
  sluice capture                       as a service, near production; needs nothing of any target")]
    Capture(Capture),
    /// Apply what a capture has put into a Kafka topic (`buffer.kafka`); asks it for what this target does not have yet
    #[command(after_help = "\
Examples:
  sluice apply                                   as a service, one for each target
  sluice apply --until-caught-up --timeout 30m   up to what the topic had at the start")]
    Apply(Run),
    /// Have staging stand still for a test run, at a boundary between two transactions of production, until somebody resumes it
    #[command(after_help = "\
Examples:
  sluice freeze --for 2h --reason 'load test'    says where staging stands, once it does
  sluice freeze --until 18:00                    by this machine's time zone
  sluice resume                                  goes on")]
    Freeze(Freeze),
    /// End a freeze: staging is followed again
    Resume,
    /// Show where everything stands, read from the two databases and the topic
    Status(Status),
    /// Give withheld columns a class, in sluice.lock
    #[command(after_help = "\
Examples:
  sluice approve public.customers.nickname --as name
  sluice approve public.customers.fax --as '{ mask: phone, keep_country: true }' --now")]
    Approve(Approve),
    /// Bring tables up to date again, in chunks, without emptying them
    #[command(after_help = "\
Examples:
  sluice resync public.customers       while it runs, or before
  sluice resync --all                  when a refusal says so")]
    Resync(Resync),
    /// Look at rows that the target has refused, and decide about them (`apply.on_error: quarantine`)
    #[command(after_help = "\
Examples:
  sluice quarantine list
  sluice quarantine retry --table public.orders      after its constraint was mended
  sluice quarantine skip 7")]
    Quarantine(Quarantine),
    /// List the rows of production that staging's own rows keep away (`protect.rows`)
    Shadowed(Shadowed),
    /// List the rows that production has deleted and that stay, because staging's own refer to them
    Tombstones(Tombstones),
    /// Rows of staging's own that gave way to a delete of production (`protect.on_referenced: remove`)
    Removed(Removed),
    /// What was saved of staging's rows before they were replaced (`backup`), and its way back
    Backup(Backup),
    /// Compare staging's tables with production's, and make those that it lacks
    #[command(after_help = "\
Examples:
  sluice schema diff                   what staging lacks, what it has otherwise, where it is ahead
  sluice schema apply                  makes missing tables, after a question")]
    Schema(Schema),
    /// List the masks, or try one on a value
    #[command(after_help = "\
Examples:
  sluice masks list
  sluice masks try email 'jane@example.org' --param keep_domain=true")]
    Masks(Masks),
    /// Count rows on the target that refer to a row that is not there; exit code 3 if there are any
    Orphans(Orphans),
    /// Who had sluice do what on this target, and whether what stands there of it is as it was written
    #[command(after_help = "\
Examples:
  sluice audit show --since 7d
  sluice audit verify                                    exit code 3, and which entry, if somebody has changed one
  sluice audit verify --head $(tail -1 audit.jsonl | jq -r .hash)    also if the end was cut off")]
    Audit(Audit),
    /// Say that staging has moved here: this database is the pipeline's target from now on; asks first
    #[command(after_help = "\
After a dump with schema sluice was restored here, and the original is given up. What stands here is
gone on with; nothing is copied again unless production has been told of more than stands here.")]
    Moved(Moved),
    /// Drop slot, publications and what sluice keeps on the target; asks first
    Destroy(Destroy),
    /// Go on from a slot that another replicator has used: the tables are declared equal at its position
    #[command(hide = true)]
    Adopt(Adopt),
}

/// `init`.
#[derive(Debug, ClapArgs)]
pub struct Init {
    /// Production; a password is better in the variable, or in ~/.pgpass
    #[arg(long, value_name = "URL", env = "SLUICE_SOURCE_URL", hide_env_values = true)]
    pub source: Option<String>,
    /// Staging
    #[arg(long, value_name = "URL", env = "SLUICE_TARGET_URL", hide_env_values = true)]
    pub target: Option<String>,
    /// Names slot, publications and checkpoint; else named like production's database
    #[arg(long, value_name = "NAME")]
    pub pipeline: Option<String>,
    /// Overwrite the files
    #[arg(long)]
    pub force: bool,
    /// Only write sluice.lock anew, from sluice.yaml and production's present tables
    #[arg(long, conflicts_with_all = ["pipeline", "force"])]
    pub lock: bool,
}

/// `check`.
#[derive(Debug, ClapArgs)]
pub struct Check {
    /// Fail on any difference between sluice.lock and production's present tables (for CI)
    #[arg(long)]
    pub locked: bool,
    /// Send each receiver of notifications a test
    #[arg(long)]
    pub notify: bool,
    /// As JSON, one object
    #[arg(long)]
    pub json: bool,
}

/// `plan`.
#[derive(Debug, ClapArgs)]
pub struct Plan {
    /// As JSON, one object
    #[arg(long)]
    pub json: bool,
    /// Show so many rows of each table as staging would see them
    #[arg(long, value_name = "ROWS", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub sample: Option<u32>,
}

/// `masks`.
#[derive(Debug, ClapArgs)]
pub struct Masks {
    /// What to do
    #[command(subcommand)]
    pub verb: MasksVerb,
}

/// `masks list`, `masks try`.
#[derive(Debug, Subcommand)]
pub enum MasksVerb {
    /// The masks there are
    List(List),
    /// Mask a value under a throw-away key: another run gives another value
    #[command(after_help = "sluice masks try email 'jane@example.org' --param keep_domain=true
sluice masks try compose x --param template='{first} {last}' --with first=Ann --with last=Smith
sluice masks try \"{ mask: hash, when: country = 'DE', else: keep }\" x --with country=FR")]
    Try(Try),
}

/// `masks list`.
#[derive(Debug, ClapArgs)]
pub struct List {
    /// As JSON, one list
    #[arg(long)]
    pub json: bool,
}

/// `masks try`.
#[derive(Debug, ClapArgs)]
pub struct Try {
    /// Its name, as `sluice masks list` shows it, or all of it as in sluice.yaml: { mask: email, keep_domain: true }
    pub mask: String,
    /// The value, as text
    #[arg(allow_hyphen_values = true)]
    pub value: String,
    /// A parameter of the mask: keep_domain=true
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = parameter)]
    pub parameters: Vec<(String, String)>,
    /// Another column of the row, for masks that look at it: country=DE. A whole number is a bigint, a day a date, all else text
    #[arg(long = "with", value_name = "COLUMN=VALUE", value_parser = beside)]
    pub with: Vec<(String, String)>,
    /// In a domain: its values come out as they do wherever it is used
    #[arg(long, value_name = "NAME")]
    pub domain: Option<String>,
    /// Use the configured key: shows what stands on the target, and is written into sluice.audit there
    #[arg(long)]
    pub real_key: bool,
}

fn beside(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("COLUMN=VALUE is wanted: country=DE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("NAME=VALUE is wanted: keep_domain=true")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// `run`, `capture`, `apply`.
#[derive(Debug, ClapArgs)]
pub struct Run {
    /// End once the target shows what production had at the start
    #[arg(long)]
    pub until_caught_up: bool,
    /// End after this time at a clean boundary, with exit code 7 (30s, 30m, 2h)
    #[arg(long, value_name = "TIME", value_parser = typed_time)]
    pub timeout: Option<Duration>,
    /// End with exit code 6, rather than hold, when a row cannot be applied
    #[arg(long)]
    pub exit_on_stop: bool,
}

/// `capture`.
#[derive(Debug, ClapArgs)]
pub struct Capture {
    /// As of `run`.
    #[command(flatten)]
    pub run: Run,
    /// Make a new slot, and have every target brought up to date in chunks: when a refusal says so
    #[arg(long)]
    pub anew: bool,
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
    /// What was run, the newest first: how long, how much, how fast, how it ended
    #[arg(long, conflicts_with = "watch")]
    pub history: bool,
}

/// `approve`.
#[derive(Debug, ClapArgs)]
pub struct Approve {
    /// Withheld columns: public.customers.nickname
    #[arg(required = true, value_name = "TABLE.COLUMN")]
    pub columns: Vec<String>,
    /// What becomes of them: keep, drop, a domain or a mask, as in sluice.yaml
    #[arg(long = "as", value_name = "CLASS")]
    pub class: String,
    /// Have the running sluice read the lock, and fill the columns in, now
    #[arg(long)]
    pub now: bool,
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
    /// Save nothing of these tables first: nobody has changed them on staging
    #[arg(long, conflicts_with = "all")]
    pub no_backup: bool,
    /// Do not ask
    #[arg(long, requires = "all")]
    pub yes: bool,
}

/// `orphans`.
#[derive(Debug, ClapArgs)]
pub struct Orphans {
    /// As JSON, one list
    #[arg(long)]
    pub json: bool,
}

/// `moved`.
#[derive(Debug, ClapArgs)]
pub struct Moved {
    /// Do not ask
    #[arg(long)]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_in_the_file() {
        let timeout = |text: &str| match Args::try_parse_from(["sluice", "run", "--timeout", text]) {
            Ok(Args { verb: Verb::Run(run), .. }) => run.timeout,
            _ => None,
        };
        for (text, seconds) in [("90s", 90), ("30m", 1800), ("2h", 7200), ("1d", 86_400)] {
            assert_eq!(timeout(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for bad in ["30", "m", "-1s", "1w", "18446744073709551615h", "99999999999999999999s"] {
            assert_eq!(timeout(bad), None, "{bad}");
        }
    }
}
