//! Opening a pipeline: recognise, save, intend, take over, make the slot, compare, place.
//!
//! Nothing goes on silently from "now", and the order is the argument:
//!
//! 1. **Recognise.** Both servers say that they are what the file says, and the target is none that must not be written ([`ends`]).
//!    What the checkpoint belongs to (server, timeline, database, slot, publications, masking key, target)
//!    is compared with what is there; what differs is refused, with what it means and what mends it. So nothing is made on
//!    a server that is not ours. Then the policy is proved, and before its first row the target tries some
//!    ([`proofs`](crate::proofs)).
//! 2. **Save.** Rows of staging's that are about to be replaced go to a backup ([`backup`]), while there is nothing of ours on production yet
//!    that would hold its WAL for so long. Where none can be made nothing is changed.
//! 3. **Intend.** The publications are made, and an intent is written on the target before the slot is, so that a kill in
//!    between is no mystery.
//! 4. **Take over.** Whoever wrote the target before is waited for and fenced: from here on the checkpoint is ours. What
//!    the policy wants empty is emptied, before anything else comes: it may have been filled raw.
//! 5. **Slot.** Made for an intent, with every table pending; and the stream begins, at the checkpoint. A slot has one
//!    reader, so nobody else can move it now.
//! 6. **Compare.** Only now does its position prove anything: is it the continuation of what the target has? Tables that
//!    joined a publication meanwhile become pending.
//! 7. **Place.** The checkpoint belongs to what was found, and the loop may begin.

pub mod ends;
pub mod environment;
pub mod never;
mod plan;
mod prove;
pub(crate) mod publish;
pub(crate) mod recognise;
mod refused;
mod setup;
pub mod slot;
pub mod standby;
mod take_over;

pub use ends::conninfos;
pub(crate) use plan::print;
pub use plan::{Plan, described, key, key_of, on_referenced, own_rows, plan, protected, require, shared, spec};
pub use prove::{Asked, Demands, prove};
use recognise::Recognised;
pub use recognise::{different, identity};
pub use refused::Refused;
pub(crate) use setup::setup;
pub use setup::watcher;
pub use take_over::{TakenOver, take_over};
pub(crate) use take_over::{on_error, sink_options};

use std::collections::VecDeque;
use std::sync::Arc;

use filters::change::Lsn;
use filters::compiled::Compiled;
use sink_postgres::checkpoint::{self, Checkpoint};
use sink_postgres::failpoint;
use sink_postgres::{known, schema};
use tokio::sync::Mutex;
use wire::{Connection, Conninfo};

use crate::applied::Applied;
use crate::backup;
use crate::batch::Batcher;
use crate::board::Board;
use crate::cancels::Cancels;
use crate::config::{self, Config, Lock, Problem};
use crate::error::{Doing, Error};
use crate::flow::Flow;
use crate::pipeline::Pipeline;
use crate::proofs::trial::Bench;
use crate::schema as tables;
use crate::schema::additive;
use crate::setup::Setup;
use crate::shapes::Shapes;
use crate::source::servers::Started;
use crate::source::standby::vouched;
use crate::source::{Stream, continuity, production, publication, slot as source_slot, snapshot, wal};

/// What `status` says of tables that are copied again for it.
const GIVEN_UP: &str = "its slot was dropped at limits.wal.drop_slot";

