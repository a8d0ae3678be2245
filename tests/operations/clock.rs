//! A clock that jumps: `tests/testbed/clock.c`, built once and preloaded into a sluice.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::servers::scratch_dir;
use crate::sluice::Sluice;

/// The clock of one process.
#[derive(Debug)]
pub struct Clock {
    shift: PathBuf,
}

impl Clock {
    /// One that is right.
    pub fn new() -> Clock {
        let shift = scratch_dir("clock").join("shift");
        let clock = Clock { shift };
        clock.put(0);
        clock
    }

    /// A sluice that goes by it.
    pub fn under(&self, sluice: Sluice) -> Sluice {
        sluice.env("LD_PRELOAD", library()).env("CLOCK_SHIFT", self.shift.to_str().expect("a path in UTF-8"))
    }

    /// So many seconds ahead from now on; behind, if less than 0.
    pub fn put(&self, seconds: i64) {
        // whoever reads it meanwhile reads the one or the other
        let next = self.shift.with_extension("next");
        fs::write(&next, seconds.to_string()).and_then(|()| fs::rename(&next, &self.shift)).expect("put the clock");
    }
}

fn library() -> &'static str {
    static BUILT: OnceLock<String> = OnceLock::new();
    BUILT.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/testbed/clock.c");
        let library = scratch_dir("clock_library").join("clock.so");
        let built = ["cc", "gcc"].into_iter().find_map(|compiler| {
            Command::new(compiler).args(["-O2", "-shared", "-fPIC", "-o"]).args([&library, &source]).output().ok()
        });
        let built = built.expect("a C compiler (cc or gcc)");
        assert!(built.status.success(), "clock.c: {}", String::from_utf8_lossy(&built.stderr));
        library.to_str().expect("a path in UTF-8").to_owned()
    })
}
