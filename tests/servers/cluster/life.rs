//! Starting, stopping, crashing, killing and pausing a server.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::Cluster;
use crate::servers::binaries::{self, command};
use crate::servers::process::{self, Spawned, spawn_bound};
use crate::servers::scratch;
use crate::servers::template::free_port;

/// Starting, stopping and crash recovery together may take this long on a loaded machine.
const LIMIT: Duration = Duration::from_secs(60);

impl Cluster {
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

    /// What a promotion does to it: it replays its WAL to the end, and goes on on a new timeline. Same port, same data.
    pub fn promote(&mut self) {
        self.stop_fast();
        self.configure([("restore_command", "false")]);
        let _ = fs::remove_file(self.data().join("standby.signal"));
        self.write("recovery.signal", "");
        self.restart();
        let start = Instant::now();
        while self.data().join("recovery.signal").exists() {
            assert!(start.elapsed() < LIMIT, "server {} does not end its recovery:\n{}", self.major, self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
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

    pub(super) fn start_on_free_port(&mut self) {
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
