//! What the target's tables are, read from its catalog.

use std::collections::HashMap;

use wire::{Connection, quote_ident};

use crate::error::Error;

/// A column of a target table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Unquoted.
    pub name: String,
    /// The type's qualified name without a length, for a domain that of its base type: a cast to `varchar(3)`, or to a
    /// domain over it, would cut a value in silence; the assignment to the column complains.
    pub type_name: String,
    /// GENERATED ALWAYS AS (…): never written.
    pub generated: bool,
    /// GENERATED ALWAYS AS IDENTITY: cannot be SET, wants OVERRIDING SYSTEM VALUE.
    pub identity_always: bool,
    /// `attnotnull`.
    pub not_null: bool,
    /// Has it a default (or is it an identity)?
    pub has_default: bool,
}

/// A unique index of a target table, as far as it can find a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unique {
    /// Name of the index.
    pub name: String,
    /// Its columns in order; empty if it is over expressions.
    pub columns: Vec<String>,
    /// Per column the equality operator of its class, `OPERATOR(schema.=)`.
    pub operators: Vec<String>,
    /// Is it the primary key?
    pub primary: bool,
    /// `indisvalid`, not partial, not deferrable, over columns only: an update by it finds one row, by this index.
    pub usable: bool,
    /// The same, but deferrable: the server does not hold our rows to it (`deferred.rs`).
    pub deferrable: bool,
}

/// A table of the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// `pg_class.oid`.
    pub oid: u32,
    /// Unquoted.
    pub schema: String,
    /// Unquoted.
    pub name: String,
    /// `r` plain, `p` partitioned; anything else is nothing that we write.
    pub kind: char,
    /// UNLOGGED: emptied by a crash of the target, checkpoint kept: refused.
    pub unlogged: bool,
    /// Does a foreign key of another table (or its own) refer to it?
    pub referenced: bool,
    /// Has it foreign keys, user triggers or rules that would fire for our writes unless the session is in replica role?
    pub fires: bool,
    /// ENABLE ALWAYS or ENABLE REPLICA triggers: they fire even then. Names.
    pub always_triggers: Vec<String>,
    /// Row security is on, and it applies to us.
    pub row_security: bool,
    /// May we TRUNCATE it?
    pub may_truncate: bool,
    /// May we select, insert, update and delete?
    pub may_write: bool,
    /// In `attnum` order, without dropped ones.
    pub columns: Vec<Column>,
    /// Its unique indexes.
    pub unique: Vec<Unique>,
}

impl Table {
    /// `"schema"."name"`.
    pub fn quoted(&self) -> String {
        format!("{}.{}", quote_ident(&self.schema), quote_ident(&self.name))
    }

    /// Position of a column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name == name)
    }

    /// The unique index over exactly these columns, in any order, that can find a row.
    pub fn unique_over(&self, names: &[&str]) -> Option<&Unique> {
        self.unique.iter().find(|u| {
            u.usable && u.columns.len() == names.len() && names.iter().all(|n| u.columns.iter().any(|c| c == n))
        })
    }
}

/// Reads one table; `None` if there is no such table.
pub async fn table(db: &mut Connection, schema: &str, name: &str) -> Result<Option<Table>, Error> {
    let found = db.query(TABLE, &[Some(schema), Some(name)]).await?;
    let Some(row) = found.iter().next() else { return Ok(None) };
    let text = |i: usize| row.get(i).unwrap_or("");
    let oid = text(0).to_owned();
    let yes = |i: usize| text(i) == "t";
    let mut table = Table {
        oid: oid.parse().map_err(|_| Error::Bug("pg_class.oid is no number".into()))?,
        schema: schema.into(),
        name: name.into(),
        kind: text(1).chars().next().unwrap_or('?'),
        unlogged: text(2) == "u",
        referenced: yes(3),
        fires: yes(4),
        always_triggers: list(row.get(5)),
        row_security: yes(6),
        may_truncate: yes(7),
        may_write: yes(8),
        columns: Vec::new(),
        unique: Vec::new(),
    };
    for row in db.query(COLUMNS, &[Some(&oid)]).await?.iter() {
        let text = |i: usize| row.get(i).unwrap_or("");
        table.columns.push(Column {
            name: text(0).into(),
            type_name: text(1).into(),
            generated: text(2) == "t",
            identity_always: text(3) == "t",
            not_null: text(4) == "t",
            has_default: text(5) == "t",
        });
    }
    for row in db.query(UNIQUE, &[Some(&oid)]).await?.iter() {
        let text = |i: usize| row.get(i).unwrap_or("");
        table.unique.push(Unique {
            name: text(0).into(),
            columns: list(row.get(1)),
            operators: list(row.get(2)),
            primary: text(3) == "t",
            usable: text(4) == "t",
            deferrable: text(5) == "t",
        });
    }
    Ok(Some(table))
}

/// A JSON array of names, as `json_agg` gives it: a name may hold any character, line breaks and tabs too. None where there
/// was nothing to gather.
pub fn list(json: Option<&str>) -> Vec<String> {
    json.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
}

