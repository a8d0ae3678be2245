//! `json`: a document whose parts are masked, each as its path says; what no path names goes.
//!
//! - takes `json`, `jsonb`, and text that holds JSON
//! - keeps what is classed `keep`, to the letter (numbers of any size, order, double members); the names and containers on the way
//!   to what comes through; the length of an array on the way
//! - gives away what it keeps, and the names of members that come through
//! - NULL stays NULL, JSON's `null` stays `null`; the empty string stays empty
//! - what is no JSON, is nested deeper than 200, or no longer fits in the column becomes `{}`
//!
//! Paths are those of RFC 9535, as far as they name things: `$.contact.email`, `$['e mail']`, `$.phones[0]`, `$.items[*].name`, `$.*`,
//! `$..email`. A class holds for all that is below, until a longer path says otherwise; `other` is the class of the root. Where
//! two paths take in one value, the one with fewer wildcards decides, then the one that stands first. Dropped members and elements are left
//! out; a container on the way to something named stays, if empty.
//!
//! A mask gets the plain text of a string, a number or a boolean, so that `42` and `"42"` are masked alike and as a column's value is. A number
//! stays one where what comes out reads as one. `other: hash`, or a mask on an object, masks every value below; the
//! names of its members stay.
//!
//! The text is walked once and written as it is read; no tree is built. That keeps numbers, order and double members as they
//! are, which a parsed tree would not, and costs no allocation.

mod path;
mod text;

use bytes::{BufMut, BytesMut};

use self::path::{Automaton, Node};
use self::text::{Malformed, Scalar, Scan, escape_from, is_number};
use super::facts::oid;
use super::form::Sees;
use super::kind::{Empty, Kind, Parameter, What, Within};
use super::make::{Built, Inner, Make};
use super::spec::{Injective, MaskError};
use super::{ColumnFacts, Masking, Outcome};
use crate::policy::Class;
use crate::raw::RawRow;

pub(crate) static KIND: Kind = Kind {
    name: "json",
    version: 1,
    makes: "the document with its parts masked or kept as their paths say",
    types: "json, jsonb, text",
    keeps: "what is kept, and the way there",
    gives_away: "what is kept; names of members, and lengths of arrays, on the way to what comes through",
    unique: false,
    example: "{ mask: json, paths: { \"$.locale\": keep, \"$.contact.email\": email, \"$.orders[*].note\": lorem }, other: drop }",
    parameters: &[
        Parameter::new(
            "paths",
            What::Classes,
            "`$.a.b`, `$['a b']`, `$.list[0]`, `$.list[*].c`, `$.a.*`, `$..a`, each with what becomes of it and all below",
        ),
        Parameter::new("other", What::Class { default: Some(Within::Drop) }, "what becomes of all that no path names"),
    ],
    keyed: false,
    empty: Empty::Stays,
    build,
};

const MOST_DEPTH: usize = 200;

struct Json {
    automaton: Automaton,
    /// One for each path, and that of `other`.
    classes: Vec<Inner>,
    room: usize,
}

fn build(make: &Make<'_>) -> Result<Built, MaskError> {
    let is_json = matches!(make.type_oid(), oid::JSON | oid::JSONB);
    make.wants("json, jsonb or text", is_json || make.column().is_text())?;
    make.needs(2)?;
    let paths = make.classes("paths");
    let automaton =
        Automaton::of(paths.iter().map(|(path, _)| path.as_str())).map_err(|e| make.fault(format!("paths: {e}")))?;
    let classes = paths.iter().map(|(_, class)| class).chain(make.class("other"));
    let classes = classes.map(|class| part(make, class)).collect::<Result<Vec<Inner>, MaskError>>()?;
    Built::new(Json { automaton, classes, room: make.room() }, Injective::No)?.seeing(Sees::Written)
}

/// What becomes of a part. A mask for numbers only is one for a `numeric` column, or a `bigint` one.
fn part(make: &Make<'_>, class: &Class) -> Result<Inner, MaskError> {
    let text = make.inner(class, &ColumnFacts::TEXT);
    match text {
        Err(MaskError::Type { .. }) => {}
        text => return text,
    }
    let number = |oid| make.inner(class, &ColumnFacts::new(oid, -1));
    number(oid::NUMERIC).or_else(|_| number(oid::INT8)).or(text)
}

