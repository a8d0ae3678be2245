//! What production's tables are, read from its catalog.

use std::collections::HashMap;
use std::sync::Arc;

use filters::change::{Column, Identity, Table};
use filters::compiled::Compiled;
use filters::mask::{ColumnFacts, Made};
use filters::predicate::Collation;
use filters::scalar::{Calendar, Reading};
use wire::{Connection, Error, quote_ident};

/// A table of production that could be replicated: plain or partitioned (its leaves come by their root).
#[derive(Clone, Debug)]
pub struct SourceTable {
    /// Its shape as pgoutput sends it: generated columns are left out.
    pub shape: Arc<Table>,
    /// SQL names of the types of `shape.columns`.
    pub types: Vec<String>,
    /// The same types, as masks and predicates want to know them.
    pub facts: Vec<ColumnFacts>,
    /// Their numbers (`attnum`), ascending: a name can move to another column, a number cannot.
    pub numbers: Vec<i32>,
    /// As [`looks`](super::rewrites::looks) gives its `print`.
    pub look: String,
    /// `p` for a partitioned table, else `r`.
    pub kind: char,
    /// Columns of the replica identity (with FULL: of the primary key) in the order of their index.
    pub key: Vec<String>,
    /// Per column of the key its equality, `OPERATOR(schema.=)`.
    pub operators: Vec<String>,
    /// How they are ordered, if we can order them as production does.
    pub kinds: Option<Vec<Reading>>,
    /// May updates and deletes be published without making production's own fail?
    pub identified: bool,
    /// The server's estimate; -1 if it never looked.
    pub rows: i64,
    /// On disk, TOAST included, indexes not.
    pub bytes: u64,
    /// Do we own it (or are a member of the role that does)?
    pub owned: bool,
    /// May we read it?
    pub readable: bool,
    /// Its foreign keys, and those of its partitions.
    pub references: Vec<Reference>,
}

/// A foreign key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reference {
    /// The constraint's name.
    pub constraint: String,
    /// The referring columns.
    pub columns: Vec<String>,
    /// Schema and name of the table referred to: the root, where it is a partition.
    pub table: (String, String),
    /// Its columns, in the order of `columns`.
    pub to: Vec<String>,
}

impl SourceTable {
    /// Schema and name.
    pub fn name(&self) -> (String, String) {
        (self.shape.schema.to_string(), self.shape.name.to_string())
    }

    /// `"schema"."name"`.
    pub fn quoted(&self) -> String {
        format!("{}.{}", quote_ident(&self.shape.schema), quote_ident(&self.shape.name))
    }

    /// The rows that come and fulfil `condition`, as a line of COPY brings them: the columns that go out, in the order of the
    /// output, and behind them what masks look at.
    ///
    /// `some`: a TABLESAMPLE clause, or nothing.
    pub fn select(&self, compiled: &Compiled, condition: &str, some: &str) -> String {
        let input = &compiled.input().columns;
        let columns: Vec<String> =
            compiled.reads().iter().filter_map(|i| input.get(*i)).map(|c| quote_ident(&c.name)).collect();
        let only = compiled.only().map(|only| format!(" AND ({only})")).unwrap_or_default();
        format!("SELECT {} FROM {}{some} WHERE ({condition}){only}", columns.join(", "), self.from())
    }

    /// What a reader selects from: children by inheritance come by themselves, leaves by their root.
    pub fn from(&self) -> String {
        if self.kind == 'p' { self.quoted() } else { format!("ONLY {}", self.quoted()) }
    }
}

/// Every table that could be replicated, by name.
pub async fn tables(db: &mut Connection) -> Result<Vec<SourceTable>, Error> {
    read(db, "true", &[]).await
}

/// One table, as the session's present snapshot shows it.
pub async fn table(db: &mut Connection, schema: &str, name: &str) -> Result<Option<SourceTable>, Error> {
    Ok(read(db, "n.nspname = $1::text AND c.relname = $2::text", &[Some(schema), Some(name)]).await?.pop())
}

/// By table, the columns that may be stored outside the row: an update that leaves one as it was does not send it.
pub async fn stored_outside(db: &mut Connection) -> Result<HashMap<u32, Vec<String>>, Error> {
    let sql = "SELECT a.attrelid, pg_catalog.json_agg(a.attname) FROM pg_catalog.pg_attribute a
        JOIN pg_catalog.pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.oid >= 16384
        WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attlen = -1 AND a.attstorage <> 'p' GROUP BY 1";
    let rows = db.query(sql, &[]).await?;
    let of = |r: wire::Row<'_>| Some((r.get(0)?.parse().ok()?, sink_postgres::catalog::list(r.get(1))));
    Ok(rows.iter().filter_map(of).collect())
}

