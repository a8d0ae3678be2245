//! Asking a person before something cannot be undone. Where nobody can be asked, `--yes` must have been said.

use std::io::{BufRead, IsTerminal, Write};

use crate::error::Error;

/// Asks on the terminal for `answer`, typed out. An error where there is none, or where another answer came.
pub fn ask(what: &str, answer: &str) -> Result<(), Error> {
    let no =
        |why: &str| Error::Refused { what: why.to_owned(), hint: format!("{what}; --yes goes on without a question") };
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Err(no("not done: this asks first, and there is no terminal to ask on"));
    }
    eprint!("Type {answer} to go on: ");
    let _ = std::io::stderr().flush();
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    if read.is_ok() && line.trim() == answer { Ok(()) } else { Err(no("not done, nothing was changed")) }
}
