//! A random workload: small transactions of every shape, several writers at once, for as long as it is wanted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_postgres::NoTls;

/// Writers on production; they come back when the server does.
pub struct Traffic {
    stop: Arc<AtomicBool>,
    calm: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
    writers: Vec<JoinHandle<()>>,
}

impl Traffic {
    /// Starts writers, one for each generator.
    pub fn start(url: &str, rngs: Vec<fastrand::Rng>) -> Traffic {
        Traffic::paced(url, rngs, 8)
    }

    /// The same, with up to so many milliseconds between the transactions of each.
    pub fn paced(url: &str, rngs: Vec<fastrand::Rng>, pause: u64) -> Traffic {
        let [stop, calm] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
        let done = Arc::new(AtomicU64::new(0));
        let writers = rngs.into_iter().enumerate().map(|(number, rng)| {
            let (url, stop, calm, done) = (url.to_owned(), stop.clone(), calm.clone(), done.clone());
            tokio::spawn(async move { write(&url, number, rng, pause, (&stop, &calm), &done).await })
        });
        let writers = writers.collect();
        Traffic { stop, calm, done, writers }
    }

    /// How many were committed so far.
    pub fn committed(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// From now on they breathe between transactions, or no longer.
    pub fn calm(&self, yes: bool) {
        self.calm.store(yes, Ordering::Relaxed);
    }

    /// No more; nothing is left prepared. How many were committed.
    pub async fn end(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        for writer in self.writers {
            writer.await.expect("a writer does not panic");
        }
        self.done.load(Ordering::Relaxed)
    }
}

async fn write(
    url: &str,
    number: usize,
    mut rng: fastrand::Rng,
    pause: u64,
    (stop, calm): (&AtomicBool, &AtomicBool),
    done: &AtomicU64,
) {
    let gid = format!("writer_{number}");
    loop {
        let Ok((client, connection)) = tokio_postgres::connect(url, NoTls).await else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        tokio::spawn(connection);
        // what a crash left prepared is committed, as a transaction manager would
        let _ = client.batch_execute("SET lock_timeout = '1s'").await;
        let _ = client.batch_execute(&format!("COMMIT PREPARED '{gid}'")).await;
        while !client.is_closed() {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            if calm.load(Ordering::Relaxed) {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            match client.batch_execute(&transaction(&mut rng)).await {
                Ok(()) => {
                    let end = match rng.u8(..20) {
                        0 => "ROLLBACK".into(),
                        1 | 2 => format!("PREPARE TRANSACTION '{gid}'"),
                        _ => "COMMIT".into(),
                    };
                    let prepared = end.starts_with("PREPARE");
                    if client.batch_execute(&end).await.is_ok() {
                        if prepared {
                            tokio::time::sleep(Duration::from_millis(rng.u64(..30))).await;
                            let _ = client.batch_execute(&format!("COMMIT PREPARED '{gid}'")).await;
                        }
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                }
                Err(_) => drop(client.batch_execute("ROLLBACK").await),
            }
            tokio::time::sleep(Duration::from_millis(rng.u64(..pause))).await;
        }
    }
}

fn transaction(rng: &mut fastrand::Rng) -> String {
    let mut sql = String::from("BEGIN;");
    for n in 0..rng.u32(1..6) {
        match rng.u8(..8) {
            0 => {
                let (inside, end) = (statement(rng), if rng.bool() { "ROLLBACK TO" } else { "RELEASE" });
                sql.push_str(&format!("SAVEPOINT s{n}; {inside}; {end} s{n};"));
            }
            _ => sql.push_str(&format!("{};", statement(rng))),
        }
    }
    sql
}

/// Another text of 2,880 bytes: not sent again by an update that leaves it alone.
fn body(rng: &mut fastrand::Rng) -> String {
    format!("repeat(md5('{}'), 90)", rng.u32(..))
}

fn statement(rng: &mut fastrand::Rng) -> String {
    let (i, j, v) = (rng.u32(1..1600), rng.u32(1..1600), rng.i32(..));
    let (k, l) = (rng.u32(1..700), rng.u32(1..700));
    let b = body(rng);
    match rng.u8(..40) {
        0..=2 => format!("INSERT INTO big VALUES ({i}, {v}, NULL, {b}) ON CONFLICT DO NOTHING"),
        3 => format!("UPDATE big SET body = {b} WHERE id = {i}"),
        4 => format!("UPDATE big SET n = {v} WHERE id BETWEEN {i} AND {i} + 20"),
        5 => format!("DELETE FROM big WHERE id BETWEEN {i} AND {i} + 3"),
        // a new key, the body left alone
        6 => format!("UPDATE big SET id = id + 10000 WHERE id = {i}"),
        7 => "UPDATE big SET id = id - 10000 WHERE id IN (SELECT id FROM big WHERE id > 10000 LIMIT 2)".into(),
        // two rows change their unique values with each other
        8..=11 => format!(
            "UPDATE big SET uniq = -uniq - 100000 WHERE id IN ({i}, {j}) AND uniq > 0;
             UPDATE big t SET uniq = -s.uniq - 100000 FROM big s WHERE (t.id, s.id) IN (({i}, {j}), ({j}, {i})) AND s.uniq < 0 AND {i} <> {j};
             UPDATE big SET uniq = -uniq - 100000 WHERE uniq < 0"
        ),
        12 => format!("UPDATE big SET uniq = NULL WHERE id = {i}; UPDATE big SET uniq = {i} WHERE id = {j}"),
        13 => format!("DELETE FROM big WHERE id = {i}; INSERT INTO big VALUES ({i}, {v}, {i}, {b}) ON CONFLICT DO NOTHING"),
        14 => format!("INSERT INTO comp VALUES ({} , 'k{k}', {v}, {b}) ON CONFLICT DO NOTHING", k % 20),
        15 => format!("UPDATE comp SET v = {v} WHERE a = {}", k % 20),
        16 => format!("UPDATE comp SET b = 'k{l}x', v = {v} WHERE (a, b) = ({}, 'k{k}')", k % 20),
        17 => format!("DELETE FROM comp WHERE (a, b) = ({}, 'k{k}')", k % 20),
        18 => format!("INSERT INTO uid VALUES (md5('{k}')::uuid, {v}) ON CONFLICT (id) DO UPDATE SET v = {v}"),
        19 => format!("UPDATE uid SET id = md5('{l}')::uuid WHERE id = md5('{k}')::uuid"),
        20 => format!("DELETE FROM uid WHERE id = md5('{k}')::uuid"),
        21 => format!("INSERT INTO txt VALUES ('t{k}', '{v}') ON CONFLICT (id) DO UPDATE SET v = '{v}'"),
        22 => format!("UPDATE txt SET id = 't{l}' WHERE id = 't{k}'"),
        23 => format!("DELETE FROM txt WHERE id = 't{k}'"),
        24 => format!("INSERT INTO log SELECT g, 'more' FROM generate_series(1, {}) g", v.unsigned_abs() % 20),
        25 => format!("INSERT INTO fulls VALUES ({}, 'f{}'), ({}, NULL)", k % 50, l % 60, l % 50),
        26 => format!("UPDATE fulls SET b = 'f{}' WHERE a = {}", l % 60, k % 50),
        27 => format!("DELETE FROM fulls WHERE ctid IN (SELECT ctid FROM fulls WHERE a = {} LIMIT 2)", k % 50),
        28 => format!("INSERT INTO ident (v, body) VALUES ({v}, {b})"),
        29 => format!("UPDATE ident SET v = {v} WHERE id BETWEEN {k} AND {k} + 5"),
        // an identity column can be set to its next value only
        30 => format!("UPDATE ident SET id = DEFAULT, body = {b} WHERE id = {k}"),
        31 => format!("DELETE FROM ident WHERE id = {k}"),
        32 => format!("INSERT INTO people VALUES ({k}, 'new{v}@shop.test', {v}) ON CONFLICT DO NOTHING"),
        33 | 34 => format!(
            "UPDATE people SET email = email || '.parked' WHERE id IN ({k}, {l}) AND {k} <> {l};
             UPDATE people t SET email = left(s.email, -7) FROM people s WHERE (t.id, s.id) IN (({k}, {l}), ({l}, {k})) AND s.email LIKE '%.parked';
             UPDATE people SET email = left(email, -7) WHERE email LIKE '%.parked'"
        ),
        35 => format!("DELETE FROM people WHERE id = {k}; INSERT INTO people VALUES ({l}, 'user{k}@shop.test', {v}) ON CONFLICT DO NOTHING"),
        36 => format!("INSERT INTO handles VALUES ('h{k}', {v}, {b}) ON CONFLICT (handle) DO UPDATE SET v = {v}"),
        37 => format!("UPDATE handles SET handle = 'h{l}' WHERE handle = 'h{k}'"),
        38 => format!("DELETE FROM handles WHERE handle = 'h{k}'"),
        _ => match rng.u8(..12) {
            0 => "TRUNCATE fulls, log".into(),
            1 => format!("TRUNCATE uid; INSERT INTO uid SELECT md5(g::text)::uuid, {v} FROM generate_series(1, 300) g"),
            2 => format!("TRUNCATE handles; INSERT INTO handles SELECT 'h' || g, {v}, {b} FROM generate_series(1, 250) g"),
            3 => format!("TRUNCATE comp; INSERT INTO comp SELECT g % 20, 'k' || g, {v}, {b} FROM generate_series(1, 300) g"),
            4 => format!("TRUNCATE people; INSERT INTO people SELECT g, 'user' || g || '@shop.test', {v} FROM generate_series(1, 400) g"),
            _ => format!("UPDATE handles SET v = v + 1 WHERE handle LIKE 'h{}%'", k % 10),
        },
    }
}
