//! `xml`: the elements of a document, without what they hold, or with that masked.
//!
//! - takes `xml`, and text that holds XML
//! - keeps the names of elements and attributes, their order and nesting, and declarations of namespaces
//! - gives away the same: how the document is built
//! - NULL stays NULL; the empty string stays empty
//! - what is not well-formed, has a document type of its own, is nested deeper than 200, or no longer fits in the column becomes `<redacted/>`
//!
//! `text` says what becomes of the text in elements, `attributes` what of the values of attributes: both go, where nothing is said (an
//! attribute with its name). A mask gets a run of text without the blanks around it, its references resolved: `&amp;` is `&`. Comments, processing
//! instructions and CDATA say nothing that a mask could be told: the first two go, the last is text.
//!
//! Not a parser of XML as a whole: it reads tags, text and the five entities that every document has. What it cannot read, it does not pass.

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};

use super::facts::oid;
use super::form::Sees;
use super::kind::{Empty, Kind, Parameter, What, Within};
use super::make::{Built, Inner, Make};
use super::spec::{Injective, MaskError};
use super::{ColumnFacts, Masking, Outcome};
use crate::raw::RawRow;

pub(crate) static KIND: Kind = Kind {
    name: "xml",
    version: 1,
    makes: "the document's elements, their text and attributes gone or masked",
    types: "xml, text",
    keeps: "names of elements and of attributes that stay, order and nesting",
    gives_away: "how the document is built",
    unique: false,
    example: "{ mask: xml, text: lorem, attributes: hash }",
    parameters: &[
        Parameter::new("text", What::Class { default: Some(Within::Drop) }, "what becomes of the text in elements"),
        Parameter::new(
            "attributes",
            What::Class { default: Some(Within::Drop) },
            "what becomes of the values of attributes",
        ),
    ],
    keyed: false,
    empty: Empty::Stays,
    build,
};

const MOST_DEPTH: usize = 200;
const REDACTED: &[u8] = b"<redacted/>";

struct Xml {
    text: Inner,
    attributes: Inner,
    room: usize,
}

fn build(make: &Make<'_>) -> Result<Built, MaskError> {
    make.wants("xml or text", make.type_oid() == oid::XML || make.column().is_text())?;
    make.needs(REDACTED.len())?;
    let part = |name| match make.class(name) {
        Some(class) => make.inner(class, &ColumnFacts::TEXT),
        None => Ok(Inner::Drop),
    };
    Built::new(Xml { text: part("text")?, attributes: part("attributes")?, room: make.room() }, Injective::No)?
        .seeing(Sees::Written)
}

/// It cannot be read.
struct Malformed;

impl Masking for Xml {
    fn apply(&self, value: &[u8], row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        let start = out.len();
        let mut walk = Walk { xml: self, rest: value, row, out, open: Vec::new(), redacted: false, needs_row: false };
        let walked = walk.document();
        if walk.needs_row {
            return Outcome::NeedsRow;
        }
        let redacted = walk.redacted;
        let fits = self.room == usize::MAX || out[start..].iter().filter(|b| **b & 0xc0 != 0x80).count() <= self.room;
        if walked.is_err() || !fits {
            out.truncate(start);
            out.put_slice(REDACTED);
            return Outcome::Redacted;
        }
        if redacted { Outcome::Redacted } else { Outcome::Masked }
    }
}

struct Walk<'a> {
    xml: &'a Xml,
    rest: &'a [u8],
    row: &'a RawRow<'a>,
    out: &'a mut BytesMut,
    /// Elements that are open.
    open: Vec<&'a [u8]>,
    redacted: bool,
    needs_row: bool,
}

impl<'a> Walk<'a> {
    fn document(&mut self) -> Result<(), Malformed> {
        while !self.rest.is_empty() {
            if let Some(inside) = self.rest.strip_prefix(b"<!--") {
                // two hyphens end a comment
                self.rest = past(inside, b"--")?.1.strip_prefix(b">").ok_or(Malformed)?;
            } else if let Some(inside) = self.rest.strip_prefix(b"<?") {
                self.rest = past(inside, b"?>")?.1;
            } else if let Some(inside) = self.rest.strip_prefix(b"<![CDATA[") {
                let (text, rest) = past(inside, b"]]>")?;
                self.rest = rest;
                self.text(Cow::Borrowed(text))?;
            } else if let Some(inside) = self.rest.strip_prefix(b"</") {
                let name = self.name(inside)?;
                self.blanks();
                if self.open.pop() != Some(name) {
                    return Err(Malformed);
                }
                self.rest = self.rest.strip_prefix(b">").ok_or(Malformed)?;
                self.out.put_slice(b"</");
                self.out.put_slice(name);
                self.out.put_u8(b'>');
            } else if let Some(inside) = self.rest.strip_prefix(b"<") {
                self.element(inside)?;
            } else {
                let end = memchr::memchr(b'<', self.rest).unwrap_or(self.rest.len());
                let (text, rest) = self.rest.split_at(end);
                self.rest = rest;
                let text = resolved(text)?;
                self.text(text)?;
            }
        }
        if self.open.is_empty() { Ok(()) } else { Err(Malformed) }
    }

    fn element(&mut self, inside: &'a [u8]) -> Result<(), Malformed> {
        let name = self.name(inside)?;
        self.out.put_u8(b'<');
        self.out.put_slice(name);
        loop {
            let blanks = self.blanks();
            if let Some(rest) = self.rest.strip_prefix(b">") {
                self.rest = rest;
                self.out.put_u8(b'>');
                self.open.push(name);
                return if self.open.len() > MOST_DEPTH { Err(Malformed) } else { Ok(()) };
            }
            if let Some(rest) = self.rest.strip_prefix(b"/>") {
                self.rest = rest;
                self.out.put_slice(b"/>");
                return Ok(());
            }
            if !blanks {
                return Err(Malformed);
            }
            self.attribute()?;
        }
    }

