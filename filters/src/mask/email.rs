//! `email`: an address that nobody has.
//!
//! - takes text: something, `@`, and a host name of letters, digits, hyphens and dots; at most 320 bytes
//! - keeps equality within its domain, ignoring ASCII case; with `keep_domain` also the host
//! - gives away which addresses are equal; with `keep_domain` the host, which may name a person or a small firm
//! - NULL stays NULL (the caller's part); the empty string stays empty
//! - unparsable: a keyed address at `invalid.example`, counted
//!
//! The local part is 128 bits of keyed BLAKE3 over the whole folded address, in 26 characters of lower-case base32
//! (RFC 4648, section 6). Hosts are `example.com` and `example`, which nobody can own (RFC 2606), so that a staging
//! that sends mail sends it to no one.
//!
//! Only ASCII case is folded. Unicode's folding changes with its version, and a mask may not change with a compiler.
//!
//! In a `varchar(n)` below 38 characters the local part gives way, down to 8 characters (40 bits). A host that does not
//! fit beside the local part is replaced, not the other way round: else one long host would make a `varchar(255)` unfit
//! for a unique index.

use bytes::{BufMut, BytesMut};

use super::kind::{Empty, Kind, Parameter, What};
use super::make::{Built, Make};
use super::spec::{MaskError, hashed};
use super::{Masking, Outcome};
use crate::key::SubKey;
use crate::raw::RawRow;

const RESERVED: &[u8] = b"example.com";
const UNPARSABLE: &[u8] = b"invalid.example";
const LOCAL: usize = 26;
const LEAST_LOCAL: usize = 8;
/// RFC 5321, section 4.5.3.1: 64 for the local part, 255 for the host, and the sign between them.
const LONGEST: usize = 320;

/// A column must have room for this many characters.
const LEAST_ROOM: usize = LEAST_LOCAL + 1 + UNPARSABLE.len();

pub(crate) static KIND: Kind = Kind {
    name: "email",
    version: 1,
    makes: "an address that nobody has",
    types: "text",
    keeps: "equality, ignoring ASCII case; the domain with keep_domain",
    gives_away: "which addresses are equal; the domain with keep_domain",
    unique: true,
    example: "{ mask: email, keep_domain: true }",
    parameters: &[Parameter::new("keep_domain", What::Flag, "keep what follows the `@`").always_described()],
    keyed: true,
    empty: Empty::Stays,
    build,
};

struct Email {
    key: SubKey,
    unparsable: SubKey,
    keep_domain: bool,
    /// Characters that the column can hold.
    room: usize,
}

fn build(make: &Make<'_>) -> Result<Built, MaskError> {
    make.wants_text()?;
    make.needs(LEAST_ROOM)?;
    let (key, unparsable) = (make.key("email"), make.key("email unparsable"));
    let email = Email { key, unparsable, keep_domain: make.flag("keep_domain"), room: make.room() };
    let (injective, keep_domain) = (hashed(email.local() * 5), email.keep_domain);
    let longest = email.room.min(LOCAL + 1 + UNPARSABLE.len());
    let built = Built::new(email, injective)?.small().folds();
    Ok(if keep_domain { built } else { built.at_most(longest) })
}

impl Masking for Email {
    fn apply(&self, value: &[u8], _row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        let mut buffer = [0u8; LONGEST];
        let Some(folded) = buffer.get_mut(..value.len()) else {
            return self.redact(value, out);
        };
        folded.copy_from_slice(value);
        folded.make_ascii_lowercase();
        let Some(host) = host(folded) else {
            return self.redact(value, out);
        };
        let kept = if self.keep_domain { host } else { RESERVED };
        let kept = if self.local() + 1 + characters(kept) <= self.room { kept } else { RESERVED };
        put(&self.key.hash(folded), self.local(), kept, out);
        Outcome::Masked
    }
}

impl Email {
    /// How many characters the local part has.
    fn local(&self) -> usize {
        (self.room - 1 - RESERVED.len()).min(LOCAL)
    }

    fn redact(&self, value: &[u8], out: &mut BytesMut) -> Outcome {
        put(&self.unparsable.hash(value), self.room - 1 - UNPARSABLE.len(), UNPARSABLE, out);
        Outcome::Redacted
    }
}

/// What follows the last `@`, if it can be a host name. Strict, because it may be kept: `bob@home, or ask Ann` must not
/// keep Ann. Beyond ASCII all but spaces and punctuation passes, for internationalised names; by ranges and not by
/// `char::is_alphanumeric`, which changes with the version of Unicode.
fn host(address: &[u8]) -> Option<&[u8]> {
    let at = memchr::memrchr(b'@', address)?;
    let host = address.get(at + 1..)?;
    let letter = |c: char| match c {
        '-' => true,
        '\0'..='\x7f' => c.is_ascii_alphanumeric(),
        '\u{80}'..='\u{bf}' | '\u{2000}'..='\u{206f}' | '\u{3000}'..='\u{303f}' => false,
        _ => true,
    };
    let text = std::str::from_utf8(host).ok()?;
    (at > 0 && text.split('.').all(|label| !label.is_empty() && label.chars().all(letter))).then_some(host)
}

fn characters(text: &[u8]) -> usize {
    text.iter().filter(|b| !matches!(b, 0x80..=0xbf)).count()
}

fn put(hash: &[u8; 32], room: usize, host: &[u8], out: &mut BytesMut) {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let (head, _) = hash.split_at(16);
    let mut bits = head.iter().fold(0u128, |n, b| n << 8 | u128::from(*b));
    let mut local = [0u8; LOCAL];
    for c in &mut local {
        *c = ALPHABET[(bits >> 123) as usize];
        bits <<= 5;
    }
    out.put_slice(&local[..room.min(LOCAL)]);
    out.put_u8(b'@');
    out.put_slice(host);
}
