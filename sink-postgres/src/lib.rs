//! Applying changes to a PostgreSQL target, exactly once.
