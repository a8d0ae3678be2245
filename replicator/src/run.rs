//! Running a pipeline for as long as it takes: the only place that decides to try again.
//!
//! | what failed | `run` | `--until-caught-up`, `--exit-on-stop` |
//! |---|---|---|
//! | a server is out of reach, or of room | try again, for ever | the same; the former for a minute, then exit 4 |
//! | refused for safety | exit 5 | exit 5 |
//! | a row, a right, a table stands in the way | **hold**: stay up, go red, look again now and then | exit 6 |
//! | the policy no longer fits the tables (of a pipeline that has run before) | hold | exit 2, or 5 where it could hurt |
//! | a server does not let us in: a password, a certificate | hold | exit 4 |
//!
//! While it holds, nothing is confirmed to production, so nothing is lost; the WAL that production keeps meanwhile is
//! watched and shown ([`crate::budget`]); beyond `limits.wal.drop_slot` our slot goes, and with the next try that reaches the
//! target everything is due, from a new slot.
//!
//! A full disk (53100) is a server out of room: it concerns no row, and passes when somebody makes room. The server lets
//! us in all the same; so a try counts as a success only when something has come of it, else we would knock ten times a
//! second and look alive.

use std::time::{Duration, Instant};

use sink_postgres::checkpoint;
use tokio::task::JoinSet;
use wire::Connection;

use crate::audit;
use crate::board::{Board, Phase};
use crate::budget::{self, Watcher};
use crate::cancels::Cancels;
use crate::config::{Config, Ddl, Files, Lock};
use crate::error::{Error, Kind};
use crate::pipeline::End;
use crate::schedule;
use crate::start::{self, Refused};
use crate::stop::{Stop, Why};

/// How to run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// End with success once the target shows what production had at the start, and not only this refresh (`schedule.every`).
    pub until_caught_up: bool,
    /// End rather than hold.
    pub exit_on_stop: bool,
    /// Of a capture: from a new slot, with every table due.
    pub anew: bool,
}

impl Options {
    /// For the audit.
    pub(crate) fn said(self) -> serde_json::Value {
        serde_json::json!({ "until_caught_up": self.until_caught_up, "exit_on_stop": self.exit_on_stop })
    }
}

/// A one-shot run tries this long to reach a server.
pub(crate) const REACH: Duration = Duration::from_secs(60);
/// What is held is looked at again this often.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_secs(15);
/// A run that lasted so long was one, though nothing was to be done in it.
pub(crate) const STEADY: Duration = Duration::from_secs(10);
/// From this try on the target is told why, for `status`.
const TELL: u32 = 3;
/// How long the target may take to hear it.
const HEARD: Duration = Duration::from_secs(5);

/// Runs until it ends, by `files` as they were read, and as they are when somebody wants them read again.
pub async fn run(
    files: &Files,
    read: (Config, Option<Lock>),
    options: Options,
    board: &Board,
    stop: Stop,
) -> Result<End, Error> {
    let mut audited = audit::Running::new("run", options.said());
    let end = keep(files, read, options, board, stop.clone(), &mut audited).await;
    audited.ended(&audit::result(&end), &stop).await;
    end
}