async fn read(db: &mut Connection, which: &str, params: &[Option<&str>]) -> Result<Vec<SourceTable>, Error> {
    // PARTS before LEAVES, which stand in it
    let parts = [
        ("RELATIONS", RELATIONS),
        ("LOOK", LOOK),
        ("PARTS", PARTS),
        ("LEAVES", LEAVES),
        ("HELD", HELD),
        ("WHICH", which),
    ];
    let sql = parts.iter().fold(TABLES.to_owned(), |sql, (name, text)| sql.replace(name, text));
    let rows = db.query(&sql, params).await?;
    // behind the tables: a type that was made between the two is known, and one of a table that came between is not missed
    let made = made_types(db, which, params).await?;
    let mut tables = Vec::with_capacity(rows.len());
    for row in rows.iter() {
        let text = |i: usize| row.get(i).unwrap_or("");
        let list = |i: usize| sink_postgres::catalog::list(row.get(i));
        let identity = match text(4) {
            "f" => Identity::Full,
            "n" => Identity::Nothing,
            "i" => Identity::Index,
            _ => Identity::Default,
        };
        let key = list(5);
        let kinds: Option<Vec<Reading>> = list(6).iter().map(|k| kind(k)).collect();
        let mut columns = Vec::new();
        let (mut types, mut numbers, mut facts) = (Vec::new(), Vec::new(), Vec::new());
        // JSON: a name may hold any character, line breaks and tabs too
        let described: Vec<Described> = match row.get(7) {
            Some(json) => serde_json::from_str(json).map_err(|_| Error::Protocol("a table's columns are no JSON"))?,
            None => Vec::new(),
        };
        for (number, type_oid, type_modifier, ty, name, equal) in described {
            let is_key = identity == Identity::Full || identity != Identity::Nothing && key.contains(&name);
            columns.push(Column { name: name.into(), type_oid, type_modifier, key: is_key });
            types.push(ty);
            numbers.push(number);
            let collation = match equal.as_str() {
                "collation" => Collation::Nondeterministic,
                "bytes" => Collation::Bytes,
                _ => Collation::Deterministic,
            };
            let made = made.get(&type_oid).map_or(Made::Unknown, |t| t.made(&made, 0));
            facts.push(ColumnFacts { made, collation, ..ColumnFacts::new(type_oid, type_modifier) });
        }
        let identified = match identity {
            Identity::Full => true,
            Identity::Nothing => false,
            Identity::Default | Identity::Index => !key.is_empty(),
        };
        tables.push(SourceTable {
            shape: Arc::new(Table {
                oid: text(0).parse().unwrap_or(0),
                schema: text(1).into(),
                name: text(2).into(),
                identity,
                columns,
            }),
            types,
            facts,
            numbers,
            look: text(14).to_owned(),
            kind: text(3).chars().next().unwrap_or('r'),
            kinds: kinds.filter(|k| !k.is_empty()),
            key,
            operators: list(12),
            identified,
            rows: text(8).parse().unwrap_or(-1),
            bytes: text(9).parse().unwrap_or(0),
            owned: text(10) == "t",
            readable: text(11) == "t",
            references: references(row.get(13))?,
        });
    }
    Ok(tables)
}

/// A column in the catalog's answer: number, type, modifier, the type's SQL name, its own name, and what decides whether two
/// of its texts are equal.
type Described = (i32, u32, i32, String, String, String);

/// A type that somebody made, as the catalog has it.
struct MadeType {
    name: String,
    /// `typtype`; `a` for an array.
    kind: char,
    /// What it is a domain over or an array of, with its modifier.
    of: (u32, i32),
    labels: Vec<String>,
}

impl MadeType {
    fn made(&self, all: &HashMap<u32, MadeType>, depth: u32) -> Made {
        let of = || {
            let (oid, modifier) = self.of;
            // domains over domains end somewhere; a catalog that says otherwise must not end us
            let below = if depth < 32 { all.get(&oid) } else { None };
            let made = below.map_or(Made::Unknown, |t| t.made(all, depth + 1));
            Arc::new(ColumnFacts { made, ..ColumnFacts::new(oid, modifier) })
        };
        match self.kind {
            'd' => Made::Domain(of()),
            'a' => Made::Array(of()),
            'e' => Made::Enum(self.labels.clone().into()),
            'c' => Made::Composite,
            _ => Made::Named(self.name.as_str().into()),
        }
    }
}

