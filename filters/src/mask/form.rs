//! One canonical form per type: what the server calls equal looks alike to every mask.
//!
//! A mask is a function of bytes, and a server's equality is not one of bytes. So bytes are brought to one form before a mask
//! sees them, here and nowhere else ([`Mask::apply`](super::Mask::apply) does it for all):
//!
//! | type | form | so these are one |
//! |---|---|---|
//! | `smallint`, `integer`, `bigint` | as printed: one print per value | 42 in each of them, and `42` in text |
//! | `numeric` | no zeros that end a fraction | 1.0, 1.00 and the integer 1 |
//! | `real`, `double precision` | the same, no exponent, no -0 | -0 and 0; 1e+20 and the `numeric` of it |
//! | a number in JSON | the same | 1.50, 15e-1 and 1.5 |
//! | `char(n)` | no blanks at the end | `ab` and `ab  `, and `ab` in text |
//! | `citext` | [small letters](super::lowercase) | `Bob` and `bOB` |
//! | `timestamptz` | UTC | 12:00+02 and 10:00+00 |
//! | `uuid`, `date`, `timestamp`, `boolean`, `bytea`, `inet`, `macaddr`, enums | as printed: one print per value | |
//! | `text`, `varchar`, `name` | as they are: a deterministic collation calls nothing equal but equal bytes | |
//! | an array | that of each element | |
//!
//! A form is a value of the same type, so a mask may give back parts of it. Our sessions print `timestamptz` in UTC whatever the
//! server's `TimeZone`; the form makes it so for whoever prints otherwise (`masks try`).
//!
//! **Text is text**: in a text column `A0EE…` and `a0ee…`, `1.0` and `1.00`, `::1` and `0::1` are two values for the server. Masks that read
//! such text (`uuid`, `ip`, `iban`, `email`) make one of two spellings by themselves, and say so.
//!
//! **Identities.** A mask or parameter that takes a value of any type, and only as a mark of who is meant (`choice`, `by:`),
//! compares across types besides: a `date` with a `timestamp` at its midnight and, in UTC, a `timestamptz`; `inet` with a `cidr` of one
//! host; `macaddr` with `macaddr8`; and two `interval`s of one length, two `jsonb` of equal numbers. These forms need not be of
//! the type. Arrays, ranges and rows as a whole go by their print.
//!
//! **As written.** Masks that work on prose or on a document (`partial`, `lorem`, `regex`, `scrub`, `json`, `hstore`, `xml`) see their
//! text as it is written, but for the blanks of `char(n)`: they keep parts of it, and nobody wants a `citext` note in small letters.
//!
//! Not here: a nondeterministic collation, which only its server can compare. Such a column may not be masked where equality counts
//! (a key, a reference); the check of a policy refuses it.
//!
//! The common case is a value that is in its form already: then nothing is copied. Types with one print per value have no form at
//! all, and cost a comparison.

mod length;
mod moment;
mod number;

use std::borrow::Cow;

use bytes::BufMut;

use self::length::interval;
use self::moment::{day, zoned};
use self::number::{number, unended};
use super::facts::{ColumnFacts, oid};
use super::lowercase::lowercase;

/// How a column's values are brought to their canonical form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    /// They have one already.
    Printed,
    /// Blanks at the end are no part of it.
    Padded,
    /// Case is no part of it.
    Caseless,
    /// A decimal number as `numeric` prints it: without an exponent, and zero has no sign.
    Decimal,
    /// A decimal number in any spelling.
    Number,
    /// A moment, in UTC.
    Zoned,
    /// A moment or a day.
    Moment,
    /// An address; that of a network of one is the host's.
    Host,
    /// A hardware address of six bytes or eight.
    Hardware,
    /// A length of time.
    Interval,
    /// A document whose numbers are in their form.
    Document,
}

/// How much of a value a mask sees.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sees {
    /// Its canonical form.
    Canonical,
    /// Who or what is meant, whatever the type.
    Identity,
    /// The text as it is written.
    Written,
}

impl Form {
    /// That of a column's values.
    pub(crate) fn of(column: &ColumnFacts, sees: Sees) -> Form {
        let base = column.base();
        let form = match base.type_oid {
            oid::BPCHAR => return Form::Padded,
            oid::NUMERIC => Form::Decimal,
            oid::FLOAT4 | oid::FLOAT8 => Form::Number,
            oid::TIMESTAMPTZ => Form::Zoned,
            oid::FIRST_USER.. if base.is_named("citext") => Form::Caseless,
            _ => Form::Printed,
        };
        match (sees, base.type_oid) {
            (Sees::Written, _) => Form::Printed,
            (Sees::Canonical, _) => form,
            (Sees::Identity, oid::DATE | oid::TIMESTAMP | oid::TIMESTAMPTZ) => Form::Moment,
            (Sees::Identity, oid::INET | oid::CIDR) => Form::Host,
            (Sees::Identity, oid::MACADDR | oid::MACADDR8) => Form::Hardware,
            (Sees::Identity, oid::INTERVAL) => Form::Interval,
            (Sees::Identity, oid::JSONB) => Form::Document,
            (Sees::Identity, _) => form,
        }
    }

