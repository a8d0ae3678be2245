//! What a target keeps of the topic that it is filled from: how its tables were described, by the offset of the record that did.
//!
//! A topic describes a table once, and rows of it come for weeks. Whoever reads on in the middle has to know the description that was in force
//! there. A record at an offset never changes, so to write it down twice does no harm, and it need not be in the transaction of anything.

use wire::{Connection, quote_literal};

use crate::error::Error;

/// Its table.
pub(crate) const TABLE: &str = "\
CREATE TABLE IF NOT EXISTS sluice.described (
  pipeline text NOT NULL, at bigint NOT NULL, -- the record's offset in the topic
  oid bigint NOT NULL,                 -- production's table; 0: a capture has begun there, and what was described before it holds no more
  record bytea NOT NULL,
  PRIMARY KEY (pipeline, at, oid)
);
";

/// A record, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Its offset.
    pub at: i64,
    /// Of which table; 0: the beginning of a capture.
    pub oid: u32,
    /// The record.
    pub record: Vec<u8>,
}

/// Writes them down.
pub async fn remember(db: &mut Connection, pipeline: &str, told: &[Told]) -> Result<(), Error> {
    let p = quote_literal(pipeline);
    for many in told.chunks(500) {
        let row = |t: &Told| format!("({p}, {}, {}, '\\x{}')", t.at, t.oid, hex(&t.record));
        let rows: Vec<String> = many.iter().map(row).collect();
        db.simple(&format!("INSERT INTO sluice.described VALUES {} ON CONFLICT DO NOTHING", rows.join(", "))).await?;
    }
    Ok(())
}

/// Forgets all of it: another topic is followed, or this one from its end on.
pub async fn forget(db: &mut Connection, pipeline: &str) -> Result<(), Error> {
    db.execute("DELETE FROM sluice.described WHERE pipeline = $1", &[Some(pipeline)]).await?;
    Ok(())
}

/// What is in force before `offset`: the last beginning, and the last description of each table since. Those that are not any more go.
pub async fn recall(db: &mut Connection, pipeline: &str, offset: i64) -> Result<Vec<Told>, Error> {
    let (p, offset) = (quote_literal(pipeline), offset.to_string());
    let since = format!("SELECT max(at) FROM sluice.described WHERE pipeline = {p} AND oid = 0 AND at < {offset}");
    db.simple(&format!("DELETE FROM sluice.described WHERE pipeline = {p} AND at < ({since})")).await?;
    let sql = format!(
        "SELECT DISTINCT ON (oid) at, oid, pg_catalog.encode(record, 'hex') FROM sluice.described
         WHERE pipeline = {p} AND at < {offset} ORDER BY oid, at DESC"
    );
    let broken = || Error::Bug("sluice.described holds what nobody wrote".into());
    let rows = db.simple(&sql).await?;
    let told = rows.iter().flat_map(|rows| rows.iter()).map(|row| {
        let number = |i: usize| row.get(i).and_then(|n| n.parse::<i64>().ok()).ok_or_else(broken);
        let record = row.get(2).and_then(unhex).ok_or_else(broken)?;
        Ok(Told { at: number(0)?, oid: u32::try_from(number(1)?).map_err(|_| broken())?, record })
    });
    told.collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|b| [b >> 4, b & 15]).filter_map(|d| char::from_digit(d.into(), 16)).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| Some(c.to_digit(16)? as u8)).collect();
    Some(digits?.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}
