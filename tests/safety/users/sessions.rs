//! Staging's users, each in a session of their own: transactions that write what is theirs and what is not, held open for a while,
//! committed or rolled back, or left alone by a client that is gone.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_postgres::{Client, Error, NoTls};

use super::ledger::AMISS;
use super::statements::{maintenance, statement};

/// Several users at work; they come back when the server does.
pub struct Users {
    stop: Arc<AtomicBool>,
    rest: Arc<AtomicBool>,
    done: Arc<Mutex<Done>>,
    sessions: Vec<JoinHandle<()>>,
}

/// What became of what they did.
#[derive(Debug, Default)]
pub struct Done {
    /// Transactions that were committed.
    pub committed: u64,
    /// Those that they took back, or left.
    pub taken_back: u64,
    /// VACUUM, LOCK TABLE, cancels.
    pub maintained: u64,
    /// Those that the server refused, by SQLSTATE; empty: the connection was gone.
    pub refused: BTreeMap<String, u64>,
    /// What should not have happened: a row of theirs was not as they had left it.
    pub amiss: Vec<String>,
}

impl Users {
    /// Starts users, one for each generator.
    pub fn start(url: &str, rngs: Vec<fastrand::Rng>) -> Users {
        let (stop, rest) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let done = Arc::new(Mutex::new(Done::default()));
        let sessions = rngs.into_iter().map(|rng| {
            let (url, stop, rest, done) = (url.to_owned(), stop.clone(), rest.clone(), done.clone());
            tokio::spawn(async move { work(&url, rng, &stop, &rest, &done).await })
        });
        let sessions = sessions.collect();
        Users { stop, rest, done, sessions }
    }

    /// They begin no transaction, or do again.
    pub fn rest(&self, rest: bool) {
        self.rest.store(rest, Ordering::Relaxed);
    }

    /// Panics if something was amiss.
    pub fn content(&self) {
        let done = self.done.lock().expect("nobody panics over it");
        assert!(done.amiss.is_empty(), "{}", done.amiss.join("\n"));
    }

    /// No more of it. What they have done.
    pub async fn end(self) -> Done {
        self.stop.store(true, Ordering::Relaxed);
        for session in self.sessions {
            session.await.expect("a user does not panic");
        }
        self.done.lock().map(|mut done| std::mem::take(&mut *done)).expect("nobody panics over it")
    }
}

/// How a transaction ended.
enum End {
    Committed,
    TakenBack,
    /// With the connection.
    Left,
}

async fn work(url: &str, mut rng: fastrand::Rng, stop: &AtomicBool, rest: &AtomicBool, done: &Mutex<Done>) {
    while !stop.load(Ordering::Relaxed) {
        let Ok((client, connection)) = tokio_postgres::connect(url, NoTls).await else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let connection = tokio::spawn(connection);
        if client.batch_execute("SET lock_timeout = '2s'; SET application_name = 'user'").await.is_err() {
            continue;
        }
        while !client.is_closed() && !stop.load(Ordering::Relaxed) {
            if rest.load(Ordering::Relaxed) {
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            }
            if rng.u8(..18) == 0 {
                let maintained = maintain(&client, &mut rng).await;
                note(done, maintained.map(|()| None));
            } else {
                let end = transaction(&client, &mut rng).await;
                let left = matches!(end, Ok(End::Left));
                note(done, end.map(Some));
                if left {
                    connection.abort();
                    break;
                }
            }
            tokio::time::sleep(Duration::from_millis(rng.u64(..30))).await;
        }
    }
}

async fn transaction(client: &Client, rng: &mut fastrand::Rng) -> Result<End, Error> {
    let all = async {
        client.batch_execute("BEGIN").await?;
        for _ in 0..rng.u32(1..5) {
            client.batch_execute(&statement(rng)).await?;
            // what was written stays locked meanwhile
            let held = match rng.u8(..40) {
                0 => rng.u64(1000..2500), // a load gives up waiting after two seconds
                1..=3 => rng.u64(100..500),
                _ => rng.u64(..15),
            };
            tokio::time::sleep(Duration::from_millis(held)).await;
        }
        match rng.u8(..20) {
            0 => Ok(End::Left),
            1..=5 => client.batch_execute("ROLLBACK").await.map(|()| End::TakenBack),
            _ => client.batch_execute("COMMIT").await.map(|()| End::Committed),
        }
    };
    let end = all.await;
    if end.is_err() {
        let _ = client.batch_execute("ROLLBACK").await;
    }
    end
}

async fn maintain(client: &Client, rng: &mut fastrand::Rng) -> Result<(), Error> {
    let sql = maintenance(rng);
    let done = match sql.starts_with("LOCK") {
        false => client.batch_execute(&sql).await,
        true => {
            let held = client.batch_execute(&format!("BEGIN; {sql}")).await;
            tokio::time::sleep(Duration::from_millis(rng.u64(..300))).await;
            held
        }
    };
    let _ = client.batch_execute("ROLLBACK").await;
    done
}

fn note(done: &Mutex<Done>, end: Result<Option<End>, Error>) {
    let mut done = done.lock().expect("nobody panics over it");
    let error = match end {
        Ok(Some(End::Committed)) => return done.committed += 1,
        Ok(Some(End::TakenBack | End::Left)) => return done.taken_back += 1,
        Ok(None) => return done.maintained += 1,
        Err(error) => error,
    };
    let Some(said) = error.as_db_error() else { return *done.refused.entry(String::new()).or_default() += 1 };
    // unique, foreign key, deadlock, a lock that does not come, servers and sessions that end
    let usual = ["23505", "23503", "40P01", "55P03", "57P01", "57P02", "57P03"].contains(&said.code().code());
    if said.code().code() == AMISS || said.table() == Some("ledger") || !usual {
        done.amiss.push(format!("{}: {said}", said.code().code()));
    }
    *done.refused.entry(said.code().code().to_owned()).or_default() += 1;
}
