//! Where the servers' programs are, and under which account they run.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

/// The directory above `bin/` of that major: `SLUICE_PG18` and so on, else what `tests/testbed/servers.sh` finds or
/// fetches.
pub fn server(major: u32) -> PathBuf {
    static FOUND: Mutex<Option<HashMap<u32, PathBuf>>> = Mutex::new(None);
    let mut found = FOUND.lock().unwrap_or_else(|poison| poison.into_inner());
    let found = found.get_or_insert_default();
    found.entry(major).or_insert_with(|| servers_sh(&["pg", &major.to_string()])).clone()
}

/// The directory of Kafka's jars: `SLUICE_KAFKA`, else what `tests/testbed/servers.sh` has fetched or fetches.
pub fn kafka() -> PathBuf {
    servers_sh(&["kafka"])
}

/// The directory in which fetched servers, and our templates, are kept.
pub fn cache() -> PathBuf {
    servers_sh(&["cache"])
}

fn servers_sh(args: &[&str]) -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/testbed/servers.sh");
    let output = Command::new(&script).args(args).stderr(Stdio::inherit()).output();
    let output = output.unwrap_or_else(|error| panic!("run {}: {error}", script.display()));
    assert!(output.status.success(), "servers.sh {args:?} failed, see above");
    PathBuf::from(String::from_utf8(output.stdout).expect("a path in UTF-8").trim())
}

/// An account to run servers under, since they refuse to run as root.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    pub uid: u32,
    pub gid: u32,
}

/// `postgres`, else `nobody`, when we are root; `None` when we are not, and servers run as ourselves.
pub fn account() -> Option<Account> {
    // SAFETY: no arguments, no failure.
    if unsafe { libc::geteuid() } != 0 {
        return None;
    }
    let passwd = fs::read_to_string("/etc/passwd").expect("read /etc/passwd");
    let of = |name: &str| {
        let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut ids = line.split(':').skip(2).map_while(|id| id.parse().ok());
        Some(Account { uid: ids.next()?, gid: ids.next()? })
    };
    Some(of("postgres").or_else(|| of("nobody")).expect("an account postgres or nobody, as servers refuse root"))
}

/// Gives a file or directory to the servers' account.
pub fn hand_over(path: &Path) {
    if let Some(Account { uid, gid }) = account() {
        chown(path, Some(uid), Some(gid)).unwrap_or_else(|error| panic!("chown {}: {error}", path.display()));
    }
}

/// A command under the servers' account, in a directory that it may enter.
pub fn command(program: impl AsRef<Path>) -> Command {
    let mut command = Command::new(program.as_ref());
    command.current_dir("/tmp").stdin(Stdio::null());
    if let Some(Account { uid, gid }) = account() {
        command.uid(uid).gid(gid);
    }
    command
}

/// Runs a command under the servers' account to its end; panics with its stderr when it fails.
pub fn run(program: impl AsRef<Path>, args: &[&str]) {
    let program = program.as_ref();
    let output =
        command(program).args(args).output().unwrap_or_else(|error| panic!("run {}: {error}", program.display()));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} {}: {stderr}", program.display(), args.join(" "));
}
