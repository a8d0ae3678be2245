//! One PostgreSQL connection, for every session that sluice opens.
