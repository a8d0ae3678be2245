//! The `backup` section: where backups of staging's rows go, the key to them, and for how long they are kept.

use std::path::PathBuf;
use std::time::Duration;

use filters::key::MaskKey;

use super::problem::{Fault, Problems};
use super::read::At;
use super::secret::key_bytes;
use super::sections::time;
use crate::backup::Key;

/// The section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Below it each pipeline has a directory of its own.
    pub directory: PathBuf,
    /// Of its own.
    pub key: Key,
    /// Older ones go; the newest stays.
    pub keep: Duration,
}

const DAY: Duration = Duration::from_secs(86_400);

/// `mask_key`: id of the masking key as it stands in the file.
pub(super) fn backup(at: &At<'_>, mask_key: Option<&str>, problems: &mut Problems) -> Option<Backup> {
    if !at.is_there() {
        return None;
    }
    at.entries(problems);
    if !at.is_map() {
        return None;
    }
    let directory = at.get("directory").require(problems, |s| match s.text.as_str() {
        "" => Err(Fault::new("empty")),
        path => Ok(PathBuf::from(path)),
    });
    let key = at.get("key").require(problems, |s| {
        let bytes = key_bytes(&s.text)?;
        // whoever may read masked rows' backups is not to be who can undo their masks
        if mask_key.is_some_and(|id| MaskKey::new(&bytes).is_ok_and(|same| same.id() == id)) {
            return Err(Fault::new("that is the masking key").hint("one of its own: openssl rand -base64 32"));
        }
        Ok(Key::new(&bytes))
    });
    let keep = time(&at.get("keep"), problems, DAY / 24..=DAY * 3650).unwrap_or(DAY * 14);
    Some(Backup { directory: directory?, key: key?, keep })
}
