//! What a new cluster is made of: a copy of a directory that initdb made once, and a port.

use std::collections::HashSet;
use std::fs;
use std::hash::{Hash, Hasher};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, Mutex};

use super::binaries::{self, hand_over, run};
use super::scratch::scratch_dir;

/// A directory made by initdb once and kept in the cache.
pub fn template(major: u32) -> PathBuf {
    static ONCE: Mutex<()> = Mutex::new(());
    let _one_at_a_time = ONCE.lock().unwrap_or_else(|poison| poison.into_inner());
    let server = binaries::server(major);
    let kept = binaries::cache().join(kept_as(&server));
    if !kept.join("PG_VERSION").exists() {
        let made = scratch_dir("initdb");
        let data = initdb(&server, &made);
        // The cache may be on another file system: copy beside, then rename.
        let beside = kept.with_extension(std::process::id().to_string());
        copy(&data, &beside);
        if fs::rename(&beside, &kept).is_err() {
            let _ = fs::remove_dir_all(&beside); // another process was first
        }
        let _ = fs::remove_dir_all(&made);
    }
    kept
}

/// A cluster with a system identifier of its own; those that are copies of the template share theirs. `dir/data` is made.
pub fn initdb(server: &Path, dir: &Path) -> PathBuf {
    hand_over(dir);
    let made = dir.join("data");
    let data = made.to_str().expect("a path in UTF-8");
    let options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "-D", data];
    run(server.join("bin/initdb"), &options);
    made
}

/// A name for what initdb makes: it depends on the exact version, on the build and on who owns it.
fn kept_as(server: &Path) -> String {
    let version = Command::new(server.join("bin/postgres")).arg("--version").output().expect("run postgres --version");
    let version = String::from_utf8_lossy(&version.stdout).trim().to_owned();
    let mut name = std::hash::DefaultHasher::new();
    (version, server, binaries::account().map(|account| account.uid)).hash(&mut name);
    format!("template-{:016x}", name.finish())
}

/// `cp -a` by the one who may read and own it all: us.
pub fn copy(from: &Path, to: &Path) {
    let output = Command::new("cp").arg("-a").arg("--reflink=auto").arg(from).arg(to).output().expect("run cp");
    assert!(output.status.success(), "cp: {}", String::from_utf8_lossy(&output.stderr));
    fs::set_permissions(to, fs::Permissions::from_mode(0o700)).expect("a data directory is private");
}

/// Below the range from which the kernel takes the ports of outgoing connections, so that it is still free after a
/// restart.
pub fn free_port() -> u16 {
    static TAKEN: LazyLock<Mutex<HashSet<u16>>> = LazyLock::new(Mutex::default);
    let mut taken = TAKEN.lock().unwrap_or_else(|poison| poison.into_inner());
    loop {
        let port = fastrand::u16(20_000..32_000);
        if !taken.contains(&port) && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            taken.insert(port);
            return port;
        }
    }
}
