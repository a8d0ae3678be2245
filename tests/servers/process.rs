//! Child processes that cannot outlive the tests, and signals.
//!
//! A child dies with its parent by `PR_SET_PDEATHSIG`. The kernel takes "parent" to be the *thread* that forked, and
//! the threads of the test runner end with each test: so one thread, which never ends, forks everything.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

type Job = (Command, SyncSender<io::Result<Child>>);

/// Pids of children that are to be ended when the test process ends, and by which signal.
static ALIVE: Mutex<BTreeMap<u32, i32>> = Mutex::new(BTreeMap::new());

/// A child that is bound to the test process; dropping it kills it.
#[derive(Debug)]
pub struct Spawned {
    child: Child,
    status: Option<ExitStatus>,
}

/// Starts `command`; it gets `at_our_end` when the test process ends, however that happens.
pub fn spawn_bound(mut command: Command, at_our_end: i32) -> io::Result<Spawned> {
    static SPAWNER: OnceLock<SyncSender<Job>> = OnceLock::new();
    // SAFETY: prctl is async-signal-safe and touches no memory of ours.
    unsafe {
        command.pre_exec(move || match libc::prctl(libc::PR_SET_PDEATHSIG, at_our_end) {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        });
    }
    let spawner = SPAWNER.get_or_init(|| {
        let (jobs, todo) = sync_channel::<Job>(0);
        thread::Builder::new()
            .name("spawner".into())
            .spawn(move || {
                for (mut command, answer) in todo {
                    let _ = answer.send(command.spawn());
                }
            })
            .expect("start the spawner");
        jobs
    });
    let (answer, spawned) = sync_channel(1);
    spawner.send((command, answer)).expect("the spawner never ends");
    let child = spawned.recv().expect("the spawner never ends")?;
    ALIVE.lock().expect("not poisoned").insert(child.id(), at_our_end);
    Ok(Spawned { child, status: None })
}

impl Spawned {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            self.status = self.child.try_wait().expect("wait for a child");
            if self.status.is_some() {
                ALIVE.lock().expect("not poisoned").remove(&self.child.id());
            }
        }
        self.status
    }

    /// Sends a signal, unless it has ended.
    pub fn signal(&mut self, signal: i32) {
        if self.ended().is_none() {
            send(self.pid(), signal);
        }
    }

    /// Blocks until it ends, at most `limit`.
    pub fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let start = Instant::now();
        while self.ended().is_none() && start.elapsed() < limit {
            thread::sleep(Duration::from_millis(2));
        }
        self.status
    }
}

impl Drop for Spawned {
    fn drop(&mut self) {
        self.signal(libc::SIGKILL);
        self.wait(Duration::from_secs(10));
    }
}

/// Sends `signal` to a process; one that is gone is no error.
pub fn send(pid: u32, signal: i32) {
    // SAFETY: kill takes two integers.
    unsafe { libc::kill(pid.cast_signed(), signal) };
}

/// Is it there, and not only a zombie that nobody has asked for yet?
pub fn runs(pid: u32) -> bool {
    stat(pid).is_some_and(|(state, _)| state != "Z" && state != "X")
}

/// The children of `parent`, with their command lines (a server's child says there what it is).
pub fn children(parent: u32) -> Vec<(u32, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        if stat(pid).is_some_and(|(_, ppid)| ppid == parent) {
            let title = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            found.push((pid, String::from_utf8_lossy(&title).replace('\0', " ").trim().to_owned()));
        }
    }
    found
}

/// State and parent, from /proc/PID/stat: pid (name, which may hold anything) state ppid …
fn stat(pid: u32) -> Option<(String, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?))
}

/// At the end of the test process: to each child its signal, then SIGKILL.
pub fn end_all() {
    let alive = ALIVE.try_lock().map(|alive| alive.clone()).unwrap_or_default();
    let pids: Vec<u32> = alive.keys().copied().collect();
    let kin: Vec<u32> = pids.iter().flat_map(|&pid| children(pid)).map(|(pid, _)| pid).collect();
    for &pid in pids.iter().chain(&kin) {
        send(pid, libc::SIGCONT);
    }
    for (&pid, &signal) in &alive {
        send(pid, signal);
    }
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(3) && pids.iter().any(|&pid| !reaped(pid)) {
        thread::sleep(Duration::from_millis(5));
    }
    for &pid in pids.iter().filter(|&&pid| !reaped(pid)).chain(&kin) {
        send(pid, libc::SIGKILL);
    }
}

fn reaped(pid: u32) -> bool {
    // SAFETY: a null status pointer is allowed.
    unsafe { libc::waitpid(pid.cast_signed(), std::ptr::null_mut(), libc::WNOHANG) != 0 }
}
