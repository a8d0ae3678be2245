//! `sluice run`.

use std::time::Duration;

use crate::board::{Board, Boards};
use crate::config::Files;
use crate::error::Error;
use crate::history::{self, History};
#[cfg(feature = "kafka")]
use crate::kafka;
use crate::notify::{Notifier, Tally};
use crate::pipeline::End;
use crate::run::{self, Options};
use crate::serve;
use crate::stop::{self, Stopper, Why};

use super::args::{Args, Run};
use super::progress::Progress;
use crate::figures::some;

/// What of a pipeline this process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// Production into the target, by way of a topic where there is one.
    Both,
    /// Production into the topic.
    Capture,
    /// The topic into the target.
    Apply,
}

impl Half {
    /// As it is typed.
    fn verb(self) -> &'static str {
        match self {
            Half::Both => "run",
            Half::Capture => "capture",
            Half::Apply => "apply",
        }
    }

    /// What is to be seen of it.
    fn boards(self, topic: bool) -> Boards {
        match self {
            Half::Capture => Boards::Capture(Board::default()),
            Half::Apply => Boards::Apply(Board::default()),
            Half::Both if topic => Boards::Halves { capture: Board::default(), apply: Board::default() },
            Half::Both => Boards::Through(Board::default()),
        }
    }
}

/// Runs the pipeline, or a half of it, until it ends.
pub async fn run(args: &Args, verb: &Run, half: Half, anew: bool) -> Result<(), Error> {
    let files = Files::new(&args.config);
    let (config, lock) = files.read().map_err(Error::Config)?;
    let boards = half.boards(config.buffer.is_some());
    let (stopper, stop) = stop::pair();
    listen(stopper.clone())?;
    let tally = Tally::default();
    if let Some(address) = config.serve.listen {
        // who refreshes now and then is late when a refresh is
        let late = config.limits.lag + config.every.unwrap_or_default();
        serve::start(address, &config.pipeline, late, boards.clone(), tally.clone()).await?;
    }
    let notifier = Notifier::start(&config, &boards, tally)?;
    let freezer = stopper.clone();
    if let Some(timeout) = verb.timeout {
        tokio::spawn(async move {
            tokio::time::sleep(timeout).await;
            stopper.stop(Why::Timeout);
        });
    }
    if let Some(boards) = verb.until_caught_up.then(|| boards.clone()).filter(|boards| boards.target().is_some()) {
        tokio::spawn(frozen(boards, freezer));
    }
    let options = Options { until_caught_up: verb.until_caught_up, exit_on_stop: verb.exit_on_stop, anew };
    let progress = Progress::start(&boards);
    let ending = stop.clone();
    let history = boards.target().map(|board| History::start(&config, half.verb(), board));
    let read = (config, lock);
    let end = match &boards {
        Boards::Through(board) => run::run(&files, read, options, board, stop).await,
        #[cfg(feature = "kafka")]
        Boards::Capture(board) => kafka::run::capture(&files, read, options, board, stop).await,
        #[cfg(feature = "kafka")]
        Boards::Apply(board) => kafka::run::apply(&files, read, options, board, stop).await,
        #[cfg(feature = "kafka")]
        Boards::Halves { capture, apply } => kafka::run::both(&files, read, options, (capture, apply), stop).await,
        #[cfg(not(feature = "kafka"))]
        Boards::Capture(_) | Boards::Apply(_) | Boards::Halves { .. } => Err(Error::Refused {
            what: "this sluice was built without Kafka".into(),
            hint: "build it with the feature kafka; without a topic it is sluice run".into(),
        }),
    };
    let told = notifier.ends(&end, &ending);
    match end {
        Ok(End::CaughtUp) => progress.caught_up().await,
        _ => progress.end().await,
    }
    let aside: u64 = boards.target().map_or(0, |board| board.state().quarantined.values().sum());
    if aside > 0 {
        eprintln!("{} in quarantine: sluice quarantine list", some(aside, "row is", "rows are"));
    }
    let outcome = outcome(&end);
    let done = match (end, boards.frozen()) {
        (Ok(End::Stopped(Why::Frozen)), Some(said)) => Err(Error::Refused {
            what: format!("staging is frozen {said}: it is not brought to where production is"),
            hint: "sluice resume ends the freeze; what was applied before it stays, and the next run goes on there"
                .into(),
        }),
        (end, _) => end.and_then(|end| run::ended(end, verb.timeout)),
    };
    // at the same time: a receiver and a target that both say nothing are not waited for one after the other
    let written = async {
        if let Some(history) = history {
            history.end(history::ended(outcome, &done), &ending).await;
        }
    };
    tokio::join!(told, written);
    done
}

/// For `sluice.runs`.
fn outcome(end: &Result<End, Error>) -> &'static str {
    match end {
        Ok(End::CaughtUp) => "caught up",
        Ok(End::Stopped(Why::Terminate | Why::Reread)) => "stopped",
        Ok(End::Stopped(Why::Interrupt)) => "interrupted",
        Ok(End::Stopped(Why::Timeout)) => "timeout",
        Ok(End::Stopped(Why::Frozen)) => "frozen",
        Err(_) => "failed",
    }
}

/// Who wants to be caught up does not wait for the end of a freeze: it may be hours away, and cron comes again.
async fn frozen(boards: Boards, stopper: Stopper) {
    while boards.frozen().is_none() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    stopper.stop(Why::Frozen);
}

/// SIGTERM and Ctrl-C end at a boundary; SIGHUP reads the files again.
fn listen(stopper: Stopper) -> Result<(), Error> {
    use tokio::signal::unix::{SignalKind, signal};
    let hear = |kind| signal(kind).map_err(|e| Error::Bug(format!("cannot listen to signals: {e}")));
    let (mut terminate, mut interrupt) = (hear(SignalKind::terminate())?, hear(SignalKind::interrupt())?);
    let mut hangup = hear(SignalKind::hangup())?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => stopper.stop(Why::Terminate),
                _ = interrupt.recv() => stopper.stop(Why::Interrupt),
                _ = hangup.recv() => stopper.stop(Why::Reread),
            }
        }
    });
    Ok(())
}
