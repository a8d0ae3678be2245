//! A disk that is full when a test wants it: `tests/testbed/full_disk.c`, built once and preloaded into a server.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::cluster::Builder;
use super::scratch::scratch_dir;

/// The disk of one server.
#[derive(Debug)]
pub struct Disk {
    /// Holds a file for each directory that is full.
    flags: PathBuf,
}

impl Disk {
    /// With room everywhere.
    pub fn new() -> Disk {
        Disk { flags: scratch_dir("disk") }
    }

    /// A server whose data lie on it.
    pub fn below(&self, server: Builder) -> Builder {
        server.env("LD_PRELOAD", library()).env("FULL_DISK", self.flags.to_str().expect("a path in UTF-8"))
    }

    /// No file of this directory of the server's data (`base`, `pg_wal`) can become longer from now on.
    pub fn fill(&self, directory: &str) {
        fs::write(self.flags.join(directory), "").expect("fill the disk");
    }

    /// There is room again.
    pub fn free(&self, directory: &str) {
        fs::remove_file(self.flags.join(directory)).expect("make room");
    }
}

/// The library, compiled with what `make` wants to be there anyway.
fn library() -> &'static str {
    static BUILT: OnceLock<String> = OnceLock::new();
    BUILT.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/testbed/full_disk.c");
        let library = scratch_dir("library").join("full_disk.so");
        let built = ["cc", "gcc"].into_iter().find_map(|compiler| {
            Command::new(compiler).args(["-O2", "-shared", "-fPIC", "-o"]).args([&library, &source]).output().ok()
        });
        let built = built.expect("a C compiler (cc or gcc)");
        assert!(built.status.success(), "full_disk.c: {}", String::from_utf8_lossy(&built.stderr));
        library.to_str().expect("a path in UTF-8").to_owned()
    })
}
