//! `postcode`: other letters and digits in the same places.
//!
//! - takes text of any form
//! - keeps equality, length, spaces and punctuation, where letters and digits stand, the first `keep_prefix` characters
//! - gives away all that it keeps: the form tells the country, a kept prefix the region
//! - NULL stays NULL (the caller's part); the empty string stays empty
//! - unparsable: nothing but what has neither letter nor digit behind the kept prefix (then nothing is kept), counted
//!
//! By keyed hash, character by character, none of them what it was. Not a code that exists: post goes astray, and that is meant.

use bytes::{BufMut, BytesMut};

use super::kind::{Empty, Kind, Parameter, What};
use super::make::{Built, Make};
use super::spec::{Injective, MaskError};
use super::{Masking, Outcome, redact};
use crate::key::SubKey;
use crate::raw::RawRow;

pub(crate) static KIND: Kind = Kind {
    name: "postcode",
    version: 1,
    makes: "another postcode of the same form",
    types: "text",
    keeps: "equality, the form; the first keep_prefix characters",
    gives_away: "the form, and with it the country; what keep_prefix keeps",
    unique: false,
    example: "{ mask: postcode, keep_prefix: 2 }",
    parameters: &[Parameter::new(
        "keep_prefix",
        What::Number { least: 0, most: 4, default: Some(0) },
        "characters to keep at the beginning",
    )],
    keyed: true,
    empty: Empty::Stays,
    build,
};

struct Postcode {
    key: SubKey,
    keep: usize,
}

fn build(make: &Make<'_>) -> Result<Built, MaskError> {
    make.wants_text()?;
    Built::new(Postcode { key: make.key("postcode"), keep: make.count("keep_prefix").unwrap_or(0) }, Injective::No)
}

impl Masking for Postcode {
    fn apply(&self, value: &[u8], _row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        let kept = value.iter().take(self.keep).take_while(|b| b.is_ascii_alphanumeric()).count();
        let (prefix, rest) = value.split_at(kept);
        if !rest.iter().any(u8::is_ascii_alphanumeric) {
            redact::same_shape(&self.key, value, out);
            return Outcome::Redacted;
        }
        out.put_slice(prefix);
        redact::same_shape(&self.key, rest, out);
        Outcome::Masked
    }
}
