//! The source side: a logical replication stream, read and decoded.