    fn attribute(&mut self) -> Result<(), Malformed> {
        let name = self.name(self.rest)?;
        self.blanks();
        self.rest = self.rest.strip_prefix(b"=").ok_or(Malformed)?;
        self.blanks();
        let quote = *self.rest.first().filter(|b| matches!(b, b'"' | b'\'')).ok_or(Malformed)?;
        let (value, rest) = past(&self.rest[1..], &[quote])?;
        self.rest = rest;
        if value.contains(&b'<') {
            return Err(Malformed);
        }
        let plain = resolved(value)?;
        // a name with a prefix means nothing without it
        let xml = self.xml;
        let what = if name == b"xmlns" || name.starts_with(b"xmlns:") { &Inner::Keep } else { &xml.attributes };
        if matches!(what, Inner::Drop) {
            return Ok(());
        }
        self.out.put_u8(b' ');
        self.out.put_slice(name);
        self.out.put_slice(b"=\"");
        self.put(what, &plain);
        self.out.put_u8(b'"');
        Ok(())
    }

    /// A run of text: as it is with the blanks around it, masked without.
    fn text(&mut self, text: Cow<'_, [u8]>) -> Result<(), Malformed> {
        let inside = text.trim_ascii();
        if self.open.is_empty() && !inside.is_empty() {
            // PostgreSQL takes a text without an element for XML; there is nothing of it to keep
            return Err(Malformed);
        }
        let xml = self.xml;
        match &xml.text {
            _ if inside.is_empty() => {}
            Inner::Drop => {}
            Inner::Keep => self.put(&xml.text, &text),
            what @ Inner::Mask(_) => self.put(what, inside),
        }
        Ok(())
    }

    fn put(&mut self, what: &Inner, plain: &[u8]) {
        let start = self.out.len();
        match what {
            Inner::Drop => {}
            Inner::Keep => self.out.put_slice(plain),
            Inner::Mask(mask) => match mask.apply(plain, self.row, self.out) {
                Outcome::Masked => {}
                Outcome::Redacted => self.redacted = true,
                Outcome::Null => self.out.truncate(start),
                Outcome::NeedsRow => self.needs_row = true,
            },
        }
        escape_from(start, self.out);
    }

    /// Takes the name at the beginning of `text`, up to which all is read.
    fn name(&mut self, text: &'a [u8]) -> Result<&'a [u8], Malformed> {
        let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b':' | b'-' | b'.') || *b >= 0x80;
        let end = text.iter().position(|b| !is_name(b)).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        self.rest = rest;
        match name.first() {
            None | Some(b'0'..=b'9' | b'-' | b'.') => Err(Malformed),
            Some(_) => Ok(name),
        }
    }

    /// Passes over blanks. Were there any?
    fn blanks(&mut self) -> bool {
        let n = self.rest.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r')).count();
        self.rest = &self.rest[n..];
        n > 0
    }
}

/// What stands before `end`, and what behind it.
fn past<'a>(text: &'a [u8], end: &[u8]) -> Result<(&'a [u8], &'a [u8]), Malformed> {
    let at = memchr::memmem::find(text, end).ok_or(Malformed)?;
    Ok((&text[..at], &text[at + end.len()..]))
}

/// The text with its references resolved.
fn resolved(text: &[u8]) -> Result<Cow<'_, [u8]>, Malformed> {
    if memchr::memchr(b'&', text).is_none() {
        return Ok(Cow::Borrowed(text));
    }
    let (mut plain, mut rest) = (Vec::with_capacity(text.len()), text);
    while let Some(at) = memchr::memchr(b'&', rest) {
        plain.extend_from_slice(&rest[..at]);
        let end = rest[at..].iter().take(12).position(|b| *b == b';').ok_or(Malformed)?;
        let reference = &rest[at + 1..at + end];
        rest = &rest[at + end + 1..];
        let c = match reference {
            b"amp" => '&',
            b"lt" => '<',
            b"gt" => '>',
            b"quot" => '"',
            b"apos" => '\'',
            _ => {
                let number = reference.strip_prefix(b"#").and_then(|n| std::str::from_utf8(n).ok()).ok_or(Malformed)?;
                let code = match number.strip_prefix('x') {
                    Some(hex) => u32::from_str_radix(hex, 16),
                    None => number.parse(),
                };
                code.ok().filter(|code| *code > 0).and_then(char::from_u32).ok_or(Malformed)?
            }
        };
        plain.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
    plain.extend_from_slice(rest);
    Ok(Cow::Owned(plain))
}

/// Escapes what `out` holds from `start` on: what would be a tag, a reference or the end of an attribute. XML has no way to write most
/// control characters, and they become blanks.
fn escape_from(start: usize, out: &mut BytesMut) {
    let more: usize = out[start..].iter().map(|b| reference(*b).map_or(0, |r| r.len() - 1)).sum();
    let mut from = out.len();
    out.put_bytes(0, more);
    let mut to = out.len();
    // from the back: every byte moves right, by all that references before it add
    while from > start {
        from -= 1;
        let b = out[from];
        let one = [if b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r') { b' ' } else { b }];
        let written = reference(b).unwrap_or(&one);
        to -= written.len();
        out[to..to + written.len()].copy_from_slice(written);
    }
}

fn reference(b: u8) -> Option<&'static [u8]> {
    Some(match b {
        b'&' => b"&amp;",
        b'<' => b"&lt;",
        b'>' => b"&gt;",
        b'"' => b"&quot;",
        _ => return None,
    })
}
