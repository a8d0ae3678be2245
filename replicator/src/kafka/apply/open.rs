//! How an apply begins: the target is recognised, and the topic is read on where its checkpoint says.
//!
//! A target that comes for the first time begins at the topic's end. All of its tables are pending, so nothing of what comes is applied before it was
//! asked for and brought: the records before it are nothing to it.

use std::time::Instant;

use filters::change::Lsn;
use sink_postgres::checkpoint::{self, Checkpoint, Identity};
use sink_postgres::guard::Protected;
use sink_postgres::{PostgresSink, known, schema};
use tokio::task::JoinSet;
use wire::Connection;

use super::super::arrivals::Arrivals;
use super::super::asking::Asking;
use super::super::consumer::Consumer;
use super::super::envelope::{Decoder, Encoder, Record, Start};
use super::super::memory::{self, Memory};
use super::super::options::Options;
use super::super::{Error as Kafka, blocking};
use super::behind::Behind;
use super::described::Descriptions;
use super::sequences::Sequences;
use super::{Apply, Goal, IDLE_EVERY, LOOK_EVERY};
use crate::backup;
use crate::batch::Batcher;
use crate::board::Board;
use crate::cancels::Cancels;
use crate::config::{self, Config, Lock};
use crate::downstream::Name;
use crate::error::Error;
use crate::start;

