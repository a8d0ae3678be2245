//! The source side: a logical replication stream, read and decoded.
//!
//! In the order of the walk: `reader` takes bytes from the socket, [`frame`] and [`pgoutput`] parse them, [`decode`]
//! makes events of them, and [`stream`] is the whole of it as a [`Source`](filters::change::Source). The middle three
//! are pure.

pub mod alike;
pub mod catalog;
pub mod continuity;
pub mod decode;
mod error;
pub mod frame;
pub mod frequency;
pub mod pgoutput;
pub mod production;
pub mod publication;
mod reader;
pub mod rewrites;
pub mod sample;
mod scan;
pub mod sequences;
pub mod servers;
pub mod slot;
pub mod snapshot;
pub mod standby;
pub mod stream;
pub mod wal;

pub use error::Error;
pub use servers::Servers;
pub use stream::{Options, Stream};
