//! What the sampled values of a column look like, taken together.
//!
//! A [`Sample`] counts shapes. The values themselves are gone as soon as they are counted: it can say that nine in ten were
//! email addresses, and no more.

use super::kind::Kind;
use super::shapes::{Shape, Shapes};

/// Counts over the values of one column.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sample {
    /// Values that are not NULL, empty or blank.
    n: u32,
    counts: [u32; Shape::ALL.len()],
}

impl Default for Sample {
    fn default() -> Sample {
        Sample { n: 0, counts: [0; Shape::ALL.len()] }
    }
}

/// With fewer values than this nothing is concluded.
const ENOUGH: u32 = 5;

/// So much of a long value is looked at, in bytes.
const LONGEST: usize = 4096;

impl Sample {
    /// Counts a value in.
    pub fn add(&mut self, value: &str) {
        let mut end = value.len().min(LONGEST);
        while !value.is_char_boundary(end) {
            end -= 1;
        }
        let value = &value[..end];
        if value.trim().is_empty() {
            return;
        }
        self.n += 1;
        let shapes = Shapes::of(value);
        for shape in Shape::ALL {
            self.counts[shape as usize] += u32::from(shapes.has(shape));
        }
    }

    /// Was no value counted?
    pub fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// Are at least so many in a hundred of this shape?
    pub fn at_least(&self, percent: u32, shape: Shape) -> bool {
        self.n >= ENOUGH && self.counts[shape as usize] * 100 >= self.n * percent && self.counts[shape as usize] > 0
    }

    /// What the values are, if they are something: the first that fits. A form with check digits or a prefix of its own
    /// says more than one without; check digits that one value in ten has by chance must be on nearly all.
    pub fn kind(&self) -> Option<Kind> {
        const SURE: &[(u32, Shape, Kind)] = &[
            (50, Shape::PasswordHash, Kind::PasswordHash),
            (50, Shape::Token, Kind::Token),
            (40, Shape::SecretUrl, Kind::SecretUrl),
            (30, Shape::Email, Kind::Email),
            (50, Shape::Iban, Kind::Account),
            (80, Shape::Card, Kind::Card),
            (60, Shape::MaskedCard, Kind::Card),
            (90, Shape::Person, Kind::NationalId),
            (90, Shape::Taxpayer, Kind::TaxId),
            (50, Shape::Mac, Kind::Mac),
            (60, Shape::Ip, Kind::Ip),
            (40, Shape::Agent, Kind::Device),
            (40, Shape::Document, Kind::Document),
            (50, Shape::Street, Kind::Street),
            (60, Shape::Phone, Kind::Phone),
            (3, Shape::Telling, Kind::FreeText),
            (50, Shape::FullName, Kind::FullName),
            (40, Shape::FirstName, Kind::FirstName),
            (35, Shape::LastName, Kind::LastName),
        ];
        if self.at_least(90, Shape::Ean) {
            return None;
        }
        SURE.iter().find(|(percent, shape, _)| self.at_least(*percent, *shape)).map(|(_, _, kind)| *kind)
    }

    /// Are the values prose that tells of nobody, as far as one can see?
    pub fn prose(&self) -> bool {
        self.at_least(50, Shape::Prose)
    }

    /// Are they tokens of no known form?
    pub fn random(&self) -> bool {
        self.at_least(80, Shape::Random)
    }

    /// Are nearly all of a form that tells of nobody?
    pub fn nobodys(&self) -> bool {
        self.at_least(90, Shape::Plain) || self.at_least(90, Shape::Ean)
    }
}
