//! What stands for the rules of a file and its lock, so that an applier can tell whether its own say the same as the capture's.
//!
//! Two that are equal are of equal rules. Two that differ may be of equal rules all the same, written down by another version: then rules
//! are compared column by column, which costs a look at the target's catalog and is right too.

use std::fmt::Write;

use crate::config::{Config, Lock, Rule};

/// 32 hexadecimal characters.
pub fn print(config: &Config, lock: Option<&Lock>) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("sluice 2026-11-28 rules of a file v1");
    // each part with its length in front: no two lists of parts read the same
    let mut part = |text: &str| {
        hasher.update(&(text.len() as u64).to_be_bytes());
        hasher.update(text.as_bytes());
    };
    for entry in &config.tables {
        part(&entry.key);
        part(if entry.optional { "optional" } else { "" });
        match &entry.rule {
            Rule::Copy { columns, rest, only } => {
                part(&format!("{columns:?} {rest:?}"));
                part(&only.as_ref().map_or_else(String::new, |only| only.sql()));
            }
            rule @ (Rule::Structure | Rule::Exclude) => part(&format!("{rule:?}")),
        }
    }
    part(&format!("{:?}", config.overlay));
    let mut of_lock = String::new();
    if let Some(lock) = lock {
        // writing to a String cannot fail
        let _ = write!(of_lock, "{lock:?}");
    }
    part(&of_lock);
    let mut text = hasher.finalize().to_hex().to_string();
    text.truncate(32);
    text
}
