//! The real `sluice`, as a child process that cannot outlive the demo.

use std::fs::OpenOptions;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Result;

/// A running `sluice run`.
#[derive(Debug)]
pub struct Replicator {
    child: Child,
    log: PathBuf,
}

/// A command line of sluice, with the demo's configuration.
fn sluice(verb: &[&str]) -> Result<Command> {
    let mut command = Command::new(std::env::var("DEMO_SLUICE")?);
    command.arg("-c").arg(std::env::var("DEMO_CONFIG")?).args(verb).stdin(Stdio::null());
    Ok(command)
}

/// Runs a verb to its end; what it printed as data.
pub fn verb(verb: &[&str]) -> Result<String> {
    let output = sluice(verb)?.output()?;
    if !output.status.success() {
        return Err(format!("sluice {}: {}", verb[0], String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What `sluice status` says of the whole, without its line for each table.
pub fn status() -> Result<Vec<String>> {
    let text = verb(&["status"])?;
    Ok(text.lines().take_while(|line| !line.starts_with("TABLE")).map(str::to_owned).collect())
}

/// What `sluice shadowed` says.
pub fn shadowed() -> Result<Vec<String>> {
    Ok(verb(&["shadowed"])?.lines().map(str::to_owned).collect())
}

impl Replicator {
    /// `sluice run`; what it says goes to the end of `log`.
    pub fn start(log: PathBuf) -> Result<Replicator> {
        let file = OpenOptions::new().create(true).append(true).open(&log)?;
        let mut command = sluice(&["run"])?;
        command.stdout(file.try_clone()?).stderr(file);
        // SAFETY: prctl is async-signal-safe and touches no memory of ours. The thread that forks is the main one.
        unsafe {
            command.pre_exec(|| match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) {
                0 => Ok(()),
                _ => Err(std::io::Error::last_os_error()),
            });
        }
        Ok(Replicator { child: command.spawn()?, log })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// An error if it has ended by itself.
    pub fn alive(&mut self) -> Result<()> {
        let Some(status) = self.child.try_wait()? else { return Ok(()) };
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let end = lines[lines.len().saturating_sub(12)..].join("\n");
        Err(format!("sluice ended with {status}; the end of {}:\n{end}", self.log.display()).into())
    }

    /// SIGKILL: it hears nothing of it, and cleans nothing up.
    pub fn kill9(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// SIGTERM, and how long it took; an error unless it ends with 0 in time.
    pub async fn terminate(mut self) -> Result<Duration> {
        let start = Instant::now();
        // SAFETY: our own child, not waited for yet: the pid is its.
        unsafe { libc::kill(self.child.id().cast_signed(), libc::SIGTERM) };
        loop {
            match self.child.try_wait()? {
                Some(status) if status.success() => return Ok(start.elapsed()),
                Some(status) => return Err(format!("after SIGTERM sluice ended with {status}").into()),
                None if start.elapsed() > Duration::from_secs(10) => {
                    return Err("sluice did not end 10 s after SIGTERM".into());
                }
                None => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    }
}

impl Drop for Replicator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
