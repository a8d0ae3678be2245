//! The `backup` section: where backups of staging's rows go, who can read them, and for how long they are kept.

use std::path::PathBuf;
use std::time::Duration;

use super::problem::{Fault, Problems};
use super::read::At;
use super::sections::time;
use crate::backup;

/// The section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Below it each pipeline has a directory of its own.
    pub directory: PathBuf,
    /// A public key of age's: no secret.
    pub recipient: String,
    /// Older ones go; the newest stays.
    pub keep: Duration,
}

const DAY: Duration = Duration::from_secs(86_400);

pub(super) fn backup(at: &At<'_>, problems: &mut Problems) -> Option<Backup> {
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
    let recipient = at.get("recipient").require(problems, |s| match backup::recipient(&s.text) {
        Ok(_) => Ok(s.text.trim().to_owned()),
        // what it says is not shown: it may be the secret half
        Err(why) => Err(Fault::new(format!("no public key of age's: {why}")).hint("sluice backup key makes a pair")),
    });
    let keep = time(&at.get("keep"), problems, DAY / 24..=DAY * 3650).unwrap_or(DAY * 14);
    Some(Backup { directory: directory?, recipient: recipient?, keep })
}
