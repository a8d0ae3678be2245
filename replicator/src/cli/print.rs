//! stdout is data, stderr is talk. Whoever reads either may go before its end (`sluice plan | head`): that is no failure of ours,
//! and no reason to end amid a stream. `println!` would panic.

use std::fmt::Display;
use std::io::{ErrorKind, Write};

use crate::error::Error;

/// Data. An error where it cannot be written though somebody wants it: the disk behind it is full.
pub fn data(text: impl Display) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    match write!(out, "{text}").and_then(|()| out.flush()) {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => {
            Err(Error::File { action: "write", path: "to stdout".into(), source: e })
        }
        _ => Ok(()),
    }
}

/// One line of talk, or some.
pub fn talk(text: impl Display) {
    // with nobody there is nobody to tell
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
