//! The lines of a topic between: it, the capture, and this target.

use super::super::state::{Apply, Topic};
use super::line;
use crate::figures::{ago, size, some, time};

/// The topic, and the half on either side of it.
pub(super) fn lines(topic: &Topic, out: &mut String) {
    let mut parts = vec!["topic".to_owned(), topic.name.clone()];
    if let Some(error) = &topic.error {
        parts.push(format!("cannot be read: {}", error.strip_prefix("kafka: ").unwrap_or(error)));
    } else if let (Some(first), Some(end)) = (topic.first_offset, topic.end_offset) {
        parts.push(format!("offsets {first} to {end}"));
        parts.push(topic.retention_seconds.map_or_else(|| "kept for ever".into(), |s| format!("kept for {}", time(s))));
        parts.extend(
            topic
                .retention_bytes
                .map(|bytes| format!("{} at most: beyond it the oldest goes, read or not", size(bytes))),
        );
    } else {
        parts.push("is not there yet: sluice capture makes it".into());
    }
    line(out, &parts);
    let capture = &topic.capture;
    let mut parts = vec!["capture".to_owned(), capture.state.to_owned()];
    parts.extend(capture.lsn.as_ref().map(|lsn| {
        format!("up to {lsn}{}", capture.heard_seconds_ago.map_or_else(String::new, |s| format!(" {}", ago(s))))
    }));
    let lag: Vec<String> = capture.lag.seconds.map(time).into_iter().chain(capture.lag.bytes.map(size)).collect();
    if capture.lsn.is_some() && !lag.is_empty() {
        parts.push(format!("lag {}", lag.join(", ")));
    }
    parts.extend(capture.hold.clone());
    line(out, &parts);
    let Some(offset) = topic.apply.offset else { return };
    let apply = &topic.apply;
    let mut parts = vec!["apply".to_owned(), format!("reads on at offset {offset}")];
    match (apply.records, apply.seconds) {
        _ if apply.expired => {
            let low = topic.first_offset.unwrap_or_default();
            parts.push(format!("the topic begins at {low}: what lies between has expired unread; sluice resync --all"));
        }
        (Some(0), _) => parts.push("has read all of it".into()),
        (Some(records), Some(seconds)) => {
            parts.push(format!("{} behind, the oldest {} old", some(records, "record", "records"), time(seconds)));
            parts.extend(lost(apply));
        }
        _ => {}
    }
    line(out, &parts);
}

/// Kafka deletes whole segments, by their newest record: a time before which nothing goes is all that can be said.
fn lost(apply: &Apply) -> Option<String> {
    let (left, at) = (apply.lost_in_seconds?, apply.lost_at.as_ref()?);
    if left <= 0.0 {
        return Some("may be lost at any moment: it is older than retention.ms".into());
    }
    Some(format!("safe until {}, for {}", at.replace('T', " ").replace('Z', " UTC"), time(left)))
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::super::state::{Capture, State};
    use super::super::text;
    use super::*;

    /// Of a state without one, which it is again afterwards.
    pub(in super::super) fn it_reads_as_promised(state: &mut State) {
        state.topic = Some(Topic {
            name: "sluice.shop".into(),
            reachable: true,
            first_offset: Some(3),
            end_offset: Some(99),
            retention_seconds: Some(604_800.0),
            capture: Capture {
                state: "streaming",
                lsn: Some("0/5A3C9F8".into()),
                heard_seconds_ago: Some(7.0),
                lag: state.lag,
                ..Capture::default()
            },
            apply: Apply { offset: Some(97), records: Some(0), seconds: Some(0.0), ..Apply::default() },
            ..Topic::default()
        });
        let said = |state: &State| text(state).lines().skip(1).take(4).collect::<Vec<_>>().join("\n");
        assert_eq!(
            said(state),
            "\
slot   sluice_shop   in use   12 MB of WAL held (budget 4 GB)   confirmed 0/5A3C9F8 7 s ago
topic   sluice.shop   offsets 3 to 99   kept for 7 days
capture   streaming   up to 0/5A3C9F8 7 s ago   lag 0.3 s, 41 kB
apply   reads on at offset 97   has read all of it"
        );
        let topic = state.topic.as_mut().expect("it is there");
        topic.retention_bytes = Some(1 << 30);
        topic.apply = Apply {
            offset: Some(40),
            records: Some(59),
            seconds: Some(7_300.0),
            lost_at: Some("2026-01-09T09:14:22Z".into()),
            lost_in_seconds: Some(597_500.0),
            ..Apply::default()
        };
        (topic.capture.state, topic.capture.hold) = ("held", Some("a table is gone".into()));
        let more = said(state);
        for line in [
            "kept for 7 days   1.0 GB at most: beyond it the oldest goes, read or not",
            "capture   held   up to 0/5A3C9F8 7 s ago   lag 0.3 s, 41 kB   a table is gone",
            "59 records behind, the oldest 2 h old   safe until 2026-01-09 09:14:22 UTC, for 7 days",
        ] {
            assert!(more.contains(line), "{line}\n{more}");
        }
        let topic = state.topic.as_mut().expect("it is there");
        topic.apply.lost_in_seconds = Some(-3.0);
        assert!(said(state).contains("may be lost at any moment"), "{}", said(state));
        state.topic.as_mut().expect("it is there").apply.expired = true;
        assert!(said(state).contains("the topic begins at 3: what lies between has expired unread"), "{}", said(state));
        state.topic.as_mut().expect("it is there").error = Some("kafka: look at topic a: no".into());
        assert!(
            said(state).contains("\ntopic   sluice.shop   cannot be read: look at topic a: no\n"),
            "{}",
            said(state)
        );
        state.topic = None;
    }
}
