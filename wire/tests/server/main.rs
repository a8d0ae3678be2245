//! `wire` against real servers of the oldest and the newest major.

#[macro_use]
#[path = "../../../tests/servers/mod.rs"]
mod servers;

mod auth;
mod copy;
mod query;
mod replication;
mod tls;
mod world;
