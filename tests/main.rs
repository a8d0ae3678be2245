//! Tests against real servers: PostgreSQL 15 and 18, and the real binary.
//!
//! `servers` starts and breaks them, `sluice` drives the binary, `check` compares two databases, `seed` makes random
//! runs repeatable. Every other module is tests.

#[macro_use]
mod servers;
mod check;
mod faults;
mod harness;
mod healing;
mod preflight;
mod secrecy;
mod seed;
mod shapes;
mod sluice;
mod source;
mod verbs;
