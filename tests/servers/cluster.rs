//! One PostgreSQL server of a test's own: start, stop, crash, kill, pause, copy, go back in time.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio_postgres::{Client, NoTls};

use super::binaries::{self, command, hand_over};
use super::process::{self, Spawned, spawn_bound};
use super::scratch;
use super::template::{copy, free_port, template};

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

/// Starting, stopping and crash recovery together may take this long on a loaded machine.
const LIMIT: Duration = Duration::from_secs(60);

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
}

/// A cluster's data at one moment, see [`Cluster::save`].
#[derive(Debug)]
pub struct Saved(PathBuf);

impl Builder {
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
        copy(&template(major), &dir.join("data"));
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

    /// SIGHUP: reads postgresql.conf and pg_hba.conf again.
    pub fn reload(&mut self) {
        self.signal(libc::SIGHUP);
    }

    /// SIGINT: clients are thrown out, a checkpoint is written.
    pub fn stop_fast(&mut self) {
        self.end(libc::SIGINT);
    }

    /// SIGQUIT: down at once, without a checkpoint; the next start recovers.
    pub fn crash(&mut self) {
        self.end(libc::SIGQUIT);
    }

    /// SIGKILL to the server and each of its processes, as when the power goes (but see `SETTINGS`).
    pub fn kill9(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        process.signal(libc::SIGSTOP); // no new children, and no mourning of the old ones, while we kill
        let kin = process::children(process.pid());
        kin.iter().for_each(|&(pid, _)| process::send(pid, libc::SIGKILL));
        process.signal(libc::SIGKILL);
        assert!(process.wait(LIMIT).is_some(), "server {} did not end on SIGKILL", self.major);
        // The next server refuses to start while one of them still holds the shared memory.
        let start = Instant::now();
        while kin.iter().any(|&(pid, _)| process::runs(pid)) {
            assert!(start.elapsed() < LIMIT, "the processes of server {} do not end", self.major);
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Starts it again, after a fast stop if it still runs. Same port, same data.
    pub fn restart(&mut self) {
        self.stop_fast();
        self.launch().unwrap_or_else(|why| panic!("server {} does not come up: {why}\n{}", self.major, self.log()));
    }

    /// Has it ended, by itself or by a test?
    pub fn ended(&mut self) -> bool {
        self.process.as_mut().is_none_or(|process| process.ended().is_some())
    }

    /// SIGSTOP to every process of the server: it neither answers nor hangs up.
    pub fn pause(&mut self) {
        self.signal(libc::SIGSTOP);
        self.signal_backends("", libc::SIGSTOP);
    }

    /// Lets a paused server go on.
    pub fn resume_process(&mut self) {
        self.signal_backends("", libc::SIGCONT);
        self.signal(libc::SIGCONT);
    }

    /// Pids of the server's processes whose title contains `pattern`, such as `walsender` or `postgres shop`.
    pub fn backends(&self, pattern: &str) -> Vec<u32> {
        let kin = self.pid().map(process::children).unwrap_or_default();
        kin.into_iter().filter(|(_, title)| title.contains(pattern)).map(|(pid, _)| pid).collect()
    }

    /// Signals these processes and says how many. SIGTERM ends one; SIGKILL of one makes the server restart all.
    pub fn signal_backends(&self, pattern: &str, signal: i32) -> usize {
        let pids = self.backends(pattern);
        pids.iter().for_each(|&pid| process::send(pid, signal));
        pids.len()
    }

    /// The data as it is now; the server is stopped for it and started again if it ran.
    pub fn save(&mut self) -> Saved {
        let ran = self.process.is_some();
        self.stop_fast();
        let saved = scratch::scratch_dir("saved");
        hand_over(&saved);
        copy(&self.data(), &saved.join("data"));
        if ran {
            self.restart();
        }
        Saved(saved)
    }

    /// Goes back to a saved state, as a server does that is restored from a backup. Runs afterwards.
    pub fn restore(&mut self, saved: &Saved) {
        self.stop_fast();
        fs::remove_dir_all(self.data()).expect("remove the data");
        copy(&saved.0.join("data"), &self.data());
        self.configure([("port", self.port.to_string().as_str())]); // a clone has another port than the saved one
        self.restart();
    }

    /// A second server from a saved state: same system identifier, another port. Runs.
    pub fn clone_of(&self, saved: &Saved) -> Cluster {
        let dir = scratch::scratch_dir(&self.major.to_string());
        hand_over(&dir);
        copy(&saved.0.join("data"), &dir.join("data"));
        let mut cluster = Cluster { major: self.major, dir, port: 0, env: self.env.clone(), process: None };
        cluster.start_on_free_port();
        cluster
    }

    fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Spawned::pid)
    }

