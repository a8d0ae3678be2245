//! What can go wrong with a stream, in words that never hold a row's value.

use super::{decode, frame, pgoutput};

/// An error of a stream. After one, the stream is over.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The connection: a socket, or an ErrorResponse of the server. The cause is in `source()`.
    #[error("replication stream")]
    Wire(#[from] wire::Error),
    /// A CopyData that is no frame: corrupt, or a server that we do not know.
    #[error(transparent)]
    Frame(#[from] frame::Error),
    /// A frame that is no message: corrupt, or an output plugin that we do not know.
    #[error(transparent)]
    Pgoutput(#[from] pgoutput::Error),
    /// A message that cannot be where it is: corrupt.
    #[error(transparent)]
    Decode(#[from] decode::Error),
    /// The server ended the stream, as it does when it shuts down; or an error was told before.
    #[error("the replication stream has ended")]
    Ended,
}

impl Error {
    /// Whether the same stream may go on later, on a new connection, with nobody changing a setting.
    pub fn is_transient(&self) -> bool {
        match self {
            Error::Wire(e) => e.is_transient(),
            Error::Ended => true,
            Error::Frame(_) | Error::Pgoutput(_) | Error::Decode(_) => false,
        }
    }
}
