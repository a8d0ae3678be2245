//! Every type and every shape of a table, by copy and by stream: staging must be production, byte for byte.

mod extremes;
pub mod flow;
pub mod followed;
mod foreign_keys;
mod forms;
mod identity;
mod keyless;
mod leaves;
mod many;
mod migrations;
mod ranges;
mod rewrites;
mod sequences;
mod settings;
mod tables;
mod types;
mod unfit;
mod unseen;

pub use flow::Flow;
