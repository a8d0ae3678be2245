//! `source` and `target`: where a server is, what it must be, and how it is known for that.

use filters::predicate::Predicate;

use super::pattern::{Pattern, table_name};
use super::problem::{Fault, Problems};
use super::read::At;
use super::secret::Secret;
use super::sections::label;
use super::tables::{self, Rule, TableEntry};
use super::tree::Scalar;

/// One of the two databases.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its connection string.
    pub url: Secret,
    /// Production's primary, where `url` is a standby that has slot and stream. The target has none.
    pub primary: Option<Secret>,
    /// What this server must say that it is: a label.
    pub environment: Option<String>,
    /// Where it says so; `None`: in `sluice.environment`.
    pub environment_from: Option<EnvironmentFrom>,
    /// How sure we must be of whom we talk to. Only production's is asked for.
    pub tls: Tls,
}

/// A table of theirs that says what a server is: the text of `column`, in the one row of the table, or in the one that is
/// chosen out of keys with values.
#[derive(Clone, PartialEq, Debug)]
pub struct EnvironmentFrom {
    /// Schema and name.
    pub table: (String, String),
    /// The column with the label.
    pub column: String,
    /// Which row.
    pub only: Option<Predicate>,
}

/// What is asked of a connection that leaves this machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tls {
    /// `sslmode=verify-full`.
    Verified,
    /// Whatever the connection string says; said aloud, because somebody in between could read the rows.
    Unverified,
}

/// Reads `source` or `target`.
pub(super) fn server(at: &At<'_>, problems: &mut Problems) -> Option<Server> {
    let url = at.get("url").require(problems, |s| match s.text.trim() {
        "" => Err(Fault::new("empty")),
        url => Ok(Secret::new(url)),
    });
    let primary = at.get("primary_url");
    let primary_url = primary.read(problems, |s| match s.text.trim() {
        "" => Err(Fault::new("empty")),
        url => Ok(Secret::new(url)),
    });
    if primary_url.is_some() && primary_url == url {
        let fault = Fault::new("the same as source.url");
        primary.problem(fault.hint("only where source.url is a standby; else leave it out"), problems);
    }
    let environment = at.get("environment").read(problems, environment);
    let from = at.get("environment_from");
    from.entries(problems);
    let environment_from = if from.is_map() { environment_from(&from, problems) } else { None };
    if from.is_map() && !at.get("environment").is_there() {
        let fault = Fault::new("says where to look, and nothing what to find there");
        from.problem(fault.hint("environment: production"), problems);
    }
    let tls = at.get("tls").word(problems, &[("verified", Tls::Verified), ("unverified", Tls::Unverified)]);
    Some(Server { url: url?, primary: primary_url, environment, environment_from, tls: tls.unwrap_or(Tls::Verified) })
}

/// The label of an environment.
pub(super) fn environment(scalar: &Scalar) -> Result<String, Fault> {
    label(scalar, LONGEST, "letters, digits, _ and -", is_of_label)
}

const LONGEST: usize = 40;

fn is_of_label(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// Could this be the label of an environment? What is none may be anything, and is not shown.
pub fn is_label(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST && text.chars().all(is_of_label)
}

fn environment_from(at: &At<'_>, problems: &mut Problems) -> Option<EnvironmentFrom> {
    let table = at.get("table").require(problems, |s| {
        let pattern = Pattern::read(&s.text)?;
        let one = pattern.exact().map(|(schema, name)| (schema.to_owned(), name.to_owned()));
        one.ok_or_else(|| Fault::new("a glob, where one table is wanted"))
    });
    let column = at.get("column").require(problems, |s| match s.text.as_str() {
        "" => Err(Fault::new("empty")),
        name => Ok(name.to_owned()),
    });
    let only = at.get("where");
    let only = if only.is_there() { Some(tables::predicate(&only, problems)?) } else { None };
    Some(EnvironmentFrom { table: table?, column: column?, only })
}

/// The two must not be one.
pub(super) fn distinct(root: &At<'_>, source: &Server, target: &Server, problems: &mut Problems) {
    let at = root.get("target");
    if source.url == target.url {
        at.get("url").problem(Fault::new("the same as source.url").hint("production would be written"), problems);
    }
    if source.primary.as_ref() == Some(&target.url) {
        let fault = Fault::new("the same as source.primary_url");
        at.get("url").problem(fault.hint("production would be written"), problems);
    }
    if source.environment.is_some() && source.environment == target.environment {
        at.get("environment").problem(Fault::new("the same as source.environment"), problems);
    }
}

/// What says what the target is must not be made what production says.
pub(super) fn spoken_for(root: &At<'_>, target: &Server, entries: &[TableEntry], problems: &mut Problems) {
    let Some(EnvironmentFrom { table: (schema, name), .. }) = &target.environment_from else { return };
    let own = entries.iter().find(|e| e.pattern.exact() == Some((schema, name)));
    let entry = own.or_else(|| entries.iter().find(|e| e.pattern.matches(schema, name)));
    let Some(entry) = entry.filter(|e| e.rule != Rule::Exclude) else { return };
    let fault = Fault::new(format!("written by tables.{}: it would say what production says", entry.key))
        .hint(format!("tables.{}: exclude", table_name(schema, name)));
    root.get("target").get("environment_from").get("table").problem(fault, problems);
}
