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
use super::lists::{Chooser, LOCALE};
use super::make::{Built, Make};
use super::spec::{Injective, MaskError};
use super::{Masking, Outcome};
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

struct City(Chooser);

fn build(make: &Make<'_>) -> Result<Built, MaskError> {
    Built::new(City(Chooser::new(make, "city")?), Injective::No)
}

impl Masking for City {
    fn apply(&self, value: &[u8], _row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        let mut draws = self.0.draws(value);
        let name = draws.choose(self.0.lists.last_names);
        let suffix = draws.choose(self.0.lists.city_suffixes);
        let between = if self.0.lists.city.contains("} {") { " " } else { "" };
        match self.0.lists.city.contains("{CitySuffix}") {
            true => self.0.put(&[name, between, suffix], out),
            false => self.0.put(&[name], out),
        }
        Outcome::Masked
    }
}
