//! The topic between: the three topics as a capture would find them, what a target has not read of it yet, and who has to be allowed what.

use sink_postgres::checkpoint;
use wire::Connection;

use super::{Area, Mend, Report, World, continuity, target};
use crate::config::Config;
use crate::error::Error;
use crate::figures::{ago, some, whole_time};
use crate::kafka::standing::{self, Captured, Shapes, Unread};
use crate::kafka::topic::{self, Fault, Shape};
use crate::kafka::{Consumer, Options, apply, blocking, capture};

const HERE: Area = Area::Topic;
/// A topic that keeps its records for less than a target may well be down, over a night.
const SHORT: f64 = 86_400.0;

/// All of it. Gives whether what a capture remembers is there to be read.
pub async fn all(report: &mut Report, config: &Config, target: Option<&mut Connection>) -> bool {
    let found = look(report, config, target).await;
    if let Ok(options) = Options::of(config) {
        for (half, rights) in standing::acls(&options) {
            report.ok(HERE, &format!("rights of {half}"), rights);
        }
    }
    found.unwrap_or_else(|e| {
        report.error(HERE, "the topic", &e);
        false
    })
}

async fn look(report: &mut Report, config: &Config, target: Option<&mut Connection>) -> Result<bool, Error> {
    let options = Options::of(config)?;
    let shapes = {
        let options = options.clone();
        blocking(move || standing::shapes(&options)).await
    };
    let shapes = match shapes {
        Ok(shapes) => shapes,
        Err(e) => {
            report.error(HERE, "kafka", &e);
            report.skip(HERE, "everything else", "the topics could not be looked at");
            return Ok(false);
        }
    };
    report.ok(HERE, "kafka", format!("reached, {}", some(shapes.brokers as u64, "broker", "brokers")));
    settings(report, &options, &shapes);
    if shapes.stream.is_none() || shapes.state.is_none() {
        return Ok(false);
    }
    let captured = {
        let options = options.clone();
        blocking(move || standing::captured(&options)).await?
    };
    captures(report, &options, &captured).await;
    let known = match target {
        Some(db) => target::known(db, &config.pipeline).await?,
        None => return Ok(true),
    };
    let next = known.filter(|known| known.lsn.is_some()).and_then(|known| known.read_on);
    match next {
        Some(next) => {
            let (of, ends) = (options.clone(), captured.ends);
            let unread = blocking(move || standing::unread(&of, next, ends)).await?;
            if let Some(shape) = &shapes.stream {
                reads(report, &options.topic, shape, next, &unread, captured.ends.0);
            }
        }
        None => {
            report.ok(HERE, "this target", "does not follow it yet: it begins at its end, and is brought what it lacks")
        }
    }
    Ok(true)
}

/// Each topic by itself, all that is wrong with it.
fn settings(report: &mut Report, options: &Options, shapes: &Shapes) {
    let (stream, requests, state) = (&options.topic, options.requests().topic, options.state().topic);
    // what is remembered is made last: it is there, so the others have been
    let gone = shapes.state.is_some();
    let brokers = shapes.brokers;
    one(report, stream, shapes.stream.as_ref(), brokers, gone, topic::faults);
    if let Some(shape) = &shapes.stream {
        kept(report, stream, shape);
    }
    one(report, &requests, shapes.requests.as_ref(), brokers, gone, topic::faults);
    one(report, &state, shapes.state.as_ref(), brokers, false, topic::faults_of_state);
}

fn one(
    report: &mut Report,
    topic: &str,
    shape: Option<&Shape>,
    brokers: usize,
    gone: bool,
    faults: fn(&str, &Shape) -> Vec<Fault>,
) {
    let Some(shape) = shape else {
        if gone {
            let hint = "make it by hand, as docs/kafka.md has it, then sluice capture --anew: every target is brought up to date in chunks";
            let says = "is gone, though something was captured into it: made anew it would be an empty one";
            return report.fail(HERE, topic, says, Some(Mend::hand(hint)));
        }
        return report.ok(HERE, topic, "is not there yet; sluice capture makes it");
    };
    let found = faults(topic, shape);
    for Fault { what, hint } in &found {
        report.fail(HERE, topic, what.as_str(), Some(mend(hint)));
    }
    if !found.is_empty() {
        return;
    }
    let largest = match shape.largest {
        usize::MAX => String::new(),
        largest => format!(", max.message.bytes={largest}"),
    };
    report.ok(
        HERE,
        topic,
        format!(
            "1 partition, cleanup.policy={}, {}, min.insync.replicas={}{largest}",
            shape.cleanup,
            some(shape.replicas as u64, "copy", "copies"),
            shape.in_sync
        ),
    );
    copies(report, topic, shape, brokers);
}

/// What is lost with a broker, and what stands still without one.
fn copies(report: &mut Report, topic: &str, shape: &Shape, brokers: usize) {
    let name = format!("copies of {topic}");
    if shape.in_sync > shape.replicas {
        let says = format!("min.insync.replicas={} of {}: nothing can be written", shape.in_sync, shape.replicas);
        let hint = topic::alter(topic, &format!("min.insync.replicas={}", shape.replicas.clamp(1, 2)));
        report.fail(HERE, &name, says, Some(Mend::shell(hint)));
    } else if shape.replicas > 1 && shape.in_sync < 2 {
        let says = "what one broker alone has acknowledged can be lost with it";
        report.warn(HERE, &name, says, Some(Mend::shell(topic::alter(topic, "min.insync.replicas=2"))));
    } else if shape.replicas == 1 && brokers > 1 {
        let says = format!("one, of {brokers} brokers: with the one that has it the topic is gone");
        report.warn(HERE, &name, says, Some(Mend::hand("give it three: kafka-reassign-partitions.sh")));
    } else if shape.replicas > 1 && shape.in_sync == shape.replicas {
        let says = "min.insync.replicas is all of them: while one broker is down nothing is captured";
        report.warn(HERE, &name, says, None);
    }
}

