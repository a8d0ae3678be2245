//! Is this the production and the staging that belong together, and what stands there already?
//!
//! Nothing is made on production before this has said yes.

use sink_postgres::checkpoint::{self, Checkpoint, Identity};
use wire::Connection;

use super::Plan;
use crate::config::Config;
use crate::error::{Doing, Error};
use crate::source::slot::{self, Slot};
use crate::source::standby::Standby;
use crate::source::{Servers, continuity, publication};

/// What was recognised.
pub struct Recognised {
    /// What the checkpoint is to belong to from here on.
    pub identity: Identity,
    /// The publications that the stream reads.
    pub publications: Vec<String>,
    /// Are they another's? Then they stay as they are.
    pub adopted: bool,
    /// The slot, while it may still be somebody else's.
    pub slot: Option<Slot>,
    /// We have dropped the slot ourselves, because it held too much: the position is to be forgotten.
    pub anew: bool,
}

/// Compares what the checkpoint belongs to with what is there.
pub async fn recognise(
    config: &Config,
    plan: &Plan,
    (watch, standby): (&mut Connection, Option<&Standby>),
    staging: &mut Connection,
    replication: &mut Connection,
    given_up: bool,
) -> Result<Recognised, Error> {
    let known = checkpoint::read(staging, &config.pipeline).await?;
    let adopted = known.as_ref().and_then(|k| adopted(config, k));
    let is_adopted = adopted.is_some();
    let publications = adopted.map_or_else(|| wanted(config, plan), |name| vec![name]);
    let identity = identity(plan, &config.slot(), &publications, watch, replication).await?;
    let slot = match standby {
        Some(standby) => standby.slot(&identity.slot).await?,
        None => slot::look(watch, &identity.slot).await.doing("look at the slot")?,
    };
    let target_id = checkpoint::target_id(staging).await?;
    let found = slot.as_ref();
    continuity::before(known.as_ref(), found, &identity, &plan.key_of, &target_id, given_up, replication).await?;
    let anew = given_up && slot.is_none() && known.is_some_and(|known| known.lsn.is_some());
    Ok(Recognised { identity, publications, adopted: is_adopted, slot, anew })
}

/// What a checkpoint that is written now belongs to.
pub async fn identity(
    plan: &Plan,
    slot: &str,
    publications: &[String],
    watch: &mut Connection,
    replication: &mut Connection,
) -> Result<Identity, Error> {
    let system = slot::identify(replication).await.doing("identify the server")?;
    Ok(Identity {
        system_id: system.id,
        timeline: system.timeline,
        source_database: system.database,
        slot: slot.to_owned(),
        publications: publication::fingerprint(watch, publications).await.doing("read the publications")?,
        mask_key: plan.mask_key.clone(),
        policy: plan.policy.fingerprint(),
    })
}

/// The publication of a pipeline that was adopted (`sluice adopt`): it is another's, and stays as it is. Without a position
/// nothing was adopted, and the pipeline has publications of its own.
fn adopted(config: &Config, known: &Checkpoint) -> Option<String> {
    known.lsn?;
    let name = continuity::publication_names(&known.identity.publications).next()?;
    (name != config.slot() && name != config.publication_inserts()).then_some(name)
}

/// The names of the publications that this plan needs.
fn wanted(config: &Config, plan: &Plan) -> Vec<String> {
    publication::wanted(&config.pipeline, plan.tables.iter().map(|(t, _)| t)).into_iter().map(|p| p.name).collect()
}

/// Refuses a standby where the primary is wanted; one that is met where production was followed may be in the middle of its promotion,
/// and is waited for.
pub async fn primary(db: &mut Connection, source: &Servers, followed: bool) -> Result<(), Error> {
    let key = source.data_key();
    let rows = db.simple("SELECT pg_catalog.pg_is_in_recovery()").await.doing("look at the server")?;
    match rows.first().and_then(|r| r.get(0, 0)) {
        Some("t") if followed => Err(Error::Standby(key)),
        Some("t") => Err(Error::Refused {
            what: format!("{key} is a standby"),
            hint: match source.is_split() {
                true => "name the primary there, or all hosts that it can be at, with commas between".into(),
                false => "name the primary; or, to have slot and stream on this standby (PostgreSQL 16 and later), name the primary in source.primary_url".into(),
            },
        }),
        _ => Ok(()),
    }
}

/// A physical clone has production's system identifier, so names prove nothing: a lock taken on one side and seen on the
/// other does.
pub async fn different(source: &mut Connection, target: &mut Connection) -> Result<(), Error> {
    let key = i64::from(fastrand::i32(1..)) << 20 | i64::from(fastrand::u16(..));
    let staging = |e: wire::Error| Error::Target(e.into());
    target.query("SELECT pg_catalog.pg_advisory_lock($1::bigint)", &[Some(&key.to_string())]).await.map_err(staging)?;
    let (high, low) = ((key >> 32).to_string(), (key & 0xffff_ffff).to_string());
    let seen = source
        .query(
            "SELECT 1 FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND classid = $1::oid AND objid = $2::oid AND objsubid = 1
             AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())",
            &[Some(&high), Some(&low)],
        )
        .await
        .doing("compare the two databases")?;
    target
        .query("SELECT pg_catalog.pg_advisory_unlock($1::bigint)", &[Some(&key.to_string())])
        .await
        .map_err(staging)?;
    if !seen.is_empty() {
        return Err(Error::Refused {
            what: "source.url and target.url are the same database: production would be written".into(),
            hint: "point target.url at staging".into(),
        });
    }
    Ok(())
}
