//! Staging stands still because somebody has asked for it: a row of `sluice.freeze`, which testers may read.
//!
//! **What a row promises.** From `stands_since` on, when `at` is there, nothing of staging changes by us until the row is gone or its
//! `until` has passed:
//!
//! - Whoever applies looks before its first batch, and then between two batches. With a row in force it begins nothing: no
//!   batch, no part of a copy, nothing of sequences.
//! - `at` is written with nothing under way, by whoever's turn it is: the statement holds the checkpoint's row, so somebody who takes
//!   over waits for it, or has been first, and then it touches no row. Where nobody is connected to apply, who asked for the freeze
//!   writes it: a row that is there before a session is opened is seen by its first look.
//! - What is over is taken out of the table before the first row changes.
//!
//! Time is the target's own: what a clock of ours says has no part in it. The row is data of the target, so it is there after a restart of
//! either, and on a standby that is promoted.

use filters::change::Lsn;
use wire::{Connection, Rows};

use crate::error::Error;
use crate::sink::PostgresSink;

/// One row per pipeline that is frozen.
pub(crate) const TABLE: &str = "\
CREATE TABLE IF NOT EXISTS sluice.freeze (
  pipeline text PRIMARY KEY,
  since timestamptz NOT NULL DEFAULT clock_timestamp(), -- when it was asked for
  until timestamptz,                   -- by this server's clock; NULL: until sluice resume
  who text NOT NULL,                   -- user and machine, as that machine says
  reason text NOT NULL DEFAULT '',
  at pg_lsn,                           -- production's position at which staging stands; NULL: it does not stand yet
  stands_since timestamptz,
  consistent boolean                   -- was every replicated row as production had it there, when it began to stand?
);
";

/// A freeze that is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freeze {
    /// When it was asked for: `2026-01-02T03:04:05Z`.
    pub since: String,
    /// When it ends by itself; `None`: with `sluice resume`.
    pub until: Option<String>,
    /// Who asked.
    pub who: String,
    /// What for; it may be empty.
    pub reason: String,
    /// Where staging stands; `None`: it does not yet.
    pub at: Option<Lsn>,
    /// Since when.
    pub stands_since: Option<String>,
    /// Was all of it exact there?
    pub consistent: bool,
}

impl Freeze {
    /// In a few words: until when, by whom, what for.
    pub fn said(&self) -> String {
        let until = self.until.as_deref().map_or_else(|| "until sluice resume".to_owned(), |at| format!("until {at}"));
        let reason = if self.reason.is_empty() { String::new() } else { format!(": {}", self.reason) };
        format!("{until}, by {}{reason}", self.who)
    }
}

/// When it is to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Until {
    /// When somebody says so.
    Resumed,
    /// At a moment, as the server reads it.
    Moment(String),
    /// So long from now on.
    For(std::time::Duration),
}

