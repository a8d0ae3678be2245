//! The source, the loop, the copy and the command line of sluice.

pub mod config;
pub mod source;
