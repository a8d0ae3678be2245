//! How an apply begins: the target is recognised, and the topic is read on where its checkpoint says.
//!
//! A target that comes for the first time begins at the topic's end. All of its tables are pending, so nothing of what comes is applied before it was
//! asked for and brought: the records before it are nothing to it.

use std::time::Instant;

use filters::change::Lsn;
use sink_postgres::checkpoint::{self, Checkpoint, Identity};
use sink_postgres::guard::Protected;
use sink_postgres::sink::{OnDivergence, Options as SinkOptions};
use sink_postgres::{PostgresSink, schema};
use tokio::task::JoinSet;

use super::super::arrivals::Arrivals;
use super::super::asking::Asking;
use super::super::consumer::Consumer;
use super::super::envelope::{Decoder, Encoder, Record, Start};
use super::super::memory::{self, Memory};
use super::super::options::Options;
use super::super::{Error as Kafka, blocking};
use super::described::Descriptions;
use super::{Apply, Goal, IDLE_EVERY, LOOK_EVERY};
use crate::batch::Batcher;
use crate::board::Board;
use crate::cancels::Cancels;
use crate::config::{self, Config};
use crate::error::Error;
use crate::start;

/// Opens it. The goal is what stands last in the topic now.
pub async fn open(config: &Config, board: &Board, cancels: &Cancels) -> Result<(Apply, Goal), Error> {
    let options = Options::of(config)?;
    let target = start::ends::target_alone(config)?;
    let mut staging = start::ends::target(config, &target, "start", &[]).await?;
    let target = staging.info().clone();
    schema::ensure(&mut staging).await?;
    let known = checkpoint::read(&mut staging, &config.pipeline).await?;
    let target_id = checkpoint::target_id(&mut staging).await?;
    let (memory, end, last) = blocking({
        let options = options.clone();
        move || {
            // in this order: what is remembered behind the end is told again by the records there
            let before = memory::read(&options)?;
            let mut consumer = Consumer::watch(&options)?;
            let end = consumer.ends()?.1;
            let last = Consumer::tail(&options, 1, super::super::PATIENCE)?.last().map_or(-1, |taken| taken.offset);
            let memory = memory::read(&options)?;
            Ok((Memory { placed: before.placed, ..memory }, end, last))
        }
    })
    .await
    .map_err(|e| match e {
        // whoever has followed it has seen it: then it is gone
        Error::Kafka { source: Kafka::Absent(topic), .. } if known.as_ref().is_none_or(|k| k.read_on.is_none()) => {
            Error::NothingCaptured(topic)
        }
        e if known.as_ref().is_some_and(|k| k.lsn.is_some()) => e.unfit(),
        e => e,
    })?;
    let Some(belongs) = memory.belongs.clone().filter(|_| memory.placed.is_some()) else {
        return Err(Error::NothingCaptured(options.topic));
    };
    let followed = known.as_ref().filter(|known| known.lsn.is_some());
    if let Some(known) = followed {
        recognise(known, &belongs.start, &target_id)?;
    }
    let identity = identity(&belongs);
    checkpoint::intend(&mut staging, &config.pipeline, &identity).await?;

    let protected = start::protected(config, &mut staging).await?;
    let giving_way = start::on_referenced(config, &protected);
    let protected = Protected { tables: protected, rows: start::own_rows(config), on_referenced: giving_way };
    let on_error = start::on_error(config);
    let sink_options = SinkOptions {
        pipeline: config.pipeline.clone(),
        on_divergence: match config.apply.on_divergence {
            config::OnDivergence::Heal => OnDivergence::Heal,
            config::OnDivergence::Stop => OnDivergence::Stop,
        },
        on_error,
        lock_timeout: std::time::Duration::from_secs(5),
    };
    let (mut sink, taken) = PostgresSink::connect(&target, sink_options, protected).await?;
    cancels.add(sink.canceler());
    let mut decoder = Decoder::new();
    let mut descriptions = Descriptions::new(staging, &config.pipeline);
    let (at, next) = match (taken.lsn, taken.read_on) {
        (Some(lsn), Some(next)) => {
            if let Some(was) = descriptions.recall(next, &mut decoder).await? {
                same(&was, &belongs.start).map_err(Error::unfit)?;
            }
            descriptions.register(&mut sink).await?;
            (lsn, next)
        }
        _ => {
            let at = memory.placed.map_or(Lsn::ZERO, |placed| placed.at);
            begin(&mut descriptions, &mut decoder, &memory, &belongs.start, end)?;
            descriptions.register(&mut sink).await?;
            sink.place(at, &identity).await?;
            sink.reads_on(end).await?;
            (at, end)
        }
    };
    board.state().applied = at;
    let now = Instant::now();
    let apply = Apply {
        topic: options.topic.clone(),
        arrivals: Arrivals::open(&options, next)?,
        asking: Asking::new(&options, &target_id),
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
        passing: false,
        sink: Some(sink),
        work: JoinSet::new(),
        feeder: None,
        loader: None,
        cancels: cancels.clone(),
        start: belongs.start,
        board: board.clone(),
        last_look: now.checked_sub(LOOK_EVERY).unwrap_or(now),
        last_idle: now.checked_sub(IDLE_EVERY).unwrap_or(now),
        looks: 0,
        went_on: false,
    };
    Ok((apply, Goal::Offset(last)))
}

/// Tables as they are remembered beside the topic, for one who begins at its end.
fn begin(
    descriptions: &mut Descriptions,
    decoder: &mut Decoder,
    memory: &Memory,
    start: &Start,
    end: i64,
) -> Result<(), Error> {
    let mut encoder = Encoder::new();
    let mut bytes = |record: &Record| bytes::Bytes::copy_from_slice(encoder.record(record).value);
    let broken = |_| Error::Bug("what was written cannot be read".into());
    descriptions.start(end - 2, &bytes(&Record::Start(start.clone())));
    for table in memory.tables.values() {
        let raw = bytes(&Record::Table(table.described.clone()));
        if let Record::Table(described) = decoder.decode(raw.clone()).map_err(broken)? {
            descriptions.tell(described, end - 1, raw);
        }
    }
    Ok(())
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
    if was.begun != now.begun {
        return Err(Error::Refused {
            what: "the topic was made anew, or a capture has begun anew in it: what lies between was never there"
                .into(),
            hint: "sluice resync --all".into(),
        });
    }
    if (was.system_id, &was.mask_key, &was.pipeline) == (now.system_id, &now.mask_key, &now.pipeline) {
        return Ok(());
    }
    Err(Error::Refused {
        what: "another capture writes into the topic: of another server, pipeline, or masking key".into(),
        hint: "each pipeline has a topic of its own".into(),
    })
}
