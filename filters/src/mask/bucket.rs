//! `bucket`: where the bucket begins that a number falls into.
//!
//! - takes columns of numbers
//! - keeps which bucket it is; order, but not strictly; `NaN` and the infinities
//! - gives away the same
//! - NULL stays NULL (the caller's part)
//! - unparsable (more than 38 digits, counted in steps of the finest): 0, counted
//!
//! Buckets begin at `bounds`, which ascend. What is below the first falls into the first. From the last one on they are `width`
//! wide, or without it the last has no end. Without bounds all are `width` wide, and one begins at zero. What would begin below
//! the type's range begins one later. Needs no key. A bucket that few fall into names them.

use bytes::BytesMut;

use super::kind::{Empty, Kind, Parameter, What};
use super::make::{Built, Make};
use super::number::{self, Holds, Number, TYPES};
use super::round::STEP;
use super::spec::{Injective, MaskError};
use super::{Masking, Outcome};
use crate::raw::RawRow;

pub(crate) static KIND: Kind = Kind {
    name: "bucket",
    version: 1,
    makes: "where the bucket begins that a number falls into",
    types: TYPES,
    keeps: "which bucket it is; order",
    gives_away: "what it keeps",
    unique: false,
    example: "{ mask: bucket, bounds: ['0', '18', '30'], width: 10 }",
    parameters: &[
        Parameter::new("bounds", What::Texts, "where buckets begin, ascending"),
        Parameter::new("width", STEP, "how wide the buckets are from the last bound on, or all of them"),
    ],
    keyed: false,
    empty: Empty::Stays,
    build,
};

struct Bucket {
    holds: Holds,
    bounds: Vec<Number>,
    width: Option<Number>,
}

fn build(make: &Make<'_>) -> Result<Built, MaskError> {
    let holds = Holds::of(make)?;
    let mut bounds = Vec::new();
    for text in make.texts("bounds") {
        let Some(bound) = number::read(text.as_bytes()) else {
            return Err(make.fault("bounds are numbers of at most 38 digits"));
        };
        if holds.read(text.as_bytes()).is_none_or(|bound| !holds.takes(&bound, &bound)) {
            return Err(make.fault("one of bounds does not fit in the column"));
        }
        if bounds.last().is_some_and(|last| *last >= bound) {
            return Err(make.fault("bounds do not ascend"));
        }
        bounds.push(bound);
    }
    let width = make.decimal("width").map(Number::of);
    if bounds.is_empty() && width.is_none() {
        return Err(make.fault("bounds or width is needed"));
    }
    if let (Some(scale), Some(width)) = (holds.scale(), width)
        && width.at(scale).is_none()
    {
        return Err(make.fault("width has more digits behind the point than the column"));
    }
    Built::new(Bucket { holds, bounds, width }, Injective::No)
}

impl Masking for Bucket {
    fn apply(&self, value: &[u8], _row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        self.holds.mask(value, out, |number| self.begin(number))
    }
}

impl Bucket {
    fn begin(&self, number: Number) -> Option<Number> {
        let above = self.bounds.partition_point(|bound| *bound <= number);
        match (self.width, self.bounds.last()) {
            (Some(width), last) if above == self.bounds.len() => {
                let zero = Number { negative: false, units: 0, scale: 0 };
                self.stepped(number, *last.unwrap_or(&zero), width)
            }
            _ => self.bounds.get(above.saturating_sub(1)).copied(),
        }
    }

    /// The last of the numbers that lie whole widths from `origin` and are not above.
    fn stepped(&self, number: Number, origin: Number, width: Number) -> Option<Number> {
        let scale = number.scale.max(origin.scale).max(width.scale);
        let signed = |n: Number| {
            let units = i128::try_from(n.at(scale)?.units).ok()?;
            Some(if n.negative { -units } else { units })
        };
        let (number, width) = (number.at(scale)?, signed(width)?);
        let beyond = signed(number)?.checked_sub(signed(origin)?)?.rem_euclid(width);
        let below = number.plus(-beyond)?;
        [Some(below), below.plus(width)].into_iter().flatten().find(|begin| self.holds.takes(begin, &number))
    }
}
