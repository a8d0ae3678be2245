//! Breaking it: kills, lost answers, wrong servers, locks. Everything must come out equal, once each.
//!
//! `world` is two servers of a test's own with a schema that has one table of each kind; `traffic` writes to it, `killer` kills.

mod answers;
mod budget;
mod deferred;
mod disk;
mod durable;
mod ending;
mod failover;
mod fences;
pub mod full;
mod held;
mod hung;
mod in_flight;
pub mod killer;
mod kills;
mod locks;
mod moved;
mod points;
mod prepared;
mod refusals;
mod slow;
mod standby;
mod target;
pub mod traffic;
mod transfers;
mod undecodable;
mod visibility;
pub mod world;
