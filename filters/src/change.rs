//! The model of a change: what walks through the pipe, and the two traits at its ends.
//!
//! This is the lowest module of all. A filter is a function on changes, so the package that defines the functions
//! defines what they act on. Nothing here is serialised; nothing here does I/O.
//!
//! Each file uses those before it: `lsn`, `table`, `row`, `build` (a row of our own), `op`, `batch`, `ends`.

mod batch;
mod build;
mod ends;
mod lsn;
mod op;
mod row;
mod table;

pub use batch::{Batch, Commit, Progress};
pub use build::RowBuilder;
pub use ends::{Event, Sink, Source};
pub use lsn::{Lsn, NotAnLsn};
pub use op::{Change, Old, Op};
pub use row::{BadTuple, Row, Value, Values};
pub use table::{Column, Identity, Table};
