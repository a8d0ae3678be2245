//! Masked rows, tried out on the target's tables.

use super::{Area, Mend, Report, State, World};
use crate::error::Error;
use crate::proofs::trial::Bench;
use crate::start;

const HERE: Area = Area::Tables;
const NAME: &str = "rows tried";

pub async fn all(report: &mut Report, world: &World<'_>) -> Result<(), Error> {
    let failed = |name: &str| report.checks.iter().any(|c| c.state == State::Failed && c.name == name);
    let another = failed("environment") || failed("another database than production");
    if world.tables.is_empty() || another || failed("writable") || failed("temporary tables") {
        report.skip(HERE, NAME, "nothing can be tried on the target yet");
        return Ok(());
    }
    let tables = world.tables.iter().map(|(t, _)| t);
    let bench = Bench { config: world.config, policy: &world.policy, key: start::key(world.config)?, proposes: true };
    let trials = bench.tables(&world.servers.data, &world.target_info, tables).await?;
    for (table, why) in &trials.untried {
        report.skip(HERE, &format!("{NAME} of {table}"), why);
    }
    for problem in &trials.problems {
        report.fail(HERE, &problem.path, &problem.what, problem.hint.clone().map(Mend::hand));
    }
    trials.warnings.iter().for_each(|problem| report.problem(problem, State::Warned));
    if trials.problems.is_empty() && trials.warnings.is_empty() {
        let rows: u64 = trials.tried.iter().map(|(_, rows)| rows).sum();
        let says = format!("{rows} of {} tables, behind their masks: the target takes them", trials.tried.len());
        report.ok(HERE, NAME, says);
    }
    Ok(())
}
