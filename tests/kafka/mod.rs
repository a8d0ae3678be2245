//! The buffer, against a real broker.

mod broker;
mod client;
mod clients;
mod kills;
mod outages;
mod topics;
mod walk;
