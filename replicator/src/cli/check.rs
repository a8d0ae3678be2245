//! `sluice check`: the preflight checks as a list, each failure with what mends it.

use std::io::IsTerminal;

use super::args::{Args, Check};
use super::print;
use crate::check::{self, Area, Report, State};
use crate::config::{Config, Lock};
use crate::error::Error;

/// Runs them all; exit code 3 if one fails.
pub async fn run(args: &Args, verb: &Check) -> Result<(), Error> {
    let report = match files(args) {
        Ok((config, lock)) => {
            let mut report = check::run(&config, lock.as_ref(), verb.locked).await?;
            if verb.notify {
                check::notify::heard(&mut report, &config).await;
            }
            report
        }
        Err(report) => report,
    };
    let failed = report.count(State::Failed);
    if verb.json {
        let json = serde_json::json!({ "ok": failed == 0, "checks": report.checks, "changes": report.changes });
        print::data(format_args!("{json}\n"))?;
    } else {
        print::data(report.text(std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()))?;
    }
    match failed {
        0 => Ok(()),
        failed => Err(Error::Check { failed, checks: report.checks.len() }),
    }
}

/// The configuration and the lock, or everything that is wrong with them.
fn files(args: &Args) -> Result<(Config, Option<Lock>), Report> {
    let mut report = Report::default();
    let config = Config::load(&args.config);
    let lock = Lock::read(&crate::config::Files::new(&args.config).lock());
    for problems in [config.as_ref().err(), lock.as_ref().err()].into_iter().flatten() {
        problems.0.iter().for_each(|p| report.problem(p, State::Failed));
    }
    match (config, lock) {
        (Ok(config), Ok(lock)) => Ok((config, lock)),
        _ => {
            report.skip(Area::Production, "everything else", "the configuration cannot be read");
            Err(report)
        }
    }
}
