//! What can go wrong on a connection, in words that never hold a row's value.

use std::{io, time::Duration};

use crate::server_error::ServerError;

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
    /// Of several hosts none would do; each with why not.
    #[error("none of {} hosts: {}", .0.len(), reasons(.0))]
    Nowhere(Vec<(String, Error)>),
    /// A setting of ours is wrong: a file that cannot be read, a string with a NUL byte.
    #[error("{0}")]
    Config(String),
}

/// Each host once, with the whole chain of why not.
fn reasons(tried: &[(String, Error)]) -> String {
    let reason = |(place, e): &(String, Error)| {
        let mut text = e.to_string();
        let mut cause = std::error::Error::source(e);
        while let Some(e) = cause {
            text = format!("{text}: {e}");
            cause = e.source();
        }
        if text.contains(place.as_str()) { text } else { format!("{place}: {text}") }
    };
    tried.iter().map(reason).collect::<Vec<_>>().join("; ")
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
            Error::Io { .. } | Error::Closed | Error::Timeout { .. } | Error::Standby | Error::Nowhere(_) => true,
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
