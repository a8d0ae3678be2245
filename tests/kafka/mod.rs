//! The buffer, against a real broker.

mod broker;
mod walk;
mod client;
