//! One PostgreSQL connection, for every session that sluice opens.
//!
//! Catalog queries, snapshot readers, replication and the target all speak through [`Connection`]: a socket (TCP,
//! TLS or unix), a buffer each way, and the [message flow] over them. It is thin on purpose. It has what the common
//! clients lack: CopyBoth, many messages in one write, and bulk reads handed on as views ([`bytes::Bytes`]).
//!
//! Absences, each of them meant:
//!
//! - No background task and no channel: what is not polled does not run, and nothing queues without a bound.
//! - No value of a row in an error: on the paths of row data a server error keeps its SQLSTATE and names of objects,
//!   never its text ([`ServerError`]). Nothing here logs a statement's parameters.
//! - No retry: an error says whether it is transient ([`Error::is_transient`]), the caller decides.
//!
//! [message flow]: https://www.postgresql.org/docs/current/protocol-flow.html

mod auth;
mod binding;
mod cancel;
mod connect;
mod connection;
mod conninfo;
mod copy;
mod dial;
mod error;
mod hint;
mod message;
mod passfile;
mod query;
mod quote;
mod rows;
mod server_error;
mod sqlstate;
mod stream;
mod tls;

pub use cancel::Canceler;
pub use connect::Startup;
pub use connection::Connection;
pub use conninfo::{Conninfo, ConninfoError, SslMode};
pub use error::Error;
pub use message::{Fields, Message, Messages, messages, tag};
pub use quote::{quote_ident, quote_literal};
pub use rows::{Row, Rows};
pub use server_error::ServerError;