/// Every type that somebody made and that these tables' columns have, but for those of tables' rows. No others: each table brings two
/// of its own, and a copy asks for its tables one by one.
async fn made_types(
    db: &mut Connection,
    which: &str,
    params: &[Option<&str>],
) -> Result<HashMap<u32, MadeType>, Error> {
    let rows = db.query(&MADE_TYPES.replace("WHICH", which), params).await?;
    let made = |r: wire::Row<'_>| {
        let number = |i: usize| r.get(i)?.parse::<i64>().ok();
        let made = MadeType {
            name: r.get(1)?.to_owned(),
            kind: r.get(2)?.chars().next()?,
            of: (u32::try_from(number(3)?).ok()?, i32::try_from(number(4)?).ok()?),
            labels: sink_postgres::catalog::list(r.get(5)),
        };
        Some((u32::try_from(number(0)?).ok()?, made))
    };
    Ok(rows.iter().filter_map(made).collect())
}

// An array's elements have the column's modifier, which is the array type's; 16384 is the first that is not PostgreSQL's own.
const MADE_TYPES: &str = "
WITH RECURSIVE used(oid) AS (
  SELECT a.atttypid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND a.atttypid >= 16384
  WHERE c.relkind IN ('r', 'p') AND (WHICH)
  UNION SELECT CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.typelem END FROM used JOIN pg_catalog.pg_type t ON t.oid = used.oid)
SELECT t.oid, t.typname, CASE WHEN t.typcategory = 'A' AND t.typelem <> 0 AND t.typtype = 'b' THEN 'a' ELSE t.typtype END,
  CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.typelem END::bigint, t.typtypmod,
  (SELECT pg_catalog.json_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid)
FROM used JOIN pg_catalog.pg_type t ON t.oid = used.oid LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid
WHERE t.oid >= 16384 AND t.typtype <> 'p' AND coalesce(c.relkind, 'c') = 'c'";

fn references(json: Option<&str>) -> Result<Vec<Reference>, Error> {
    type Found = (String, Vec<String>, (String, String), Vec<String>);
    let found: Vec<Found> = match json {
        Some(json) => serde_json::from_str(json).map_err(|_| Error::Protocol("a table's foreign keys are no JSON"))?,
        None => Vec::new(),
    };
    let reference = |(constraint, columns, table, to)| Reference { constraint, columns, table, to };
    Ok(found.into_iter().map(reference).collect())
}

/// How the key column's type is ordered, as the catalog query calls it.
fn kind(name: &str) -> Option<Reading> {
    Some(match name {
        "number" => Reading::Decimal,
        "boolean" => Reading::Boolean,
        "uuid" => Reading::Uuid,
        "text" => Reading::Bytes,
        "date" => Reading::Moment(Calendar::Date),
        "timestamp" => Reading::Moment(Calendar::Timestamp),
        "timestamptz" => Reading::Moment(Calendar::TimestampTz),
        _ => return None,
    })
}

pub(super) const RELATIONS: &str = "pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_index x ON x.indrelid = c.oid AND x.indimmediate AND x.indisvalid AND x.indpred IS NULL AND x.indexprs IS NULL
  AND CASE WHEN c.relreplident = 'i' THEN x.indisreplident ELSE x.indisprimary END";

// By hand: pg_partition_tree() takes a lock on each of them, and whoever rewrites one holds it against us for hours.
pub(super) const LEAVES: &str = "(WITH RECURSIVE tree(oid) AS (
    SELECT i.inhrelid FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid AND NOT i.inhdetachpending
    UNION ALL SELECT i.inhrelid FROM tree JOIN pg_catalog.pg_inherits i ON i.inhparent = tree.oid AND NOT i.inhdetachpending)
  SELECT p.oid, p.relfilenode, p.reltuples, p.relpages FROM tree JOIN pg_catalog.pg_class p ON p.oid = tree.oid WHERE p.relkind <> 'p')";

// Of a partitioned table its leaves, else itself.
const PARTS: &str = "(SELECT c.oid, c.relpages, c.reltuples WHERE c.relkind <> 'p'
    UNION ALL SELECT t.oid, t.relpages, t.reltuples FROM LEAVES t WHERE c.relkind = 'p')";

// What somebody holds, or waits for, as a whole: to ask for its size would be to wait for him.
const HELD: &str =
    "(SELECT k.relation FROM pg_catalog.pg_locks k WHERE k.mode = 'AccessExclusiveLock' AND k.relation IS NOT NULL)";

pub(super) const LOOK: &str = "pg_catalog.md5(pg_catalog.json_build_array(n.nspname, c.relname, c.relkind, c.relreplident, x.indkey::text,
    (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(a.attnum, a.attname, a.atttypid, a.atttypmod, a.attgenerated) ORDER BY a.attnum)
      FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped))::text)";

