//! Masks a line of COPY text format without taking it apart.
//!
//! <https://www.postgresql.org/docs/current/sql-copy.html>, "Text Format": fields with tabs between them, `\N` for NULL,
//! and backslash escapes for what would be taken for a border. Only masked fields are unescaped and escaped again; all others,
//! which are most bytes of most tables, are copied as they are, from one masked field to the next.

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};

use crate::compiled::Compiled;
use crate::filter::FilterError;
use crate::mask::{Mask, Outcome};
use crate::raw::{Raw, RawRow};

impl Compiled {
    /// Masks whole lines, each with its newline, as [`copy_line`](Compiled::copy_line) does.
    pub fn copy_lines(&self, lines: &[u8], scratch: &mut Vec<u8>, out: &mut BytesMut) -> Result<(), FilterError> {
        each_line(lines).try_for_each(|line| self.copy_line(line, scratch, out))
    }

    /// Masks whole lines that hold all columns of the input in its order, as they stand in a topic, and appends the output columns of
    /// each to `out`. On an error what is in `out` means nothing.
    pub fn whole_lines(&self, lines: &[u8], scratch: &mut Vec<u8>, out: &mut BytesMut) -> Result<(), FilterError> {
        let expected = self.input().columns.len();
        let places: Vec<Option<usize>> = (0..expected).map(Some).collect();
        let mut fields: Vec<&[u8]> = Vec::with_capacity(expected);
        for line in each_line(lines) {
            fields.clear();
            fields.extend(line.split(|b| *b == b'\t'));
            if fields.len() != expected {
                return Err(self.columns(expected, fields.len()));
            }
            let row = RawRow::of_line(line, &places);
            for (output, source) in self.sources().iter().enumerate() {
                if output > 0 {
                    out.put_u8(b'\t');
                }
                match (self.mask(output), self.stands_in(output), fields.get(*source)) {
                    (Some(mask), _, Some(field)) => put_field(mask, field, &row, scratch, out),
                    (None, Some(value), _) => put_value(value, out),
                    (None, None, Some(field)) => out.put_slice(field),
                    (_, _, None) => return Err(self.columns(expected, fields.len())),
                }
            }
            out.put_u8(b'\n');
        }
        Ok(())
    }

    /// Masks one line, without its newline, that holds the columns of [`reads`](Compiled::reads) in their order, and appends
    /// the **output** columns, which are the first of these, to `out` with a newline.
    ///
    /// `scratch` is for fields with escapes: give the same one each time. Its content means nothing before or after.
    ///
    /// On an error (another number of fields than the table has) nothing is appended.
    pub fn copy_line(&self, line: &[u8], scratch: &mut Vec<u8>, out: &mut BytesMut) -> Result<(), FilterError> {
        let start = out.len();
        out.reserve(line.len() + 1);
        if self.rewrites() {
            let expected = self.reads().len();
            let found = self.fields(line, scratch, out);
            if found != expected {
                out.truncate(start);
                return Err(self.columns(expected, found));
            }
        } else {
            out.put_slice(line);
        }
        out.put_u8(b'\n');
        Ok(())
    }

    /// Masks the fields of a line and says how many there were.
    fn fields(&self, line: &[u8], scratch: &mut Vec<u8>, out: &mut BytesMut) -> usize {
        let row = RawRow::of_line(line, self.line_fields());
        let mut copied = 0; // what stands before this is in `out`
        let mut field = 0;
        let mut begin = 0;
        let last = self.output.columns.len();
        let mut borders = memchr::memchr_iter(b'\t', line);
        loop {
            let border = borders.next();
            let end = border.unwrap_or(line.len());
            if let Some(mask) = self.mask(field) {
                out.put_slice(&line[copied..begin]);
                put_field(mask, &line[begin..end], &row, scratch, out);
                copied = end;
            } else if let Some(value) = self.stands_in(field) {
                out.put_slice(&line[copied..begin]);
                put_value(value, out);
                copied = end;
            }
            field += 1;
            begin = end + 1;
            if field == last {
                out.put_slice(&line[copied..end]); // what comes behind is for masks to look at
                copied = line.len();
            }
            if border.is_none() {
                return field;
            }
        }
    }
}

/// The lines of a text, each without its newline. An unescaped newline ends a row: the text format writes one inside a value as `\n`.
fn each_line(lines: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = lines;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let (line, tail) = rest.split_at(end);
        rest = tail.get(1..).unwrap_or(&[]);
        Some(line)
    })
}

/// The raw value of a field of a line.
pub(crate) fn raw_field(line: &[u8], field: usize) -> Raw<'_> {
    match line.split(|b| *b == b'\t').nth(field) {
        None => Raw::Absent,
        Some(br"\N") => Raw::Null,
        Some(field) if memchr::memchr(b'\\', field).is_some() => {
            let mut plain = Vec::with_capacity(field.len());
            unescape(field, &mut plain);
            Raw::Text(Cow::Owned(plain))
        }
        Some(field) => Raw::Text(Cow::Borrowed(field)),
    }
}

