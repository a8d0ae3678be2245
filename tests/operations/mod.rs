//! What people who run it every day ask of it: who did what, and being told.

mod audit;
mod notify;
pub mod receiver;
