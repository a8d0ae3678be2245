//! The buffer, against a real broker.

mod broker;
mod canary;
mod client;
mod clients;
mod cut;
mod ending;
mod followed;
mod foreign;
mod huge;
mod kills;
mod lost;
mod migrations;
mod outages;
pub mod points;
mod topics;
mod two;
mod walk;
