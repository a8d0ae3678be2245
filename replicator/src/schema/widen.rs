//! Types that take every value of another, unchanged: the proof that staging's column may be widened in place.
//!
//! | from | to | why no value changes | the table is written anew |
//! |---|---|---|---|
//! | `smallint`, `integer` | a longer integer | every number is one there | yes |
//! | `smallint`, `integer`, `bigint` | `numeric`, or one with room for all its digits and no scale | the same number | yes |
//! | `varchar(n)` | a longer one, one without a length, `text` | the bytes stay | no |
//! | `varchar` | `text`, and back | the same type but for its name | no |
//! | `numeric(p, s)` | as many digits behind the point and more before it, or no limit | the digits stay | no |
//! | `numeric(p, s)` | more digits behind the point, and as many before it | equal, with zeros behind | yes |
//! | `timestamp(p)`, `timestamptz(p)`, `time(p)`, `timetz(p)` | more digits of a second, or no limit | nothing is rounded | no |
//! | `varbit(n)` | a longer one, or without a length | the bits stay | no |
//! | `cidr` | `inet` | the same type but for a check | no |
//!
//! Not here, and so a matter of somebody's hand: `char(n)` (its blanks), `real` to `double precision` (0.1 is another number there), `date` to
//! `timestamp` (a time zone may have a say), `json` to `jsonb` (spaces, doubled keys), domains and enums to anything.
//! (<https://www.postgresql.org/docs/current/sql-altertable.html>: "a table rewrite is not needed if …")

/// A type and its modifier, as `pg_attribute` has them; PostgreSQL's own types only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Typed {
    /// `atttypid`.
    pub oid: i64,
    /// `atttypmod`; -1: none.
    pub modifier: i32,
}

/// What widening a column costs staging.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cost {
    /// The catalog only: a moment under a lock.
    Catalog,
    /// The table and its indexes are written anew, under a lock that keeps everybody out meanwhile.
    Rewrite,
}

const INT2: i64 = 21;
const INT4: i64 = 23;
const INT8: i64 = 20;
const NUMERIC: i64 = 1700;
const TEXT: i64 = 25;
const VARCHAR: i64 = 1043;
const VARBIT: i64 = 1562;
const CIDR: i64 = 650;
const INET: i64 = 869;
/// `time`, `timestamp`, `timestamptz`, `timetz`: the modifier is the digits of a second.
const MOMENTS: [i64; 4] = [1083, 1114, 1184, 1266];
/// A modifier counts its own four bytes.
const HEADER: i32 = 4;

/// Does `to` take every value of `from` unchanged, and at what cost? `None`: it does not, or nobody has proved it, or they are the same.
pub fn widens(from: Typed, to: Typed) -> Option<Cost> {
    let digits = |oid| match oid {
        INT2 => Some(5),
        INT4 => Some(10),
        INT8 => Some(19),
        _ => None,
    };
    let longer = |m: i32, n: i32| n < 0 || (m >= 0 && n > m);
    match (from.oid, to.oid) {
        (INT2, INT4 | INT8) | (INT4, INT8) => Some(Cost::Rewrite),
        (INT2 | INT4 | INT8, NUMERIC) => match precision(to.modifier) {
            None => Some(Cost::Rewrite),
            Some((p, 0)) => (p >= digits(from.oid)?).then_some(Cost::Rewrite),
            Some(_) => None,
        },
        (VARCHAR, TEXT) => Some(Cost::Catalog),
        (TEXT, VARCHAR) => (to.modifier < 0).then_some(Cost::Catalog),
        (VARCHAR, VARCHAR) | (VARBIT, VARBIT) if from.modifier != to.modifier => {
            longer(from.modifier, to.modifier).then_some(Cost::Catalog)
        }
        (NUMERIC, NUMERIC) if from.modifier != to.modifier => {
            let (p, s) = precision(from.modifier)?;
            match precision(to.modifier) {
                None => Some(Cost::Catalog),
                Some((q, t)) if t == s && q > p => Some(Cost::Catalog),
                Some((q, t)) if t > s && q - t >= p - s => Some(Cost::Rewrite),
                Some(_) => None,
            }
        }
        (CIDR, INET) => Some(Cost::Catalog),
        (a, b) if a == b && MOMENTS.contains(&a) && from.modifier != to.modifier => {
            longer(from.modifier, to.modifier).then_some(Cost::Catalog)
        }
        _ => None,
    }
}

/// Precision and scale of a numeric's modifier. The scale is of 11 bits, and signed (15 and later).
fn precision(modifier: i32) -> Option<(i32, i32)> {
    if modifier < HEADER {
        return None;
    }
    let packed = modifier - HEADER;
    let scale = ((packed & 0x7ff) ^ 1024) - 1024;
    Some(((packed >> 16) & 0xffff, scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numeric(p: i32, s: i32) -> Typed {
        Typed { oid: NUMERIC, modifier: ((p << 16) | (s & 0x7ff)) + HEADER }
    }

    fn of(oid: i64, modifier: i32) -> Typed {
        Typed { oid, modifier }
    }

    #[test]
    fn only_what_takes_every_value_widens() {
        use Cost::{Catalog, Rewrite};
        let (int2, int4, int8, text) = (of(INT2, -1), of(INT4, -1), of(INT8, -1), of(TEXT, -1));
        let varchar = |n: i32| of(VARCHAR, if n < 0 { -1 } else { n + HEADER });
        let unlimited = of(NUMERIC, -1);
        for (from, to, cost) in [
            (int2, int4, Rewrite),
            (int4, int8, Rewrite),
            (int4, numeric(10, 0), Rewrite),
            (int8, unlimited, Rewrite),
            (varchar(10), varchar(11), Catalog),
            (varchar(10), varchar(-1), Catalog),
            (varchar(10), text, Catalog),
            (text, varchar(-1), Catalog),
            (numeric(10, 2), numeric(12, 2), Catalog),
            (numeric(10, 2), unlimited, Catalog),
            (numeric(10, 2), numeric(12, 4), Rewrite),
            (numeric(3, -2), numeric(5, 0), Rewrite),
            (of(1114, 3), of(1114, -1), Catalog),
            (of(1184, 0), of(1184, 3), Catalog),
            (of(VARBIT, 8), of(VARBIT, 9), Catalog),
            (of(CIDR, -1), of(INET, -1), Catalog),
        ] {
            assert_eq!(widens(from, to), Some(cost), "{from:?} to {to:?}");
            assert!(widens(to, from).is_none() || (from.oid, to.oid) == (TEXT, VARCHAR), "{to:?} back to {from:?}");
        }
        for (from, to) in [
            (int4, int4),
            (int8, int4),
            (int4, numeric(9, 0)),
            (int4, numeric(12, 2)),
            (varchar(10), varchar(9)),
            (text, varchar(10)),
            (varchar(-1), varchar(10)),
            (numeric(10, 2), numeric(10, 4)),
            (numeric(10, 2), numeric(12, 1)),
            (unlimited, numeric(10, 2)),
            (of(1114, -1), of(1114, 3)),
            (of(700, -1), of(701, -1)),
            (of(1042, 14), text),
            (of(1082, -1), of(1114, -1)),
        ] {
            assert_eq!(widens(from, to), None, "{from:?} to {to:?}");
        }
    }
}
