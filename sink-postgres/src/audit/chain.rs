//! What of an entry goes into its hash, and in which form: all of it, each part with its length before it, so that nothing can be
//! moved from one part to another.

use filters::key::{MaskKey, SubKey, of_audit};

use super::Recorded;

/// The form of what is hashed. Another form is another number: what was chained by this one stays so.
const FORM: &str = "1";

/// Makes hashes of entries.
pub struct Chain {
    key: SubKey,
    id: String,
}

impl Chain {
    /// Under a key that is derived from the masking key; without one, under a key that everybody can make.
    pub fn new(key: Option<&MaskKey>) -> Chain {
        Chain { key: of_audit(key), id: key.map(MaskKey::id).unwrap_or_default() }
    }

    /// The masking key's id, empty where there is none.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The hash of an entry: 64 hexadecimal digits.
    pub fn hash(&self, entry: &Recorded) -> String {
        self.of(&said(entry))
    }

    /// What the first entry of a chain has for the hash of the one before it: a hash of all that an earlier version has
    /// written, or nothing.
    pub fn seal(&self, before: &[Recorded]) -> String {
        match before {
            [] => String::new(),
            before => self.of(&before.iter().flat_map(said).collect::<Vec<u8>>()),
        }
    }

    fn of(&self, bytes: &[u8]) -> String {
        self.key.hash(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn said(e: &Recorded) -> Vec<u8> {
    let (id, begun) = (e.id.to_string(), e.begun.map(|begun| begun.to_string()));
    let parts: [Option<&str>; 15] = [
        Some(FORM),
        Some(&id),
        Some(&e.at),
        Some(&e.pipeline),
        Some(&e.verb),
        Some(&e.os_user),
        Some(&e.host),
        Some(&e.db_user),
        Some(&e.db_client),
        Some(&e.what),
        begun.as_deref(),
        e.result.as_deref(),
        e.policy.as_deref(),
        e.mask_key.as_deref(),
        e.previous.as_deref(),
    ];
    let mut out = Vec::new();
    for part in parts {
        match part {
            None => out.push(0),
            Some(text) => {
                out.push(1);
                out.extend_from_slice(&(text.len() as u64).to_le_bytes());
                out.extend_from_slice(text.as_bytes());
            }
        }
    }
    out
}
