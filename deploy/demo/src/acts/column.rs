//! Act 7: a migration adds a column that nobody has classified; somebody does, and it is filled in.

use std::time::Instant;

use super::{Scene, until};
use crate::Result;
use crate::replicator::{self, Replicator};
use crate::stage::{act, count, more, say, time};
use crate::traffic::Traffic;

const FILLED: &str = "SELECT count(*) FROM guests WHERE nickname IS NOT NULL";

impl Scene {
    pub(super) async fn new_column(&self, traffic: &Traffic, sluice: &mut Replicator) -> Result<()> {
        act(7, "A new column, and nobody has said what it is");
        // a migration goes to both; and production has values before anybody has looked
        let migration = "ALTER TABLE guests ADD COLUMN nickname text";
        self.staging.run(migration).await?;
        self.production.run(migration).await?;
        self.production
            .run("UPDATE guests SET nickname = lower(split_part(full_name, ' ', 1)) || '_' || id WHERE id % 4 = 0")
            .await?;
        self.caught_up(traffic, sluice).await?;
        let (there, here) = (self.production.number(FILLED).await?, self.staging.number(FILLED).await?);
        if here > 0 {
            return Err(format!("{here} nicknames are on staging, and nobody has approved them").into());
        }
        say(format!(
            "production has guests.nickname, with {} values; the stream goes on, and staging has none of them",
            count(there)
        ));
        for line in replicator::verb(&["status"])?.lines().filter(|line| line.contains("nickname")) {
            more(line.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        say("$ sluice approve public.guests.nickname --as first_name --now");
        let start = Instant::now();
        for line in replicator::verb(&["approve", "public.guests.nickname", "--as", "first_name", "--now"])?.lines() {
            more(line);
        }
        let nothing = "SELECT count(*) FROM sluice.pending WHERE columns IS NOT NULL";
        until("the column is filled in", sluice, async || {
            Ok(self.staging.number(FILLED).await? > 0 && self.staging.number(nothing).await? == 0)
        })
        .await?;
        say(format!(
            "{} later {} guests of staging have a nickname, none of them their own; the rows were not copied again",
            time(start.elapsed()),
            count(self.staging.number(FILLED).await?)
        ));
        Ok(())
    }
}
