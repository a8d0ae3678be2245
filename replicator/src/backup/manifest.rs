//! What a backup says of itself: `manifest.json`. Names, numbers and checksums; never a value of a row.

use serde::{Deserialize, Serialize};

/// The format that is written.
pub const FORMAT: u32 = 1;

/// All of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// `1`, of the sluice that has written it.
    pub format: u32,
    /// Its directory's name.
    pub label: String,
    /// What was about to be done: `refresh`, `resync`.
    pub why: String,
    /// Whose.
    pub pipeline: String,
    /// When its snapshot was taken, by our clock.
    pub at: jiff::Timestamp,
    /// Which database: its server's system identifier, and its OID there.
    pub target: String,
    /// Production's position that the target showed; none before a first refresh.
    pub lsn: Option<String>,
    /// Fingerprint of the policy that was about to be applied, or was.
    pub policy: String,
    /// Id of the key that it is encrypted under.
    pub key: String,
    /// The sluice that has written it.
    pub version: String,
    /// In order of their names.
    pub tables: Vec<Saved>,
}

/// A table in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// Unquoted.
    pub schema: String,
    /// Unquoted.
    pub name: String,
    /// Beside the manifest.
    pub file: String,
    /// Those whose values are there, in their order.
    pub columns: Vec<Column>,
    /// How many.
    pub rows: u64,
    /// Of the file.
    pub bytes: u64,
    /// Of the file, in hexadecimal digits.
    pub sha256: String,
}

/// A column in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Unquoted.
    pub name: String,
    /// With its length.
    #[serde(rename = "type")]
    pub type_name: String,
}

impl Saved {
    /// What its file is, for the key of that file: it is read as this, or not at all.
    pub(super) fn what(&self, label: &str) -> String {
        serde_json::json!([label, self.schema, self.name, self.columns]).to_string()
    }
}

impl Manifest {
    /// Seconds since it was made.
    pub fn age(&self) -> i64 {
        jiff::Timestamp::now().as_second() - self.at.as_second()
    }

    /// Rows of all tables.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|t| t.rows).sum()
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.tables.iter().map(|t| t.bytes).sum()
    }
}
