//! Which tables a pipeline has on the target, and what is remembered of each: `sluice.tables`.

mod pending;

use std::collections::HashMap;

use filters::scalar::Reading;
use wire::quote_literal;

use crate::error::Error;
use crate::key::array;
use crate::known::{self, Due};
use crate::sink::PostgresSink;
use crate::spec::TableSpec;

impl PostgresSink {
    /// Makes the target know exactly these tables. A new one, or one that is another now, is pending as a whole; of one of
    /// which some columns come otherwise, these are. Gives the former.
    pub async fn register(&mut self, mut specs: Vec<TableSpec>) -> Result<Vec<(String, String)>, Error> {
        for spec in specs.iter_mut().filter(|s| s.kinds.as_ref().is_some_and(|k| k.contains(&Reading::Bytes))) {
            // the same range must be the same rows on both sides
            let rows = self
                .db
                .query(OTHER_COLLATION, &[Some(&spec.schema), Some(&spec.name), Some(&array_text(&spec.key))])
                .await?;
            if !rows.is_empty() {
                spec.kinds = None;
            }
        }
        let pipeline = self.options.pipeline.clone();
        let mut known = known::read(&mut self.db, &pipeline).await?;
        let mut fresh = Vec::new();
        // whoever has been overtaken, and wakes up with the tables of his day, forgets nothing that is pending (22012: it is not our turn)
        let mut sql = format!(
            "BEGIN; SELECT 1 / pg_catalog.count(*) FROM (SELECT FROM sluice.checkpoint WHERE pipeline = {} AND epoch = {} FOR SHARE) t; ",
            quote_literal(&pipeline),
            self.epoch
        );
        for spec in &specs {
            let name = (spec.schema.clone(), spec.name.clone());
            let was = known.remove(&name);
            if was.as_ref() == Some(&spec.known) {
                continue;
            }
            let (p, s, n) = (quote_literal(&pipeline), quote_literal(&name.0), quote_literal(&name.1));
            let columns = serde_json::to_string(&spec.known.columns).map_err(|e| Error::Bug(e.to_string()))?;
            sql.push_str(&format!(
                "INSERT INTO sluice.tables (pipeline, schema, name, oid, key, columns, only_rows) VALUES ({p}, {s}, {n}, {}, {}, {}, {})
                 ON CONFLICT (pipeline, schema, name) DO UPDATE SET oid = EXCLUDED.oid, key = EXCLUDED.key, columns = EXCLUDED.columns, only_rows = EXCLUDED.only_rows, note = ''; ",
                spec.known.oid,
                array(&spec.known.key),
                quote_literal(&columns),
                quote_literal(&spec.known.only)
            ));
            // what lies in quarantine was masked by another policy
            sql.push_str(&format!(
                "UPDATE sluice.quarantine SET masked = NULL WHERE (pipeline, schema, name) = ({p}, {s}, {n}); "
            ));
            let due = was.map_or(Due::Whole, |was| was.due(&spec.known));
            if due != Due::Nothing {
                // and so were rows that were kept
                sql.push_str(&format!(
                    "UPDATE sluice.tombstones SET stale = true WHERE (pipeline, schema, name) = ({p}, {s}, {n}); "
                ));
            }
            match due {
                Due::Nothing => continue,
                Due::Columns(columns) => {
                    let mine = format!("(pipeline, schema, name) = ({p}, {s}, {n})");
                    sql.push_str(&format!(
                        "INSERT INTO sluice.pending (pipeline, schema, name, columns) SELECT {p}, {s}, {n}, {} WHERE NOT EXISTS (
                           SELECT FROM sluice.pending WHERE {mine} AND lo IS NULL AND hi IS NULL AND point IS NULL AND columns IS NULL); ",
                        array(&columns)
                    ));
                    continue;
                }
                Due::Whole => {}
            }
            sql.push_str(&format!(
                "DELETE FROM sluice.pending WHERE (pipeline, schema, name) = ({p}, {s}, {n});
                 DELETE FROM sluice.quarantine WHERE (pipeline, schema, name) = ({p}, {s}, {n});
                 DELETE FROM sluice.shadowed WHERE (pipeline, schema, name) = ({p}, {s}, {n});
                 INSERT INTO sluice.pending (pipeline, schema, name) VALUES ({p}, {s}, {n}); "
            ));
            fresh.push(name);
        }
        for name in known.keys() {
            let (p, s, n) = (quote_literal(&pipeline), quote_literal(&name.0), quote_literal(&name.1));
            for table in ["tables", "pending", "quarantine", "shadowed", "tombstones"] {
                sql.push_str(&format!("DELETE FROM sluice.{table} WHERE (pipeline, schema, name) = ({p}, {s}, {n}); "));
            }
        }
        sql.push_str("COMMIT");
        if let Err(e) = self.db.simple(&sql).await {
            return Err(if e.sqlstate() == Some("22012") { self.fenced(self.progress.applied) } else { e.into() });
        }
        self.specs = specs.into_iter().map(|s| ((s.schema.clone(), s.name.clone()), s)).collect();
        self.reload_pending().await?;
        Ok(fresh)
    }

    /// Makes tables wait: no snapshot counts for them before this transaction id of production has ended.
    pub async fn set_wait(&mut self, names: &[(String, String)], xid: u64) -> Result<(), Error> {
        let pipeline = self.options.pipeline.clone();
        for (schema, name) in names {
            self.db
                .execute(
                    "UPDATE sluice.tables SET wait_xid = $4::bigint WHERE (pipeline, schema, name) = ($1, $2, $3)",
                    &[Some(&pipeline), Some(schema), Some(name), Some(&xid.to_string())],
                )
                .await?;
        }
        Ok(())
    }

    /// What tables wait for.
    pub async fn waits(&mut self) -> Result<HashMap<(String, String), u64>, Error> {
        let pipeline = self.options.pipeline.clone();
        let rows = self
            .db
            .query(
                "SELECT schema, name, wait_xid FROM sluice.tables WHERE pipeline = $1 AND wait_xid IS NOT NULL",
                &[Some(&pipeline)],
            )
            .await?;
        let text = |r: &wire::Row<'_>, i: usize| r.get(i).unwrap_or_default().to_owned();
        Ok(rows.iter().filter_map(|r| Some(((text(&r, 0), text(&r, 1)), r.get(2)?.parse().ok()?))).collect())
    }

    /// Notes where the rows of production's table were, in the words of whoever looks there: when it was copied, and since.
    pub async fn note_rows(&mut self, name: &(String, String), rows: &str) -> Result<(), Error> {
        let pipeline = self.options.pipeline.clone();
        self.db
            .execute(
                "UPDATE sluice.tables SET rows_at = $4 WHERE (pipeline, schema, name) = ($1, $2, $3)",
                &[Some(&pipeline), Some(&name.0), Some(&name.1), Some(rows)],
            )
            .await?;
        Ok(())
    }

    /// What was noted so of those of these tables that are not pending as a whole.
    pub async fn noted_rows(
        &mut self,
        of: &[(String, String)],
    ) -> Result<Vec<((String, String), Option<String>)>, Error> {
        let pipeline = self.options.pipeline.clone();
        let of = serde_json::to_string(of).map_err(|e| Error::Bug(e.to_string()))?;
        // the other way round each table would be compared to each name
        let sql = "SELECT t.schema, t.name, t.rows_at FROM pg_catalog.json_array_elements($2::pg_catalog.json) o
          CROSS JOIN LATERAL (SELECT * FROM sluice.tables WHERE pipeline = $1 AND schema = o ->> 0 AND name = o ->> 1 OFFSET 0) t";
        let rows = self.db.query(sql, &[Some(&pipeline), Some(&of)]).await?;
        let text = |r: &wire::Row<'_>, i: usize| r.get(i).unwrap_or_default().to_owned();
        let all = rows.iter().map(|r| ((text(&r, 0), text(&r, 1)), r.get(2).map(str::to_owned)));
        Ok(all.filter(|(name, _)| self.tables.get(name).is_some_and(|p| !p.is_whole())).collect())
    }

    /// The table as it was registered.
    pub fn spec(&self, name: &(String, String)) -> Option<&TableSpec> {
        self.specs.get(name)
    }
}

/// Text columns of a key whose collation on this server is not C.
const OTHER_COLLATION: &str = "
SELECT 1 FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_database d ON d.datname = pg_catalog.current_database()
LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
WHERE n.nspname = $1::text AND c.relname = $2::text AND a.attname = ANY ($3::text[]) AND a.attcollation <> 0
AND NOT (l.collname IN ('C', 'POSIX') OR l.collname = 'default' AND d.datlocprovider = 'c' AND d.datcollate IN ('C', 'POSIX'))";

/// A `text[]` of column names as the server writes it.
fn array_text(names: &[String]) -> String {
    let plain = |n: &str| {
        !n.is_empty() && n.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && !n.eq_ignore_ascii_case("null")
    };
    let item =
        |n: &String| if plain(n) { n.clone() } else { format!("\"{}\"", n.replace('\\', "\\\\").replace('"', "\\\"")) };
    format!("{{{}}}", names.iter().map(item).collect::<Vec<_>>().join(","))
}
