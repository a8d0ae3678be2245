//! A value that production does not send again, of a row that cannot be fetched alone.
//!
//! Long values are stored outside the row, and an update that leaves one as it was does not send it. Where a condition or a
//! mask looks at it, the row is fetched. With a masked key that cannot be done for one row, since the target's key says
//! nothing to production: the whole table becomes due. It is no error; but whoever has an update a second should know.

use super::Proofs;
use super::subject::Subject;
use crate::config::Problem;

/// `stored`: the columns of production's table that may be stored outside the row.
pub fn prove(subject: &Subject<'_>, stored: &[String], out: &mut Proofs) {
    let (table, compiled) = (subject.table, subject.compiled);
    // with FULL the old row is whole, so nothing is missing
    let whole = table.shape.identity == filters::change::Identity::Full;
    if whole || !table.identified || !compiled.masked_columns().any(|m| table.key.iter().any(|k| k == m)) {
        return;
    }
    for column in compiled.needs().into_iter().filter_map(|i| compiled.input().columns.get(i)) {
        if !stored.iter().any(|s| **s == *column.name) {
            continue;
        }
        let what = format!(
            "{}.{} may be stored outside the row and is not sent by an update that leaves it as it was; a condition or a mask of another column looks at it, and with a masked key no single row can be fetched: each such update makes the whole table due, about {} to read",
            compiled.input(),
            column.name,
            size(table.bytes)
        );
        let hint = format!(
            "on production: ALTER TABLE {} REPLICA IDENTITY FULL; or keep the key; or a mask that looks at nothing else",
            table.quoted()
        );
        out.warnings.push(Problem::new(subject.path(&column.name), what).hint(hint));
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..=1_999_999 => format!("{} kB", bytes.div_ceil(1000)),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}
