//! The lock as a text: written in one order, whatever the machine, and read back to the same lock.

use std::collections::BTreeMap;
use std::fmt::Write;

use filters::policy::Class;

use super::effective::{mask_text, quote};
use super::lock::{Lock, LockedColumn};
use super::masks::{self, Domains};
use super::pattern::{Pattern, table_name};
use super::problem::{Fault, Problems};
use super::read::At;
use super::tables::class;
use super::{expand, tree};

const HEADER: &str = "\
# Every column of every replicated table, with its type and what becomes of it. Written by sluice, reviewed by people.
# A column that is not listed here is withheld: it does not leave production.
";

impl Lock {
    /// The file's text.
    pub fn text(&self) -> String {
        let mut out = format!("{HEADER}version: 1\ntables:\n");
        for ((schema, name), columns) in &self.tables {
            _ = writeln!(out, "  {}:", quote(&table_name(schema, name)));
            for (column, locked) in columns {
                _ = write!(out, "    {}: {{ type: {}, class: ", quote(column), quote(&locked.type_name));
                _ = match &locked.class {
                    Class::Keep => writeln!(out, "keep }}"),
                    Class::Drop => writeln!(out, "drop }}"),
                    Class::Withheld => writeln!(out, "withheld }}"),
                    Class::Mask { spec, domain: None } => writeln!(out, "{} }}", mask_text(spec)),
                    Class::Mask { spec, domain: Some(domain) } => {
                        writeln!(out, "{}, domain: {} }}", mask_text(spec), quote(domain))
                    }
                };
            }
        }
        out
    }

    /// Reads the file's text. All problems at once.
    pub fn parse(text: &str) -> Result<Lock, Problems> {
        let mut problems = Problems::default();
        let mut root = tree::parse(text, &mut problems);
        if let Some(root) = &mut root {
            // no variables: a lock says the same everywhere; only `$${` is undone
            expand::expand(root, "", &|_| None, &mut problems);
        }
        let lock = lock(&At::root(root.as_ref()), &mut problems);
        if problems.0.is_empty() { Ok(lock) } else { Err(problems) }
    }
}

fn lock(root: &At<'_>, problems: &mut Problems) -> Lock {
    let mut lock = Lock::default();
    root.get("version").require(problems, |version| match version.text.as_str() {
        "1" => Ok(()),
        _ => Err(Fault::new(format!("{} is not a version that this sluice reads", version.shown()))),
    });
    for (key, at) in root.entries(problems) {
        if !["version", "tables"].contains(&key) {
            at.problem(Fault::new("unknown key"), problems);
        }
    }
    for (name, at) in root.get("tables").entries(problems) {
        let columns: BTreeMap<String, LockedColumn> = at
            .entries(problems)
            .into_iter()
            .filter_map(|(column, at)| Some((column.to_owned(), locked(&at, problems)?)))
            .collect();
        let pattern = Pattern::read(name);
        match pattern.as_ref().ok().and_then(Pattern::exact) {
            Some((schema, name)) => _ = lock.tables.insert((schema.to_owned(), name.to_owned()), columns),
            None => at.problem(Fault::new("not a table's name"), problems),
        }
    }
    lock
}

fn locked(at: &At<'_>, problems: &mut Problems) -> Option<LockedColumn> {
    for (key, at) in at.entries(problems) {
        if !["type", "class", "domain"].contains(&key) {
            at.problem(Fault::new("unknown key"), problems);
        }
    }
    let type_name = at.get("type").require(problems, |s| Ok(s.text.to_string()));
    let class_at = at.get("class");
    let class = if class_at.is_map() {
        masks::mask(&class_at, &Domains::new(), problems).map(|spec| Class::Mask { spec, domain: None })
    } else {
        match class_at.require(problems, |s| Ok(s.text.to_string()))?.as_str() {
            "withheld" => Some(Class::Withheld),
            _ => class(&class_at, &Domains::new(), problems),
        }
    };
    let domain = at.get("domain").read(problems, |s| Ok(s.text.to_string()));
    let class = match (class?, domain) {
        (Class::Mask { spec, .. }, domain) => Class::Mask { spec, domain },
        (class, None) => class,
        (_, Some(_)) => {
            at.get("domain").problem(Fault::new("a domain without a mask"), problems);
            return None;
        }
    };
    Some(LockedColumn { type_name: type_name?, class })
}
