//! How a capture begins: what the topic remembers and what production is are held against each other before anything is made.
//!
//! 1. **Recognise**, as a run does ([`continuity`]): what the checkpoint is there, the topic's memory is here. Who may not capture into
//!    it is refused, and whoever does goes on.
//! 2. **Fence.** The producer is opened: whoever captured into this topic can commit nothing any more, and what he had open is
//!    aborted. What is read of the topic afterwards is all there is. It is looked at again; if more than its position has changed,
//!    all is begun anew.
//! 3. **Intend**: what it belongs to is written before the slot is made.
//! 4. **Slot**, if there is no position; a slot that was made for an intent is made anew.
//! 5. **Place**: a `Start`, all tables, and the position, in one Kafka transaction. From then on it can be gone on from.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use filters::change::Lsn;
use filters::policy::TableRule;
use sink_postgres::checkpoint::{Checkpoint, Identity};
use sink_postgres::{failpoint, known};
use tokio::sync::Mutex;
use wire::Connection;

use super::super::consumer::Consumer;
use super::super::envelope::{Described, Start};
use super::super::memory::{self, Belongs, Memory, Placed};
use super::super::options::Options;
use super::super::producer::Producer;
use super::super::requests::Requests;
use super::super::sink::KafkaSink;
use super::super::{blocking, rules, topic};
use super::Capture;
use crate::applied::Applied;
use crate::batch::Batcher;
use crate::board::Board;
use crate::cancels::Cancels;
use crate::config::{Config, Lock};
use crate::downstream::Name;
use crate::error::{Doing, Error};
use crate::flow::Flow;
use crate::setup::Setup;
use crate::shapes::Shapes;
use crate::source::servers::Started;
use crate::source::{Stream, continuity, production, publication, slot, snapshot, wal};
use crate::start::{self, Demands, Plan};

