//! Staging is edited by others, and full of old rows: it becomes production's state, counted, and is never seen half.

mod aside;
mod deferrable;
mod edits;
mod load;
pub mod quarantine;
