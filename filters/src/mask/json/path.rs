//! Paths into a document, and the one automaton that all of them together are.
//!
//! Every member and element is looked up once, whatever the number of paths. A state is the set of places that paths have reached; all of
//! them are made beforehand, over the names and places that the paths speak of and "any other".

use std::collections::{BTreeSet, HashMap};

/// A step down.
struct Step {
    what: What,
    /// May others lie between (`..`)?
    anywhere: bool,
}

enum What {
    Name(String),
    Index(u64),
    Any,
}

/// How far a path has come: its number, and steps taken.
type Place = (usize, usize);

/// A state.
#[derive(Default)]
pub(super) struct Node {
    /// The path that ends here.
    pub(super) class: Option<usize>,
    /// Is it on the way to something named, step by step?
    pub(super) is_way: bool,
    names: HashMap<Box<[u8]>, usize>,
    other_name: usize,
    items: HashMap<u64, usize>,
    other_item: usize,
}

impl Node {
    /// Does no path lead on?
    pub(super) fn is_end(&self) -> bool {
        self.names.is_empty() && self.items.is_empty() && self.other_name == END && self.other_item == END
    }

    pub(super) fn member(&self, name: &[u8]) -> usize {
        self.names.get(name).copied().unwrap_or(self.other_name)
    }

    pub(super) fn item(&self, index: u64) -> usize {
        self.items.get(&index).copied().unwrap_or(self.other_item)
    }
}

/// The state in which nothing is left.
const END: usize = 0;
const ROOT: usize = 1;
const MOST_STATES: usize = 10_000;

pub(super) struct Automaton(Vec<Node>);

impl Automaton {
    /// All paths together. What is wrong, says of which.
    pub(super) fn of<'p>(paths: impl Iterator<Item = &'p str>) -> Result<Automaton, String> {
        let texts: Vec<&str> = paths.collect();
        let paths = texts.iter().map(|text| parse(text).map_err(|e| format!("{text}: {e}")));
        let paths: Vec<Vec<Step>> = paths.collect::<Result<_, String>>()?;
        let all: BTreeSet<Place> = (0..paths.len()).map(|path| (path, 0)).collect();
        let mut states = HashMap::from([(BTreeSet::new(), END)]);
        let mut nodes = vec![Node::default()];
        let mut todo = vec![all.clone()];
        states.entry(all).or_insert(ROOT);
        nodes.push(Node::default());
        while let Some(places) = todo.pop() {
            let mut node = node(&paths, &places, &texts)?;
            let mut state = |to: BTreeSet<Place>| {
                *states.entry(to.clone()).or_insert_with(|| {
                    nodes.push(Node::default());
                    todo.push(to);
                    nodes.len() - 1
                })
            };
            let steps = || places.iter().filter_map(|(path, at)| paths.get(*path)?.get(*at));
            for step in steps() {
                match &step.what {
                    What::Name(name) => {
                        let to = after(&paths, &places, |what| {
                            matches!(what, What::Any) || matches!(what, What::Name(n) if n == name)
                        });
                        node.names.insert(name.as_bytes().into(), state(to));
                    }
                    What::Index(index) => {
                        let to = after(&paths, &places, |what| {
                            matches!(what, What::Any) || matches!(what, What::Index(i) if i == index)
                        });
                        node.items.insert(*index, state(to));
                    }
                    What::Any => {}
                }
            }
            let other = state(after(&paths, &places, |what| matches!(what, What::Any)));
            (node.other_name, node.other_item) = (other, other);
            let place = states.get(&places).copied().unwrap_or(END);
            if nodes.len() > MOST_STATES {
                return Err("too many wildcards together".to_owned());
            }
            if let Some(there) = nodes.get_mut(place) {
                *there = node;
            }
        }
        Ok(Automaton(nodes))
    }

    pub(super) fn root(&self) -> &Node {
        self.node(ROOT)
    }

    pub(super) fn node(&self, at: usize) -> &Node {
        // every number in a node is that of a node
        self.0.get(at).unwrap_or(&self.0[END])
    }
}

