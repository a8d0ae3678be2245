//! What the target's tables are, read from its catalog.

use std::collections::HashMap;

use serde::Deserialize;
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

/// A trigger or a rule that `session_replication_role = replica` does not quiet.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Always {
    /// `trigger audit`, `rule r`; of a partition, with its name.
    pub what: String,
    /// The statement that makes it quiet for us, and leaves it to everybody else.
    pub mend: String,
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
    /// What fires even then: ENABLE ALWAYS or ENABLE REPLICA.
    pub always: Vec<Always>,
    /// Other tables (schema, name) that have rows of it: its partitions, and those that it is a partition of, at any depth.
    pub shares: Vec<(String, String)>,
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
    let name = (schema.to_owned(), name.to_owned());
    Ok(tables(db, std::slice::from_ref(&name)).await?.remove(&name))
}

/// Reads tables (schema, name), in three statements however many there are; those that are not there are left out.
pub async fn tables(
    db: &mut Connection,
    names: &[(String, String)],
) -> Result<HashMap<(String, String), Table>, Error> {
    let names = serde_json::to_string(names).map_err(|e| Error::Bug(e.to_string()))?;
    let mut found: HashMap<u32, Table> = HashMap::new();
    for row in db.query(TABLES, &[Some(&names)]).await?.iter() {
        let text = |i: usize| row.get(i).unwrap_or("");
        let yes = |i: usize| text(i) == "t";
        let table = Table {
            oid: oid(text(0))?,
            schema: text(1).into(),
            name: text(2).into(),
            kind: text(3).chars().next().unwrap_or('?'),
            unlogged: text(4) == "u",
            referenced: yes(5),
            fires: yes(6),
            always: row.get(7).and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default(),
            row_security: yes(8),
            may_truncate: yes(9),
            may_write: yes(10),
            shares: row.get(11).and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default(),
            columns: Vec::new(),
            unique: Vec::new(),
        };
        found.insert(table.oid, table);
    }
    let oids: Vec<String> = found.keys().map(u32::to_string).collect();
    let oids = format!("{{{}}}", oids.join(","));
    for row in db.query(COLUMNS, &[Some(&oids)]).await?.iter() {
        let text = |i: usize| row.get(i).unwrap_or("");
        let Some(table) = found.get_mut(&oid(text(6))?) else { continue };
        table.columns.push(Column {
            name: text(0).into(),
            type_name: text(1).into(),
            generated: text(2) == "t",
            identity_always: text(3) == "t",
            not_null: text(4) == "t",
            has_default: text(5) == "t",
        });
    }
    for row in db.query(UNIQUE, &[Some(&oids)]).await?.iter() {
        let text = |i: usize| row.get(i).unwrap_or("");
        let Some(table) = found.get_mut(&oid(text(6))?) else { continue };
        table.unique.push(Unique {
            name: text(0).into(),
            columns: list(row.get(1)),
            operators: list(row.get(2)),
            primary: text(3) == "t",
            usable: text(4) == "t",
            deferrable: text(5) == "t",
        });
    }
    Ok(found.into_values().map(|table| ((table.schema.clone(), table.name.clone()), table)).collect())
}

fn oid(text: &str) -> Result<u32, Error> {
    text.parse().map_err(|_| Error::Bug("pg_class.oid is no number".into()))
}

/// A JSON array of names, as `json_agg` gives it: a name may hold any character, line breaks and tabs too. None where there
/// was nothing to gather.
pub fn list(json: Option<&str>) -> Vec<String> {
    json.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
}

