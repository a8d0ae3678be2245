//! Where the target stands: one row of `sluice.checkpoint` per pipeline.
//!
//! **The argument for exactly-once.** The checkpoint moves in the transaction of the rows, only from where it stood, and
//! only under our epoch:
//!
//! - [`take`] is an `UPDATE … SET epoch = epoch + 1`, so it waits for the row lock of a predecessor whose client was
//!   killed but whose backend may still commit; what we read afterwards includes that commit.
//! - Each batch begins with `UPDATE … SET lsn = new WHERE epoch = ours AND lsn = after`. It touches one row, or somebody
//!   else has taken over (or the batch is not the next one), and nothing of the batch is committed.
//! - So a batch is applied if and only if the checkpoint says so, whatever is killed, and a second replicator is fenced by
//!   the first statement that it runs. No superuser, no extension: one row, one lock.
//!
//! Production hears an LSN only when a *synchronous* commit of this database has returned after it ([`crate::sink`]).

use filters::change::Lsn;
use wire::{Connection, Rows};

use crate::error::Error;

/// What the checkpoint belongs to. Kept with it, and compared at every start.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Identity {
    /// Production's system identifier.
    pub system_id: String,
    /// Its timeline.
    pub timeline: i32,
    /// Its database.
    pub source_database: String,
    /// The slot's name.
    pub slot: String,
    /// Publications and their tables, names and OIDs, one a line.
    pub publications: String,
    /// Short id of the masking key.
    pub mask_key: String,
    /// Fingerprint of the policy.
    pub policy: String,
}

/// The checkpoint as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Production's position that the target shows. `None`: an intent; the slot is about to be made, or was, and nothing
    /// has been applied.
    pub lsn: Option<Lsn>,
    /// Whose turn it is.
    pub epoch: i64,
    /// Every applied transaction below it is known to be visible on production.
    pub xid_seen: u64,
    /// No transaction above it has been applied.
    pub xid_max: u64,
    /// What it belongs to.
    pub identity: Identity,
    /// The database that it was written in.
    pub target_id: String,
    /// Where its topic is read on; `None`: it follows none.
    pub read_on: Option<i64>,
}

/// What a checkpoint belongs to, as columns; their values are [`belongs`]'s.
const BELONGS: &str = "system_id, timeline, source_database, slot, publications, mask_key, policy, target_id";
const VALUES: &str = "$2::text, $3::int, $4::text, $5::text, $6::text, $7::text, $8::text, $9::text";

/// The pipeline's name for `$1`, and [`VALUES`].
fn belongs<'a>(pipeline: &'a str, i: &'a Identity, timeline: &'a str, target: &'a str) -> [Option<&'a str>; 9] {
    [pipeline, &i.system_id, timeline, &i.source_database, &i.slot, &i.publications, &i.mask_key, &i.policy, target]
        .map(Some)
}

fn columns() -> String {
    // (by its name: a target of an earlier version has no such column before `run` has added it)
    format!("lsn, epoch, xid_seen, xid_max, {BELONGS}, pg_catalog.to_jsonb(checkpoint) ->> 'read_on'")
}

fn parse(rows: &Rows) -> Option<Checkpoint> {
    let text = |i: usize| rows.get(0, i).map(str::to_owned);
    Some(Checkpoint {
        lsn: text(0).and_then(|l| l.parse().ok()),
        epoch: text(1)?.parse().ok()?,
        xid_seen: text(2)?.parse().ok()?,
        xid_max: text(3)?.parse().ok()?,
        identity: Identity {
            system_id: text(4)?,
            timeline: text(5)?.parse().ok()?,
            source_database: text(6)?,
            slot: text(7)?,
            publications: text(8)?,
            mask_key: text(9)?,
            policy: text(10)?,
        },
        target_id: text(11)?,
        read_on: text(12).and_then(|offset| offset.parse().ok()),
    })
}

