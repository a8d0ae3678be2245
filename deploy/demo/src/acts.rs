//! The play.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::database::Database;
use crate::replicator::{self, Replicator};
use crate::stage::{act, count, more, passing, say, time};
use crate::traffic::{self, Traffic};
use crate::{PATIENCE, Result, sql, verify};

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
];
/// The person whom we follow: of those that the traffic leaves alone.
const PERSON: u64 = 58_007;
const CLIENTS: u64 = 4;

/// What every act needs.
struct Scene {
    production: Database,
    staging: Database,
    production_url: String,
    out: PathBuf,
    /// Seconds that the watching lasts, without fill and comparison.
    seconds: f64,
    protected: Vec<Vec<String>>,
    raw: BTreeSet<String>,
}

/// All acts; gives the last line.
pub async fn all() -> Result<String> {
    let setting = |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set: run deploy/demo/run.sh"));
    let production_url = setting("SLUICE_SOURCE_URL")?;
    let mut scene = Scene {
        production: Database::connect(&production_url).await?,
        staging: Database::connect(&setting("SLUICE_TARGET_URL")?).await?,
        production_url,
        out: setting("DEMO_OUT")?.into(),
        seconds: setting("DEMO_SECONDS")?.parse().map_err(|_| "DEMO_SECONDS is no number")?,
        protected: Vec::new(),
        raw: BTreeSet::new(),
    };
    scene.two_databases().await?;
    let mut traffic = Traffic::start(&scene.production_url, CLIENTS);
    let mut sluice = scene.copy(&traffic).await?;
    scene.stream(&traffic, &mut sluice).await?;
    scene.one_person(&mut sluice).await?;
    scene.tester(&mut sluice).await?;
    let sluice = scene.killed(&traffic, sluice).await?;
    scene.end(&mut traffic, sluice).await
}

impl Scene {
    async fn two_databases(&mut self) -> Result<()> {
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
        more("            and what is its own: 25 users, 310 quote requests, 75 saved searches");
        Ok(())
    }

