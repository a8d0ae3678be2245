//! `choice`: one of a list.
//!
//! - takes every type
//! - keeps equality, within its domain; more values than the list has texts fall together
//! - gives away the list; and, of two values that become different, that they differ
//! - NULL stays NULL (the caller's part); the empty string becomes one of the list like any other value
//! - nothing is unparsable
//!
//! By keyed hash, each text as likely as any other. The texts must be valid for the column's type: of an enum that the catalog knows,
//! and of the column's room, that is looked at when the mask is made; of other types the target says it.

use bytes::{BufMut, BytesMut};

use super::facts::Made;
use super::form::Sees;
use super::kind::{Empty, Kind, Parameter, What};
use super::lists::{Draws, characters};
use super::make::{Built, Make};
use super::spec::{Injective, MaskError};
use super::{Masking, Outcome};
use crate::key::SubKey;
use crate::raw::RawRow;

pub(crate) static KIND: Kind = Kind {
    name: "choice",
    version: 1,
    makes: "one of a list of texts",
    types: "any",
    keeps: "equality",
    gives_away: "which values became different; the list",
    unique: false,
    example: "{ mask: choice, of: [red, green, blue] }",
    parameters: &[Parameter::required("of", What::Texts, "the texts to choose from, one at least")],
    keyed: true,
    empty: Empty::Masked,
    build,
};

struct Choice {
    key: SubKey,
    of: Vec<String>,
}

fn build(make: &Make<'_>) -> Result<Built, MaskError> {
    let of = make.texts("of").to_vec();
    if of.is_empty() {
        return Err(make.fault("of: a list of one text at least"));
    }
    if of.iter().any(|text| text.contains('\0')) {
        return Err(make.fault("of: PostgreSQL has no text with a zero byte"));
    }
    for text in &of {
        make.needs(characters(&[text.as_str()]))?;
    }
    if let Made::Enum(labels) = &make.column().base().made
        && !of.iter().all(|text| labels.contains(text))
    {
        return Err(make.fault("of: not every text is a label of the column's enum"));
    }
    let longest = of.iter().map(|text| text.chars().count()).max().unwrap_or(0);
    let built = Built::new(Choice { key: make.key("choice"), of }, Injective::No)?.at_most(longest);
    built.seeing(Sees::Identity)
}

impl Masking for Choice {
    fn apply(&self, value: &[u8], _row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        let chosen = Draws::new(self.key.hash(value)).below(self.of.len());
        out.put_slice(self.of.get(chosen).map_or(&[], |text| text.as_bytes()));
        Outcome::Masked
    }
}
