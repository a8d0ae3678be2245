//! The publications: what production sends, and nothing that could make a statement of production fail.
//!
//! Plain `FOR TABLE` lists only. A column list or a row filter makes production's own updates fail when they leave out a
//! part of the identity; so does a published table without any identity. Such tables go into a second publication of
//! inserts and truncates. Never ALL TABLES, never a schema: every table made later would be in it.
//!
//! Both are made before the slot, the second even if it is empty: a slot that is older than a publication it reads stops
//! for good before 18, because what was written before the publication cannot be decoded through it. A table that loses
//! its identity, or gets one, moves from one to the other, and is copied again.

use std::collections::BTreeSet;

use wire::{Connection, Error, quote_ident, quote_literal};

use super::catalog::SourceTable;
use crate::error::Doing;

/// One of the two publications, as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// `sluice_<pipeline>` or `sluice_<pipeline>_inserts`.
    pub name: String,
    /// The value of its `publish` option.
    pub publish: &'static str,
    /// Quoted, qualified names.
    pub tables: BTreeSet<String>,
    /// Those of the other publication: should one be here, it has got or lost its identity, and goes there.
    elsewhere: BTreeSet<String>,
}

/// What has to be done to a publication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mend {
    /// What is wrong with it.
    pub what: String,
    /// What mends it.
    pub sql: String,
    /// Is it only something missing, so that we may do it ourselves where we own the tables?
    pub ours: bool,
}

/// The publications that a pipeline needs.
pub fn wanted<'t>(pipeline: &str, tables: impl IntoIterator<Item = &'t SourceTable>) -> [Publication; 2] {
    let name = format!("sluice_{pipeline}");
    let (identified, others): (Vec<&SourceTable>, Vec<_>) = tables.into_iter().partition(|t| t.identified);
    let names = |tables: &[&SourceTable]| tables.iter().map(|t| t.quoted()).collect::<BTreeSet<_>>();
    let (identified, others) = (names(&identified), names(&others));
    [
        Publication {
            name: name.clone(),
            publish: "insert, update, delete, truncate",
            tables: identified.clone(),
            elsewhere: others.clone(),
        },
        Publication {
            name: format!("{name}_inserts"),
            publish: "insert, truncate",
            tables: others,
            elsewhere: identified,
        },
    ]
}

impl Publication {
    /// The SQL that makes it.
    pub fn create(&self) -> String {
        let list: Vec<&str> = self.tables.iter().map(String::as_str).collect();
        // ONLY: without it the children by inheritance join too, and those without a key could not be updated any more
        let tables = if list.is_empty() { String::new() } else { format!(" FOR TABLE ONLY {}", list.join(", ONLY ")) };
        format!(
            "CREATE PUBLICATION {}{tables} WITH (publish = '{}', publish_via_partition_root = true);",
            quote_ident(&self.name),
            self.publish
        )
    }

    /// Compares it with what production has. Nothing to mend: it is as it should be.
    pub async fn compare(&self, db: &mut Connection) -> Result<Vec<Mend>, Error> {
        let found = db.query(PUBLICATION, &[Some(&self.name)]).await?;
        let Some(row) = found.first() else {
            return Ok(vec![Mend {
                what: format!("publication {} does not exist", self.name),
                sql: self.create(),
                ours: true,
            }]);
        };
        let is = |i: usize| row.get(i) == Some("t");
        let name = quote_ident(&self.name);
        let mut mends = Vec::new();
        let mut wrong = |what: String, sql: String, ours: bool| mends.push(Mend { what, sql, ours });
        if is(0) || is(7) {
            wrong(
                format!(
                    "publication {} is FOR ALL TABLES or FOR TABLES IN SCHEMA: tables made later would be in it, and their updates could fail",
                    self.name
                ),
                format!("DROP PUBLICATION {name}; {}", self.create()),
                false,
            );
            return Ok(mends);
        }
        let publish = [(1, "insert"), (2, "update"), (3, "delete"), (4, "truncate")];
        let has: Vec<&str> = publish.iter().filter(|(i, _)| is(*i)).map(|(_, n)| *n).collect();
        if has.join(", ") != self.publish {
            wrong(
                format!("publication {} publishes ({}) instead of ({})", self.name, has.join(", "), self.publish),
                format!("ALTER PUBLICATION {name} SET (publish = '{}');", self.publish),
                false,
            );
        }
        if !is(5) {
            wrong(
                format!("publication {} does not publish partitions by their root", self.name),
                format!("ALTER PUBLICATION {name} SET (publish_via_partition_root = true);"),
                false,
            );
        }
        let mut there = BTreeSet::new();
        for row in db.query(TABLES, &[Some(&self.name)]).await?.iter() {
            let table = format!("{}.{}", quote_ident(row.get(0).unwrap_or("")), quote_ident(row.get(1).unwrap_or("")));
            if row.get(2) == Some("t") {
                wrong(
                    format!(
                        "publication {} has a column list or row filter on {table}: it can make production's own statements fail",
                        self.name
                    ),
                    format!(
                        "ALTER PUBLICATION {name} DROP TABLE ONLY {table}; ALTER PUBLICATION {name} ADD TABLE ONLY {table};"
                    ),
                    false,
                );
            }
            there.insert(table);
        }
        for table in self.tables.difference(&there) {
            wrong(
                format!("publication {} lacks {table}", self.name),
                format!("ALTER PUBLICATION {name} ADD TABLE ONLY {table};"),
                true,
            );
        }
        for table in there.difference(&self.tables) {
            wrong(
                format!("publication {} has {table}, which the configuration does not replicate so", self.name),
                format!("ALTER PUBLICATION {name} DROP TABLE ONLY {table};"),
                self.elsewhere.contains(table),
            );
        }
        Ok(mends)
    }
}

