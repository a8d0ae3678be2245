//! References that could end nowhere, because the two ends of a foreign key are treated differently.

use filters::policy::{Class, Policy, TableRule};
use sink_postgres::catalog::list;
use sink_postgres::foreign_key;
use sink_postgres::guard::OnReferenced;
use wire::Connection;

use crate::config::{Config, class_text, table_name};
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

/// On the target: foreign keys between what is written and what is staging's own, and what becomes of their rows.
pub async fn references(
    config: &Config,
    target: &mut Connection,
    written: &[(String, String)],
    protected: &[(String, String)],
) -> Result<Vec<String>, Error> {
    let mut hazards = Vec::new();
    for key in foreign_key::all(target).await? {
        let own = |table| config.protect_rows.contains_key(table);
        let (from, to) = (written.contains(&key.root), written.contains(&key.refers_root));
        let whose = |table| match (protected.contains(table), own(table)) {
            (true, _) => "protected",
            (_, true) => "rows of staging's own",
            _ => "staging's own",
        };
        let refers = |to: &str| {
            format!(
                "{} ({}) refers to {to}, which is written, by {}",
                name(&key.table),
                whose(&key.root),
                key.constraint
            )
        };
        if to && (!from || own(&key.root)) {
            // elsewhere nothing may give way
            let may = protected.contains(&key.root) || own(&key.root);
            let how = match config.on_referenced.of(&key.root.0, &key.root.1) {
                OnReferenced::Null if may => "the reference to a row that production deletes becomes NULL",
                OnReferenced::Remove if may => "with a row that production deletes it goes to sluice.removed",
                _ => "a row that production deletes stays for as long as it is referred to",
            };
            hazards.push(format!("{}: {how}", refers(&name(&key.refers_to))));
        }
        if from && !to {
            hazards.push(format!(
                "{} is written and refers to {} ({}) by {}: production's references may not exist there; sluice orphans counts them",
                name(&key.table),
                name(&key.refers_to),
                whose(&key.refers_root),
                key.constraint
            ));
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
