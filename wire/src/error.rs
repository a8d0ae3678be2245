//! What can go wrong on a connection, in words that never hold a row's value.

use std::{fmt, io, time::Duration};

use crate::{auth, message::fields, sqlstate, tls};

/// An error of a connection.
///
/// `Display` says the action or the fact only; the cause is in `source()`. So a printed chain repeats nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A read, a write or a connect failed.
    #[error("{action}")]
    Io {
        /// What was being done: `connect to db:5432`.
        action: String,
        /// Why it failed.
        source: io::Error,
    },
    /// The server answered with an ErrorResponse.
    #[error("{0}")]
    Server(Box<ServerError>),
    /// TLS could not be set up: a file, a certificate, a refusal.
    #[error("{action}")]
    Tls {
        /// What was being done, or what is wrong when there is no cause.
        action: String,
        /// Why it failed.
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The server wants an authentication that we cannot or will not give, or it failed to prove itself.
    #[error("{0}")]
    Auth(String),
    /// The server, or the caller, did not follow the protocol.
    #[error("protocol: {0}")]
    Protocol(&'static str),
    /// The server closed the connection.
    #[error("the server closed the connection")]
    Closed,
    /// No answer in time.
    #[error("{action}: no answer in {} s", after.as_secs_f32())]
    Timeout {
        /// What was being done.
        action: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// A standby answered where `target_session_attrs=read-write` was asked for.
    #[error("the server is a standby, and target_session_attrs is read-write")]
    Standby,
    /// A setting of ours is wrong: a file that cannot be read, a string with a NUL byte.
    #[error("{0}")]
    Config(String),
}

impl Error {
    /// The SQLSTATE, if the server answered with one.
    pub fn sqlstate(&self) -> Option<&str> {
        self.server().map(|e| e.sqlstate.as_str())
    }

    /// The server's answer, if it is one.
    pub fn server(&self) -> Option<&ServerError> {
        match self {
            Error::Server(e) => Some(e),
            _ => None,
        }
    }

    /// Whether the same thing may succeed later, on a new connection, with nobody changing a setting.
    ///
    /// The only place where errors of a connection are classified: I/O, a closed or silent peer, a standby where a
    /// primary was asked for, and the SQLSTATEs of lost connections, conflicts, locks and limits.
    pub fn is_transient(&self) -> bool {
        match self {
            Error::Io { .. } | Error::Closed | Error::Timeout { .. } | Error::Standby => true,
            Error::Server(e) => e.is_transient(),
            Error::Tls { .. } | Error::Auth(_) | Error::Protocol(_) | Error::Config(_) => false,
        }
    }

    /// Whether the server does not let us in, or we do not trust it: a certificate, a password, a role or a database.
    /// Trying again will not help before somebody has mended that.
    pub fn is_denied(&self) -> bool {
        match self {
            Error::Tls { .. } | Error::Auth(_) => true,
            Error::Server(e) => e.sqlstate.starts_with("28") || e.sqlstate == "3D000",
            _ => false,
        }
    }

    /// What mends it, in one sentence, where it is the connection string or a certificate that has to be mended.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Error::Tls { source, .. } => source.as_ref().and_then(|e| tls::hint(e.as_ref())),
            Error::Auth(text) if text == auth::IN_CLEAR => Some(
                "sslmode=require, or better, sends it under TLS; scram-sha-256 in the server's pg_hba.conf does not send it at all",
            ),
            Error::Auth(text) if text == auth::NO_PASSWORD => Some(
                "in the connection string (password=…), or in ~/.pgpass or passfile=…: host:port:database:role:password",
            ),
            Error::Server(e) => match e.sqlstate.as_str() {
                "28P01" => Some("another password, or another role: ALTER ROLE … PASSWORD …; changes it"),
                "28000" => Some(
                    "pg_hba.conf on the server says who may come in, from where, and whether TLS or a certificate (sslcert, sslkey) is needed",
                ),
                "3D000" => Some("the name of a database that is there: …/database in the URL, dbname=… otherwise"),
                _ => None,
            },
            _ => None,
        }
    }

    pub(crate) fn io(action: &str, source: io::Error) -> Error {
        if source.kind() == io::ErrorKind::UnexpectedEof {
            return Error::Closed;
        }
        let action = action.to_string();
        // With TLS 1.3 the server's word on our certificate comes with the first read.
        if source.get_ref().is_some_and(|e| e.is::<rustls::Error>()) {
            return Error::Tls { action, source: Some(Box::new(source)) };
        }
        Error::Io { action, source }
    }
}