async fn keep(
    files: &Files,
    (mut config, mut lock): (Config, Option<Lock>),
    options: Options,
    board: &Board,
    mut stop: Stop,
    audited: &mut audit::Running,
) -> Result<End, Error> {
    let mut tries = 0u32;
    // by us, and the target may not know it yet
    let mut given_up = false;
    let mut unreachable: Option<Instant> = None;
    let mut refused = Refused::default();
    loop {
        let (began, mut opened) = (Instant::now(), None);
        let steps = board.state().steps;
        let mut watcher = start::watcher(&config)?;
        let by = (&config, lock.as_ref(), given_up);
        let done = once(by, options, board, &mut stop, &mut opened, (&mut watcher, &mut refused, &mut *audited)).await;
        given_up &= opened.is_none();
        if stop.asked() == Some(Why::Reread) && !matches!(done, Ok(End::CaughtUp)) {
            stop.rereads();
            if let Err(e) = done {
                tracing::warn!(error = e.chain(), "while stopping to read the files");
            }
            refused = Refused::default();
            if let Some(read) = reread(files, &config) {
                (config, lock) = read;
                audited.rereads();
            }
            continue;
        }
        let error = match done {
            // whoever asks to end while the files are to be read is heard
            Ok(End::Stopped(why)) => return Ok(End::Stopped(stop.asked().unwrap_or(why))),
            Ok(End::CaughtUp) => {
                if options.until_caught_up || config.every.is_none() {
                    return Ok(End::CaughtUp);
                }
                let read = (files, &mut config, &mut lock);
                if let Some(why) = schedule::rest(read, board, &mut stop, &mut watcher, &mut given_up).await? {
                    return Ok(End::Stopped(why));
                }
                (tries, unreachable, refused) = (0, None, Refused::default());
                continue;
            }
            Err(e) => e,
        };
        if let Some(why) = stop.asked() {
            // it was asked to stop, and something failed on the way: that is no reason to go on
            tracing::warn!(error = error.chain(), "while stopping");
            return Ok(End::Stopped(why));
        }
        if board.state().steps > steps || opened.is_some_and(|at: Instant| at.elapsed() >= STEADY) {
            // it ran, and what failed now is another failure
            (tries, unreachable) = (0, None);
        }
        // staging does not know a value: perhaps production's enum has a label more, and the next look brings it. Once for each place
        if config.apply.ddl == Ddl::Additive && error.is_unread() {
            let at = board.state().applied;
            if refused.unread.replace(at) != Some(at) {
                tracing::info!(error = error.chain(), "looking whether an enum of production has grown");
                continue;
            }
        }
        tries += 1;
        if let Error::Spent { limit, .. } = error {
            given_up |= give_up(&config, &error, limit, board, &mut stop).await;
        }
        let anew = error.is_undecodable() && begins_again(&config, &error, &mut stop).await;
        let one_shot = options.until_caught_up || options.exit_on_stop;
        let wait = match error.kind() {
            _ if anew => backoff(tries),
            Kind::Unavailable => {
                let since = *unreachable.get_or_insert(began);
                if options.until_caught_up && since.elapsed() > REACH {
                    return Err(error);
                }
                let wait = backoff(tries);
                tracing::warn!(error = error.chain(), tries, wait_ms = wait.as_millis() as u64, "trying again");
                board.stands_by(Phase::Retrying(error.chain()), error.about());
                if tries >= TELL && !options.until_caught_up && !is_deaf(&error) {
                    tell(&config, &format!("trying again: {}", error.chain()), &mut stop).await;
                }
                wait
            }
            Kind::Data | Kind::Denied | Kind::Unfit if !one_shot => {
                tracing::error!(error = error.chain(), hint = error.hint(), "held");
                board.stands_by(Phase::Held(error.told()), error.about());
                tell(&config, &error.told(), &mut stop).await;
                LOOK_AGAIN
            }
            _ => return Err(error),
        };
        tokio::select! {
            why = stop.wait() => match why {
                Why::Reread => {
                    stop.rereads();
                    refused = Refused::default();
                    if let Some(read) = reread(files, &config) {
                        (config, lock) = read;
                        audited.rereads();
                    }
                }
                why => return Ok(End::Stopped(why)),
            },
            () = tokio::time::sleep(wait) => {}
            error = watcher.spent(board) => if let Error::Spent { limit, .. } = error {
                given_up |= give_up(&config, &error, limit, board, &mut stop).await;
            },
        }
    }
}

/// Production's server cannot decode its WAL from where our slot begins. It happens to slots that are made while tables are
/// truncated (`could not map filenumber`: of slots made by SQL, without us, under TRUNCATE and savepoints, 5 of 147 on 18.4, 6 of 234 on
/// 15.18, and each stays so for ever); the next slot is another. Gives whether nothing has come of this one yet, so that it is made anew.
async fn begins_again(config: &Config, why: &Error, stop: &mut Stop) -> bool {
    let mut nothing_yet = false;
    write(config, stop, async |db| {
        nothing_yet = checkpoint::intends_again(db, &config.pipeline).await?;
        Ok(())
    })
    .await;
    if nothing_yet {
        tracing::warn!(error = why.chain(), "nothing has come of the slot yet: another is made");
    }
    nothing_yet
}

/// Lets go of production's WAL: drops our slot, after the target was told, if it hears. Gives whether it is gone.
pub(crate) async fn give_up(config: &Config, why: &Error, limit: i64, board: &Board, stop: &mut Stop) -> bool {
    board.stands(Phase::Held(why.told()));
    if !write(config, stop, async |db| checkpoint::drops_slot(db, &config.pipeline).await).await {
        tracing::warn!("the target does not hear that our slot goes");
    }
    drops_slot(config, why, limit, board).await
}

/// Drops our slot, and says what came of it. Gives whether it is gone.
pub(crate) async fn drops_slot(config: &Config, why: &Error, limit: i64, board: &Board) -> bool {
    board.stands(Phase::Held(why.told()));
    tracing::error!(error = why.chain(), hint = why.hint(), "dropping our slot");
    let dropped = async {
        let source = start::ends::production(config)?;
        budget::give_up(&source, &config.pipeline, &config.slot(), limit).await
    };
    match dropped.await {
        Ok(gone) => {
            tracing::warn!(slot = config.slot(), gone, "dropped by its budget");
            board.state().slots_dropped += u64::from(gone);
            gone
        }
        Err(e) => {
            tracing::error!(error = e.chain(), "the slot is not dropped");
            false
        }
    }
}

/// What the files say now; `None`: what they said before holds.
pub(crate) fn reread(files: &Files, before: &Config) -> Option<(Config, Option<Lock>)> {
    let stays = "the files stay as they were read before";
    match files.read() {
        Err(problems) => tracing::error!(error = %problems, "{stays}"),
        Ok((config, _)) if config.pipeline != before.pipeline => {
            tracing::error!(pipeline = config.pipeline, "another pipeline needs a run of its own; {stays}");
        }
        Ok((config, lock)) => {
            for (key, same) in
                [("serve.listen", config.serve == before.serve), ("notify", config.notify == before.notify)]
            {
                if !same {
                    tracing::warn!("{key} takes a restart");
                }
            }
            tracing::info!("read sluice.yaml and sluice.lock again");
            return Some((config, lock));
        }
    }
    None
}

