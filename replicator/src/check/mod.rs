//! The preflight checks, as functions that return data: each looks at one side of one thing, none stops the others.
//!
//! ```text
//!  configuration ─► production ─► topic ─► its tables ─► target ─► its tables ─► rows tried ─► protected ─► continuity ─► lock
//! ```
//!
//! Nothing is written, on neither side. What fails says why, and where there is a statement that mends it, that one.

mod continuity;
mod failover;
pub mod notify;
mod production;
mod protect;
mod references;
mod report;
pub mod review;
mod role;
mod sequences;
mod source_tables;
mod standby;
mod target;
mod target_tables;
#[cfg(feature = "kafka")]
mod topic;
mod trial;

pub use report::{Area, Item, Mend, Report, State};

use std::sync::Arc;

use filters::compiled::Compiled;
use filters::filter::Filter;
use filters::key::MaskKey;
use filters::policy::Policy;
use sink_postgres::catalog::Required;
use wire::{Connection, Conninfo};

use crate::config::{Config, Lock, Resolved};
use crate::error::{Doing, Error};
use crate::source::Servers;
use crate::source::catalog::{self, SourceTable};
use crate::start::{self, Demands};

/// What the checks look at.
pub(crate) struct World<'c> {
    pub config: &'c Config,
    /// Production's; `source` is with the one that has rows and catalogs.
    pub servers: Servers,
    pub target_info: Conninfo,
    pub source: Connection,
    /// With the standby that has the slot, where that is another server and answers.
    pub standby: Option<Connection>,
    pub target: Option<Connection>,
    /// What is copied.
    pub tables: Vec<(SourceTable, Arc<Compiled>)>,
    /// All that production has.
    pub found: Vec<SourceTable>,
    pub policy: Policy,
}

/// Runs them all. `strict`: every difference between the lock and production's tables is a failure.
pub async fn run(config: &Config, lock: Option<&Lock>, strict: bool) -> Result<Report, Error> {
    let mut report = Report::default();
    let (servers, target_info) = start::ends::parsed(config)?;
    report.ok(Area::Configuration, "sluice.yaml", format!("pipeline {}", config.pipeline));
    notify::found(&mut report, config).await;
    let source = production::reach(&mut report, Area::Production, (servers.data_key(), &servers.data), config).await;
    let standby = match servers.is_split() {
        true => production::reach(&mut report, Area::Standby, ("source.url", &servers.stream), config).await,
        false => None,
    };
    let mut target = target::reach(&mut report, &target_info, config).await;
    #[cfg(feature = "kafka")]
    let readable = match config.buffer {
        Some(_) => topic::all(&mut report, config, target.as_mut()).await,
        None => false,
    };
    let Some(mut source) = source else {
        if let Some(db) = &mut target {
            let done = target::server(&mut report, db, &target_info).await;
            report.hear(Area::Target, "server", done);
        }
        report.skip(Area::Production, "everything else", "production is not reached");
        return Ok(report);
    };
    // of several hosts, the one that answered
    let servers = servers.at(source.info());
    let target_info = target.as_ref().map_or(target_info, |db| db.info().clone());
    if let Some(target) = &mut target {
        match start::different(&mut source, target).await {
            Ok(()) => report.ok(Area::Target, "another database than production", String::new()),
            Err(e) => report.error(Area::Target, "another database than production", &e),
        }
    }
    let found = catalog::tables(&mut source).await.doing("read the catalog")?;
    let demands = match &mut target {
        Some(target) => Demands::read(target).await?,
        None => Demands::default(),
    };
    let (tables, policy) = resolve(&mut report, config, lock, &found, &demands.required);
    proved(&mut report, config, &policy, &tables, &demands, &mut source).await?;
    let mut world = World { config, servers, target_info, source, standby, target, tables, found, policy };
    let done = production::server(&mut report, &mut world).await;
    report.hear(Area::Production, "server", done);
    let done = standby::all(&mut report, &mut world).await;
    report.hear(Area::Standby, "standby", done);
    let done = failover::all(&mut report, &mut world).await;
    report.hear(Area::Production, "failover", done);
    let done = role::all(&mut report, &mut world).await;
    report.hear(Area::Production, "role", done);
    let done = source_tables::all(&mut report, &mut world).await;
    report.hear(Area::Tables, "production's tables", done);
    if let Some(mut db) = world.target.take() {
        let done = target::server(&mut report, &mut db, &world.target_info).await;
        report.hear(Area::Target, "server", done);
        let done = target_tables::all(&mut report, &world, &mut db).await;
        report.hear(Area::Tables, "the target's tables", done);
        let done = trial::all(&mut report, &world).await;
        report.hear(Area::Tables, "rows tried", done);
        let done = protect::all(&mut report, &world, &mut db).await;
        report.hear(Area::Protected, "protected tables", done);
        let done = references::all(&mut report, &world, &mut db).await;
        report.hear(Area::Protected, "what refers to production's rows", done);
        let done = sequences::all(&mut report, &mut world, &mut db).await;
        report.hear(Area::Target, "sequences", done);
        #[cfg(feature = "kafka")]
        let done = match config.buffer {
            Some(_) => topic::continues(&mut report, &mut world, &mut db, readable).await,
            None => continuity::all(&mut report, &mut world, &mut db).await,
        };
        #[cfg(not(feature = "kafka"))]
        let done = continuity::all(&mut report, &mut world, &mut db).await;
        report.hear(Area::Production, "continuity", done);
        db.close().await;
    } else {
        report.skip(Area::Target, "everything else", "the target is not reached");
    }
    locked(&mut report, &world, lock, strict);
    if let Some(standby) = world.standby {
        standby.close().await;
    }
    world.source.close().await;
    Ok(report)
}

