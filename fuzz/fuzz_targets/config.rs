//! What people write: `sluice.yaml`, `sluice.lock`, connection strings. Problems or a meaning, never a panic; and no
//! problem, nor anything that is shown, has a secret in it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use replicator::config::{Config, Lock};
use wire::Conninfo;

const SECRET: &str = "s3cr3t-of-the-environment";

fuzz_target!(|text: &str| {
    let env = |name: &str| (name.len() % 2 == 0).then(|| SECRET.to_owned());
    let told = match Config::parse(text, &env) {
        Ok(config) => format!("{config:?}{}", config.effective()),
        Err(problems) => problems.to_string(),
    };
    assert!(text.contains(SECRET) || !told.contains(SECRET), "a secret is told: {told}");
    if let Err(problems) = Lock::parse(text) {
        let _ = problems.to_string();
    }
    match Conninfo::parse(text) {
        Ok(info) => drop(format!("{info:?} {info}")),
        Err(e) => drop(e.to_string()),
    }
});
