//! What a pipeline knew of production's tables when it registered them last: kept on the target, in `sluice.tables`.
//!
//! Columns are known by their number (`pg_attribute.attnum`), which production never gives twice: a name can move to
//! another column, and its values with it unseen. So a column that came later, one that was made anew under its old name,
//! one that was renamed, and one that took a masked one's place are each told from one that simply stayed.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use wire::Connection;

use crate::error::Error;

/// By schema and name.
pub type Memory = HashMap<(String, String), Known>;

/// A table as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// `pg_class.oid` on production.
    pub oid: u32,
    /// Columns of the replica identity.
    pub key: Vec<String>,
    /// In the order of their numbers; those that production has no more at the end.
    pub columns: Vec<KnownColumn>,
}

/// A column as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownColumn {
    /// Its number on production.
    pub number: i32,
    /// Its name.
    pub name: String,
    /// What became of it.
    pub fate: Fate,
    /// Stands for its name, its type and what became of it in detail: with another one its rows are copied again. Empty
    /// where nothing of it comes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub print: String,
    /// The name under which it was masked or dropped, for as long as nobody has said otherwise of it: under another
    /// name it must not come as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shielded: Option<String>,
}

/// What became of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// It was copied as it was.
    Keep,
    /// It was copied through a mask.
    Mask,
    /// It was left out on purpose.
    Drop,
    /// It was left out because nobody had classified it.
    Withheld,
    /// Production had it once.
    Gone,
}

impl Known {
    /// The column of that number, if it is one of production's still.
    pub fn live(&self, number: i32) -> Option<&KnownColumn> {
        self.columns.iter().find(|c| c.number == number && c.fate != Fate::Gone)
    }

    /// Has the whole table to be copied to become what `now` says? Not because a column went: what staging has of it
    /// is its own from then on.
    pub fn is_due(&self, now: &Known) -> bool {
        let same = |c: &KnownColumn| match self.live(c.number) {
            // under another name nothing of it is to be blanked: what staging has under the old one is its own
            Some(was) if c.print.is_empty() => was.print.is_empty() || was.name != c.name,
            Some(was) => was.print == c.print,
            None => c.print.is_empty(),
        };
        self.oid != now.oid || self.key != now.key || !now.columns.iter().filter(|c| c.fate != Fate::Gone).all(same)
    }
}

/// What a pipeline knows of all its tables; nothing, where it has not run yet or we may not read it.
pub async fn read(db: &mut Connection, pipeline: &str) -> Result<Memory, Error> {
    let there = "SELECT pg_catalog.has_table_privilege(pg_catalog.to_regclass('sluice.tables'), 'SELECT')";
    if db.query(there, &[]).await?.get(0, 0) != Some("t") {
        return Ok(Memory::new());
    }
    let sql = "SELECT schema, name, oid, pg_catalog.to_json(key), columns FROM sluice.tables WHERE pipeline = $1::text";
    let rows = db.query(sql, &[Some(pipeline)]).await?;
    let broken = |_| Error::Bug("sluice.tables holds no JSON".into());
    let mut memory = Memory::new();
    for row in rows.iter() {
        let text = |i: usize| row.get(i).unwrap_or_default();
        let known = Known {
            oid: text(2).parse().map_err(|_| Error::Bug("sluice.tables.oid".into()))?,
            key: serde_json::from_str(text(3)).map_err(broken)?,
            columns: serde_json::from_str(text(4)).map_err(broken)?,
        };
        memory.insert((text(0).to_owned(), text(1).to_owned()), known);
    }
    Ok(memory)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(number: i32, name: &str, fate: Fate) -> KnownColumn {
        let print = if fate == Fate::Withheld { String::new() } else { format!("{name} {fate:?}") };
        KnownColumn { number, name: name.into(), fate, print, shielded: None }
    }

    fn known(columns: Vec<KnownColumn>) -> Known {
        Known { oid: 7, key: vec!["id".into()], columns }
    }

    #[test]
    fn a_table_is_due_for_what_comes_otherwise_and_not_for_what_went() {
        use Fate::*;
        let was = known(vec![column(1, "id", Keep), column(2, "a", Keep), column(3, "b", Withheld)]);
        let due = |columns| was.is_due(&known(columns));
        assert!(!was.is_due(&was));
        assert!(!due(vec![column(1, "id", Keep), column(3, "b", Withheld), column(2, "a", Gone)]), "a went");
        assert!(
            !due(vec![column(1, "id", Keep), column(2, "a", Keep), column(4, "c", Withheld)]),
            "c is not looked at"
        );
        assert!(due(vec![column(1, "id", Keep), column(2, "a", Keep), column(4, "c", Keep)]), "c is new");
        assert!(due(vec![column(1, "id", Keep), column(2, "a", Keep), column(3, "b", Drop)]), "b is to be blanked");
        assert!(due(vec![column(1, "id", Keep), column(2, "a", Withheld)]), "and so is a");
        assert!(!due(vec![column(1, "id", Keep), column(2, "z", Withheld)]), "a has another name");
        assert!(due(vec![column(1, "id", Keep), column(2, "a", Mask)]));
        assert!(due(vec![column(1, "id", Keep), column(5, "a", Keep)]), "another column of that name");
        assert!(due(vec![column(1, "id", Keep), column(2, "z", Keep)]), "another name");
        assert!(was.is_due(&Known { oid: 8, ..was.clone() }));
        assert!(was.is_due(&Known { key: vec!["a".into()], ..was.clone() }));
    }

    #[test]
    fn it_is_written_and_read() {
        let mut one = column(2, "a\n\"b", Fate::Mask);
        one.shielded = Some("é".into());
        let columns = vec![one, column(3, "c", Fate::Withheld)];
        let text = serde_json::to_string(&columns).unwrap();
        assert_eq!(serde_json::from_str::<Vec<KnownColumn>>(&text).unwrap(), columns);
        assert!(text.ends_with(r#"{"number":3,"name":"c","fate":"withheld"}]"#), "{text}");
    }
}
