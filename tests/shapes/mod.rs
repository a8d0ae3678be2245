//! Every type and every shape of a table, by copy and by stream: staging must be production, byte for byte.

mod extremes;
pub mod flow;
mod identity;
mod keyless;
mod leaves;
mod migrations;
mod ranges;
mod settings;
mod tables;
mod types;

pub use flow::Flow;
