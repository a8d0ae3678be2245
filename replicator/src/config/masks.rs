//! Masks as the file writes them: `email`, or `{ mask: phone, keep_country: true }`.
//!
//! Knows no mask by name: which there are and what their parameters are, they say themselves
//! ([`filters::mask::Kind`]).

use std::collections::BTreeMap;

use filters::mask::{KINDS, MaskSpec, Parameter, Setting, What, When};
use filters::policy::Class;

use super::effective::quote;
use super::problem::{Fault, Problem, Problems, did_you_mean};
use super::read::At;
use super::tables::{class, predicate};
use super::units;

/// Named masks, so that one person is the same person in every table.
pub type Domains = BTreeMap<String, MaskSpec>;

/// Reads `masking.domains`. A mask within a mask there is of no domain: which of two domains came first would be a
/// riddle.
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
        if let Some(spec) = mask(&at, &Domains::new(), problems) {
            if spec.when().is_some() {
                let fault = Fault::new("a domain is one function of the value, whatever row it stands in");
                at.get("when").problem(fault.hint("say when: at the column, with the mask beside it"), problems);
            }
            domains.insert(name.to_owned(), spec);
        }
    }
    domains
}

/// Is there a mask of that name?
pub(super) fn is_mask(name: &str) -> bool {
    KINDS.iter().any(|kind| kind.name == name)
}

fn is_taken(name: &str) -> bool {
    ["keep", "drop", "withheld"].contains(&name) || is_mask(name)
}

/// Reads a mask from its name and its parameters as typed. All problems at once.
pub fn typed(name: &str, parameters: &[(String, String)]) -> Result<MaskSpec, Problems> {
    let mut text = format!("mask: {}\n", quote(name));
    let known = MaskSpec::named(name).map_or(&[][..], |spec| spec.kind().parameters);
    for (key, value) in parameters {
        let is_list =
            |p: &Parameter| p.name == key && matches!(p.what, What::Texts | What::Class { .. } | What::Classes);
        let value = if known.iter().any(is_list) { value.clone() } else { quote(value) };
        text += &format!("{}: {value}\n", quote(key));
    }
    let mut problems = Problems::default();
    let root = super::tree::parse(&text, &mut problems);
    match mask(&At::root(root.as_ref()), &Domains::new(), &mut problems) {
        Some(spec) if problems.0.is_empty() => Ok(spec),
        _ => {
            problems.0.iter_mut().for_each(|p| p.line = None);
            Err(problems)
        }
    }
}

/// Reads a column's class as it is typed behind `--as`: as `sluice.yaml` says it. All problems at once.
pub fn typed_class(text: &str, domains: &Domains) -> Result<Class, Problems> {
    let mut problems = Problems::default();
    let root = super::tree::parse(&format!("as: {text}\n"), &mut problems);
    match class(&At::root(root.as_ref()).get("as"), domains, &mut problems) {
        Some(class) if problems.0.is_empty() => Ok(class),
        _ => {
            problems.0.iter_mut().for_each(|p| p.line = None);
            Err(problems)
        }
    }
}

/// Reads a mask: its name alone, or a map with `mask:` and parameters.
pub(super) fn mask(at: &At<'_>, domains: &Domains, problems: &mut Problems) -> Option<MaskSpec> {
    mask_with(at, domains, &[], problems)
}

/// The same where the map may hold other keys as well.
fn mask_with(at: &At<'_>, domains: &Domains, more: &[&str], problems: &mut Problems) -> Option<MaskSpec> {
    let name_at = if at.is_map() { at.get("mask") } else { At::clone(at) };
    if !at.is_there() {
        return None;
    }
    let name = name_at.require(problems, |scalar| Ok(scalar.text.to_string()))?;
    let Some(mut spec) = MaskSpec::named(&name) else {
        name_at.problem(unknown(&name, &format!("\"{name}\""), &[]), problems);
        return None;
    };
    let parameters = spec.kind().parameters;
    if at.is_map() {
        for (key, at) in at.entries(problems) {
            if !["mask", "when", "else"].contains(&key)
                && !more.contains(&key)
                && !parameters.iter().any(|p| p.name == key)
            {
                let mut fault = Fault::new(format!("the mask {name} has no such parameter"));
                fault.hint = did_you_mean(key, parameters.iter().map(|p| p.name));
                at.problem(fault, problems);
            }
        }
    }
    for parameter in parameters {
        let here = at.get(parameter.name);
        if parameter.required && !here.is_there() {
            problems.push(Problem::new(here.path.clone(), "missing").hint(spec.kind().example));
        }
        if let Some(setting) = setting(&here, &parameter.what, domains, problems) {
            spec.set(parameter.name, setting);
        }
    }
    match when(at, domains, problems) {
        Some(when) => Some(spec.only(when)),
        None => Some(spec),
    }
}

