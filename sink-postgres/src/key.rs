//! Keys of rows: read from a row, hashed, and ordered as production orders them.
//!
//! Ranges of a table are compared by us (is this event's key in a pending range?) as well as by production
//! (`WHERE key >= lo AND key < hi`). Both must agree for every value, so only types whose order we can reproduce exactly are cut
//! into ranges: integers, uuids, and text whose own collation is C. A table with any other key is one unit.

use std::cmp::Ordering;

use filters::change::{Row, Value};
use wire::quote_literal;

/// How the values of one key column are ordered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// int2, int4, int8, oid: by number.
    Int,
    /// uuid: by its bytes, which is the order of its lower-case text.
    Uuid,
    /// text or varchar under collation C: by bytes (UTF-8 keeps the order of any server encoding of C? Only where the
    /// server's encoding is UTF8 too; the catalog check sees to that).
    TextC,
}

/// A key as text values, in the order of the key's columns.
pub type Key = Vec<String>;

/// Compares two keys column by column. `None` if a value is not of its kind: such a key is nowhere for sure.
pub fn compare(kinds: &[Kind], a: &[impl AsRef<[u8]>], b: &[impl AsRef<[u8]>]) -> Option<Ordering> {
    for ((kind, a), b) in kinds.iter().zip(a).zip(b) {
        let (a, b) = (a.as_ref(), b.as_ref());
        let order = match kind {
            Kind::Int => int(a)?.cmp(&int(b)?),
            Kind::Uuid | Kind::TextC => a.cmp(b),
        };
        if order != Ordering::Equal {
            return Some(order);
        }
    }
    Some(Ordering::Equal)
}

fn int(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        _ => (false, text),
    };
    if digits.is_empty() {
        return None;
    }
    // accumulate downwards: i64::MIN has no positive counterpart
    let mut n: i64 = 0;
    for d in digits {
        let d = d.checked_sub(b'0').filter(|d| *d < 10)?;
        n = n.checked_mul(10)?.checked_sub(i64::from(d))?;
    }
    if negative { Some(n) } else { n.checked_neg() }
}

/// The values of the key's columns in `row`, or `None` if one of them was not sent as text (it is null, unchanged, or
/// missing): such a row has no key.
pub fn values<'r>(row: &'r Row, columns: &[usize]) -> Option<Vec<&'r [u8]>> {
    columns
        .iter()
        .map(|&i| match row.get(i) {
            Value::Text(v) | Value::Binary(v) => Some(v),
            _ => None,
        })
        .collect()
}

/// The key that a row has after an update. A value so long that it is stored outside the row is not sent with the new
/// tuple where it did not change: it is the old one's.
pub fn after<'r>(old: Option<&'r Row>, new: &'r Row, columns: &[usize]) -> Option<Vec<&'r [u8]>> {
    columns
        .iter()
        .map(|&i| match (new.get(i), old.map(|old| old.get(i))) {
            (Value::Text(v) | Value::Binary(v), _) => Some(v),
            (Value::Unchanged, Some(Value::Text(v) | Value::Binary(v))) => Some(v),
            _ => None,
        })
        .collect()
}

/// The key as owned text, `None` as for [`values`] or if it is not UTF-8 (we ask for UTF-8 on every session).
pub fn owned(row: &Row, columns: &[usize]) -> Option<Key> {
    values(row, columns)?.into_iter().map(|v| std::str::from_utf8(v).ok().map(str::to_owned)).collect()
}

/// A `text[]` as an SQL expression.
pub fn array(key: &[String]) -> String {
    format!("ARRAY[{}]::pg_catalog.text[]", key.iter().map(|k| quote_literal(k)).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kinds: &[Kind], a: &[&str], b: &[&str], want: Option<Ordering>) {
        assert_eq!(compare(kinds, a, b), want, "{a:?} {b:?}");
        assert_eq!(compare(kinds, b, a), want.map(Ordering::reverse), "{b:?} {a:?}");
    }

    #[test]
    fn keys_are_ordered_as_the_server_orders_them() {
        use Ordering::*;
        check(&[Kind::Int], &["9"], &["10"], Some(Less));
        check(&[Kind::Int], &["-9223372036854775808"], &["9223372036854775807"], Some(Less));
        check(&[Kind::Int], &["-2"], &["-10"], Some(Greater));
        check(&[Kind::Int], &["1"], &["x"], None);
        check(&[Kind::Int], &["1"], &["9223372036854775808"], None);
        check(&[Kind::TextC], &["Z"], &["a"], Some(Less));
        check(&[Kind::TextC], &["a"], &["a "], Some(Less));
        check(&[Kind::Int, Kind::Uuid], &["1", "b"], &["1", "a"], Some(Greater));
        check(&[Kind::Int, Kind::Uuid], &["1", "a"], &["1", "a"], Some(Equal));
    }
}
