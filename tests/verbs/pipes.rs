//! Whoever reads what is said may go before its end: `sluice masks list | head`.

use std::io::{PipeWriter, pipe};
use std::process::{Command, Stdio};

fn sluice(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluice"));
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// A pipe that nobody reads any more.
fn broken() -> PipeWriter {
    pipe().expect("a pipe").1
}

#[test]
fn nobody_reads() {
    let code = |command: &mut Command| command.status().expect("sluice").code();
    assert_eq!(code(sluice(&["masks", "list"]).stdout(broken())), Some(0), "data");
    let listed = sluice(&["masks", "list", "--json"]).stdout(Stdio::piped()).output().expect("sluice").stdout;
    let listed: serde_json::Value = serde_json::from_slice(&listed).expect("JSON");
    assert!(listed.as_array().is_some_and(|all| all.iter().any(|mask| mask["name"] == "email")), "{listed}");
    let nowhere = ["--config", "/nowhere/sluice.yaml", "run"];
    assert_eq!(code(sluice(&nowhere).stderr(broken())), Some(2), "talk");
    // the server cannot be reached, and the log is all that there is to say of it
    let dir = crate::servers::scratch_dir("pipes");
    let file = dir.join("sluice.yaml");
    let yaml = "pipeline: p\nsource: { url: \"postgres://u@127.0.0.1:1/a\" }\ntarget: { url: \"postgres://u@127.0.0.1:1/b\" }\ntables: { public.t: keep }\n";
    std::fs::write(&file, yaml).expect("write");
    let run = ["--config", file.to_str().expect("UTF-8"), "run", "--timeout", "1s"];
    assert_eq!(code(sluice(&run).stderr(broken())), Some(7), "the log");
}
