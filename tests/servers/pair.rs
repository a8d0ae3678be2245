//! A source and a target that many tests share: a database each costs 40 ms, a server half a second and 20 MB.

use std::sync::OnceLock;
use std::thread;

use tokio_postgres::Client;

use super::cluster::{Cluster, client};
use super::scratch;

/// Two running servers of one major. A test must neither stop them nor change their settings.
#[derive(Debug)]
pub struct Pair {
    /// Plays production.
    pub source: Cluster,
    /// Plays staging.
    pub target: Cluster,
}

/// A database of one name on both servers; dropping it drops both, and the slots on them.
#[derive(Debug)]
pub struct Db {
    /// Also a good name for the pipeline: slots are one name space per server.
    pub name: String,
    pair: &'static Pair,
}

impl Pair {
    /// The pair of that major, started at its first use.
    pub fn get(major: u32) -> &'static Pair {
        static PAIRS: [OnceLock<Pair>; 2] = [OnceLock::new(), OnceLock::new()];
        let at = super::MAJORS.iter().position(|&tested| tested == major).expect("a major under test");
        PAIRS[at].get_or_init(|| Pair { source: Cluster::start(major), target: Cluster::start(major) })
    }

    /// An empty database `name` on both: letters, digits and `_`.
    pub async fn create_db(&'static self, name: &str) -> Db {
        self.create_db_with(name, "", "").await
    }

    /// The same with clauses of CREATE DATABASE for each side, such as `TEMPLATE template0 ENCODING 'LATIN1'`.
    pub async fn create_db_with(&'static self, name: &str, source: &str, target: &str) -> Db {
        for (cluster, clauses) in [(&self.source, source), (&self.target, target)] {
            let admin = cluster.client("postgres").await;
            let made = admin.batch_execute(&format!("CREATE DATABASE {name} {clauses}")).await;
            made.unwrap_or_else(|error| panic!("create database {name}: {error:?}"));
        }
        Db { name: name.into(), pair: self }
    }
}

impl Db {
    /// Connection string of production.
    pub fn source_url(&self) -> String {
        self.pair.source.url(&self.name)
    }

    /// Connection string of staging.
    pub fn target_url(&self) -> String {
        self.pair.target.url(&self.name)
    }

    /// Where staging listens, for a proxy.
    pub fn target_port(&self) -> u16 {
        self.pair.target.port()
    }

    /// A client of production.
    pub async fn source(&self) -> Client {
        client(&self.source_url()).await
    }

    /// A client of staging.
    pub async fn target(&self) -> Client {
        client(&self.target_url()).await
    }

    /// Runs the same SQL on both, typically CREATE TABLE.
    pub async fn on_both(&self, sql: &str) {
        for client in [self.source().await, self.target().await] {
            client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{error:?} in: {sql}"));
        }
    }
}

/// Ends sessions, then drops the database's slots, then the database; what is missing already is no error.
async fn clean(url: String, name: String) -> Result<(), tokio_postgres::Error> {
    let (admin, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    let end = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
    let slots =
        format!("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = '{name}'");
    for _ in 0..100 {
        admin.batch_execute(&end).await?;
        if admin.batch_execute(&slots).await.is_ok() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await; // its walsender is still on its way out
    }
    admin.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await
}

impl Drop for Db {
    fn drop(&mut self) {
        if scratch::keep() {
            return;
        }
        let jobs = [&self.pair.source, &self.pair.target].map(|cluster| (cluster.url("postgres"), self.name.clone()));
        // A runtime of our own: we may be inside one, and drop cannot wait for it.
        let cleaning = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            jobs.into_iter().try_for_each(|(url, name)| runtime.block_on(clean(url, name)))
        });
        if let Ok(Err(error)) = cleaning.join() {
            eprintln!("could not drop database {}: {error:?}", self.name);
        }
    }
}
