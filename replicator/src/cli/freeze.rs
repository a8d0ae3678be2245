//! `sluice freeze` and `sluice resume`: a row on the target, which whoever runs sees within a second ([`sink_postgres::freeze`]).
//!
//! Nothing is asked of production, so both work where production cannot be reached, and where a topic lies between.

use std::time::{Duration, Instant};

use serde_json::json;
use sink_postgres::freeze::{self, Freeze as Frozen, Until};
use sink_postgres::{checkpoint, schema};
use wire::Connection;

use super::args::{Args, Freeze};
use super::print;
use crate::audit;
use crate::config::{Config, Problem};
use crate::error::Error;
use crate::start;
use crate::who;

/// It is looked at this often.
const LOOK: Duration = Duration::from_millis(100);

/// Asks for it, and waits until staging stands.
pub async fn run(args: &Args, verb: &Freeze) -> Result<(), Error> {
    let (config, mut db) = open(args).await?;
    let before = freeze::read(&mut db, &config.pipeline).await?;
    let until = match (&verb.until, verb.length) {
        (Some(at), _) => Until::Moment(at.clone()),
        (None, Some(length)) => Until::For(length),
        (None, None) => Until::Resumed,
    };
    let who = format!("{}@{}", who::os_user(), who::host());
    let asked = json!({ "until": verb.until, "for_seconds": verb.length.map(|length| length.as_secs()), "reason": verb.reason.trim() });
    let begun = audit::kept(&config, &mut db, "freeze", asked, async |db| {
        Ok(freeze::begin(db, &config.pipeline, &until, &who, verb.reason.trim()).await?)
    });
    let Some(frozen) = begun.await? else {
        let problem = Problem::new("--until", "that has passed already, by the target's clock; nothing was changed");
        return Err(Error::Config(problem.into()));
    };
    match before {
        Some(before) => eprintln!("frozen {}; it was {}", frozen.said(), before.said()),
        None => eprintln!("frozen {}", frozen.said()),
    }
    let (frozen, running) = stands(&config, &mut db, verb.timeout).await?;
    db.close().await;
    let Some(at) = frozen.at else {
        eprintln!(
            "staging does not stand yet; the freeze holds, and it stands once what is under way has ended (sluice status)"
        );
        return Err(Error::Timeout(verb.timeout));
    };
    eprintln!(
        "staging stands at {at} since {}{}{}",
        frozen.stands_since.as_deref().unwrap_or_default(),
        if running { "" } else { "; no sluice applies now, and one that starts waits" },
        if frozen.consistent {
            ""
        } else {
            "; not all of it is as production had it there: something is pending, or in quarantine"
        },
    );
    print::data(format_args!("{at}\n"))
}

/// Ends it.
pub async fn resume(args: &Args) -> Result<(), Error> {
    let (config, mut db) = open(args).await?;
    let was =
        audit::kept(&config, &mut db, "resume", json!({}), async |db| Ok(freeze::end(db, &config.pipeline).await?))
            .await?;
    let running = freeze::is_applied(&mut db, &config.pipeline).await?;
    db.close().await;
    match was {
        None => eprintln!("staging is not frozen; nothing was changed"),
        Some((was, true)) => eprintln!("the freeze was over already: {}", was.said()),
        Some((was, false)) => {
            eprintln!("resumed; it was frozen {}", was.said());
            eprintln!(
                "{}",
                match running {
                    true => "The running sluice goes on within a second or two",
                    false => "No sluice is running; the next sluice run goes on",
                }
            );
        }
    }
    Ok(())
}

/// A session on a target that knows the pipeline.
async fn open(args: &Args) -> Result<(Config, Connection), Error> {
    let (config, _) = super::load(args)?;
    let target = start::ends::target_alone(&config)?;
    let mut db = start::ends::target(&config, &target, "freeze", &[("lock_timeout", "10s")]).await?;
    let known = schema::is_there(&mut db).await? && checkpoint::read(&mut db, &config.pipeline).await?.is_some();
    if !known {
        let what = format!("pipeline {} has not run into this target yet: it stands still anyway", config.pipeline);
        return Err(Error::Config(Problem::new("", what).hint("sluice run").into()));
    }
    schema::ensure(&mut db).await?;
    Ok((config, db))
}

/// The freeze once staging stands, or as it is when the time is over; and whether somebody applies.
async fn stands(config: &Config, db: &mut Connection, patience: Duration) -> Result<(Frozen, bool), Error> {
    let began = Instant::now();
    loop {
        let running = freeze::is_applied(db, &config.pipeline).await?;
        if !running {
            // whoever opens a session from here on sees the freeze first
            freeze::stands(db, &config.pipeline).await?;
        }
        let Some(frozen) = freeze::read(db, &config.pipeline).await? else {
            return Err(Error::Refused {
                what: "the freeze is over: its time has passed, or somebody has resumed".into(),
                hint: "sluice freeze begins another".into(),
            });
        };
        if frozen.at.is_some() || began.elapsed() >= patience {
            return Ok((frozen, running));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What makes something due says it: nothing of that comes before the end of a freeze.
pub async fn said(config: &Config, db: &mut Connection) -> Result<(), Error> {
    if let Some(frozen) = freeze::read(db, &config.pipeline).await? {
        eprintln!("staging is frozen {}: nothing of it comes before that is over", frozen.said());
    }
    Ok(())
}
