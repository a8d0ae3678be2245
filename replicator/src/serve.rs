//! What other programs ask of a running pipeline: `/metrics`, `/healthz`, `/readyz`. Read from the [`Board`], so that a
//! question never waits for a database.

use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State as Shared;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use tokio::net::TcpListener;

use crate::board::{Board, Phase, State};
use crate::config::Problem;
use crate::error::Error;

/// What the answers are made of.
struct Server {
    board: Board,
    pipeline: String,
    /// Behind by more than this is not ready.
    lag: Duration,
    recorder: PrometheusRecorder,
}

/// Listens, and answers until the process ends. An address that cannot be had is an error of the configuration.
pub async fn start(listen: SocketAddr, pipeline: &str, lag: Duration, board: Board) -> Result<(), Error> {
    let listener = TcpListener::bind(listen).await.map_err(|e| {
        let why = e.to_string();
        let why = why.split(" (os error").next().unwrap_or_default().to_lowercase();
        let problem = Problem::new("serve.listen", format!("cannot listen on {listen}: {why}"));
        Error::Config(problem.hint("another address, or stop who has it").into())
    })?;
    let recorder = PrometheusBuilder::new().build_recorder();
    metrics::with_local_recorder(&recorder, describe);
    let server = Arc::new(Server { board, pipeline: pipeline.to_owned(), lag, recorder });
    let router = Router::new()
        .route("/metrics", get(scrape))
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .with_state(server);
    tokio::spawn(async move {
        if let Err(e) = axum::serve(listener, router).await {
            tracing::warn!(error = %e, "no longer serving");
        }
    });
    tracing::info!(%listen, "serving /metrics /healthz /readyz");
    Ok(())
}

async fn scrape(Shared(server): Shared<Arc<Server>>) -> impl IntoResponse {
    let state = server.board.state().clone();
    metrics::with_local_recorder(&server.recorder, || record(&server.pipeline, &state));
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], server.recorder.handle().render())
}

async fn ready(Shared(server): Shared<Arc<Server>>) -> (StatusCode, String) {
    match readiness(&server.board.state(), server.lag) {
        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", why.replace('\n', " "))),
    }
}

/// Is staging consistent, and recent enough? If not, why not, in one line.
pub fn readiness(state: &State, limit: Duration) -> Result<(), String> {
    match &state.phase {
        Phase::Streaming => {}
        Phase::Retrying(why) | Phase::Held(why) => return Err(format!("{}: {why}", state.phase.word())),
        Phase::Copying => {
            let mut why = "copying".to_owned();
            let left = state.tables.values().filter(|t| !t.done).count();
            if left > 0 {
                let _ = write!(why, ", {left} of {} tables are not done", state.tables.len());
            }
            if let Some((_, waits)) = state.waits() {
                let _ = write!(why, "; it {waits}");
            }
            return Err(why);
        }
        Phase::Starting => return Err("starting".into()),
    }
    let quarantined: u64 = state.quarantined.values().sum();
    if quarantined > 0 {
        let tables: Vec<&str> = state.quarantined.keys().map(String::as_str).collect();
        return Err(format!("in quarantine: {quarantined} of {}", tables.join(", ")));
    }
    match state.lag.time() {
        Some(late) if late <= limit => Ok(()),
        Some(late) => Err(format!("{:.1} s behind, the limit is {} s", late.as_secs_f64(), limit.as_secs_f64())),
        None => Err("has not caught up with production yet".into()),
    }
}

fn describe() {
    describe_gauge!("sluice_up", "1 while both databases are in reach and nothing is held");
    describe_gauge!(
        "sluice_ready",
        "1 while staging is consistent and recent, as /readyz says without its limit of lag"
    );
    describe_gauge!("sluice_applied_lsn", Unit::Bytes, "Production's position that is visible on the target");
    describe_gauge!(
        "sluice_durable_lsn",
        Unit::Bytes,
        "Production's position that is on the target's disk and was confirmed"
    );
    describe_gauge!("sluice_lag_seconds", Unit::Seconds, "Time since the target last showed all that production had");
    describe_gauge!("sluice_lag_bytes", Unit::Bytes, "WAL that production has named beyond the applied position");
    describe_gauge!("sluice_wal_held_bytes", Unit::Bytes, "WAL that production keeps for the slot");
    describe_gauge!("sluice_pending_tables", "Tables that this run copies and that are not done");
    describe_gauge!("sluice_shadowed_rows", "Rows of production that staging's own rows keep away now");
    describe_gauge!(
        "sluice_tombstones",
        "Rows that production has deleted, and that stay because staging's own refer to them"
    );
    describe_gauge!("sluice_quarantined_rows", "Rows that the target has refused, in quarantine now");
    describe_counter!("sluice_changes_total", "Changes applied by this process");
    describe_counter!("sluice_transactions_total", "Transactions of production applied by this process");
    describe_counter!("sluice_batches_total", "Batches applied by this process");
    describe_counter!("sluice_copy_rows_total", "Rows copied by this process, by table");
    describe_counter!("sluice_copy_bytes_total", Unit::Bytes, "Bytes copied by this process, by table");
    describe_counter!("sluice_divergences_total", "Rows of the target that were not as expected");
    describe_counter!("sluice_quarantined_total", "Rows that were put into quarantine by this process");
    describe_counter!("sluice_unparsable_total", "Values redacted because their mask could not read them");
    describe_counter!(
        "sluice_sequences_moved_total",
        "Times that a sequence of the target was moved ahead of production's"
    );
    describe_counter!("sluice_slices_total", "Slices of the copy, each under one snapshot");
    describe_counter!(
        "sluice_snapshots_retaken_total",
        "Snapshots given up because the stream did not stand where they stood"
    );
}