/// Opens it. The position is the one that production had.
pub async fn open(
    config: &Config,
    lock: Option<&Lock>,
    board: &Board,
    cancels: &Cancels,
    anew: bool,
) -> Result<(Capture, Lsn), Error> {
    let options = Options::of(config)?;
    let source = start::ends::production(config)?;
    if source.is_split() {
        return Err(Error::Refused {
            what: "source.primary_url: a capture whose slot is on a standby is not built yet".into(),
            hint: "name the primary in source.url, and leave source.primary_url out".into(),
        });
    }
    let memory = blocking({
        let options = options.clone();
        move || {
            topic::made(&options)?;
            memory::read(&options)
        }
    })
    .await?;

    let mut watch = start::ends::source(config, &source.data, "watch", &[]).await?;
    let source = source.at(watch.info());
    let placed = memory.placed.filter(|_| !anew);
    let unfit = |e: Error| if placed.is_some() { e.unfit() } else { e };
    start::recognise::primary(&mut watch, &source, placed.is_some()).await?;
    let known: known::Memory = memory.tables.iter().map(|(n, t)| (n.clone(), t.described.spec.known.clone())).collect();
    // nobody knows yet what targets there will be: a target is as production is
    let demands = Demands::read(&mut watch).await?;
    let plan = start::plan(config, lock, known, &demands, &mut watch).await.map_err(unfit)?;
    let plan = plan.proved().and_then(start::worth_it).map_err(unfit)?;
    let mut replication =
        production::replication(&source.stream, &config.pipeline, config.limits.logical_decoding_work_mem).await?;
    slot::one_server(&mut watch, &mut replication).await?;
    let names: Vec<String> =
        publication::wanted(&config.pipeline, plan.tables.iter().map(|(t, _)| t)).into_iter().map(|p| p.name).collect();
    let mut identity = start::identity(&plan, &config.slot(), &names, &mut watch, &mut replication).await?;
    let looks = Looks { identity: &identity, key_of: &plan.key_of, anew };
    looks.continues(&memory, &mut watch, &mut replication).await?;
    let (mut producer, memory) = fence(&options, memory, anew).await?;
    // whoever captured until now has come further meanwhile: on a timeline that has ended, perhaps
    let found = looks.continues(&memory, &mut watch, &mut replication).await?;
    let placed = memory.placed.filter(|_| !anew);
    let was = memory.belongs.as_ref().map(|b| checkpoint(b, placed));
    start::publish::publish(config, &source.data, &plan, &mut watch).await.map_err(unfit)?;
    identity.publications = publication::fingerprint(&mut watch, &names).await.doing("read the publications")?;
    let from = match placed {
        Some(placed) => placed.at,
        None => {
            let belongs = belongs((config, lock), &plan, &identity, Lsn::ZERO, &memory, anew);
            producer = blocking(move || {
                memory::intend(&mut producer, &belongs)?;
                Ok(producer)
            })
            .await?;
            failpoint::hit("capture.intended");
            if found.is_some() {
                let mut writer = production::writer(&source.stream, &config.pipeline, "slot", &[]).await?;
                slot::seize(&mut writer, &identity.slot).await.doing("drop the unfinished slot")?;
                failpoint::hit("capture.seized");
            }
            cancels.add(replication.canceler());
            let at = start::slot::make(&identity.slot, &mut replication).await?;
            failpoint::hit("capture.slot_made");
            tracing::info!(slot = identity.slot, %at, "slot created");
            at
        }
    };
    let stream = Stream::start(replication, &identity.slot, &names, from, Default::default()).await?;
    let mut waits = HashMap::new();
    if placed.is_some() {
        let there = slot::look(&mut watch, &identity.slot).await.doing("look at the slot")?;
        continuity::after(from, there.as_ref(), None).map_err(instead)?;
        let changed =
            was.map_or(Vec::new(), |was| continuity::rejoined(&was.identity.publications, &identity.publications));
        let xid = snapshot::next_xid(&mut watch).await?;
        let joined = |name: &Name| !memory.tables.contains_key(name) || changed.contains(name);
        waits.extend(plan.tables.iter().map(|(t, _)| t.name()).filter(joined).map(|name| (name, xid)));
    }

    let xids = placed.map_or((0, 0), |placed| placed.xids);
    let applied = Applied::resume(xids.0, xids.1, &snapshot::now(&mut watch).await?);
    let goal = wal::nudge(&mut watch).await?;
    let described: Vec<Described> = plan.tables.iter().map(|(t, c)| describe(t, c, &plan, config)).collect();
    let belongs = belongs((config, lock), &plan, &identity, from, &memory, anew);
    let heard = belongs.requests;
    let requests = Requests::open(&options, heard).await?;
    // behind another slot nothing of before is continued
    let due = (placed.is_none() && !memory.tables.is_empty()).then_some("it is captured from another slot");
    let sink = blocking(move || {
        KafkaSink::begin(producer, Placed { at: from, xids, last: 0 }, belongs, described, (memory, waits, due))
    })
    .await?;
    let target = start::ends::parsed(config)?.1;
    let setup = Setup {
        waits: sink.waits(),
        ..start::setup(config, (source, Started::of(&mut watch).await?), target, identity.slot.clone(), names)
    };
    {
        let mut state = board.state();
        state.applied = from;
    }
    let flow = Flow {
        batch: Batcher::new(from, setup.batch_bytes()),
        setup: Arc::new(setup),
        stream,
        watch: Arc::new(Mutex::new(watch)),
        standby: None,
        shapes: Shapes::new(&plan.tables, &plan.memory),
        filter: plan.filter,
        sink: Some(sink),
        ahead: VecDeque::new(),
        applied,
        board: board.clone(),
        tables: plan.tables.into_iter().map(|(t, c)| (t.name(), c)).collect(),
        vouched: Default::default(),
        word: String::new(),
        labels: String::new(),
        left: false,
        cancels: cancels.clone(),
        unsynced: None,
        pending: false,
    };
    Ok((Capture::new(flow, requests, identity.publications), goal))
}

/// What is asked of production and of what the topic remembers, before the fence and behind it.
struct Looks<'l> {
    identity: &'l Identity,
    key_of: &'l continuity::KeyOf,
    anew: bool,
}

impl Looks<'_> {
    /// Does what the slot will send go on from what is in the topic? Gives the slot.
    async fn continues(
        &self,
        memory: &Memory,
        watch: &mut Connection,
        replication: &mut Connection,
    ) -> Result<Option<slot::Slot>, Error> {
        let found = slot::look(watch, &self.identity.slot).await.doing("look at the slot")?;
        if !self.anew {
            let was = memory.belongs.as_ref().map(|b| checkpoint(b, memory.placed));
            let same =
                continuity::before(was.as_ref(), found.as_ref(), self.identity, self.key_of, "", false, replication);
            same.await.map_err(|e| if was.is_some() { instead(e) } else { e })?;
        }
        Ok(found)
    }
}

