//! Pure functions on changes: which rows leave production, and how they look when they do.
//!
//! No I/O, no async, no clock, no randomness: same change and key in, same change out, on every machine and in
//! every run. Otherwise a masked key would not find its own later update.

pub mod change;
