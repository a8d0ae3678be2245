//! How far production's sequences are, for the appliers of the topic.
//!
//! A record says those that have moved since the one before it: all of them behind a start, before what was asked for is sent, and once an hour. So an applier that
//! begins in the middle, which asks for all it lacks, hears of all before it has that; and one that was killed between hearing and setting
//! hears of it again.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use sink_postgres::sequences::{Column, Drawn};

use super::Capture;
use crate::error::Error;
use crate::sequences::{Asker, kept};

/// All are said again after so long.
const ALL: Duration = Duration::from_secs(3600);

/// What was said of them.
#[derive(Debug, Default)]
pub(super) struct Sequences {
    asker: Asker,
    said: HashMap<Column, Drawn>,
    /// When all were said.
    all: Option<Instant>,
    /// They are to be said again.
    due: bool,
}

impl Sequences {
    /// Somebody has asked for something: he may have heard of none.
    pub(super) fn asked(&mut self) {
        self.due = true;
    }

    /// Are all to be said, before what was asked for?
    pub(super) fn is_due(&self) -> bool {
        self.due
    }
}

impl Capture {
    /// Asks production, and sends what has moved. Not amid a source transaction that is sent in pieces.
    pub(super) async fn tell_sequences(&mut self) -> Result<(), Error> {
        let (flow, sequences) = (&mut self.flow, &mut self.sequences);
        let Some(sink) = flow.sink.as_mut().filter(|sink| !sink.is_amid()) else { return Ok(()) };
        if flow.setup.sequences.is_none() {
            return Ok(());
        }
        if std::mem::take(&mut sequences.due) || sequences.all.is_none_or(|all| all.elapsed() > ALL) {
            sequences.said.clear();
            sequences.all = Some(Instant::now());
        }
        let of: HashSet<Column> = flow.tables.values().flat_map(|compiled| kept(compiled)).collect();
        let role = flow.setup.source.data.user();
        let mut wanted = sequences.asker.ask(&mut *flow.watch.lock().await, &of, role).await;
        wanted.retain(|w| sequences.said.get(&w.column) != Some(&w.drawn));
        if wanted.is_empty() {
            return Ok(());
        }
        tokio::task::block_in_place(|| sink.sequences(&wanted))?;
        sequences.said.extend(wanted.into_iter().map(|w| (w.column, w.drawn)));
        Ok(())
    }
}
