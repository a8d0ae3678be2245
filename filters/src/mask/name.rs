//! `name`: another person's full name.
//!
//! - takes text of any form
//! - keeps equality, within its domain
//! - gives away which names are equal, and which are empty
//! - NULL stays NULL (the caller's part); the empty string stays empty
//! - nothing is unparsable
//!
//! "First Last", chosen by keyed hash from the lists of the locale, in English some 1.4 million pairs: so two people share a name
//! after a few thousand, as they do in life, and once in a million somebody keeps his own.
//!
//! In a `varchar(n)` without room for both, the first name alone, cut if it must be.

use bytes::BytesMut;

use super::kind::{Empty, Kind};
use super::lists::{self, Draws, LOCALE, Lists};
use super::make::{Built, Make};
use super::spec::{Injective, MaskError};
use super::{Masking, Outcome};
use crate::key::SubKey;
use crate::raw::RawRow;

pub(crate) static KIND: Kind = Kind {
    name: "name",
    version: 1,
    makes: "another person's full name",
    types: "text",
    keeps: "equality",
    gives_away: "which names are equal",
    unique: false,
    example: "{ mask: name, locale: de }",
    parameters: &[LOCALE],
    keyed: true,
    empty: Empty::Stays,
    build,
};

struct Name {
    key: SubKey,
    lists: Lists,
    /// Characters that the column can hold.
    room: usize,
}

fn build(make: &Make<'_>) -> Result<Built, MaskError> {
    make.wants_text()?;
    let mask = Name { key: make.key("name"), lists: lists::of(make.text("locale")), room: make.room() };
    Built::new(mask, Injective::No)
}

impl Masking for Name {
    fn apply(&self, value: &[u8], _row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        let mut draws = Draws::new(self.key.hash(value));
        let full = [draws.choose(self.lists.first_names), " ", draws.choose(self.lists.last_names)];
        match lists::characters(&full) <= self.room {
            true => lists::put(&full, self.room, out),
            false => lists::put(&full[..1], self.room, out),
        }
        Outcome::Masked
    }
}
