//! Masks as the file writes them: `email`, or `{ mask: phone, keep_country: true }`.

use std::collections::BTreeMap;

use filters::mask::MaskSpec;

use super::effective::quote;
use super::problem::{Fault, Problem, Problems, did_you_mean};
use super::read::At;

/// The masks there are, each with its parameters.
pub const MASKS: &[(&str, &[&str])] = &[
    ("null", &[]),
    ("constant", &["value"]),
    ("hash", &["length"]),
    ("email", &["keep_domain"]),
    ("name", &[]),
    ("phone", &["keep_country"]),
    ("digits", &["keep_prefix", "keep_suffix"]),
    ("uuid", &[]),
];

/// Masks whose names are promised.
const NOT_YET: &[&str] = &["json", "scrub"];

/// More kept digits than this leave nothing to mask in any number that people have.
const KEEP_DIGITS: u64 = 32;

/// Named masks, so that one person is the same person in every table.
pub type Domains = BTreeMap<String, MaskSpec>;

/// Reads `masking.domains`.
pub(super) fn domains(at: &At<'_>, problems: &mut Problems) -> Domains {
    let mut domains = Domains::new();
    for (name, at) in at.entries(problems) {
        let word = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if is_taken(name) {
            at.problem(
                Fault::new("a domain with a name that has a meaning of its own").hint("name it otherwise"),
                problems,
            );
        } else if !word {
            at.problem(Fault::new("not a domain's name").hint("lower-case letters, digits and _"), problems);
        }
        // kept under any name: a column that uses it must not be told that it is unknown
        if let Some(spec) = mask(&at, problems) {
            domains.insert(name.to_owned(), spec);
        }
    }
    domains
}

fn is_taken(name: &str) -> bool {
    ["keep", "drop", "withheld"].contains(&name)
        || NOT_YET.contains(&name)
        || MASKS.iter().any(|(mask, _)| *mask == name)
}

/// Reads a mask from its name and its parameters as typed. All problems at once.
pub fn typed(name: &str, parameters: &[(String, String)]) -> Result<MaskSpec, Problems> {
    let mut text = format!("mask: {}\n", quote(name));
    parameters.iter().for_each(|(key, value)| text += &format!("{}: {}\n", quote(key), quote(value)));
    let mut problems = Problems::default();
    let root = super::tree::parse(&text, &mut problems);
    match mask(&At::root(root.as_ref()), &mut problems) {
        Some(spec) if problems.0.is_empty() => Ok(spec),
        _ => {
            problems.0.iter_mut().for_each(|p| p.line = None);
            Err(problems)
        }
    }
}

/// Reads a mask: its name alone, or a map with `mask:` and parameters.
pub(super) fn mask(at: &At<'_>, problems: &mut Problems) -> Option<MaskSpec> {
    if at.is_map() {
        let name = at.get("mask").require(problems, |scalar| Ok(scalar.text.to_string()));
        return with_parameters(at, &at.get("mask"), &name?, problems);
    }
    if !at.is_there() {
        return None;
    }
    let name = at.require(problems, |scalar| Ok(scalar.text.to_string()))?;
    with_parameters(at, at, &name, problems)
}

/// The fault of a name that no mask has. `others` may be said in its place.
pub(super) fn unknown(name: &str, shown: &str, others: &[&str]) -> Fault {
    if NOT_YET.contains(&name) {
        return Fault::new(format!("the mask {name} is not built yet"));
    }
    let mut fault = Fault::new(format!("no mask {shown}"));
    fault.hint = did_you_mean(name, MASKS.iter().map(|(mask, _)| *mask).chain(others.iter().copied()));
    fault
}

fn with_parameters(at: &At<'_>, named_at: &At<'_>, name: &str, problems: &mut Problems) -> Option<MaskSpec> {
    let Some((_, parameters)) = MASKS.iter().find(|(mask, _)| *mask == name) else {
        named_at.problem(unknown(name, &format!("\"{name}\""), &[]), problems);
        return None;
    };
    if at.is_map() {
        for (key, at) in at.entries(problems) {
            if key != "mask" && !parameters.contains(&key) {
                let mut fault = Fault::new(format!("the mask {name} has no such parameter"));
                fault.hint = did_you_mean(key, parameters.iter().copied());
                at.problem(fault, problems);
            }
        }
    }
    let flag = |key: &str, problems: &mut Problems| at.get(key).flag(problems).unwrap_or(false);
    let digits =
        |key: &str, problems: &mut Problems| at.get(key).number(problems, 0..=KEEP_DIGITS).unwrap_or(0) as usize;
    Some(match name {
        "null" => MaskSpec::Null,
        "constant" => {
            let value = at.get("value");
            if !value.is_there() {
                let path = super::tree::join(&at.path, "value");
                problems.push(Problem::new(path, "missing").hint("{ mask: constant, value: \"…\" }"));
            }
            MaskSpec::Constant(value.read(problems, |scalar| Ok(scalar.text.to_string())).unwrap_or_default())
        }
        "hash" => MaskSpec::Hash { length: at.get("length").number(problems, 8..=64).map(|n| n as u8) },
        "email" => MaskSpec::Email { keep_domain: flag("keep_domain", problems) },
        "name" => MaskSpec::Name,
        "phone" => MaskSpec::Phone { keep_country: flag("keep_country", problems) },
        "digits" => MaskSpec::Digits {
            keep_prefix: digits("keep_prefix", problems),
            keep_suffix: digits("keep_suffix", problems),
        },
        _ => MaskSpec::Uuid,
    })
}

/// Does the mask need the key?
pub(super) fn is_keyed(spec: &MaskSpec) -> bool {
    !matches!(spec, MaskSpec::Null | MaskSpec::Constant(_))
}

/// The mask as the file writes it: its name and its parameters, those at their default left out.
pub fn written(spec: &MaskSpec) -> (&'static str, Vec<(&'static str, String)>) {
    match spec {
        MaskSpec::Null => ("null", vec![]),
        MaskSpec::Constant(value) => ("constant", vec![("value", value.clone())]),
        MaskSpec::Hash { length } => ("hash", length.map(|n| ("length", n.to_string())).into_iter().collect()),
        MaskSpec::Email { keep_domain } => ("email", flagged("keep_domain", *keep_domain)),
        MaskSpec::Name => ("name", vec![]),
        MaskSpec::Phone { keep_country } => ("phone", flagged("keep_country", *keep_country)),
        MaskSpec::Digits { keep_prefix, keep_suffix } => {
            let kept = [("keep_prefix", *keep_prefix), ("keep_suffix", *keep_suffix)];
            ("digits", kept.into_iter().filter(|(_, n)| *n > 0).map(|(k, n)| (k, n.to_string())).collect())
        }
        MaskSpec::Uuid => ("uuid", vec![]),
    }
}

fn flagged(key: &'static str, on: bool) -> Vec<(&'static str, String)> {
    if on { vec![(key, "true".to_owned())] } else { vec![] }
}
