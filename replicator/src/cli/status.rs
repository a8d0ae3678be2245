//! `sluice status`: where everything stands, read from the two databases and the topic between, so it works from anywhere.
//!
//! [`gather`] asks the servers, [`State`] is what they said, [`render`] is how a person reads it. Nothing is written.

mod gather;
mod history;
mod render;
mod source;
mod standby;
mod state;
#[cfg(feature = "kafka")]
mod topic;

use std::io::Write;
use std::time::Duration;

pub use state::State;

use super::args::{Args, Status};
use crate::error::Error;

/// `--watch` looks again after this.
const AGAIN: Duration = Duration::from_secs(2);

/// Shows it, once or again and again.
pub async fn run(args: &Args, verb: &Status) -> Result<(), Error> {
    let (config, lock) = super::load(args)?;
    if verb.history {
        return history::run(&config, verb.json).await;
    }
    loop {
        let (state, failed) = gather::gather(&config, lock.as_ref()).await?;
        let text = if verb.json { json(&state)? } else { render::text(&state) };
        let clear = verb.watch && !verb.json && std::io::IsTerminal::is_terminal(&std::io::stdout());
        // whoever reads may have gone: `sluice status --watch | head`
        if show(&text, clear).is_err() {
            return Ok(());
        }
        if !verb.watch {
            return failed.map_or(Ok(()), Err);
        }
        tokio::select! {
            _ = tokio::signal::ctrl_c() => return Ok(()),
            () = tokio::time::sleep(AGAIN) => {}
        }
    }
}

fn show(text: &str, clear: bool) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}{text}", if clear { "\x1b[H\x1b[2J" } else { "" }).and_then(|()| out.flush())
}

fn json(state: &State) -> Result<String, Error> {
    serde_json::to_string(state).map_err(|e| Error::Bug(e.to_string()))
}
