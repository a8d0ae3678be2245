//! What each kind of record looks like, to the byte.
