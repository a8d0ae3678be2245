//! Who had sluice do what, in `sluice.audit` on the target: an entry stands there, on disk, before what it tells of is done or shown.
//!
//! Two entries a verb: one when it begins, one with its result, which names the first (`begun`). An entry is never changed, so none
//! could be closed; a beginning without a result is a verb that was killed, or cut off from the target. No entry holds a value of a
//! row, raw or masked, nor the content of a mask's parameter, which may be one.
//!
//! **The chain.** Each entry carries a hash over all that it says and over the hash of the one before it (`chain.rs`), by pipeline. Whoever
//! changes an entry, takes one out, puts one in or exchanges two changes a hash that another entry was made with: [`verify()`] names the
//! place. The hash is keyed, by a key that is derived from the masking key. A plain hash would show an edit by somebody who does not
//! think of the chain, and no other: it can be made anew from the changed entry on by whoever may write the table, and on a staging many may. With
//! the key it takes the masking key, which is in no database. A pipeline without one is chained all the same, under a key that
//! everybody can make, and `verify` says what that is worth.
//!
//! **What it cannot show.** That entries are missing at its *end*: what is left of a chain is a chain. And what is told by those who hold the
//! masking key, that is by who runs sluice: they can make any chain. Both take an anchor elsewhere: the hash of the last entry, the *head*. It is said in
//! the log, in notifications and in `audit.file`, and `audit verify --head` asks whether the chain still has it.
//!
//! **It does not fork.** Writers of one pipeline wait for each other: an advisory lock, held to the end of the transaction in which the
//! last entry is read and the next one written, so that numbers have no gaps. Who does not ask for the lock meets the primary key. Times are
//! the target's clock, and nothing hangs on them: a clock that jumps makes entries whose times go back, and no other order.
//!
//! What an earlier version has written has no hash. It stands before the chain, once: the first hash is also over all of it.

mod chain;
mod verify;

use serde::Serialize;
use serde_json::Value;
use wire::{Connection, Row};

use crate::error::Error;
use crate::schema;

pub use chain::Chain;
pub use verify::{Fault, Verdict, verify};

/// Its table. Entries are only ever added.
pub(crate) const TABLE: &str = "\
CREATE TABLE IF NOT EXISTS sluice.audit (
  id bigint NOT NULL,                  -- counts by pipeline, without gaps
  at timestamptz NOT NULL DEFAULT now(),
  pipeline text NOT NULL,
  verb text NOT NULL,                  -- as it is typed: masks try
  os_user text NOT NULL,               -- on the machine that sluice ran on, as that machine says
  host text NOT NULL,                  -- that machine's name, as it says
  db_user text NOT NULL DEFAULT session_user,
  db_client text NOT NULL DEFAULT coalesce(host(inet_client_addr()), 'local'), -- the address that the target saw
  what jsonb NOT NULL,                 -- the verb's own words; never a value of a row
  begun bigint,                        -- the entry that this is the result of
  result text,                         -- done, or what failed
  policy text,                         -- fingerprint of the policy by which rows stand here; NULL: none do
  mask_key text,                       -- id of the masking key that the hash is keyed by; '': by none
  previous text,                       -- the hash of the entry before; '': it is the first
  hash text,                           -- of all of the above; NULL: an earlier version has written it
  CONSTRAINT audit_pkey PRIMARY KEY (pipeline, id)
);
";

/// What an earlier version's lacks. Its numbers were of all pipelines together.
pub(crate) const ADDED: &str = "\
ALTER TABLE IF EXISTS sluice.audit ALTER COLUMN id DROP IDENTITY IF EXISTS,
  ADD COLUMN IF NOT EXISTS begun bigint, ADD COLUMN IF NOT EXISTS result text, ADD COLUMN IF NOT EXISTS policy text,
  ADD COLUMN IF NOT EXISTS mask_key text, ADD COLUMN IF NOT EXISTS previous text, ADD COLUMN IF NOT EXISTS hash text,
  DROP CONSTRAINT IF EXISTS audit_pkey, ADD CONSTRAINT audit_pkey PRIMARY KEY (pipeline, id);
