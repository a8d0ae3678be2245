//! Act 10: the end, and a look at both databases without sluice.

use super::{Scene, until};
use crate::replicator::{self, Replicator};
use crate::stage::{act, count, more, passing, say, time};
use crate::traffic::Traffic;
use crate::{Result, verify};

impl Scene {
    pub(super) async fn end(&mut self, traffic: &mut Traffic, mut sluice: Replicator) -> Result<String> {
        act(10, "The end, and a look without sluice");
        traffic.stop().await?;
        self.caught_up(traffic, &mut sluice).await?;
        until("nothing is pending", &mut sluice, async || {
            Ok(self.staging.number("SELECT count(*) FROM sluice.pending").await? == 0)
        })
        .await?;
        say(format!("production is quiet after {} transactions, staging has them all", count(traffic.committed())));
        let took = sluice.terminate().await?;
        say(format!("SIGTERM: sluice ended with 0 after {}", time(took)));

        // all of it, whatever fails: who broke something wants to see every trace of it
        let mut wrong = Vec::new();
        let mut tables = 0;
        passing("sql/compare.sql on both sides");
        match verify::equal(&self.production, &self.staging, &self.out).await {
            Ok(equal) => {
                tables = equal;
                say(format!(
                    "compare.sql     {tables} tables: rows, unmasked columns, distinct masked values and joins are equal"
                ));
            }
            Err(error) => wrong.push(error.to_string()),
        }
        passing("sql/masked.sql on both sides");
        match verify::masked(&self.production, &self.staging).await {
            Ok(values) => {
                say(format!("masked.sql      {} masked values: none is what it is on production", count(values)))
            }
            Err(error) => wrong.push(error.to_string()),
        }
        let protected = verify::protected(&self.staging).await?;
        // a line for each, and one for the rows in a table that is replicated
        let tables_of_its_own = protected.len().saturating_sub(1);
        if protected == self.protected {
            say(format!(
                "protected.sql   {tables_of_its_own} protected tables, and staging's own rows of settings: as they were"
            ));
        } else {
            wrong.push(format!("protected tables changed: {:?} before, {protected:?} after", self.protected));
        }
        // production has put a row there that staging would take for its own
        let shadowed = replicator::shadowed()?;
        match shadowed.iter().filter(|line| line.starts_with("public.settings")).count() {
            1 => {
                say("$ sluice shadowed");
                shadowed.iter().for_each(more);
            }
            n => wrong.push(format!("{n} rows of settings are shadowed, and it should be one")),
        }
        let sessions = self.staging.number("SELECT count(*) FROM web_sessions").await?;
        if sessions > 0 {
            wrong.push(format!("web_sessions is to be empty on staging, and has {sessions} rows"));
        }
        passing("a dump of staging, and grep");
        self.raw.extend(verify::raw(&self.production).await?);
        let raw = count(self.raw.len());
        let dump = self.out.join("staging.dump");
        self.staging.dump(&dump).await?;
        std::fs::copy(self.out.join("sluice.log"), dump.join("sluice.log"))?;
        match verify::found(&self.raw, &self.out.join("raw.txt"), &dump)? {
            (0, _) => say(format!(
                "grep -F         {raw} raw values, old and new: none in a dump of staging, none in sluice's log"
            )),
            (found, files) => {
                let files = files.into_iter().collect::<Vec<_>>().join(", ");
                wrong.push(format!("{} of {raw} raw values found on staging, in {files}", count(found)));
            }
        }
        if !wrong.is_empty() {
            return Err(wrong.join("\n").into());
        }
        Ok(format!(
            "demo: {tables} tables equal after masking, {tables_of_its_own} protected tables unchanged, 0 of {raw} raw values found on staging"
        ))
    }
}
