//! Act 6: production deletes what rows of staging's own refer to.

use super::{Scene, until};
use crate::Result;
use crate::replicator::{self, Replicator};
use crate::stage::{act, more, say};

/// At the one a test case points, at the other a bookmark.
const PORTS: &str = "code IN ('ZZ001', 'ZZ002')";

impl Scene {
    pub(super) async fn orphan(&self, sluice: &mut Replicator) -> Result<()> {
        act(6, "Production deletes what testers point at");
        let ports = format!("SELECT * FROM ports WHERE {PORTS} ORDER BY code");
        let there = self.production.rows(&ports).await?;
        self.production.run(&format!("CREATE TABLE gen.ports AS {ports}; DELETE FROM ports WHERE {PORTS}")).await?;
        until("the bookmark has given way", sluice, async || {
            Ok(self.staging.number("SELECT count(*) FROM bookmarks").await? == 0)
        })
        .await?;
        say("two ports are gone from production; a test case and a bookmark of staging's own point at them");
        let kept = self.staging.column(&format!("SELECT code FROM ports WHERE {PORTS}")).await?;
        if kept != ["ZZ001"] {
            return Err(format!("of the two ports staging has {kept:?}, and it should have the test case's").into());
        }
        say("test_cases: keep       the port stays until nothing points at it");
        more("$ sluice tombstones");
        replicator::verb(&["tombstones"])?.lines().for_each(more);
        say("bookmarks: remove      the bookmark went with the port, and is in sluice.removed");
        more("$ sluice removed list");
        replicator::verb(&["removed", "list"])?.lines().for_each(more);
        replicator::verb(&["orphans"])?;
        self.production.run("INSERT INTO ports SELECT * FROM gen.ports; DROP TABLE gen.ports").await?;
        until("both ports are back", sluice, async || Ok(self.staging.rows(&ports).await? == there)).await?;
        let tombstones = self.staging.number("SELECT count(*) FROM sluice.tombstones").await?;
        if tombstones > 0 {
            return Err(format!("both ports are production's again, and {tombstones} tombstones are left").into());
        }
        replicator::verb(&["removed", "restore", "--all"])?;
        let label = self.staging.value("SELECT label FROM bookmarks WHERE port_code = 'ZZ002'").await?;
        say(format!(
            "production has them again; $ sluice removed restore --all: {label:?} is back, and nothing points nowhere"
        ));
        replicator::verb(&["orphans"])?;
        Ok(())
    }
}
