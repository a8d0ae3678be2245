//! `company`: a company that nobody runs.
//!
//! - takes text of any form
//! - keeps equality, within its domain
//! - gives away which values are equal, and which are empty
//! - NULL stays NULL (the caller's part); the empty string stays empty
//! - nothing is unparsable
//!
//! One or two last names of the locale and what its companies are called after, by keyed hash: `Kuhlman Inc`,
//! `Kuhlman-Hane LLC`. Cut where the column has no room.
use bytes::BytesMut;

use super::kind::{Empty, Kind};
use super::lists::{self, Draws, LOCALE, Lists};
use super::make::{Built, Make};
use super::spec::{Injective, MaskError};
use super::{Masking, Outcome};
use crate::key::SubKey;
use crate::raw::RawRow;

pub(crate) static KIND: Kind = Kind {
    name: "company",
    version: 1,
    makes: "another company's name",
    types: "text",
    keeps: "equality",
    gives_away: "which values are equal",
    unique: false,
    example: "{ mask: company, locale: de }",
    parameters: &[LOCALE],
    keyed: true,
    empty: Empty::Stays,
    build,
};

struct Company {
    key: SubKey,
    lists: Lists,
    /// Characters that the column can hold.
    room: usize,
}

fn build(make: &Make<'_>) -> Result<Built, MaskError> {
    make.wants_text()?;
    let mask = Company { key: make.key("company"), lists: lists::of(make.text("locale")), room: make.room() };
    Built::new(mask, Injective::No)
}

impl Masking for Company {
    fn apply(&self, value: &[u8], _row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        let mut draws = Draws::new(self.key.hash(value));
        let (one, other) = (draws.choose(self.lists.last_names), draws.choose(self.lists.last_names));
        let suffix = draws.choose(self.lists.company_suffixes);
        match draws.below(2) {
            0 => lists::put(&[one, " ", suffix], self.room, out),
            _ => lists::put(&[one, "-", other, " ", suffix], self.room, out),
        }
        Outcome::Masked
    }
}
