//! Foreign keys of the target, and what they say as SQL. (<https://www.postgresql.org/docs/current/catalog-pg-constraint.html>)
//!
//! Under `session_replication_role = replica` the server holds nobody to them for what we write, so we ask ourselves: which rows end
//! nowhere ([`crate::orphans`]), and which of the target's own would, were a row to go ([`crate::referrers`]).

use wire::{Connection, quote_ident, quote_literal};

use crate::error::Error;

/// A foreign key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKey {
    /// Schema and name of the table that refers.
    pub table: (String, String),
    /// The same of the table that it is a leaf of, or itself.
    pub root: (String, String),
    /// Its name.
    pub constraint: String,
    /// Schema and name of the table that it refers to.
    pub refers_to: (String, String),
    /// The same of the table that that is a leaf of, or that one itself.
    pub refers_root: (String, String),
    /// Has the server ever looked at the rows that were there before it?
    pub validated: bool,
    /// MATCH FULL: a reference that is null in part is none.
    full: bool,
    /// The last column is a period, and must be covered by those of the other table together.
    period: bool,
    /// Are both ends tables with leaves? Else their children by inheritance are others.
    leaves: (bool, bool),
    /// Column by column.
    columns: Vec<Pair>,
    /// What we may do with the table that refers.
    pub rights: Rights,
}

/// All of them, as they were at one time.
#[derive(Clone, Debug, Default)]
pub struct ForeignKeys {
    /// One by one.
    pub keys: Vec<ForeignKey>,
    /// What [`fingerprint`] said before they were read.
    pub fingerprint: String,
}

/// Another one says that a key has come, gone, or changed.
pub async fn fingerprint(db: &mut Connection) -> Result<String, Error> {
    let sql = "SELECT pg_catalog.md5(coalesce(pg_catalog.string_agg(pg_catalog.concat_ws(' ', oid, xmin), ',' ORDER BY oid), ''))
        FROM pg_catalog.pg_constraint WHERE contype = 'f'";
    Ok(db.query(sql, &[]).await?.get(0, 0).unwrap_or_default().to_owned())
}

/// Reads them. One that comes between the two statements gives another fingerprint at the next look.
pub async fn read(db: &mut Connection) -> Result<ForeignKeys, Error> {
    let fingerprint = fingerprint(db).await?;
    Ok(ForeignKeys { keys: all(db).await?, fingerprint })
}

/// A column of each end.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pair {
    /// The name of the one here.
    name: String,
    /// The same, quoted.
    here: String,
    /// Quoted.
    there: String,
    /// Between there and here, `OPERATOR(schema.=)`.
    operator: String,
    /// May the one here be NULL?
    nullable: bool,
}

/// What our role may do with a table that refers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// Read the columns that refer.
    pub look: bool,
    /// Set them.
    pub set: bool,
    /// Read all of it, lock it, and delete.
    pub remove: bool,
    /// Lock rows of the table that it refers to: what comes back (`removed restore`) must hold what it refers to, or a delete of
    /// production's could slip in between the look and the commit.
    pub hold: bool,
    /// Row security is on there, and it applies to us: what we see of it is not all.
    pub veiled: bool,
}

/// All of them. What a leaf inherits of its root's is no key of its own; 18 knows keys that nobody wants to hold.
pub async fn all(db: &mut Connection) -> Result<Vec<ForeignKey>, Error> {
    let rows = db.query(ALL, &[]).await?;
    let mut keys = Vec::new();
    for row in rows.iter() {
        let text = |i: usize| row.get(i).unwrap_or_default().to_owned();
        let yes = |i: usize| row.get(i) == Some("t");
        let columns: Vec<(String, String, String, bool, String)> = serde_json::from_str(row.get(10).unwrap_or("[]"))
            .map_err(|_| Error::Bug("a foreign key's columns are no JSON".into()))?;
        let pair = |(here, there, operator, nullable, name)| Pair { name, here, there, operator, nullable };
        keys.push(ForeignKey {
            table: (text(0), text(1)),
            constraint: text(2),
            refers_to: (text(3), text(4)),
            validated: yes(5),
            full: yes(6),
            period: yes(7),
            leaves: (yes(8), yes(9)),
            columns: columns.into_iter().map(pair).collect(),
            root: (text(11), text(12)),
            refers_root: (text(13), text(14)),
            rights: Rights { look: yes(15), set: yes(16), remove: yes(17), veiled: yes(18), hold: yes(19) },
        });
    }
    Ok(keys)
}

