//! What a cruise agency does all day: bookings, payments, cancellations, new addresses, each a transaction over several
//! tables; now and then a changed key, an erased person, a rollback. And the heartbeat by which lag is measured.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use crate::Result;
use crate::database::Database;

const SEED: u64 = 20261121;
/// Guests and bookings that were there before; more of them than exist after some were erased.
const GUESTS: u64 = 36_000;
const BOOKINGS: u64 = 40_000;
const DEPARTURES: u64 = 4_000;

/// Clients at work on production.
#[derive(Debug)]
pub struct Traffic {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<Result<()>>>,
    heart: JoinHandle<Result<()>>,
}

#[derive(Debug)]
struct Shared {
    stop: AtomicBool,
    silent: AtomicBool,
    /// Pause of a client between two transactions, microseconds.
    pause: AtomicU64,
    committed: AtomicU64,
    next: AtomicU64,
    /// When each heartbeat had been committed on production.
    beats: Mutex<Vec<Instant>>,
}

impl Traffic {
    /// Starts `clients` of them, and the heartbeat.
    pub fn start(production: &str, clients: u64) -> Traffic {
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            silent: AtomicBool::new(false),
            pause: AtomicU64::new(5_000),
            committed: AtomicU64::new(0),
            next: AtomicU64::new(0),
            beats: Mutex::new(Vec::new()),
        });
        let clients = (0..clients)
            .map(|client| {
                tokio::spawn(work(production.to_owned(), fastrand::Rng::with_seed(SEED + client), shared.clone()))
            })
            .collect();
        let heart = tokio::spawn(beat(production.to_owned(), shared.clone()));
        Traffic { shared, clients, heart }
    }

    /// How long a client rests between two transactions.
    pub fn pause(&self, pause: Duration) {
        self.shared.pause.store(pause.as_micros() as u64, Ordering::Relaxed);
    }

    /// Transactions committed so far.
    pub fn committed(&self) -> u64 {
        self.shared.committed.load(Ordering::Relaxed)
    }

    /// The newest heartbeat that production has committed.
    pub fn last_beat(&self) -> usize {
        self.beats().len()
    }

    /// When heartbeat `number` was committed: `number` counts from 1.
    pub fn beaten_at(&self, number: usize) -> Option<Instant> {
        self.beats().get(number.checked_sub(1)?).copied()
    }

    fn beats(&self) -> std::sync::MutexGuard<'_, Vec<Instant>> {
        self.shared.beats.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Everybody goes home; an error if one of them could not work.
    pub async fn stop(&mut self) -> Result<()> {
        self.shared.stop.store(true, Ordering::Relaxed);
        for client in self.clients.drain(..) {
            client.await??;
        }
        self.shared.silent.store(true, Ordering::Relaxed);
        (&mut self.heart).await?
    }
}

