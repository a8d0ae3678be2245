//! `null`: every value becomes NULL.
//!
//! - takes any column that may be NULL
//! - keeps nothing, not even which values are empty
//! - gives away nothing
//! - nothing is unparsable
//!
//! Fit for a unique column: NULLs do not collide there, unless the index says NULLS NOT DISTINCT.

use bytes::BytesMut;

use super::kind::{Empty, Kind};
use super::make::{Built, Make};
use super::spec::{Injective, MaskError};
use super::{Masking, Outcome};
use crate::raw::RawRow;

pub(crate) static KIND: Kind = Kind {
    name: "null",
    version: 1,
    makes: "NULL",
    types: "any, nullable",
    keeps: "nothing",
    gives_away: "nothing",
    unique: true,
    example: "null",
    parameters: &[],
    keyed: false,
    empty: Empty::Masked,
    build,
};

struct Null;

fn build(_make: &Make<'_>) -> Result<Built, MaskError> {
    let is = Injective::Yes("NULLs do not collide, unless the index says NULLS NOT DISTINCT");
    Built::new(Null, is).map(|built| built.small().at_most(0))
}

impl Masking for Null {
    fn apply(&self, _value: &[u8], _row: &RawRow<'_>, _out: &mut BytesMut) -> Outcome {
        Outcome::Null
    }
}
