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

/// What went wrong, in words for the person who watches.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Whatever waits longer than this does not work.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let done = runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(acts::all()));
    match done {
        Ok(last_line) => {
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

/// A file of `sql/`.
fn sql(name: &str) -> Result<String> {
    let path = std::path::Path::new(&std::env::var_os("DEMO_SQL").unwrap_or_default()).join(format!("{name}.sql"));
    Ok(std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?)
}
