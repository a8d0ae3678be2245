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
use super::lists::{Chooser, LOCALE};
use super::make::{Built, Make};
use super::spec::{Injective, MaskError};
use super::{Masking, Outcome};
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

struct Company(Chooser);

fn build(make: &Make<'_>) -> Result<Built, MaskError> {
    Built::new(Company(Chooser::new(make, "company")?), Injective::No)
}

impl Masking for Company {
    fn apply(&self, value: &[u8], _row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        let mut draws = self.0.draws(value);
        let (one, other) = (draws.choose(self.0.lists.last_names), draws.choose(self.0.lists.last_names));
        let suffix = draws.choose(self.0.lists.company_suffixes);
        match draws.below(2) {
            0 => self.0.put(&[one, " ", suffix], out),
            _ => self.0.put(&[one, "-", other, " ", suffix], out),
        }
        Outcome::Masked
    }
}