async fn beat(url: String, shared: Arc<Shared>) -> Result<()> {
    let db = Database::connect(&url).await?;
    for number in 1.. {
        // decided before the last one, which everything else on production then precedes
        let last = shared.silent.load(Ordering::Relaxed);
        db.run(&format!("UPDATE settings SET value = '{number}' WHERE key = 'shop.heartbeat'")).await?;
        shared.beats.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(Instant::now());
        if last {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

async fn work(url: String, mut rng: fastrand::Rng, shared: Arc<Shared>) -> Result<()> {
    let db = Database::connect(&url).await?;
    let mut failed = 0;
    while !shared.stop.load(Ordering::Relaxed) {
        let number = shared.next.fetch_add(1, Ordering::Relaxed);
        match db.run(&transaction(&mut rng, number)).await {
            Ok(()) => _ = shared.committed.fetch_add(1, Ordering::Relaxed),
            // two clients on the same rows: one of them tries something else, as people do
            Err(error) => {
                db.run("ROLLBACK").await?;
                failed += 1;
                if failed > 200 {
                    return Err(format!("production's clients cannot work: {error}").into());
                }
            }
        }
        let pause = shared.pause.load(Ordering::Relaxed);
        if pause > 0 {
            tokio::time::sleep(Duration::from_micros(rng.u64(pause / 2..=pause * 3 / 2))).await;
        }
    }
    Ok(())
}

/// The SQL of one person's booking: the person `id` of `gen.people`, with guest, booking, berth and payment.
pub fn booking(person: u64, number: u64, departure: u64, cabin: &str, total: u64) -> String {
    format!(
        "WITH g AS (INSERT INTO guests (account, full_name, email, phone, passport_no, born, street, postcode, city, country, preferences, notes, updated_at)
            SELECT md5('account ' || id)::uuid, full_name, email, phone, passport_no, date '1960-01-01' + (id % 14000)::int, street, postcode, city,
                   country, jsonb_build_object('emergency', email), full_name || ' booked by phone, ' || phone, now()
            FROM gen.people WHERE id = {person} RETURNING id, email, full_name, phone),
          b AS (INSERT INTO bookings (reference, guest_id, contact_email, departure_id, ship_id, cabin, status, total, special_requests, booked_at)
            SELECT 'BK-{tail:04}{number:06}', g.id, g.email, d.id, c.ship_id, '{cabin}', 'option', {total}, 'Please ring ' || g.full_name || ' at ' || g.phone, now()
            FROM g, departures d JOIN cruises c ON c.id = d.cruise_id WHERE d.id = {departure} RETURNING id, guest_id, reference, total),
          s AS (INSERT INTO booking_guests SELECT id, guest_id, 1 FROM b)
        INSERT INTO payments (booking_reference, payer, iban, amount, paid_at)
            SELECT b.reference, p.full_name, p.iban, round(b.total / 2, 2), now() FROM b, gen.people p WHERE p.id = {person}",
        tail = number * 7919 % 10_000,
        number = 100_000 + number,
    )
}

fn transaction(rng: &mut fastrand::Rng, number: u64) -> String {
    let (guest, booked, departure) = (rng.u64(1..=GUESTS), rng.u64(1..=BOOKINGS), rng.u64(1..=DEPARTURES));
    let body = match rng.u32(0..100) {
        0..35 if number < 22_000 => {
            let cabin = format!("{}{:03}", rng.u32(1..=6), rng.u32(1..=25));
            let booking = booking(GUESTS + 1 + number, number, departure, &cabin, rng.u64(900..6000));
            format!("{booking}; UPDATE departures SET places_left = places_left - 1 WHERE id = {departure}")
        }
        0..55 => format!(
            "UPDATE bookings SET status = 'confirmed' WHERE id = {booked};
             INSERT INTO payments (booking_reference, payer, iban, amount, paid_at)
               SELECT b.reference, g.full_name, g.country || '{:020}', b.total / 4, now()
               FROM bookings b JOIN guests g ON g.id = b.guest_id WHERE b.id = {booked};
             UPDATE loyalty_cards SET points = points + 100 WHERE guest_id = (SELECT guest_id FROM bookings WHERE id = {booked})",
            rng.u64(..)
        ),
        55..65 => format!(
            "DELETE FROM bookings WHERE id = {booked}; UPDATE departures SET places_left = places_left + 1 WHERE id = {departure}"
        ),
        65..75 => format!(
            "UPDATE newsletter SET email = '{number}.' || email WHERE email = (SELECT email FROM guests WHERE id = {guest});
             UPDATE bookings SET contact_email = '{number}.' || contact_email WHERE guest_id = {guest};
             UPDATE guests SET email = '{number}.' || email, phone = '+47 ' || {phone}, street = 'Strandgaten {number}, flat 0001',
               updated_at = now() WHERE id = {guest}",
            phone = rng.u64(10_000_000_000..100_000_000_000)
        ),
        75..79 => format!(
            "UPDATE loyalty_cards SET card_no = '7781 {:04} {:04} ' || right(card_no, 4) WHERE guest_id = {guest}",
            rng.u32(..10_000),
            rng.u32(..10_000)
        ),
        79..81 => format!(
            "DELETE FROM newsletter WHERE email = (SELECT email FROM guests WHERE id = {guest});
             DELETE FROM booking_guests WHERE guest_id = {guest}; DELETE FROM bookings WHERE guest_id = {guest};
             DELETE FROM guests WHERE id = {guest}"
        ),
        81..87 => format!(
            "UPDATE price_history SET price = round(price * 1.01, 2) WHERE departure_id = {departure};
             UPDATE price_history SET noted_on = date '2026-03-01' + {later} WHERE departure_id = {departure} AND class = 'suite' AND noted_on < '2026-01-01';
             UPDATE cruises SET description = description || '', updated_at = now() WHERE id = 1 + {departure} % 400",
            later = rng.u32(..200)
        ),
        87..90 => format!(
            "UPDATE settings SET key = 'promo.{number}', value = 'renamed' WHERE key = (SELECT min(key) FROM settings WHERE key LIKE 'promo.%')"
        ),
        90..93 => format!(
            "INSERT INTO settings VALUES ('draft.{number}', 'x'); SAVEPOINT s; DELETE FROM newsletter WHERE since < '2020-02-01';
             UPDATE cruises SET name = 'not this one' WHERE id < 9; ROLLBACK TO s; DELETE FROM settings WHERE key = 'draft.{number}'"
        ),
        _ => format!("INSERT INTO feedback VALUES ({departure}, {}, now())", rng.u32(1..=5)),
    };
    format!("BEGIN; {body}; COMMIT")
}
