//! Is what the slot will send the continuation of what the target has?
//!
//! Each answer other than yes is a refusal that says what happened, what it means, and what mends it. Never silently from
//! "now": START_REPLICATION itself moves a position that is too old forward without a word, and streams nothing from one
//! that lies beyond the end.

use std::collections::BTreeMap;

use filters::change::Lsn;
use sink_postgres::checkpoint::{Checkpoint, Identity};
use wire::Connection;

use super::slot::Slot;
use crate::error::{Doing, Error};

const RESYNC: &str =
    "sluice resync --all makes a new slot and brings staging up to date in chunks; staging stays full meanwhile";

/// Else the next one goes the same way.
const IDLES: &str = "Where sluice may stand still for as long again, first, on the server that has the slot: ALTER SYSTEM SET idle_replication_slot_timeout = 0; SELECT pg_reload_conf();";

/// What is masked under one key finds nothing that is masked under another.
fn another_key(was: &str, now: &str, key: &KeyOf) -> Result<(), Error> {
    let whose = key.environment.as_ref().map_or(String::new(), |name| format!(" (of the environment {name})"));
    let what =
        format!("staging was masked with key {was}, the configured key is {now}{whose}: masked keys would not match");
    let hint = match &key.environment {
        Some(_) if key.bare.as_deref() == Some(was) => {
            format!(
                "it was masked with this key when it was no environment's: masking.environment: '' goes on so; to change it: {RESYNC}"
            )
        }
        Some(name) => format!(
            "configure the old key, or in masking.environment the environment whose it was, if that was not {name}; if it is lost or must change: {RESYNC}"
        ),
        None => format!(
            "configure the old key, or in target.environment the environment whose it was; if it is lost or must change: {RESYNC}"
        ),
    };
    refuse(what, hint)
}

fn refuse(what: impl Into<String>, hint: impl Into<String>) -> Result<(), Error> {
    Err(Error::Refused { what: what.into(), hint: hint.into() })
}

/// Where the masking key of now comes from.
#[derive(Clone, Debug, Default)]
pub struct KeyOf {
    /// The environment that it was derived for.
    pub environment: Option<String>,
    /// Id of the key that it was derived from.
    pub bare: Option<String>,
}

/// Before the slot is taken: what belongs together? `given_up`: a slot that is not there we have dropped ourselves, and nothing
/// is to be continued.
pub async fn before(
    known: Option<&Checkpoint>,
    slot: Option<&Slot>,
    now: &Identity,
    key: &KeyOf,
    target_id: &str,
    given_up: bool,
    replication: &mut Connection,
) -> Result<(), Error> {
    let Some(known) = known else {
        return match slot {
            Some(_) => refuse(
                format!(
                    "slot {} exists on production, but this target has no checkpoint of it: another target follows it, or this one was emptied or restored",
                    now.slot
                ),
                "point target.url at the target that follows it; or, if nobody does, sluice destroy, then run again",
            ),
            None => Ok(()),
        };
    };
    let was = &known.identity;
    if known.target_id != target_id {
        return refuse(
            "the target is a copy of the database that the checkpoint was written in (cloned, or restored elsewhere): the slot belongs to the original",
            "give the copy a pipeline of its own: another `pipeline:` name in its sluice.yaml; if staging has moved here, and the original is given up: sluice moved",
        );
    }
    // no position: `resync --all` has forgotten it, or there never was one; nothing can be continued wrongly
    let Some(lsn) = known.lsn else { return Ok(()) };
    if was.system_id != now.system_id {
        return refuse(
            format!(
                "production is another server (system identifier {} instead of {}): restored by a dump, or source.url points elsewhere",
                now.system_id, was.system_id
            ),
            format!(
                "point source.url at the server that staging was copied from; if production was replaced: {RESYNC}"
            ),
        );
    }
    if was.source_database != now.source_database {
        return refuse(
            format!(
                "source.url names database {} where staging was copied from {}",
                now.source_database, was.source_database
            ),
            format!("mend source.url, or {RESYNC}"),
        );
    }
    if was.mask_key != now.mask_key {
        return another_key(&was.mask_key, &now.mask_key, key);
    }
    let Some(slot) = slot else {
        if given_up {
            return Ok(());
        }
        let why = match was.timeline == now.timeline {
            true => "dropped by hand, or lost in a failover".to_owned(),
            false => format!("it was promoted to timeline {}, and the standby had no copy of the slot", now.timeline),
        };
        return refuse(format!("slot {} is gone from production: {why}", now.slot), RESYNC);
    };
    if !slot.ours {
        return refuse(
            format!("slot {} is not a pgoutput slot of this database", now.slot),
            "drop it, or rename the pipeline",
        );
    }
    if let Some(why) = slot.lost() {
        let hint = if slot.idled() { format!("{RESYNC}. {IDLES}") } else { RESYNC.to_owned() };
        return refuse(format!("slot {} was invalidated: {why}", now.slot), hint);
    }
    let there = publications(&now.publications);
    if publications(&was.publications).iter().any(|(name, oid)| there.get(name) != Some(oid)) {
        return refuse(
            "a publication was dropped and made anew: changes between the two are not in the stream",
            RESYNC,
        );
    }
    if was.timeline != now.timeline {
        same_history(replication, was.timeline, now.timeline, lsn).await?;
    }
    Ok(())
}

