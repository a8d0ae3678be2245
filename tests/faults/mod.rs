//! Breaking it: kills, lost answers, wrong servers, locks. Everything must come out equal, once each.
//!
//! `world` is two servers of a test's own with a schema that has one table of each kind; `traffic` writes to it.

mod answers;
mod budget;
mod deferred;
mod disk;
mod durable;
mod ending;
mod failover;
mod fences;
mod held;
mod hung;
mod kills;
mod moved;
mod points;
mod prepared;
mod refusals;
mod slow;
mod target;
mod traffic;
mod transfers;
mod undecodable;
mod visibility;
mod world;
