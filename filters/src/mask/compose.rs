//! `compose`: put together from the same row's other columns as the target sees them.
//!
//! - takes text; the template names columns in braces: `{first_name} {last_name}`
//! - keeps nothing of the value itself but that it is there
//! - gives away what the named columns give away, and nothing besides
//! - NULL stays NULL; the empty string stays empty
//! - nothing is unparsable
//!
//! So that a person who is Ann Smith by her first and last name is Ann Smith in the column that holds both. A named column
//! comes with its own mask, or as it is if it is kept; one that is NULL or empty is left out, with the text before it (but
//! for the template's beginning). Braces that mean braces are doubled.
//!
//! Nothing of the value goes in, so it is no key. In a `varchar(n)` what does not fit is cut off.

use bytes::{BufMut, BytesMut};

use super::kind::{Empty, Kind, Parameter, What};
use super::make::{Built, Make, Sibling};
use super::redact;
use super::spec::{Injective, MaskError};
use super::{Masking, Outcome};
use crate::raw::{Raw, RawRow};

pub(crate) static KIND: Kind = Kind {
    name: "compose",
    version: 1,
    makes: "a text of the row's other columns, each as it is masked",
    types: "text",
    keeps: "whether it is NULL or empty",
    gives_away: "what the named columns give away",
    unique: false,
    example: "{ mask: compose, template: \"{first_name} {last_name}\" }",
    parameters: &[Parameter::required(
        "template",
        What::Text { default: None },
        "text with columns in braces, such as `{first_name} {last_name}`",
    )],
    keyed: false,
    empty: Empty::Stays,
    build,
};

struct Compose {
    /// Each with the text before it.
    parts: Vec<(String, Sibling)>,
    end: String,
    /// Characters that the column can hold.
    room: usize,
}

fn build(make: &Make<'_>) -> Result<Built, MaskError> {
    make.wants_text()?;
    let (mut parts, mut before, mut rest) = (Vec::new(), String::new(), make.text("template").unwrap_or_default());
    while let Some(at) = rest.find(['{', '}']) {
        let (text, tail) = rest.split_at(at);
        before.push_str(text);
        rest = match tail.strip_prefix("{{").map(|t| ('{', t)).or_else(|| tail.strip_prefix("}}").map(|t| ('}', t))) {
            Some((brace, tail)) => {
                before.push(brace);
                tail
            }
            None => {
                let named = tail.strip_prefix('{').and_then(|t| t.split_once('}'));
                let (column, tail) = named.ok_or_else(|| make.fault("template has a brace without its other"))?;
                parts.push((std::mem::take(&mut before), make.masked(column)?));
                tail
            }
        };
    }
    before.push_str(rest);
    if parts.is_empty() {
        return Err(make.fault("template names no column; constant is the mask for that"));
    }
    Built::new(Compose { parts, end: before, room: make.room() }, Injective::No)
}

impl Masking for Compose {
    fn apply(&self, _value: &[u8], row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        let start = out.len();
        let begin = self.parts.first().map_or("", |(before, _)| before);
        for (before, sibling) in &self.parts {
            let was = out.len();
            out.put_slice(if was > start { before.as_bytes() } else { begin.as_bytes() });
            let from = out.len();
            let there = match put(sibling, row, out) {
                Outcome::NeedsRow => return Outcome::NeedsRow,
                Outcome::Null => false,
                Outcome::Masked | Outcome::Redacted => out.len() > from,
            };
            if !there {
                out.truncate(was);
            }
        }
        if out.len() > start {
            out.put_slice(self.end.as_bytes());
        }
        redact::cut(start, self.room, out);
        Outcome::Masked
    }
}

/// Appends a column as the target sees it, without blanks around it.
fn put(sibling: &Sibling, row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
    match (row.get(sibling.index), &sibling.mask) {
        (Raw::Absent, _) => Outcome::NeedsRow,
        (Raw::Null, _) => Outcome::Null,
        (Raw::Text(text), Some(mask)) => mask.apply(&text, row, out),
        (Raw::Text(text), None) => {
            out.put_slice(text.trim_ascii());
            Outcome::Masked
        }
    }
}
