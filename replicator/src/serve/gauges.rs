//! What `/metrics` has: of each half of a pipeline what that half knows, and of the whole what only both together say.
//!
//! A name means one thing, whoever says it: `sluice_lag_seconds` is always that of the target behind production. An apply alone cannot know
//! it, since nobody tells it what is not in the topic yet; so it has a name of its own for what it knows.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

use super::readiness;
use crate::board::{Board, Boards, Phase, State};
use crate::lag::Lag;
use crate::notify::Tally;

type Gauge = (&'static str, f64);
type Counter = (&'static str, u64);

/// Says what each of them is.
pub(super) fn describe() {
    describe_gauge!("sluice_up", "1 while all servers are in reach and nothing is held");
    describe_gauge!(
        "sluice_ready",
        "1 while staging is consistent and recent, as /readyz says without its limit of lag"
    );
    describe_gauge!("sluice_applied_lsn", Unit::Bytes, "Production's position that is visible on the target");
    describe_gauge!("sluice_durable_lsn", Unit::Bytes, "Production's position that is on the target's disk");
    describe_gauge!("sluice_lag_seconds", Unit::Seconds, "Time since the target last showed all that production had");
    describe_gauge!("sluice_lag_bytes", Unit::Bytes, "WAL that production has named beyond the applied position");
    describe_gauge!("sluice_captured_lsn", Unit::Bytes, "Production's position that is in the topic");
    describe_gauge!(
        "sluice_capture_lag_seconds",
        Unit::Seconds,
        "Time since the topic last had all that production had"
    );
    describe_gauge!("sluice_capture_lag_bytes", Unit::Bytes, "WAL that production has named beyond the topic's");
    describe_gauge!(
        "sluice_apply_lag_seconds",
        Unit::Seconds,
        "Age of the oldest commit in the topic that the target does not show; 0 where there is none"
    );
    describe_gauge!("sluice_apply_lag_records", "Records of the topic that the target does not show yet");
    describe_gauge!("sluice_wal_held_bytes", Unit::Bytes, "WAL that production keeps for the slot");
    describe_gauge!("sluice_pending_tables", "Tables that this run copies and that are not done");
    describe_gauge!("sluice_shadowed_rows", "Rows of production that staging's own rows keep away now");
    describe_gauge!(
        "sluice_tombstones",
        "Rows that production has deleted, and that stay because staging's own refer to them"
    );
    describe_gauge!("sluice_frozen", "1 while staging stands still because somebody has asked for it");
    describe_gauge!("sluice_quarantined_rows", "Rows that the target has refused, in quarantine now");
    describe_counter!("sluice_changes_total", "Changes applied by this process");
    describe_counter!("sluice_transactions_total", "Transactions of production applied by this process");
    describe_counter!("sluice_batches_total", "Batches applied by this process");
    describe_counter!("sluice_captured_changes_total", "Changes that this process has put into the topic");
    describe_counter!(
        "sluice_captured_transactions_total",
        "Transactions of production that this process has put into the topic"
    );
    describe_counter!("sluice_copy_rows_total", "Rows copied by this process, by table");
    describe_counter!("sluice_copy_bytes_total", Unit::Bytes, "Bytes copied by this process, by table");
    describe_counter!("sluice_divergences_total", "Rows of the target that were not as expected");
    describe_counter!("sluice_quarantined_total", "Rows that were put into quarantine by this process");
    describe_counter!("sluice_unparsable_total", "Values redacted because their mask could not read them");
    describe_counter!(
        "sluice_sequences_moved_total",
        "Times that a sequence of the target was moved ahead of production's"
    );
    describe_counter!(
        "sluice_notifications_total",
        "Notifications by receiver: sent, failed for good, or suppressed because others like it were told just before"
    );
    describe_counter!("sluice_slices_total", "Slices of the copy, each under one snapshot");
    describe_counter!(
        "sluice_snapshots_retaken_total",
        "Snapshots given up because the stream did not stand where they stood"
    );
}

/// Writes down how it is now.
pub(super) fn record(pipeline: &str, boards: &Boards, tally: &Tally) {
    let up = !boards.each().iter().any(|(_, board)| !board.state().works());
    let mut gauges = vec![
        ("sluice_up", f64::from(u8::from(up))),
        ("sluice_ready", f64::from(u8::from(readiness(boards, Duration::MAX).is_ok()))),
    ];
    let mut counters = Vec::new();
    if let Some(source) = boards.source() {
        of_source(&source.state(), &mut gauges, &mut counters);
    }
    if let Some(target) = boards.target() {
        of_target(&target.state(), &mut gauges, &mut counters);
    }
    match boards {
        Boards::Through(board) => whole(board, board, &mut gauges),
        Boards::Capture(board) => of_capture(&board.state(), &mut gauges, &mut counters),
        Boards::Apply(board) => of_apply(&board.state(), &mut gauges),
        Boards::Halves { capture, apply } => {
            of_capture(&capture.state(), &mut gauges, &mut counters);
            of_apply(&apply.state(), &mut gauges);
            whole(capture, apply, &mut gauges);
        }
    }
    for (name, value) in gauges {
        gauge!(name, "pipeline" => pipeline.to_owned()).set(value);
    }
    for (name, value) in counters {
        counter!(name, "pipeline" => pipeline.to_owned()).absolute(value);
    }
    for ((receiver, outcome), count) in tally.counts() {
        counter!("sluice_notifications_total", "pipeline" => pipeline.to_owned(), "receiver" => receiver, "outcome" => outcome.word())
            .absolute(count);
    }
    if let Some(target) = boards.target() {
        for (table, copy) in &target.state().tables {
            for (name, value) in [("sluice_copy_rows_total", copy.rows), ("sluice_copy_bytes_total", copy.bytes)] {
                counter!(name, "pipeline" => pipeline.to_owned(), "table" => table.clone()).absolute(value);
            }
        }
    }
}

fn seconds(lag: &Lag) -> f64 {
    lag.time().map_or(f64::INFINITY, |late| late.as_secs_f64())
}

/// Of the target behind production. By way of a topic it is as late as the later of the halves: what the topic does not have it does not show
/// either, and what it does not show of the topic is as old as its commit.
fn whole(source: &Board, target: &Board, gauges: &mut Vec<Gauge>) {
    let (lag, received) = {
        let state = source.state();
        (seconds(&state.lag), state.received.0)
    };
    let target = target.state();
    gauges.extend([
        ("sluice_lag_seconds", lag.max(seconds(&target.lag))),
        ("sluice_lag_bytes", received.saturating_sub(target.applied.0) as f64),
    ]);
}

/// Whoever has the slot.
fn of_source(state: &State, gauges: &mut Vec<Gauge>, counters: &mut Vec<Counter>) {
    gauges.push(("sluice_wal_held_bytes", state.wal_held as f64));
    counters.extend([
        ("sluice_unparsable_total", state.unparsable),
        ("sluice_slices_total", state.slices),
        ("sluice_snapshots_retaken_total", state.retaken),
    ]);
}

/// Whoever writes the target.
fn of_target(state: &State, gauges: &mut Vec<Gauge>, counters: &mut Vec<Counter>) {
    // once gathered, an LSN is far below 2^53 for any server that has written less than 8 PB of WAL
    gauges.extend([
        ("sluice_applied_lsn", state.applied.0 as f64),
        ("sluice_durable_lsn", state.durable.0 as f64),
        ("sluice_pending_tables", state.tables.values().filter(|t| !t.done).count() as f64),
        ("sluice_shadowed_rows", state.shadowed as f64),
        ("sluice_tombstones", state.tombstones as f64),
        ("sluice_frozen", f64::from(u8::from(matches!(state.phase, Phase::Frozen(_))))),
        ("sluice_quarantined_rows", state.quarantined.values().sum::<u64>() as f64),
    ]);
    counters.extend([
        ("sluice_changes_total", state.changes),
        ("sluice_transactions_total", state.transactions),
        ("sluice_batches_total", state.batches),
        ("sluice_divergences_total", state.divergences),
        ("sluice_quarantined_total", state.quarantined_ever),
        ("sluice_sequences_moved_total", state.sequences),
    ]);
}

fn of_capture(state: &State, gauges: &mut Vec<Gauge>, counters: &mut Vec<Counter>) {
    gauges.extend([
        ("sluice_captured_lsn", state.applied.0 as f64),
        ("sluice_capture_lag_seconds", seconds(&state.lag)),
        ("sluice_capture_lag_bytes", state.received.0.saturating_sub(state.applied.0) as f64),
    ]);
    counters.extend([
        ("sluice_captured_changes_total", state.changes),
        ("sluice_captured_transactions_total", state.transactions),
    ]);
}

fn of_apply(state: &State, gauges: &mut Vec<Gauge>) {
    gauges.push(("sluice_apply_lag_seconds", seconds(&state.lag)));
    gauges.extend(state.behind.map(|records| ("sluice_apply_lag_records", records as f64)));
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use filters::change::Lsn;
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;
    use crate::board::TableCopy;

    fn rendered(boards: &Boards) -> String {
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, || {
            describe();
            let tally = Tally::default();
            tally.count("notify.slack", crate::notify::What::Sent);
            record("shop", boards, &tally);
        });
        recorder.handle().render()
    }

    /// A board of something that has caught up.
    fn board() -> Board {
        let board = Board::default();
        board.state().lag.quiet(Lsn(7));
        board
    }

    #[test]
    fn metrics_are_named_and_described() {
        let through = board();
        {
            let mut state = through.state();
            state.changes = 7;
            state.tables.insert("public.\"a\"".into(), TableCopy { rows: 3, ..TableCopy::default() });
        }
        let text = rendered(&Boards::Through(through.clone()));
        for line in [
            "# TYPE sluice_changes_total counter",
            "sluice_changes_total{pipeline=\"shop\"} 7",
            "sluice_copy_rows_total{pipeline=\"shop\",table=\"public.\\\"a\\\"\"} 3",
            "sluice_up{pipeline=\"shop\"} 0",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
        let apply = board();
        apply.state().behind = Some(3);
        let text = text + &rendered(&Boards::Halves { capture: board(), apply });
        // every one that there is stands in the document, and no other
        let named: BTreeSet<&str> = text.lines().filter_map(|l| l.strip_prefix("# TYPE ")?.split(' ').next()).collect();
        let document = include_str!("../../../docs/operations.md").split('`').skip(1).step_by(2);
        let metric = |word: &&str| word.starts_with("sluice_") && !word.contains(['<', ' ']);
        assert_eq!(document.filter(metric).collect::<BTreeSet<_>>(), named);
        let helped: BTreeSet<&str> =
            text.lines().filter_map(|l| l.strip_prefix("# HELP ")?.split(' ').next()).collect();
        assert_eq!(helped, named, "{text}");
    }

    #[test]
    fn each_half_says_what_it_knows() {
        let value = |text: &str, name: &str| {
            let name = format!("{name}{{pipeline=\"shop\"}} ");
            text.lines().find_map(|l| l.strip_prefix(&name).map(str::to_owned))
        };
        let (capture, apply) = (board(), board());
        {
            let mut state = capture.state();
            (state.wal_held, state.received, state.applied) = (99, Lsn(70), Lsn(60));
            let mut state = apply.state();
            (state.behind, state.applied) = (Some(3), Lsn(20));
            state.lag.commits(std::time::Instant::now() - Duration::from_secs(50), Lsn(30));
        }
        let both = rendered(&Boards::Halves { capture: capture.clone(), apply: apply.clone() });
        let late = |text: &str, name| value(text, name).map(|v| v.parse::<f64>().expect("a number") as u64);
        assert_eq!(late(&both, "sluice_capture_lag_seconds"), Some(0));
        assert_eq!(late(&both, "sluice_apply_lag_seconds"), Some(50));
        assert_eq!(late(&both, "sluice_lag_seconds"), Some(50), "as late as the later half");
        assert_eq!(value(&both, "sluice_lag_bytes").as_deref(), Some("50"), "what is visible on the target");
        assert_eq!(value(&both, "sluice_capture_lag_bytes").as_deref(), Some("10"));
        assert_eq!(value(&both, "sluice_apply_lag_records").as_deref(), Some("3"));
        assert_eq!(value(&both, "sluice_wal_held_bytes").as_deref(), Some("99"));
        let alone = rendered(&Boards::Capture(capture));
        assert_eq!(value(&alone, "sluice_wal_held_bytes").as_deref(), Some("99"));
        for unknown in ["sluice_lag_seconds", "sluice_applied_lsn", "sluice_changes_total", "sluice_apply_lag_seconds"]
        {
            assert_eq!(value(&alone, unknown), None, "{unknown}");
        }
        let alone = rendered(&Boards::Apply(apply));
        assert_eq!(late(&alone, "sluice_apply_lag_seconds"), Some(50));
        for unknown in ["sluice_lag_seconds", "sluice_wal_held_bytes", "sluice_captured_lsn"] {
            assert_eq!(value(&alone, unknown), None, "{unknown}");
        }
    }
}
