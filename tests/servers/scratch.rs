//! One directory per test process, below /tmp and open to the servers' account; removed when the process ends.
//!
//! Statics are never dropped, so the shared servers and this directory go by `atexit`; what a killed test process left
//! behind is swept by the next one. `SLUICE_KEEP=1` keeps it all for a look.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use super::process;

const PREFIX: &str = "sluice-it-";

/// A new empty directory, mode 0755, named for what it is for. Short: a unix socket's path has at most 107 bytes.
pub fn scratch_dir(purpose: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let dir = root().join(format!("{}-{purpose}", NEXT.fetch_add(1, Ordering::Relaxed)));
    create(&dir);
    dir
}

/// Are directories to be kept for a look?
pub fn keep() -> bool {
    std::env::var_os("SLUICE_KEEP").is_some()
}

fn root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        sweep();
        let dir = Path::new("/tmp").join(format!("{PREFIX}{}", std::process::id()));
        create(&dir);
        // SAFETY: the handler is a plain function that lives as long as the process.
        unsafe { libc::atexit(at_exit) };
        dir
    })
}

extern "C" fn at_exit() {
    process::end_all();
    if keep() {
        eprintln!("kept: {}", root().display());
    } else {
        let _ = fs::remove_dir_all(root());
    }
}

/// Removes the directories of test processes that are no more.
fn sweep() {
    for entry in fs::read_dir("/tmp").into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(PREFIX)).and_then(|pid| pid.parse::<u32>().ok());
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn create(dir: &Path) {
    fs::create_dir_all(dir).unwrap_or_else(|error| panic!("create {}: {error}", dir.display()));
    fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).expect("open the directory to the servers' account");
}