/// Whoever captured until now is fenced. Gives what is remembered then, if it is what was looked at but for how far that one has come.
async fn fence(options: &Options, before: Memory, anew: bool) -> Result<(Producer, Memory), Error> {
    let options = options.clone();
    blocking(move || {
        let mut producer = Producer::open(&options)?;
        let memory = memory::read(&options)?;
        if !memory.goes_on_from(&before) {
            return Err(crate::kafka::Error::Meanwhile).doing_to("capture into", &options.topic);
        }
        if let Some(last) = memory.placed.map(|placed| placed.last).filter(|last| *last > 0 && !anew) {
            Consumer::reaches(&options, last).map_err(Error::unfit)?;
            producer.follows(last);
        }
        Ok((producer, memory))
    })
    .await
}

/// What mends it where a topic is between: slot and targets are not one pair.
pub(crate) fn instead(e: Error) -> Error {
    match e {
        Error::Refused { what, hint } if hint.contains("resync --all") || hint.contains("sluice destroy") => {
            let hint = "sluice capture --anew makes a new slot, and has every target brought up to date in chunks; the targets stay full meanwhile; or point source.url, or the masking key, at what the topic was captured from";
            Error::Refused { what, hint: hint.into() }
        }
        e => e,
    }
}

/// What the topic remembers, as a checkpoint would.
pub(crate) fn checkpoint(belongs: &Belongs, placed: Option<Placed>) -> Checkpoint {
    Checkpoint {
        lsn: placed.map(|placed| placed.at),
        epoch: 0,
        xid_seen: placed.map_or(0, |placed| placed.xids.0),
        xid_max: placed.map_or(0, |placed| placed.xids.1),
        identity: Identity {
            system_id: belongs.start.system_id.to_string(),
            timeline: i32::try_from(belongs.start.timeline).unwrap_or_default(),
            source_database: belongs.database.clone(),
            slot: belongs.start.slot.clone(),
            publications: belongs.publications.clone(),
            mask_key: belongs.start.mask_key.clone(),
            policy: belongs.start.policy.clone(),
        },
        target_id: String::new(),
        read_on: None,
    }
}

/// What the topic belongs to from here on.
fn belongs(
    (config, lock): (&Config, Option<&Lock>),
    plan: &Plan,
    identity: &Identity,
    at: Lsn,
    memory: &Memory,
    anew: bool,
) -> Belongs {
    let now = super::super::now();
    let start = Start {
        pipeline: config.pipeline.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        system_id: identity.system_id.parse().unwrap_or_default(),
        timeline: u32::try_from(identity.timeline).unwrap_or_default(),
        slot: identity.slot.clone(),
        at,
        policy: identity.policy.clone(),
        mask_key: identity.mask_key.clone(),
        time: now,
        structures: plan
            .policy
            .tables
            .iter()
            .filter(|(_, r)| **r == TableRule::Structure)
            .map(|(n, _)| n.clone())
            .collect(),
        begun: memory.belongs.as_ref().filter(|_| !anew).map_or(now, |b| b.start.begun),
        rules: rules::print(config, lock),
    };
    let requests = memory.belongs.as_ref().map_or(0, |b| b.requests);
    let (database, publications) = (identity.source_database.clone(), identity.publications.clone());
    Belongs { database, publications, start, requests }
}

/// A table as appliers have to know it.
fn describe(
    table: &crate::source::catalog::SourceTable,
    compiled: &Arc<filters::filter::Compiled>,
    plan: &Plan,
    config: &Config,
) -> Described {
    // rows of its own are each target's, by its own file
    let nobodys = Config { protect_rows: Default::default(), ..config.clone() };
    let types = compiled.sources().iter().map(|&i| table.types.get(i).cloned().unwrap_or_default()).collect();
    Described {
        shape: Arc::clone(&compiled.output),
        spec: start::spec(table, compiled, &plan.policy, &plan.memory, &nobodys),
        types,
        masked: compiled.masked_columns().map(str::to_owned).collect(),
        references: table.references.clone(),
    }
}
