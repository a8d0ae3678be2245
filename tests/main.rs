//! Tests against real servers: PostgreSQL 15 and 18, Kafka, and the real binary.
//!
//! `servers` starts and breaks them, `sluice` drives the binary, `check` compares two databases, `seed` makes random
//! runs repeatable. `detection` measures what `init` proposes. Every other module is tests.

#[macro_use]
mod servers;
mod check;
mod detection;
mod faults;
mod harness;
mod healing;
#[cfg(feature = "kafka")]
mod kafka;
mod operations;
mod policy;
mod preflight;
mod safety;
mod secrecy;
mod seed;
mod shapes;
mod sluice;
mod source;
mod verbs;
