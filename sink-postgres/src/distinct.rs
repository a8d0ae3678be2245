//! What a database asks of its rows among each other: which must differ, and which partition each goes to. Read from the
//! catalog, as it is the same on both sides; what follows for a mask is not known here.

use std::collections::HashMap;

use wire::Connection;

use crate::error::Error;

/// Schema and name.
pub type Name = (String, String);

/// A unique index or an exclusion constraint.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// `primary key`, `unique index` or `exclusion constraint`.
    pub kind: String,
    /// Does it belong to a constraint of its name?
    pub constraint: bool,
    /// Is it over the whole table? One of a single partition says nothing of rows in two of them.
    pub whole: bool,
    /// What it compares, in order.
    pub parts: Vec<Part>,
    /// Do NULLs differ from each other? They do, unless it says NULLS NOT DISTINCT.
    pub nulls_distinct: bool,
    /// Only rows of which this is true are in it.
    pub predicate: Option<String>,
    /// Every column that a part or the predicate looks at.
    pub looks: Vec<String>,
}

/// One thing that an index compares.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Part {
    /// The column, where it is one; one that is generated counts as its expression.
    pub column: Option<String>,
    /// The column's name, or the expression as the server writes it.
    pub sql: String,
    /// The operator by which two rows are in each other's way: `=`, but for exclusion constraints.
    pub operator: String,
    /// The name of its collation, if that is not deterministic.
    pub collation: Option<String>,
    /// Has the column a default? Then that stands there where nothing comes.
    pub has_default: bool,
}

/// How a table is cut into partitions.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Partitioned {
    /// `h` by hash, `l` by list, `r` by range.
    pub strategy: String,
    /// The columns that decide.
    pub columns: Vec<String>,
    /// Is there a partition for what has no other?
    pub has_default: bool,
}

/// Of one table; leaves count as their root.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Distinct {
    /// What keeps its rows apart.
    pub indexes: Vec<Index>,
    /// How it is partitioned, if it is.
    pub partitioned: Option<Partitioned>,
}

impl Index {
    /// The columns that it compares, where it compares nothing but columns, and all rows of the table are in it.
    pub fn plain(&self) -> Option<Vec<&str>> {
        let all = self.whole && self.predicate.is_none() && self.parts.iter().all(|p| p.operator == "=");
        all.then(|| self.parts.iter().map(|p| p.column.as_deref()).collect()).flatten()
    }
}

/// Of every table.
pub async fn all(db: &mut Connection) -> Result<HashMap<Name, Distinct>, Error> {
    type Parts = Vec<(Option<String>, String, Option<String>, Option<String>, bool)>;
    let mut found: HashMap<Name, Distinct> = HashMap::new();
    let bad = |_| Error::Bug("a database's catalog is no JSON".into());
    for row in db.query(INDEXES, &[]).await?.iter() {
        let text = |i: usize| row.get(i).unwrap_or_default().to_owned();
        let parts: Parts = serde_json::from_str(row.get(4).unwrap_or("[]")).map_err(bad)?;
        let part = |(column, sql, operator, collation, has_default): (_, _, Option<String>, _, _)| Part {
            column,
            sql,
            operator: operator.unwrap_or_else(|| "=".to_owned()),
            collation,
            has_default,
        };
        found.entry((text(0), text(1))).or_default().indexes.push(Index {
            name: text(2),
            kind: text(3),
            constraint: row.get(8) == Some("t"),
            whole: row.get(9) == Some("t"),
            parts: parts.into_iter().map(part).collect(),
            nulls_distinct: row.get(5) != Some("t"),
            predicate: row.get(6).map(str::to_owned),
            looks: crate::catalog::list(row.get(7)),
        });
    }
    for row in db.query(PARTITIONED, &[]).await?.iter() {
        let text = |i: usize| row.get(i).unwrap_or_default().to_owned();
        found.entry((text(0), text(1))).or_default().partitioned = Some(Partitioned {
            strategy: text(2),
            columns: crate::catalog::list(row.get(3)),
            has_default: row.get(4) == Some("t"),
        });
    }
    Ok(found)
}

