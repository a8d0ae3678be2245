//! `${VAR}`, `${VAR:-default}` and `${VAR:?message}` in scalars, after the YAML is parsed.
//!
//! After, not before: a secret that holds a quote, a colon or a line break can then neither break the file nor say
//! anything in it. `$${` stands for a plain `${`; a `$` before anything else is a `$`.

use zeroize::Zeroizing;

use super::problem::{Fault, Problem, Problems};
use super::tree::{Kind, Node, join};

/// Where variables come from: the process's environment, or a test's list.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Expands every scalar below `node`. A variable that is missing is a problem at the key that wants it.
pub(super) fn expand(node: &mut Node, path: &str, env: Env<'_>, problems: &mut Problems) {
    match &mut node.kind {
        Kind::Empty => {}
        Kind::Scalar(scalar) => match text(&scalar.text, env) {
            Ok(None) => {}
            Ok(Some((text, expanded))) => {
                scalar.text = text;
                scalar.expanded = expanded;
            }
            Err(fault) => {
                problems.push(Problem {
                    path: path.to_owned(),
                    line: Some(node.line),
                    what: fault.what,
                    hint: fault.hint,
                });
                node.kind = Kind::Failed;
            }
        },
        Kind::Failed => {}
        Kind::List(list) => list.iter_mut().for_each(|n| expand(n, path, env, problems)),
        Kind::Map(entries) => entries.iter_mut().for_each(|e| expand(&mut e.node, &join(path, &e.key), env, problems)),
    }
}

/// The text expanded, and whether a variable flowed into it; `None` where there is nothing to expand.
fn text(typed: &str, env: Env<'_>) -> Result<Option<(Zeroizing<String>, bool)>, Fault> {
    if !typed.contains("${") {
        return Ok(None);
    }
    let mut out = Zeroizing::new(String::new());
    let mut expanded = false;
    let mut rest = typed;
    while let Some(at) = rest.find("${") {
        if rest[..at].ends_with('$') {
            out.push_str(&rest[..at]);
            out.push('{');
            rest = &rest[at + 2..];
            continue;
        }
        out.push_str(&rest[..at]);
        let inner = &rest[at + 2..];
        let end = inner
            .find('}')
            .ok_or_else(|| Fault::new("a \"${\" without its \"}\"").hint("\"$${\" is a plain \"${\""))?;
        out.push_str(&variable(&inner[..end], env)?);
        expanded = true;
        rest = &inner[end + 1..];
    }
    out.push_str(rest);
    Ok(Some((out, expanded)))
}

fn variable(inner: &str, env: Env<'_>) -> Result<Zeroizing<String>, Fault> {
    let name_ends = inner.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(inner.len());
    let (name, modifier) = inner.split_at(name_ends);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(Fault::new("no name of a variable behind \"${\"").hint("\"$${\" is a plain \"${\""));
    }
    let value = env(name).map(Zeroizing::new);
    let filled = value.clone().filter(|v| !v.is_empty());
    let unset = || Fault::new(format!("the variable {name} is not set"));
    match modifier.split_at_checked(2) {
        None if modifier.is_empty() => value.ok_or_else(unset),
        Some((":-", default)) => Ok(filled.unwrap_or_else(|| Zeroizing::new(default.to_owned()))),
        Some((":?", "")) => filled.ok_or_else(unset),
        Some((":?", message)) => filled.ok_or_else(|| unset().hint(message)),
        _ => Err(Fault::new(format!("cannot read what follows \"${{{name}\""))
            .hint("${VAR}, ${VAR:-default} or ${VAR:?message}")),
    }
}
