//! Rows on the stage that cannot come because the target has rows of its own ([`crate::shadow`]).
//!
//! They are taken off it, so that to all that follows production has no such rows: what staging had of them goes, and nothing of
//! them comes. Their records are written in the transaction of the rows; those of the part from before are gone with it.

use std::sync::Arc;

use wire::quote_literal;

use super::merge::{names, on};
use super::{Load, blame};
use crate::error::Error;
use crate::mapping::Mapping;
use crate::part::key_columns;
use crate::shadow::found;

impl Load<'_> {
    /// Takes shadowed rows off the stage, and keeps their keys in `pg_temp.sluice_shadow`. Nothing where there can be none.
    pub(super) async fn shadow(&mut self, m: &Mapping) -> Result<(), Error> {
        let Some(key) = m.key.as_ref().filter(|_| m.writable.has_own()) else { return Ok(()) };
        let columns: Vec<&str> =
            key.columns.iter().filter_map(|&i| m.columns.get(i)).map(|c| c.quoted.as_str()).collect();
        let columns: Vec<String> = columns.iter().map(|c| format!("s.{c}")).collect();
        // the table's rows of its own are few, or there is an index: the stage has statistics so that either is used
        let stage = format!(
            "ANALYZE pg_temp.sluice_stage;
             CREATE TEMPORARY TABLE sluice_shadow ON COMMIT DROP AS
             SELECT f.at, f.why, f.own, {} FROM (SELECT DISTINCT ON (at) at, why, own FROM ({}) AS every ORDER BY at, why) AS f
             JOIN pg_temp.sluice_stage AS s ON s.ctid = f.at",
            columns.join(", "),
            found(m, "pg_temp.sluice_stage AS s", "ctid")
        );
        self.loader.db.simple_on_rows(&stage).await?;
        let (p, s, n) =
            (quote_literal(&self.loader.pipeline), quote_literal(&self.spec.schema), quote_literal(&self.spec.name));
        let (records, recorded) = (self.records(), self.recorded());
        let keys: Vec<String> =
            key_columns(&self.spec.key, m).iter().map(|c| format!("x.{}::pg_catalog.text", c.name)).collect();
        let written = self
            .loader
            .db
            .simple_on_rows(&format!(
                "DELETE FROM sluice.shadowed AS x WHERE {records} AND {recorded};
                 INSERT INTO sluice.shadowed (pipeline, schema, name, key, lsn, why, own)
                 SELECT {p}, {s}, {n}, ARRAY[{}], '{}', x.why, x.own FROM pg_temp.sluice_shadow AS x;
                 DELETE FROM pg_temp.sluice_stage AS s USING pg_temp.sluice_shadow AS x WHERE s.ctid = x.at",
                keys.join(", "),
                self.at
            ))
            .await?;
        self.loaded.shadowed = written.get(1).map_or(0, |r| r.affected());
        Ok(())
    }

    /// Rows whose key somebody has made the target's own since [`Self::shadow`] looked: the insert has left them out, so they get
    /// their records here. (In any other index the insert is refused, and the part comes again.)
    pub(super) async fn met(&mut self) -> Result<(), Error> {
        let m = Arc::clone(&self.mapping);
        let (Some(key), Some(own)) = (&m.key, m.writable.owns("t.")) else { return Ok(()) };
        let names = names(&m, &key.columns);
        let theirs: Vec<String> = names.iter().map(|name| format!("t.{name}::pg_catalog.text")).collect();
        let keys: Vec<String> =
            key_columns(&self.spec.key, &m).iter().map(|c| format!("s.{}::pg_catalog.text", c.name)).collect();
        let written = self
            .loader
            .db
            .simple_on_rows(&format!(
                "INSERT INTO sluice.shadowed (pipeline, schema, name, key, lsn, why, own)
                 SELECT {}, {}, {}, ARRAY[{}], '{}', 'its key', ARRAY[{}] FROM pg_temp.sluice_stage AS s JOIN {} AS t ON {} WHERE {own}",
                quote_literal(&self.loader.pipeline),
                quote_literal(&self.spec.schema),
                quote_literal(&self.spec.name),
                keys.join(", "),
                self.at,
                theirs.join(", "),
                m.writable.target(),
                on(&names, &key.operators)
            ))
            .await
            .map_err(|e| blame(&m, e))?;
        self.loaded.shadowed += written.first().map_or(0, |r| r.affected());
        Ok(())
    }
}
