//! Tables in which the target has rows of its own: what they must be like, and where such a row can be in the way.

use std::collections::HashMap;

use wire::{Connection, quote_ident};

use crate::catalog::list;
use crate::error::Error;
use crate::guard::Writable;

/// A unique index, as far as two rows can meet on it: also one over expressions, of some rows only, or deferred.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// What it is over: columns, quoted, or expressions.
    pub(crate) over: Vec<String>,
    /// The equality of each.
    pub(crate) operators: Vec<String>,
    /// The condition of its rows.
    pub(crate) only: Option<String>,
    /// Are nulls equal?
    pub(crate) nulls_meet: bool,
}

/// Why a table without a key has no protected rows.
pub(crate) fn keyless(writable: &Writable) -> Error {
    Error::Refused {
        what: format!(
            "{} has protected rows and no key: nobody could say which row is kept away by them",
            writable.name()
        ),
        hint: "a primary key on production and on the target; or take it out of protect.rows".into(),
    }
}

/// Can the target decide the predicate over its table, here called `t`? Its rows that are its own, as [`Writable::owns`] says it.
///
/// # Errors
/// [`Error::Refused`] with the server's SQLSTATE: a literal that is none of its column's type, an operator that there is not.
pub async fn understood(db: &mut Connection, writable: &Writable, own: &str) -> Result<(), Error> {
    let sql = format!("SELECT FROM {} AS t WHERE {own} LIMIT 0", writable.target());
    let Err(e) = db.simple_on_rows(&sql).await else { return Ok(()) };
    match e.sqlstate() {
        Some(state) if state.starts_with("22") || state.starts_with("42") => Err(Error::Refused {
            what: format!("the target cannot decide protect.rows of {} (SQLSTATE {state})", writable.name()),
            hint: "compare each column with values of its own type; strings in quotes, numbers without".into(),
        }),
        _ => Err(e.into()),
    }
}

/// What each column is given where a row brings nothing: its default, by its quoted name.
pub(crate) async fn given(db: &mut Connection, oid: u32) -> Result<HashMap<String, String>, Error> {
    let sql = "SELECT a.attname, pg_catalog.pg_get_expr(d.adbin, d.adrelid) FROM pg_catalog.pg_attrdef d
        JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum WHERE d.adrelid = $1::oid AND a.attgenerated = ''";
    let rows = db.query(sql, &[Some(&oid.to_string())]).await?;
    Ok(rows.iter().filter_map(|r| Some((quote_ident(r.get(0)?), format!("({})", r.get(1)?)))).collect())
}

/// Those of a table that are over nothing but `columns`, quoted: what we write of it.
pub(crate) async fn indexes(db: &mut Connection, oid: u32, columns: &[&str]) -> Result<Vec<Index>, Error> {
    let found = db.query(INDEXES, &[Some(&oid.to_string())]).await?;
    let written = |name: &String| columns.contains(&&*quote_ident(name));
    Ok(found
        .iter()
        .filter(|row| list(row.get(5)).iter().all(written))
        .map(|row| Index {
            name: row.get(0).unwrap_or_default().to_owned(),
            over: list(row.get(1)),
            operators: list(row.get(2)),
            only: row.get(3).map(str::to_owned),
            nulls_meet: row.get(4) == Some("t"),
        })
        .collect())
}

// an index of a constraint hangs on it and not on the columns, so they are looked up in both places; the search_path is empty, so
// expressions come with every name qualified
const INDEXES: &str = "
SELECT i.relname,
  pg_catalog.json_agg(pg_catalog.pg_get_indexdef(x.indexrelid, k.n, false) ORDER BY k.n),
  pg_catalog.json_agg('OPERATOR(' || pg_catalog.quote_ident(s.nspname) || '.' || p.oprname || ')' ORDER BY k.n),
  pg_catalog.pg_get_expr(x.indpred, x.indrelid),
  x.indnullsnotdistinct,
  (SELECT pg_catalog.json_agg(a.attname) FROM pg_catalog.pg_attribute a WHERE a.attrelid = x.indrelid AND a.attnum > 0
    AND (a.attnum = ANY (x.indkey) OR EXISTS (SELECT FROM pg_catalog.pg_depend d
      WHERE d.classid = 1259 AND d.objid = x.indexrelid AND d.refclassid = 1259 AND d.refobjid = x.indrelid AND d.refobjsubid = a.attnum)))
FROM pg_catalog.pg_index x
JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
CROSS JOIN LATERAL pg_catalog.generate_series(1, x.indnkeyatts) AS k(n)
JOIN pg_catalog.pg_opclass o ON o.oid = x.indclass[k.n - 1]
JOIN pg_catalog.pg_amop m ON m.amopfamily = o.opcfamily AND m.amopstrategy = 3 AND m.amoplefttype = o.opcintype
  AND m.amoprighttype = o.opcintype
JOIN pg_catalog.pg_operator p ON p.oid = m.amopopr
JOIN pg_catalog.pg_namespace s ON s.oid = p.oprnamespace
WHERE x.indrelid = $1::oid AND x.indisunique AND x.indisvalid
GROUP BY i.relname, x.indexrelid, x.indrelid, x.indpred, x.indnullsnotdistinct, x.indkey, x.indisprimary
ORDER BY x.indisprimary DESC, i.relname";
