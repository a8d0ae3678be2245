//! Acts 4 and 5: one person, on both sides; and a tester who edits the same rows.

use std::time::Instant;

use super::{Scene, until};
use crate::replicator::Replicator;
use crate::stage::{act, more, say, time};
use crate::{Result, traffic};

/// The person whom we follow: of those that the traffic leaves alone.
const PERSON: u64 = 58_007;

impl Scene {
    pub(super) async fn one_person(&self, sluice: &mut Replicator) -> Result<()> {
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

    pub(super) async fn tester(&self, sluice: &mut Replicator) -> Result<()> {
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
}
