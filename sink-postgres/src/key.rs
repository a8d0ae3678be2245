//! Keys of rows: read from a row, hashed, and ordered as production orders them.
//!
//! Ranges of a table are compared by us (is this event's key in a pending range?) as well as by production
//! (`WHERE key >= lo AND key < hi`). Both must agree for every value, so only types whose order we can reproduce exactly are cut
//! into ranges ([`filters::scalar`]): numbers without a floating point, booleans, uuids, dates and timestamps, text whose own
//! collation is C, and what is composed of these. A table with any other key is one unit.

use std::cmp::Ordering;

use filters::change::{Row, Value};
use filters::scalar::{self, Reading};
use wire::quote_literal;

/// A key as text values, in the order of the key's columns.
pub type Key = Vec<String>;

/// Compares two keys column by column. `None` if a value is not of its kind: such a key is nowhere for sure.
pub fn compare(kinds: &[Reading], a: &[impl AsRef<[u8]>], b: &[impl AsRef<[u8]>]) -> Option<Ordering> {
    for ((kind, a), b) in kinds.iter().zip(a).zip(b) {
        let order = scalar::compare(*kind, a.as_ref(), b.as_ref())?;
        if order != Ordering::Equal {
            return Some(order);
        }
    }
    Some(Ordering::Equal)
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
    use filters::scalar::Calendar;

    use super::*;

    #[track_caller]
    fn check(kinds: &[Reading], a: &[&str], b: &[&str], want: Option<Ordering>) {
        assert_eq!(compare(kinds, a, b), want, "{a:?} {b:?}");
        assert_eq!(compare(kinds, b, a), want.map(Ordering::reverse), "{b:?} {a:?}");
    }

    #[test]
    fn keys_are_ordered_as_the_server_orders_them() {
        use Ordering::*;
        let int = [Reading::Decimal];
        check(&int, &["9"], &["10"], Some(Less));
        check(&int, &["-9223372036854775808"], &["9223372036854775807"], Some(Less));
        check(&int, &["-2"], &["-10"], Some(Greater));
        check(&int, &["1"], &["x"], None);
        check(&[Reading::Bytes], &["Z"], &["a"], Some(Less));
        check(&[Reading::Bytes], &["a"], &["a "], Some(Less));
        check(&[Reading::Decimal, Reading::Uuid], &["1", U[1]], &["1", U[0]], Some(Greater));
        check(&[Reading::Decimal, Reading::Uuid], &["1", U[0]], &["1", U[0]], Some(Equal));
        let moment = [Reading::Moment(Calendar::TimestampTz)];
        check(&moment, &["2024-02-29 23:59:59.9+00"], &["2024-03-01 00:00:00+00"], Some(Less));
        check(&moment, &["0044-03-15 12:00:00+00 BC"], &["0043-03-15 12:00:00+00 BC"], Some(Less));
    }

    const U: [&str; 2] = ["00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b"];
}
