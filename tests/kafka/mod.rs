//! The buffer, against a real broker.

mod broker;
mod client;
mod walk;
