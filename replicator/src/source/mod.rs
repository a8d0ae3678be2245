//! The source side: a logical replication stream, read and decoded.

pub mod decode;
pub mod frame;
pub mod pgoutput;