    fn signal(&mut self, signal: i32) {
        if let Some(process) = &mut self.process {
            process.signal(signal);
        }
    }

    fn end(&mut self, signal: i32) {
        self.resume_process(); // a paused server hears nothing but SIGKILL
        self.signal(signal);
        if let Some(mut process) = self.process.take() {
            assert!(process.wait(LIMIT).is_some(), "server {} did not end on signal {signal}", self.major);
        }
    }

    fn start_on_free_port(&mut self) {
        for _ in 0..20 {
            self.port = free_port();
            let socket = self.dir.display().to_string();
            self.configure([("port", self.port.to_string().as_str()), ("unix_socket_directories", &socket)]);
            match self.launch() {
                Ok(()) => return,
                Err(why) if self.log().contains("could not bind") => drop(why),
                Err(why) => panic!("server {} does not come up: {why}\n{}", self.major, self.log()),
            }
        }
        panic!("no free port found");
    }

    fn launch(&mut self) -> Result<(), String> {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.dir.join("server.log"));
        let log = log.map_err(|error| error.to_string())?;
        let mut server = command(binaries::server(self.major).join("bin/postgres"));
        server.arg("-D").arg(self.data()).envs(self.env.iter().map(|(name, value)| (name, value)));
        server.stdout(log.try_clone().map_err(|error| error.to_string())?).stderr(log);
        let mut process = spawn_bound(server, libc::SIGQUIT).map_err(|error| error.to_string())?;
        let start = Instant::now();
        while !ready(&self.data(), process.pid()) {
            if let Some(status) = process.ended() {
                return Err(format!("ended with {status}"));
            }
            if start.elapsed() > LIMIT {
                return Err(format!("not ready after {LIMIT:?}"));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.process = Some(process);
        Ok(())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("log of server {} on port {}:\n{}", self.major, self.port, tail(&self.log(), 40));
        }
        if let Some(pid) = self.pid() {
            self.resume_process();
            self.signal(libc::SIGQUIT);
            let ended = self.process.as_mut().is_none_or(|process| process.wait(Duration::from_secs(5)).is_some());
            if !ended {
                process::children(pid).into_iter().for_each(|(pid, _)| process::send(pid, libc::SIGKILL));
            }
            self.process = None;
        }
        if !scratch::keep() {
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

/// A client of any database by its URL; its connection runs in a task of the test's runtime.
pub async fn client(url: &str) -> Client {
    let (client, connection) =
        tokio_postgres::connect(url, NoTls).await.unwrap_or_else(|error| panic!("connect {url}: {error:?}"));
    tokio::spawn(connection);
    client
}

/// postmaster.pid: the first line is the pid (a crash leaves an old file behind), the eighth the state.
fn ready(data: &Path, pid: u32) -> bool {
    let file = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
    let lines: Vec<&str> = file.lines().map(str::trim).collect();
    lines.first() == Some(&pid.to_string().as_str()) && matches!(lines.get(7), Some(&"ready" | &"standby"))
}

fn tail(log: &str, lines: usize) -> String {
    let skip = log.lines().count().saturating_sub(lines);
    log.lines().skip(skip).collect::<Vec<_>>().join("\n")
}
