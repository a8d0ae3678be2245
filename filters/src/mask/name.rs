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
use super::lists::{Chooser, LOCALE, characters};
use super::make::{Built, Make};
use super::spec::{Injective, MaskError};
use super::{Masking, Outcome};
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

struct Name(Chooser);

fn build(make: &Make<'_>) -> Result<Built, MaskError> {
    Built::new(Name(Chooser::new(make, "name")?), Injective::No)
}

impl Masking for Name {
    fn apply(&self, value: &[u8], _row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        let mut draws = self.0.draws(value);
        let full = [draws.choose(self.0.lists.first_names), " ", draws.choose(self.0.lists.last_names)];
        match characters(&full) <= self.0.room {
            true => self.0.put(&full, out),
            false => self.0.put(&full[..1], out),
        }
        Outcome::Masked
    }
}
