//! The source, the loop, the copy and the command line of sluice.
//!
//! The walk of a change through this package: [`source`] reads and decodes, [`batch`] gathers, [`flow`] holds both ends, [`pipeline`] is the loop,
//! and `sink-postgres` applies. [`copy`] brings what is pending; [`start`] opens a pipeline; [`run`] decides what happens
//! when one fails; [`cli`] is what a person types.

pub mod applied;
pub mod audit;
pub mod backup;
pub mod batch;
pub mod board;
pub mod budget;
pub mod cancels;
pub mod check;
pub mod cli;
pub mod config;
pub mod copy;
pub mod downstream;
pub mod error;
pub mod figures;
pub mod flow;
pub mod freeze;
pub mod history;
#[cfg(feature = "kafka")]
pub mod kafka;
pub mod lag;
pub mod notify;
pub mod pace;
pub mod pipeline;
pub mod proofs;
pub mod propose;
pub mod run;
pub mod schedule;
pub mod schema;
pub mod sequences;
pub mod serve;
pub mod setup;
pub mod shapes;
pub mod source;
pub mod sql;
pub mod start;
pub mod stop;
pub mod telemetry;
pub mod vouched;
pub mod who;
pub mod window;