// a leaf's part of its root's index is no index of its own; a collation counts that is the column's or the index's
const INDEXES: &str = "
SELECT n.nspname, r.relname, i.relname,
  CASE WHEN x.indisprimary THEN 'primary key' WHEN x.indisexclusion THEN 'exclusion constraint' ELSE 'unique index' END,
  (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(CASE WHEN a.attgenerated = '' THEN a.attname END,
      coalesce(CASE WHEN a.attgenerated = '' THEN a.attname END, (SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid) FROM pg_catalog.pg_attrdef d
        WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum), pg_catalog.pg_get_indexdef(x.indexrelid, k.n, false)),
      (SELECT o.oprname FROM pg_catalog.pg_constraint f JOIN pg_catalog.pg_operator o ON o.oid = f.conexclop[k.n]
        WHERE f.conindid = x.indexrelid AND f.contype = 'x'),
      (SELECT l.collname FROM pg_catalog.pg_collation l WHERE NOT l.collisdeterministic AND l.oid IN (x.indcollation[k.n - 1], a.attcollation)
        LIMIT 1),
      coalesce(a.atthasdef OR a.attidentity <> '', false)) ORDER BY k.n)
    FROM pg_catalog.generate_series(1, x.indnkeyatts) k(n)
    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[k.n - 1] AND a.attnum > 0),
  x.indnullsnotdistinct, pg_catalog.pg_get_expr(x.indpred, x.indrelid),
  (SELECT pg_catalog.json_agg(DISTINCT a.attname) FROM pg_catalog.pg_attribute a WHERE a.attrelid = x.indrelid AND a.attnum > 0
    AND (a.attnum IN (SELECT x.indkey[k - 1] FROM pg_catalog.generate_series(1, x.indnkeyatts) k)
      OR (x.indpred IS NOT NULL OR x.indexprs IS NOT NULL) AND a.attnum IN (SELECT p.refobjsubid FROM pg_catalog.pg_depend p
        WHERE p.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND p.objid = x.indexrelid AND p.refobjid = x.indrelid)
      OR a.attnum IN (SELECT p.refobjsubid FROM pg_catalog.pg_attrdef d JOIN pg_catalog.pg_depend p
        ON p.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND p.objid = d.oid AND p.refobjid = d.adrelid
        JOIN pg_catalog.pg_attribute g ON g.attrelid = d.adrelid AND g.attnum = d.adnum AND g.attgenerated <> ''
        WHERE d.adrelid = x.indrelid AND d.adnum = ANY (x.indkey)))),
  EXISTS (SELECT FROM pg_catalog.pg_constraint f WHERE f.conindid = x.indexrelid AND f.conrelid = x.indrelid AND f.contype IN ('p', 'u', 'x')),
  c.oid = r.oid
FROM pg_catalog.pg_index x
JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
JOIN pg_catalog.pg_class c ON c.oid = x.indrelid
JOIN pg_catalog.pg_class r ON r.oid = coalesce(pg_catalog.pg_partition_root(c.oid)::pg_catalog.oid, c.oid)
JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace
WHERE (x.indisunique OR x.indisexclusion) AND x.indislive AND NOT i.relispartition AND r.relkind IN ('r', 'p') AND r.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'sluice') AND n.nspname NOT LIKE 'pg\\_%'
ORDER BY 1, 2, x.indisprimary DESC, 3";

const PARTITIONED: &str = "
SELECT n.nspname, c.relname, k.partstrat,
  (SELECT pg_catalog.json_agg(DISTINCT a.attname) FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0
    AND (a.attnum = ANY (k.partattrs) OR a.attnum IN (SELECT p.refobjsubid FROM pg_catalog.pg_depend p
      WHERE p.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND p.objid = c.oid AND p.refobjid = c.oid))),
  k.partdefid <> 0
FROM pg_catalog.pg_partitioned_table k JOIN pg_catalog.pg_class c ON c.oid = k.partrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE NOT c.relispartition";
