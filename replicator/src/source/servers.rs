//! Where production is: one server, or a standby that has slot and stream beside the primary that has everything else.
//!
//! Each address is named for what it is asked for, so that nobody picks one of two connection strings by chance; where production
//! is one server both are its own.

use wire::{Connection, Conninfo};

use crate::error::{Doing, Error};

/// Production's addresses.
#[derive(Clone, Debug)]
pub struct Servers {
    /// Who has the slot, its WAL sender and the WAL that is kept for it.
    pub stream: Conninfo,
    /// Who has all else: rows and snapshots of them, catalogs, publications, transaction ids, the end of WAL.
    pub data: Conninfo,
    split: bool,
}

impl Servers {
    /// One server is both.
    pub fn one(server: Conninfo) -> Servers {
        Servers { stream: server.clone(), data: server, split: false }
    }

    /// The stream is a standby's ([`super::standby`]).
    pub fn two(standby: Conninfo, primary: Conninfo) -> Servers {
        Servers { stream: standby, data: primary, split: true }
    }

    /// Is the stream a standby's?
    pub fn is_split(&self) -> bool {
        self.split
    }

    /// Of several hosts all sessions are with the one that answered: amid a failover another may answer.
    pub fn at(&self, data: &Conninfo) -> Servers {
        match self.split {
            true => Servers { data: data.clone(), ..self.clone() },
            false => Servers::one(data.clone()),
        }
    }

    /// Each once, with the key of the file that says where it is: where a slot of ours is to be, and where it was if that was another.
    pub fn each(&self) -> impl Iterator<Item = (&'static str, &Conninfo)> {
        [("source.url", &self.stream), (self.data_key(), &self.data)].into_iter().take(1 + usize::from(self.split))
    }

    /// The key of the file that says where `data` is.
    pub fn data_key(&self) -> &'static str {
        if self.split { "source.primary_url" } else { "source.url" }
    }
}

/// Which server a session is with, as any says it to everybody: since when it has been up. That tells two apart that are copies of each
/// other, and one from itself before a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started(String);

impl Started {
    /// Asks a session of any kind.
    pub async fn of(db: &mut Connection) -> Result<Started, Error> {
        let rows = db.simple("SELECT pg_catalog.pg_postmaster_start_time()").await.doing("look at the server")?;
        let said = rows.first().and_then(|r| r.get(0, 0)).map(str::to_owned);
        Ok(Started(said.ok_or_else(|| Error::Bug("a server without a start".into()))?))
    }

    /// Refuses a session that is with another.
    pub async fn expect(&self, db: &mut Connection) -> Result<(), Error> {
        match Started::of(db).await? == *self {
            true => Ok(()),
            false => Err(Error::start_over("two sessions are with two servers; starting over")),
        }
    }
}

/// A primary from its start to its end. Its timeline stays what it is meanwhile: a server gets another one only as it ends its recovery. So
/// what one session has heard holds for every session with the same one, as long as it lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Primary {
    /// Unique to the cluster, and to its physical copies.
    pub system: String,
    /// The one that it writes.
    pub timeline: i32,
    /// When it was started, as it says: two that are copies of each other differ in that.
    started: String,
}

impl Primary {
    /// Asks a session whose it is. `None`: a standby's.
    ///
    /// By the name of the file that is written: `pg_control_checkpoint()` shows the timeline of the last checkpoint, which a
    /// server that was promoted just now has not made yet.
    pub async fn of(db: &mut Connection) -> Result<Option<Primary>, Error> {
        let sql = "SELECT CASE WHEN NOT pg_catalog.pg_is_in_recovery()
              THEN pg_catalog.left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_flush_lsn()), 8) END,
            (SELECT system_identifier FROM pg_catalog.pg_control_system()), pg_catalog.pg_postmaster_start_time()";
        let rows = db.simple(sql).await.doing("look at the server")?;
        let text = |i: usize| rows.first().and_then(|r| r.get(0, i));
        let Some(timeline) = text(0) else { return Ok(None) };
        let timeline =
            i32::from_str_radix(timeline, 16).map_err(|_| Error::Bug("a WAL file without a timeline".into()))?;
        let of = |i: usize| text(i).unwrap_or_default().to_owned();
        Ok(Some(Primary { system: of(1), timeline, started: of(2) }))
    }

    /// Refuses a session that is with another server, or with this one since it was started anew.
    pub async fn expect(&self, db: &mut Connection) -> Result<(), Error> {
        match Primary::of(db).await? {
            Some(found) if found == *self => Ok(()),
            _ => Err(Error::start_over("two sessions are with two servers; starting over")),
        }
    }
}