impl From<ServerError> for Error {
    fn from(e: ServerError) -> Error {
        Error::Server(Box::new(e))
    }
}

/// An [ErrorResponse], reduced to what can hold no value of a row.
///
/// MESSAGE, DETAIL, HINT and CONTEXT hold values (`Key (email)=(…) already exists`), so they are not kept; MESSAGE is,
/// for statements over catalogs, settings and what is ours ([`Connection::simple`](crate::Connection::simple) says which).
///
/// [ErrorResponse]: https://www.postgresql.org/docs/current/protocol-error-fields.html
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerError {
    /// Five characters: [Appendix A](https://www.postgresql.org/docs/current/errcodes-appendix.html).
    pub sqlstate: String,
    /// `ERROR`, `FATAL` or `PANIC`, not translated.
    pub severity: String,
    /// The text, only from [`Connection::connect`](crate::Connection::connect), `simple`, `query`, `execute` and the
    /// start of `copy_both`.
    pub message: Option<String>,
    /// Name of the schema.
    pub schema: Option<String>,
    /// Name of the table.
    pub table: Option<String>,
    /// Name of the column.
    pub column: Option<String>,
    /// Name of the data type.
    pub datatype: Option<String>,
    /// Name of the constraint.
    pub constraint: Option<String>,
    /// The server's function that raised it, as `ExecConstraints`: tells apart what shares a SQLSTATE.
    pub routine: Option<String>,
}

impl ServerError {
    /// Reads the body of an ErrorResponse without its text.
    pub fn parse(body: &[u8]) -> ServerError {
        ServerError::read(body, false)
    }

    pub(crate) fn parse_with_message(body: &[u8]) -> ServerError {
        ServerError::read(body, true)
    }

    fn read(body: &[u8], keep_message: bool) -> ServerError {
        let mut e = ServerError::default();
        for (field, value) in fields(body) {
            let value = String::from_utf8_lossy(value).into_owned();
            match field {
                b'C' => e.sqlstate = value,
                b'V' => e.severity = value,
                b'S' if e.severity.is_empty() => e.severity = value,
                b'M' if keep_message => e.message = Some(value),
                b's' => e.schema = Some(value),
                b't' => e.table = Some(value),
                b'c' => e.column = Some(value),
                b'd' => e.datatype = Some(value),
                b'n' => e.constraint = Some(value),
                b'R' => e.routine = Some(value),
                _ => {}
            }
        }
        e
    }

    /// The condition name of the SQLSTATE, as `unique_violation`, where it is one of the common ones.
    pub fn condition(&self) -> Option<&'static str> {
        sqlstate::name(&self.sqlstate)
    }

    /// Whether the session is over.
    pub fn is_fatal(&self) -> bool {
        matches!(self.severity.as_str(), "FATAL" | "PANIC")
    }

    /// As [`Error::is_transient`].
    pub fn is_transient(&self) -> bool {
        sqlstate::is_transient(&self.sqlstate)
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sqlstate)?;
        if let Some(name) = self.condition() {
            write!(f, " {name}")?;
        }
        let names = [
            ("schema", &self.schema),
            ("table", &self.table),
            ("column", &self.column),
            ("type", &self.datatype),
            ("constraint", &self.constraint),
        ];
        for (what, name) in names {
            if let Some(name) = name {
                write!(f, " {what} \"{name}\"")?;
            }
        }
        match &self.message {
            Some(message) => write!(f, ": {message}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ServerError {}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"SFEHLER\0VERROR\0C23505\0Mduplicate key ann@example.com\0DKey (email)=(ann@example.com)\0\
        WCOPY users, line 1: ann@example.com\0spublic\0tusers\0nusers_email_key\0R_bt_check_unique\0\0";

    #[test]
    fn a_value_does_not_pass() {
        let e = Error::from(ServerError::parse(BODY));
        assert_eq!(
            e.to_string(),
            r#"23505 unique_violation schema "public" table "users" constraint "users_email_key""#
        );
        assert!(!format!("{e:?}").contains("ann"));
        assert_eq!(e.sqlstate(), Some("23505"));
    }

    #[test]
    fn our_own_statement_keeps_its_message() {
        let e = ServerError::parse_with_message(b"VFATAL\0C3D000\0Mdatabase \"x\" does not exist\0\0");
        assert_eq!(e.to_string(), r#"3D000 invalid_catalog_name: database "x" does not exist"#);
        assert!(e.is_fatal() && !e.is_transient());
    }
}