// Foreign keys of a leaf count as its root's, and so does one that points at a leaf.
// The identity's index: the chosen one (USING INDEX), else the primary key; a deferrable one identifies nothing.
// Its rows are those that its server counted last, grown or shrunk as its file has since: a table that was filled after the
// last ANALYZE would seem to have few rows, and long ones. Sizes take locks: of what is held, what was noted last.
// Text is ordered as we order it only under a C collation, and only where UTF-8 keeps the server's byte order.
const TABLES: &str = "
SELECT c.oid, n.nspname, c.relname, c.relkind, c.relreplident,
  (SELECT pg_catalog.json_agg(a.attname ORDER BY k.n) FROM pg_catalog.generate_series(1, x.indnkeyatts) k(n)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = x.indkey[k.n - 1]),
  (SELECT pg_catalog.json_agg(CASE
      WHEN a.atttypid IN (20, 21, 23, 1700) THEN 'number'
      WHEN a.atttypid = 16 THEN 'boolean'
      WHEN a.atttypid = 2950 THEN 'uuid'
      WHEN a.atttypid = 1082 THEN 'date'
      WHEN a.atttypid = 1114 THEN 'timestamp'
      WHEN a.atttypid = 1184 THEN 'timestamptz'
      WHEN a.atttypid IN (25, 1043) AND pg_catalog.getdatabaseencoding() IN ('UTF8', 'LATIN1')
        AND (l.collname IN ('C', 'POSIX') OR l.collname = 'default' AND d.datlocprovider = 'c' AND d.datcollate IN ('C', 'POSIX'))
      THEN 'text' ELSE '?' END ORDER BY k.n)
    FROM pg_catalog.generate_series(1, x.indnkeyatts) k(n)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = x.indkey[k.n - 1]
    LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
    JOIN pg_catalog.pg_database d ON d.datname = pg_catalog.current_database()),
  (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(a.attnum, a.atttypid::bigint, a.atttypmod,
      pg_catalog.format_type(a.atttypid, a.atttypmod), a.attname,
      CASE WHEN NOT l.collisdeterministic THEN 'collation' WHEN pg_catalog.getdatabaseencoding() = 'SQL_ASCII' THEN 'bytes' ELSE '' END)
      ORDER BY a.attnum)
    FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''),
  (SELECT pg_catalog.sum(CASE WHEN l.reltuples > 0 AND l.relpages > 0 AND l.oid NOT IN HELD
      THEN l.reltuples * (pg_catalog.pg_relation_size(l.oid) / pg_catalog.current_setting('block_size')::bigint) / l.relpages
      ELSE l.reltuples END)::bigint FROM PARTS l),
  (SELECT pg_catalog.sum(CASE WHEN l.oid IN HELD THEN l.relpages::bigint * pg_catalog.current_setting('block_size')::bigint
      ELSE pg_catalog.pg_table_size(l.oid) END) FROM PARTS l),
  pg_catalog.pg_has_role(c.relowner, 'USAGE'),
  pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT'),
  (SELECT pg_catalog.json_agg('OPERATOR(' || pg_catalog.quote_ident(s.nspname) || '.' || p.oprname || ')' ORDER BY k.n)
    FROM pg_catalog.generate_series(1, x.indnkeyatts) k(n)
    JOIN pg_catalog.pg_opclass o ON o.oid = x.indclass[k.n - 1]
    JOIN pg_catalog.pg_amop m ON m.amopfamily = o.opcfamily AND m.amopstrategy = 3 AND m.amoplefttype = o.opcintype AND m.amoprighttype = o.opcintype
    JOIN pg_catalog.pg_operator p ON p.oid = m.amopopr JOIN pg_catalog.pg_namespace s ON s.oid = p.oprnamespace),
  (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(f.conname,
      (SELECT pg_catalog.json_agg(a.attname ORDER BY k.n) FROM pg_catalog.unnest(f.conkey) WITH ORDINALITY k(attnum, n)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.attnum),
      pg_catalog.json_build_array(rn.nspname, r.relname),
      (SELECT pg_catalog.json_agg(a.attname ORDER BY k.n) FROM pg_catalog.unnest(f.confkey) WITH ORDINALITY k(attnum, n)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.attnum)) ORDER BY f.conname, f.oid)
    FROM pg_catalog.pg_constraint f
    JOIN pg_catalog.pg_class r ON r.oid = coalesce(pg_catalog.pg_partition_root(f.confrelid)::oid, f.confrelid)
    JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace
    WHERE f.contype = 'f' AND f.conparentid = 0
      AND (f.conrelid = c.oid OR c.relkind = 'p' AND pg_catalog.pg_partition_root(f.conrelid)::oid = c.oid)),
  LOOK
FROM RELATIONS
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence = 'p'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'sluice') AND n.nspname NOT LIKE 'pg\\_%' AND WHICH
ORDER BY n.nspname, c.relname";
