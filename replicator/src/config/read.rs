//! A cursor over the tree: reads what stands at a key, and writes down what is wrong with it.
//!
//! A faulty value yields its default, so that the reading goes on and all problems come out at once.

use super::problem::{Fault, Problem, Problems};
use super::tree::{Kind, Node, Scalar, join};

/// A place in the file, there or not.
#[derive(Clone)]
pub(super) struct At<'a> {
    pub path: String,
    node: Option<&'a Node>,
}

impl<'a> At<'a> {
    pub fn root(node: Option<&'a Node>) -> At<'a> {
        At { path: String::new(), node }
    }

    /// What stands at a key below.
    pub fn get(&self, key: &str) -> At<'a> {
        let node = match self.node.map(|n| &n.kind) {
            Some(Kind::Map(entries)) => entries.iter().find(|e| e.key == key).map(|e| &e.node),
            _ => None,
        };
        At { path: join(&self.path, key), node }
    }

    /// Is there anything?
    pub fn is_there(&self) -> bool {
        self.node.is_some()
    }

    /// Writes down a problem here.
    pub fn problem(&self, fault: Fault, problems: &mut Problems) {
        let line = self.node.map(|n| n.line);
        problems.push(Problem { path: self.path.clone(), line, what: fault.what, hint: fault.hint });
    }

    /// The scalar here, if it is one; anything else is a problem. `None` also where nothing stands here.
    pub fn scalar(&self, problems: &mut Problems) -> Option<&'a Scalar> {
        match &self.node?.kind {
            Kind::Scalar(scalar) => return Some(scalar),
            Kind::Failed => {}
            Kind::Empty => self.problem(Fault::new("no value"), problems),
            Kind::List(_) => self.problem(Fault::new("a list, where one value is wanted"), problems),
            Kind::Map(_) => self.problem(Fault::new("a map, where one value is wanted"), problems),
        }
        None
    }

    /// The value here, read by `f`; `None` where there is none or it is faulty.
    pub fn read<T>(&self, problems: &mut Problems, f: impl FnOnce(&Scalar) -> Result<T, Fault>) -> Option<T> {
        match f(self.scalar(problems)?) {
            Ok(value) => Some(value),
            Err(fault) => {
                self.problem(fault, problems);
                None
            }
        }
    }

    /// The same, and a problem where nothing stands here.
    pub fn require<T>(&self, problems: &mut Problems, f: impl FnOnce(&Scalar) -> Result<T, Fault>) -> Option<T> {
        if !self.is_there() {
            self.problem(Fault::new("missing"), problems);
        }
        self.read(problems, f)
    }

    /// One word out of a list.
    pub fn word<T: Copy>(&self, problems: &mut Problems, words: &[(&str, T)]) -> Option<T> {
        self.read(problems, |scalar| one_of(scalar, words))
    }

    /// `true` or `false`.
    pub fn flag(&self, problems: &mut Problems) -> Option<bool> {
        self.word(problems, &[("true", true), ("false", false)])
    }

    /// A whole number in a range; `_` may stand between its digits.
    pub fn number(&self, problems: &mut Problems, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
        self.read(problems, |scalar| match digits(&scalar.text).parse::<u64>() {
            Ok(n) if range.contains(&n) => Ok(n),
            Ok(_) => Err(Fault::new(format!("not within {} and {}", range.start(), range.end()))),
            Err(_) => Err(Fault::new("not a whole number")),
        })
    }

    /// A whole number in a range that may begin below zero.
    pub fn signed(&self, problems: &mut Problems, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        self.read(problems, |scalar| match scalar.text.parse::<i64>() {
            Ok(n) if range.contains(&n) => Ok(n),
            Ok(_) => Err(Fault::new(format!("not within {} and {}", range.start(), range.end()))),
            Err(_) => Err(Fault::new("not a whole number")),
        })
    }

    /// The keys of the map here, in their order. A problem where there is something that is no map.
    pub fn entries(&self, problems: &mut Problems) -> Vec<(&'a str, At<'a>)> {
        match self.node.map(|n| &n.kind) {
            Some(Kind::Map(entries)) => entries
                .iter()
                .map(|e| (e.key.as_str(), At { path: join(&self.path, &e.key), node: Some(&e.node) }))
                .collect(),
            None | Some(Kind::Empty | Kind::Failed) => Vec::new(),
            Some(_) => {
                self.problem(Fault::new("one value or a list, where keys with values are wanted"), problems);
                Vec::new()
            }
        }
    }

    /// The elements of the list here.
    pub fn list(&self, problems: &mut Problems) -> Vec<At<'a>> {
        match self.node.map(|n| &n.kind) {
            Some(Kind::List(list)) => list.iter().map(|n| At { path: self.path.clone(), node: Some(n) }).collect(),
            None | Some(Kind::Empty | Kind::Failed) => Vec::new(),
            Some(_) => {
                self.problem(Fault::new("not a list").hint("[public.users, public.settings]"), problems);
                Vec::new()
            }
        }
    }

    /// Is there nothing, or a key with nothing behind it?
    pub fn is_empty(&self) -> bool {
        matches!(self.node, None | Some(Node { kind: Kind::Empty, .. }))
    }

    /// Is it one value?
    pub fn is_scalar(&self) -> bool {
        matches!(self.node, Some(Node { kind: Kind::Scalar(_), .. }))
    }

    /// Is it a map?
    pub fn is_map(&self) -> bool {
        matches!(self.node, Some(Node { kind: Kind::Map(_), .. }))
    }
}

/// Without `_` between digits.
fn digits(text: &str) -> String {
    let outer = text.starts_with('_') || text.ends_with('_');
    if outer { text.to_owned() } else { text.replace('_', "") }
}

/// One of `words`, or a fault that lists them.
pub(super) fn one_of<T: Copy>(scalar: &Scalar, words: &[(&str, T)]) -> Result<T, Fault> {
    match words.iter().find(|(word, _)| *word == scalar.text.as_str()) {
        Some((_, value)) => Ok(*value),
        None => {
            let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            Err(Fault::new(format!("{} is none of {}", scalar.shown(), names.join(", "))))
        }
    }
}
