//! The masking key, and the keys that are derived from it.
//!
//! One secret of the user becomes one key per *environment* (staging, dev), that one subkey per *domain* (a name for a kind of value), and
//! each of these one key per use (hash, FF1, redaction), so that no two algorithms ever run under the same key. All derivation is
//! BLAKE3 in its `derive_key` and keyed modes (<https://github.com/BLAKE3-team/BLAKE3-specs>, section 6.2 of the paper), which is what
//! HKDF is for a hash without such modes.
//!
//! So whoever sees two environments cannot join one with the other, and a table of raw and masked values that leaks out of the one
//! is of no use in the other. Nor does the key of an environment tell that of another, or the secret.
//!
//! **Wiped.** Every key, here and what ciphers expand from it, is overwritten when dropped; so is what a derivation works in. What a
//! hash leaves on the stack while a value is masked is not: wiping it would cost more than the hash.
//!
//! The context strings below are part of what makes a masked value what it is: changing one changes every masked
//! value of every user, and orphans the masked keys that stand on their targets.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

const ROOT: &str = "sluice 2026-01-01 masking key v1";
const ID: &str = "sluice 2026-01-01 masking key id v1";
const ENVIRONMENT: &str = "sluice 2026-11-27 masking key of an environment v1";
const AUDIT: &str = "sluice 2026-11-28 audit chain v1";

/// Fewer bytes than this are no masking key.
pub const MIN_KEY_BYTES: usize = 32;

/// The bytes cannot be a masking key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A short key can be guessed, and with it every masked value.
    #[error("the masking key has {0} bytes and needs at least {MIN_KEY_BYTES}")]
    TooShort(usize),
}

/// The secret behind every mask. Leaves memory when dropped; prints nothing of itself.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct MaskKey {
    root: [u8; 32],
}

impl MaskKey {
    /// Takes the user's key: at least [`MIN_KEY_BYTES`] random bytes, all of which count.
    pub fn new(bytes: &[u8]) -> Result<MaskKey, KeyError> {
        if bytes.len() < MIN_KEY_BYTES {
            return Err(KeyError::TooShort(bytes.len()));
        }
        Ok(MaskKey { root: derived(ROOT, &[bytes]) })
    }

    /// The key of an environment. Different names give independent keys, none of which tells another, or this one.
    pub fn for_environment(&self, name: &str) -> MaskKey {
        MaskKey { root: derived(ENVIRONMENT, &[&self.root, name.as_bytes()]) }
    }

    /// 16 hexadecimal characters that tell two keys apart and tell nothing about either: to be compared with the id
    /// that a target was masked under, and to be shown.
    pub fn id(&self) -> String {
        let mut id = blake3::Hash::from_bytes(derived(ID, &[&self.root])).to_hex().to_string();
        id.truncate(16);
        id
    }

    /// The key of a domain. Equal names give equal keys, different names give independent ones.
    pub fn derive(&self, domain: &str) -> SubKey {
        SubKey(wiped(&mut blake3::Hasher::new_keyed(&self.root), &[domain.as_bytes()]))
    }
}

/// The key under which the entries of an audit are chained. No domain has it, whatever its name. Without a masking key it is one that
/// everybody can make.
pub fn of_audit(key: Option<&MaskKey>) -> SubKey {
    let root = key.map_or(&[][..], |key| &key.root);
    SubKey(derived(AUDIT, &[root]))
}

impl fmt::Debug for MaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MaskKey(..)")
    }
}

/// The key of one domain, or of one use within it. Leaves memory when dropped; prints nothing of itself.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SubKey([u8; 32]);

impl SubKey {
    /// A key of its own for one use within the domain.
    pub fn for_use(&self, purpose: &'static str) -> SubKey {
        SubKey(wiped(&mut blake3::Hasher::new_keyed(&self.0), &[purpose.as_bytes()]))
    }

    /// Keyed BLAKE3 of a value: 256 bits. Allocates nothing, whatever the value's length.
    pub fn hash(&self, value: &[u8]) -> [u8; 32] {
        *blake3::keyed_hash(&self.0, value).as_bytes()
    }

    /// The same of the value in lower case, as far as it is ASCII.
    pub(crate) fn hash_folded(&self, value: &[u8]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        let mut folded = [0; 64];
        for part in value.chunks(folded.len()) {
            let folded = &mut folded[..part.len()];
            folded.copy_from_slice(part);
            folded.make_ascii_lowercase();
            hasher.update(folded);
        }
        *hasher.finalize().as_bytes()
    }

