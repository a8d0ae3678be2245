//! Java, Kafka's jars, and what is made of them once and kept in the cache: a formatted directory (it knows neither
//! port nor place, so every broker starts from a copy of it), and an archive of the classes that a broker loads, which
//! spares each start a third of its time.

use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::Broker;
use crate::servers::binaries;
use crate::servers::scratch::scratch_dir;
use crate::servers::template::copy;

/// Little memory, one thread that collects garbage, no second compiler: a broker of a test is cold all its life.
const FLAGS: &[&str] = &[
    "-Xmx128m",
    "-Xms32m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData", // leaves files in /tmp
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
];

/// An archive of classes.
#[derive(Clone, Copy)]
pub enum Archive<'a> {
    /// Read; one that is missing or does not fit is no error.
    Read(&'a Path),
    /// Written when the process ends.
    Write(&'a Path),
}

/// What every broker starts from.
pub struct Prepared {
    /// A directory that is formatted and nothing more.
    pub data: PathBuf,
    /// The classes that a start loads.
    pub classes: PathBuf,
}

/// Made at the first use on this machine.
pub fn prepared() -> &'static Prepared {
    static PREPARED: OnceLock<Prepared> = OnceLock::new();
    PREPARED.get_or_init(|| {
        let kept = binaries::cache().join(kept_as());
        if !kept.exists() {
            let made = scratch_dir("kafka-made");
            prepare(&made);
            // The cache may be on another file system: copy beside, then rename.
            let beside = kept.with_extension(std::process::id().to_string());
            copy(&made, &beside);
            if fs::rename(&beside, &kept).is_err() {
                let _ = fs::remove_dir_all(&beside); // another process was first
            }
            let _ = fs::remove_dir_all(&made);
        }
        Prepared { data: kept.join("data"), classes: kept.join("classes.jsa") }
    })
}

/// `java` with our flags, to run that class.
pub fn command(class: &str, archive: Option<Archive<'_>>) -> Command {
    let mut java = Command::new(program());
    java.current_dir("/tmp").stdin(Stdio::null()).args(FLAGS);
    match archive {
        Some(Archive::Read(path)) => _ = java.arg(format!("-XX:SharedArchiveFile={}", path.display())),
        Some(Archive::Write(path)) => _ = java.arg(format!("-XX:ArchiveClassesAtExit={}", path.display())),
        None => {}
    }
    java.arg("-cp").arg(class_path()).arg(class);
    java
}

/// Formats the directory of one that is configured; users that prove themselves by SCRAM are made then: `SCRAM-SHA-256=[name=…,password=…]`.
pub fn format(broker: &Broker, users: &[String]) {
    // the id of a cluster: any will do, as no broker of a test hears of another's
    let mut format = command("kafka.tools.StorageTool", None);
    format.args(["format", "-t", "MkU3OEVBNTcwNTJENDM2Qg", "-c"]).arg(broker.properties());
    format.args(users.iter().flat_map(|user| ["--add-scram", user.as_str()]));
    let output = format.output().expect("run java");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "format a broker's directory: {said}");
}

/// A formatted directory, and the archive that a broker leaves which starts and stops.
fn prepare(made: &Path) {
    let (data, classes) = (made.join("data"), made.join("classes.jsa"));
    let mut first = Broker::stopped(&[]);
    first.configure();
    format(&first, &[]);
    copy(&first.log_dir(), &data);
    first.begin(&data, Archive::Write(&classes));
    first.stop();
}

/// `$JAVA_HOME/bin/java`, else the one on the path.
fn program() -> PathBuf {
    std::env::var_os("JAVA_HOME").map_or_else(|| "java".into(), |home| Path::new(&home).join("bin/java"))
}

/// In one order wherever it is asked for: an archive fits one class path. Java's own `DIR/*` is in the directory's.
fn class_path() -> &'static str {
    static PATH: OnceLock<String> = OnceLock::new();
    PATH.get_or_init(|| {
        let entries = fs::read_dir(binaries::kafka()).expect("read the directory of Kafka's jars").flatten();
        let mut jars: Vec<String> = entries.map(|entry| entry.path().display().to_string()).collect();
        jars.retain(|jar| jar.ends_with(".jar"));
        jars.sort();
        jars.join(":")
    })
}

/// A name for what is made here: it depends on the Java and on the jars.
fn kept_as() -> String {
    let version = Command::new(program()).arg("-version").output();
    let version = version.unwrap_or_else(|error| {
        panic!("Kafka is Java, and there is none ({error}): apt-get install openjdk-17-jre-headless, or set JAVA_HOME")
    });
    let mut name = std::hash::DefaultHasher::new();
    (version.stderr, class_path(), FLAGS).hash(&mut name);
    format!("template-kafka-{:016x}", name.finish())
}