/// Opens everything. The position is the one that production had: `--until-caught-up` ends when the target shows it.
///
/// `given_up`: this process has dropped the slot, because it held too much; the target could not be told, perhaps.
///
/// `cancels`: what is to be asked to end should nobody wait for this any more. `refused`: of the looks before this one.
pub async fn open(
    config: &Config,
    lock: Option<&Lock>,
    board: &Board,
    cancels: &Cancels,
    (given_up, refused): (bool, &mut Refused),
) -> Result<(Pipeline, Lsn), Error> {
    let (source, target) = conninfos(config)?;

    // 1. recognise
    let mut watch = ends::source(config, &source.data, "watch", &[]).await?;
    let mut staging = ends::target(config, &target, "start", &[]).await?;
    // of several hosts all sessions are with one: amid a failover another may answer
    let (source, target) = (source.at(watch.info()), staging.info().clone());
    different(&mut watch, &mut staging).await?;
    schema::ensure(&mut staging).await?;
    let memory = known::read(&mut staging, &config.pipeline).await?;
    let known = checkpoint::read(&mut staging, &config.pipeline).await?;
    let followed = known.as_ref().is_some_and(|known| known.lsn.is_some());
    let unfit = |e: Error| if followed { e.unfit() } else { e };
    let (mut standby, primary) = standby::open(config, &source, &mut watch, followed).await?.unzip();
    let demands = Demands::read(&mut staging).await?;
    let mut plan = plan(config, lock, memory, &demands, &mut watch).await.map_err(unfit)?;
    let shares = shared(config, &plan.written(), &mut staging).await?;
    // a table of staging's own is a part of one that is written: nothing is changed of either
    let apart = shares.is_empty();
    plan.proofs.problems.extend(shares);
    let protected = protected(config, &mut staging).await?;
    let memory = config.limits.logical_decoding_work_mem;
    let mut replication = production::replication(&source.stream, &config.pipeline, memory).await?;
    match &mut standby {
        Some(standby) => standby.expect(&mut replication).await?,
        None => source_slot::one_server(&mut watch, &mut replication).await?,
    }
    let given_up = given_up || checkpoint::slot_dropped(&mut staging, &config.pipeline).await?.is_some();
    let mut ours =
        recognise::recognise(config, &plan, (&mut watch, standby.as_ref()), &mut staging, &mut replication, given_up)
            .await?;
    // one that was looked at again for such a value, and production has no new label for it: it is like any other
    let at = known.as_ref().and_then(|known| known.lsn);
    let on_error = on_error(config, config.apply.ddl == config::Ddl::Off || at.is_some() && refused.unread == at);
    if apart && let Some(table) = brought(config, &plan, &mut watch, &mut staging).await? {
        return Err(Error::Changed { table, how: "was changed on staging, as production's was" });
    }
    if known.as_ref().is_none_or(|known| known.lsn.is_none() || known.identity.policy != ours.identity.policy) {
        let problems = tried(config, &plan, &source.data, (&target, &mut staging), refused).await.map_err(unfit)?;
        plan.proofs.problems.extend(problems);
    }
    let plan = plan.proved().and_then(worth_it).map_err(unfit)?;

    // 2. save; production holds nothing for us yet
    let saved = save(config, &plan, &ours, known.as_ref(), &mut staging).await.map_err(unfit)?;

    // 3. intend
    match ours.publications.first().filter(|_| ours.adopted) {
        Some(name) => publication::publishes(&mut watch, name, plan.tables.iter().map(|(t, _)| t)).await,
        None => publish::publish(config, &source.data, &plan, &mut watch).await,
    }
    .map_err(unfit)?;
    failpoint::hit("start.published");
    ours.identity.publications =
        publication::fingerprint(&mut watch, &ours.publications).await.doing("read the publications")?;
    if ours.anew {
        tracing::warn!(
            slot = ours.identity.slot,
            "{GIVEN_UP}: a new one is made, and staging is brought up to date in chunks"
        );
        checkpoint::forget(&mut staging, &config.pipeline).await?;
    }
    checkpoint::intend(&mut staging, &config.pipeline, &ours.identity).await?;
    staging.close().await;
    failpoint::hit("start.intended");

    // 4. take over
    let TakenOver { mut sink, checkpoint: taken, put_off, fresh } =
        take_over(config, &target, &plan, protected, on_error).await.map_err(unfit)?;
    failpoint::hit("start.registered");

    // 5. slot
    let from = match taken.lsn {
        Some(lsn) => lsn,
        None => {
            // an intent: whatever slot there is was made for it, and nothing was applied
            if ours.slot.is_some() {
                let mut writer = production::writer(&source.stream, &config.pipeline, "slot", &[]).await?;
                source_slot::seize(&mut writer, &ours.identity.slot).await.doing("drop the unfinished slot")?;
            }
            // it waits for production's open transactions, and whoever is gone by then it would not notice: it would hold WAL
            cancels.add(replication.canceler());
            let name = &ours.identity.slot;
            let at = match &standby {
                None => slot::make(name, &mut replication).await?,
                Some(standby) => {
                    let of = (name.as_str(), ours.identity.publications.as_str());
                    slot::make_on_standby(of, &source, &config.pipeline, &mut replication, &mut watch, standby).await?
                }
            };
            failpoint::hit("start.slot_made");
            let why = if ours.anew { GIVEN_UP } else { "" };
            for (table, _) in &plan.tables {
                sink.make_pending(&table.name(), why).await?;
            }
            tracing::info!(slot = ours.identity.slot, %at, "slot created");
            at
        }
    };
    if let Some(standby) = &standby {
        slot::is_there(from, &mut watch, standby).await?;
    }
    let stream = Stream::start(replication, &ours.identity.slot, &ours.publications, from, Default::default()).await?;
    failpoint::hit("start.streaming");

    // 6. compare
    if taken.lsn.is_some() {
        let (there, end) = match &standby {
            Some(standby) => (standby.slot(&ours.identity.slot).await?, Some(wal::end(&mut watch).await?)),
            None => (source_slot::look(&mut watch, &ours.identity.slot).await.doing("look at the slot")?, None),
        };
        continuity::after(from, there.as_ref(), end)?;
        let changed = continuity::rejoined(&taken.identity.publications, &ours.identity.publications);
        let names = plan.tables.iter().map(|(t, _)| t.name());
        let joined: Vec<_> = names.filter(|n| fresh.contains(n) || changed.contains(n)).collect();
        if !joined.is_empty() {
            let xid = snapshot::next_xid(&mut watch).await?;
            for name in &joined {
                sink.make_pending(name, "it joined the publication").await?;
            }
            failpoint::hit("start.pending");
            sink.set_wait(&joined, xid).await?;
            failpoint::hit("start.joined");
        }
    }

    // 7. place; what the slot's making has waited for may have been a promotion
    vouched(standby.as_ref()).await?;
    sink.place(from, &ours.identity).await?;
    failpoint::hit("start.placed");
    if let Some(label) = &saved {
        backup::used(config, label);
    }
    let applied = Applied::resume(taken.xid_seen, taken.xid_max, &snapshot::now(&mut watch).await?);
    let goal = wal::nudge(&mut watch).await?;
    let setup = Setup {
        waits: sink.waits().await?,
        primary,
        on_error,
        ..setup(config, (source, Started::of(&mut watch).await?), target, ours.identity.slot, ours.publications)
    };
    {
        let mut state = board.state();
        state.opens(from);
        (state.lag.elsewhere, state.still) = (standby.is_some(), false);
        let of =
            |c: &Compiled| c.withheld_columns().map(|column| format!("{}.{column}", c.input())).collect::<Vec<_>>();
        state.withheld = plan.tables.iter().flat_map(|(_, compiled)| of(compiled)).collect();
    }
    let shapes = Shapes::new(&plan.tables, &plan.memory);
    let flow = Flow {
        batch: Batcher::new(from, setup.batch_bytes()),
        setup: Arc::new(setup),
        stream,
        watch: Arc::new(Mutex::new(watch)),
        standby: standby.map(Arc::new),
        filter: plan.filter,
        sink: Some(sink),
        ahead: VecDeque::new(),
        applied,
        board: board.clone(),
        tables: plan.tables.into_iter().map(|(t, c)| (t.name(), c)).collect(),
        shapes,
        vouched: Default::default(),
        word: String::new(),
        labels: String::new(),
        left: false,
        cancels: Cancels::default(),
        unsynced: None,
        pending: false,
    };
    let mut pipeline = Pipeline::new(flow, ours.identity.publications);
    if put_off {
        pipeline.puts_off();
    }
    Ok((pipeline, goal))
}

