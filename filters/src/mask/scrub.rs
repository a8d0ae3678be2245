//! `scrub`: free text without what points at a person: addresses, numbers, and the row's own names.
//!
//! - takes text
//! - keeps the text but for what it finds, which becomes a word in brackets: `[email]`, `[phone]`, `[card]`, `[number]`, `[iban]`, `[ip]`,
//!   `[mac]`, `[url]`, `[name]`
//! - gives away all that it does not recognise: **names that are in no column of the row, street and place, a story that only one
//!   person has**. Where that must not be seen, `lorem` or `drop` is the mask
//! - NULL stays NULL, the empty string stays empty; nothing is unparsable
//!
//! What is found, on the side of too much: an address with `@`, in any script; IPv4, IPv6, MAC; an IBAN with its right check digits; every number
//! of seven digits or more however it is grouped (a card where Luhn's sum is right), but for dates and times; a URL with a user, a query, a
//! fragment or a token in it. `names:` lists columns of the same row, of whatever class: every word of theirs of two letters or more is
//! found as a word, in capitals or not (of Latin letters). Of a value longer than 1000 bytes, which is no name, the first 1000 count.
//!
//! One pass: a table says of each byte whether anything can begin or be recognised there; most cannot. In a `varchar(n)` what no longer fits is
//! cut off.

mod address;
mod number;

use bytes::{BufMut, BytesMut};

use super::form::Sees;
use super::kind::{Empty, Kind, Parameter, What};
use super::make::{Built, Make};
use super::redact;
use super::spec::{Injective, MaskError};
use super::{Masking, Outcome};
use crate::raw::{Raw, RawRow};

pub(crate) static KIND: Kind = Kind {
    name: "scrub",
    version: 1,
    makes: "the text, with [email], [phone], [name] and the like where these stood",
    types: "text",
    keeps: "all of the text that it does not recognise",
    gives_away: "names that are in no column of `names`, places, stories: whatever it does not recognise",
    unique: false,
    example: "{ mask: scrub, names: [first_name, last_name] }",
    parameters: &[Parameter::new("names", What::Texts, "columns of the same row whose words are found too")],
    keyed: false,
    empty: Empty::Stays,
    build,
};

struct Scrub {
    names: Vec<usize>,
    room: usize,
}

fn build(make: &Make<'_>) -> Result<Built, MaskError> {
    make.wants_text()?;
    let names = make.texts("names").iter().map(|column| make.raw(column)).collect::<Result<_, MaskError>>()?;
    Built::new(Scrub { names, room: make.room() }, Injective::No)?.seeing(Sees::Written)
}

/// What is to be taken out.
struct Found {
    start: usize,
    end: usize,
    what: &'static str,
}

/// What was seen at a place.
enum Seen {
    Found(Found),
    /// Nothing begins before this.
    Nothing {
        until: usize,
    },
}

impl Masking for Scrub {
    fn apply(&self, text: &[u8], row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        let mut names = Vec::new(); // allocates nothing where none are asked for
        for column in &self.names {
            match row.get(*column) {
                Raw::Text(name) => names.push(name),
                Raw::Null => {}
                Raw::Absent => return Outcome::NeedsRow,
            }
        }
        let mut begins = BEGINS;
        words(&names, |word| {
            let first = word.first().copied().unwrap_or_default();
            for b in [first, first.to_ascii_lowercase(), first.to_ascii_uppercase()] {
                begins[usize::from(b)] = true;
            }
            false
        });
        let (start, mut copied, mut at) = (out.len(), 0, 0);
        while let Some(n) = text[at..].iter().position(|b| begins[usize::from(*b)]) {
            at += n;
            let seen = match text[at] {
                b'@' => address::mail(text, at, copied),
                b':' => address::colon(text, at, copied),
                b'0'..=b'9' => number::seen(text, at, copied),
                _ => Seen::Nothing { until: at + 1 },
            };
            match (seen, name(text, at, &names)) {
                (Seen::Found(found), _) | (Seen::Nothing { .. }, Some(found)) => {
                    out.put_slice(&text[copied..found.start]);
                    out.put_slice(found.what.as_bytes());
                    (copied, at) = (found.end, found.end);
                }
                (Seen::Nothing { until }, None) => at = until,
            }
        }
        out.put_slice(&text[copied..]);
        redact::cut(start, self.room, out);
        Outcome::Masked
    }
}

/// Where something can be recognised, names apart.
const BEGINS: [bool; 256] = {
    let mut begins = [false; 256];
    let mut b = b'0' as usize;
    while b <= b'9' as usize {
        begins[b] = true;
        b += 1;
    }
    begins[b'@' as usize] = true;
    begins[b':' as usize] = true;
    begins
};

/// A letter or digit of any script.
fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b >= 0x80
}

const LONGEST_NAME: usize = 1000;

/// The words of names, until `found` says so.
fn words(names: &[std::borrow::Cow<'_, [u8]>], mut found: impl FnMut(&[u8]) -> bool) -> bool {
    let of = |name: &&[u8]| name.len() > 1;
    names.iter().any(|name| {
        let name = &name[..name.len().min(LONGEST_NAME)];
        name.split(|b| !is_word(*b)).filter(of).any(&mut found)
    })
}

/// The word that begins here, if it is one of these names.
fn name(text: &[u8], at: usize, names: &[std::borrow::Cow<'_, [u8]>]) -> Option<Found> {
    if names.is_empty() || at > 0 && is_word(text[at - 1]) {
        return None;
    }
    let end = text[at..].iter().position(|b| !is_word(*b)).map_or(text.len(), |n| at + n);
    let word = &text[at..end];
    let found = word.len() <= LONGEST_NAME && words(names, |name| alike(name, word));
    found.then_some(Found { start: at, end, what: "[name]" })
}

/// The same but for capitals of Latin letters: those of ASCII, and those of the block behind it (`À` to `Þ`).
fn alike(a: &[u8], b: &[u8]) -> bool {
    let small = |before: u8, b: u8| match (before, b) {
        (0xc3, 0x80..=0x96 | 0x98..=0x9e) => b | 0x20,
        _ => b.to_ascii_lowercase(),
    };
    let mut before = 0;
    a.len() == b.len()
        && a.iter().zip(b).all(|(x, y)| {
            let same = small(before, *x) == small(before, *y);
            before = *x;
            same
        })
}