/// The state by itself, without its transitions.
fn node(paths: &[Vec<Step>], places: &BTreeSet<Place>, texts: &[&str]) -> Result<Node, String> {
    let wildcards = |path: &usize| {
        paths.get(*path).map_or(0, |p| p.iter().filter(|s| s.anywhere || matches!(s.what, What::Any)).count())
    };
    let mut ends: Vec<usize> =
        places.iter().filter(|(p, at)| paths.get(*p).is_some_and(|p| p.len() == *at)).map(|(p, _)| *p).collect();
    ends.sort_by_key(|path| (wildcards(path), *path));
    if let [one, other, ..] = ends[..]
        && wildcards(&one) == 0
        && wildcards(&other) == 0
    {
        return Err(format!("{} and {} are the same", texts[one], texts[other]));
    }
    let on =
        |(path, at): &Place| *at > 0 && paths.get(*path).and_then(|p| p.get(*at)).is_some_and(|step| !step.anywhere);
    Ok(Node { class: ends.first().copied(), is_way: places.iter().any(on), ..Node::default() })
}

/// Where the paths are after a step that fits.
fn after(paths: &[Vec<Step>], places: &BTreeSet<Place>, fits: impl Fn(&What) -> bool) -> BTreeSet<Place> {
    let mut to = BTreeSet::new();
    for &(path, at) in places {
        let Some(step) = paths.get(path).and_then(|p| p.get(at)) else { continue };
        if fits(&step.what) {
            to.insert((path, at + 1));
        }
        if step.anywhere {
            to.insert((path, at));
        }
    }
    to
}

fn parse(text: &str) -> Result<Vec<Step>, &'static str> {
    let mut rest = text.strip_prefix('$').ok_or("a path begins with $")?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let (anywhere, bracket);
        (anywhere, rest) = match rest.strip_prefix("..") {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        (bracket, rest) = match (rest.strip_prefix('['), anywhere) {
            (Some(rest), _) => (true, rest),
            (None, true) => (false, rest),
            (None, false) => (false, rest.strip_prefix('.').ok_or("what follows is neither . nor [")?),
        };
        let (what, after) = if bracket { in_brackets(rest)? } else { bare(rest)? };
        steps.push(Step { what, anywhere });
        rest = after;
    }
    Ok(steps)
}

/// `name` or `*`.
fn bare(text: &str) -> Result<(What, &str), &'static str> {
    if let Some(rest) = text.strip_prefix('*') {
        return Ok((What::Any, rest));
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-') || !c.is_ascii();
    let end = text.find(|c| !is_name(c)).unwrap_or(text.len());
    match text.split_at(end) {
        ("", _) => Err("a name is missing; one with other signs is written ['so']"),
        (name, rest) => Ok((What::Name(name.to_owned()), rest)),
    }
}

/// `'name']`, `"name"]`, `7]` or `*]`.
fn in_brackets(text: &str) -> Result<(What, &str), &'static str> {
    const OPEN: &str = "a [ without its ]";
    let quote = text.chars().next().ok_or(OPEN)?;
    if quote == '\'' || quote == '"' {
        let (mut name, mut chars) = (String::new(), text.char_indices().skip(1));
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => name.push(chars.next().ok_or(OPEN)?.1),
                c if c == quote => return Ok((What::Name(name), text[at + 1..].strip_prefix(']').ok_or(OPEN)?)),
                c => name.push(c),
            }
        }
        return Err("a quote without its other");
    }
    let (inside, rest) = text.split_once(']').ok_or(OPEN)?;
    match inside {
        "*" => Ok((What::Any, rest)),
        number if number.bytes().all(|b| b.is_ascii_digit()) => {
            Ok((What::Index(number.parse().map_err(|_| "no such place in an array")?), rest))
        }
        _ => Err("in brackets stand *, a number, or a name in quotes"),
    }
}
