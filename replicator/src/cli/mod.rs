//! What a person types. One file per verb.

mod adopt;
mod approve;
mod args;
mod attempt;
mod audit;
mod backup;
mod check;
mod confirm;
mod destroy;
#[cfg(test)]
mod documents;
mod freeze;
mod init;
mod masks;
mod moved;
mod orphans;
mod plan;
mod print;
mod progress;
mod quarantine;
mod removed;
mod resync;
mod run;
mod schema;
mod shadowed;
mod status;
mod table;
mod tombstones;

use std::process::ExitCode;

use clap::Parser;

use crate::error::{Error, Kind};
use crate::telemetry;

/// Parses the command line, runs the verb, prints what went wrong. Gives what the process exits with.
pub fn main() -> ExitCode {
    telemetry::quiet_panics();
    code(typed)
}

/// A panic is a bug, and ends as one. Its hook has said where; nothing goes on from here that could be seen half done.
fn code(of: impl FnOnce() -> ExitCode + std::panic::UnwindSafe) -> ExitCode {
    std::panic::catch_unwind(of).unwrap_or_else(|_| ExitCode::from(Kind::Bug.exit_code()))
}

fn typed() -> ExitCode {
    let args = args::Args::parse();
    telemetry::init(args.verbose, args.log_json);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build() {
        Ok(runtime) => runtime,
        Err(e) => {
            eprintln!("sluice: cannot start: {e}");
            return ExitCode::from(Kind::Bug.exit_code());
        }
    };
    let done = runtime.block_on(dispatch(&args));
    runtime.shutdown_background();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            print::talk(format_args!("sluice: {}", e.chain()));
            if let Some(hint) = e.hint() {
                print::talk(format_args!("hint: {hint}"));
            }
            ExitCode::from(e.exit_code())
        }
    }
}

async fn dispatch(args: &args::Args) -> Result<(), Error> {
    match &args.verb {
        args::Verb::Init(verb) => init::run(args, verb).await,
        args::Verb::Check(verb) => check::run(args, verb).await,
        args::Verb::Plan(verb) => plan::run(args, verb).await,
        args::Verb::Masks(verb) => masks::run(args, verb).await,
        args::Verb::Run(verb) => run::run(args, verb, run::Half::Both, false).await,
        args::Verb::Capture(verb) => run::run(args, &verb.run, run::Half::Capture, verb.anew).await,
        args::Verb::Apply(verb) => run::run(args, verb, run::Half::Apply, false).await,
        args::Verb::Freeze(verb) => freeze::run(args, verb).await,
        args::Verb::Resume => freeze::resume(args).await,
        args::Verb::Status(verb) => status::run(args, verb).await,
        args::Verb::Approve(verb) => approve::run(args, verb).await,
        args::Verb::Resync(verb) => resync::run(args, verb).await,
        args::Verb::Quarantine(verb) => quarantine::run(args, verb).await,
        args::Verb::Shadowed(verb) => shadowed::run(args, verb).await,
        args::Verb::Tombstones(verb) => tombstones::run(args, verb).await,
        args::Verb::Removed(verb) => removed::run(args, verb).await,
        args::Verb::Backup(verb) => backup::run(args, verb).await,
        args::Verb::Schema(verb) => schema::run(args, verb).await,
        args::Verb::Orphans(verb) => orphans::run(args, verb).await,
        args::Verb::Audit(verb) => audit::run(args, verb).await,
        args::Verb::Moved(verb) => moved::run(args, verb).await,
        args::Verb::Destroy(verb) => destroy::run(args, verb).await,
        args::Verb::Adopt(verb) => adopt::run(args, verb).await,
    }
}

/// Reads the configuration and the lock beside it.
fn load(args: &args::Args) -> Result<(crate::config::Config, Option<crate::config::Lock>), Error> {
    crate::config::Files::new(&args.config).read().map_err(Error::Config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_as_a_bug() {
        let code = |of: fn() -> ExitCode| format!("{:?}", code(of));
        assert_eq!(code(|| ExitCode::from(7)), format!("{:?}", ExitCode::from(7)));
        assert_eq!(code(|| panic!("on purpose")), format!("{:?}", ExitCode::from(1)));
    }
}
