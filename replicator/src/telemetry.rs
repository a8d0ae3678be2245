//! Logs to stderr: lowercase, facts as fields, per batch and never per row, never a value.

use std::io::{IsTerminal, Write};
use std::sync::OnceLock;

use indicatif::MultiProgress;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::time::uptime;

/// Sets logging up. `verbose` counts -v; `SLUICE_LOG` (`info`, `debug`, `replicator::copy=trace`) goes before it.
pub fn init(verbose: u8, json: bool) {
    let level = match verbose {
        0 => "info",
        1 => "debug",
        _ => "trace",
    };
    // other crates' spans could hold what we never log: they get warnings only
    let ours = format!("warn,replicator={level},sink_postgres={level},wire={level},filters={level},sluice={level}");
    let filter = EnvFilter::try_from_env("SLUICE_LOG").unwrap_or_else(|_| EnvFilter::new(ours));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| Stderr).with_target(false);
    let done = if json {
        builder.json().flatten_event(true).try_init()
    } else {
        builder
            .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
            .with_timer(uptime())
            .try_init()
    };
    // a second call is a test's; the first one's settings stay
    drop(done);
}

/// The progress bars of this process, hidden where stderr is no terminal.
pub fn bars() -> &'static MultiProgress {
    static BARS: OnceLock<MultiProgress> = OnceLock::new();
    BARS.get_or_init(MultiProgress::new)
}

/// stderr, with the bars out of the way while a line is written: each event comes in one write.
struct Stderr;

impl Write for Stderr {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        // whoever reads may have gone, and a subscriber that cannot write says so, by a macro that panics then
        let _ = bars().suspend(|| std::io::stderr().write_all(line));
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let _ = std::io::stderr().flush();
        Ok(())
    }
}

/// A panic says where, never what: its message could hold a value (invariant 5). No core dump either.
pub fn quiet_panics() {
    std::panic::set_hook(Box::new(|info| {
        let place =
            info.location().map_or_else(|| "an unknown place".to_owned(), |l| format!("{}:{}", l.file(), l.line()));
        // not by a macro that panics where nobody reads: a panic in here ends the process
        let _ = writeln!(std::io::stderr(), "sluice: bug: panicked at {place}\nhint: please report this, with the log");
    }));
    #[cfg(unix)]
    {
        let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: setrlimit reads the struct and nothing else; a failure leaves core dumps as they were
        unsafe { libc::setrlimit(libc::RLIMIT_CORE, &none) };
    }
}
