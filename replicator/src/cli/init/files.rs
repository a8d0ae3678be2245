//! Writing files that somebody may have spent a day on.

use std::io::{ErrorKind, Write};
use std::path::Path;

use crate::config::Problem;
use crate::error::Error;

/// Refuses where there is such a file.
pub fn absent(path: &Path) -> Result<(), Error> {
    if path.symlink_metadata().is_ok() { Err(in_the_way(path)) } else { Ok(()) }
}

/// Writes a file: beside its place first, then into it, and over another only if that is wanted.
pub fn write(path: &Path, text: &[u8], force: bool) -> Result<(), Error> {
    let failed = |source| Error::File { action: "write", path: path.display().to_string(), source };
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let beside = Path::new(&name);
    let mut file = std::fs::File::create(beside).map_err(failed)?;
    file.write_all(text).and_then(|()| file.sync_all()).map_err(failed)?;
    if force {
        return std::fs::rename(beside, path).map_err(failed);
    }
    // a link is made only where there is no file, however late that one came
    let linked = std::fs::hard_link(beside, path);
    std::fs::remove_file(beside).map_err(failed)?;
    linked.map_err(|e| if e.kind() == ErrorKind::AlreadyExists { in_the_way(path) } else { failed(e) })
}

fn in_the_way(path: &Path) -> Error {
    let hint = "--force writes over it; --lock writes only sluice.lock; -c names another file";
    Error::Config(Problem::new("", format!("{} is there already", path.display())).hint(hint).into())
}
