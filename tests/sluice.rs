//! The real binary, driven by a test: a directory with a `sluice.yaml`, an environment, verbs.
#![allow(dead_code, reason = "a harness offers more than the tests of any one day use")]

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::servers::{Db, Spawned, scratch_dir, spawn_bound};

/// The masking key of the tests: 32 bytes, base64.
pub const MASK_KEY: &str = "c2x1aWNlLXRlc3RzLW9ubHktMzItYnl0ZXMtbG9uZyE=";

/// How long a verb may take that is expected to end by itself.
const VERB_LIMIT: Duration = Duration::from_secs(120);

/// One pipeline's directory and environment.
#[derive(Clone, Debug)]
pub struct Sluice {
    /// Where `sluice.yaml` is, and where the binary runs.
    pub dir: PathBuf,
    env: Vec<(String, String)>,
}

/// A `sluice` that was started; dropping it kills it.
#[derive(Debug)]
pub struct Running {
    process: Spawned,
    stdout: PathBuf,
    stderr: PathBuf,
}

/// What a verb that ended has said.
#[derive(Debug)]
pub struct Output {
    /// The exit code; -1 if a signal ended it.
    pub code: i32,
    /// Data.
    pub stdout: String,
    /// Talk.
    pub stderr: String,
}

impl Sluice {
    /// Writes `yaml` as `dir/sluice.yaml`.
    pub fn new(dir: impl Into<PathBuf>, yaml: &str) -> Sluice {
        let dir = dir.into();
        fs::create_dir_all(&dir).expect("create the pipeline's directory");
        let sluice = Sluice { dir, env: Vec::new() };
        sluice.configure(yaml);
        sluice.env("SLUICE_MASK_KEY", MASK_KEY)
    }

    /// A pipeline named like the database, from its source to its target. `rest` is the YAML from `tables:` on; keys
    /// that it repeats would be an error, so `pipeline`, `source`, `target` and `masking` are not its own.
    pub fn between(db: &Db, rest: &str) -> Sluice {
        Sluice::over(&db.name, &db.source_url(), &db.target_url(), rest)
    }

    /// The same with URLs of one's own, for example a proxy's.
    pub fn over(pipeline: &str, source: &str, target: &str, rest: &str) -> Sluice {
        Sluice::new(scratch_dir(pipeline), &yaml(pipeline, rest))
            .env("SLUICE_SOURCE_URL", source)
            .env("SLUICE_TARGET_URL", target)
    }

    /// Lays other rules over the same pipeline: `rest` as for [`Sluice::over`].
    pub fn lay(&self, pipeline: &str, rest: &str) {
        self.configure(&yaml(pipeline, rest));
    }

    /// Writes another `sluice.yaml`.
    pub fn configure(&self, yaml: &str) {
        fs::write(self.dir.join("sluice.yaml"), yaml).expect("write sluice.yaml");
    }

    /// Sets a variable, over an earlier value.
    pub fn env(mut self, name: &str, value: &str) -> Sluice {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Starts `sluice` with `args` in its directory. Its environment is only what a test gave it (and `PATH`).
    pub fn spawn(&self, args: &[&str]) -> Running {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let (stdout, stderr) = (self.dir.join(format!("{number}.out")), self.dir.join(format!("{number}.err")));
        let mut command = Command::new(env!("CARGO_BIN_EXE_sluice"));
        command.args(args).current_dir(&self.dir).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("RUST_BACKTRACE", "1").envs(self.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(create(&stdout)).stderr(create(&stderr));
        // as on a machine that keeps core files: that there are none is sluice's own doing
        // SAFETY: getrlimit and setrlimit are async-signal-safe, and the struct is the child's own
        unsafe {
            command.pre_exec(|| {
                let mut core = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
                if libc::getrlimit(libc::RLIMIT_CORE, &mut core) == 0 {
                    core.rlim_cur = core.rlim_max;
                    libc::setrlimit(libc::RLIMIT_CORE, &core);
                }
                Ok(())
            });
        }
        let process = spawn_bound(command, libc::SIGKILL).expect("start sluice");
        Running { process, stdout, stderr }
    }

    /// Runs a verb to its end and says how it ended; a verb that does not end is a failure.
    pub async fn run(&self, args: &[&str]) -> Output {
        let mut running = self.spawn(args);
        let status = running.wait(VERB_LIMIT).await;
        Output { code: status.code().unwrap_or(-1), stdout: running.stdout(), stderr: running.log() }
    }

    /// Runs a verb that must end with 0.
    pub async fn ok(&self, args: &[&str]) -> Output {
        let output = self.run(args).await;
        assert_eq!(output.code, 0, "sluice {}\n{}{}", args.join(" "), output.stdout, output.stderr);
        output
    }
}

fn yaml(pipeline: &str, rest: &str) -> String {
    format!(
        "pipeline: {pipeline}\nsource: {{ url: \"${{SLUICE_SOURCE_URL}}\" }}\ntarget: {{ url: \"${{SLUICE_TARGET_URL}}\" }}\n\
         masking: {{ key: \"${{SLUICE_MASK_KEY}}\" }}\n{rest}"
    )
}

impl Running {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// SIGKILL, and waits until it is gone.
    pub fn kill9(&mut self) {
        self.process.signal(libc::SIGKILL);
        self.process.wait(Duration::from_secs(10));
    }

    /// SIGTERM: it has five seconds to end at a transaction's border.
    pub fn term(&mut self) {
        self.process.signal(libc::SIGTERM);
    }

    /// Any other signal.
    pub fn signal(&mut self, signal: i32) {
        self.process.signal(signal);
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.ended()
    }

    /// Waits for its end; panics with its log when `limit` is over.
    pub async fn wait(&mut self, limit: Duration) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(start.elapsed() < limit, "sluice still runs after {limit:?}:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// stdout so far.
    pub fn stdout(&self) -> String {
        fs::read_to_string(&self.stdout).unwrap_or_default()
    }

    /// stderr so far: the log.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.stderr).unwrap_or_default()
    }

    /// Highest resident memory so far, in kB; `None` once it has ended.
    pub fn peak_kb(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).ok()?;
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let skip = log.lines().count().saturating_sub(60);
            eprintln!("log of sluice {}:\n{}", self.pid(), log.lines().skip(skip).collect::<Vec<_>>().join("\n"));
        }
    }
}

fn create(path: &Path) -> fs::File {
    fs::File::create(path).unwrap_or_else(|error| panic!("create {}: {error}", path.display()))
}
