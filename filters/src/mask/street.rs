//! `street`: a street that nobody lives in.
//!
//! - takes text of any form
//! - keeps equality, within its domain; whether there is a digit in it (a house number)
//! - gives away the same, and which values are empty
//! - NULL stays NULL (the caller's part); the empty string stays empty
//! - nothing is unparsable
//!
//! A last name of the locale with what its streets are called after, and a number from 1 to 199 where the value had a digit, by
//! keyed hash: `12 Kuhlman Road`, `Kuhlman Platz 12`. Cut where the column has no room.

use bytes::BytesMut;

use super::kind::{Empty, Kind};
use super::lists::{Chooser, LOCALE};
use super::make::{Built, Make};
use super::spec::{Injective, MaskError};
use super::{Masking, Outcome};
use crate::raw::RawRow;

pub(crate) static KIND: Kind = Kind {
    name: "street",
    version: 1,
    makes: "another street, with a house number where there was one",
    types: "text",
    keeps: "equality, whether it has a house number",
    gives_away: "which values are equal, and which have a number",
    unique: false,
    example: "{ mask: street, locale: de }",
    parameters: &[LOCALE],
    keyed: true,
    empty: Empty::Stays,
    build,
};

struct Street(Chooser);

fn build(make: &Make<'_>) -> Result<Built, MaskError> {
    Built::new(Street(Chooser::new(make, "street")?), Injective::No)
}

impl Masking for Street {
    fn apply(&self, value: &[u8], _row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        let mut draws = self.0.draws(value);
        let name = draws.choose(self.0.lists.last_names);
        let suffix = draws.choose(self.0.lists.street_suffixes);
        let digits = number(1 + draws.below(199));
        let digits = std::str::from_utf8(&digits).unwrap_or_default().trim_start_matches('0');
        let street = match self.0.lists.street.starts_with("{StreetName}") {
            true => [name, " ", suffix],
            false => [suffix, " ", name],
        };
        let [a, b, c] = street;
        match (value.iter().any(u8::is_ascii_digit), self.0.lists.number_first) {
            (false, _) => self.0.put(&street, out),
            (true, true) => self.0.put(&[digits, " ", a, b, c], out),
            (true, false) => self.0.put(&[a, b, c, " ", digits], out),
        }
        Outcome::Masked
    }
}

/// Three digits, without an allocation.
fn number(n: usize) -> [u8; 3] {
    [n / 100, n / 10, n].map(|d| b'0' + (d % 10) as u8)
}