    /// The canonical form of a value, the type's text output. What is no value of the type comes back in some form.
    pub(crate) fn canonical(self, value: &[u8]) -> Cow<'_, [u8]> {
        match self {
            Form::Printed => Cow::Borrowed(value),
            Form::Padded => Cow::Borrowed(unpadded(value)),
            Form::Caseless => lowercase(value),
            Form::Decimal => Cow::Borrowed(unended(value)),
            Form::Number => number(value),
            Form::Zoned => zoned(value),
            Form::Moment => day(value),
            Form::Host => Cow::Borrowed(host(value)),
            Form::Hardware => hardware(value),
            Form::Interval => interval(value),
            Form::Document => document(value),
        }
    }
}

fn unpadded(value: &[u8]) -> &[u8] {
    let end = value.iter().rposition(|b| *b != b' ').map_or(0, |last| last + 1);
    value.get(..end).unwrap_or_default()
}

fn host(value: &[u8]) -> &[u8] {
    let six = value.contains(&b':');
    value.strip_suffix(if six { &b"/128"[..] } else { b"/32" }).unwrap_or(value)
}

/// Eight bytes that the server makes of six, as the six.
fn hardware(value: &[u8]) -> Cow<'_, [u8]> {
    match value.split_at_checked(8) {
        Some((vendor, [b':', b'f', b'f', b':', b'f', b'e', rest @ ..])) => Cow::Owned([vendor, rest].concat()),
        _ => Cow::Borrowed(value),
    }
}

