//! Pure functions on changes: which rows leave production, and how they look when they do.
//!
//! No I/O, no async, no clock, no randomness: same change and key in, same change out, on every machine and in
//! every run. Otherwise a masked key would not find its own later update.
//!
//! Read in this order: [`change`] (what walks through the pipe), [`key`] and [`mask`] (one value), [`policy`] (which
//! column gets which treatment), [`compiled`] (a policy laid over one shape of a table), [`copy_line`] (the same
//! for a line of COPY), `only` (which rows come), `fill` (what stands in for a column that does not), [`filter`] (the stage of the
//! pipe). [`raw`] is the row that a mask may look at;
//! [`predicate`] decides about a row by its values, as production would; [`scalar`] is how values are ordered.

pub mod change;
pub mod compiled;
pub mod copy_line;
mod fill;
pub mod filter;
pub mod key;
pub mod mask;
mod only;
pub mod policy;
pub mod predicate;
pub mod raw;
pub mod scalar;