/// Opens it. The goal is what stands last in the topic now.
pub async fn open(
    config: &Config,
    lock: Option<&Lock>,
    board: &Board,
    cancels: &Cancels,
) -> Result<(Apply, Goal), Error> {
    let options = Options::of(config)?;
    let target = start::ends::target_alone(config)?;
    let mut staging = start::ends::target(config, &target, "start", &[]).await?;
    let target = staging.info().clone();
    let followed = schema::is_there(&mut staging).await?
        && checkpoint::read(&mut staging, &config.pipeline).await?.is_some_and(|k| k.lsn.is_some());
    let (memory, (low, end), last) = blocking({
        let options = options.clone();
        move || {
            // in this order: what is remembered behind the end is told again by the records there
            let before = memory::read(&options)?;
            let mut consumer = Consumer::watch(&options)?;
            let ends = consumer.ends()?;
            let last = Consumer::tail(&options, 1, super::super::PATIENCE)?.last().map_or(-1, |taken| taken.offset);
            let memory = memory::read(&options)?;
            if before.belongs.map(|b| b.start) != memory.belongs.as_ref().map(|b| b.start.clone()) {
                return Err(Error::start_over("a capture has begun meanwhile; starting over"));
            }
            Ok((Memory { placed: before.placed, ..memory }, ends, last))
        }
    })
    .await
    .map_err(|e| match e {
        // whoever has followed it has seen it: then it is gone
        Error::Kafka { source: Kafka::Absent(topic), .. } if !followed => Error::NothingCaptured(topic),
        e if followed => e.unfit(),
        e => e,
    })?;
    let Some(belongs) = memory.belongs.clone().filter(|_| memory.placed.is_some()) else {
        return Err(Error::NothingCaptured(options.topic));
    };
    // before anything is made there
    not_production(&mut staging, &belongs.start).await?;
    schema::ensure(&mut staging).await?;
    let known = checkpoint::read(&mut staging, &config.pipeline).await?;
    let target_id = checkpoint::target_id(&mut staging).await?;
    let followed = known.as_ref().filter(|known| known.lsn.is_some());
    if let Some(known) = followed {
        recognise(known, &belongs.start, &target_id)?;
    }
    // one that has followed waits for whoever mends it; one that comes for the first time does not begin
    let unfit = |e: Error| if followed.is_some() { e.unfit() } else { e };
    let identity = identity(&belongs);
    let standing = (followed.and_then(|known| known.lsn), target_id.as_str());
    let saved = save(config, (&memory, &belongs.start), standing, &mut staging).await.map_err(unfit)?;
    checkpoint::intend(&mut staging, &config.pipeline, &identity).await?;

    let protected = start::protected(config, &mut staging).await?;
    let giving_way = start::on_referenced(config, &protected);
    let protected = Protected { tables: protected, rows: start::own_rows(config), on_referenced: giving_way };
    let on_error = start::on_error(config, true);
    let sink_options = start::sink_options(config, on_error);
    let (mut sink, taken) = PostgresSink::connect(&target, sink_options, protected).await?;
    cancels.add(sink.canceler());
    let mut decoder = Decoder::new();
    let mut descriptions = Descriptions::new(staging, &config.pipeline);
    let mut begins = false;
    let mut anew = false;
    if let (Some(_), Some(next)) = (taken.lsn, taken.read_on)
        && let Some((offset, was)) = descriptions.recall(next, &mut decoder, config).await?
    {
        anew = was.begun != belongs.start.begun;
        // as it was noted when it began, and nothing has been read since: the position is still not known
        begins = offset == next - BEFORE;
    }
    let (at, next) = match (taken.lsn, taken.read_on) {
        // what has expired said nothing that is not known: the capture stands where we do
        (Some(lsn), Some(next)) if !anew && next < low && memory.placed.is_some_and(|placed| placed.at == lsn) => {
            begin(&mut descriptions, &mut decoder, &memory, &belongs.start, low, config).await?;
            descriptions.register(&mut sink, config, lock).await.map_err(unfit)?;
            for (name, table) in &memory.tables {
                if let Some(why) = table.due.as_ref().filter(|_| config.is_copied(&name.0, &name.1)) {
                    sink.make_pending(name, why).await?;
                }
            }
            // not at its end: what has come since then is there
            sink.reads_on(low).await?;
            (lsn, low)
        }
        (Some(lsn), Some(next)) if !anew => {
            descriptions.register(&mut sink, config, lock).await.map_err(unfit)?;
            (lsn, next)
        }
        _ => {
            let at = memory.placed.map_or(Lsn::ZERO, |placed| placed.at);
            begin(&mut descriptions, &mut decoder, &memory, &belongs.start, end, config).await?;
            descriptions.register(&mut sink, config, lock).await.map_err(unfit)?;
            // in this order: without a position it begins again
            sink.reads_on(end).await?;
            sink.place(at, &identity).await?;
            begins = true;
            if anew {
                tracing::warn!(
                    "the topic was begun anew, and what lies between is in none: every table is brought anew"
                );
                for name in descriptions.names() {
                    sink.make_pending(&name, "the topic was begun anew").await?;
                }
            }
            (at, end)
        }
    };
    // nothing of staging changes while it is frozen: this either
    let put_off = sink.frozen().await?.is_some();
    if !put_off {
        empty(&mut sink, config, &belongs.start, descriptions.structures(config)).await?;
    }
    {
        let mut state = board.state();
        state.opens(at);
        state.lag.reads_again();
    }
    if let Some(label) = &saved {
        backup::used(config, label);
    }
    let now = Instant::now();
    let arrivals = Arrivals::open(&options, next)?;
    let apply = Apply {
        topic: options.topic.clone(),
        ends: arrivals.ends(),
        arrivals,
        asking: Asking::new(&options, &target_id),
        sequences: Sequences::default(),
        behind: Behind::new(&options, next),
        options,
        target,
        pipeline: config.pipeline.clone(),
        on_error,
        decoder,
        descriptions,
        batch: Batcher::new(at, usize::try_from(config.limits.memory / 8).unwrap_or(usize::MAX)),
        changes: 0,
        at,
        next,
        begins,
        gap: false,
        sink: Some(sink),
        work: JoinSet::new(),
        feeder: None,
        loader: None,
        cancels: cancels.clone(),
        start: belongs.start,
        config: config.clone(),
        lock: lock.cloned(),
        board: board.clone(),
        last_look: now.checked_sub(LOOK_EVERY).unwrap_or(now),
        last_idle: now.checked_sub(IDLE_EVERY).unwrap_or(now),
        looks: 0,
        went_on: false,
        freeze: None,
        put_off,
    };
    Ok((apply, Goal::Offset(last)))
}

/// Rows of staging's that are about to be replaced or taken away, as far as the topic's tables are known now.
async fn save(
    config: &Config,
    (memory, start): (&Memory, &Start),
    (lsn, target): (Option<Lsn>, &str),
    staging: &mut Connection,
) -> Result<Option<String>, Error> {
    let before = known::read(staging, &config.pipeline).await?;
    let copied = memory.tables.keys().filter(|(schema, name)| config.is_copied(schema, name));
    let copied = copied.filter(|name| lsn.is_none() || !before.contains_key(*name));
    let emptied = start.structures.iter().filter(|(schema, name)| config.is_structure(schema, name));
    let concerned = copied.chain(emptied).cloned().collect();
    let lsn = lsn.map(|lsn| lsn.to_string());
    backup::before(config, backup::Standing { lsn, policy: &start.policy, target, concerned }, staging).await
}

/// So far before where it is read on a beginning is noted that no record tells: a record's has a table and a position behind it.
const BEFORE: i64 = 2;