// written by its root, a partition fires its row triggers, and with TRUNCATE those of TRUNCATE; no statement trigger and no rule.
// A foreign key's own trigger may be made ALWAYS by a superuser, and would cascade
const TABLES: &str = "
WITH RECURSIVE root AS (
  SELECT c.*, n.nspname
  FROM (SELECT DISTINCT e ->> 0 AS schema, e ->> 1 AS name FROM pg_catalog.json_array_elements($1::pg_catalog.json) e OFFSET 0) t
  JOIN pg_catalog.pg_namespace n ON n.nspname = t.schema
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.name
), part(root, oid, kind) AS (
  SELECT c.oid, c.oid, c.relkind FROM root c
  UNION ALL SELECT p.root, c.oid, c.relkind FROM part p JOIN pg_catalog.pg_inherits i ON i.inhparent = p.oid AND p.kind = 'p'
  JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
), above(root, oid) AS (
  SELECT c.oid, i.inhparent FROM root c JOIN pg_catalog.pg_inherits i ON i.inhrelid = c.oid AND c.relispartition
  UNION ALL SELECT a.root, i.inhparent FROM above a JOIN pg_catalog.pg_class c ON c.oid = a.oid AND c.relispartition
  JOIN pg_catalog.pg_inherits i ON i.inhrelid = a.oid
), shares AS (
  SELECT s.root, pg_catalog.json_agg(pg_catalog.json_build_array(n.nspname, c.relname) ORDER BY n.nspname, c.relname) AS names
  FROM (SELECT root, oid FROM part WHERE oid <> root UNION ALL SELECT root, oid FROM above) s
  JOIN pg_catalog.pg_class c ON c.oid = s.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace GROUP BY s.root
), loud AS (
  SELECT p.root, p.oid AS rel, t.tgenabled AS enabled, 'trigger' AS what, t.tgname AS name
  FROM part p JOIN pg_catalog.pg_trigger t ON t.tgrelid = p.oid
  WHERE (p.oid = p.root OR t.tgtype & 33 <> 0)
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger u WHERE u.oid = t.tgparentid AND u.tgenabled = t.tgenabled)
  UNION ALL SELECT c.oid, c.oid, r.ev_enabled, 'rule', r.rulename FROM pg_catalog.pg_rewrite r JOIN root c ON c.oid = r.ev_class
), said AS (
  SELECT l.root, pg_catalog.bool_or(l.enabled <> 'D') AS fires, pg_catalog.json_agg(pg_catalog.json_build_object(
      'what', l.what || ' ' || l.name || CASE WHEN l.rel = l.root THEN '' ELSE ' of its partition ' || n.nspname || '.' || c.relname END,
      'mend', pg_catalog.format('ALTER TABLE %I.%I ENABLE %s %I;', n.nspname, c.relname, pg_catalog.upper(l.what), l.name))
      ORDER BY l.what DESC, l.name) FILTER (WHERE l.enabled IN ('A', 'R')) AS always
  FROM loud l JOIN pg_catalog.pg_class c ON c.oid = l.rel JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace GROUP BY l.root
), referenced AS (
  SELECT DISTINCT k.confrelid FROM pg_catalog.pg_constraint k WHERE k.contype = 'f' AND k.confrelid <> k.conrelid
)
SELECT c.oid, c.nspname, c.relname, c.relkind, c.relpersistence, r.confrelid IS NOT NULL, coalesce(s.fires, false), s.always,
  c.relrowsecurity AND pg_catalog.row_security_active(c.oid),
  pg_catalog.has_table_privilege(c.oid, 'TRUNCATE'),
  pg_catalog.has_table_privilege(c.oid, 'SELECT') AND pg_catalog.has_table_privilege(c.oid, 'INSERT')
    AND pg_catalog.has_table_privilege(c.oid, 'UPDATE') AND pg_catalog.has_table_privilege(c.oid, 'DELETE'), h.names
FROM root c LEFT JOIN said s ON s.root = c.oid LEFT JOIN shares h ON h.root = c.oid LEFT JOIN referenced r ON r.confrelid = c.oid";

// regclass has a cast from text of its own, which knows neither "-" nor a number; from bpchar it is its input function
const COLUMNS: &str = "
SELECT a.attname,
  (WITH RECURSIVE b AS (
     SELECT t.oid, t.typbasetype, t.typtype FROM pg_catalog.pg_type t WHERE t.oid = a.atttypid
     UNION ALL SELECT t.oid, t.typbasetype, t.typtype FROM b JOIN pg_catalog.pg_type t ON b.typtype = 'd' AND t.oid = b.typbasetype)
   SELECT CASE WHEN b.oid = 2205 THEN 'pg_catalog.bpchar::pg_catalog.regclass' ELSE pg_catalog.format_type(b.oid, -1) END
   FROM b WHERE b.typtype <> 'd'), a.attgenerated <> '', a.attidentity = 'a', a.attnotnull,
  a.atthasdef OR a.attidentity <> '', a.attrelid
FROM pg_catalog.pg_attribute a
WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum";

// strategy 3 of a btree class is its equality; search_path is empty, so it is named with its schema. OFFSET 0: a function in FROM is
// thought to give a thousand rows, and joined as it stands every column of every table would be hashed for one table's index
const UNIQUE: &str = "
SELECT i.relname,
  pg_catalog.json_agg(a.attname ORDER BY k.n) FILTER (WHERE a.attname IS NOT NULL),
  pg_catalog.json_agg('OPERATOR(' || pg_catalog.quote_ident(s.nspname) || '.' || p.oprname || ')' ORDER BY k.n)
    FILTER (WHERE p.oprname IS NOT NULL),
  x.indisprimary,
  x.indisvalid AND x.indpred IS NULL AND x.indexprs IS NULL AND x.indimmediate
    AND pg_catalog.count(p.oprname) = x.indnkeyatts,
  x.indisvalid AND x.indpred IS NULL AND x.indexprs IS NULL AND NOT x.indimmediate
    AND pg_catalog.count(p.oprname) = x.indnkeyatts, x.indrelid
FROM pg_catalog.pg_index x
JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
CROSS JOIN LATERAL pg_catalog.generate_series(1, x.indnkeyatts) AS k(n)
LEFT JOIN LATERAL (SELECT a.attname FROM pg_catalog.pg_attribute a
  WHERE a.attrelid = x.indrelid AND a.attnum = x.indkey[k.n - 1] AND a.attnum > 0 OFFSET 0) a ON true
LEFT JOIN pg_catalog.pg_opclass o ON o.oid = x.indclass[k.n - 1]
LEFT JOIN pg_catalog.pg_amop m ON m.amopfamily = o.opcfamily AND m.amopstrategy = 3 AND m.amoplefttype = o.opcintype
  AND m.amoprighttype = o.opcintype
LEFT JOIN pg_catalog.pg_operator p ON p.oid = m.amopopr
LEFT JOIN pg_catalog.pg_namespace s ON s.oid = p.oprnamespace
WHERE x.indrelid = ANY ($1::oid[]) AND x.indisunique
GROUP BY x.indrelid, i.relname, x.indisprimary, x.indisvalid, x.indimmediate, x.indpred, x.indexprs, x.indnkeyatts
ORDER BY x.indrelid, x.indisprimary DESC, i.relname";

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
