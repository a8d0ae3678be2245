//! What is proved of a policy before a byte moves: `plan` and `check` show it, and `run` begins with it.
//!
//! [`trial`]: the real target has tried rows of production behind their masks, and refuses none.

pub mod trial;
