//! `noise`: a number nearby.
//!
//! - takes columns of numbers
//! - keeps the number, to within `ratio` of it or `amount`, whichever is more; the sign, unless `amount` leads across zero; how many
//!   digits stand behind the point; equality; `NaN` and the infinities; zero, unless there is an `amount`
//! - gives away the same
//! - NULL stays NULL (the caller's part)
//! - unparsable (more than 38 digits): 0, counted
//!
//! How much is added or taken away is drawn by keyed BLAKE3 of the number, evenly from all that is within the bounds but
//! nothing; at least one unit of the last digit, so that no number stays what it was. Equal numbers stay equal: so who
//! knows one person's number knows it of all who have the same. `by` names a column whose raw value is mixed in, such as the row's
//! key, and then equal numbers of different rows part. What would leave the type's range goes the other way.
//!
//! It hides what a number is to the digit, not about how much. Sums and averages of many stay near.

use bytes::BytesMut;

use super::kind::{Empty, Kind, Parameter, What};
use super::make::{Built, Make, Mark};
use super::number::{Holds, Number, TYPES};
use super::setting::Decimal;
use super::spec::{Injective, MaskError};
use super::{Masking, Outcome};
use crate::key::SubKey;
use crate::raw::{Raw, RawRow};

pub(crate) static KIND: Kind = Kind {
    name: "noise",
    version: 1,
    makes: "a number nearby",
    types: TYPES,
    keeps: "the number, to within ratio or amount; equality, unless by parts it",
    gives_away: "about how much it is",
    unique: false,
    example: "{ mask: noise, ratio: 0.05, amount: 100, by: customer_id }",
    parameters: &[
        Parameter::new(
            "ratio",
            What::Decimal { least: Decimal::new(0, 0), most: Decimal::new(1, 0), default: Some(Decimal::new(1, 1)) },
            "the most that is added or taken away, as a part of the number; three digits behind the point at most",
        ),
        Parameter::new(
            "amount",
            What::Decimal {
                least: Decimal::new(0, 0),
                most: Decimal::new(1_000_000_000_000_000, 0),
                default: Some(Decimal::new(0, 0)),
            },
            "the same as a number, where that is more",
        ),
        Parameter::new("by", What::Text { default: None }, "a column whose raw value is mixed in"),
    ],
    keyed: true,
    empty: Empty::Stays,
    build,
};

struct Noise {
    key: SubKey,
    entities: SubKey,
    holds: Holds,
    thousandths: u128,
    amount: Number,
    by: Option<Mark>,
}

fn build(make: &Make<'_>) -> Result<Built, MaskError> {
    let holds = Holds::of(make)?;
    let zero = Decimal::new(0, 0);
    let ratio = Number::of(make.decimal("ratio").unwrap_or(zero));
    let Some(ratio) = ratio.at(3) else {
        return Err(make.fault("ratio has more than three digits behind the point"));
    };
    let amount = Number::of(make.decimal("amount").unwrap_or(zero));
    if ratio.units == 0 && amount.units == 0 {
        return Err(make.fault("ratio and amount are zero, and nothing would change"));
    }
    let Some(amount) = amount.at(holds.scale().unwrap_or(amount.scale)) else {
        return Err(make.fault("amount has more digits than the column"));
    };
    let by = make.mark("by")?;
    let (key, entities) = (make.key("noise"), make.key("noise by"));
    Built::new(Noise { key, entities, holds, thousandths: ratio.units, amount, by }, Injective::No)
}

impl Masking for Noise {
    fn apply(&self, value: &[u8], row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        let entity = match self.by.as_ref().map(|by| by.of(row)) {
            Some(Raw::Absent) => return Outcome::NeedsRow,
            Some(Raw::Text(text)) => self.entities.hash(&text),
            Some(Raw::Null) | None => [0; 32],
        };
        self.holds.mask(value, out, |shortest| {
            let number = match self.holds {
                Holds::Float { digits, .. } => shortest.with_digits(digits),
                _ => shortest,
            };
            let mut drawn = [0u8; 32 + 16 + 4 + 1];
            drawn[..32].copy_from_slice(&entity);
            drawn[32..48].copy_from_slice(&number.units.to_be_bytes());
            drawn[48..52].copy_from_slice(&number.scale.to_be_bytes());
            drawn[52] = number.negative.into();
            self.near(number, &self.key.hash(&drawn))
        })
    }
}

impl Noise {
    fn near(&self, number: Number, hash: &[u8; 32]) -> Option<Number> {
        // not at once, which 128 bits would not hold
        let part = number.units / 1000 * self.thousandths + number.units % 1000 * self.thousandths / 1000;
        let amount =
            if self.amount.units == 0 { 0 } else { self.amount.at(number.scale.max(self.amount.scale))?.units };
        let number = number.at(if amount > 0 { number.scale.max(self.amount.scale) } else { number.scale })?;
        let most = part.max(amount).max(u128::from(number.units > 0));
        if most == 0 {
            return Some(number);
        }
        let (draw, sign) = hash.split_at(16);
        let draw = draw.iter().fold(0u128, |n, b| n << 8 | u128::from(*b));
        let by = i128::try_from(draw % most + 1).ok()?;
        let by = if sign.first()? & 1 == 1 { -by } else { by };
        [by, -by].into_iter().filter_map(|by| number.plus(by)).find(|masked| self.holds.takes(masked, &number))
    }
}
