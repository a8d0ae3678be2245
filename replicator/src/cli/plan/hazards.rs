//! References that could end nowhere, because the two ends of a foreign key are treated differently.

use filters::policy::{Class, Policy, TableRule};
use sink_postgres::catalog::list;
use wire::Connection;

use crate::config::{class_text, table_name};
use crate::error::{Doing, Error};

// one row for each foreign key: the referring table with its columns, the referenced one with its columns
const KEYS: &str = "
SELECT n.nspname, c.relname, rn.nspname, r.relname,
  (SELECT pg_catalog.json_agg(a.attname ORDER BY u.n) FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY u(num, n)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.num),
  (SELECT pg_catalog.json_agg(a.attname ORDER BY u.n) FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY u(num, n)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.num)
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_class r ON r.oid = k.confrelid JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace
WHERE k.contype = 'f' AND k.conparentid = 0 ORDER BY 1, 2, 3, 4";

struct Key {
    from: (String, String),
    to: (String, String),
    columns: Vec<(String, String)>,
}

fn keys(rows: &wire::Rows) -> Vec<Key> {
    let text = |r: &wire::Row<'_>, i: usize| r.get(i).unwrap_or_default().to_owned();
    let key = |r: wire::Row<'_>| {
        let columns = list(r.get(4)).into_iter().zip(list(r.get(5))).collect();
        Key { from: (text(&r, 0), text(&r, 1)), to: (text(&r, 2), text(&r, 3)), columns }
    };
    rows.iter().map(key).collect()
}

fn name(table: &(String, String)) -> String {
    table_name(&table.0, &table.1)
}

/// On the target: foreign keys between what is written and what is not.
pub async fn references(
    target: &mut Connection,
    written: &[(String, String)],
    protected: &[(String, String)],
) -> Result<Vec<String>, Error> {
    let rows = target.query(KEYS, &[]).await.map_err(|e| Error::Target(e.into()))?;
    let mut hazards = Vec::new();
    for key in keys(&rows) {
        let (from, to) = (written.contains(&key.from), written.contains(&key.to));
        let kind = |table| if protected.contains(table) { "protected" } else { "staging's own" };
        match (from, to) {
            (false, true) => hazards.push(format!(
                "{} ({}) refers to {}, which is written: a row that is gone from production leaves its reference dangling",
                name(&key.from),
                kind(&key.from),
                name(&key.to)
            )),
            (true, false) => hazards.push(format!(
                "{} is written and refers to {} ({}): production's references may not exist there",
                name(&key.from),
                name(&key.to),
                kind(&key.to)
            )),
            _ => {}
        }
    }
    Ok(hazards)
}

/// On production: a reference that is treated otherwise than what it refers to joins no longer.
pub async fn joins(source: &mut Connection, policy: &Policy) -> Result<Vec<String>, Error> {
    let rows = source.query(KEYS, &[]).await.doing("read foreign keys")?;
    let class = |table: &(String, String), column: &str| match policy.rule(&table.0, &table.1) {
        TableRule::Copy(rules) => Some(rules.class(column).clone()),
        _ => None,
    };
    let mut hazards = Vec::new();
    for key in keys(&rows) {
        for (here, there) in &key.columns {
            let (Some(a), Some(b)) = (class(&key.from, here), class(&key.to, there)) else { continue };
            // a reference that does not come is no reference
            if a == b || matches!(a, Class::Drop | Class::Withheld) {
                continue;
            }
            hazards.push(format!(
                "{}.{here} is {}, and refers to {}.{there}, which is {}: they no longer join",
                name(&key.from),
                class_text(&a),
                name(&key.to),
                class_text(&b)
            ));
        }
    }
    Ok(hazards)
}
