//! `regex`: what a pattern matches becomes something else.
//!
//! - takes text
//! - keeps **all that the pattern does not match**, and what `replace` takes of it
//! - gives away the same
//! - NULL stays NULL (the caller's part); the empty string stays empty
//! - unparsable: where the pattern matches nowhere, `other` says what becomes of the value (`keep`, `drop`, which is NULL, or a mask);
//!   without `other` it is a star for each character, 64 at most, counted. So too what has no room in its column.
//!
//! Every match is replaced, from left to right. `replace` may take groups: `$1`, `${name}`; `$$` is a dollar. The pattern is of the
//! `regex` crate, which knows no backtracking: a search takes time by the value's length. A value is searched anew after each match,
//! so a pattern whose matches are short and whose search goes on to the end takes the square of that.
//!
//! `\d`, `\w` and what is without case go by Unicode, in the version that the crate has: write `[0-9]` where a mask may not change
//! with it.

use bytes::{BufMut, BytesMut};
use regex::{Regex as Pattern, RegexBuilder};

use super::form::Sees;
use super::kind::{Empty, Kind, Parameter, What};
use super::make::{Built, Inner, Make};
use super::spec::{Injective, MaskError};
use super::{Masking, Outcome};
use crate::raw::RawRow;

pub(crate) static KIND: Kind = Kind {
    name: "regex",
    version: 1,
    makes: "the value with something else where a pattern matches",
    types: "text",
    keeps: "all that the pattern does not match",
    gives_away: "what it keeps",
    unique: false,
    example: "{ mask: regex, pattern: '[0-9]{4,}', replace: '####', other: drop }",
    parameters: &[
        Parameter::required("pattern", What::Text { default: None }, "what is replaced, as the regex crate writes it"),
        Parameter::new(
            "replace",
            What::Text { default: Some("") },
            "what stands in its place; `$1` and `${name}` are groups",
        ),
        Parameter::new(
            "other",
            What::Class { default: None },
            "what becomes of a value without a match; else a redaction",
        ),
    ],
    keyed: false,
    empty: Empty::Stays,
    build,
};

/// The most bytes of what stands in a match's place: there may be one for each byte of a value.
const LONGEST: usize = 256;

struct Regex {
    pattern: Pattern,
    replace: Vec<Part>,
    other: Option<Inner>,
    /// Characters that the column can hold.
    room: usize,
}

/// A part of what stands in a match's place.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Group(usize),
}

fn build(make: &Make<'_>) -> Result<Built, MaskError> {
    make.wants_text()?;
    let pattern = RegexBuilder::new(make.text("pattern").unwrap_or_default()).build();
    // the error shows the pattern, which is the policy's and no row's; but a secret may stand in it
    let pattern = pattern.map_err(|_| make.fault("pattern is none of the regex crate, or too large a one"))?;
    let replace = make.text("replace").unwrap_or_default();
    if replace.len() > LONGEST {
        return Err(make.fault("replace is longer than 256 bytes"));
    }
    if replace.contains('\0') {
        return Err(make.fault("replace: PostgreSQL has no text with a zero byte"));
    }
    let replace = parts(replace, &pattern).map_err(|problem| make.fault(problem))?;
    let other = make.class("other").map(|class| make.inner(class, make.column())).transpose()?;
    Built::new(Regex { pattern, replace, other, room: make.room() }, Injective::No)?.seeing(Sees::Written)
}

impl Masking for Regex {
    fn apply(&self, value: &[u8], row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        let start = out.len();
        let Some(text) = std::str::from_utf8(value).ok().filter(|text| self.pattern.is_match(text)) else {
            return match &self.other {
                Some(Inner::Keep) => {
                    out.put_slice(value);
                    Outcome::Masked
                }
                Some(Inner::Drop) => Outcome::Null,
                Some(Inner::Mask(mask)) => mask.apply(value, row, out),
                None => redact(value, out),
            };
        };
        let mut end = 0;
        if let [] | [Part::Text(_)] = self.replace[..] {
            for found in self.pattern.find_iter(text) {
                out.put_slice(&value[end..found.start()]);
                self.replace.iter().for_each(|part| put(part, None, out));
                end = found.end();
            }
        } else {
            // where groups are is kept on the heap, match by match: only who asks for them pays
            for groups in self.pattern.captures_iter(text) {
                let Some(found) = groups.get(0) else { continue };
                out.put_slice(&value[end..found.start()]);
                self.replace.iter().for_each(|part| put(part, Some(&groups), out));
                end = found.end();
            }
        }
        out.put_slice(&value[end..]);
        let fits = self.room == usize::MAX || out[start..].iter().filter(|b| *b & 0xc0 != 0x80).count() <= self.room;
        if fits {
            return Outcome::Masked;
        }
        out.truncate(start);
        redact(value, out)
    }
}

/// Stars, or something else where it is stars already.
fn redact(value: &[u8], out: &mut BytesMut) -> Outcome {
    let count = value.iter().filter(|b| *b & 0xc0 != 0x80).count().clamp(1, 64);
    out.put_bytes(if value.iter().all(|b| *b == b'*') { b'#' } else { b'*' }, count);
    Outcome::Redacted
}

fn put(part: &Part, groups: Option<&regex::Captures<'_>>, out: &mut BytesMut) {
    match part {
        Part::Text(text) => out.put_slice(text.as_bytes()),
        Part::Group(group) => {
            let found = groups.and_then(|groups| groups.get(*group));
            out.put_slice(found.map_or("", |found| found.as_str()).as_bytes());
        }
    }
}

/// The parts of a replacement. A group that the pattern has not is an error: the crate itself would take it for empty.
fn parts(replace: &str, pattern: &Pattern) -> Result<Vec<Part>, &'static str> {
    let (mut parts, mut text, mut rest) = (Vec::new(), String::new(), replace);
    while let Some((before, after)) = rest.split_once('$') {
        text.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            text.push('$');
            rest = after;
            continue;
        }
        let word = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
        let (name, after) = match after.strip_prefix('{') {
            Some(braced) => braced.split_once('}').ok_or("replace: a brace is not closed")?,
            None => after.split_at(word),
        };
        let of_name = || pattern.capture_names().position(|group| group == Some(name));
        let group = match name.parse::<usize>() {
            Ok(group) => Some(group).filter(|group| *group < pattern.captures_len()),
            Err(_) => of_name(),
        };
        let group = group.ok_or("replace names a group that pattern has not; a dollar is written $$")?;
        if !text.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut text)));
        }
        parts.push(Part::Group(group));
        rest = after;
    }
    text.push_str(rest);
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replacements() {
        let pattern = Pattern::new("(a)(?<name>b)").unwrap();
        let of = |replace| parts(replace, &pattern).ok();
        let text = |text: &str| Part::Text(text.to_owned());
        assert_eq!(of(""), Some(vec![]));
        assert_eq!(of("x$$y"), Some(vec![text("x$y")]));
        assert_eq!(of("$1-${name}!"), Some(vec![Part::Group(1), text("-"), Part::Group(2), text("!")]));
        assert_eq!(of("${1}x$0"), Some(vec![Part::Group(1), text("x"), Part::Group(0)]));
        for replace in ["$3", "$1x", "${1", "$", "a$ b", "${}"] {
            assert_eq!(of(replace), None, "{replace}");
        }
    }
}