/// Names and OIDs of the publications and of their tables, a JSON array a line (a name may hold any character): a publication or an entry that was dropped and
/// made anew is another one, and what was written between is lost to the slot.
pub async fn fingerprint(db: &mut Connection, names: &[String]) -> Result<String, Error> {
    let list = names.iter().map(|n| quote_literal(n)).collect::<Vec<_>>().join(", ");
    let rows = db
        .simple(&format!(
            "SELECT pg_catalog.json_build_array(p.pubname, p.oid::bigint)::text FROM pg_catalog.pg_publication p WHERE p.pubname IN ({list})
             UNION ALL SELECT pg_catalog.json_build_array(p.pubname, r.oid::bigint, n.nspname, c.relname)::text
             FROM pg_catalog.pg_publication_rel r JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid
             JOIN pg_catalog.pg_class c ON c.oid = r.prrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE p.pubname IN ({list}) ORDER BY 1"
        ))
        .await?;
    Ok(rows.iter().flat_map(|r| r.iter()).filter_map(|r| r.get(0)).collect::<Vec<_>>().join("\n"))
}

/// Does a publication that is not ours (`sluice adopt`) send all of these? A table that it lacks would stand still
/// without a word.
pub async fn publishes<'t>(
    db: &mut Connection,
    name: &str,
    tables: impl IntoIterator<Item = &'t SourceTable>,
) -> Result<(), crate::error::Error> {
    let rows = db.query(PUBLISHED, &[Some(name)]).await.doing("read the publication")?;
    let refuse = |what: String, hint: String| Err(crate::error::Error::Refused { what, hint });
    let Some(first) = rows.first() else {
        return refuse(format!("there is no publication {name}"), "SELECT pubname FROM pg_publication;".into());
    };
    if first.get(0) != Some("t") {
        return refuse(
            format!("publication {name} does not publish inserts, updates, deletes and truncates alike"),
            format!("ALTER PUBLICATION {} SET (publish = 'insert, update, delete, truncate');", quote_ident(name)),
        );
    }
    let has =
        |t: &SourceTable| rows.iter().any(|r| (r.get(1), r.get(2)) == (Some(&*t.shape.schema), Some(&*t.shape.name)));
    let missing: Vec<String> = tables.into_iter().filter(|t| !has(t)).map(SourceTable::quoted).collect();
    if missing.is_empty() {
        return Ok(());
    }
    refuse(
        format!("publication {name} lacks {}", missing.join(", ")),
        "exclude what it does not publish; or sluice destroy, then run: with publications of its own it copies all"
            .into(),
    )
}

const PUBLISHED: &str = "
SELECT p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate, t.schemaname, t.tablename
FROM pg_catalog.pg_publication p LEFT JOIN pg_catalog.pg_publication_tables t USING (pubname) WHERE p.pubname = $1";

const PUBLICATION: &str = "
SELECT p.puballtables, p.pubinsert, p.pubupdate, p.pubdelete, p.pubtruncate, p.pubviaroot, p.oid,
  EXISTS (SELECT FROM pg_catalog.pg_publication_namespace s WHERE s.pnpubid = p.oid)
FROM pg_catalog.pg_publication p WHERE p.pubname = $1::text";

const TABLES: &str = "
SELECT n.nspname, c.relname, r.prqual IS NOT NULL OR r.prattrs IS NOT NULL
FROM pg_catalog.pg_publication_rel r JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid
JOIN pg_catalog.pg_class c ON c.oid = r.prrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE p.pubname = $1::text";
