//! What was typed: the file as a tree of maps, lists and scalars, each with its line.
//!
//! Not serde's derive: it stops at the first fault, it reads `007` as 7 and `off` as it likes, and it would have
//! secrets pass through types that print themselves. The parser's events give the scalars as they stand.

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle};
use zeroize::Zeroizing;

use super::problem::{Problem, Problems};

/// Deeper than any key of ours, and shallow enough for a stack.
const DEPTH: usize = 16;

/// A scalar as typed, later as expanded. It may be a secret: no `Debug`.
#[derive(Clone)]
pub(super) struct Scalar {
    pub text: Zeroizing<String>,
    /// Did a variable of the environment flow into it? Then it is not shown.
    pub expanded: bool,
}

impl Scalar {
    /// For a message: the text in quotes, unless it may be a secret.
    pub fn shown(&self) -> String {
        if self.expanded { "the variable's value".to_owned() } else { format!("\"{}\"", self.text.as_str()) }
    }
}

/// A value of the file.
pub(super) struct Node {
    pub line: usize,
    pub kind: Kind,
}

/// What a value is.
pub(super) enum Kind {
    /// `key:` with nothing behind it, or `~`.
    Empty,
    /// Its variables could not be expanded; the problem is told.
    Failed,
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key and what stands behind it.
pub(super) struct Entry {
    pub key: String,
    pub line: usize,
    pub node: Node,
}

/// Reads one YAML document. A file that is no YAML is one problem; keys that come twice are a problem each.
pub(super) fn parse(text: &str, problems: &mut Problems) -> Option<Node> {
    match (Builder { parser: Parser::new_from_str(text), problems }).document() {
        Ok(node) => node,
        Err(problem) => {
            problems.push(problem);
            None
        }
    }
}

struct Builder<'a, I: Iterator> {
    parser: I,
    problems: &'a mut Problems,
}

type Step<'i> = (Event<'i>, usize);

fn fault(line: usize, what: impl Into<String>) -> Problem {
    Problem { line: Some(line), ..Problem::new("", what) }
}

impl<'i, I, S> Builder<'_, I>
where
    I: Iterator<Item = Result<(Event<'i>, S), serde_saphyr::granit_parser::ScanError>>,
    S: Line,
{
    fn document(mut self) -> Result<Option<Node>, Problem> {
        let mut root = None;
        loop {
            let (event, line) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(root),
                Event::StreamStart | Event::DocumentEnd => {}
                Event::DocumentStart(..) if root.is_some() => {
                    return Err(fault(line, "a second document in one file"));
                }
                Event::DocumentStart(..) => {}
                event => root = Some(self.node(event, line, "", 0)?),
            }
        }
    }

    fn next(&mut self) -> Result<Step<'i>, Problem> {
        loop {
            match self.parser.next() {
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok((event, span))) => return Ok((event, span.line())),
                Some(Err(e)) => {
                    let hint = "a value with \": \", \" #\", \"{\" or \"[\" in it wants double quotes; so does \"${…}\" inside { }";
                    return Err(fault(e.marker().line(), format!("no valid YAML: {}", e.info())).hint(hint));
                }
                None => return Ok((Event::StreamEnd, 0)),
            }
        }
    }

    fn node(&mut self, event: Event<'i>, line: usize, path: &str, depth: usize) -> Result<Node, Problem> {
        let plain = |id: usize, tagged: bool| match (id, tagged) {
            (0, false) => Ok(()),
            (0, true) => Err(fault(line, "a YAML tag: write the value without it")),
            _ => Err(fault(line, "a YAML anchor: write the value out where it is used")),
        };
        if depth > DEPTH {
            return Err(fault(line, "nested too deeply"));
        }
        let kind = match event {
            Event::Scalar(text, style, id, tag) => {
                plain(id, tag.is_some())?;
                match (style, &*text) {
                    (ScalarStyle::Plain, "" | "~") => Kind::Empty,
                    _ => Kind::Scalar(Scalar { text: Zeroizing::new(text.into_owned()), expanded: false }),
                }
            }
            Event::SequenceStart(_, id, tag) => {
                plain(id, tag.is_some())?;
                let mut list = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break Kind::List(list),
                        (event, line) => list.push(self.node(event, line, path, depth + 1)?),
                    }
                }
            }
            Event::MappingStart(_, id, tag) => {
                plain(id, tag.is_some())?;
                self.map(path, depth)?
            }
            Event::Alias(_) => return Err(fault(line, "a YAML alias: write the value out where it is used")),
            _ => return Err(fault(line, "no valid YAML")),
        };
        Ok(Node { line, kind })
    }

    fn map(&mut self, path: &str, depth: usize) -> Result<Kind, Problem> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let (key, line) = match self.next()? {
                (Event::MappingEnd, _) => return Ok(Kind::Map(entries)),
                (Event::Scalar(key, _, 0, None), line) => (key.into_owned(), line),
                (_, line) => return Err(fault(line, "a key that is not a plain text")),
            };
            let path = join(path, &key);
            let (event, at) = self.next()?;
            let node = self.node(event, at, &path, depth + 1)?;
            match entries.iter().find(|e| e.key == key) {
                Some(first) => self.problems.push(Problem {
                    line: Some(line),
                    ..Problem::new(path, format!("named twice, first in line {}", first.line))
                }),
                None => entries.push(Entry { key, line, node }),
            }
        }
    }
}

/// A key path and one key more.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

trait Line {
    fn line(&self) -> usize;
}

impl Line for serde_saphyr::granit_parser::Span {
    fn line(&self) -> usize {
        self.start.line()
    }
}
