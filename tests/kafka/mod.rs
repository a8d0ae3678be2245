//! The buffer, against a real broker.

mod broker;
mod client;
mod cut;
mod ending;
mod followed;
mod foreign;
mod huge;
mod kills;
mod lost;
mod migrations;
pub mod points;
mod two;
mod walk;
