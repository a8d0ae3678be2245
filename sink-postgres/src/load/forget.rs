//! What is no longer pending once a part is loaded, in the transaction of its rows.

use super::Load;
use crate::error::Error;
use crate::key::array;
use crate::part::Part;

impl Load<'_> {
    /// Rows that were in quarantine have come with this part: their records go.
    pub(super) async fn release(&mut self) -> Result<(), Error> {
        let mine = self.records();
        let keys = match &self.part {
            Part::Range(range) if range.is_whole() => {
                let sql = format!("DELETE FROM sluice.quarantine AS x WHERE {mine}");
                self.loader.db.simple_on_rows(&sql).await?;
                return Ok(());
            }
            Part::Range(range) if !self.fill.is_empty() && !range.hides() => return Ok(()),
            Part::Range(range) => self.pending.held_in(range),
            Part::Points(keys) => keys.iter().filter(|k| self.pending.held.contains(*k)).cloned().collect(),
        };
        if keys.is_empty() {
            return Ok(());
        }
        let keys: Vec<String> = keys.iter().map(|k| array(k)).collect();
        let sql = format!("DELETE FROM sluice.quarantine AS x WHERE {mine} AND x.key IN ({})", keys.join(", "));
        self.loader.db.simple_on_rows(&sql).await?;
        Ok(())
    }

    /// What was pending is done, in the same transaction.
    pub(super) async fn forget(&mut self) -> Result<(), Error> {
        let mine = self.records();
        let db = &mut self.loader.db;
        let which = match &self.part {
            Part::Range(r) => format!("x.id = {}", r.id),
            Part::Points(keys) => {
                let keys: Vec<String> = keys.iter().map(|k| array(k)).collect();
                format!("{mine} AND x.point IN ({})", keys.join(", "))
            }
        };
        let deleted = db.simple_on_rows(&format!("DELETE FROM sluice.pending AS x WHERE {which}")).await?;
        if deleted.first().map_or(0, |r| r.affected()) == 0 {
            return Err(Error::Stale);
        }
        let whole = matches!(&self.part, Part::Range(r) if r.is_whole());
        if whole {
            // points of the table are in it
            db.simple_on_rows(&format!("DELETE FROM sluice.pending AS x WHERE {mine} AND x.point IS NOT NULL")).await?;
        }
        // a row that heals is no copy
        let copied = match &self.part {
            Part::Range(range) if range.hides() => {
                ", copied_at = pg_catalog.clock_timestamp(), copy_ms = copy_ms + (pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - pg_catalog.now()) * 1000)::bigint"
            }
            _ => "",
        };
        // its snapshot had nothing to wait for any more, and neither has any after it
        db.simple_on_rows(&format!(
            "UPDATE sluice.tables AS x SET rows_copied = rows_copied + {}, bytes_copied = bytes_copied + {}, divergences = divergences + {}{copied}, wait_xid = NULL WHERE {mine}",
            self.loaded.rows, self.loaded.bytes, self.loaded.divergences
        ))
        .await?;
        Ok(())
    }
}
