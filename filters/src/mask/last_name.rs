//! `last_name`: another person's last name.
//!
//! - takes text of any form
//! - keeps equality, within its domain
//! - gives away which values are equal, and which are empty
//! - NULL stays NULL (the caller's part); the empty string stays empty
//! - nothing is unparsable
//!
//! One of some hundred names of the locale, by keyed hash. Cut where the column has no room.
use bytes::BytesMut;

use super::kind::{Empty, Kind};
use super::lists::{Chooser, LOCALE};
use super::make::{Built, Make};
use super::spec::{Injective, MaskError};
use super::{Masking, Outcome};
use crate::raw::RawRow;

pub(crate) static KIND: Kind = Kind {
    name: "last_name",
    version: 1,
    makes: "another last name",
    types: "text",
    keeps: "equality",
    gives_away: "which values are equal",
    unique: false,
    example: "{ mask: last_name, locale: de }",
    parameters: &[LOCALE],
    keyed: true,
    empty: Empty::Stays,
    build,
};

struct LastName(Chooser);

fn build(make: &Make<'_>) -> Result<Built, MaskError> {
    Built::new(LastName(Chooser::new(make, "last_name")?), Injective::No)
}

impl Masking for LastName {
    fn apply(&self, value: &[u8], _row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        let mut draws = self.0.draws(value);
        self.0.put(&[draws.choose(self.0.lists.last_names)], out);
        Outcome::Masked
    }
}
