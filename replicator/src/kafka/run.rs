//! Running one half of a pipeline, or both, for as long as it takes. What is tried again, and what holds, is as in [`crate::run`].

use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;

use filters::change::Lsn;

use super::apply::{self, Goal};
use super::capture;
use crate::audit;
use crate::board::{Board, Phase};
use crate::budget::Watcher;
use crate::cancels::Cancels;
use crate::config::{Config, Files, Lock};
use crate::error::{Error, Kind};
use crate::pipeline::End;
use crate::run::{LOOK_AGAIN, Options, REACH, STEADY, backoff, drops_slot, reread, tell};
use crate::start;
use crate::stop::{self, Stop, Why};

/// Until then a half has heard that the files are to be read again.
const FORWARDED: Duration = Duration::from_millis(200);
/// Who was asked to end has so long to do it at a boundary; a broker or a server that says nothing is not waited for.
const GRACE: Duration = Duration::from_secs(4);

/// Which half.
#[derive(Clone, Debug)]
enum Half {
    /// Production into the topic. For another half in the same process: it is told where production was when it was opened first, and this
    /// one goes on for as long as that one needs it. `None`: by itself.
    Capture(Option<watch::Sender<Option<Lsn>>>),
    /// The topic into the target, up to a position of production if it is to end somewhere; `None`: to the topic's end.
    Apply(Option<Lsn>),
}

/// The files, and what they said when they were read.
type Read = (Config, Option<Lock>);

/// `sluice capture`.
pub async fn capture(files: &Files, read: Read, options: Options, board: &Board, stop: Stop) -> Result<End, Error> {
    keep(files, read, options, board, stop, Half::Capture(None)).await
}

/// `sluice apply`.
pub async fn apply(files: &Files, read: Read, options: Options, board: &Board, stop: Stop) -> Result<End, Error> {
    keep(files, read, options, board, stop, Half::Apply(None)).await
}

/// `sluice run` with a topic: both halves in one process. What fails for good in one ends the other.
pub async fn both(
    files: &Files,
    read: Read,
    options: Options,
    (upper, lower): (&Board, &Board),
    mut stop: Stop,
) -> Result<End, Error> {
    let (goal, mut reached) = watch::channel(None);
    let (stopper, stopped) = stop::pair();
    let mut capturing = JoinSet::new();
    {
        let (files, read, board) = (files.clone(), read.clone(), upper.clone());
        // (by the same options: a capture that would hold for ever ends a run that is to end)
        capturing.spawn(async move { keep(&files, read, options, &board, stopped, Half::Capture(Some(goal))).await });
    }
    let goal = loop {
        tokio::select! {
            ended = capturing.join_next() => return of(ended),
            goal = reached.wait_for(Option::is_some) => break goal.ok().and_then(|goal| *goal),
            why = stop.wait() => {
                stopper.stop(why);
                if why != Why::Reread {
                    return of(capturing.join_next().await).map(|_| End::Stopped(why));
                }
                // only the capture is there so far
                stop.rereads();
            }
        }
    };
    // who has the files read again means both halves
    let mut rereads = stop.clone();
    let forward = async {
        loop {
            stopper.stop(rereads.wait().await);
            tokio::time::sleep(FORWARDED).await;
        }
    };
    let applied = tokio::select! {
        ended = capturing.join_next() => return of(ended),
        applied = keep(files, read, options, lower, stop, Half::Apply(goal)) => applied,
        never = forward => never,
    };
    stopper.stop(Why::Terminate);
    let captured = of(capturing.join_next().await);
    let end = applied?;
    captured.map(|_| end)
}

fn of(ended: Option<Result<Result<End, Error>, tokio::task::JoinError>>) -> Result<End, Error> {
    match ended {
        Some(Ok(end)) => end,
        Some(Err(e)) => Err(Error::ended("the capture's task", &e)),
        None => Err(Error::Bug("the capture's task is not there".into())),
    }
}

/// Opens it and runs it, again and again. Who writes a target is audited there.
async fn keep(
    files: &Files,
    read: Read,
    options: Options,
    board: &Board,
    stop: Stop,
    half: Half,
) -> Result<End, Error> {
    let mut audited = audit::Running::new("apply", options.said());
    let end = again(files, read, options, board, stop.clone(), half, &mut audited).await;
    audited.ended(&audit::result(&end), &stop).await;
    end
}

