//! Do two columns carry one function? A reference holds on the target only if a value comes out on one end as it does on the other, and one
//! mask in one domain does not say so yet: `hash` is cut where a column is narrow, `smallint` has its own layer of `integer`, and
//! `citext` knows no case where text does.
//!
//! Not by a list of such cases, which every new mask would have to be added to, but by trial: both masks are made, under any key, and put to
//! [`PROBES`], of which each column takes those that its type can hold. That is no proof that they agree, but each way in which a mask
//! looks at its column shows in one of them, and a test holds the list to that.

use bytes::BytesMut;

use super::facts::{ColumnFacts, oid};
use super::form::{Form, Sees};
use super::spec::MaskSpec;
use super::{Mask, Outcome};
use crate::key::MaskKey;
use crate::raw::RawRow;

/// Values of many kinds; the long ones show where an output is cut, the capitals whether case counts.
#[rustfmt::skip]
const PROBES: &[&str] = &[
    "0", "1", "42", "-7", "32767", "1234567", "-2147483648", "2147483647", "4611686018427387904", "0.5",
    "Ab", "ab", "Jürgen", "Ann Smith", "n/a", "KX7-2024-b9q4711", "4111 1111 1111 1111", "+49 170 1234567",
    "DE89370400440532013000", "jane.doe@example.org", "not an address", "https://example.org/users/42?a=b",
    "sk_live_51H8abcDEF0123456789xyz", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "93.184.216.34", "2001:db8::1",
    "08:00:2b:01:02:03", "08:00:2b:ff:fe:01:02:03", "2026-01-31", "2026-01-31 12:30:00", "2026-01-31 12:30:00+00",
    "a text of some length, with Words and 12 digits in it, that no narrow column holds, but a wide one does",
];

/// Is every value that both columns can hold masked alike, as far as the probes tell? True where the mask cannot be put on one of
/// them, which others say.
pub fn agree(spec: &MaskSpec, domain: Option<&str>, one: &ColumnFacts, other: &ColumnFacts) -> bool {
    if one == other {
        return true;
    }
    let made = |facts| Mask::new(spec, &MaskKey::new(&[0; 32]).ok()?, domain, facts).ok();
    let (Some(a), Some(b)) = (made(one), made(other)) else { return true };
    PROBES.iter().filter(|probe| holds(one, probe) && holds(other, probe)).all(|probe| {
        let of = |mask: &Mask, facts: &ColumnFacts| {
            let mut out = BytesMut::new();
            match mask.apply(probe.as_bytes(), &RawRow::ALONE, &mut out) {
                Outcome::Masked | Outcome::Redacted => {
                    Some(Form::of(facts, Sees::Identity).canonical(&out).into_owned())
                }
                Outcome::Null | Outcome::NeedsRow => None,
            }
        };
        of(&a, one) == of(&b, other)
    })
}

