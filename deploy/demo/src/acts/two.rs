//! Act 1: production is full, and staging is what an older script left.

use super::Scene;
use crate::stage::{act, count, more, passing, say};
use crate::{Result, sql, verify};

/// What the script of old copied: everything that people had put there, each table behind those it refers to.
const OLD_COPY: &[&str] = &[
    "ships",
    "ports",
    "cruises",
    "cabins",
    "departures",
    "guests",
    "bookings",
    "booking_guests",
    "payments",
    "loyalty_cards",
    "feedback",
    "settings",
    "web_sessions",
];

impl Scene {
    pub(super) async fn two_databases(&mut self) -> Result<()> {
        act(1, "Two databases");
        let version = "SELECT split_part(current_setting('server_version'), '.', 1)";
        passing("filling production");
        self.production.run(&sql("schema")?).await?;
        self.production.run(&sql("production")?).await?;
        self.production.run("ANALYZE").await?;
        let tables = self.production.tables().await?;
        let mut rows = 0;
        for table in &tables {
            rows += self.production.number(&format!("SELECT count(*) FROM {table}")).await?;
        }
        let guests = self.production.number("SELECT count(*) FROM guests").await?;
        say(format!(
            "production  PostgreSQL {}: a cruise agency, {} rows in {} tables, {} guests by name and passport",
            self.production.value(version).await?,
            count(rows),
            tables.len(),
            count(guests)
        ));
        self.staging.run(&sql("schema")?).await?;
        self.staging.run("SET session_replication_role = replica; SET synchronous_commit = off").await?;
        for table in OLD_COPY {
            passing(format!("an old script copies {table} to staging, as it is"));
            self.production.copy(table, &self.staging).await?;
        }
        self.staging.run(&sql("staging")?).await?;
        self.protected = verify::protected(&self.staging).await?;
        self.raw.extend(verify::raw(&self.production).await?);
        let left = verify::raw(&self.staging).await?;
        let left_count = left.len();
        self.raw.extend(left);
        say(format!(
            "staging     PostgreSQL {}: what an older script left: out of date, {} raw personal values",
            self.staging.value(version).await?,
            count(left_count)
        ));
        more(
            "            and what is its own: 25 users, 310 quote requests, 75 saved searches, a test case, a bookmark, and two rows of settings",
        );
        Ok(())
    }
}
