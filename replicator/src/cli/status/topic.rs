//! What a topic between says: where the capture stands in it, how far this target has read it, and how long what it has not read is safe.

use std::time::Duration;

use filters::change::Lsn;
use jiff::{SignedDuration, Timestamp};

use super::state::{Lag, Slot, State, Topic};
use crate::config::Config;
use crate::error::Error;
use crate::kafka::standing::{self, Captured, Shapes};
use crate::kafka::{Error as Kafka, Options, blocking};

/// All of it, or it is out of reach.
const PATIENCE: Duration = Duration::from_secs(15);

/// Asks the broker. What a target has not read is asked for once the target has said where it stands.
pub async fn ask(config: &Config) -> Result<(Shapes, Captured), Error> {
    let options = Options::of(config)?;
    patient(blocking(move || {
        let shapes = standing::shapes(&options)?;
        match (&shapes.stream, &shapes.state) {
            (Some(_), Some(_)) => standing::captured(&options).map(|captured| (shapes, captured)),
            (None, None) => Ok((shapes, Captured::default())),
            (stream, _) => {
                let gone = if stream.is_some() { options.state() } else { options }.topic;
                Err(Error::Kafka { action: "look for the topic".into(), source: Kafka::Absent(gone) })
            }
        }
    }))
    .await
}

async fn patient<T>(ask: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    match tokio::time::timeout(PATIENCE, ask).await {
        Ok(said) => said,
        Err(_) => Err(Error::Kafka { action: "look at the topic".into(), source: Kafka::silence() }),
    }
}

/// Puts it together with what production and the target have said, and gives the error of what could not be asked.
pub async fn join(
    config: &Config,
    found: Result<(Shapes, Captured), Error>,
    next: Option<i64>,
    state: &mut State,
    (production, stood): (bool, Option<(String, String)>),
) -> Option<Error> {
    let mut topic = Topic {
        name: config.buffer.as_ref().map(|buffer| buffer.topic.clone()).unwrap_or_default(),
        ..Topic::default()
    };
    let active = state.slot.as_ref().is_some_and(|slot: &Slot| slot.active);
    (topic.capture.state, topic.capture.hold) = match stood {
        _ if !production => ("unknown", None),
        _ if active => ("streaming", None),
        Some((word, why)) if word == "held" => ("held", Some(why)),
        Some((_, why)) => ("retrying", Some(why)),
        None => ("stopped", None),
    };
    topic.capture.lag = state.lag;
    topic.apply.offset = next;
    let error = match fill(config, found, &mut topic).await {
        Ok(()) => {
            topic.reachable = true;
            None
        }
        Err(e) => {
            topic.error = Some(e.chain());
            Some(e)
        }
    };
    state.topic = Some(topic);
    error
}

async fn fill(config: &Config, found: Result<(Shapes, Captured), Error>, topic: &mut Topic) -> Result<(), Error> {
    let (shapes, captured) = found?;
    let Some(stream) = shapes.stream else { return Ok(()) };
    topic.retention_seconds = stream.retention.map(|kept| kept.as_secs_f64());
    topic.retention_bytes = stream.retained;
    (topic.first_offset, topic.end_offset) = (Some(captured.ends.0), Some(captured.ends.1));
    let capture = &mut topic.capture;
    capture.lsn = captured.memory.placed.map(|placed| placed.at.to_string());
    capture.heard_seconds_ago = captured.heard.map(|time| standing::age(time).max(0.0));
    if capture.lag.seconds.is_none() && !capture.lag.said {
        // since its last sign of life
        capture.lag.seconds = capture.heard_seconds_ago.filter(|_| capture.lsn.is_some());
    }
    let Some(next) = topic.apply.offset else { return Ok(()) };
    let options = Options::of(config)?;
    let unread = patient(blocking(move || standing::unread(&options, next, captured.ends))).await?;
    let apply = &mut topic.apply;
    (apply.records, apply.expired) = (Some(unread.records), unread.expired);
    apply.seconds = (!unread.expired).then(|| unread.since.map_or(0.0, |time| standing::age(time).max(0.0)));
    if let (Some(first), Some(kept)) = (unread.first, topic.retention_seconds) {
        let left = kept - standing::age(first);
        apply.lost_in_seconds = Some(left);
        apply.lost_at = Timestamp::now()
            .checked_add(SignedDuration::try_from_secs_f64(left).unwrap_or(SignedDuration::MAX))
            .ok()
            .map(|at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    }
    Ok(())
}

/// How far staging is behind production by way of the topic: what is not in it staging does not show either, and what staging has not read of
/// it is as old as it is.
pub fn whole(state: &State, end: Option<Lsn>) -> Lag {
    let Some(topic) = &state.topic else { return state.lag };
    let (upper, lower) = (topic.capture.lag.seconds, topic.apply.seconds);
    let shown = state.checkpoint.as_ref().and_then(|c| c.lsn.as_ref()?.parse::<Lsn>().ok());
    Lag {
        bytes: end.zip(shown).map(|(end, shown)| end.0.saturating_sub(shown.0)),
        seconds: upper.zip(lower).map(|(upper, lower)| upper.max(lower)),
        ..state.lag
    }
}
