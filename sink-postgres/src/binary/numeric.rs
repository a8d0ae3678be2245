//! `numeric`: a sign, a weight, and digits of base 10,000 (`numeric_recv` in PostgreSQL's `numeric.c`).

use bytes::{BufMut, BytesMut};

const NEGATIVE: u16 = 0x4000;
/// So many decimal digits on either side are read here; the server has more.
const MOST: usize = 200;

/// Appends it, length first.
pub fn write(text: &[u8], out: &mut BytesMut) -> Option<()> {
    let (negative, text) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        _ => (false, text),
    };
    let point = text.iter().position(|b| *b == b'.').unwrap_or(text.len());
    let (whole, fraction) = (text.get(..point)?, text.get(point + 1..).unwrap_or(&[]));
    // as the server writes it: a digit before the point, and one behind it if it is there; no zero before others
    let written = !whole.is_empty()
        && (whole.len() == 1 || whole.first() != Some(&b'0'))
        && (point == text.len() || !fraction.is_empty())
        && whole.len().max(fraction.len()) <= MOST
        && whole.iter().chain(fraction).all(u8::is_ascii_digit);
    if !written {
        return None;
    }
    let mut digits = [0u16; 2 * MOST.div_ceil(4)];
    let mut count = 0;
    // four by four, from the point both ways
    let (head, groups) = whole.as_rchunks::<4>();
    let (tail, rest) = fraction.as_chunks::<4>();
    let mut last = [b'0'; 4];
    last.get_mut(..rest.len())?.copy_from_slice(rest);
    let first = (!head.is_empty()).then_some(head);
    let last = (!rest.is_empty()).then_some(&last[..]);
    let parts = first.into_iter().chain(groups.iter().map(|g| &g[..])).chain(tail.iter().map(|g| &g[..])).chain(last);
    for part in parts {
        *digits.get_mut(count)? = part.iter().fold(0, |n, d| n * 10 + u16::from(d - b'0'));
        count += 1;
    }
    let mut weight = i16::try_from(whole.len().div_ceil(4)).ok()? - 1;
    let mut digits = digits.get(..count)?;
    while let Some((0, rest)) = digits.split_first() {
        (digits, weight) = (rest, weight - 1);
    }
    while let Some((0, rest)) = digits.split_last() {
        digits = rest;
    }
    let zero = digits.is_empty();
    out.put_u32(8 + 2 * digits.len() as u32);
    out.put_u16(digits.len() as u16);
    out.put_i16(if zero { 0 } else { weight });
    // there is no negative zero
    out.put_u16(if negative && !zero { NEGATIVE } else { 0 });
    out.put_u16(fraction.len() as u16);
    digits.iter().for_each(|d| out.put_u16(*d));
    Some(())
}
