//! What must never be printed: connection strings, and the masking key as it was typed.

use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use filters::key::{MIN_KEY_BYTES, MaskKey};
use zeroize::Zeroizing;

use super::problem::Fault;

/// A text that may hold a password. Overwritten when dropped, and shown to nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(Zeroizing::new(text.into()))
    }

    /// The text itself: for the connection, and for nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Reads the masking key: 64 or more hexadecimal digits, else base64 (either alphabet) of 32 bytes or more, else the
/// text's own bytes. In this order, so that one text is always the same key.
pub(super) fn mask_key(text: &str) -> Result<MaskKey, Fault> {
    MaskKey::new(&key_bytes(text)?).map_err(|_| short())
}

fn short() -> Fault {
    Fault::new("fewer than 32 bytes").hint("openssl rand -base64 32")
}

/// The same of any key.
pub(super) fn key_bytes(text: &str) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let text = text.trim();
    let bytes = hex(text).or_else(|| base64(text)).unwrap_or_else(|| Zeroizing::new(text.as_bytes().to_vec()));
    if bytes.len() < MIN_KEY_BYTES {
        return Err(short());
    }
    if bytes.iter().all(|b| *b == bytes[0]) {
        return Err(Fault::new("the same byte over and over").hint("openssl rand -base64 32"));
    }
    Ok(bytes)
}

/// Another backup key, that was typed elsewhere than in the file. An error says nothing of it.
pub fn read_backup_key(text: &str) -> Result<crate::backup::Key, String> {
    key_bytes(text).map(|bytes| crate::backup::Key::new(&bytes)).map_err(|fault| fault.what)
}

/// A masking key that was typed elsewhere than in the file. An error says what is wrong with it, and nothing of it.
pub fn read_mask_key(text: &str) -> Result<MaskKey, String> {
    mask_key(text).map_err(|fault| fault.what)
}

fn hex(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    if text.len() < 2 * MIN_KEY_BYTES || !text.len().is_multiple_of(2) || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let nibble = |b: u8| (b as char).to_digit(16).unwrap_or(0) as u8;
    Some(Zeroizing::new(text.as_bytes().chunks_exact(2).map(|c| nibble(c[0]) << 4 | nibble(c[1])).collect()))
}

fn base64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    [alphabet::STANDARD, alphabet::URL_SAFE]
        .iter()
        .find_map(|a| GeneralPurpose::new(a, config).decode(text).ok())
        .map(Zeroizing::new)
        .filter(|bytes| bytes.len() >= MIN_KEY_BYTES)
}
