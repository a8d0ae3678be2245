//! Where and how to connect: [Connection Strings][m] of libpq, both forms, and what is meant by them.
//!
//! [m]: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING

mod parse;
mod places;
#[cfg(test)]
mod tests;

use std::{fmt, net::IpAddr, path::PathBuf, time::Duration};

pub(crate) use places::Place;

/// A parsed connection string. `Debug` and `Display` show `password=***`.
#[derive(Clone)]
pub struct Conninfo {
    pub(crate) place: Place,
    /// Where else the server may be, in the order in which they are tried.
    pub(crate) others: Vec<Place>,
    pub(crate) user: String,
    pub(crate) password: Option<String>,
    pub(crate) database: String,
    pub(crate) passfile: Option<PathBuf>,
    pub(crate) ssl_mode: SslMode,
    pub(crate) root_cert: Option<RootCert>,
    /// Certificate chain and key of the client.
    pub(crate) client_cert: Option<(PathBuf, PathBuf)>,
    pub(crate) connect_timeout: Option<Duration>,
    /// Idle, interval, count.
    pub(crate) keepalives: Option<(u64, u64, u32)>,
    pub(crate) options: Option<String>,
    pub(crate) read_write: bool,
    pub(crate) channel_binding: ChannelBinding,
}

/// How much TLS there must be: [Protection Provided in Different Modes][m].
///
/// [m]: https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-PROTECTION
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SslMode {
    /// No TLS.
    Disable,
    /// TLS if the server has it, of whomever it is.
    Prefer,
    /// TLS; of whomever it is, unless `sslrootcert` is given: then as `verify-ca`.
    Require,
    /// TLS, with a certificate of a trusted CA.
    VerifyCa,
    /// TLS, with a certificate of a trusted CA for the host that was asked for.
    VerifyFull,
}

impl SslMode {
    /// As it is written in a connection string.
    pub fn as_str(self) -> &'static str {
        match self {
            SslMode::Disable => "disable",
            SslMode::Prefer => "prefer",
            SslMode::Require => "require",
            SslMode::VerifyCa => "verify-ca",
            SslMode::VerifyFull => "verify-full",
        }
    }
}

impl fmt::Display for SslMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whose certificates are trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RootCert {
    System,
    File(PathBuf),
}

/// Whether SCRAM must be bound to the TLS channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChannelBinding {
    Disable,
    Prefer,
    Require,
}

/// All that is wrong with a connection string. Never shows a password, nor text that could be a piece of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("connection string: {}", problems.join("; "))]
pub struct ConninfoError {
    problems: Vec<String>,
}

impl ConninfoError {
    /// The problems, one by one.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }
}

impl Conninfo {
    /// Reads `postgres://user:password@host:port/database?parameter=value` or `host=… port=… user='…'`.
    ///
    /// Not taken: `service`, and the environment but for `$USER`. Differs from libpq in that `sslrootcert` alone means
    /// `verify-full`, `connect_timeout` is 10 s, keepalives begin after 30 s, and of several hosts the one is meant that is no
    /// standby (`target_session_attrs=read-write`) unless it says `any`.
    pub fn parse(text: &str) -> Result<Conninfo, ConninfoError> {
        parse::conninfo(text)
    }

    /// Name or address of the host, or the directory of the unix socket; the first of several.
    pub fn host(&self) -> &str {
        &self.place.host
    }

    /// The address that is dialled in place of the host's, if one is said.
    pub fn hostaddr(&self) -> Option<IpAddr> {
        self.place.hostaddr
    }

    /// The port; also part of a unix socket's name.
    pub fn port(&self) -> u16 {
        self.place.port
    }

    /// The role.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The database.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// How much TLS there must be.
    pub fn ssl_mode(&self) -> SslMode {
        self.ssl_mode
    }

    /// Whether the server is on this machine: a unix socket or the loopback. Of several, whether all are.
    pub fn is_local(&self) -> bool {
        self.places().all(Place::is_local)
    }

    /// The same in key=value form, the password as `***`.
    pub fn redacted(&self) -> String {
        self.to_string()
    }

    /// The same for another database of the server.
    pub fn with_database(&self, database: &str) -> Conninfo {
        Conninfo { database: database.to_string(), ..self.clone() }
    }
}

impl fmt::Display for Conninfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |text: &str| {
            let plain = !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c == '\'' || c == '\\');
            if plain { text.to_string() } else { format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")) }
        };
        let list = |of: fn(&Place) -> String| self.places().map(of).collect::<Vec<_>>().join(",");
        let (host, port) = (quoted(&list(|p| p.host.clone())), list(|p| p.port.to_string()));
        let (user, database) = (quoted(&self.user), quoted(&self.database));
        write!(f, "host={host} port={port} user={user} dbname={database} sslmode={}", self.ssl_mode)?;
        if self.password.is_some() { f.write_str(" password=***") } else { Ok(()) }
    }
}

impl fmt::Debug for Conninfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Conninfo({self})")
    }
}
