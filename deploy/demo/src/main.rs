//! `make demo`, act by act. `run.sh` builds and starts the two servers; this fills them, makes traffic, starts, kills and
//! stops the real `sluice`, and looks at the two databases through a client that is not sluice's.

mod acts;
mod database;
mod replicator;
mod stage;
mod traffic;
mod verify;

use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

/// What went wrong, in words for the person who watches.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Whatever waits longer than this does not work.
const PATIENCE: Duration = Duration::from_secs(120);

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let done = runtime.map_err(Into::into).and_then(|runtime| {
        runtime.block_on(async {
            tokio::select! {
                // first: when somebody stops us, the servers go down as well, and that is no failure
                biased;
                signal = stopped() => Ok(Err(signal?)),
                end = acts::all() => end.map(Ok),
            }
        })
    });
    match done {
        Ok(Err(signal)) => {
            stage::clear();
            println!("\ndemo: stopped by {signal}, not finished");
            ExitCode::from(130)
        }
        Ok(Ok(last_line)) => {
            println!("\n{last_line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            stage::clear();
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            println!("\ndemo: FAILED: {error}{cause}");
            ExitCode::FAILURE
        }
    }
}

/// Waits for Ctrl-C or SIGTERM.
async fn stopped() -> Result<&'static str> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(tokio::select! {
        _ = interrupt.recv() => "Ctrl-C",
        _ = terminate.recv() => "SIGTERM",
    })
}

/// A file of `sql/`.
fn sql(name: &str) -> Result<String> {
    let path = std::path::Path::new(&std::env::var_os("DEMO_SQL").unwrap_or_default()).join(format!("{name}.sql"));
    Ok(std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?)
}