/// Tables as they are remembered beside the topic, for one who begins at `end`.
async fn begin(
    descriptions: &mut Descriptions,
    decoder: &mut Decoder,
    memory: &Memory,
    start: &Start,
    end: i64,
    config: &Config,
) -> Result<(), Error> {
    descriptions.forget().await?;
    let mut encoder = Encoder::new();
    let mut bytes = |record: &Record| bytes::Bytes::copy_from_slice(encoder.record(record).value);
    let broken = |_| Error::Bug("what was written cannot be read".into());
    descriptions.start(start, end - BEFORE, &bytes(&Record::Start(start.clone())));
    for table in memory.tables.values() {
        let raw = bytes(&Record::Table(table.described.clone()));
        if let Record::Table(described) = decoder.decode(raw.clone()).map_err(broken)? {
            descriptions.tell(described, end - 1, raw, config);
        }
    }
    Ok(())
}

/// Tables that hold no rows here, whoever put them there: our own file has them as structures only, and the capture too, or `own`. What stands
/// in them may be raw, and nothing would ever take it away.
pub(super) async fn empty(
    sink: &mut PostgresSink,
    config: &Config,
    start: &Start,
    own: Vec<Name>,
) -> Result<(), Error> {
    let both = start.structures.iter().filter(|(schema, name)| config.is_structure(schema, name)).cloned();
    for (schema, name) in both.chain(own) {
        if sink.empty(&schema, &name).await? {
            let table = config::table_name(&schema, &name);
            tracing::warn!(%table, "structure only, and it held rows: they are gone from staging");
        }
    }
    Ok(())
}

/// Is the target one of this topic, for one who only looks?
pub(crate) async fn belongs_together(
    db: &mut Connection,
    known: &Checkpoint,
    start: &Start,
    target_id: &str,
) -> Result<(), Error> {
    not_production(db, start).await?;
    recognise(known, start, target_id)
}

/// A target that has the very slot that is captured from is production.
async fn not_production(db: &mut Connection, start: &Start) -> Result<(), Error> {
    let sql = "SELECT 1 FROM pg_catalog.pg_replication_slots WHERE slot_name = $1 AND database = pg_catalog.current_database()";
    let found = db.query(sql, &[Some(&start.slot)]).await.map_err(|e| Error::Target(e.into()))?;
    if found.is_empty() {
        return Ok(());
    }
    Err(Error::Refused {
        what: format!("the target has slot {}, which the topic is captured from: it is production", start.slot),
        hint: "point target.url at staging".into(),
    })
}

/// What a checkpoint belongs to that follows the topic.
fn identity(belongs: &memory::Belongs) -> Identity {
    let start = &belongs.start;
    Identity {
        system_id: start.system_id.to_string(),
        timeline: i32::try_from(start.timeline).unwrap_or_default(),
        source_database: belongs.database.clone(),
        slot: start.slot.clone(),
        publications: belongs.publications.clone(),
        mask_key: start.mask_key.clone(),
        policy: start.policy.clone(),
    }
}

const RESYNC: &str = "point buffer.kafka.topic at the topic that this target follows; or give it a pipeline of its own: another `pipeline:` name";

/// Is the checkpoint one of this topic, and of this target?
fn recognise(known: &Checkpoint, start: &Start, target_id: &str) -> Result<(), Error> {
    let refuse = |what: String, hint: &str| Err(Error::Refused { what, hint: hint.into() });
    if known.target_id != target_id {
        return refuse(
            "the target is a copy of the database that the checkpoint was written in (cloned, or restored elsewhere)"
                .into(),
            "give the copy a pipeline of its own; if staging has moved here, and the original is given up: sluice moved",
        );
    }
    if known.read_on.is_none() {
        return refuse(
            "this target follows production's slot itself, and not a topic".into(),
            "give what follows the topic a pipeline of its own: another `pipeline:` name in its sluice.yaml",
        );
    }
    let was = &known.identity;
    if was.system_id != start.system_id.to_string() {
        return refuse(
            format!(
                "the topic is of another server (system identifier {} instead of {})",
                start.system_id, was.system_id
            ),
            RESYNC,
        );
    }
    if was.slot != start.slot {
        return refuse(
            format!("the topic is captured from slot {}, and this target follows {}", start.slot, was.slot),
            RESYNC,
        );
    }
    if was.mask_key != start.mask_key {
        return refuse(
            format!("the target was masked with key {}, the topic is with {}", was.mask_key, start.mask_key),
            RESYNC,
        );
    }
    Ok(())
}

/// Is it the same pipeline's capture that begins again?
pub(super) fn same(was: &Start, now: &Start) -> Result<(), Error> {
    if (was.system_id, &was.mask_key, &was.pipeline) == (now.system_id, &now.mask_key, &now.pipeline) {
        return Ok(());
    }
    Err(Error::Refused {
        what: "another capture writes into the topic: of another server, pipeline, or masking key".into(),
        hint: "each pipeline has a topic of its own".into(),
    })
}