";

/// What is told.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Of which pipeline.
    pub pipeline: &'a str,
    /// The verb as it is typed.
    pub verb: &'a str,
    /// Who typed it, as his machine says.
    pub os_user: &'a str,
    /// On which machine.
    pub host: &'a str,
    /// What exactly. Never a value of a row.
    pub what: &'a Value,
    /// The entry that this is the result of, and the result.
    pub outcome: Option<(i64, &'a str)>,
}

/// An entry as it stands there, its columns as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Recorded {
    /// Counts by pipeline.
    pub id: i64,
    /// By the target's clock: `2026-11-28T18:00:00.000001Z`.
    pub at: String,
    /// Of which pipeline.
    pub pipeline: String,
    /// The verb as it is typed.
    pub verb: String,
    /// Who typed it.
    pub os_user: String,
    /// On which machine.
    pub host: String,
    /// As whom on the target.
    pub db_user: String,
    /// The address that the target saw.
    pub db_client: String,
    /// What exactly: JSON, as the target writes it.
    #[serde(serialize_with = "as_json")]
    pub what: String,
    /// The entry that this is the result of.
    pub begun: Option<i64>,
    /// `done`, or what failed.
    pub result: Option<String>,
    /// Fingerprint of the policy by which rows stood there.
    pub policy: Option<String>,
    /// Id of the masking key behind the hash.
    pub mask_key: Option<String>,
    /// Hash of the entry before.
    pub previous: Option<String>,
    /// Hash of this one.
    pub hash: Option<String>,
}

fn as_json<S: serde::Serializer>(text: &str, to: S) -> Result<S::Ok, S::Error> {
    serde_json::from_str::<Value>(text).unwrap_or_else(|_| text.into()).serialize(to)
}

/// Was anything audited, or could it be: does the target know pipelines?
pub async fn is_kept(db: &mut Connection) -> Result<bool, Error> {
    let there = db.query("SELECT pg_catalog.to_regclass('sluice.checkpoint') IS NOT NULL", &[]).await?;
    Ok(there.get(0, 0) == Some("t"))
}

/// Writes an entry, and returns once it is on the target's disk. The target must know pipelines already: an audit is no reason to make
/// a schema in a database that may not be a target at all.
pub async fn record(db: &mut Connection, chain: &Chain, entry: &Entry<'_>) -> Result<Recorded, Error> {
    if !is_kept(db).await? {
        return Err(Error::Refused {
            what: "the target has no schema sluice to keep the audit in: nothing is masked there as yet".into(),
            hint: "sluice run makes it; until then a throw-away key shows the same".into(),
        });
    }
    schema::ensure(db).await?;
    // whatever the role or the database says of transactions and commits
    db.simple("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL synchronous_commit = on").await?;
    let written = write(db, chain, entry).await;
    let ended = db.simple(if written.is_ok() { "COMMIT" } else { "ROLLBACK" }).await;
    let written = written?;
    ended?;
    Ok(written)
}

/// Any number: what an advisory lock of ours for the audit is known by, beside the pipeline.
const LOCK: &str = "SELECT pg_catalog.pg_advisory_xact_lock(1635083369, pg_catalog.hashtext($1))";

