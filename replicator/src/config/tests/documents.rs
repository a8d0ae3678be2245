//! The documents say what the code does.

use super::super::keys::State;
use super::super::{Config, KEYS};
use super::{KEY, LEAST, parse};

const DOC: &str = include_str!("../../../../docs/configuration.md");
const EXAMPLE: &str = include_str!("../../../../deploy/sluice.example.yaml");

#[test]
fn every_key_stands_in_the_document() {
    let (built, not_yet) = DOC.split_once("## Not built yet").unwrap();
    for (key, state) in KEYS {
        let part = if *state == State::Built { built } else { not_yet };
        assert!(part.contains(&format!("`{key}`")), "{key} is missing in docs/configuration.md");
    }
}

#[test]
fn the_document_has_no_key_that_does_not_exist() {
    let rows = DOC.lines().filter_map(|l| l.strip_prefix("| `")?.split_once("` |")).map(|(key, _)| key);
    for key in rows {
        assert!(KEYS.contains(&(key, State::Built)), "{key}");
    }
}

#[test]
fn the_documents_defaults_are_the_defaults() {
    let least = parse(LEAST).unwrap().effective();
    let (_, shown) = DOC.rsplit_once("```yaml\n").unwrap();
    assert_eq!(shown.split_once("```").unwrap().0, least);
    for row in DOC.lines().filter(|l| l.contains(" size, `") || l.contains(" time, `") || l.contains(" number, `")) {
        let key = row.split('`').nth(1).unwrap().rsplit('.').next().unwrap();
        let value = row.split('`').nth(3).unwrap().replace("60s", "1m");
        assert!(least.contains(&format!("{key}: {value}\n")), "{key}: {value}");
    }
}

fn env(name: &str) -> Option<String> {
    let key = name == "SLUICE_MASK_KEY";
    Some(if key { KEY.to_owned() } else { format!("postgres://{name}") })
}

#[test]
fn the_example_is_a_configuration_with_every_key() {
    let config = Config::parse(EXAMPLE, &env).unwrap_or_else(|e| panic!("{e}"));
    assert!(config.is_protected("qa_1", "runs") && config.serve.listen.is_some());
    for (key, _) in KEYS.iter().filter(|(_, state)| *state == State::Built) {
        let last = key.rsplit('.').find(|part| *part != "*").unwrap();
        assert!(EXAMPLE.contains(&format!("{last}:")), "{key} is missing in deploy/sluice.example.yaml");
    }
}

#[test]
fn without_its_variables_the_example_says_what_it_wants() {
    let told = Config::parse(EXAMPLE, &|_| None).unwrap_err().to_string();
    let expected = "\
line 6: source.url: the variable SLUICE_SOURCE_URL is not set (production, a role with REPLICATION and SELECT)
line 15: target.url: the variable SLUICE_TARGET_URL is not set (staging, a role that may write the tables below)
line 25: masking.key: the variable SLUICE_MASK_KEY is not set (32 random bytes: openssl rand -base64 32)";
    assert_eq!(told, expected);
}
