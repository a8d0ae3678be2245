//! Kafka between capture and apply.

pub mod envelope;
