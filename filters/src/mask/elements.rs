//! A mask on an array column: each element by itself, as if it stood in a column of its own.
//!
//! - bounds (`[2:3]={…}`), nesting and the order of elements stay; so does a NULL element, as NULL stays NULL everywhere
//! - an element that the mask makes NULL is NULL
//! - how many elements there are is given away
//! - what is no array is redacted to `{}`
//!
//! The text form of arrays: <https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO>. Masks that take any column (`null`,
//! `constant`) take an array as a whole. No type that a mask takes has another delimiter than the comma (`box` has).
//!
//! Different arrays stay different if different elements do: all else of them stays.

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};

use super::quoted::{self, Malformed};
use super::spec::Injective;
use super::{Mask, Masking, Outcome};
use crate::raw::RawRow;

/// PostgreSQL's own limit (`MAXDIM`).
const MOST_DIMENSIONS: usize = 6;

pub(super) struct Elements(Mask);

impl Elements {
    pub(super) fn of(mask: Mask) -> Elements {
        Elements(mask)
    }

    pub(super) fn injective(&self) -> Injective {
        self.0.injective()
    }
}

impl Masking for Elements {
    fn apply(&self, value: &[u8], row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        let start = out.len();
        match self.array(value, row, out) {
            Ok(outcome) => outcome,
            Err(Malformed) => {
                out.truncate(start);
                out.put_slice(b"{}");
                Outcome::Redacted
            }
        }
    }
}

impl Elements {
    fn array(&self, value: &[u8], row: &RawRow<'_>, out: &mut BytesMut) -> Result<Outcome, Malformed> {
        let mut at = bounds(value)?;
        out.put_slice(&value[..at]);
        let (mut depth, mut redacted) = (0usize, false);
        // may an element or a brace that opens come here, or only a comma or a brace that closes?
        let mut wanted = true;
        loop {
            let b = *value.get(at).ok_or(Malformed)?;
            match (b, wanted) {
                (b'{', true) if depth < MOST_DIMENSIONS => depth += 1,
                (b',', false) if depth > 0 => wanted = true,
                (b'}', false) if depth > 0 => depth -= 1,
                // an array without elements
                (b'}', true) if depth == 1 && value.get(at.wrapping_sub(1)) == Some(&b'{') => {
                    (depth, wanted) = (0, false)
                }
                (b'{' | b'}' | b',', _) => return Err(Malformed),
                (_, true) if depth > 0 => {
                    let (element, end) = element(value, at)?;
                    match element.map(|element| self.put(&element, row, out)) {
                        None | Some(Outcome::Null) => out.put_slice(b"NULL"),
                        Some(Outcome::Redacted) => redacted = true,
                        Some(Outcome::Masked) => {}
                        Some(Outcome::NeedsRow) => return Ok(Outcome::NeedsRow),
                    }
                    (at, wanted) = (end, false);
                    continue;
                }
                _ => return Err(Malformed),
            }
            out.put_u8(b);
            at += 1;
            if depth == 0 {
                break;
            }
        }
        match value.len() == at {
            true if redacted => Ok(Outcome::Redacted),
            true => Ok(Outcome::Masked),
            false => Err(Malformed),
        }
    }

    /// Appends the masked form of an element, in quotes if it needs them; nothing where it becomes NULL.
    fn put(&self, element: &[u8], row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        let start = out.len();
        let outcome = self.0.apply(element, row, out);
        match outcome {
            Outcome::Masked | Outcome::Redacted => quote_from(start, out),
            Outcome::Null | Outcome::NeedsRow => out.truncate(start),
        }
        outcome
    }
}

/// Where the bounds end and the braces begin.
fn bounds(value: &[u8]) -> Result<usize, Malformed> {
    if value.first() != Some(&b'[') {
        return Ok(0);
    }
    let equals = memchr::memchr(b'=', value).ok_or(Malformed)?;
    let only = |b: &u8| matches!(b, b'[' | b']' | b':' | b'+' | b'-' | b'0'..=b'9');
    if value[..equals].iter().all(only) { Ok(equals + 1) } else { Err(Malformed) }
}

/// An element, `None` for NULL, and where it ends.
type Element<'a> = (Option<Cow<'a, [u8]>>, usize);

/// The element that begins here.
fn element(value: &[u8], at: usize) -> Result<Element<'_>, Malformed> {
    let rest = &value[at..];
    if !rest.starts_with(b"\"") {
        let end = rest.iter().position(|b| matches!(b, b',' | b'{' | b'}' | b'"' | b'\\')).ok_or(Malformed)?;
        let element = &rest[..end];
        let null = element.eq_ignore_ascii_case(b"NULL");
        return Ok((if null { None } else { Some(Cow::Borrowed(element)) }, at + end));
    }
    let (element, behind) = quoted::take(rest)?;
    Ok((Some(element), value.len() - behind.len()))
}

/// Puts what `out` holds from `start` on in quotes, if as an element it needs them.
fn quote_from(start: usize, out: &mut BytesMut) {
    let element = &out[start..];
    let special = |b: &u8| matches!(b, b'"' | b'\\' | b'{' | b'}' | b',' | b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c);
    if !element.is_empty() && !element.eq_ignore_ascii_case(b"NULL") && !element.iter().any(special) {
        return;
    }
    quoted::quote_from(start, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes() {
        for (plain, element) in [
            (&b"plain"[..], &b"plain"[..]),
            (b"", b"\"\""),
            (b"null", b"\"null\""),
            (b"nulls", b"nulls"),
            (b"a b", b"\"a b\""),
            (b"a\"\\", br#""a\"\\""#),
            (b"{", b"\"{\""),
            (b"}", b"\"}\""),
            (b",", b"\",\""),
            (b"\x0b", b"\"\x0b\""),
        ] {
            let mut out = BytesMut::from(&b"{a,"[..]);
            out.put_slice(plain);
            quote_from(3, &mut out);
            assert_eq!(&out[..3], b"{a,");
            assert_eq!(&out[3..], element);
        }
    }
}