/// Reads for which rows a mask is, and what becomes of the others.
fn when(at: &At<'_>, domains: &Domains, problems: &mut Problems) -> Option<When> {
    let (when, otherwise) = (at.get("when"), at.get("else"));
    if !when.is_there() {
        if otherwise.is_there() {
            otherwise.problem(Fault::new("else: without when:"), problems);
        }
        return None;
    }
    let predicate = predicate(&when, problems);
    if !otherwise.is_there() {
        let missing = Problem::new(otherwise.path.clone(), "missing: what becomes of the rows that are not masked");
        problems.push(missing.hint("else: keep, drop, or another mask"));
    }
    Some(When { predicate: predicate?, otherwise: inner(&otherwise, domains, problems)? })
}

/// Reads the value of a parameter. `None` where there is none or it is faulty.
fn setting(at: &At<'_>, what: &What, domains: &Domains, problems: &mut Problems) -> Option<Setting> {
    if !at.is_there() {
        return None;
    }
    match what {
        What::Flag => at.flag(problems).map(Setting::Flag),
        What::Number { least, most, .. } => at.signed(problems, *least..=*most).map(Setting::Number),
        What::Decimal { least, most, .. } => at
            .read(problems, |scalar| match scalar.text.parse() {
                Ok(n) if (*least..=*most).contains(&n) => Ok(n),
                Ok(_) => Err(Fault::new(format!("not within {least} and {most}"))),
                Err(_) => Err(Fault::new("not a number")),
            })
            .map(Setting::Decimal),
        What::Time { .. } => at.read(problems, |scalar| units::time(&scalar.text)).map(Setting::Time),
        What::Word { words, .. } => {
            let words: Vec<(&str, &str)> = words.iter().map(|word| (*word, *word)).collect();
            at.word(problems, &words).map(|word| Setting::Text(word.to_owned()))
        }
        What::Text { .. } => at.read(problems, |scalar| Ok(scalar.text.to_string())).map(Setting::Text),
        What::Texts => {
            let texts = at.list(problems);
            let read = |at: &At<'_>| at.read(problems, |scalar| Ok(scalar.text.to_string()));
            Some(Setting::Texts(texts.iter().filter_map(read).collect()))
        }
        What::Class { .. } => inner(at, domains, problems).map(|class| Setting::Class(Box::new(class))),
        What::Classes => {
            let mut classes = Vec::new();
            for (name, at) in at.entries(problems) {
                if let Some(class) = inner(&at, domains, problems) {
                    classes.push((name.to_owned(), class));
                }
            }
            Some(Setting::Classes(classes))
        }
    }
}

/// What becomes of a part of a value: as for a column, and a mask may name its domain itself, as the lock writes it.
fn inner(at: &At<'_>, domains: &Domains, problems: &mut Problems) -> Option<Class> {
    if !at.is_map() {
        return class(at, domains, problems);
    }
    let spec = mask_with(at, domains, &["domain"], problems)?;
    let domain = at.get("domain").read(problems, |scalar| Ok(scalar.text.to_string()));
    Some(Class::Mask { spec, domain })
}

/// The fault of a name that no mask has. `others` may be said in its place.
pub(super) fn unknown(name: &str, shown: &str, others: &[&str]) -> Fault {
    let mut fault = Fault::new(format!("no mask {shown}"));
    fault.hint = did_you_mean(name, KINDS.iter().map(|kind| kind.name).chain(others.iter().copied()));
    fault
}
