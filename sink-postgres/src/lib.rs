//! Applying changes to a PostgreSQL target, exactly once.
//!
//! The walk in here: a [`filters::change::Batch`] comes in, [`plan`] folds it to its net effect, `statement` turns
//! each step into bytes for the server, [`sink`] runs them in one transaction with the [`checkpoint`], and the position
//! that is safely on disk goes back. [`load`] makes a range of a table equal to production's, for the copy.
//!
//! This package does not know what a slot, pgoutput or Kafka is.

mod apply;
pub mod audit;
pub mod backup;
pub mod binary;
mod careful;
pub mod catalog;
pub mod checkpoint;
mod claim;
mod counts;
mod deferred;
pub mod distinct;
mod durable;
mod empty;
pub mod error;
mod evict;
mod exchange;
pub mod failpoint;
pub mod foreign_key;
pub mod freeze;
pub mod guard;
pub mod key;
pub mod known;
pub mod line;
pub mod load;
mod look;
pub mod mapping;
mod mappings;
pub mod orphans;
pub mod own;
pub mod part;
pub mod pending;
pub mod plan;
mod quarantine;
pub mod referrers;
mod registry;
pub mod removed;
pub mod route;
pub mod rows;
pub mod runs;
pub mod schema;
pub mod sequences;
pub mod session;
mod shadow;
pub mod sink;
pub mod spec;
mod statement;
mod tombstones;
pub mod topic;
pub mod trial;

pub use error::Error;
pub use sink::PostgresSink;