const ALL: &str = "
SELECT n.nspname, c.relname, k.conname, rn.nspname, r.relname, k.convalidated, k.confmatchtype = 'f',
  coalesce((pg_catalog.to_jsonb(k) ->> 'conperiod')::boolean, false), c.relkind = 'p', r.relkind = 'p',
  (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(pg_catalog.quote_ident(a.attname), pg_catalog.quote_ident(b.attname),
      'OPERATOR(' || pg_catalog.quote_ident(s.nspname) || '.' || o.oprname || ')', NOT a.attnotnull AND a.attgenerated = '', a.attname) ORDER BY u.n)
    FROM pg_catalog.generate_subscripts(k.conkey, 1) u(n)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[u.n]
    JOIN pg_catalog.pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = k.confkey[u.n]
    JOIN pg_catalog.pg_operator o ON o.oid = k.conpfeqop[u.n] JOIN pg_catalog.pg_namespace s ON s.oid = o.oprnamespace),
  cn.nspname, cr.relname, rrn.nspname, rr.relname,
  may.there AND (SELECT pg_catalog.bool_and(pg_catalog.has_column_privilege(c.oid, num, 'SELECT')) FROM pg_catalog.unnest(k.conkey) num),
  may.there AND (SELECT pg_catalog.bool_and(pg_catalog.has_column_privilege(c.oid, num, 'UPDATE')) FROM pg_catalog.unnest(k.conkey) num),
  may.there AND pg_catalog.has_table_privilege(c.oid, 'SELECT') AND pg_catalog.has_table_privilege(c.oid, 'UPDATE')
    AND pg_catalog.has_table_privilege(c.oid, 'DELETE'),
  c.relrowsecurity AND pg_catalog.row_security_active(c.oid),
  pg_catalog.has_schema_privilege(rn.oid, 'USAGE') AND pg_catalog.has_table_privilege(r.oid, 'SELECT') AND pg_catalog.has_table_privilege(r.oid, 'UPDATE')
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_class r ON r.oid = k.confrelid JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace
JOIN pg_catalog.pg_class cr ON cr.oid = coalesce(pg_catalog.pg_partition_root(c.oid)::pg_catalog.oid, c.oid)
JOIN pg_catalog.pg_namespace cn ON cn.oid = cr.relnamespace
JOIN pg_catalog.pg_class rr ON rr.oid = coalesce(pg_catalog.pg_partition_root(r.oid)::pg_catalog.oid, r.oid)
JOIN pg_catalog.pg_namespace rrn ON rrn.oid = rr.relnamespace
CROSS JOIN LATERAL (SELECT pg_catalog.has_schema_privilege(n.oid, 'USAGE') AS there) may
WHERE k.contype = 'f' AND k.conparentid = 0 AND (pg_catalog.to_jsonb(k) ->> 'conenforced') IS DISTINCT FROM 'false'
ORDER BY 1, 2, 3";

impl ForeignKey {
    /// The table that refers, for FROM. A key holds for no child by inheritance, on neither side.
    pub fn here(&self) -> String {
        table(&self.table, self.leaves.0)
    }

    /// The table that it refers to, in the same way.
    pub fn there(&self) -> String {
        table(&self.refers_to, self.leaves.1)
    }

    /// The quoted columns that refer.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|c| c.here.as_str())
    }

    /// Their names, without quotes.
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.columns.iter().map(|c| c.name.clone())
    }

    /// Is it MATCH FULL: all of a reference, or nothing?
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// Those of them that may be NULL: without them nothing is referred to.
    pub fn nullable(&self) -> Vec<&str> {
        self.columns.iter().filter(|c| c.nullable).map(|c| c.here.as_str()).collect()
    }

    /// Does the row `here` refer to the row `there`? (Aliases.) Of a period: to a part of it.
    pub fn refers(&self, here: &str, there: &str) -> String {
        let plain = self.columns.len() - usize::from(self.period);
        let same = |c: &Pair| format!("{there}.{} {} {here}.{}", c.there, c.operator, c.here);
        let overlaps = |c: &Pair| format!("{there}.{} OPERATOR(pg_catalog.&&) {here}.{}", c.there, c.here);
        let parts = self.columns.iter().enumerate().map(|(n, c)| if n < plain { same(c) } else { overlaps(c) });
        // its rows are asked for by their root, and another leaf may have one of the same key
        let leaf = (self.refers_to != self.refers_root && !self.leaves.1).then(|| {
            let leaf = format!("{}.{}", quote_ident(&self.refers_to.0), quote_ident(&self.refers_to.1));
            format!("{there}.tableoid = {}::pg_catalog.regclass", quote_literal(&leaf))
        });
        parts.chain(leaf).collect::<Vec<_>>().join(" AND ")
    }

    /// Does what the row `c` refers to not exist?
    pub fn ends_nowhere(&self) -> String {
        let there = self.there();
        let ends = match self.columns.last().filter(|_| self.period) {
            Some(last) => format!(
                "coalesce(c.{} OPERATOR(pg_catalog.<@) (SELECT pg_catalog.range_agg(p.{}) FROM {there} AS p WHERE {}), false)",
                last.here,
                last.there,
                self.refers("c", "p")
            ),
            None => format!("EXISTS (SELECT FROM {there} AS p WHERE {})", self.refers("c", "p")),
        };
        let mine: Vec<String> = self.columns().map(|a| format!("c.{a}")).collect();
        let whole: Vec<String> = mine.iter().map(|a| format!("{a} IS NOT NULL")).collect();
        let in_part = match self.full && mine.len() > 1 {
            true => format!(" OR pg_catalog.num_nulls({}) BETWEEN 1 AND {}", mine.join(", "), mine.len() - 1),
            false => String::new(),
        };
        format!("({} AND NOT {ends}{in_part})", whole.join(" AND "))
    }
}

fn table(name: &(String, String), leaves: bool) -> String {
    let only = if leaves { "" } else { "ONLY " };
    format!("{only}{}.{}", quote_ident(&name.0), quote_ident(&name.1))
}
