//! What can go wrong, chosen by what the reader will do about it; one match decides what `run` does, what the process
//! exits with, and what a person is told.

use std::borrow::Cow;
use std::error::Error as _;
use std::fmt::{Display, Write as _};

use crate::board::Cause;
use crate::config::Problems;

/// Any failure of a verb.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration, with all its problems.
    #[error("{0}")]
    Config(Problems),
    /// A connection string.
    #[error("{path}")]
    Conninfo {
        /// `source.url` or `target.url`.
        path: &'static str,
        /// What is wrong with it.
        #[source]
        source: wire::ConninfoError,
    },
    /// An ordinary session on production.
    #[error("production: {action}")]
    Production {
        /// What we were about to do, and to which table.
        action: Cow<'static, str>,
        /// What happened.
        #[source]
        source: wire::Error,
    },
    /// The replication stream.
    #[error("production")]
    Stream(#[from] crate::source::Error),
    /// The target.
    #[error(transparent)]
    Target(#[from] sink_postgres::Error),
    /// The topic between capture and apply.
    #[cfg(feature = "kafka")]
    #[error("kafka: {action}")]
    Kafka {
        /// What we were about to do.
        action: Cow<'static, str>,
        /// What happened.
        #[source]
        source: crate::kafka::Error,
    },
    /// Nobody has captured into the topic yet.
    #[cfg(feature = "kafka")]
    #[error("nothing has been captured into topic {0} yet")]
    NothingCaptured(String),
    /// A record of a topic that is none.
    #[cfg(feature = "kafka")]
    #[error("{topic}{}: {why}", offset.map_or_else(String::new, |o| format!(", offset {o}")))]
    Topic {
        /// Which.
        topic: String,
        /// Where it stands.
        offset: Option<i64>,
        /// What is wrong with it.
        why: crate::kafka::envelope::Malformed,
    },
    /// A change that no filter can take.
    #[error(transparent)]
    Filter(#[from] filters::filter::FilterError),
    /// What answers for production is in recovery.
    #[error("production: {0} is a standby")]
    Standby(&'static str),
    /// Production's standby is not as far as it has to be, and may get there by itself.
    #[error("production: {0}")]
    NotYet(String),
    /// Production's standby and its primary have no longer one history.
    #[error("production: {0}")]
    Parted(String),
    /// Production is no longer what the pipeline was opened for: it is opened again.
    #[error("{table} {how}; starting over")]
    Changed {
        /// Schema and name.
        table: String,
        /// What is otherwise.
        how: &'static str,
    },
    /// Refused, because going on could hurt.
    #[error("{what}")]
    Refused {
        /// What is not as it must be, and what that means.
        what: String,
        /// What mends it.
        hint: String,
    },
    /// In a pipeline that is followed: the policy, a publication or the target no longer fits the tables that there are.
    /// See [`Error::unfit`].
    #[error(transparent)]
    Unfit(Box<Error>),
    /// Our slot holds more of production's WAL than it may: it has to go.
    #[error("slot {slot} holds {} MB of production's WAL, and limits.wal.drop_slot is {} MB", held >> 20, limit >> 20)]
    Spent {
        /// Its name.
        slot: String,
        /// Bytes.
        held: i64,
        /// Bytes.
        limit: i64,
    },
    /// A check failed.
    #[error("{failed} of {checks} checks failed")]
    Check {
        /// How many.
        failed: usize,
        /// Of how many.
        checks: usize,
    },
    /// Not done in the time that was given.
    #[error("the time is up after {0:?}")]
    Timeout(std::time::Duration),
    /// A file.
    #[error("{action} {path}")]
    File {
        /// read, write.
        action: &'static str,
        /// Which.
        path: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// This cannot be.
    #[error("bug: {0}")]
    Bug(String),
}

/// What the reader does about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Mend the command line or the file.
    Config,
    /// Mend what a check found.
    Check,
    /// Wait: a server is down, restarting, or out of reach.
    Unavailable,
    /// Mend a certificate, a password, or who may come in: a server is there, and we are not let in.
    Denied,
    /// Read why, and decide: it could hurt.
    Refused,
    /// Look at the row, the table or the right that stands in the way; the stream is held.
    Data,
    /// Mend the policy, or the tables: one no longer fits the other; the stream is held.
    Unfit,
    /// Give it more time.
    Timeout,
    /// Nothing.
    Interrupted,
    /// Report it.
    Bug,
}

impl Kind {
    /// All there are.
    pub const ALL: &[Kind] = &[
        Kind::Config,
        Kind::Check,
        Kind::Unavailable,
        Kind::Denied,
        Kind::Refused,
        Kind::Data,
        Kind::Unfit,
        Kind::Timeout,
        Kind::Interrupted,
        Kind::Bug,
    ];

    /// What the process exits with.
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Bug => 1,
            Kind::Config | Kind::Unfit => 2,
            Kind::Check => 3,
            Kind::Unavailable | Kind::Denied => 4,
            Kind::Refused => 5,
            Kind::Data => 6,
            Kind::Timeout => 7,
            Kind::Interrupted => 130,
        }
    }
}

impl Error {
    /// The one match.
    pub fn kind(&self) -> Kind {
        use sink_postgres::Error as Target;
        let wire = |e: &wire::Error| match e {
            e if e.is_transient() => Kind::Unavailable,
            e if e.is_denied() => Kind::Denied,
            _ => Kind::Data,
        };
        match self {
            Error::Config(_) | Error::Conninfo { .. } | Error::File { .. } => Kind::Config,
            Error::Production { source, .. } => wire(source),
            Error::Stream(crate::source::Error::Wire(e)) => wire(e),
            Error::Stream(e) if e.is_transient() => Kind::Unavailable,
            Error::Stream(_) | Error::Filter(_) => Kind::Data,
            #[cfg(feature = "kafka")]
            Error::Topic { .. } => Kind::Data,
            #[cfg(feature = "kafka")]
            Error::NothingCaptured(_) => Kind::Unavailable,
            Error::Target(Target::Wire(e)) => wire(e),
            #[cfg(feature = "kafka")]
            Error::Kafka { source, .. } => source.kind(),
            Error::Target(Target::Stale)
            | Error::Changed { .. }
            | Error::Standby(_)
            | Error::NotYet(_)
            | Error::Spent { .. } => Kind::Unavailable,
            Error::Target(Target::Fenced(_) | Target::Refused { .. }) | Error::Refused { .. } | Error::Parted(_) => {
                Kind::Refused
            }
            Error::Target(Target::Data { source, .. }) if source.is_transient() => Kind::Unavailable,
            Error::Target(Target::Data { .. } | Target::Collides { .. } | Target::Diverged { .. }) => Kind::Data,
            Error::Target(Target::Bug(_)) | Error::Bug(_) => Kind::Bug,
            Error::Unfit(_) => Kind::Unfit,
            Error::Check { .. } => Kind::Check,
            Error::Timeout(_) => Kind::Timeout,
            Error::Interrupted => Kind::Interrupted,
        }
    }

    /// A task of ours is gone. Why is not passed on: the message of a panic could hold a value (invariant 5), and the
    /// panic hook has said where.
    pub fn ended(task: &'static str, why: &tokio::task::JoinError) -> Error {
        Error::Bug(format!("{task} ended by {}", if why.is_panic() { "a panic" } else { "a cancellation" }))
    }

    /// Production is no longer what it was when the pipeline was opened: it is opened again.
    pub fn start_over(action: &'static str) -> Error {
        Error::Production { action: action.into(), source: wire::Error::Closed }
    }

    /// The same, of a pipeline that is followed. A first run has somebody before it, who hears that the file is wrong. Later a
    /// migration of either side makes it so, with nobody there: production keeps WAL for us meanwhile, and a process
    /// that has gone says nothing of it. Wrong servers and a second sluice are no matter of tables: they stay refused.
    pub fn unfit(self) -> Error {
        use sink_postgres::Error as Target;
        match self {
            Error::Config(_) | Error::Refused { .. } | Error::Target(Target::Refused { .. }) => {
                Error::Unfit(Box::new(self))
            }
            #[cfg(feature = "kafka")]
            Error::Kafka { ref source, .. } if source.is_of_topic() => Error::Unfit(Box::new(self)),
            other => other,
        }
    }

    /// What the process exits with.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Unfit(what) => what.exit_code(),
            e => e.kind().exit_code(),
        }
    }

    /// All of it in one text, for those who only see why the stream stands still.
    pub fn told(&self) -> String {
        match self.hint() {
            Some(hint) => format!("{}; hint: {hint}", self.chain()),
            None => self.chain(),
        }
    }

    /// The table that it is about, and what a server said, where there is such.
    pub fn about(&self) -> Cause {
        use sink_postgres::Error as Target;
        let said = |e: &wire::Error| e.sqlstate().map(str::to_owned);
        match self {
            Error::Unfit(what) => what.about(),
            Error::Target(Target::Data { table, source, .. }) => {
                Cause { table: Some(table.clone()), sqlstate: said(source) }
            }
            Error::Target(Target::Collides { table, .. } | Target::Diverged { table, .. })
            | Error::Changed { table, .. } => Cause { table: Some(table.clone()), sqlstate: None },
            Error::Target(Target::Wire(e))
            | Error::Production { source: e, .. }
            | Error::Stream(crate::source::Error::Wire(e)) => Cause { table: None, sqlstate: said(e) },
            _ => Cause::default(),
        }
    }

    /// Has the target refused a value that its column's type does not know?
    pub fn is_unread(&self) -> bool {
        matches!(self, Error::Target(e @ sink_postgres::Error::Data { .. }) if e.sqlstate() == Some(sink_postgres::error::UNREAD))
    }

    /// Has production's server failed to decode its own WAL?
    pub fn is_undecodable(&self) -> bool {
        let Error::Stream(crate::source::Error::Wire(e)) = self else { return false };
        e.sqlstate().is_some_and(|state| state.starts_with("XX"))
    }

    /// What mends it, in one sentence or one statement.
    pub fn hint(&self) -> Option<String> {
        use sink_postgres::Error as Target;
        Some(match self {
            Error::Refused { hint, .. } | Error::Target(Target::Refused { hint, .. }) => hint.clone(),
            Error::Unfit(what) => match &**what {
                Error::Config(_) => "mend sluice.yaml (and sluice.lock) and send SIGHUP, or take back on production what was changed; nothing is lost meanwhile".into(),
                e => return e.hint(),
            },
            Error::Target(Target::Fenced(_)) => "only one sluice may run a pipeline; stop the other, or start this one again to take over".into(),
            #[cfg(feature = "kafka")]
            Error::Kafka { source, .. } => source.hint()?.into(),
            Error::Target(Target::Collides { columns, .. }) => format!("{COLLIDES}: give {columns} a class that keeps such values apart, or drop the unique index on staging; the stream is held here and nothing is lost"),
            Error::Target(Target::Data { full: Some(n), .. }) => format!("with it more than {n} rows would be in quarantine (apply.max_quarantined), so it may be the table: mend it, or look at sluice quarantine list; the stream is held here and nothing is lost"),
            Error::Target(Target::Data { operation: "copy", source, .. }) if source.sqlstate() == Some("23505") => {
                format!("{COLLIDES}: give its column a class that keeps such values apart, or drop the unique index on staging; then run again")
            }
            Error::Target(Target::Data { operation: crate::schema::additive::DDL, .. }) => {
                "somebody on staging holds the table: pg_stat_activity says who; it is tried again".into()
            }
            Error::Target(Target::Data { operation: "copy", .. }) => "sluice schema diff prints what staging's table lacks; mend it, or give the column a class whose values fit; then run again".into(),
            Error::Target(Target::Data { operation: sink_postgres::error::DEFERRED, .. }) => "a constraint trigger of that table speaks at the commit: give it the rows that it wants, or ALTER TABLE … DISABLE TRIGGER; the stream is held here and nothing is lost".into(),
            Error::Target(Target::Data { .. }) => "mend the target's table (sluice schema diff prints what it lacks, as SQL), or exclude the column or the table; apply.on_error: quarantine goes on without such a row; the stream is held here and nothing is lost".into(),
            Error::Target(Target::Diverged { table, .. }) => format!("sluice resync {table}, or apply.on_divergence: heal"),
            Error::Conninfo { .. } => "postgres://user:password@host:5432/database?sslmode=verify-full&sslrootcert=ca.pem".into(),
            Error::Parted(_) => "of the two, which is production now? If it is the server of source.url: take source.primary_url out, and sluice goes on from where staging stands. If it is the primary: another standby of it in source.url (or the primary itself, without source.primary_url), then sluice resync --all".into(),
            Error::NotYet(_) => "on the standby: SELECT pg_is_wal_replay_paused(), pg_last_wal_replay_lsn(); SELECT status FROM pg_stat_wal_receiver; it is gone on with once the standby is there".into(),
            Error::Standby(_) => "it is gone on with once it is promoted; else name the primary, or all hosts of production with commas between: the one that is no standby is taken".into(),
            Error::Spent { .. } => "staging is repaired by a copy in chunks as soon as it takes rows again, and stays full meanwhile".into(),
            // class XX: the server's own decoding has failed, and will at the same place again
            e if e.is_undecodable() => {
                "production's server cannot decode its own WAL here, and its log says why; if it stays so, sluice resync --all begins with a new slot, and staging stays full meanwhile".into()
            }
            Error::Timeout(_) => "give it more time with --timeout; what was applied stays, the next run goes on there".into(),
            Error::Bug(_) | Error::Target(Target::Bug(_)) => "please report this, with the log".into(),
            Error::Production { source: e, .. }
            | Error::Stream(crate::source::Error::Wire(e))
            | Error::Target(Target::Wire(e))
                if e.is_denied() =>
            {
                e.hint()?.into()
            }
            Error::Target(Target::Wire(e)) if e.sqlstate().is_some_and(|s| s.starts_with("53")) => {
                "make room on the target: disk (53100), memory (53200) or connections (53300)".into()
            }
            e if e.kind() == Kind::Unavailable => "sluice check tells which of the two servers cannot be reached, and why".into(),
            // a right that is not there, a setting
            Error::Production { .. } | Error::Stream(crate::source::Error::Wire(_)) | Error::Target(Target::Wire(_)) => {
                "sluice check says what is missing on which of the two servers, and the SQL that gives it; nothing is lost meanwhile".into()
            }
            _ => return None,
        })
    }

    /// The whole chain in one line, each cause once.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(e) = cause {
            let _ = write!(text, ": {e}");
            cause = e.source();
        }
        text
    }
}

/// Why a unique index of the target takes two rows of production for one.
const COLLIDES: &str = "production keeps apart what is one on staging (a mask that takes another case or spelling for the same value, or has too little room; another collation)";

/// Names what we were about to do on production.
pub trait Doing<T> {
    /// `action` is bare: "read the catalog".
    fn doing(self, action: &'static str) -> Result<T, Error>;

    /// The same, to a table: "read a chunk of".
    fn doing_to(self, action: &'static str, table: &dyn Display) -> Result<T, Error>;
}

impl<T> Doing<T> for Result<T, wire::Error> {
    fn doing(self, action: &'static str) -> Result<T, Error> {
        self.map_err(|source| Error::Production { action: action.into(), source })
    }

    fn doing_to(self, action: &'static str, table: &dyn Display) -> Result<T, Error> {
        self.map_err(|source| Error::Production { action: format!("{action} {table}").into(), source })
    }
}