/// Rows of staging's that are about to be replaced go to a backup. Gives its label.
async fn save(
    config: &Config,
    plan: &Plan,
    ours: &Recognised,
    known: Option<&Checkpoint>,
    staging: &mut Connection,
) -> Result<Option<String>, Error> {
    let lsn = known.and_then(|known| known.lsn);
    let all = lsn.is_none() || ours.anew;
    let concerned = plan.replaced(all);
    let target = checkpoint::target_id(staging).await?;
    let (lsn, policy) = (lsn.map(|lsn| lsn.to_string()), &ours.identity.policy);
    backup::before(config, backup::Standing { lsn, policy, target: &target, concerned }, staging).await
}

/// What production has gained goes to staging, where `apply.ddl` says so: behind the look at what both servers are, and before anything
/// is asked of staging's tables. Gives one that was changed: then all is to be looked at again. See [`additive`].
async fn brought(
    config: &Config,
    plan: &Plan,
    watch: &mut Connection,
    staging: &mut Connection,
) -> Result<Option<String>, Error> {
    if config.apply.ddl == config::Ddl::Off {
        return Ok(None);
    }
    let wanted = tables::wanted(&plan.policy, plan.tables.iter().map(|(t, c)| (t, &**c)));
    let production = tables::read::side(watch, &additive::names(&wanted)).await.doing("read the catalog")?;
    let brought = additive::bring(config, &production, &wanted, staging).await?;
    match (brought.made.into_iter().next(), brought.needed) {
        (Some(table), _) => Ok(Some(table)),
        (None, Some(locked)) => Err(locked),
        (None, None) => Ok(None),
    }
}

/// Does the target take what the masks make? Asked before the first row is written, and again before another policy is laid
/// over the tables; not at every restart, since what is on the target by then has passed. Tables whose rows come as they are
/// have passed production's own constraints: where the target asks for more, `check` tries them too. While it is held for
/// what was refused, the same is not tried at every look.
async fn tried(
    config: &Config,
    plan: &Plan,
    source: &Conninfo,
    (target, staging): (&Conninfo, &mut Connection),
    refused: &mut Refused,
) -> Result<Vec<Problem>, Error> {
    let changed: Vec<_> = plan.tables.iter().filter(|(_, c)| !c.untouched()).map(|(t, _)| t).collect();
    let of = refused::subject(&plan.policy, &changed, staging).await?;
    if let Some(problems) = refused.known(of) {
        return Ok(problems);
    }
    let bench = Bench { config, policy: &plan.policy, key: key(config)?, proposes: false };
    let trials = bench.tables(source, target, changed).await?;
    for (table, why) in &trials.untried {
        tracing::warn!(table, why, "its rows were not tried out before they come");
    }
    trials.warnings.iter().for_each(|problem| tracing::warn!("{problem}"));
    refused.remember(of, &trials.problems);
    Ok(trials.problems)
}

/// A plan that copies nothing is a mistake.
pub(crate) fn worth_it(plan: Plan) -> Result<Plan, Error> {
    for warning in &plan.warnings {
        tracing::warn!("{warning}");
    }
    if plan.tables.is_empty() {
        return Err(Error::Refused {
            what: "no table is replicated".into(),
            hint: "name tables in `tables:`; a table that nothing names never leaves production".into(),
        });
    }
    Ok(plan)
}