/// A `jsonb` with its numbers in their form; all else of its print is canonical.
fn document(value: &[u8]) -> Cow<'_, [u8]> {
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((&b, others)) = rest.split_first() {
        let length = match b {
            b'"' => {
                let mut escaped = false;
                let end = others.iter().position(|b| {
                    let ends = *b == b'"' && !escaped;
                    escaped = *b == b'\\' && !escaped;
                    ends
                });
                end.map_or(rest.len(), |end| end + 2)
            }
            b'-' | b'0'..=b'9' => {
                let numeral = |b: &&u8| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'e' | b'E');
                rest.iter().take_while(numeral).count()
            }
            _ => 1,
        };
        let (token, others) = rest.split_at(length);
        match b {
            b'-' | b'0'..=b'9' => out.put_slice(&number(token)),
            _ => out.put_slice(token),
        }
        rest = others;
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of the module, line by line: type, print, form; and for identities.
    #[test]
    fn forms() {
        let (canonical, identity, written) = (Sees::Canonical, Sees::Identity, Sees::Written);
        for (type_oid, sees, print, want) in [
            (oid::INT2, canonical, "42", "42"),
            (oid::INT8, canonical, "-42", "-42"),
            (oid::TEXT, canonical, "1.00 ", "1.00 "),
            (oid::TEXT, canonical, "Bob", "Bob"),
            (oid::NUMERIC, canonical, "1.00", "1"),
            (oid::NUMERIC, canonical, "42", "42"),
            (oid::NUMERIC, canonical, "100", "100"),
            (oid::NUMERIC, canonical, "-1.50", "-1.5"),
            (oid::NUMERIC, canonical, "0.00", "0"),
            (oid::NUMERIC, canonical, "-0.50", "-0.5"),
            (oid::NUMERIC, canonical, "NaN", "NaN"),
            (oid::NUMERIC, canonical, "-Infinity", "-Infinity"),
            (oid::FLOAT8, canonical, "-0", "0"),
            (oid::FLOAT8, canonical, "0", "0"),
            (oid::FLOAT8, canonical, "0.1", "0.1"),
            (oid::FLOAT8, canonical, "1e+20", "100000000000000000000"),
            (oid::FLOAT8, canonical, "-1.5e+20", "-150000000000000000000"),
            (oid::FLOAT8, canonical, "1.25e-07", "0.000000125"),
            (oid::FLOAT4, canonical, "1.5e+01", "15"),
            (oid::FLOAT4, canonical, "1.2345e+02", "123.45"),
            (oid::FLOAT8, canonical, "1e999", "1e999"),
            (oid::FLOAT8, canonical, "-12.50e-2147483647", "-125e-2147483648"),
            (oid::FLOAT8, canonical, "1e99999999999", "1e99999999999"),
            (oid::FLOAT8, canonical, "Infinity", "Infinity"),
            (oid::FLOAT8, canonical, "-0e", "-0e"),
            (oid::BPCHAR, canonical, "ab  ", "ab"),
            (oid::BPCHAR, written, "ab  ", "ab"),
            (oid::BPCHAR, identity, "  ", ""),
            (oid::TIMESTAMPTZ, canonical, "2026-01-01 00:00:00+00", "2026-01-01 00:00:00+00"),
            (oid::TIMESTAMPTZ, canonical, "2026-01-01 01:00:00.500+02", "2025-12-31 23:00:00.5+00"),
            (oid::TIMESTAMPTZ, canonical, "2026-01-01 01:00:00-03:30", "2026-01-01 04:30:00+00"),
            (oid::TIMESTAMPTZ, canonical, "0001-01-01 00:00:00+01", "0001-12-31 23:00:00+00 BC"),
            (oid::TIMESTAMPTZ, canonical, "infinity", "infinity"),
            (oid::TIMESTAMPTZ, canonical, "some day", "some day"),
            (oid::TIMESTAMPTZ, written, "2026-01-01 01:00:00+02", "2026-01-01 01:00:00+02"),
            (oid::TIMESTAMPTZ, identity, "2026-01-01 02:00:00+02", "2026-01-01"),
            (oid::TIMESTAMPTZ, identity, "2026-01-01 12:00:00+00", "2026-01-01 12:00:00"),
            (oid::TIMESTAMP, identity, "2026-01-01 00:00:00", "2026-01-01"),
            (oid::TIMESTAMP, identity, "2026-01-01 00:00:00.1", "2026-01-01 00:00:00.1"),
            (oid::TIMESTAMP, identity, "0044-03-15 00:00:00 BC", "0044-03-15 BC"),
            (oid::TIMESTAMP, canonical, "2026-01-01 00:00:00", "2026-01-01 00:00:00"),
            (oid::DATE, identity, "2026-01-01", "2026-01-01"),
            (oid::INET, identity, "10.0.0.1", "10.0.0.1"),
            (oid::CIDR, identity, "10.0.0.1/32", "10.0.0.1"),
            (oid::CIDR, canonical, "10.0.0.1/32", "10.0.0.1/32"),
            (oid::INET, identity, "2001:db8::/32", "2001:db8::/32"),
            (oid::CIDR, identity, "2001:db8::1/128", "2001:db8::1"),
            (oid::MACADDR, identity, "08:00:2b:01:02:03", "08:00:2b:01:02:03"),
            (oid::MACADDR8, identity, "08:00:2b:ff:fe:01:02:03", "08:00:2b:01:02:03"),
            (oid::MACADDR8, identity, "08:00:2b:01:02:03:04:05", "08:00:2b:01:02:03:04:05"),
            (oid::INTERVAL, identity, "1 mon", "2592000000000"),
            (oid::INTERVAL, identity, "30 days", "2592000000000"),
            (oid::INTERVAL, identity, "720:00:00", "2592000000000"),
            (oid::INTERVAL, identity, "-1 years +2 mons -3 days -00:00:00.5", "-26179200500000"),
            (oid::INTERVAL, identity, "soon", "soon"),
            (
                oid::JSONB,
                identity,
                r#"{"1.0\"2.0": [1.00, -0.0, 1e2], "a": "1.0"}"#,
                r#"{"1.0\"2.0": [1, 0, 100], "a": "1.0"}"#,
            ),
            (oid::JSONB, identity, r#""1.0"#, r#""1.0"#),
            (oid::JSONB, canonical, "1.0", "1.0"),
            (oid::UUID, canonical, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ] {
            let form = Form::of(&ColumnFacts::new(type_oid, -1), sees);
            let got = form.canonical(print.as_bytes());
            assert_eq!(String::from_utf8_lossy(&got), want, "{type_oid} {sees:?} {print}");
            assert_eq!(form.canonical(&got), got, "{print}: twice is once");
        }
    }

    /// A value in its form is not copied.
    #[test]
    fn the_common_case_is_untouched() {
        for (form, value) in [
            (Form::Decimal, "1299.00"),
            (Form::Number, "1299.50"),
            (Form::Number, "-42"),
            (Form::Padded, "DE "),
            (Form::Caseless, "bob"),
            (Form::Zoned, "2026-01-01 12:34:56.789012+00"),
            (Form::Moment, "2026-01-01 00:00:00+00"),
            (Form::Host, "10.0.0.1/32"),
        ] {
            assert!(matches!(form.canonical(value.as_bytes()), Cow::Borrowed(_)), "{form:?}");
        }
    }
}
