//! What other programs ask of a running pipeline: `/metrics`, `/healthz`, `/readyz`. Read from the boards, so that a
//! question never waits for a database.

mod gauges;

use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State as Shared;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use tokio::net::TcpListener;

use crate::board::{Boards, Phase, State};
use crate::config::Problem;
use crate::error::Error;
use crate::notify::Tally;

/// What the answers are made of.
struct Server {
    boards: Boards,
    pipeline: String,
    /// Behind by more than this is not ready.
    lag: Duration,
    tally: Tally,
    recorder: PrometheusRecorder,
}

/// Listens, and answers until the process ends. An address that cannot be had is an error of the configuration.
pub async fn start(
    listen: SocketAddr,
    pipeline: &str,
    lag: Duration,
    boards: Boards,
    tally: Tally,
) -> Result<(), Error> {
    let listener = TcpListener::bind(listen).await.map_err(|e| {
        let why = e.to_string();
        let why = why.split(" (os error").next().unwrap_or_default().to_lowercase();
        let problem = Problem::new("serve.listen", format!("cannot listen on {listen}: {why}"));
        Error::Config(problem.hint("another address, or stop who has it").into())
    })?;
    let recorder = PrometheusBuilder::new().build_recorder();
    metrics::with_local_recorder(&recorder, gauges::describe);
    let server = Arc::new(Server { boards, pipeline: pipeline.to_owned(), lag, tally, recorder });
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
    metrics::with_local_recorder(&server.recorder, || gauges::record(&server.pipeline, &server.boards, &server.tally));
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], server.recorder.handle().render())
}

async fn ready(Shared(server): Shared<Arc<Server>>) -> (StatusCode, String) {
    match readiness(&server.boards, server.lag) {
        Ok(()) => match server.boards.frozen() {
            Some(said) => (StatusCode::OK, format!("ready: frozen {}\n", said.replace('\n', " "))),
            None => (StatusCode::OK, "ready\n".to_owned()),
        },
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", why.replace('\n', " "))),
    }
}

/// Is all that this process runs as it should be? If not, why not, in one line. Of two halves both have to be.
pub fn readiness(boards: &Boards, limit: Duration) -> Result<(), String> {
    let (capture, apply) = match boards {
        Boards::Through(board) | Boards::Apply(board) => return of_target(&board.state(), limit),
        Boards::Capture(board) => return of_topic(&board.state(), limit),
        Boards::Halves { capture, apply } => (of_topic(&capture.state(), limit), of_target(&apply.state(), limit)),
    };
    let why: Vec<String> = [("capture", capture), ("apply", apply)]
        .into_iter()
        .filter_map(|(half, done)| done.err().map(|why| format!("{half}: {why}")))
        .collect();
    if why.is_empty() { Ok(()) } else { Err(why.join("; ")) }
}

/// Is staging consistent, and recent enough?
fn of_target(state: &State, limit: Duration) -> Result<(), String> {
    // somebody has asked for it, so it is not late: what they want is a staging of one moment that stays so
    if let Phase::Frozen(said) = &state.phase {
        return match state.frozen_exact {
            true => Ok(()),
            false => Err(format!("frozen before all of it was as production had it: {said}")),
        };
    }
    if state.phase == Phase::Copying {
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
    works(state)?;
    let quarantined: u64 = state.quarantined.values().sum();
    if quarantined > 0 {
        let tables: Vec<&str> = state.quarantined.keys().map(String::as_str).collect();
        return Err(format!("in quarantine: {quarantined} of {}", tables.join(", ")));
    }
    recent(state, limit)
}

/// Is the topic recent enough? That somebody has asked for a copy of something is no fault of it.
fn of_topic(state: &State, limit: Duration) -> Result<(), String> {
    works(state)?;
    recent(state, limit)
}

fn works(state: &State) -> Result<(), String> {
    match &state.phase {
        Phase::Streaming | Phase::Copying | Phase::Frozen(_) | Phase::Resting => Ok(()),
        Phase::Retrying(why) | Phase::Held(why) => Err(format!("{}: {why}", state.phase.word())),
        Phase::Starting => Err("starting".into()),
    }
}

fn recent(state: &State, limit: Duration) -> Result<(), String> {
    match state.lag.time() {
        Some(late) if late <= limit => Ok(()),
        Some(late) => Err(format!("{:.1} s behind, the limit is {} s", late.as_secs_f64(), limit.as_secs_f64())),
        None => Err("has not caught up with production yet".into()),
    }
}

#[cfg(test)]
mod tests {
    use filters::change::Lsn;

    use super::*;
    use crate::board::{Board, TableCopy};

    #[test]
    fn readiness_says_why_not() {
        let limit = Duration::from_secs(60);
        let boards = Boards::Through(Board::default());
        let set = |what: &dyn Fn(&mut State)| what(&mut boards.target().expect("a board").state());
        let why = || readiness(&boards, limit).err();
        assert_eq!(why().as_deref(), Some("starting"));
        set(&|state| {
            state.phase = Phase::Copying;
            state.tables.insert("public.a".into(), TableCopy::default());
        });
        assert_eq!(why().as_deref(), Some("copying, 1 of 1 tables are not done"));
        set(&|state| state.phase = Phase::Held("a right is missing".into()));
        assert_eq!(why().as_deref(), Some("held: a right is missing"));
        set(&|state| state.phase = Phase::Frozen("at 0/1 until noon".into()));
        assert_eq!(why().as_deref(), Some("frozen before all of it was as production had it: at 0/1 until noon"));
        set(&|state| state.frozen_exact = true);
        assert_eq!(why(), None, "however late it is");
        set(&|state| state.phase = Phase::Streaming);
        assert_eq!(why().as_deref(), Some("has not caught up with production yet"));
        set(&|state| state.lag.quiet(Lsn(1)));
        assert_eq!(why(), None);
        set(&|state| state.quarantined = [("public.a".to_owned(), 2), ("public.b".to_owned(), 1)].into());
        assert_eq!(why().as_deref(), Some("in quarantine: 3 of public.a, public.b"));
        set(&|state| {
            state.quarantined.clear();
            state.lag.late();
        });
        assert_eq!(why(), None);
        let late = readiness(&boards, Duration::ZERO).err();
        assert!(late.is_some_and(|w| w.ends_with("s behind, the limit is 0 s")));
    }

    #[test]
    fn with_a_topic_both_halves_are_ready_or_nobody_is() {
        let (capture, apply) = (Board::default(), Board::default());
        let boards = Boards::Halves { capture: capture.clone(), apply: apply.clone() };
        let why = |boards: &Boards| readiness(boards, Duration::from_secs(60)).err();
        assert_eq!(why(&boards).as_deref(), Some("capture: starting; apply: starting"));
        for board in [&capture, &apply] {
            let mut state = board.state();
            state.phase = Phase::Streaming;
            state.lag.quiet(Lsn(1));
        }
        assert_eq!(why(&boards), None);
        capture.state().phase = Phase::Copying;
        assert_eq!(why(&boards), None, "for whomever it copies");
        apply.state().phase = Phase::Copying;
        assert_eq!(why(&boards).as_deref(), Some("apply: copying"));
        apply.state().phase = Phase::Streaming;
        capture.stands(Phase::Retrying("no broker".into()));
        assert_eq!(why(&boards).as_deref(), Some("capture: retrying: no broker"));
        assert_eq!(why(&Boards::Capture(capture)).as_deref(), Some("retrying: no broker"));
        assert_eq!(why(&Boards::Apply(apply)), None, "it has nothing to do with that");
    }
}
