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
    /// The condition that its rows had to fulfil; empty: all came.
    pub only: String,
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

/// What of a table has to be copied again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// It is as it was.
    Nothing,
    /// These columns of all rows; the rows are exact otherwise.
    Columns(Vec<String>),
    /// Everything.
    Whole,
}

impl Known {
    /// The column of that number, if it is one of production's still.
    pub fn live(&self, number: i32) -> Option<&KnownColumn> {
        self.columns.iter().find(|c| c.number == number && c.fate != Fate::Gone)
    }

    /// What has to be copied for the table to become what `now` says? Nothing because a column went: what staging has of it
    /// is its own from then on.
    pub fn due(&self, now: &Known) -> Due {
        let same = |c: &KnownColumn| match self.live(c.number) {
            // under another name nothing of it is to be blanked: what staging has under the old one is its own
            Some(was) if c.print.is_empty() => was.print.is_empty() || was.name != c.name,
            Some(was) => was.print == c.print,
            None => c.print.is_empty(),
        };
        let live = now.columns.iter().filter(|c| c.fate != Fate::Gone);
        let other: Vec<String> = live.filter(|c| !same(c)).map(|c| c.name.clone()).collect();
        // by a key of another look no row is found
        let by_key = !now.key.is_empty() && !other.iter().any(|c| now.key.contains(c));
        match (self.oid, &self.key, &self.only) == (now.oid, &now.key, &now.only) {
            true if other.is_empty() => Due::Nothing,
            true if by_key => Due::Columns(other),
            _ => Due::Whole,
        }
    }
}

/// What a pipeline knows of all its tables; nothing, where it has not run yet or we may not read it.
pub async fn read(db: &mut Connection, pipeline: &str) -> Result<Memory, Error> {
    let there = "SELECT pg_catalog.has_table_privilege(pg_catalog.to_regclass('sluice.tables'), 'SELECT')";
    if db.query(there, &[]).await?.get(0, 0) != Some("t") {
        return Ok(Memory::new());
    }
    let sql = "SELECT schema, name, oid, pg_catalog.to_json(key), columns,
          pg_catalog.to_jsonb(t) ->> 'only_rows' FROM sluice.tables t WHERE pipeline = $1::text";
    // (by its name: a target of an earlier version has no such column before `run` has added it)
    let rows = db.query(sql, &[Some(pipeline)]).await?;
    let broken = |_| Error::Bug("sluice.tables holds no JSON".into());
    let mut memory = Memory::new();
    for row in rows.iter() {
        let text = |i: usize| row.get(i).unwrap_or_default();
        let known = Known {
            oid: text(2).parse().map_err(|_| Error::Bug("sluice.tables.oid".into()))?,
            key: serde_json::from_str(text(3)).map_err(broken)?,
            columns: serde_json::from_str(text(4)).map_err(broken)?,
            only: text(5).to_owned(),
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
        Known { oid: 7, key: vec!["id".into()], only: String::new(), columns }
    }

    #[test]
    fn a_table_is_due_for_what_comes_otherwise_and_not_for_what_went() {
        use Fate::*;
        let was = known(vec![column(1, "id", Keep), column(2, "a", Keep), column(3, "b", Withheld)]);
        let due = |columns| match was.due(&known(columns)) {
            Due::Nothing => "nothing".to_owned(),
            Due::Columns(names) => names.join(" "),
            Due::Whole => "all".to_owned(),
        };
        let (id, a, b) = (|| column(1, "id", Keep), || column(2, "a", Keep), || column(3, "b", Withheld));
        assert_eq!(was.due(&was), Due::Nothing);
        assert_eq!(due(vec![id(), b(), column(2, "a", Gone)]), "nothing", "a went");
        assert_eq!(due(vec![id(), a(), column(4, "c", Withheld)]), "nothing", "c is not looked at");
        assert_eq!(due(vec![id(), a(), column(4, "c", Keep)]), "c", "c is new");
        assert_eq!(due(vec![id(), a(), column(3, "b", Drop)]), "b", "b is to be blanked");
        assert_eq!(due(vec![id(), column(2, "a", Withheld), column(3, "b", Mask)]), "a b", "and so is a");
        assert_eq!(due(vec![id(), column(2, "z", Withheld)]), "nothing", "a has another name");
        assert_eq!(due(vec![id(), column(2, "a", Mask)]), "a");
        assert_eq!(due(vec![id(), column(5, "a", Keep)]), "a", "another column of that name");
        assert_eq!(due(vec![id(), column(2, "z", Keep)]), "z", "another name");
        assert_eq!(due(vec![column(1, "id", Mask), a(), b()]), "all", "the key looks otherwise");
        assert_eq!(was.due(&Known { oid: 8, ..was.clone() }), Due::Whole);
        assert_eq!(was.due(&Known { key: vec!["a".into()], ..was.clone() }), Due::Whole);
        assert_eq!(was.due(&Known { only: "a".into(), ..was.clone() }), Due::Whole, "other rows come");
        let keyless = Known { key: vec![], ..was.clone() };
        assert_eq!(keyless.due(&Known { columns: vec![id(), column(2, "a", Mask)], ..keyless.clone() }), Due::Whole);
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