const TABLE: &str = "
SELECT c.oid, c.relkind, c.relpersistence,
  EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.contype = 'f' AND k.confrelid = c.oid AND k.conrelid <> c.oid),
  EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND t.tgenabled IN ('O', 'A', 'R'))
    OR EXISTS (SELECT FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid),
  (SELECT pg_catalog.json_agg(t.tgname) FROM pg_catalog.pg_trigger t
    WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgenabled IN ('A', 'R')),
  c.relrowsecurity AND pg_catalog.row_security_active(c.oid),
  pg_catalog.has_table_privilege(c.oid, 'TRUNCATE'),
  pg_catalog.has_table_privilege(c.oid, 'SELECT') AND pg_catalog.has_table_privilege(c.oid, 'INSERT')
    AND pg_catalog.has_table_privilege(c.oid, 'UPDATE') AND pg_catalog.has_table_privilege(c.oid, 'DELETE')
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1::text AND c.relname = $2::text";

// regclass has a cast from text of its own, which knows neither "-" nor a number; from bpchar it is its input function
const COLUMNS: &str = "
SELECT a.attname,
  (WITH RECURSIVE b AS (
     SELECT t.oid, t.typbasetype, t.typtype FROM pg_catalog.pg_type t WHERE t.oid = a.atttypid
     UNION ALL SELECT t.oid, t.typbasetype, t.typtype FROM b JOIN pg_catalog.pg_type t ON b.typtype = 'd' AND t.oid = b.typbasetype)
   SELECT CASE WHEN b.oid = 2205 THEN 'pg_catalog.bpchar::pg_catalog.regclass' ELSE pg_catalog.format_type(b.oid, -1) END
   FROM b WHERE b.typtype <> 'd'), a.attgenerated <> '', a.attidentity = 'a', a.attnotnull,
  a.atthasdef OR a.attidentity <> ''
FROM pg_catalog.pg_attribute a
WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";

// strategy 3 of a btree class is its equality; search_path is empty, so it is named with its schema
const UNIQUE: &str = "
SELECT i.relname,
  pg_catalog.json_agg(a.attname ORDER BY k.n) FILTER (WHERE a.attname IS NOT NULL),
  pg_catalog.json_agg('OPERATOR(' || pg_catalog.quote_ident(s.nspname) || '.' || p.oprname || ')' ORDER BY k.n)
    FILTER (WHERE p.oprname IS NOT NULL),
  x.indisprimary,
  x.indisvalid AND x.indpred IS NULL AND x.indexprs IS NULL AND x.indimmediate
    AND pg_catalog.count(p.oprname) = x.indnkeyatts,
  x.indisvalid AND x.indpred IS NULL AND x.indexprs IS NULL AND NOT x.indimmediate
    AND pg_catalog.count(p.oprname) = x.indnkeyatts
FROM pg_catalog.pg_index x
JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
CROSS JOIN LATERAL pg_catalog.generate_series(1, x.indnkeyatts) AS k(n)
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[k.n - 1] AND a.attnum > 0
LEFT JOIN pg_catalog.pg_opclass o ON o.oid = x.indclass[k.n - 1]
LEFT JOIN pg_catalog.pg_amop m ON m.amopfamily = o.opcfamily AND m.amopstrategy = 3 AND m.amoplefttype = o.opcintype
  AND m.amoprighttype = o.opcintype
LEFT JOIN pg_catalog.pg_operator p ON p.oid = m.amopopr
LEFT JOIN pg_catalog.pg_namespace s ON s.oid = p.oprnamespace
WHERE x.indrelid = $1::oid AND x.indisunique
GROUP BY i.relname, x.indisprimary, x.indisvalid, x.indimmediate, x.indpred, x.indexprs, x.indnkeyatts
ORDER BY x.indisprimary DESC, i.relname";

/// Has the table, or a partition of it, a file with anything in it? An empty file has no rows, and asking needs no right to
/// read them. False too where there is no such table.
pub async fn has_bytes(db: &mut Connection, schema: &str, name: &str) -> Result<bool, Error> {
    Ok(!db.query(HAS_BYTES, &[Some(schema), Some(name)]).await?.is_empty())
}

const HAS_BYTES: &str = "
WITH RECURSIVE part AS (
  SELECT c.oid, c.relkind FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1::text AND c.relname = $2::text
  UNION ALL SELECT c.oid, c.relkind FROM part JOIN pg_catalog.pg_inherits i ON i.inhparent = part.oid AND part.relkind = 'p'
  JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid)
SELECT FROM part WHERE relkind = 'r' AND pg_catalog.pg_relation_size(oid) > 0 LIMIT 1";

/// Columns that must have a value and have no default, by table; and whether it must be another in each row.
pub type Required = HashMap<(String, String), Vec<(String, bool)>>;

/// Those of every table.
pub async fn required(db: &mut Connection) -> Result<Required, Error> {
    let mut required = Required::new();
    for row in db.query(REQUIRED, &[]).await?.iter() {
        let text = |i: usize| row.get(i).unwrap_or_default().to_owned();
        required.entry((text(0), text(1))).or_default().push((text(2), row.get(3) == Some("t")));
    }
    Ok(required)
}

const REQUIRED: &str = "
SELECT n.nspname, c.relname, a.attname,
  EXISTS (SELECT FROM pg_catalog.pg_index x WHERE x.indrelid = c.oid AND (x.indisunique OR x.indisexclusion) AND a.attnum = ANY (x.indkey))
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped AND (a.attnotnull OR t.typnotnull)
  AND NOT a.atthasdef AND a.attidentity = '' AND a.attgenerated = '' AND t.typdefault IS NULL
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'sluice')";