async fn write(db: &mut Connection, chain: &Chain, entry: &Entry<'_>) -> Result<Recorded, Error> {
    let pipeline = Some(entry.pipeline);
    db.query(LOCK, &[pipeline]).await?;
    let sql = "SELECT coalesce(max(id), 0), (SELECT hash FROM sluice.audit WHERE pipeline = $1 AND hash IS NOT NULL ORDER BY id DESC LIMIT 1)
        FROM sluice.audit WHERE pipeline = $1";
    let last = db.query(sql, &[pipeline]).await?;
    let number = |text: Option<&str>| text.and_then(|n| n.parse::<i64>().ok()).unwrap_or(0);
    let id = number(last.get(0, 0)) + 1;
    let previous = match last.get(0, 1) {
        Some(hash) => hash.to_owned(),
        None => chain.seal(&all(db, entry.pipeline).await?),
    };
    let what = entry.what.to_string();
    let sql = format!(
        "SELECT {}, session_user, coalesce(pg_catalog.host(pg_catalog.inet_client_addr()), 'local'), $2::jsonb::text,
           (SELECT policy FROM sluice.checkpoint WHERE pipeline = $1)",
        moment("pg_catalog.clock_timestamp()")
    );
    let said = db.query(&sql, &[pipeline, Some(&what)]).await?;
    let text = |i: usize| said.get(0, i).unwrap_or_default().to_owned();
    let mut recorded = Recorded {
        id,
        at: text(0),
        pipeline: entry.pipeline.to_owned(),
        verb: entry.verb.to_owned(),
        os_user: entry.os_user.to_owned(),
        host: entry.host.to_owned(),
        db_user: text(1),
        db_client: text(2),
        what: text(3),
        begun: entry.outcome.map(|(begun, _)| begun),
        result: entry.outcome.map(|(_, result)| result.to_owned()),
        policy: said.get(0, 4).map(str::to_owned),
        mask_key: Some(chain.id().to_owned()),
        previous: Some(previous),
        hash: None,
    };
    recorded.hash = Some(chain.hash(&recorded));
    let (id, begun) = (id.to_string(), recorded.begun.map(|begun| begun.to_string()));
    let r = &recorded;
    let values: [Option<&str>; 15] = [
        Some(&id),
        Some(&r.at),
        Some(&r.pipeline),
        Some(&r.verb),
        Some(&r.os_user),
        Some(&r.host),
        Some(&r.db_user),
        Some(&r.db_client),
        Some(&r.what),
        begun.as_deref(),
        r.result.as_deref(),
        r.policy.as_deref(),
        r.mask_key.as_deref(),
        r.previous.as_deref(),
        r.hash.as_deref(),
    ];
    let sql = "INSERT INTO sluice.audit (id, at, pipeline, verb, os_user, host, db_user, db_client, what, begun, result, policy, mask_key, previous, hash)
        VALUES ($1::bigint, $2::timestamptz, $3, $4, $5, $6, $7, $8, $9::jsonb, $10::bigint, $11, $12, $13, $14, $15)";
    db.execute(sql, &values).await?;
    Ok(recorded)
}

/// A moment, as a hash takes it in: the same whatever a session says of dates and zones.
fn moment(of: &str) -> String {
    format!("pg_catalog.to_char({of} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
}

/// All entries of a pipeline, in their order. Those of an earlier version have no hash.
pub async fn all(db: &mut Connection, pipeline: &str) -> Result<Vec<Recorded>, Error> {
    let there = db.query("SELECT pg_catalog.to_regclass('sluice.audit') IS NOT NULL", &[]).await?;
    if there.get(0, 0) != Some("t") {
        return Ok(Vec::new());
    }
    // by name: before `run` has added them a target of an earlier version has no such columns
    let later =
        ["begun", "result", "policy", "mask_key", "previous", "hash"].map(|c| format!("j ->> '{c}'")).join(", ");
    let sql = format!(
        "SELECT id, {}, pipeline, verb, os_user, host, db_user, db_client, what::text, {later}
         FROM sluice.audit AS a, LATERAL pg_catalog.to_jsonb(a) AS j WHERE pipeline = $1 ORDER BY id",
        moment("at")
    );
    let rows = db.query(&sql, &[Some(pipeline)]).await?;
    Ok(rows.iter().map(|row| recorded(&row)).collect())
}

fn recorded(row: &Row<'_>) -> Recorded {
    let text = |i: usize| row.get(i).unwrap_or_default().to_owned();
    let maybe = |i: usize| row.get(i).map(str::to_owned);
    Recorded {
        id: text(0).parse().unwrap_or(0),
        at: text(1),
        pipeline: text(2),
        verb: text(3),
        os_user: text(4),
        host: text(5),
        db_user: text(6),
        db_client: text(7),
        what: text(8),
        begun: row.get(9).and_then(|begun| begun.parse().ok()),
        result: maybe(10),
        policy: maybe(11),
        mask_key: maybe(12),
        previous: maybe(13),
        hash: maybe(14),
    }
}
