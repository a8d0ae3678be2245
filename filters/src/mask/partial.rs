//! `partial`: the first and last characters, and stars between.
//!
//! - takes text of any form
//! - keeps the first `keep_first` and the last `keep_last` characters, and the length
//! - gives away what it keeps; two values that are kept alike become one
//! - NULL stays NULL (the caller's part); the empty string stays empty
//! - nothing is unparsable
//!
//! At least half of a value is hidden: where more would be kept, it is less from the end first, then from the beginning, so that a short
//! value does not come through whole. A character is a Unicode code point. Needs no key, and hides no more than it hides: for what
//! support must recognise, not for what nobody may know.

use bytes::{BufMut, BytesMut};

use super::form::Sees;
use super::kind::{Empty, Kind, Parameter, What};
use super::make::{Built, Make};
use super::spec::{Injective, MaskError};
use super::{Masking, Outcome};
use crate::raw::RawRow;

pub(crate) static KIND: Kind = Kind {
    name: "partial",
    version: 1,
    makes: "the ends, with another character between: jo*****oe",
    types: "text",
    keeps: "the first and last characters, at most half of all; the length",
    gives_away: "what it keeps",
    unique: false,
    example: "{ mask: partial, keep_first: 2, keep_last: 2, with: x }",
    parameters: &[
        Parameter::new("keep_first", ENDS, "characters to keep at the beginning"),
        Parameter::new("keep_last", ENDS, "characters to keep at the end"),
        Parameter::new("with", What::Text { default: Some("*") }, "the character that stands for a hidden one"),
    ],
    keyed: false,
    empty: Empty::Stays,
    build,
};

const ENDS: What = What::Number { least: 0, most: 32, default: Some(0) };

struct Partial {
    first: usize,
    last: usize,
    with: char,
}

fn build(make: &Make<'_>) -> Result<Built, MaskError> {
    make.wants_text()?;
    let mut with = make.text("with").unwrap_or("*").chars();
    let (Some(with), None) = (with.next(), with.next()) else {
        return Err(make.fault("with: one character"));
    };
    if with == '\0' {
        return Err(make.fault("with: PostgreSQL has no text with a zero byte"));
    }
    let ends = |name| make.count(name).unwrap_or(0);
    Built::new(Partial { first: ends("keep_first"), last: ends("keep_last"), with }, Injective::No)?
        .seeing(Sees::Written)
}

impl Masking for Partial {
    fn apply(&self, value: &[u8], _row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        let length = value.iter().filter(|b| begins(**b)).count();
        let first = self.first.min(length / 2);
        let last = self.last.min(length / 2 - first);
        let mut with = [0; 4];
        let with = self.with.encode_utf8(&mut with).as_bytes();
        // the number of the character that a byte belongs to, from 1; 0 for stray bytes before the first
        let mut at = 0;
        for &b in value {
            at += usize::from(begins(b));
            match at > 0 && (at <= first || at > length - last) {
                true => out.put_u8(b),
                false if begins(b) => out.put_slice(with),
                false => {}
            }
        }
        Outcome::Masked
    }
}

/// Is it the first byte of a character in UTF-8?
fn begins(b: u8) -> bool {
    b & 0xc0 != 0x80
}
