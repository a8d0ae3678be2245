//! `round`: the nearest multiple of a number.
//!
//! - takes columns of numbers
//! - keeps the number, to half of `to`; order, but not strictly; `NaN` and the infinities
//! - gives away the same
//! - NULL stays NULL (the caller's part)
//! - unparsable (more than 38 digits, counted in steps of the finer of both): 0, counted
//!
//! Half a step goes away from zero, as PostgreSQL's `round` does; what would leave the type's range goes towards it. Needs no
//! key: what is rounded off is gone.

use bytes::BytesMut;

use super::kind::{Empty, Kind, Parameter, What};
use super::make::{Built, Make};
use super::number::{Holds, Number, TYPES};
use super::setting::Decimal;
use super::spec::{Injective, MaskError};
use super::{Masking, Outcome};
use crate::raw::RawRow;

pub(crate) static KIND: Kind = Kind {
    name: "round",
    version: 1,
    makes: "the nearest multiple of a number",
    types: TYPES,
    keeps: "the number, to half of the step; order",
    gives_away: "what it keeps",
    unique: false,
    example: "{ mask: round, to: 1000 }",
    parameters: &[Parameter::required("to", STEP, "the step: results are multiples of it")],
    keyed: false,
    empty: Empty::Stays,
    build,
};

/// What a step may be: above zero, and not so long that nothing is left to count with.
pub(super) const STEP: What =
    What::Decimal { least: Decimal::new(1, 9), most: Decimal::new(1_000_000_000_000_000, 0), default: None };

struct Round {
    holds: Holds,
    to: Number,
}

fn build(make: &Make<'_>) -> Result<Built, MaskError> {
    let holds = Holds::of(make)?;
    let to = Number::of(make.decimal("to").unwrap_or(Decimal::new(1, 0)));
    if holds.scale().is_some_and(|scale| to.at(scale).is_none()) {
        return Err(make.fault("to has more digits behind the point than the column"));
    }
    Built::new(Round { holds, to }, Injective::No)
}

impl Masking for Round {
    fn apply(&self, value: &[u8], _row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        self.holds.mask(value, out, |number| self.nearest(number))
    }
}

impl Round {
    fn nearest(&self, number: Number) -> Option<Number> {
        let scale = number.scale.max(self.to.scale);
        let (number, step) = (number.at(scale)?, self.to.at(scale)?.units);
        let below = number.units / step * step;
        let nearest = if (number.units - below) >= step - step / 2 { below.checked_add(step)? } else { below };
        let of = |units| Number { units, ..number };
        [nearest, below].into_iter().map(of).find(|rounded| self.holds.takes(rounded, &number))
    }
}
