//! Where slot and stream are to be a standby's: is it one, of the primary that is named beside it, and are both on one timeline?
//!
//! What follows from that, and why it has to be asked again and again, says [`crate::source::standby`].

use std::time::{Duration, Instant};

use wire::Connection;

use super::{ends, recognise};
use crate::config::Config;
use crate::error::{Doing, Error};
use crate::source::servers::Primary;
use crate::source::standby::Standby;
use crate::source::{Servers, slot};

/// The first major in which a standby has logical slots.
pub const SINCE: u32 = 160_000;
/// A standby that has yet to follow its primary to a new timeline is waited for.
const FOLLOWS: Duration = Duration::from_secs(10);
const AGAIN: Duration = Duration::from_millis(250);

/// Opens the session that is asked from here on, and gives the primary as it was recognised. `None`: one server is both.
///
/// `followed`: the pipeline has run before, so that servers may be amid a failover, and nobody is before the screen.
pub async fn open(
    config: &Config,
    source: &Servers,
    watch: &mut Connection,
    followed: bool,
) -> Result<Option<(Standby, Primary)>, Error> {
    recognise::primary(watch, source, followed).await?;
    if !source.is_split() {
        return Ok(None);
    }
    let mut look = ends::source(config, &source.stream, "standby", &[]).await?;
    let (primary, mut standby) = recognised(config, source, watch, &mut look).await?;
    standby.expect(&mut look).await?;
    look.close().await;
    let began = Instant::now();
    while standby.system.timeline != primary.timeline {
        let (theirs, its) = (standby.system.timeline, primary.timeline);
        if began.elapsed() > FOLLOWS {
            return Err(apart(theirs, its, followed));
        }
        tokio::time::sleep(AGAIN).await;
        standby.identify().await?;
    }
    // a slot of ours on the primary is one from before: it holds WAL there, and stands where staging stood then
    if slot::look(watch, &config.slot()).await.doing("look at the slot")?.is_some() {
        return Err(Error::Refused {
            what: format!(
                "slot {} is on the primary, where source.url names a standby for it: it was made when there was no source.primary_url, and holds WAL there",
                config.slot()
            ),
            hint: "sluice resync --all drops it and begins anew with one on the standby, staging stays full meanwhile; or go on as before: the primary in source.url, and no source.primary_url".into(),
        });
    }
    Ok(Some((standby, primary)))
}

/// What a standby must be, whoever asks: in recovery, of the same cluster, of a major that has slots there, for the same database. The
/// timelines are not compared yet.
pub async fn recognised(
    config: &Config,
    source: &Servers,
    data: &mut Connection,
    stream: &mut Connection,
) -> Result<(Primary, Standby), Error> {
    let refuse = |what: String, hint: &str| Err(Error::Refused { what, hint: hint.to_owned() });
    let major = stream.server_version() / 10_000;
    if stream.server_version() < SINCE || data.server_version() < SINCE {
        return refuse(
            format!(
                "production is PostgreSQL {major}, and source.primary_url takes 16 or later: before that no standby has slots"
            ),
            "the primary in source.url, without source.primary_url",
        );
    }
    let sql = "SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.current_database(), (SELECT system_identifier FROM pg_catalog.pg_control_system())";
    let rows = stream.simple(sql).await.doing("look at the standby")?;
    let text = |i: usize| rows.first().and_then(|r| r.get(0, i)).unwrap_or_default();
    let Some(primary) = Primary::of(data).await? else {
        return refuse(
            "source.primary_url is a standby itself".into(),
            "name the primary there, or all hosts that it can be at, with commas between",
        );
    };
    if text(2) != primary.system {
        return refuse(
            format!(
                "source.url and source.primary_url are two clusters (system identifiers {} and {})",
                text(2),
                primary.system
            ),
            "source.url must name a physical standby of the server that source.primary_url names",
        );
    }
    if text(0) != "t" {
        return refuse(
            "source.url is no standby, and there is a source.primary_url: it was promoted, or is the primary".into(),
            "if it is production now: take source.primary_url out, and sluice goes on from where staging stands. If the server of source.primary_url is: another standby of it in source.url, then sluice resync --all",
        );
    }
    if text(1) != source.data.database() {
        return refuse(
            format!(
                "source.url names database {}, and source.primary_url database {}",
                source.stream.database(),
                source.data.database()
            ),
            "the same one in both",
        );
    }
    let standby = Standby::open(&source.stream, &config.pipeline).await?;
    Ok((primary, standby))
}

/// Not on one timeline, though it was waited for.
pub fn apart(standby: i32, primary: i32, followed: bool) -> Error {
    let what = match standby < primary {
        true => format!(
            "the standby of source.url replays timeline {standby}, and source.primary_url writes timeline {primary}: it has not followed yet, or never will"
        ),
        false => format!(
            "the standby of source.url replays timeline {standby}, and source.primary_url writes timeline {primary}: it follows another server, which was promoted"
        ),
    };
    if followed {
        return Error::NotYet(what);
    }
    Error::Refused {
        what,
        hint: "source.primary_url must name the server that the standby follows (SELECT sender_host, sender_port FROM pg_stat_wal_receiver; there)".into(),
    }
}
