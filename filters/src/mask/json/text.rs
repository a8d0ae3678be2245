//! JSON's grammar (RFC 8259) over bytes, without a tree.

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};

/// It is no JSON.
#[derive(Debug)]
pub(super) struct Malformed;

/// A value that holds no others, as it is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scalar<'a> {
    Null,
    Flag(&'a [u8]),
    Number(&'a [u8]),
    /// With its quotes; is a backslash in it?
    Text(&'a [u8], bool),
}

impl<'a> Scalar<'a> {
    pub(super) fn written(self) -> &'a [u8] {
        match self {
            Scalar::Null => b"null",
            Scalar::Flag(written) | Scalar::Number(written) | Scalar::Text(written, _) => written,
        }
    }

    /// What it says: of a string, its content.
    pub(super) fn plain(self) -> Cow<'a, [u8]> {
        let Scalar::Text(written, escaped) = self else { return Cow::Borrowed(self.written()) };
        let content = written.get(1..written.len() - 1).unwrap_or_default();
        if escaped { Cow::Owned(unescaped(content)) } else { Cow::Borrowed(content) }
    }
}

/// A place in a text.
pub(super) struct Scan<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    pub(super) fn of(text: &'a [u8]) -> Scan<'a> {
        Scan { text, at: 0 }
    }

    /// What comes next but for blanks.
    pub(super) fn peek(&mut self) -> Result<u8, Malformed> {
        while matches!(self.text.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        self.text.get(self.at).copied().ok_or(Malformed)
    }

    pub(super) fn take(&mut self, wanted: u8) -> Result<(), Malformed> {
        if self.peek()? != wanted {
            return Err(Malformed);
        }
        self.at += 1;
        Ok(())
    }

    /// Does another member or element come before the bracket that closes? Takes the comma, or the bracket.
    pub(super) fn more(&mut self, closes: u8, first: bool) -> Result<bool, Malformed> {
        if self.peek()? == closes {
            self.at += 1;
            return Ok(false);
        }
        if !first {
            self.take(b',')?;
        }
        Ok(true)
    }

    /// Nothing but blanks comes behind.
    pub(super) fn end(&mut self) -> Result<(), Malformed> {
        if self.peek().is_ok() { Err(Malformed) } else { Ok(()) }
    }

    /// The name of a member, with the colon behind it.
    pub(super) fn name(&mut self) -> Result<Scalar<'a>, Malformed> {
        if self.peek()? != b'"' {
            return Err(Malformed);
        }
        let name = self.scalar()?;
        self.take(b':')?;
        Ok(name)
    }

    pub(super) fn scalar(&mut self) -> Result<Scalar<'a>, Malformed> {
        let rest = match self.peek()? {
            b'"' => return self.string(),
            _ => &self.text[self.at..],
        };
        let end = rest.iter().position(|b| !matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'+' | b'-' | b'.' | b'E'));
        let written = &rest[..end.unwrap_or(rest.len())];
        self.at += written.len();
        match written {
            b"null" => Ok(Scalar::Null),
            b"true" | b"false" => Ok(Scalar::Flag(written)),
            number if is_number(number) => Ok(Scalar::Number(number)),
            _ => Err(Malformed),
        }
    }

    fn string(&mut self) -> Result<Scalar<'a>, Malformed> {
        let start = self.at;
        let mut escaped = false;
        self.at += 1;
        loop {
            let rest = &self.text[self.at..];
            let n = rest.iter().position(|b| matches!(b, b'"' | b'\\' | 0..=0x1f)).ok_or(Malformed)?;
            self.at += n + 1;
            match rest[n] {
                b'"' => return Ok(Scalar::Text(&self.text[start..self.at], escaped)),
                b'\\' => escaped = true,
                _ => return Err(Malformed),
            }
            let (letter, digits) = rest.get(n + 1..).and_then(<[u8]>::split_first).ok_or(Malformed)?;
            self.at += match letter {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 1,
                b'u' if digits.len() >= 4 && digits[..4].iter().all(u8::is_ascii_hexdigit) => 5,
                _ => return Err(Malformed),
            };
        }
    }

    /// A whole value, as it is written.
    pub(super) fn skip(&mut self, deepest: usize) -> Result<&'a [u8], Malformed> {
        let opens = self.peek()?;
        let start = self.at;
        if !matches!(opens, b'{' | b'[') {
            self.scalar()?;
            return Ok(&self.text[start..self.at]);
        }
        let deeper = deepest.checked_sub(1).ok_or(Malformed)?;
        self.at += 1;
        let mut first = true;
        while self.more(opens + 2, first)? {
            first = false;
            if opens == b'{' {
                self.name()?;
            }
            self.skip(deeper)?;
        }
        Ok(&self.text[start..self.at])
    }
}

