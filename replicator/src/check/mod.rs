//! The preflight checks, as functions that return data.
pub mod review;
