//! Were a table's rows written anew in a way that the stream does not show?
//!
//! `ALTER TABLE … ALTER … TYPE … USING` writes every row anew, and pgoutput sends none of them. With the same type before and
//! after not even a shape tells it. Two things in the catalog do, and neither alone:
//!
//! | on production | another file (`relfilenode`) | another catalog row of a copied column (`pg_attribute.xmin`) |
//! |---|---|---|
//! | `ALTER … TYPE` that writes the rows anew | yes | yes |
//! | `ALTER … TYPE` that need not: `varchar(10)` to `varchar(20)` | | yes |
//! | `SET DEFAULT`, `NOT NULL`, `STATISTICS`, `STORAGE`, a right on a column | | yes |
//! | `VACUUM FULL`, `CLUSTER`, `SET TABLESPACE`, pg_repack, `ADD COLUMN` with a volatile default | yes | |
//! | `TRUNCATE`, which the stream has | yes | |
//!
//! So a table is due when **both** are others than at the last look. They change in one transaction and are read under one
//! snapshot, so no look falls between them; and each look that finds one of the two changed notes it, so that a nightly
//! `VACUUM FULL` and a `SET STATISTICS` of last week do not add up. Should both come between two looks, or while nobody looks,
//! that costs a needless copy and no more. Freezing a catalog row, and `VACUUM FULL` of the catalog, keep its xmin.
//!
//! Partitions are another matter: `TRUNCATE`, `DETACH`, `DROP` of a leaf and `ATTACH` of a filled one send nothing through the
//! root, and `VACUUM FULL` of a leaf looks the same. There any change of leaves or files makes the table due.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use wire::{Connection, Error};

use super::catalog::{LEAVES, LOOK, RELATIONS};

/// A table at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// A fingerprint of its name, its identity, its columns with number, name and type.
    pub print: String,
    /// Where its rows are.
    pub rows: Rows,
}

/// What tells rows that were written anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rows {
    /// Of a plain table.
    Plain {
        /// `relfilenode`.
        file: u32,
        /// Which transaction wrote the catalog row of each column, by number.
        columns: BTreeMap<i32, u32>,
    },
    /// Of a partitioned one: a fingerprint of its leaves and of the files they are in.
    Leaves(String),
}

impl Rows {
    /// With these columns only: what becomes of others is nothing to us.
    pub fn of(self, copied: &[i32]) -> Rows {
        match self {
            Rows::Plain { file, mut columns } => {
                columns.retain(|number, _| copied.contains(number));
                Rows::Plain { file, columns }
            }
            leaves => leaves,
        }
    }

    /// Also with the columns that `now` has and this has not: they begin to be copied now, while others have been for long.
    pub fn begins(mut self, now: Rows) -> Rows {
        if let (Rows::Plain { columns: was, .. }, Rows::Plain { columns, .. }) = (&mut self, now) {
            columns.into_iter().for_each(|(number, xmin)| _ = was.entry(number).or_insert(xmin));
        }
        self
    }

    /// See the module.
    pub fn rewritten(&self, now: &Rows) -> bool {
        match (self, now) {
            (Rows::Plain { file: was, columns: before }, Rows::Plain { file, columns }) => {
                let other = |(number, xmin)| columns.get(number).is_some_and(|now| now != xmin);
                was != file && before.iter().any(other)
            }
            (was, now) => was != now,
        }
    }

    /// As it is noted on the target.
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// From there. `None`: nothing that we have written.
    pub fn parse(text: &str) -> Option<Rows> {
        serde_json::from_str(text).ok()
    }
}

/// A look at each of these tables, by OID. One that is gone is left out.
pub async fn looks(db: &mut Connection, oids: &[u32]) -> Result<HashMap<u32, Look>, Error> {
    let list = oids.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
    let sql = LOOKS.replace("RELATIONS", RELATIONS).replace("LOOK", LOOK).replace("LEAVES", LEAVES);
    let rows = db.query(&sql, &[Some(&format!("{{{list}}}"))]).await?;
    let mut looks = HashMap::with_capacity(oids.len());
    for row in rows.iter() {
        let text = |i: usize| row.get(i).unwrap_or_default();
        let broken = |_| Error::Protocol("a table's columns are no JSON");
        let rows = match row.get(4) {
            Some(leaves) => Rows::Leaves(leaves.to_owned()),
            None => Rows::Plain {
                file: text(2).parse().unwrap_or(0),
                columns: serde_json::from_str(row.get(3).unwrap_or("{}")).map_err(broken)?,
            },
        };
        looks.insert(text(0).parse().unwrap_or(0), Look { print: text(1).to_owned(), rows });
    }
    Ok(looks)
}

