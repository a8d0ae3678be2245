//! One PostgreSQL server of a test's own: start, stop, crash, kill, pause, copy, go back in time.

mod life;
mod saved;
mod standby;

pub use saved::Saved;

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use tokio_postgres::{Client, NoTls};

use super::binaries::hand_over;
use super::process::Spawned;
use super::scratch;
use super::template::{copy, initdb, template};

/// Settings of every server. Without fsync: a crash of the *server* loses nothing that the kernel has, and only a
/// crash of the machine would.
const SETTINGS: &[(&str, &str)] = &[
    ("listen_addresses", "127.0.0.1"),
    ("wal_level", "logical"),
    ("fsync", "off"),
    ("max_connections", "200"),
    ("max_replication_slots", "64"),
    ("max_wal_senders", "64"),
    ("max_prepared_transactions", "20"),
    ("max_slot_wal_keep_size", "8GB"),
    ("shared_buffers", "64MB"),
    ("log_line_prefix", "%m [%p] %a "),
];

/// A running (or stopped) server with its directory. Dropping it kills the server and removes the directory.
#[derive(Debug)]
pub struct Cluster {
    major: u32,
    dir: PathBuf,
    port: u16,
    env: Vec<(String, String)>,
    process: Option<Spawned>,
}

/// What a cluster is started with.
#[derive(Debug, Default)]
pub struct Builder {
    settings: Vec<(String, String)>,
    env: Vec<(String, String)>,
    of_its_own: bool,
}

impl Builder {
    /// With a system identifier of its own.
    pub fn of_its_own(self) -> Builder {
        Builder { of_its_own: true, ..self }
    }

    /// A line of postgresql.conf; later lines win over earlier ones and over the harness' own.
    pub fn set(mut self, name: &str, value: &str) -> Builder {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// A variable of the server's environment, for example `LD_PRELOAD`.
    pub fn env(mut self, name: &str, value: &str) -> Builder {
        self.env.push((name.into(), value.into()));
        self
    }

    /// A new cluster of that major, running. User `postgres`, no password, UTF8, locale C.
    pub fn start(self, major: u32) -> Cluster {
        let dir = scratch::scratch_dir(&major.to_string());
        hand_over(&dir);
        match self.of_its_own {
            true => drop(initdb(&super::binaries::server(major), &dir)),
            false => copy(&template(major), &dir.join("data")),
        }
        let mut cluster = Cluster { major, dir, port: 0, env: self.env, process: None };
        cluster.configure(SETTINGS.iter().copied());
        cluster.configure(self.settings.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        cluster.start_on_free_port();
        cluster
    }
}

impl Cluster {
    /// A new cluster with the harness' settings.
    pub fn start(major: u32) -> Cluster {
        Builder::default().start(major)
    }

    /// A new cluster with settings of its own: `Cluster::with().set("wal_sender_timeout", "5s").start(18)`.
    pub fn with() -> Builder {
        Builder::default()
    }

    /// Its major version.
    pub fn major(&self) -> u32 {
        self.major
    }

    /// Its TCP port on 127.0.0.1; the same after every restart.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Holds `data/`, `server.log` and the unix socket.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Connection string of a database, over TCP.
    pub fn url(&self, database: &str) -> String {
        self.url_as("postgres", database)
    }

    /// The same as another user.
    pub fn url_as(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/{database}", self.port)
    }

    /// Connection string over the unix socket.
    pub fn socket_url(&self, database: &str) -> String {
        format!("host={} port={} user=postgres dbname={database}", self.dir.display(), self.port)
    }

    /// A client that is not sluice's own.
    pub async fn client(&self, database: &str) -> Client {
        client(&self.url(database)).await
    }

    /// Everything that the server has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.join("server.log")).unwrap_or_default()
    }

    /// Writes a file below `data/`, owned by the server, mode 0600 (what a TLS key must have).
    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        let path = self.data().join(name);
        let _ = fs::remove_file(&path);
        let mut file =
            fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).expect("create a file");
        file.write_all(contents.as_ref()).expect("write a file");
        hand_over(&path);
    }

    /// Adds lines to postgresql.conf; they count from the next restart or reload.
    pub fn configure<'a>(&self, settings: impl IntoIterator<Item = (&'a str, &'a str)>) {
        let path = self.data().join("postgresql.conf");
        let mut file = fs::OpenOptions::new().append(true).open(&path).expect("open postgresql.conf");
        for (name, value) in settings {
            writeln!(file, "{name} = '{}'", value.replace('\'', "''")).expect("write postgresql.conf");
        }
    }

    /// Has it ended, by itself or by a test?
    pub fn ended(&mut self) -> bool {
        self.process.as_mut().is_none_or(|process| process.ended().is_some())
    }

    pub fn data(&self) -> PathBuf {
        self.dir.join("data")
    }
}

/// A client of any database by its URL; its connection runs in a task of the test's runtime.
pub async fn client(url: &str) -> Client {
    let (client, connection) =
        tokio_postgres::connect(url, NoTls).await.unwrap_or_else(|error| panic!("connect {url}: {error:?}"));
    tokio::spawn(connection);
    client
}