    async fn copy(&self, traffic: &Traffic) -> Result<Replicator> {
        act(2, "The copy, while production goes on");
        say(format!("{CLIENTS} clients book, pay, cancel and move house on production"));
        let (start, before) = (Instant::now(), traffic.committed());
        let mut sluice = Replicator::start(self.out.join("sluice.log"))?;
        say(format!("$ sluice run -c deploy/demo/sluice.yaml        (pid {})", sluice.pid()));
        let mut least = u64::MAX;
        loop {
            sluice.alive()?;
            least = least.min(self.staging.number("SELECT count(*) FROM guests").await?);
            let made = self
                .staging
                .value("SELECT to_regclass('sluice.pending') IS NOT NULL AND to_regclass('sluice.tables') IS NOT NULL")
                .await?;
            if made == "t" {
                let pending = self.staging.rows(
                    "SELECT count(*), count(DISTINCT name), (SELECT coalesce(sum(rows_copied), 0) FROM sluice.tables), (SELECT count(*) FROM sluice.tables) FROM sluice.pending",
                ).await?;
                let [pending, waiting, rows, tables] = pending[0].as_slice() else { return Err("no answer".into()) };
                passing(format!("{} rows copied, {waiting} of {tables} tables to do", count(rows.parse::<u64>()?)));
                if pending == "0" && tables != "0" {
                    break;
                }
            }
            if start.elapsed() > PATIENCE {
                return Err(format!("the copy is not done after {}", time(start.elapsed())).into());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let copied = self.staging.rows("SELECT count(*), sum(rows_copied) FROM sluice.tables").await?;
        say(format!(
            "{} tables, {} rows copied in {}; production committed {} transactions meanwhile",
            copied[0][0],
            count(copied[0][1].parse::<u64>()?),
            time(start.elapsed()),
            count(traffic.committed() - before)
        ));
        more(format!("staging was in use all the time: never fewer than {} guests in it", count(least)));
        Ok(sluice)
    }

    async fn stream(&self, traffic: &Traffic, sluice: &mut Replicator) -> Result<()> {
        act(3, "The stream, under load");
        self.caught_up(traffic, sluice).await?;
        traffic.pause(Duration::from_millis(2));
        let watch = Duration::from_secs_f64(self.seconds / 5.0);
        let (start, before) = (Instant::now(), traffic.committed());
        let mut lags = Vec::new();
        let mut seen = 0;
        while start.elapsed() < watch {
            sluice.alive()?;
            let shown = self.beat().await?;
            if shown > seen
                && let Some(at) = traffic.beaten_at(shown)
            {
                lags.push(at.elapsed());
                passing(format!("staging is {} behind", time(at.elapsed())));
            }
            seen = shown.max(seen);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        traffic.pause(Duration::from_millis(5));
        lags.sort();
        if lags.is_empty() {
            return Err("nothing arrived on staging while we watched".into());
        }
        say(format!(
            "{} transactions a second on production, seen on staging after {} (median), {} (95 %), {} (worst)",
            count(((traffic.committed() - before) as f64 / start.elapsed().as_secs_f64()) as u64),
            time(lags[lags.len() / 2]),
            time(lags[lags.len() * 95 / 100]),
            time(lags[lags.len() - 1])
        ));
        say("$ sluice status");
        replicator::status()?.iter().for_each(more);
        Ok(())
    }

    async fn one_person(&self, sluice: &mut Replicator) -> Result<()> {
        act(4, "One person");
        let start = Instant::now();
        self.production.run(&traffic::booking(PERSON, 500_000, 17, "4012", 4210)).await?;
        let guest = self
            .production
            .number(&format!("SELECT g.id FROM guests g JOIN gen.people p USING (email) WHERE p.id = {PERSON}"))
            .await?;
        until("the new guest is on staging", sluice, async || {
            Ok(self.staging.number(&format!("SELECT count(*) FROM guests WHERE id = {guest}")).await? == 1)
        })
        .await?;
        say(format!(
            "somebody has just booked, and {} later is somebody else on staging (guest {guest})",
            time(start.elapsed())
        ));
        let sql = format!(
            "SELECT key, value FROM (
               SELECT g.*, b.reference, b.total, p.payer, p.iban, p.amount, b.special_requests FROM guests g
               JOIN bookings b ON b.contact_email = g.email JOIN payments p ON p.booking_reference = b.reference WHERE g.id = {guest}) x,
             LATERAL (VALUES (1, 'full_name', full_name), (2, 'email', email), (3, 'phone', phone), (4, 'passport_no', passport_no),
               (5, 'born', born::text), (6, 'street', street), (7, 'city', city), (8, 'notes', notes), (9, 'booking', reference),
               (10, 'total', total::text), (11, 'paid by', payer), (12, 'iban', iban), (13, 'amount', amount::text)) v (n, key, value) ORDER BY n"
        );
        let (there, here) = (self.production.rows(&sql).await?, self.staging.rows(&sql).await?);
        if there.len() != 13 || here.len() != 13 {
            return Err(format!("guest {guest} joins to {} and {} lines", there.len(), here.len()).into());
        }
        more(format!("{:<13}{:<39}{}", "", "production", "staging"));
        for (there, here) in there.iter().zip(&here) {
            let shown = |value: &str| match value.chars().count() {
                0 => "–".to_owned(),
                1..=38 => value.to_owned(),
                _ => value.chars().take(36).chain("…".chars()).collect(),
            };
            more(format!("{:<13}{:<39}{}", there[0], shown(&there[1]), shown(&here[1])));
        }
        more("guests joined to bookings by email and to payments by reference, on both sides");
        Ok(())
    }

    async fn tester(&self, sluice: &mut Replicator) -> Result<()> {
        act(5, "A tester on staging");
        let divergences = "SELECT sum(divergences) FROM sluice.tables";
        let before = self.staging.number(divergences).await?;
        let guest = self
            .production
            .number(&format!("SELECT g.id FROM guests g JOIN gen.people p USING (email) WHERE p.id = {PERSON}"))
            .await?;
        self.staging
            .run(&format!("SET session_replication_role = replica; UPDATE guests SET city = 'edited by a tester', country = 'XX' WHERE id = {guest}; DELETE FROM bookings WHERE guest_id = {guest}"))
            .await?;
        say(format!("a tester edits guest {guest} and deletes the booking"));
        let start = Instant::now();
        self.production
            .run(&format!("BEGIN; UPDATE guests SET updated_at = now() WHERE id = {guest}; UPDATE bookings SET status = 'confirmed' WHERE guest_id = {guest}; COMMIT"))
            .await?;
        let sql = format!(
            "SELECT city, country, b.status, b.total FROM guests g JOIN bookings b ON b.guest_id = g.id WHERE g.id = {guest}"
        );
        let there = self.production.rows(&sql).await?;
        until("the edited rows are healed", sluice, async || Ok(self.staging.rows(&sql).await? == there)).await?;
        let healed = self.staging.number(divergences).await? - before;
        say(format!(
            "production touches both; {} later staging has them again ({healed} divergence counted)",
            time(start.elapsed())
        ));
        Ok(())
    }

    async fn killed(&self, traffic: &Traffic, mut sluice: Replicator) -> Result<Replicator> {
        act(6, "kill -9");
        let mut rng = fastrand::Rng::with_seed(9);
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_secs_f64(self.seconds / 60.0 * (0.5 + rng.f64()))).await;
            sluice.alive()?;
            let (pid, before) = (sluice.pid(), traffic.committed());
            sluice.kill9()?;
            tokio::time::sleep(Duration::from_secs_f64(self.seconds / 30.0)).await;
            let missed = traffic.committed() - before;
            let start = Instant::now();
            sluice = Replicator::start(self.out.join("sluice.log"))?;
            self.caught_up(traffic, &mut sluice).await?;
            say(format!(
                "pid {pid} killed in the middle of it; {} transactions later started again, {} later caught up",
                count(missed),
                time(start.elapsed())
            ));
        }
        Ok(sluice)
    }

    async fn end(&mut self, traffic: &mut Traffic, mut sluice: Replicator) -> Result<String> {
        act(7, "The end, and a look without sluice");
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
        if protected == self.protected {
            say(format!("protected.sql   {} protected tables: as they were", protected.len()));
        } else {
            wrong.push(format!("protected tables changed: {:?} before, {protected:?} after", self.protected));
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
        let protected = protected.len();
        Ok(format!(
            "demo: {tables} tables equal after masking, {protected} protected tables unchanged, 0 of {raw} raw values found on staging"
        ))
    }

    /// The newest heartbeat that staging shows.
    async fn beat(&self) -> Result<usize> {
        Ok(self.staging.value("SELECT value FROM settings WHERE key = 'shop.heartbeat'").await?.parse().unwrap_or(0))
    }

    /// Waits until staging shows what production had committed when we asked.
    async fn caught_up(&self, traffic: &Traffic, sluice: &mut Replicator) -> Result<()> {
        let last = traffic.last_beat();
        until("staging has caught up", sluice, async || Ok(self.beat().await? >= last)).await
    }
}

async fn until(what: &str, sluice: &mut Replicator, mut done: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let start = Instant::now();
    while !done().await? {
        sluice.alive()?;
        if start.elapsed() > PATIENCE {
            return Err(format!("waited {} in vain until {what}; see demo-out/sluice.log", time(PATIENCE)).into());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}