/// Is it a number as JSON writes one?
pub(super) fn is_number(text: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|b| b.is_ascii_digit()).count();
    let mut rest = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digits(rest);
    if whole == 0 || whole > 1 && rest[0] == b'0' {
        return false;
    }
    rest = &rest[whole..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        let n = digits(fraction);
        if n == 0 {
            return false;
        }
        rest = &fraction[n..];
    }
    if let Some(power) = rest.strip_prefix(b"e").or_else(|| rest.strip_prefix(b"E")) {
        let power = power.strip_prefix(b"+").or_else(|| power.strip_prefix(b"-")).unwrap_or(power);
        let n = digits(power);
        return n > 0 && n == power.len();
    }
    rest.is_empty()
}

/// A string's content without escapes. Half a surrogate pair, which no text can hold, becomes U+FFFD.
fn unescaped(content: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(content.len());
    let mut rest = content;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        plain.extend_from_slice(&rest[..at]);
        let letter = rest.get(at + 1).copied().unwrap_or(b'\\');
        rest = rest.get(at + 2..).unwrap_or_default();
        plain.push(match letter {
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let (unit, after) = unit(rest);
                rest = after;
                let mut code = unit;
                if (0xd800..0xdc00).contains(&unit)
                    && let Some(low) =
                        rest.strip_prefix(b"\\u").map(self::unit).filter(|(low, _)| (0xdc00..0xe000).contains(low))
                {
                    code = 0x10000 + ((unit - 0xd800) << 10) + (low.0 - 0xdc00);
                    rest = low.1;
                }
                let c = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                plain.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            other => other,
        });
    }
    plain.extend_from_slice(rest);
    plain
}

/// Four hexadecimal digits, and what is behind them.
fn unit(text: &[u8]) -> (u32, &[u8]) {
    let Some((digits, after)) = text.split_at_checked(4) else { return (0, &[]) };
    (digits.iter().fold(0, |n, b| n << 4 | char::from(*b).to_digit(16).unwrap_or(0)), after)
}

/// Makes a JSON string of what `out` holds from `start` on.
pub(super) fn escape_from(start: usize, out: &mut BytesMut) {
    let more: usize = out[start..].iter().map(|b| extra(*b)).sum();
    let mut from = out.len();
    out.put_bytes(b'"', more + 2);
    let mut to = out.len() - 1;
    // from the back: every byte moves right, by the quote and all that escapes before it add
    while from > start {
        from -= 1;
        let b = out[from];
        let written = &mut [b'\\', b, b'0', b'0', 0, 0][..];
        let length = extra(b) + 1;
        match length {
            1 => written[0] = b,
            2 => written[1] = letter(b).unwrap_or(b),
            _ => {
                written[1] = b'u';
                written[4] = hex(b >> 4);
                written[5] = hex(b & 15);
            }
        }
        to -= length;
        out[to..to + length].copy_from_slice(&written[..length]);
    }
    out[start] = b'"';
}

/// How many bytes an escape of this byte adds.
fn extra(b: u8) -> usize {
    match b {
        _ if letter(b).is_some() => 1,
        0..=0x1f => 5,
        _ => 0,
    }
}

fn letter(b: u8) -> Option<u8> {
    Some(match b {
        8 => b'b',
        12 => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        b'"' | b'\\' => b,
        _ => return None,
    })
}

fn hex(digit: u8) -> u8 {
    if digit < 10 { b'0' + digit } else { b'a' + digit - 10 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_and_back() {
        for (written, plain) in [
            (&br#""plain""#[..], "plain"),
            (br#""a\"b\\c\/d""#, "a\"b\\c/d"),
            (br#""\b\f\n\r\t""#, "\u{8}\u{c}\n\r\t"),
            (br#""\u00e9\u0000\ud83e\udd80""#, "é\0🦀"),
            (br#""\ud83e\n\udd80\ud83e""#, "\u{fffd}\n\u{fffd}\u{fffd}"),
            (br#""\ud83e\u0041""#, "\u{fffd}A"),
        ] {
            let scalar = Scan::of(written).scalar().unwrap();
            assert_eq!(scalar.plain(), plain.as_bytes());
            let mut out = BytesMut::from(&b"["[..]);
            out.put_slice(plain.as_bytes());
            escape_from(1, &mut out);
            assert_eq!(Scan::of(&out[1..]).scalar().unwrap().plain(), plain.as_bytes());
        }
        let mut out = BytesMut::from(&b"a\x01\"\x1f\\"[..]);
        escape_from(0, &mut out);
        assert_eq!(&out[..], br#""a\u0001\"\u001f\\""#);
    }

    #[test]
    fn numbers() {
        for good in ["0", "-0", "10", "1.50", "-0.1e+5", "1E9", "1e-9", "123456789012345678901234567890.5"] {
            assert!(is_number(good.as_bytes()), "{good}");
        }
        for bad in ["", "-", "01", "-01", "1.", ".5", "1e", "1e+", "+1", "0x1", "1_0", "NaN", "1 ", "--1", "1.5.5"] {
            assert!(!is_number(bad.as_bytes()), "{bad}");
        }
    }
}