const COLUMNS: &str = r#"
  pg_catalog.to_char(since AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
  pg_catalog.to_char(until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), who, reason, at,
  pg_catalog.to_char(stands_since AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), consistent,
  coalesce(until <= pg_catalog.clock_timestamp(), false)"#;

/// A row, and whether its time is over.
fn parse(rows: &Rows) -> Option<(Freeze, bool)> {
    let row = rows.first()?;
    let text = |i: usize| row.get(i).map(str::to_owned);
    let freeze = Freeze {
        since: text(0)?,
        until: text(1),
        who: text(2)?,
        reason: text(3)?,
        at: row.get(4).and_then(|at| at.parse().ok()),
        stands_since: text(5),
        consistent: row.get(6) == Some("t"),
    };
    Some((freeze, row.get(7) == Some("t")))
}

/// The freeze that is in force, for who only looks; none where an earlier version has made the schema.
pub async fn read(db: &mut Connection, pipeline: &str) -> Result<Option<Freeze>, Error> {
    let there = db.query("SELECT pg_catalog.to_regclass('sluice.freeze') IS NOT NULL", &[]).await?;
    if there.get(0, 0) != Some("t") {
        return Ok(None);
    }
    let sql = format!("SELECT {COLUMNS} FROM sluice.freeze WHERE pipeline = $1");
    let found = parse(&db.query(&sql, &[Some(pipeline)]).await?);
    Ok(found.filter(|(_, over)| !over).map(|(freeze, _)| freeze))
}

/// Asks for one. Of one that is in force it says until when, who and what for anew, and staging goes on standing where it stands. Gives
/// `None` where its end has passed already, by the target's clock: nothing is written then.
pub async fn begin(
    db: &mut Connection,
    pipeline: &str,
    until: &Until,
    who: &str,
    reason: &str,
) -> Result<Option<Freeze>, Error> {
    let (moment, length) = match until {
        Until::Resumed => (None, None),
        Until::Moment(at) => (Some(at.clone()), None),
        Until::For(time) => (None, Some(format!("{} milliseconds", time.as_millis()))),
    };
    // whatever the role or the database says of commits: who is told that it stands must not be told so in vain
    db.simple("SET synchronous_commit = on").await?;
    let sql = format!(
        "INSERT INTO sluice.freeze AS f (pipeline, until, who, reason)
         SELECT $1, n.until, $4, $5 FROM (SELECT coalesce($2::text::timestamptz, pg_catalog.clock_timestamp() + $3::text::interval) AS until) n
           WHERE n.until IS NULL OR n.until > pg_catalog.clock_timestamp()
         ON CONFLICT (pipeline) DO UPDATE SET until = EXCLUDED.until, who = EXCLUDED.who, reason = EXCLUDED.reason,
           since = CASE WHEN f.until <= pg_catalog.clock_timestamp() THEN pg_catalog.clock_timestamp() ELSE f.since END,
           at = CASE WHEN f.until <= pg_catalog.clock_timestamp() THEN NULL ELSE f.at END,
           stands_since = CASE WHEN f.until <= pg_catalog.clock_timestamp() THEN NULL ELSE f.stands_since END,
           consistent = CASE WHEN f.until <= pg_catalog.clock_timestamp() THEN NULL ELSE f.consistent END
         RETURNING {COLUMNS}"
    );
    let parameters = [Some(pipeline), moment.as_deref(), length.as_deref(), Some(who), Some(reason)];
    Ok(parse(&db.query(&sql, &parameters).await?).map(|(freeze, _)| freeze))
}

/// Ends it. Gives what it was, and whether its time had passed already; `None`: there was none.
pub async fn end(db: &mut Connection, pipeline: &str) -> Result<Option<(Freeze, bool)>, Error> {
    let sql = format!("DELETE FROM sluice.freeze WHERE pipeline = $1 RETURNING {COLUMNS}");
    Ok(parse(&db.query(&sql, &[Some(pipeline)]).await?))
}

/// Is anybody connected who applies, or loads?
pub async fn is_applied(db: &mut Connection, pipeline: &str) -> Result<bool, Error> {
    let sql = "SELECT 1 FROM pg_catalog.pg_stat_activity WHERE datname = pg_catalog.current_database()
        AND application_name IN ('sluice/' || $1 || '/apply', 'sluice/' || $1 || '/load')";
    Ok(!db.query(sql, &[Some(pipeline)]).await?.is_empty())
}

/// Writes where staging stands, for who asked for the freeze and has seen that nobody applies.
pub async fn stands(db: &mut Connection, pipeline: &str) -> Result<(), Error> {
    db.query(&stand("true"), &[Some(pipeline)]).await?;
    Ok(())
}

/// Where it stands, once, as the checkpoint says whose row it holds meanwhile.
fn stand(ours: &str) -> String {
    format!(
        "UPDATE sluice.freeze AS f SET at = c.lsn, stands_since = pg_catalog.clock_timestamp(),
           consistent = NOT EXISTS (SELECT FROM sluice.pending p WHERE p.pipeline = $1)
             AND NOT EXISTS (SELECT FROM sluice.quarantine q WHERE q.pipeline = $1)
         FROM (SELECT lsn FROM sluice.checkpoint WHERE pipeline = $1 AND lsn IS NOT NULL AND {ours} FOR SHARE) AS c
         WHERE f.pipeline = $1 AND f.at IS NULL AND (f.until IS NULL OR f.until > pg_catalog.clock_timestamp())"
    )
}

impl PostgresSink {
    /// The freeze that is in force. One whose time has passed goes, before anything is applied.
    pub async fn frozen(&mut self) -> Result<Option<Freeze>, Error> {
        let pipeline = self.options.pipeline.clone();
        let sql = format!("SELECT {COLUMNS} FROM sluice.freeze WHERE pipeline = $1");
        match parse(&self.db.query(&sql, &[Some(&pipeline)]).await?) {
            Some((freeze, false)) => Ok(Some(freeze)),
            Some((_, true)) => {
                // as it was read: somebody may have begun another meanwhile, which the next look sees
                let over = "DELETE FROM sluice.freeze WHERE pipeline = $1 AND until <= pg_catalog.clock_timestamp()";
                match self.db.execute(over, &[Some(&pipeline)]).await? {
                    0 => {
                        let now = parse(&self.db.query(&sql, &[Some(&pipeline)]).await?);
                        Ok(now.filter(|(_, over)| !over).map(|(freeze, _)| freeze))
                    }
                    _ => Ok(None),
                }
            }
            None => Ok(None),
        }
    }

    /// Nothing is under way, and nothing will be. What testers read must not be taken back by a crash of the target: it is seen when it is on
    /// its disk, and with it all that was committed before. Writes where staging stands, if nobody has, and gives the freeze as it is then.
    pub async fn stand_still(&mut self, freeze: Freeze) -> Result<Freeze, Error> {
        if freeze.at.is_some() {
            return Ok(freeze);
        }
        let pipeline = self.options.pipeline.clone();
        self.db.simple("BEGIN; SET LOCAL synchronous_commit = on").await?;
        let sql = stand("epoch = $2::text::bigint");
        let written = self.db.query(&sql, &[Some(&pipeline), Some(&self.epoch.to_string())]).await;
        let ended = self.db.simple(if written.is_ok() { "COMMIT" } else { "ROLLBACK" }).await;
        written?;
        ended?;
        let sql = format!("SELECT {COLUMNS} FROM sluice.freeze WHERE pipeline = $1");
        let now = parse(&self.db.query(&sql, &[Some(&pipeline)]).await?);
        Ok(now.map_or(freeze, |(now, _)| now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_in_a_few_words() {
        let mut freeze = Freeze {
            since: "2026-01-02T03:04:05Z".into(),
            until: None,
            who: "jane@ci".into(),
            reason: String::new(),
            at: None,
            stands_since: None,
            consistent: false,
        };
        assert_eq!(freeze.said(), "until sluice resume, by jane@ci");
        freeze.until = Some("2026-01-02T05:04:05Z".into());
        freeze.reason = "load test".into();
        assert_eq!(freeze.said(), "until 2026-01-02T05:04:05Z, by jane@ci: load test");
    }
}
