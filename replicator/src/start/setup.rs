//! What the file says, as the loop and the copy want it ([`crate::setup`]), and who watches the slot by it.

use std::collections::HashMap;
use std::sync::Arc;

use sink_postgres::sequences::Rule;
use wire::Conninfo;

use super::{conninfos, on_error};
use crate::budget::{Budget, Watcher};
use crate::config::Config;
use crate::error::Error;
use crate::pace::{self, Pace};
use crate::schema::additive::Additive;
use crate::setup::Setup;
use crate::source::Servers;
use crate::source::servers::Started;

/// Names and options, of a pipeline with its slot on the primary and nothing that waits.
pub(crate) fn setup(
    config: &Config,
    (source, started): (Servers, Started),
    target: Conninfo,
    slot: String,
    publications: Vec<String>,
) -> Setup {
    Setup {
        waits: HashMap::new(),
        pipeline: config.pipeline.clone(),
        source,
        started,
        primary: None,
        target,
        slot,
        publications,
        slice: config.copy.slice,
        window: config.copy.window.clone(),
        readers: readers(config),
        pace: config.limits.source_rate.map(|rate| Arc::new(Pace::new(rate, config.limits.source_idle))),
        idle: config.limits.source_idle,
        chunk_rows: config.copy.chunk_rows,
        memory: config.limits.memory,
        budget: budget(config),
        sequences: config.sequences.map(|s| Rule { margin: s.margin, offset: s.offset }),
        on_error: on_error(config, true),
        additive: Additive::of(config).map(Arc::new),
    }
}

/// Readers of the copy: beside them there are the stream, the session that looks around, and the one that holds the snapshot.
/// And no more than can share its pace without standing still for too long.
fn readers(config: &Config) -> usize {
    let limits = &config.limits;
    let most = limits.source_connections.map_or(usize::MAX, |most| most.saturating_sub(3));
    let share = limits.source_rate.map_or(usize::MAX, |rate| pace::readers(rate, limits.source_idle));
    config.copy.readers.min(most).min(share).max(1)
}

/// What the slot may hold of production's WAL.
fn budget(config: &Config) -> Budget {
    let bytes = |size: u64| i64::try_from(size).unwrap_or(i64::MAX);
    let limits = &config.limits;
    Budget {
        warn: bytes(limits.wal_warn),
        pause_copy: limits.wal_pause_copy.map(bytes),
        drop_slot: limits.wal_drop_slot.map(bytes),
    }
}

/// Who looks at the slot while no pipeline is open.
pub fn watcher(config: &Config) -> Result<Watcher, Error> {
    let (source, _) = conninfos(config)?;
    Ok(Watcher::new(source, &config.pipeline, config.slot(), budget(config)))
}