/// Looks without taking over.
pub async fn read(db: &mut Connection, pipeline: &str) -> Result<Option<Checkpoint>, Error> {
    let sql = format!("SELECT {} FROM sluice.checkpoint WHERE pipeline = $1", columns());
    Ok(parse(&db.query(&sql, &[Some(pipeline)]).await?))
}

/// Writes the intent to make a slot, before it is made: a kill in between is then no mystery.
pub async fn intend(db: &mut Connection, pipeline: &str, identity: &Identity) -> Result<(), Error> {
    let (timeline, target) = (identity.timeline.to_string(), target_id(db).await?);
    let sql = format!(
        "INSERT INTO sluice.checkpoint (pipeline, epoch, {BELONGS}) VALUES ($1, 0, {VALUES}) ON CONFLICT (pipeline) DO NOTHING"
    );
    db.execute(&sql, &belongs(pipeline, identity, &timeline, &target)).await?;
    Ok(())
}

/// Takes over: waits for whoever still holds the row, fences him, and says where the target stands.
pub async fn take(db: &mut Connection, pipeline: &str) -> Result<Checkpoint, Error> {
    let sql = format!(
        "UPDATE sluice.checkpoint SET epoch = epoch + 1, reread = false, updated_at = pg_catalog.now() WHERE pipeline = $1 RETURNING {}",
        columns()
    );
    parse(&db.query(&sql, &[Some(pipeline)]).await?)
        .ok_or_else(|| Error::Fenced(format!("the checkpoint of pipeline {pipeline} is gone from the target")))
}

/// Sets the position once the slot is there, and what the checkpoint belongs to.
pub async fn place(
    db: &mut Connection,
    pipeline: &str,
    epoch: i64,
    lsn: Lsn,
    identity: &Identity,
) -> Result<(), Error> {
    let (timeline, target) = (identity.timeline.to_string(), target_id(db).await?);
    let (lsn, epoch) = (lsn.to_string(), epoch.to_string());
    let sql = format!(
        "UPDATE sluice.checkpoint SET ({BELONGS}) = ({VALUES}), lsn = $10::pg_lsn, slot_dropped = NULL, updated_at = pg_catalog.now()
         WHERE pipeline = $1 AND epoch = $11::bigint"
    );
    let mut params = belongs(pipeline, identity, &timeline, &target).to_vec();
    params.extend([Some(lsn.as_str()), Some(epoch.as_str())]);
    let moved = db.execute(&sql, &params).await?;
    match moved {
        1 => Ok(()),
        _ => Err(Error::Fenced(format!("another sluice has taken over pipeline {pipeline}"))),
    }
}

/// Says where the topic is read on, once: from then on each batch does.
pub async fn reads_on(db: &mut Connection, pipeline: &str, epoch: i64, offset: i64) -> Result<(), Error> {
    let sql = "UPDATE sluice.checkpoint SET read_on = $3::bigint WHERE pipeline = $1 AND epoch = $2::bigint";
    match db.execute(sql, &[Some(pipeline), Some(&epoch.to_string()), Some(&offset.to_string())]).await? {
        1 => Ok(()),
        _ => Err(Error::Fenced(format!("another sluice has taken over pipeline {pipeline}"))),
    }
}

/// Notes that the slot is about to be dropped, because it held more of production's WAL than it may: what follows it then is
/// no mystery. Taken back when a position is placed.
pub async fn drops_slot(db: &mut Connection, pipeline: &str) -> Result<(), Error> {
    let sql = "UPDATE sluice.checkpoint SET slot_dropped = pg_catalog.now() WHERE pipeline = $1 AND lsn IS NOT NULL";
    db.execute(sql, &[Some(pipeline)]).await?;
    Ok(())
}