async fn again(
    files: &Files,
    (mut config, mut lock): Read,
    options: Options,
    board: &Board,
    mut stop: Stop,
    half: Half,
    audited: &mut audit::Running,
) -> Result<End, Error> {
    let (mut tries, mut unreachable) = (0u32, None::<Instant>);
    // by us: then everything is due, from a new slot
    let mut given_up = options.anew;
    // from try to try: what its session says is to be read meanwhile
    let mut watcher = start::watcher(&config)?;
    loop {
        let (began, steps) = (Instant::now(), board.state().steps);
        let mut opened = false;
        let by = (&config, lock.as_ref(), given_up);
        let done = once(by, options, board, &mut stop, &half, (&mut watcher, &mut opened, &mut *audited)).await;
        given_up &= !opened;
        let error = match done {
            Ok(End::Stopped(Why::Reread)) => {
                stop.rereads();
                (config, lock) = reread(files, &config).unwrap_or((config, lock));
                audited.rereads();
                watcher = start::watcher(&config)?;
                continue;
            }
            Ok(end) => return Ok(end),
            Err(e) => e,
        };
        if let Some(why) = stop.asked().filter(|why| *why != Why::Reread) {
            tracing::warn!(error = error.chain(), "while stopping");
            return Ok(End::Stopped(why));
        }
        if board.state().steps > steps || began.elapsed() >= STEADY {
            (tries, unreachable) = (0, None);
        }
        tries += 1;
        if let Error::Spent { limit, .. } = error {
            given_up |= drops_slot(&config, &error, limit, board).await;
        }
        let one_shot = options.until_caught_up || options.exit_on_stop;
        let wait = match error.kind() {
            Kind::Unavailable => {
                let since = *unreachable.get_or_insert(began);
                if options.until_caught_up && since.elapsed() > REACH {
                    return Err(error);
                }
                let wait = backoff(tries);
                tracing::warn!(error = error.chain(), tries, wait_ms = wait.as_millis() as u64, "trying again");
                board.stands_by(Phase::Retrying(error.chain()), error.about());
                wait
            }
            Kind::Data | Kind::Denied | Kind::Unfit if !one_shot => {
                tracing::error!(error = error.chain(), hint = error.hint(), "held");
                board.stands_by(Phase::Held(error.told()), error.about());
                if matches!(half, Half::Apply(_)) {
                    tell(&config, &error.told(), &mut stop).await;
                }
                LOOK_AGAIN
            }
            _ => return Err(error),
        };
        tokio::select! {
            why = stop.wait() => match why {
                Why::Reread => {
                    stop.rereads();
                    (config, lock) = reread(files, &config).unwrap_or((config, lock));
                    audited.rereads();
                    watcher = start::watcher(&config)?;
                }
                why => return Ok(End::Stopped(why)),
            },
            () = tokio::time::sleep(wait) => {}
            error = spent(&half, &mut watcher, board) => if let Error::Spent { limit, .. } = error {
                given_up |= drops_slot(&config, &error, limit, board).await;
            },
        }
    }
}

/// The slot holds too much. Only who captures has one.
async fn spent(half: &Half, watcher: &mut Watcher, board: &Board) -> Error {
    match half {
        Half::Capture(_) => watcher.spent(board).await,
        Half::Apply(_) => std::future::pending().await,
    }
}

async fn once(
    (config, lock, anew): (&Config, Option<&Lock>, bool),
    options: Options,
    board: &Board,
    stop: &mut Stop,
    half: &Half,
    (watcher, was_opened, audited): (&mut Watcher, &mut bool, &mut audit::Running),
) -> Result<End, Error> {
    let cancels = Cancels::default();
    let mut heard = stop.clone();
    let opening = async {
        Ok::<_, Error>(match half {
            Half::Capture(production) => {
                let (capture, goal) = capture::open(config, lock, board, &cancels, anew).await?;
                if let Some(production) = production {
                    production.send_if_modified(|known| known.is_none() && known.replace(goal).is_none());
                }
                Opened::Capture(Box::new(capture), goal)
            }
            Half::Apply(goal) => {
                let (apply, last) = apply::open(config, lock, board, &cancels).await?;
                Opened::Apply(Box::new(apply), goal.map_or(last, Goal::Lsn))
            }
        })
    };
    let opened = tokio::select! {
        biased;
        why = stop.wait() => {
            cancels.all().await;
            return Ok(End::Stopped(why));
        }
        opened = opening => opened?,
        spent = spent(half, watcher, board) => {
            cancels.all().await;
            return Err(spent);
        }
    };
    if matches!(half, Half::Apply(_))
        && let Some(why) = audited.opened(config, board, stop).await?
    {
        cancels.all().await;
        return Ok(End::Stopped(why));
    }
    watcher.rests();
    *was_opened = true;
    tracing::info!(at = %board.state().applied, "running");
    board.works(Phase::Streaming);
    let ends = options.until_caught_up && !matches!(half, Half::Capture(Some(_)));
    let mut task = JoinSet::new();
    task.spawn(async move {
        match opened {
            Opened::Capture(mut capture, goal) => {
                let end = capture.run(ends.then_some(goal), &mut heard).await;
                if end.is_ok() {
                    capture.close().await;
                }
                end
            }
            Opened::Apply(mut apply, goal) => apply.run(ends.then_some(goal), &mut heard).await,
        }
    });
    let late = async {
        let why = stop.wait().await;
        tokio::time::sleep(GRACE).await;
        why
    };
    let done = tokio::select! {
        biased;
        done = task.join_next() => done,
        why = late => {
            // what was cut off is no transaction's whole, there or on the target: the next run does it
            task.abort_all();
            cancels.all().await;
            return Ok(End::Stopped(why));
        }
    };
    let end = match done {
        Some(Ok(end)) => end,
        Some(Err(e)) => Err(Error::ended("the pipeline's task", &e)),
        None => Err(Error::Bug("the pipeline's task is not there".into())),
    };
    // it ran: what it meets now, nobody is there to hear
    end.map_err(Error::unfit)
}

enum Opened {
    Capture(Box<capture::Capture>, Lsn),
    Apply(Box<apply::Apply>, Goal),
}
