//! `sluice run`.

use crate::board::{Board, Boards};
use crate::config::Files;
use crate::error::Error;
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
        serve::start(address, &config.pipeline, config.limits.lag, boards.clone(), tally.clone()).await?;
    }
    let notifier = Notifier::start(&config, &boards, tally)?;
    if let Some(timeout) = verb.timeout {
        tokio::spawn(async move {
            tokio::time::sleep(timeout).await;
            stopper.stop(Why::Timeout);
        });
    }
    let options = Options { until_caught_up: verb.until_caught_up, exit_on_stop: verb.exit_on_stop, anew };
    let progress = Progress::start(&boards);
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
    notifier.ends(&end).await;
    match end {
        Ok(End::CaughtUp) => progress.caught_up().await,
        _ => progress.end().await,
    }
    let aside: u64 = boards.target().map_or(0, |board| board.state().quarantined.values().sum());
    if aside > 0 {
        eprintln!("{} in quarantine: sluice quarantine list", some(aside, "row is", "rows are"));
    }
    let end = end?;
    run::ended(end, verb.timeout)
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
