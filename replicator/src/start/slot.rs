//! The slot, made where it is to be, and its position, waited for where a standby has yet to replay it.

use std::time::Duration;

use filters::change::Lsn;
use wire::{Connection, Error as Wire};

use crate::error::{Doing, Error};
use crate::source::standby::{Patience, Standby};
use crate::source::{slot, wal};

/// A standby may take this long to replay what its primary has written.
const REPLAYS: Duration = Duration::from_secs(60);
/// And this long to make the slot: longer than most transactions that it waits for.
const MADE: Duration = Duration::from_secs(600);
/// The primary is asked this often to write down which transactions run.
const HINT: Duration = Duration::from_millis(500);

/// Makes it; gives the position from which it streams. On a standby not before the publications are there, which were made on the
/// primary just now: a slot that is older than they are cannot be read through them.
pub async fn make(
    name: &str,
    publications: &str,
    replication: &mut Connection,
    watch: &mut Connection,
    standby: Option<&Standby>,
) -> Result<Lsn, Error> {
    let Some(standby) = standby else { return slot::create(replication, name, false).await.doing("create the slot") };
    let written = wal::nudge(watch).await?;
    if !standby.reaches(written, &mut Patience::of(REPLAYS)).await? {
        return Err(Error::NotYet(format!(
            "the standby of source.url has not replayed {written}, where the publications are: its replay stands still, or is far behind"
        )));
    }
    // what was made there just now a server that follows another than this primary has not, or has by other numbers
    if standby.fingerprint(publications).await? != publications {
        return Err(Error::Refused {
            what: "the standby of source.url does not show the publications of source.primary_url, though it has replayed as far: it follows another server, of which one of the two is a copy".into(),
            hint: "source.primary_url must name the server that the standby follows (SELECT sender_host, sender_port FROM pg_stat_wal_receiver; there)".into(),
        });
    }
    let mut made = std::pin::pin!(tokio::time::timeout(MADE, slot::create(replication, name, true)));
    let mut may = true;
    loop {
        // not beside it in a task of its own: a question that nobody waits for any more would leave its answer behind
        may = hasten(watch, may).await?;
        tokio::select! {
            made = &mut made => return match made {
                Ok(made) => made.doing("create the slot"),
                Err(_) => Err(Error::NotYet(format!(
                    "the standby of source.url has not made slot {name} within {} s: a transaction is open on production, or its replay stands still",
                    MADE.as_secs()
                ))),
            },
            () = tokio::time::sleep(HINT) => {}
        }
    }
}

/// A standby cannot see which transactions run on its primary, and makes no slot before it is told: the primary writes it down by itself every
/// 15 s where something is written at all, and at once for whom may ask it to. Gives whether we may.
async fn hasten(watch: &mut Connection, may: bool) -> Result<bool, Error> {
    if may {
        match watch.simple("SELECT pg_catalog.pg_log_standby_snapshot()").await {
            Ok(_) => return Ok(true),
            Err(Wire::Server(e)) if e.sqlstate == "42501" => tracing::info!(
                "making the slot on the standby may take a while: our role may not call pg_log_standby_snapshot() on the primary, which would hasten it"
            ),
            Err(e) => return Err(e).doing("hasten the slot"),
        }
    }
    // so that something is written
    wal::nudge(watch).await?;
    Ok(false)
}

/// Waits until the standby has replayed up to where the stream begins: from beyond its end a stream would be silent, and look like one
/// that has nothing to tell. What the *primary* does not have is not waited for: that is refused later, for what it is.
pub async fn is_there(from: Lsn, watch: &mut Connection, standby: &Standby) -> Result<(), Error> {
    let replayed = standby.replayed().await?;
    if replayed >= from || wal::end(watch).await? < from {
        return Ok(());
    }
    tracing::info!(at = %from, %replayed, "staging is ahead of the standby's replay, which is waited for");
    match standby.reaches(from, &mut Patience::of(REPLAYS)).await? {
        true => Ok(()),
        false => Err(Error::NotYet(format!(
            "the standby of source.url has not replayed {from}, where staging stands: its replay stands still, or is far behind"
        ))),
    }
}