/// Lays the configuration over production's tables. Where the lock stands in the way, once more without it, so that the
/// other checks have something to look at.
fn resolve(
    report: &mut Report,
    config: &Config,
    lock: Option<&Lock>,
    found: &[SourceTable],
    required: &Required,
) -> (Vec<(SourceTable, Arc<Compiled>)>, Policy) {
    let plain: Vec<_> = found.iter().map(start::described).collect();
    let resolved = match config.resolve(&plain, lock) {
        Ok(resolved) => Some(resolved),
        Err(problems) => {
            for p in &problems.0 {
                report.problem(p, State::Failed);
            }
            // that it was left aside is no finding
            config.resolve(&plain, None).ok().map(|resolved| Resolved { warnings: Vec::new(), ..resolved })
        }
    };
    let Some(mut resolved) = resolved else {
        report.skip(Area::Tables, "the tables", "the configuration does not fit them yet");
        return (Vec::new(), Policy::default());
    };
    resolved.warnings.iter().for_each(|p| report.problem(p, State::Warned));
    start::require(&mut resolved.policy, required);
    let any = MaskKey::new(&[0; 32]).ok();
    let Some(key) = config.masking.key.clone().or(any) else { return (Vec::new(), resolved.policy) };
    let filter = Filter::new(resolved.policy.clone(), key);
    let mut tables = Vec::new();
    for table in found {
        match filter.compile(&table.shape) {
            Ok(Some(compiled)) => {
                tables.push((table.clone(), compiled));
            }
            Ok(None) => {}
            Err(e) => report.error(Area::Tables, &table.shape.to_string(), &e.into()),
        }
    }
    if tables.is_empty() {
        report.fail(
            Area::Configuration,
            "tables",
            "no table is replicated: a table that nothing names never leaves production",
            Some(Mend::hand("name some in sluice.yaml; sluice init proposes them all")),
        );
    }
    (tables, resolved.policy)
}

/// Does what must differ on the target still differ behind its masks?
async fn proved(
    report: &mut Report,
    config: &Config,
    policy: &Policy,
    tables: &[(SourceTable, Arc<Compiled>)],
    demands: &Demands,
    source: &mut Connection,
) -> Result<(), Error> {
    let here = start::Asked::read(source).await?;
    let proofs = start::prove(config, policy, tables, &here, demands);
    for (problems, state) in [(&proofs.problems, State::Failed), (&proofs.warnings, State::Warned)] {
        for p in problems {
            report.push(Area::Tables, &p.path, state, &p.what, p.hint.clone().map(Mend::hand));
        }
    }
    if proofs.problems.is_empty() && !tables.is_empty() {
        let says = format!("{} proofs: what must differ does; sluice plan shows why", proofs.shown.len());
        report.ok(Area::Tables, "masked keys", says);
    }
    Ok(())
}

/// Is the lock what production's tables are now?
fn locked(report: &mut Report, world: &World<'_>, lock: Option<&Lock>, strict: bool) {
    let state = if strict { State::Failed } else { State::Warned };
    let mend = Some(Mend::shell("sluice init --lock"));
    let name = "sluice.lock";
    let Some(lock) = lock else {
        return report.push(
            Area::Lock,
            name,
            state,
            "there is none: a column that comes later is only known after the first run",
            mend,
        );
    };
    let plain: Vec<_> = world.found.iter().map(start::described).collect();
    let Ok(now) = world.config.reviewed(&plain) else {
        return report.skip(Area::Lock, name, "the configuration does not fit production's tables yet");
    };
    let mut live = Lock::of(&now.policy, &plain);
    live.carry(lock, &now.unnamed);
    report.changes = review::compare(lock, &live);
    match report.changes.len() {
        0 => report.ok(Area::Lock, name, format!("as production's tables are, {} of them", lock.tables.len())),
        n => report.push(
            Area::Lock,
            name,
            state,
            format!(
                "{n} {} to production and sluice.yaml, shown below",
                if n == 1 { "difference" } else { "differences" }
            ),
            mend,
        ),
    }
}