    /// As many keyed bytes as the reader wants. Slower than [`hash`](SubKey::hash): for redactions, not the hot path.
    pub(crate) fn stream(&self, value: &[u8]) -> blake3::OutputReader {
        blake3::Hasher::new_keyed(&self.0).update(value).finalize_xof()
    }

    /// The key of an AES-128.
    pub(crate) fn aes128(&self) -> Zeroizing<[u8; 16]> {
        let mut key = Zeroizing::new([0; 16]);
        key.copy_from_slice(&self.0[..16]);
        key
    }
}

fn derived(context: &str, parts: &[&[u8]]) -> [u8; 32] {
    wiped(&mut blake3::Hasher::new_derive_key(context), parts)
}

/// What the hasher makes of the parts; it holds nothing of them afterwards.
fn wiped(hasher: &mut blake3::Hasher, parts: &[&[u8]]) -> [u8; 32] {
    for part in parts {
        hasher.update(part);
    }
    let mut hash = hasher.finalize();
    let key = *hash.as_bytes();
    hash.zeroize();
    hasher.zeroize();
    key
}

impl fmt::Debug for SubKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_key_is_refused() {
        assert_eq!(MaskKey::new(&[7; 31]).unwrap_err(), KeyError::TooShort(31));
        assert!(MaskKey::new(&[7; 32]).is_ok());
    }

    #[test]
    fn every_byte_of_a_long_key_counts() {
        let mut bytes = [7; 40];
        let one = MaskKey::new(&bytes).unwrap();
        bytes[39] = 8;
        assert_ne!(one.id(), MaskKey::new(&bytes).unwrap().id());
    }

    #[test]
    fn environments_have_their_own_keys() {
        let key = MaskKey::new(&[1; 32]).unwrap();
        let (staging, dev) = (key.for_environment("staging"), key.for_environment("dev"));
        let ids = [key.id(), staging.id(), dev.id(), staging.for_environment("dev").id()];
        for (i, id) in ids.iter().enumerate() {
            assert!(!ids[..i].contains(id));
        }
        assert_ne!(staging.derive("a").hash(b"v"), dev.derive("a").hash(b"v"));
        assert_eq!(staging.id(), MaskKey::new(&[1; 32]).unwrap().for_environment("staging").id());
        // for good: what an environment's values hang on
        assert_eq!(staging.id(), "468f8a909649ea64");
    }

    /// What held a key holds none when it is dropped, the round keys of the cipher too.
    #[test]
    fn keys_are_wiped() {
        fn wiped_when_dropped<T: ZeroizeOnDrop>() {}
        wiped_when_dropped::<MaskKey>();
        wiped_when_dropped::<SubKey>();
        wiped_when_dropped::<aes::Aes128>();
        let mut hasher = blake3::Hasher::new_keyed(&[7; 32]);
        assert_eq!(wiped(&mut hasher, &[b"a", b"b"]), *blake3::keyed_hash(&[7; 32], b"ab").as_bytes());
        assert_ne!(hasher.finalize(), blake3::keyed_hash(&[7; 32], b"ab"));
        assert_ne!(hasher.reset().update(b"ab").finalize(), blake3::keyed_hash(&[7; 32], b"ab"));
    }

    #[test]
    fn nothing_of_a_key_is_printed() {
        let key = MaskKey::new(&[0xab; 32]).unwrap();
        assert_eq!(format!("{key:?} {:?}", key.derive("x")), "MaskKey(..) SubKey(..)");
        assert_eq!(key.id().len(), 16);
        assert!(!key.id().contains("abab"));
    }

    #[test]
    fn a_folded_hash_is_that_of_the_folded_value() {
        let key = MaskKey::new(&[1; 32]).unwrap().derive("a");
        for length in [0, 1, 63, 64, 65, 300] {
            let value = "aB\u{c4}".repeat(length).into_bytes();
            assert_eq!(key.hash_folded(&value), key.hash(&value.to_ascii_lowercase()));
        }
    }

    #[test]
    fn domains_and_uses_have_their_own_keys() {
        let key = MaskKey::new(&[1; 32]).unwrap();
        let audits = [of_audit(None).hash(b"v"), of_audit(Some(&key)).hash(b"v"), key.derive("audit").hash(b"v")];
        assert!(audits[0] != audits[1] && audits[1] != audits[2] && audits[0] != audits[2]);
        let (a, b) = (key.derive("a"), key.derive("b"));
        assert_ne!(a.hash(b"v"), b.hash(b"v"));
        assert_ne!(a.hash(b"v"), a.for_use("ff1").hash(b"v"));
        assert_eq!(a.hash(b"v"), key.derive("a").hash(b"v"));
    }
}
