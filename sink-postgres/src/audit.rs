//! Who had sluice do what, in `sluice.audit` on the target: an entry stands there, on disk, before what it tells of is done or shown.
//!
//! Today it tells of looking a value up under the real key (`masks try --real-key`), which makes of sluice an oracle: whoever may ask it
//! often enough finds the raw value of any masked one. An entry never holds a value, raw or masked, nor the content of a parameter,
//! which may be one.

use serde_json::Value;
use wire::Connection;

use crate::error::Error;
use crate::schema;

/// Its table. Entries are only ever added.
pub(crate) const TABLE: &str = "\
CREATE TABLE IF NOT EXISTS sluice.audit (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now(),
  pipeline text NOT NULL,
  verb text NOT NULL,                  -- as it is typed: masks try
  os_user text NOT NULL,               -- on the machine that sluice ran on, as that machine says
  host text NOT NULL,                  -- that machine's name, as it says
  db_user text NOT NULL DEFAULT session_user,
  db_client text NOT NULL DEFAULT coalesce(host(inet_client_addr()), 'local'), -- the address that the target saw
  what jsonb NOT NULL                  -- the verb's own words; never a value of a row
);
";

/// What is told.
#[derive(Clone, Debug)]
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
}

/// Writes an entry, and returns once it is on the target's disk. The target must know pipelines already: an audit is no reason to make
/// a schema in a database that may not be a target at all.
pub async fn record(db: &mut Connection, entry: &Entry<'_>) -> Result<(), Error> {
    let there = db.query("SELECT pg_catalog.to_regclass('sluice.checkpoint') IS NOT NULL", &[]).await?;
    if there.get(0, 0) != Some("t") {
        return Err(Error::Refused {
            what: "the target has no schema sluice to keep the audit in: nothing is masked there as yet".into(),
            hint: "sluice run makes it; until then a throw-away key shows the same".into(),
        });
    }
    schema::ensure(db).await?;
    let what = entry.what.to_string();
    let parameters = [entry.pipeline, entry.verb, entry.os_user, entry.host, what.as_str()].map(Some);
    // whatever the role or the database says of commits
    db.simple("SET synchronous_commit = on").await?;
    let sql = "INSERT INTO sluice.audit (pipeline, verb, os_user, host, what) VALUES ($1, $2, $3, $4, $5::jsonb)";
    db.query(sql, &parameters).await?;
    Ok(())
}