/// Can the column hold it?
fn holds(facts: &ColumnFacts, probe: &str) -> bool {
    if facts.is_text() {
        return facts.room().is_none_or(|room| probe.chars().count() <= room);
    }
    let clocks = probe.matches(':').count();
    let dated = probe.starts_with("2026-01-31");
    match facts.base().type_oid {
        oid::INT2 => probe.parse::<i16>().is_ok(),
        oid::INT4 => probe.parse::<i32>().is_ok(),
        oid::INT8 => probe.parse::<i64>().is_ok(),
        oid::NUMERIC | oid::FLOAT4 | oid::FLOAT8 => probe.parse::<f64>().is_ok(),
        oid::UUID => probe.starts_with("a0eebc99-"),
        oid::INET => probe.parse::<std::net::IpAddr>().is_ok(),
        oid::CIDR => false,
        oid::MACADDR => clocks == 5 && probe.starts_with("08"),
        oid::MACADDR8 => clocks == 7 && probe.starts_with("08"),
        oid::DATE => dated && clocks == 0,
        oid::TIMESTAMP => dated && !probe.ends_with("+00") && clocks == 2,
        oid::TIMESTAMPTZ => dated && probe.ends_with("+00"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::mask::{KINDS, Made};

    const CITEXT: u32 = 99_999;

    fn facts(type_oid: u32, modifier: i32) -> ColumnFacts {
        let made = if type_oid == CITEXT { Made::Named(Arc::from("citext")) } else { Made::Unknown };
        ColumnFacts { made, ..ColumnFacts::new(type_oid, modifier) }
    }

    #[test]
    fn what_a_reference_may_join() {
        let varchar = |n: i32| (oid::VARCHAR, n + 4);
        let numeric = |digits: i32, scale: i32| (oid::NUMERIC, (digits << 16 | scale) + 4);
        for (mask, (a, m), (b, n), want) in [
            ("hash", (oid::TEXT, -1), varchar(64), true),
            ("hash", (oid::TEXT, -1), varchar(63), false),
            ("hash", varchar(20), varchar(30), false),
            ("hash", varchar(80), (oid::BPCHAR, 104), true),
            ("hash", (oid::TEXT, -1), (CITEXT, -1), false),
            ("hash", (CITEXT, -1), (CITEXT, -1), true),
            ("username", (oid::TEXT, -1), (CITEXT, -1), false),
            ("email", (oid::TEXT, -1), varchar(30), false),
            ("email", (oid::TEXT, -1), varchar(60), true),
            ("name", (oid::TEXT, -1), varchar(8), false),
            ("integer", (oid::INT4, -1), (oid::INT8, -1), true),
            ("integer", (oid::INT4, -1), (oid::NUMERIC, -1), true),
            ("integer", (oid::INT4, -1), numeric(20, 0), true),
            ("integer", (oid::INT8, -1), (oid::TEXT, -1), true),
            ("integer", (oid::INT2, -1), (oid::INT4, -1), false),
            ("integer", (oid::INT4, -1), numeric(8, 0), false),
            ("uuid", (oid::UUID, -1), (oid::TEXT, -1), true),
            ("ip", (oid::INET, -1), (oid::TEXT, -1), true),
            ("mac", (oid::MACADDR, -1), (oid::TEXT, -1), true),
            ("date_trunc", (oid::DATE, -1), (oid::TIMESTAMP, -1), true),
            ("digits", varchar(20), varchar(40), true),
        ] {
            let spec = MaskSpec::of(mask, &[]);
            let (one, other) = (facts(a, m), facts(b, n));
            assert_eq!(agree(&spec, None, &one, &other), want, "{mask} {a}({m}) {b}({n})");
            assert_eq!(agree(&spec, None, &other, &one), want, "{mask} {b} {a}");
        }
    }

    /// Every mask can read one probe at least in every type that it takes but `cidr`, which is another's.
    #[test]
    fn every_mask_is_put_to_the_test() {
        let types =
            [oid::TEXT, oid::INT2, oid::INT4, oid::INT8, oid::NUMERIC, oid::FLOAT8, oid::UUID, oid::INET, oid::MACADDR]
                .into_iter()
                .chain([oid::MACADDR8, oid::DATE, oid::TIMESTAMP, oid::TIMESTAMPTZ]);
        let key = MaskKey::new(&[0; 32]).unwrap();
        for (kind, type_oid) in KINDS.iter().flat_map(|k| types.clone().map(move |ty| (k, ty))) {
            // what it does with a document or a pattern is no matter of its column
            if matches!(kind.name, "json" | "xml" | "regex") {
                continue;
            }
            let facts = ColumnFacts::new(type_oid, -1);
            let Ok(mask) = Mask::new(&MaskSpec::new(kind), &key, None, &facts) else { continue };
            let mut read = PROBES
                .iter()
                .filter(|p| holds(&facts, p))
                .map(|p| mask.apply(p.as_bytes(), &RawRow::ALONE, &mut BytesMut::new()));
            assert!(read.any(|outcome| outcome != Outcome::Redacted), "{} on {type_oid}", kind.name);
        }
    }
}
