//! `country`: another country.
//!
//! - takes text of any form
//! - keeps equality, within its domain; whether it is a code of two capital letters (ISO 3166-1 alpha-2)
//! - gives away the same, and which values are empty
//! - NULL stays NULL (the caller's part); the empty string stays empty
//! - nothing is unparsable
//!
//! A code for a code, a name of the locale for anything else, by keyed hash. There are some 250 countries: now and then one stays what
//! it was, and two that differ become one. Cut where the column has no room.

use bytes::BytesMut;
use fake::locales::{Data, EN};

use super::kind::{Empty, Kind};
use super::lists::{Chooser, LOCALE};
use super::make::{Built, Make};
use super::spec::{Injective, MaskError};
use super::{Masking, Outcome};
use crate::raw::RawRow;

pub(crate) static KIND: Kind = Kind {
    name: "country",
    version: 1,
    makes: "another country: a code for a code, else a name",
    types: "text",
    keeps: "equality, whether it is a code of two letters",
    gives_away: "which values are equal",
    unique: false,
    example: "{ mask: country, locale: de }",
    parameters: &[LOCALE],
    keyed: true,
    empty: Empty::Stays,
    build,
};

struct Country(Chooser);

fn build(make: &Make<'_>) -> Result<Built, MaskError> {
    Built::new(Country(Chooser::new(make, "country")?), Injective::No)
}

impl Masking for Country {
    fn apply(&self, value: &[u8], _row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        let mut draws = self.0.draws(value);
        let code = value.len() == 2 && value.iter().all(u8::is_ascii_uppercase);
        let country = draws.choose(if code { EN::ADDRESS_COUNTRY_CODE } else { self.0.lists.countries });
        self.0.put(&[country], out);
        Outcome::Masked
    }
}