impl Masking for Json {
    fn apply(&self, value: &[u8], row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        let start = out.len();
        let mut walk = Walk { json: self, scan: Scan::of(value), row, out, redacted: false, needs_row: false };
        let walked = walk.document();
        let (redacted, needs_row) = (walk.redacted, walk.needs_row);
        if needs_row {
            return Outcome::NeedsRow;
        }
        let fits = self.room == usize::MAX || characters(&out[start..]) <= self.room;
        if walked.is_err() || !fits {
            out.truncate(start);
            out.put_slice(b"{}");
            return Outcome::Redacted;
        }
        if redacted { Outcome::Redacted } else { Outcome::Masked }
    }
}

fn characters(text: &[u8]) -> usize {
    text.iter().filter(|b| **b & 0xc0 != 0x80).count()
}

/// One document, on its way.
struct Walk<'a> {
    json: &'a Json,
    scan: Scan<'a>,
    row: &'a RawRow<'a>,
    out: &'a mut BytesMut,
    redacted: bool,
    needs_row: bool,
}

impl<'a> Walk<'a> {
    fn document(&mut self) -> Result<(), Malformed> {
        let (root, other) = (self.json.automaton.root(), self.json.classes.len().saturating_sub(1));
        let opens = self.scan.peek()?;
        if !self.value(root, other, 0)? {
            self.out.put_slice(match opens {
                b'{' => b"{}",
                b'[' => b"[]",
                _ => b"null",
            });
        }
        self.scan.end()
    }

    /// One value. False if nothing was written, because it is dropped.
    fn value(&mut self, node: &'a Node, inherited: usize, depth: usize) -> Result<bool, Malformed> {
        if depth > MOST_DEPTH {
            return Err(Malformed);
        }
        let class = node.class.unwrap_or(inherited);
        let what = self.json.classes.get(class).unwrap_or(&Inner::Drop);
        let opens = self.scan.peek()?;
        match (opens, what) {
            (b'{' | b'[', Inner::Keep) if node.is_end() => {
                let whole = self.scan.skip(MOST_DEPTH - depth)?;
                self.out.put_slice(whole);
                Ok(true)
            }
            (b'{' | b'[', Inner::Drop) if node.is_end() => {
                self.scan.skip(MOST_DEPTH - depth)?;
                Ok(false)
            }
            (b'{' | b'[', _) => {
                let start = self.out.len();
                let empty = self.container(node, class, depth, opens)?;
                let stays = !empty || node.is_way || !matches!(what, Inner::Drop);
                if !stays {
                    self.out.truncate(start);
                }
                Ok(stays)
            }
            _ => {
                let scalar = self.scan.scalar()?;
                match what {
                    Inner::Drop => return Ok(false),
                    Inner::Mask(_) if scalar == Scalar::Null => self.out.put_slice(b"null"),
                    Inner::Keep => self.out.put_slice(scalar.written()),
                    Inner::Mask(mask) => {
                        let start = self.out.len();
                        let outcome = match scalar {
                            Scalar::Number(number) => mask.apply_to_number(number, self.row, self.out),
                            _ => mask.apply(&scalar.plain(), self.row, self.out),
                        };
                        self.put(outcome, scalar, start);
                    }
                }
                Ok(true)
            }
        }
    }

    /// An object or an array. True if nothing stands in it.
    fn container(&mut self, node: &'a Node, class: usize, depth: usize, opens: u8) -> Result<bool, Malformed> {
        let closes = opens + 2; // both in ASCII
        self.scan.take(opens)?;
        self.out.put_u8(opens);
        let (mut empty, mut index) = (true, 0u64);
        while self.scan.more(closes, index == 0)? {
            let start = self.out.len();
            if !empty {
                self.out.put_u8(b',');
            }
            let child = if opens == b'{' {
                let name = self.scan.name()?;
                self.out.put_slice(name.written());
                self.out.put_u8(b':');
                node.member(&name.plain())
            } else {
                node.item(index)
            };
            index += 1;
            if self.value(self.json.automaton.node(child), class, depth + 1)? {
                empty = false;
            } else {
                self.out.truncate(start);
            }
        }
        self.out.put_u8(closes);
        Ok(empty)
    }

    /// Makes JSON of what a mask has written.
    fn put(&mut self, outcome: Outcome, was: Scalar<'_>, start: usize) {
        match outcome {
            Outcome::Masked => {}
            Outcome::Redacted => self.redacted = true,
            Outcome::Null => {
                self.out.truncate(start);
                return self.out.put_slice(b"null");
            }
            Outcome::NeedsRow => return self.needs_row = true,
        }
        let written = &self.out[start..];
        let bare = match was {
            Scalar::Number(_) => is_number(written),
            Scalar::Flag(_) => matches!(written, b"true" | b"false"),
            _ => false,
        };
        if !bare {
            escape_from(start, self.out);
        }
    }
}
