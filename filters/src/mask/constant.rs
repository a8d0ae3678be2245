//! `constant`: one text for every value.
//!
//! - takes any column; whether the text is good for the column's type only the target knows
//! - keeps whether it is NULL
//! - gives away the same
//! - NULL stays NULL; the empty string becomes the text too
//! - nothing is unparsable

use bytes::{BufMut, BytesMut};

use super::kind::{Empty, Kind, Parameter, What};
use super::make::{Built, Make};
use super::spec::{Injective, MaskError};
use super::{Masking, Outcome};
use crate::raw::RawRow;

pub(crate) static KIND: Kind = Kind {
    name: "constant",
    version: 1,
    makes: "one text for every value",
    types: "any",
    keeps: "whether it is NULL",
    gives_away: "whether it is NULL",
    unique: false,
    example: "{ mask: constant, value: \"[removed]\" }",
    parameters: &[Parameter::required("value", What::Text { default: None }, "the text, valid for the column's type")],
    keyed: false,
    empty: Empty::Masked,
    build,
};

struct Constant(String);

fn build(make: &Make<'_>) -> Result<Built, MaskError> {
    let value = make.text("value").unwrap_or_default();
    make.needs(value.chars().count())?;
    if value.contains('\0') {
        return Err(make.fault("PostgreSQL has no text with a zero byte"));
    }
    let longest = value.chars().count();
    Built::new(Constant(value.to_owned()), Injective::No).map(|built| built.at_most(longest))
}

impl Masking for Constant {
    fn apply(&self, _value: &[u8], _row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        out.put_slice(self.0.as_bytes());
        Outcome::Masked
    }
}
