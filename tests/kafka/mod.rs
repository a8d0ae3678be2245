//! The buffer, against a real broker.

mod broker;
mod client;
mod kills;
mod walk;
