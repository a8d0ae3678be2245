//! What stands in for a value that its mask cannot read: keyed, of the same shape, never the value itself.
//!
//! A redaction is not one to one. It exists so that one odd value neither leaks nor stops a stream.

use bytes::{BufMut, BytesMut};

use super::keyed::Keyed;
use crate::key::SubKey;

/// Digits become other digits, ASCII letters other letters of the same case; spaces and punctuation stay; any other
/// character becomes `x`. A value without digit or letter becomes as many digits. No character that is replaced by one
/// of its own kind stays what it was, so that even `7` never comes out as `7`.
///
/// Never more characters than before.
pub(crate) fn same_shape(key: &SubKey, value: &[u8], out: &mut BytesMut) {
    let mut keyed = Keyed::new(key, value);
    let mut replaced = false;
    let start = out.len();
    for &b in value {
        match b {
            b'0'..=b'9' => out.put_u8(b'0' + keyed.other(b - b'0', 10)),
            b'a'..=b'z' => out.put_u8(b'a' + keyed.other(b - b'a', 26)),
            b'A'..=b'Z' => out.put_u8(b'A' + keyed.other(b - b'A', 26)),
            0x80..=0xbf => continue, // inside a character
            0xc0.. => out.put_u8(b'x'),
            _ => {
                out.put_u8(b);
                continue;
            }
        }
        replaced = true;
    }
    if !replaced {
        out.truncate(start);
        digits(key, value, out, value.len().min(64));
    }
}

/// `count` keyed digits, whatever the value looks like.
pub(crate) fn digits(key: &SubKey, value: &[u8], out: &mut BytesMut, count: usize) {
    let mut keyed = Keyed::new(key, value);
    for _ in 0..count {
        out.put_u8(b'0' + keyed.byte() % 10);
    }
}

/// Cuts what stands in `out` from `start` on to so many characters.
pub(crate) fn cut(start: usize, room: usize, out: &mut BytesMut) {
    if out.len() - start <= room {
        return;
    }
    let begins = |(_, b): &(usize, &u8)| !matches!(b, 0x80..=0xbf);
    if let Some((end, _)) = out[start..].iter().enumerate().filter(begins).nth(room) {
        out.truncate(start + end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::MaskKey;

    #[test]
    fn keeps_the_shape_and_nothing_else() {
        let key = MaskKey::new(&[5; 32]).unwrap().derive("t");
        for value in ["7", "A-12 b", "Zoë", "-", "---", "\t", "0", "ü"] {
            let mut out = BytesMut::new();
            same_shape(&key, value.as_bytes(), &mut out);
            let masked = std::str::from_utf8(&out).unwrap();
            assert_ne!(masked, value);
            assert!(masked.chars().count() <= value.chars().count(), "{value} {masked}");
            for (m, v) in masked.chars().zip(value.chars()) {
                assert!(m != v || !v.is_alphanumeric());
            }
        }
    }
}