/// What stands in, whatever production has.
fn put_value(value: &str, out: &mut BytesMut) {
    let start = out.len();
    out.put_slice(value.as_bytes());
    escape_from(start, out);
}

fn put_field(mask: &Mask, field: &[u8], row: &RawRow<'_>, scratch: &mut Vec<u8>, out: &mut BytesMut) {
    if field == br"\N" {
        return out.put_slice(field);
    }
    let start = out.len();
    let outcome = if memchr::memchr(b'\\', field).is_some() {
        unescape(field, scratch);
        mask.apply(scratch, row, out)
    } else {
        mask.apply(field, row, out)
    };
    match outcome {
        Outcome::Masked | Outcome::Redacted => escape_from(start, out),
        // a line of COPY has every value that is copied, and what is not told is not guessed
        Outcome::Null | Outcome::NeedsRow => {
            out.truncate(start);
            out.put_slice(br"\N");
        }
    }
}

/// Takes the escapes out of a field, all that COPY FROM knows: COPY TO writes only the letters, but reading them all
/// costs nothing.
fn unescape(field: &[u8], out: &mut Vec<u8>) {
    out.clear();
    let mut rest = field;
    while let Some((&b, tail)) = rest.split_first() {
        rest = tail;
        if b != b'\\' {
            out.push(b);
            continue;
        }
        let Some((&escaped, tail)) = rest.split_first() else {
            out.push(b); // a lone backslash at the end stands for itself
            return;
        };
        rest = tail;
        out.push(match escaped {
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 11,
            b'0'..=b'7' => number(escaped - b'0', 8, 2, &mut rest),
            b'x' if rest.first().is_some_and(u8::is_ascii_hexdigit) => number(0, 16, 2, &mut rest),
            other => other,
        });
    }
}

/// Goes on with a number of up to `more` digits. Past 255 it wraps, as PostgreSQL's does.
fn number(start: u8, radix: u8, more: usize, rest: &mut &[u8]) -> u8 {
    let mut n = start;
    for _ in 0..more {
        let Some(digit) = rest.first().and_then(|b| (*b as char).to_digit(u32::from(radix))) else {
            break;
        };
        n = n.wrapping_mul(radix).wrapping_add(digit as u8);
        *rest = &rest[1..];
    }
    n
}

/// The letter that stands for a byte after a backslash.
fn letter(b: u8) -> Option<u8> {
    Some(match b {
        8 => b'b',
        12 => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        11 => b'v',
        b'\\' => b'\\',
        _ => return None,
    })
}

/// Escapes what `out` holds from `start` on, in place.
fn escape_from(start: usize, out: &mut BytesMut) {
    let special = out[start..].iter().filter(|b| letter(**b).is_some()).count();
    if special == 0 {
        return;
    }
    let mut from = out.len();
    out.put_bytes(0, special);
    let mut to = out.len();
    // from the back: every byte moves right, by as many places as escapes stand before it
    while from > start {
        from -= 1;
        match letter(out[from]) {
            Some(letter) => {
                out[to - 1] = letter;
                out[to - 2] = b'\\';
                to -= 2;
            }
            None => {
                out[to - 1] = out[from];
                to -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes() {
        for (plain, escaped) in [
            (&b"plain"[..], &b"plain"[..]),
            (b"a\tb\nc\rd\\e", br"a\tb\nc\rd\\e"),
            (b"\x08\x0b\x0c", br"\b\v\f"),
            (b"\\N", br"\\N"),
            (b"\\", br"\\"),
            (b"", b""),
        ] {
            let mut out = BytesMut::from(&b"before\t"[..]);
            let start = out.len();
            out.put_slice(plain);
            escape_from(start, &mut out);
            assert_eq!(&out[start..], escaped);
            assert_eq!(&out[..start], b"before\t");
            let mut back = vec![1, 2, 3];
            unescape(escaped, &mut back);
            assert_eq!(back, plain);
        }
    }

    #[test]
    fn escapes_that_only_copy_from_knows() {
        let mut out = Vec::new();
        for (escaped, plain) in [
            (&br"\101\x41\x4a"[..], &b"AAJ"[..]),
            (br"\1", b"\x01"),
            (br"\18", b"\x018"),
            (br"\xg", b"xg"),
            (br"\x4", b"\x04"),
            (br"\777", b"\xff"),
            (br"\q", b"q"),
            (b"\\", b"\\"),
        ] {
            unescape(escaped, &mut out);
            assert_eq!(out, plain, "{}", escaped.escape_ascii());
        }
    }
}
