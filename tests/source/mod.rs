//! The source side against real servers.

mod record;
mod seeds;
mod stream;
