//! `lorem`: filler text of the same length and shape.
//!
//! - takes text of any form
//! - keeps length in characters, words and their lengths, capitals at their beginning or throughout, spaces and punctuation; equality,
//!   within its domain
//! - gives away all that it keeps: the outline of a text
//! - NULL stays NULL (the caller's part); the empty string stays empty
//! - nothing is unparsable
//!
//! Every run of letters becomes a Latin word of that length, or several without a space, by keyed hash; every digit another digit; what is
//! neither stays where it is ASCII, and becomes a letter where it is not (a sign of another script, an emoji). A text of
//! punctuation alone comes out as it is: there is nothing in it.

use bytes::{BufMut, BytesMut};

use super::form::Sees;
use super::keyed::Keyed;
use super::kind::{Empty, Kind};
use super::make::{Built, Make};
use super::spec::{Injective, MaskError};
use super::{Masking, Outcome};
use crate::key::SubKey;
use crate::raw::RawRow;

pub(crate) static KIND: Kind = Kind {
    name: "lorem",
    version: 1,
    makes: "filler text of the same length and shape",
    types: "text",
    keeps: "equality, lengths of words, capitals, spaces and punctuation",
    gives_away: "the outline of a text",
    unique: false,
    example: "lorem",
    parameters: &[],
    keyed: true,
    empty: Empty::Stays,
    build,
};

/// By length: the first has one letter.
const WORDS: [&[&str]; 10] = [
    &["a", "e", "o"],
    &["ab", "ad", "et", "ex", "id", "in", "ut"],
    &["aut", "cum", "eos", "est", "hic", "non", "qui", "sed"],
    &["amet", "enim", "modi", "nemo", "odio", "quia", "quis", "sint", "unde"],
    &["alias", "autem", "culpa", "dolor", "earum", "error", "fugit", "harum", "ipsam", "lorem", "magni", "neque"],
    &[
        "animi", "beatae", "dicta", "dolore", "facere", "labore", "maxime", "minima", "mollit", "natus", "nobis",
        "veniam",
    ],
    &["aliquam", "aliquid", "commodi", "debitis", "dolorem", "eveniet", "facilis", "impedit", "laborum", "nostrum"],
    &[
        "accusamus",
        "aperiam",
        "deleniti",
        "deserunt",
        "expedita",
        "incidunt",
        "inventore",
        "nihil",
        "pariatur",
        "sapiente",
    ],
    &["architecto", "asperiores", "cupiditate", "doloribus", "laudantium", "molestiae", "perferendis", "quibusdam"],
    &[
        "aspernatur",
        "consequatur",
        "dignissimos",
        "laboriosam",
        "necessitatibus",
        "praesentium",
        "reiciendis",
        "voluptatem",
    ],
];

struct Lorem {
    key: SubKey,
}

fn build(make: &Make<'_>) -> Result<Built, MaskError> {
    make.wants_text()?;
    Built::new(Lorem { key: make.key("lorem") }, Injective::No)?.seeing(Sees::Written)
}

impl Masking for Lorem {
    fn apply(&self, value: &[u8], _row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        let mut keyed = Keyed::new(&self.key, value);
        let mut rest = value;
        while let Some(&b) = rest.first() {
            let run = rest.iter().take_while(|b| is_letter(**b)).count();
            let (word, after) = rest.split_at(run.max(1));
            rest = after;
            match b {
                b'0'..=b'9' => out.put_u8(b'0' + keyed.other(b - b'0', 10)),
                _ if run > 0 => fill(word, &mut keyed, out),
                _ => out.put_u8(b),
            }
        }
        Outcome::Masked
    }
}

fn is_letter(b: u8) -> bool {
    b.is_ascii_alphabetic() || b >= 0x80
}

/// Words in the place of a run of letters, as many letters as it has characters.
fn fill(run: &[u8], keyed: &mut Keyed, out: &mut BytesMut) {
    // bytes inside a character do not count; a run of stray ones alone is one
    let mut left = run.iter().filter(|b| **b & 0xc0 != 0x80).count().max(1);
    let upper = |b: Option<&u8>| b.is_some_and(u8::is_ascii_uppercase);
    let (first, second) = (upper(run.first()), upper(run.get(1)));
    let mut start = true;
    while left > 0 {
        let words = WORDS[left.min(WORDS.len()) - 1];
        let word = words.get(usize::from(keyed.byte()) % words.len()).map_or(&[][..], |w| w.as_bytes());
        // a list may hold a word that is longer than its place: it is cut
        let letters = word.len().min(left);
        for &letter in &word[..letters] {
            out.put_u8(if first && (start || second) { letter.to_ascii_uppercase() } else { letter });
            start = false;
        }
        left -= letters;
    }
}