async fn once(
    (config, lock, given_up): (&Config, Option<&Lock>, bool),
    options: Options,
    board: &Board,
    stop: &mut Stop,
    since: &mut Option<Instant>,
    (watcher, refused, audited): (&mut Watcher, &mut Refused, &mut audit::Running),
) -> Result<End, Error> {
    let cancels = Cancels::default();
    let opened = tokio::select! {
        biased;
        why = stop.wait() => {
            cancels.all().await;
            return Ok(End::Stopped(why));
        }
        opened = start::open(config, lock, board, &cancels, (given_up, refused)) => opened,
        spent = watcher.spent(board) => {
            cancels.all().await;
            return Err(spent);
        }
    };
    let (mut pipeline, goal) = opened?;
    if let Some(why) = audited.opened(config, board, stop).await? {
        cancels.all().await;
        return Ok(End::Stopped(why));
    }
    watcher.rests();
    *since = Some(Instant::now());
    tracing::info!(at = %board.state().applied, "running");
    board.works(if pipeline.is_pending() { Phase::Copying } else { Phase::Streaming });
    // a task, and not what this thread waits for: what the reader of the stream has read is then taken on the thread that read it,
    // and each small read of a busy stream does not wake another one
    let ends = options.until_caught_up || config.every.is_some();
    let (goal, mut heard) = (ends.then_some(goal), stop.clone());
    if let Some(goal) = goal {
        // whoever shows it shows what production had now: so much is known, though the stream should never pause
        board.state().lag.mark(goal);
    }
    let mut task = JoinSet::new();
    task.spawn(async move {
        let end = pipeline.run(goal, &mut heard).await;
        if end.is_ok() {
            pipeline.close().await;
        }
        end
    });
    let end = match task.join_next().await {
        Some(Ok(end)) => end,
        Some(Err(e)) => Err(Error::ended("the pipeline's task", &e)),
        None => Err(Error::Bug("the pipeline's task is not there".into())),
    };
    // a table of the target that is met for the first time, or anew
    end.map_err(Error::unfit)
}

/// 100 ms, doubling up to 10 s, with jitter so that many do not come at once.
pub(crate) fn backoff(tries: u32) -> Duration {
    let full = 100u64.saturating_mul(1 << tries.min(7)).min(10_000);
    Duration::from_millis(full / 2 + fastrand::u64(..=full / 2))
}

/// Is it the target that cannot be reached, or is on its way up or down?
fn is_deaf(error: &Error) -> bool {
    matches!(error, Error::Target(sink_postgres::Error::Wire(e)) if e.sqlstate().is_none_or(|s| s.starts_with("57P")))
}

/// Writes on the target why the stream stands still, so that `status` can tell from anywhere. The pipeline takes it back
/// when it goes on.
pub(crate) async fn tell(config: &Config, why: &str, stop: &mut Stop) {
    write(config, stop, async |db| checkpoint::hold(db, &config.pipeline, Some(why)).await).await;
}

/// Writes something into the target's checkpoint, if it can be reached in time. Gives whether it stands there.
async fn write(
    config: &Config,
    stop: &mut Stop,
    what: impl AsyncFnOnce(&mut Connection) -> Result<(), sink_postgres::Error>,
) -> bool {
    // less than HEARD: what nobody waits for any more must not be written later
    let patience = [("lock_timeout", "4s")];
    let note = async {
        let target = start::ends::target_alone(config)?;
        let mut db = start::ends::target(config, &target, "hold", &patience).await?;
        what(&mut db).await?;
        db.close().await;
        Ok::<_, Error>(())
    };
    tokio::select! {
        _ = stop.wait() => false,
        told = tokio::time::timeout(HEARD, note) => match told {
            Ok(Ok(())) => true,
            Ok(Err(e)) => {
                tracing::debug!(error = e.chain(), "the target cannot be told why we stand still");
                false
            }
            Err(_) => {
                tracing::debug!("the target does not hear why we stand still");
                false
            }
        }
    }
}

/// What a stopped run exits with.
pub fn ended(end: End, timeout: Option<Duration>) -> Result<(), Error> {
    match end {
        End::CaughtUp | End::Stopped(Why::Terminate) => Ok(()),
        End::Stopped(Why::Interrupt) => Err(Error::Interrupted),
        // it goes on, and never comes here
        End::Stopped(Why::Reread) => Ok(()),
        End::Stopped(Why::Frozen) => {
            Err(Error::Refused { what: "staging is frozen".into(), hint: "sluice resume ends the freeze".into() })
        }
        End::Stopped(Why::Timeout) => Err(Error::Timeout(timeout.unwrap_or_default())),
    }
}
