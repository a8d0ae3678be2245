//! Backups of staging's rows, before they are replaced.
//!
//! **When.** Before the first refresh of tables that hold rows (all of them, while the target has no position; later those that join), before a table is emptied for
//! the policy, and before `resync TABLE`. What stands in the way of one stands in the way of the change: it is made before anything is
//! changed on either server, so a full disk or a missing right costs nothing and production's slot holds nothing meanwhile.
//!
//! **What.** Whole tables, under one snapshot: which of a table's rows are staging's own nobody can say before production was read.
//!
//! **An interrupted one is never taken for whole.** It is written under a name that ends in `.partial`, and each file is on disk before the
//! rename; the next one that is made, or `backup prune`, takes the half one away.
//!
//! ```text
//!  <directory>/<pipeline>/20261128T231500123Z-refresh/manifest.json       no value of a row
//!                                                  0001.copy.zst.sealed COPY's text, by zstd, encrypted (`seal`)
//! ```
//!
//! **Who can read one.** Whoever has `backup.key`: a secret of its own, which no other part of sluice knows.

mod first;
mod manifest;
mod restore;
mod save;
mod seal;
mod store;

pub use first::{Standing, before, unsaved, used};
pub use manifest::{Column, Manifest, Saved};
pub use restore::{fits, restore, runs, verify};
pub use save::{About, save};
pub use seal::Key;
pub use store::{Found, Store};