/// When that was, if it was; of a schema that an earlier version made, never.
pub async fn slot_dropped(db: &mut Connection, pipeline: &str) -> Result<Option<String>, Error> {
    let sql = "SELECT pg_catalog.to_jsonb(c) ->> 'slot_dropped' FROM sluice.checkpoint c WHERE pipeline = $1";
    Ok(db.query(sql, &[Some(pipeline)]).await?.get(0, 0).map(str::to_owned))
}

/// Goes back to the intent to make a slot, if nothing has come of the one that there is: no range of any table was ever loaded, so all
/// of them are pending, every change was skipped, and another slot misses nothing. Gives whether it was so.
pub async fn intends_again(db: &mut Connection, pipeline: &str) -> Result<bool, Error> {
    let sql = "UPDATE sluice.checkpoint SET lsn = NULL WHERE pipeline = $1 AND lsn IS NOT NULL
        AND EXISTS (SELECT FROM sluice.tables t WHERE t.pipeline = $1)
        AND NOT EXISTS (SELECT FROM sluice.tables t WHERE t.pipeline = $1 AND (t.copied_at IS NOT NULL OR NOT EXISTS (
          SELECT FROM sluice.pending p WHERE (p.pipeline, p.schema, p.name) = (t.pipeline, t.schema, t.name)
            AND p.point IS NULL AND p.columns IS NULL)))";
    Ok(db.query(sql, &[Some(pipeline)]).await?.affected() == 1)
}

/// Says why the stream stands still; `None`: it does not.
pub async fn hold(db: &mut Connection, pipeline: &str, why: Option<&str>) -> Result<(), Error> {
    db.execute(
        "UPDATE sluice.checkpoint SET hold = $2 WHERE pipeline = $1 AND hold IS DISTINCT FROM $2::text",
        &[Some(pipeline), why],
    )
    .await?;
    Ok(())
}

/// Asks whoever runs the pipeline to read its files again.
pub async fn reread(db: &mut Connection, pipeline: &str) -> Result<(), Error> {
    let sql = "UPDATE sluice.checkpoint SET reread = true WHERE pipeline = $1";
    db.execute(sql, &[Some(pipeline)]).await?;
    Ok(())
}

/// Forgets the position: the slot is about to be made anew, and everything is pending. Fences whoever runs.
pub async fn forget(db: &mut Connection, pipeline: &str) -> Result<(), Error> {
    let p = wire::quote_literal(pipeline);
    db.simple(&format!(
        "BEGIN; UPDATE sluice.checkpoint SET epoch = epoch + 1, lsn = NULL, xid_seen = 0, xid_max = 0, hold = NULL WHERE pipeline = {p};
         DELETE FROM sluice.pending WHERE pipeline = {p};
         DELETE FROM sluice.quarantine WHERE pipeline = {p};
         UPDATE sluice.tables SET wait_xid = NULL WHERE pipeline = {p};
         INSERT INTO sluice.pending (pipeline, schema, name) SELECT pipeline, schema, name FROM sluice.tables WHERE pipeline = {p}; COMMIT"
    ))
    .await?;
    Ok(())
}

/// Writes that the position is this database's own, whosever copy it is. Fences whoever runs.
pub async fn moved(db: &mut Connection, pipeline: &str) -> Result<(), Error> {
    let target = target_id(db).await?;
    let sql = "UPDATE sluice.checkpoint SET target_id = $2, epoch = epoch + 1 WHERE pipeline = $1";
    db.execute(sql, &[Some(pipeline), Some(&target)]).await?;
    Ok(())
}

/// Which database this is: cluster and database OID. A copy of the database, or one restored elsewhere, has another.
pub async fn target_id(db: &mut Connection) -> Result<String, Error> {
    let rows = db
        .query(
            "SELECT (SELECT system_identifier FROM pg_catalog.pg_control_system())::text || '/' || oid::text
             FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()",
            &[],
        )
        .await?;
    rows.get(0, 0).map(str::to_owned).ok_or_else(|| Error::Bug("pg_database has no row for us".into()))
}