fn record(pipeline: &str, state: &State) {
    let pipeline = pipeline.to_owned();
    let up = matches!(state.phase, Phase::Copying | Phase::Streaming);
    // once gathered, an LSN is far below 2^53 for any server that has written less than 8 PB of WAL
    let gauges = [
        ("sluice_up", f64::from(u8::from(up))),
        ("sluice_ready", f64::from(u8::from(readiness(state, Duration::MAX).is_ok()))),
        ("sluice_applied_lsn", state.applied.0 as f64),
        ("sluice_durable_lsn", state.durable.0 as f64),
        ("sluice_lag_seconds", state.lag.time().map_or(f64::INFINITY, |late| late.as_secs_f64())),
        ("sluice_lag_bytes", state.received.0.saturating_sub(state.applied.0) as f64),
        ("sluice_wal_held_bytes", state.wal_held as f64),
        ("sluice_pending_tables", state.tables.values().filter(|t| !t.done).count() as f64),
        ("sluice_shadowed_rows", state.shadowed as f64),
        ("sluice_tombstones", state.tombstones as f64),
        ("sluice_quarantined_rows", state.quarantined.values().sum::<u64>() as f64),
    ];
    for (name, value) in gauges {
        gauge!(name, "pipeline" => pipeline.clone()).set(value);
    }
    let counters = [
        ("sluice_changes_total", state.changes),
        ("sluice_transactions_total", state.transactions),
        ("sluice_batches_total", state.batches),
        ("sluice_divergences_total", state.divergences),
        ("sluice_quarantined_total", state.quarantined_ever),
        ("sluice_unparsable_total", state.unparsable),
        ("sluice_sequences_moved_total", state.sequences),
        ("sluice_slices_total", state.slices),
        ("sluice_snapshots_retaken_total", state.retaken),
    ];
    for (name, value) in counters {
        counter!(name, "pipeline" => pipeline.clone()).absolute(value);
    }
    for (table, copy) in &state.tables {
        for (name, value) in [("sluice_copy_rows_total", copy.rows), ("sluice_copy_bytes_total", copy.bytes)] {
            counter!(name, "pipeline" => pipeline.clone(), "table" => table.clone()).absolute(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use filters::change::Lsn;

    use super::*;
    use crate::board::TableCopy;

    #[test]
    fn readiness_says_why_not() {
        let limit = Duration::from_secs(60);
        let mut state = State::default();
        let why = |s: &State| readiness(s, limit).err();
        assert_eq!(why(&state).as_deref(), Some("starting"));
        state.phase = Phase::Copying;
        state.tables.insert("public.a".into(), TableCopy::default());
        assert_eq!(why(&state).as_deref(), Some("copying, 1 of 1 tables are not done"));
        state.phase = Phase::Held("a right is missing".into());
        assert_eq!(why(&state).as_deref(), Some("held: a right is missing"));
        state.phase = Phase::Streaming;
        assert_eq!(why(&state).as_deref(), Some("has not caught up with production yet"));
        state.lag.quiet(Lsn(1));
        assert_eq!(why(&state), None);
        state.quarantined = [("public.a".to_owned(), 2), ("public.b".to_owned(), 1)].into();
        assert_eq!(why(&state).as_deref(), Some("in quarantine: 3 of public.a, public.b"));
        state.quarantined.clear();
        state.lag.late();
        assert_eq!(why(&state), None);
        let late = readiness(&state, Duration::ZERO).err();
        assert!(late.is_some_and(|w| w.ends_with("s behind, the limit is 0 s")));
    }

    #[test]
    fn metrics_are_named_and_described() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let mut state = State { changes: 7, ..State::default() };
        state.tables.insert("public.\"a\"".into(), TableCopy { rows: 3, ..TableCopy::default() });
        metrics::with_local_recorder(&recorder, || {
            describe();
            record("shop", &state);
        });
        let text = recorder.handle().render();
        for line in [
            "# TYPE sluice_changes_total counter",
            "sluice_changes_total{pipeline=\"shop\"} 7",
            "sluice_copy_rows_total{pipeline=\"shop\",table=\"public.\\\"a\\\"\"} 3",
            "sluice_up{pipeline=\"shop\"} 0",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
        // every one that there is stands in the document, and no other
        let named: BTreeSet<&str> = text.lines().filter_map(|l| l.strip_prefix("# TYPE ")?.split(' ').next()).collect();
        let document = include_str!("../../docs/operations.md").split('`').skip(1).step_by(2);
        let metric = |word: &&str| word.starts_with("sluice_") && !word.contains(['<', ' ']);
        assert_eq!(document.filter(metric).collect::<BTreeSet<_>>(), named);
        let described = text.lines().filter(|l| l.starts_with("# HELP")).count();
        assert_eq!(described, text.lines().filter(|l| l.starts_with("# TYPE")).count(), "{text}");
    }
}
