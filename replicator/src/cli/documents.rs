//! The documents name the verbs, flags, exit codes and states that there are, and no others.

use std::collections::BTreeSet;

use clap::{CommandFactory, Parser};

use super::args::Args;
use crate::board::Phase;
use crate::error::Kind;

const README: &str = include_str!("../../../README.md");
const OPERATIONS: &str = include_str!("../../../docs/operations.md");
const SAFETY: &str = include_str!("../../../docs/safety.md");
const DOCUMENTS: &[&str] = &[
    README,
    OPERATIONS,
    SAFETY,
    include_str!("../../../ARCHITECTURE.md"),
    include_str!("../../../docs/configuration.md"),
    include_str!("../../../docs/masks.md"),
    include_str!("../../../deploy/demo/README.md"),
    include_str!("../../../deploy/sluice.cron"),
    include_str!("../../../deploy/sluice.service"),
];

/// Commands as a reader would type them: in backticks, on a line of their own, in a unit or a crontab.
fn commands() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in DOCUMENTS.iter().flat_map(|text| text.lines()) {
        let spans = line.split('`').skip(1).step_by(2).map(str::to_owned);
        let typed =
            |l: &str| l.split(" #").next().and_then(|l| l.split(" > ").next()).unwrap_or_default().trim().to_owned();
        let own = line.strip_prefix("    ").map(typed);
        let path = line
            .split_once("/bin/sluice ")
            .map(|(_, rest)| format!("sluice {}", rest.split(" >").next().unwrap_or_default()));
        found.extend(spans.chain(own).chain(path).filter(|c| c.starts_with("sluice ")));
    }
    found
}

/// Words as a shell takes them, for as much as the documents use of it.
fn words(command: &str) -> Vec<String> {
    command.split_whitespace().map(|word| word.trim_matches(['\'', '"']).to_owned()).collect()
}

#[test]
fn every_command_in_the_documents_is_one() {
    let found = commands();
    for wanted in ["sluice init --lock", "sluice resync --all", "sluice run --until-caught-up --timeout 30m"] {
        assert!(found.contains(wanted), "{wanted} is not found: {found:?}");
    }
    for command in found {
        if let Err(e) = Args::try_parse_from(words(&command)) {
            panic!("`{command}`: {e}");
        }
    }
}

#[test]
fn every_verb_and_flag_stands_in_the_documents() {
    let root = Args::command();
    let global: BTreeSet<_> = root.get_arguments().filter_map(|a| a.get_long()).collect();
    let (_, everywhere) = OPERATIONS.split_once("\nEverywhere: ").unwrap();
    for flag in &global {
        assert!(everywhere.lines().next().unwrap().contains(&format!("`--{flag}`")), "--{flag}");
    }
    let mut seen = BTreeSet::new();
    for verb in root.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        let inner: Vec<_> = verb.get_subcommands().collect();
        let verbs = if inner.is_empty() { vec![verb] } else { inner };
        let row = OPERATIONS.lines().find(|l| l.starts_with(&format!("| `{}", verb.get_name())));
        let row = row.unwrap_or_else(|| panic!("no row for {}", verb.get_name()));
        for verb in verbs {
            let flags = verb.get_arguments().filter_map(|a| a.get_long()).filter(|f| !global.contains(f));
            for flag in flags {
                assert!(row.contains(&format!("`--{flag}`")), "--{flag} in {row}");
                seen.insert(flag.to_owned());
            }
        }
        for flag in row.split("`--").skip(1).filter_map(|rest| rest.split('`').next()) {
            assert!(seen.contains(flag), "--{flag} is no flag of {}", verb.get_name());
        }
        seen.clear();
    }
}

/// A promise is as good as the test that holds it.
#[test]
fn every_test_that_holds_a_promise_is_one() {
    let (_, promises) = SAFETY.split_once("| promise | test |").unwrap();
    // some are of one major only
    let promises = promises.replace("::on_18_alone::", "::").replace("::on_17::", "::");
    let tests: Vec<&str> = promises.split('`').skip(1).step_by(2).filter(|name| name.contains("::")).collect();
    assert!(tests.len() > 10, "{tests:?}");
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for test in tests {
        let (module, name) = test.rsplit_once("::").unwrap();
        let file = format!("{}.rs", module.replace("::", "/"));
        let text = ["../tests", "src", "../sink-postgres/src", "../wire/src"]
            .iter()
            .find_map(|of| std::fs::read_to_string(root.join(of).join(&file)).ok());
        let text = text.unwrap_or_else(|| panic!("{test}: there is no {file}"));
        assert!(text.contains(&format!("fn {name}(")), "{test} is no test");
    }
}

#[test]
fn the_exit_codes_are_those_of_the_documents() {
    let kinds: BTreeSet<u8> = Kind::ALL.iter().map(|kind| kind.exit_code()).chain([0]).collect();
    let (_, table) = OPERATIONS.split_once("## Exit codes").unwrap();
    let table = table.split("\n## ").next().unwrap();
    let code =
        |line: &str| line.strip_prefix("| ").and_then(|l| l.split(' ').next()).and_then(|n| n.parse::<u8>().ok());
    assert_eq!(table.lines().filter_map(code).collect::<BTreeSet<_>>(), kinds, "in docs/operations.md");
    let help = Args::command().render_help().to_string();
    let (_, listed) = help.split_once("Exit codes:").unwrap();
    let listed = listed.split_whitespace().filter_map(|word| word.parse::<u8>().ok()).collect::<BTreeSet<_>>();
    assert_eq!(listed, kinds, "in --help");
}

#[test]
fn the_states_are_those_of_the_document() {
    let (_, table) = OPERATIONS.split_once("## States").unwrap();
    let rows = table.split("\n## ").next().unwrap().lines().filter_map(|l| l.strip_prefix("| ")?.split_once(" |"));
    let documented: Vec<&str> = rows.map(|(word, _)| word).filter(|word| *word != "state").collect();
    let phases = [
        Phase::Starting,
        Phase::Copying,
        Phase::Streaming,
        Phase::Frozen(String::new()),
        Phase::Resting,
        Phase::Retrying(String::new()),
        Phase::Held(String::new()),
    ];
    assert_eq!(documented, phases.iter().map(Phase::word).collect::<Vec<_>>());
}
