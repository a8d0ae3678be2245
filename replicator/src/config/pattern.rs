//! Names of tables as `tables:` and `protect:` have them: `public.users`, `public.ref_*`, `"my.schema"."my.table"`.
//!
//! Only `*` (any run of characters) and `?` (any one) are special, and a part in double quotes is taken as it stands.
//! Names are the catalog's own: nothing is folded to lower case, no schema is added.

use std::fmt;

use super::problem::Fault;

/// A name of a table, or a glob over such names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pattern {
    schema: Part,
    name: Part,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Part {
    text: String,
    glob: bool,
}

impl Pattern {
    pub(super) fn read(text: &str) -> Result<Pattern, Fault> {
        let bad = || Fault::new("not a table's name").hint("schema.table; a part that holds a dot in double quotes");
        let (schema, rest) = part(text).ok_or_else(bad)?;
        if rest.is_empty() {
            return Err(Fault::new("a table without its schema").hint(format!("public.{text}")));
        }
        let (name, rest) = part(rest.strip_prefix('.').ok_or_else(bad)?).ok_or_else(bad)?;
        if rest.is_empty() { Ok(Pattern { schema, name }) } else { Err(bad()) }
    }

    /// Schema and name, if this is one table and no glob.
    pub fn exact(&self) -> Option<(&str, &str)> {
        (!self.schema.glob && !self.name.glob).then_some((&self.schema.text, &self.name.text))
    }

    /// Does it stand for this table?
    pub fn matches(&self, schema: &str, name: &str) -> bool {
        self.schema.matches(schema) && self.name.matches(name)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.glob { f.write_str(&self.text) } else { f.write_str(&quoted(&self.text)) }
    }
}

/// `schema.name` as this file writes it, with double quotes where a part needs them.
pub fn table_name(schema: &str, name: &str) -> String {
    format!("{}.{}", quoted(schema), quoted(name))
}

fn quoted(part: &str) -> String {
    if part.contains(['.', '"', '*', '?']) { format!("\"{}\"", part.replace('"', "\"\"")) } else { part.to_owned() }
}

fn part(text: &str) -> Option<(Part, &str)> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find('.').unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        let clean = !name.is_empty() && !name.contains(['"', ' ']);
        return clean.then(|| (Part { text: name.to_owned(), glob: name.contains(['*', '?']) }, rest));
    };
    let mut name = String::new();
    loop {
        let end = rest.find('"')?;
        name.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(more) => {
                name.push('"');
                rest = more;
            }
            None if name.is_empty() => return None,
            None => return Some((Part { text: name, glob: false }, rest)),
        }
    }
}

impl Part {
    fn matches(&self, name: &str) -> bool {
        if self.glob { glob(&self.text, name) } else { self.text == name }
    }
}

/// Is this what a glob stands for?
pub(super) fn glob(pattern: &str, name: &str) -> bool {
    // the usual two fingers: at a mismatch go back to the last `*`, one character further
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    p = at + 1;
                    n = from + 1;
                    star = Some((at, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}
