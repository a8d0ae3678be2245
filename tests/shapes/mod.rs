//! Every type and every shape of a table, by copy and by stream: staging must be production, byte for byte.

mod flow;
mod identity;
mod settings;
mod types;

pub use flow::Flow;