/// How long anything is kept.
fn kept(report: &mut Report, topic: &str, shape: &Shape) {
    let name = format!("retention of {topic}");
    match shape.retention.map(|kept| kept.as_secs_f64()) {
        None => report.ok(HERE, &name, "retention.ms=-1: nothing expires by its age"),
        Some(kept) if kept < SHORT => {
            let says = format!("{}: a target that is down for longer has to be copied anew", whole_time(kept));
            report.warn(HERE, &name, says, Some(Mend::shell(topic::alter(topic, "retention.ms=604800000"))));
        }
        Some(kept) => report.ok(HERE, &name, format!("{}; a target may be down for so long", whole_time(kept))),
    }
    if let Some(bytes) = shape.retained {
        let says = format!(
            "retention.bytes={bytes}: beyond it the oldest goes, whether a target has read it or not, and nobody can say when"
        );
        report.warn(HERE, &name, says, Some(Mend::shell(topic::alter(topic, "retention.bytes=-1"))));
    }
}

/// Where the capture stands in it.
async fn captures(report: &mut Report, options: &Options, captured: &Captured) {
    let name = "capture";
    let (Some(belongs), Some(placed)) = (&captured.memory.belongs, captured.memory.placed) else {
        return report.ok(HERE, name, "nothing has been captured yet");
    };
    let (options, last) = (options.clone(), placed.last);
    if last > 0
        && let Err(e) = blocking(move || Consumer::reaches(&options, last)).await
    {
        return report.error(HERE, name, &e);
    }
    let when = captured.heard.map_or_else(String::new, |at| format!(", {}", ago(standing::age(at))));
    report.ok(HERE, name, format!("of slot {} up to {}{when}", belongs.start.slot, placed.at));
}

/// How far the target is behind it, and how long what it has not read is there.
fn reads(report: &mut Report, topic: &str, shape: &Shape, next: i64, unread: &Unread, low: i64) {
    let name = "this target";
    if unread.expired {
        let says =
            format!("reads on at offset {next}, and the topic begins at {low}: what lies between has expired unread");
        let mend = Mend::shell("sluice resync --all");
        return report.fail(HERE, name, says, Some(mend));
    }
    let Some(first) = unread.first.map(standing::age) else {
        return report.ok(HERE, name, format!("reads on at offset {next}, and has read all there is"));
    };
    let behind = match unread.since {
        None => "has read all that says anything".to_owned(),
        Some(since) => format!(
            "{} behind, the oldest {} old",
            some(unread.records, "record", "records"),
            whole_time(standing::age(since))
        ),
    };
    let says = format!("reads on at offset {next}, {behind}");
    let more = || Some(Mend::shell(topic::alter(topic, "retention.ms=1209600000")));
    match shape.retention.map(|kept| kept.as_secs_f64()) {
        Some(kept) if first >= kept => {
            let says =
                format!("{says}; that is more than retention.ms ({}): it may go at any moment", whole_time(kept));
            report.fail(HERE, name, says, more());
        }
        Some(kept) if first >= kept / 2.0 => {
            let says = format!("{says}; of retention.ms ({}) {} are left", whole_time(kept), whole_time(kept - first));
            report.warn(HERE, name, says, more());
        }
        _ => report.ok(HERE, name, says),
    }
}

/// Is what the slot sends the continuation of the topic, and the topic that of the target? `readable`: as [`all`] has found.
pub async fn continues(
    report: &mut Report,
    world: &mut World<'_>,
    target: &mut Connection,
    readable: bool,
) -> Result<(), Error> {
    let Some(there) = continuity::slot(report, world).await? else { return Ok(()) };
    if !readable {
        if there.is_some() {
            report.skip(Area::Production, "continuity", "what a capture remembers is not there, or cannot be read");
        }
        return Ok(());
    }
    // behind the look at the slot, as a capture that runs moves them
    let options = Options::of(world.config)?;
    let memory = blocking(move || standing::captured(&options)).await?.memory;
    let was = memory.belongs.as_ref().map(|belongs| capture::checkpoint(belongs, memory.placed));
    if was.is_some() || there.is_some() {
        let done = continuity::compare(report, world, was.as_ref(), there.as_ref(), "", false).await?;
        continuity::told(report, done.map(|done| done.map_err(capture::instead)), "slot and topic belong together");
    }
    let (name, known) = ("target and topic", target::known(target, &world.config.pipeline).await?);
    let (Some(known), Some(belongs)) = (known.filter(|known| known.lsn.is_some()), memory.belongs) else {
        return Ok(());
    };
    let id = checkpoint::target_id(target).await?;
    match apply::belongs_together(target, &known, &belongs.start, &id).await {
        Ok(()) => report.ok(HERE, name, "belong together"),
        Err(e) => report.error(HERE, name, &e),
    }
    Ok(())
}

fn mend(hint: &str) -> Mend {
    if hint.starts_with("kafka-") { Mend::shell(hint) } else { Mend::hand(hint) }
}