/// After the slot is ours, and looked at after the target was taken over (a predecessor may have moved both until then):
/// does it stand where the target stands, and has production not gone back? `end`: of the WAL of production's primary, where a standby has
/// the slot: that one may just not be there yet.
pub fn after(at: Lsn, slot: Option<&Slot>, end: Option<Lsn>) -> Result<(), Error> {
    let Some(slot) = slot else { return refuse("the slot went away while it was taken", RESYNC) };
    if slot.confirmed > at {
        return refuse(
            format!(
                "the slot was confirmed up to {}, the target stands at {at}: the target was restored from a backup, or is a copy of one that has gone on; or the slot was made anew or moved by hand; what lies between is not sent again",
                slot.confirmed
            ),
            format!(
                "{RESYNC}. If another staging follows this slot, give this one a pipeline of its own instead: another `pipeline:` name in its sluice.yaml"
            ),
        );
    }
    let end = end.unwrap_or(slot.flushed);
    if end < at {
        return refuse(
            format!(
                "production's WAL ends at {end}, the target stands at {at}: production was restored to an earlier time, and staging has changes that it no longer knows"
            ),
            RESYNC,
        );
    }
    Ok(())
}

/// A promoted server: its history must contain the target's position.
async fn same_history(replication: &mut Connection, was: i32, now: i32, at: Lsn) -> Result<(), Error> {
    // a timeline's number is higher than those it descends from; and the first has no history that one could read
    let text = if now < was {
        String::new()
    } else {
        let rows = replication.simple(&format!("TIMELINE_HISTORY {now}")).await.doing("read the timeline's history")?;
        rows.first().and_then(|r| r.get(0, 1)).unwrap_or_default().to_owned()
    };
    let switch = text.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        (words.next()?.parse() == Ok(was)).then(|| words.next()?.parse::<Lsn>().ok())?
    });
    match switch {
        Some(switch) if switch >= at => {
            tracing::info!(was, now, switch = %switch, "production was promoted; its history contains our position");
            Ok(())
        }
        Some(switch) => refuse(
            format!(
                "production was promoted to timeline {now} at {switch}, the target stands at {at}: staging has changes that production lost"
            ),
            RESYNC,
        ),
        None => refuse(
            format!("production's timeline {now} does not descend from timeline {was}, which staging was copied from"),
            RESYNC,
        ),
    }
}

/// The publications of a fingerprint.
pub fn publication_names(text: &str) -> impl Iterator<Item = String> {
    publications(text).into_keys()
}

/// Name and OID of each publication.
fn publications(text: &str) -> BTreeMap<String, u32> {
    text.lines().filter_map(|l| serde_json::from_str::<(String, u32)>(l).ok()).collect()
}

/// Tables whose entry in a publication was made after the checkpoint was placed, for the first time or anew: they are
/// pending, and wait for the transactions that were open. (That the target knows the table already proves nothing: a
/// kill may have come between that and noting what it waits for.)
pub fn rejoined(was: &str, now: &str) -> Vec<(String, String)> {
    let entries = |text: &str| -> BTreeMap<(String, String), u32> {
        let entry = |l: &str| serde_json::from_str::<(String, u32, String, String)>(l).ok();
        text.lines().filter_map(entry).map(|(_, oid, schema, name)| ((schema, name), oid)).collect()
    };
    let was = entries(was);
    entries(now).into_iter().filter(|(table, oid)| was.get(table) != Some(oid)).map(|(table, _)| table).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_hold_any_character() {
        let was = "[\"p\",7]\n[\"p\",8,\"a.b\",\"c \\\"d\\\"\\n\\te\"]\n[\"p\",9,\"public\",\"t\"]";
        let now = was.replace(",8,", ",18,");
        assert_eq!(publication_names(was).collect::<Vec<_>>(), ["p"]);
        assert_eq!(rejoined(was, was), []);
        assert_eq!(rejoined(was, &now), [("a.b".to_owned(), "c \"d\"\n\te".to_owned())]);
        assert_eq!(publications(was), publications(&now), "its entries are no publications");
    }
}
