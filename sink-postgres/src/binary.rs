//! Text output as the binary form that the server's receive functions take, for the types whose text is read in few steps.
//!
//! **Why.** A value in an array of text is made a string, cast by its type's input function and copied; in an array of its own type
//! it is taken as it comes. Of an update of eight columns that is a fifth of the target's time, and the target is what a backlog waits
//! for, while we wait for it.
//!
//! **Why it is right.** Only what the server itself would have written is read: the text that its output functions give under
//! our settings ([`crate::session::SETTINGS`]), digit by digit. Anything else (`infinity`, a year BC, a number
//! with a sign or a blank before it, what a mask has written in another way) is [`None`], and then all of that step goes as
//! text, as if this did not exist, and the input function decides. A test sends values of each type both ways to real servers
//! and finds them identical to the byte (`tests/shapes/forms.rs`).
//!
//! The layouts are those of the `*_recv` functions in PostgreSQL's `src/backend/utils/adt`.

mod numeric;
mod time;

use bytes::{BufMut, BytesMut};

/// A type that has one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// `t` or `f`.
    Bool,
    /// 16 bits.
    Int2,
    /// 32 bits.
    Int4,
    /// 64 bits.
    Int8,
    /// IEEE 754, 32 bits.
    Float4,
    /// IEEE 754, 64 bits.
    Float8,
    /// Decimal digits, four in 16 bits.
    Numeric,
    /// Days.
    Date,
    /// Microseconds.
    Timestamp,
    /// Microseconds of UTC.
    Timestamptz,
    /// 128 bits.
    Uuid,
    /// Bytes, in hex.
    Bytea,
    /// The text itself.
    Text,
    /// The text itself, which is read when it comes.
    Json,
    /// A version, and the text, which is read when it comes.
    Jsonb,
}

impl Form {
    /// That of a type, by the name that `format_type` gives it where no schema is searched: a type of a user's own has its
    /// schema before it.
    pub fn of(type_name: &str) -> Option<Form> {
        Some(match type_name {
            "boolean" => Form::Bool,
            "smallint" => Form::Int2,
            "integer" => Form::Int4,
            "bigint" => Form::Int8,
            "real" => Form::Float4,
            "double precision" => Form::Float8,
            "numeric" => Form::Numeric,
            "date" => Form::Date,
            "timestamp without time zone" => Form::Timestamp,
            "timestamp with time zone" => Form::Timestamptz,
            "uuid" => Form::Uuid,
            "bytea" => Form::Bytea,
            "text" | "character varying" | "bpchar" => Form::Text,
            "json" => Form::Json,
            "jsonb" => Form::Jsonb,
            _ => return None,
        })
    }

    /// The type's name and its number in `pg_type`, which is fixed. Of `varchar` and `char` that of text, which is their form.
    pub fn named(self) -> (&'static str, u32) {
        match self {
            Form::Bool => ("pg_catalog.bool", 16),
            Form::Int2 => ("pg_catalog.int2", 21),
            Form::Int4 => ("pg_catalog.int4", 23),
            Form::Int8 => ("pg_catalog.int8", 20),
            Form::Float4 => ("pg_catalog.float4", 700),
            Form::Float8 => ("pg_catalog.float8", 701),
            Form::Numeric => ("pg_catalog.numeric", 1700),
            Form::Date => ("pg_catalog.date", 1082),
            Form::Timestamp => ("pg_catalog.timestamp", 1114),
            Form::Timestamptz => ("pg_catalog.timestamptz", 1184),
            Form::Uuid => ("pg_catalog.uuid", 2950),
            Form::Bytea => ("pg_catalog.bytea", 17),
            Form::Text => ("pg_catalog.text", 25),
            Form::Json => ("pg_catalog.json", 114),
            Form::Jsonb => ("pg_catalog.jsonb", 3802),
        }
    }

