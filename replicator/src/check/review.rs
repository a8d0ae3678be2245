//! Two locks side by side, as a reviewer wants to read it: what would leave production that did not, and the reverse.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use crate::config::{Lock, LockedColumn, class_text, table_name};

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Unquoted.
    pub schema: String,
    /// Unquoted.
    pub table: String,
    /// `None`: the table as a whole, new or gone.
    pub column: Option<String>,
    /// Type and class before; `None`: it was not there.
    pub was: Option<String>,
    /// Type and class now; `None`: it is gone.
    pub now: Option<String>,
}

impl Change {
    /// Is this the column's arrival, alone or with its table?
    pub fn added(&self, table: &(String, String), column: &str) -> bool {
        self.schema == table.0
            && self.table == table.1
            && self.was.is_none()
            && self.column.as_deref().is_none_or(|c| c == column)
    }
}

/// Everything that differs, by table and column.
pub fn compare(was: &Lock, now: &Lock) -> Vec<Change> {
    let none = BTreeMap::new();
    let names: std::collections::BTreeSet<_> = was.tables.keys().chain(now.tables.keys()).collect();
    let mut changes = Vec::new();
    for name in names {
        let (before, after) = (was.tables.get(name), now.tables.get(name));
        let mut tell = |column: Option<&String>, was: Option<String>, now: Option<String>| {
            let (schema, table) = name.clone();
            changes.push(Change { schema, table, column: column.cloned(), was, now });
        };
        match (before, after) {
            (None, Some(now)) => tell(None, None, Some(format!("{} columns", now.len()))),
            (Some(was), None) => tell(None, Some(format!("{} columns", was.len())), None),
            _ => {}
        }
        let (before, after) = (before.unwrap_or(&none), after.unwrap_or(&none));
        for (column, is) in after {
            match before.get(column) {
                Some(was) if was == is => {}
                was => tell(Some(column), was.map(shown), Some(shown(is))),
            }
        }
        // of a table that is gone its columns need not be told
        for (column, was) in before.iter().filter(|(c, _)| !after.is_empty() && !after.contains_key(*c)) {
            tell(Some(column), Some(shown(was)), None);
        }
    }
    changes
}

fn shown(column: &LockedColumn) -> String {
    format!("{}, {}", column.type_name, class_text(&column.class))
}

/// The changes like a diff: `+` came, `-` went, `~` is otherwise.
pub fn text(changes: &[Change]) -> String {
    let mut out = String::new();
    let mut last = None;
    for change in changes {
        let name = (&change.schema, &change.table);
        let full = table_name(name.0, name.1);
        if last.replace(name) != Some(name) {
            let note = match (&change.column, &change.was, &change.now) {
                (None, None, _) => "   (new)",
                (None, Some(_), None) => "   (gone)",
                _ => "",
            };
            _ = writeln!(out, "{full}{note}");
        }
        let Some(column) = &change.column else { continue };
        _ = match (&change.was, &change.now) {
            (Some(was), Some(now)) => writeln!(out, "  ~ {column}: {was}  →  {now}"),
            (None, Some(now)) => writeln!(out, "  + {column}: {now}"),
            (Some(was), None) => writeln!(out, "  - {column}: {was}"),
            (None, None) => Ok(()),
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(text: &str) -> Lock {
        Lock::parse(&format!("version: 1\ntables:\n{text}")).unwrap()
    }

    #[test]
    fn it_reads_like_a_review() {
        let was = lock(
            "  public.a:\n    id: { type: integer, class: keep }\n    fax: { type: text, class: phone }\n    note: { type: text, class: drop }\n  public.b:\n    id: { type: integer, class: keep }\n",
        );
        let now = lock(
            "  public.a:\n    id: { type: bigint, class: keep }\n    nick: { type: text, class: keep }\n    note: { type: text, class: keep }\n  public.c:\n    id: { type: integer, class: keep }\n",
        );
        let changes = compare(&was, &now);
        assert_eq!(
            text(&changes),
            "public.a\n  ~ id: integer, keep  →  bigint, keep\n  + nick: text, keep\n  ~ note: text, drop  →  text, keep\n  - fax: text, phone\npublic.b   (gone)\npublic.c   (new)\n  + id: integer, keep\n"
        );
        assert!(compare(&now, &now).is_empty());
        assert!(changes.iter().any(|c| c.added(&("public".into(), "a".into()), "nick")));
        assert!(!changes.iter().any(|c| c.added(&("public".into(), "a".into()), "note")));
    }
}
