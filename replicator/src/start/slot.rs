//! The slot, made where it is to be, and its position, waited for where a standby has yet to replay it.

use std::time::{Duration, Instant};

use filters::change::Lsn;
use wire::{Connection, Error as Wire};

use crate::error::{Doing, Error};
use crate::source::standby::{Patience, Standby};
use crate::source::{Servers, production, slot, wal};

/// A standby may take this long to replay what its primary has written.
const REPLAYS: Duration = Duration::from_secs(60);
/// And this long to make the slot: longer than most transactions that it waits for.
const MADE: Duration = Duration::from_secs(600);
/// The primary is asked this often to write down which transactions run.
const HINT: Duration = Duration::from_millis(500);
/// What sees no more than it sees now, and keeps what it sees.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// Makes it on the server that is both; gives the position from which it streams.
pub async fn make(name: &str, replication: &mut Connection) -> Result<Lsn, Error> {
    slot::create(replication, name, false).await.doing("create the slot")
}

/// Makes it on a standby. Two things can go wrong there that cannot on the primary:
///
/// - **The publications are not there yet**, which were made on the primary just now: a slot that is older than they are cannot be read through
///   them. So the standby first replays what the primary has written by now.
/// - **The primary does not know yet which rows of its catalog the slot needs.** The standby tells it every
///   `wal_receiver_status_interval`, 10 s by default, and what a busy primary prunes before costs the slot: with that interval at 1 s, two of eight
///   were lost within a second. So a snapshot on the primary keeps those rows until it has heard. It was taken before a
///   position that the standby replays before it makes the slot, so the slot needs none that are older.
pub async fn make_on_standby(
    (name, publications): (&str, &str),
    source: &Servers,
    pipeline: &str,
    replication: &mut Connection,
    watch: &mut Connection,
    standby: &Standby,
) -> Result<Lsn, Error> {
    let mut keeper = production::reader(&source.data, pipeline, "slot", &[]).await?;
    slot::one_server(watch, &mut keeper).await?;
    keeper
        .simple(&format!("{BEGIN}; SELECT pg_catalog.pg_current_snapshot()"))
        .await
        .doing("keep the catalog's rows")?;
    replays(watch, standby, "where the publications are").await?;
    // what was made there just now a server that follows another than this primary has not, or has by other numbers
    if standby.fingerprint(publications).await? != publications {
        return Err(Error::Refused {
            what: "the standby of source.url does not show the publications of source.primary_url, though it has replayed as far: it follows another server, of which one of the two is a copy".into(),
            hint: "source.primary_url must name the server that the standby follows (SELECT sender_host, sender_port FROM pg_stat_wal_receiver; there)".into(),
        });
    }
    let at = made(name, replication, watch, &mut keeper).await?;
    heard(name, watch, &mut keeper, standby).await?;
    // what was pruned before it had heard is behind us then
    replays(watch, standby, "behind the slot").await?;
    keeper.simple("COMMIT").await.doing("keep the catalog's rows")?;
    keeper.close().await;
    match standby.slot(name).await? {
        Some(slot) if slot.lost().is_none() => Ok(at),
        _ => Err(Error::NotYet(format!("slot {name} was lost while it was made on the standby: another is made"))),
    }
}

/// Waits until the standby has replayed what the primary has written by now.
async fn replays(watch: &mut Connection, standby: &Standby, what: &str) -> Result<(), Error> {
    let written = wal::nudge(watch).await?;
    match standby.reaches(written, &mut Patience::of(REPLAYS)).await? {
        true => Ok(()),
        false => Err(Error::NotYet(format!(
            "the standby of source.url has not replayed {written}, {what}: its replay stands still, or is far behind"
        ))),
    }
}

async fn made(
    name: &str,
    replication: &mut Connection,
    watch: &mut Connection,
    keeper: &mut Connection,
) -> Result<Lsn, Error> {
    let mut made = std::pin::pin!(tokio::time::timeout(MADE, slot::create(replication, name, true)));
    let mut may = true;
    loop {
        // not beside it in a task of its own: a question that nobody waits for any more would leave its answer behind
        may = hasten(watch, may).await?;
        keeper.simple("SELECT").await.doing("keep the catalog's rows")?;
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

/// Waits until the primary has heard which rows of its catalog the slot needs. Its slot for the standby shows it; where there is none (the standby
/// has no `primary_slot_name`, or follows another standby) the interval has to do.
async fn heard(name: &str, watch: &mut Connection, keeper: &mut Connection, standby: &Standby) -> Result<(), Error> {
    let tells = standby.tells(name).await?;
    let Some(every) = tells.every else {
        tracing::warn!(
            "hot_standby_feedback is off on the standby of source.url: the primary may remove rows of its catalog that our slot needs, and it is lost then"
        );
        return Ok(());
    };
    let (began, most) = (Instant::now(), 2 * every + Duration::from_secs(5));
    let sql = "SELECT 1 FROM pg_catalog.pg_replication_slots WHERE slot_name = $1 AND slot_type = 'physical'
        AND pg_catalog.age(catalog_xmin) >= pg_catalog.age($2::xid)";
    while began.elapsed() < most {
        let heard =
            watch.query(sql, &[Some(&tells.through), Some(&tells.needs)]).await.doing("look at the standby's slot")?;
        if !heard.is_empty() {
            return Ok(());
        }
        keeper.simple("SELECT").await.doing("keep the catalog's rows")?;
        tokio::time::sleep(HINT).await;
    }
    tracing::info!("the primary does not show that it has heard what our slot on the standby needs");
    Ok(())
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
