//! Text in double quotes, where a backslash makes any byte stand for itself: elements of arrays, keys and values of hstore.

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};

/// It is none.
#[derive(Debug)]
pub(super) struct Malformed;

/// What stands in the quotes at the beginning of `text`, and what is behind them.
pub(super) fn take(text: &[u8]) -> Result<(Cow<'_, [u8]>, &[u8]), Malformed> {
    let quoted = text.strip_prefix(b"\"").ok_or(Malformed)?;
    let (mut plain, mut from, mut at) = (Vec::new(), 0, 0);
    loop {
        at += memchr::memchr2(b'"', b'\\', quoted.get(at..).ok_or(Malformed)?).ok_or(Malformed)?;
        if quoted[at] == b'"' {
            break;
        }
        plain.extend_from_slice(&quoted[from..at]);
        (from, at) = (at + 1, at + 2);
    }
    let behind = &quoted[at + 1..];
    if from == 0 {
        return Ok((Cow::Borrowed(&quoted[..at]), behind));
    }
    plain.extend_from_slice(&quoted[from..at]);
    Ok((Cow::Owned(plain), behind))
}

/// Puts what `out` holds from `start` on in quotes.
pub(super) fn quote_from(start: usize, out: &mut BytesMut) {
    let escapes = out[start..].iter().filter(|b| matches!(b, b'"' | b'\\')).count();
    let mut from = out.len();
    out.put_bytes(b'"', escapes + 2);
    let mut to = out.len() - 1;
    // from the back: every byte moves right, by as many places as quotes and escapes stand before it
    while from > start {
        from -= 1;
        to -= 1;
        out[to] = out[from];
        if matches!(out[to], b'"' | b'\\') {
            to -= 1;
            out[to] = b'\\';
        }
    }
    out[start] = b'"';
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for (plain, quoted) in
            [(&b""[..], &b"\"\""[..]), (b"a b", b"\"a b\""), (b"a\"\\", br#""a\"\\""#), (b"\"", br#""\"""#)]
        {
            let mut out = BytesMut::from(&b"{a,"[..]);
            out.put_slice(plain);
            quote_from(3, &mut out);
            assert_eq!(&out[..], [b"{a,", quoted].concat());
            out.put_slice(b"behind");
            let (back, behind) = take(&out[3..]).unwrap();
            assert_eq!((&*back, behind), (plain, &b"behind"[..]));
        }
        assert_eq!(&*take(br#""\a\,""#).unwrap().0, b"a,");
        for bad in [&b""[..], b"a", b"\"", b"\"a", b"\"a\\", b"\"a\\\""] {
            assert!(take(bad).is_err());
        }
    }
}
