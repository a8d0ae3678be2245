//! What a target's table asks of a row beyond the types of its columns, read from its catalog as SQL.

use wire::Connection;

use crate::error::Error;

/// An expression over a table's row.
#[derive(Debug)]
pub(super) struct Rule {
    /// The constraint, the column that is generated, or the index.
    pub name: String,
    /// As the server writes it.
    pub sql: String,
    /// The columns that it looks at.
    pub columns: Vec<String>,
}

/// A column whose type is a domain.
#[derive(Debug)]
pub(super) struct Domain {
    pub column: String,
    /// The type under it and under those that it is made over, without a length.
    pub base: String,
    /// May it not be NULL?
    pub not_null: bool,
    /// Its constraints and those of the domains under it: name, and `CHECK (…)`.
    pub checks: Vec<(String, String)>,
}

/// All of a table.
#[derive(Debug)]
pub(super) struct Rules {
    pub checks: Vec<Rule>,
    pub generated: Vec<Rule>,
    /// Expressions and predicates of indexes: one that fails refuses the row, whether the index is unique or not.
    pub indexes: Vec<Rule>,
    /// Which rows find a partition, where the table has any: named after the first column of the key.
    pub partition: Option<Rule>,
    pub domains: Vec<Domain>,
}

pub(super) async fn read(db: &mut Connection, oid: u32) -> Result<Rules, Error> {
    type Found = Vec<(String, String, Vec<String>)>;
    type Domains = Vec<(String, String, bool, Vec<(String, String)>)>;
    let oid = oid.to_string();
    let rows = db.query(RULES, &[Some(&oid)]).await?;
    let bad = |_| Error::Bug("the target's catalog is no JSON".into());
    let json = |i: usize| rows.get(0, i).unwrap_or("[]");
    let rules = |i: usize| -> Result<Vec<Rule>, Error> {
        let found: Found = serde_json::from_str(json(i)).map_err(bad)?;
        Ok(found.into_iter().map(|(name, sql, columns)| Rule { name, sql, columns }).collect())
    };
    let domains: Domains = serde_json::from_str(json(4)).map_err(bad)?;
    let partition = rules(3)?.pop();
    Ok(Rules {
        checks: rules(0)?,
        generated: rules(1)?,
        indexes: rules(2)?,
        partition,
        domains: domains
            .into_iter()
            .map(|(column, base, not_null, checks)| Domain { column, base, not_null, checks })
            .collect(),
    })
}

// Leaves by hand: pg_partition_tree() takes a lock on each. A default partition that is alone has no condition.
// A constraint that is not enforced (18) asks nothing.
const RULES: &str = "
SELECT
  (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(k.conname, pg_catalog.pg_get_expr(k.conbin, k.conrelid),
      coalesce((SELECT pg_catalog.json_agg(a.attname) FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)), '[]')) ORDER BY k.conname)
    FROM pg_catalog.pg_constraint k WHERE k.conrelid = t.oid AND k.contype = 'c'
      AND pg_catalog.pg_get_constraintdef(k.oid) NOT LIKE '% NOT ENFORCED'),
  (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(a.attname, pg_catalog.pg_get_expr(d.adbin, d.adrelid),
      coalesce((SELECT pg_catalog.json_agg(DISTINCT b.attname) FROM pg_catalog.pg_depend p
        JOIN pg_catalog.pg_attribute b ON b.attrelid = p.refobjid AND b.attnum = p.refobjsubid
        WHERE p.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND p.objid = d.oid AND p.refobjid = t.oid
          AND p.refobjsubid NOT IN (0, a.attnum)), '[]')) ORDER BY a.attnum)
    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = t.oid AND a.attgenerated <> '' AND NOT a.attisdropped),
  (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(c.relname, e.sql,
      coalesce((SELECT pg_catalog.json_agg(DISTINCT b.attname) FROM pg_catalog.pg_attribute b WHERE b.attrelid = t.oid AND b.attnum > 0
        AND (b.attnum = ANY (x.indkey) OR b.attnum IN (SELECT p.refobjsubid FROM pg_catalog.pg_depend p
          WHERE p.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND p.objid = x.indexrelid AND p.refobjid = t.oid))), '[]')) ORDER BY c.relname)
    FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class c ON c.oid = x.indexrelid
    CROSS JOIN LATERAL (
      SELECT pg_catalog.pg_get_indexdef(x.indexrelid, k.n, false) FROM pg_catalog.generate_series(1, x.indnatts) k(n) WHERE x.indkey[k.n - 1] = 0
      UNION ALL SELECT pg_catalog.pg_get_expr(x.indpred, x.indrelid) WHERE x.indpred IS NOT NULL) e(sql)
    WHERE x.indrelid = t.oid AND x.indislive),
  (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(
      coalesce((SELECT a.attname FROM pg_catalog.pg_attribute a WHERE a.attrelid = t.oid AND a.attnum = k.partattrs[0]), ''),
      coalesce((WITH RECURSIVE tree(oid) AS (
          SELECT i.inhrelid FROM pg_catalog.pg_inherits i WHERE i.inhparent = t.oid AND NOT i.inhdetachpending
          UNION ALL SELECT i.inhrelid FROM tree JOIN pg_catalog.pg_inherits i ON i.inhparent = tree.oid AND NOT i.inhdetachpending)
        SELECT pg_catalog.string_agg(coalesce(nullif(pg_catalog.pg_get_partition_constraintdef(l.oid), ''), 'true'), ' OR ')
        FROM tree JOIN pg_catalog.pg_class l ON l.oid = tree.oid WHERE l.relkind <> 'p'), 'false'),
      coalesce((SELECT pg_catalog.json_agg(DISTINCT a.attname) FROM pg_catalog.pg_attribute a WHERE a.attrelid = t.oid AND (a.attnum = ANY (k.partattrs)
        OR a.attnum IN (SELECT p.refobjsubid FROM pg_catalog.pg_depend p
          WHERE p.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND p.objid = t.oid AND p.refobjid = t.oid)) AND a.attnum > 0), '[]')))
    FROM pg_catalog.pg_partitioned_table k WHERE k.partrelid = t.oid),
  (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(a.attname, f.base, f.not_null, f.checks) ORDER BY a.attnum)
    FROM pg_catalog.pg_attribute a
    CROSS JOIN LATERAL (
      WITH RECURSIVE b AS (
        SELECT y.oid, y.typbasetype, y.typtype, y.typnotnull FROM pg_catalog.pg_type y WHERE y.oid = a.atttypid
        UNION ALL SELECT y.oid, y.typbasetype, y.typtype, y.typnotnull FROM b JOIN pg_catalog.pg_type y ON b.typtype = 'd' AND y.oid = b.typbasetype)
      SELECT (SELECT pg_catalog.format_type(b.oid, -1) FROM b WHERE b.typtype <> 'd') AS base,
        (SELECT pg_catalog.bool_or(b.typnotnull) FROM b) AS not_null,
        coalesce((SELECT pg_catalog.json_agg(pg_catalog.json_build_array(k.conname,
            pg_catalog.regexp_replace(pg_catalog.pg_get_constraintdef(k.oid), ' NOT VALID$', '')) ORDER BY k.conname)
          FROM b JOIN pg_catalog.pg_constraint k ON k.contypid = b.oid AND k.contype = 'c'), '[]') AS checks) f
    JOIN pg_catalog.pg_type y ON y.oid = a.atttypid
    WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped AND y.typtype = 'd')
FROM pg_catalog.pg_class t WHERE t.oid = $1::oid";