    /// Appends `text` in its binary form, with its length (32 bits) before it. `None`: it is not written as the server would have;
    /// `out` may hold a part of it then.
    pub fn write(self, text: &[u8], out: &mut BytesMut) -> Option<()> {
        match self {
            Form::Bool => match text {
                b"t" => sized(out, &[1]),
                b"f" => sized(out, &[0]),
                _ => return None,
            },
            Form::Int2 => sized(out, &i16::try_from(integer(text)?).ok()?.to_be_bytes()),
            Form::Int4 => sized(out, &i32::try_from(integer(text)?).ok()?.to_be_bytes()),
            Form::Int8 => sized(out, &integer(text)?.to_be_bytes()),
            Form::Float4 => {
                let number = float(text)?.parse::<f32>().ok()?;
                // what is too large or too small for it, the server refuses
                (number.is_finite() && (number != 0.0 || matches!(text, b"0" | b"-0"))).then_some(())?;
                sized(out, &number.to_be_bytes());
            }
            Form::Float8 => {
                let number = float(text)?.parse::<f64>().ok()?;
                (number.is_finite() && (number != 0.0 || matches!(text, b"0" | b"-0"))).then_some(())?;
                sized(out, &number.to_be_bytes());
            }
            Form::Numeric => numeric::write(text, out)?,
            Form::Date => sized(out, &time::date(text)?.to_be_bytes()),
            Form::Timestamp => sized(out, &time::timestamp(text)?.to_be_bytes()),
            Form::Timestamptz => sized(out, &time::timestamp(text.strip_suffix(b"+00")?)?.to_be_bytes()),
            Form::Uuid => sized(out, &uuid(text)?),
            Form::Bytea => bytea(text, out)?,
            Form::Text | Form::Json => sized(out, text),
            Form::Jsonb => {
                out.put_u32(text.len() as u32 + 1);
                out.put_u8(1);
                out.put_slice(text);
            }
        }
        Some(())
    }
}

fn sized(out: &mut BytesMut, bytes: &[u8]) {
    out.put_u32(bytes.len() as u32);
    out.put_slice(bytes);
}

/// As the server writes one: no sign but a minus, no zero before other digits.
fn integer(text: &[u8]) -> Option<i64> {
    let (minus, digits) = match text.split_first()? {
        (b'-', digits) => (true, digits),
        _ => (false, text),
    };
    if digits.is_empty() || digits.len() > 19 || (digits.len() > 1 && digits.first() == Some(&b'0')) {
        return None;
    }
    // 19 digits are less than 2^64
    let mut number = 0u64;
    for d in digits {
        number = number * 10 + u64::from(d.checked_sub(b'0').filter(|d| *d < 10)?);
    }
    match minus {
        false => i64::try_from(number).ok(),
        true => 0i64.checked_sub_unsigned(number),
    }
}

/// A text that [`str::parse`] reads as `strtod` does: digits, and none of the words. Both round to the nearest.
fn float(text: &[u8]) -> Option<&str> {
    let plain = text.iter().all(|b| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e'));
    (plain && text.first().is_some_and(|b| b.is_ascii_digit() || *b == b'-')).then(|| std::str::from_utf8(text).ok())?
}

fn uuid(text: &[u8]) -> Option<[u8; 16]> {
    let (mut bytes, mut at) = ([0u8; 16], 0);
    if text.len() != 36 {
        return None;
    }
    for (n, byte) in bytes.iter_mut().enumerate() {
        if matches!(n, 4 | 6 | 8 | 10) {
            (text.get(at) == Some(&b'-')).then_some(())?;
            at += 1;
        }
        *byte = hex(*text.get(at)?)? << 4 | hex(*text.get(at + 1)?)?;
        at += 2;
    }
    Some(bytes)
}

fn bytea(text: &[u8], out: &mut BytesMut) -> Option<()> {
    let digits = text.strip_prefix(b"\\x")?;
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    out.put_u32(pairs.len() as u32);
    out.reserve(pairs.len());
    for [high, low] in pairs {
        out.put_u8(hex(*high)? << 4 | hex(*low)?);
    }
    Some(())
}

/// The server writes small letters.
fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
