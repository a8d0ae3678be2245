//! `city`: a city on no map.
//!
//! - takes text of any form
//! - keeps equality, within its domain
//! - gives away which values are equal, and which are empty
//! - NULL stays NULL (the caller's part); the empty string stays empty
//! - nothing is unparsable
//!
//! A last name of the locale with the endings that its cities have, by keyed hash. Cut where the column has no room. A real city
//! can come out by chance; it says nothing of where anybody lives.
use bytes::BytesMut;

use super::kind::{Empty, Kind};
use super::lists::{self, Draws, LOCALE, Lists};
use super::make::{Built, Make};
use super::spec::{Injective, MaskError};
use super::{Masking, Outcome};
use crate::key::SubKey;
use crate::raw::RawRow;

pub(crate) static KIND: Kind = Kind {
    name: "city",
    version: 1,
    makes: "another city's name",
    types: "text",
    keeps: "equality",
    gives_away: "which values are equal",
    unique: false,
    example: "{ mask: city, locale: de }",
    parameters: &[LOCALE],
    keyed: true,
    empty: Empty::Stays,
    build,
};

struct City {
    key: SubKey,
    lists: Lists,
    /// Characters that the column can hold.
    room: usize,
}

fn build(make: &Make<'_>) -> Result<Built, MaskError> {
    make.wants_text()?;
    let mask = City { key: make.key("city"), lists: lists::of(make.text("locale")), room: make.room() };
    Built::new(mask, Injective::No)
}

impl Masking for City {
    fn apply(&self, value: &[u8], _row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        let mut draws = Draws::new(self.key.hash(value));
        let name = draws.choose(self.lists.last_names);
        let suffix = draws.choose(self.lists.city_suffixes);
        let between = if self.lists.city.contains("} {") { " " } else { "" };
        match self.lists.city.contains("{CitySuffix}") {
            true => lists::put(&[name, between, suffix], self.room, out),
            false => lists::put(&[name], self.room, out),
        }
        Outcome::Masked
    }
}
