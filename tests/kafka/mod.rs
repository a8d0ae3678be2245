//! The buffer, against a real broker.

mod broker;
mod clients;
mod outages;
mod topics;