/// One word for all that [`looks`] would say of these tables together, at a third of its cost and a hundredth of its size: as
/// long as it stays, so do they. It says by which transactions the catalog rows were written, and not what stands in them.
pub async fn word(db: &mut Connection, oids: &[u32]) -> Result<String, Error> {
    let list = oids.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
    let rows = db.query(&WORD.replace("LEAVES", LEAVES), &[Some(&format!("{{{list}}}"))]).await?;
    Ok(rows.get(0, 0).unwrap_or_default().to_owned())
}

// VACUUM and ANALYZE write into these rows in place, under the xmin that they have
const WORD: &str = "
SELECT pg_catalog.concat_ws('/',
  (SELECT pg_catalog.sum(pg_catalog.hashtextextended(pg_catalog.concat_ws(':', c.xmin, c.relfilenode, n.xmin), c.oid::bigint))
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ANY ($1::oid[])),
  (SELECT pg_catalog.sum(pg_catalog.hashtextextended(pg_catalog.concat_ws(':', a.attnum, a.xmin), a.attrelid::bigint))
    FROM pg_catalog.pg_attribute a WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0),
  (SELECT pg_catalog.sum(pg_catalog.hashtextextended(x.xmin::text, x.indexrelid::bigint))
    FROM pg_catalog.pg_index x WHERE x.indrelid = ANY ($1::oid[])),
  (SELECT pg_catalog.sum(pg_catalog.hashtextextended(l.relfilenode::text, l.oid::bigint))
    FROM pg_catalog.pg_class c CROSS JOIN LATERAL LEAVES l WHERE c.oid = ANY ($1::oid[]) AND c.relkind = 'p'))";

// relfilenode as the snapshot shows it: pg_relation_filenode() is of this moment, and would be ahead of the columns
const LOOKS: &str = "
SELECT c.oid, LOOK, c.relfilenode,
  (SELECT pg_catalog.json_object_agg(a.attnum, a.xmin::text::bigint) FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
  CASE WHEN c.relkind = 'p' THEN coalesce((SELECT pg_catalog.md5(pg_catalog.string_agg(
      l.oid || ':' || l.relfilenode, ',' ORDER BY l.oid)) FROM LEAVES l), '') END
FROM RELATIONS WHERE c.oid = ANY ($1::oid[])";

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(file: u32, columns: &[(i32, u32)]) -> Rows {
        Rows::Plain { file, columns: columns.iter().copied().collect() }
    }

    #[test]
    fn only_both_together_tell_it() {
        let was = plain(10, &[(1, 700), (2, 700)]);
        assert!(!was.rewritten(&was));
        assert!(!was.rewritten(&plain(11, &[(1, 700), (2, 700)])), "VACUUM FULL");
        assert!(!was.rewritten(&plain(10, &[(1, 700), (2, 800)])), "SET STATISTICS");
        assert!(!was.rewritten(&plain(11, &[(1, 700), (2, 700), (3, 800)])), "ADD COLUMN");
        assert!(!was.rewritten(&plain(11, &[(1, 700)])), "DROP COLUMN and VACUUM FULL");
        assert!(was.rewritten(&plain(11, &[(1, 700), (2, 800)])));
        assert!(!was.clone().of(&[1]).rewritten(&plain(11, &[(1, 700), (2, 800)])), "of a column that is not copied");
        let filled = was.clone().begins(plain(11, &[(1, 800), (3, 800)]));
        assert_eq!(
            filled,
            plain(10, &[(1, 700), (2, 700), (3, 800)]),
            "a column is filled in, and nothing else is forgotten"
        );
        let leaves = |text: &str| Rows::Leaves(text.into());
        assert!(!leaves("a").rewritten(&leaves("a")));
        assert!(leaves("a").rewritten(&leaves("b")) && leaves("a").rewritten(&was));
    }

    #[test]
    fn it_is_noted_and_read() {
        for rows in [plain(10, &[(1, 700), (2, 4_294_967_295)]), Rows::Leaves("0f".into())] {
            assert_eq!(Rows::parse(&rows.text()), Some(rows));
        }
        assert_eq!(Rows::parse(""), None);
    }
}
