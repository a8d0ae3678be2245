//! `hstore`: pairs whose values are masked, each as its key says; what no key names goes.
//!
//! - takes `hstore`
//! - keeps the pairs that are classed `keep`; the keys of those that are masked
//! - gives away the same
//! - NULL stays NULL, as a whole and as a pair's value; an empty value stays empty, as the masks in it say
//! - what is no hstore becomes one without pairs
//!
//! A value is masked as that of a text column is. A dropped pair is gone with its key.

use bytes::{BufMut, BytesMut};

use super::form::Sees;
use super::kind::{Empty, Kind, Parameter, What, Within};
use super::make::{Built, Inner, Make};
use super::quoted::{self, Malformed};
use super::spec::{Injective, MaskError};
use super::{ColumnFacts, Masking, Outcome};
use crate::raw::RawRow;

pub(crate) static KIND: Kind = Kind {
    name: "hstore",
    version: 1,
    makes: "the pairs with their values masked or kept as their keys say",
    types: "hstore",
    keeps: "what is kept, and the keys of what is masked",
    gives_away: "what is kept, and the keys of what is masked",
    unique: false,
    example: "{ mask: hstore, keys: { locale: keep, mail: email }, other: drop }",
    parameters: &[
        Parameter::new("keys", What::Classes, "what becomes of the values of these keys"),
        Parameter::new("other", What::Class { default: Some(Within::Drop) }, "what becomes of all others"),
    ],
    keyed: false,
    empty: Empty::Stays,
    build,
};

struct Hstore {
    keys: Vec<(Vec<u8>, Inner)>,
    other: Inner,
}

fn build(make: &Make<'_>) -> Result<Built, MaskError> {
    make.wants("hstore", make.column().is_named("hstore"))?;
    let part = |class| make.inner(class, &ColumnFacts::TEXT);
    let keys = make.classes("keys").iter().map(|(key, class)| Ok((key.as_bytes().to_vec(), part(class)?)));
    let other = make.class("other").map(part).transpose()?;
    Built::new(
        Hstore { keys: keys.collect::<Result<_, MaskError>>()?, other: other.unwrap_or(Inner::Drop) },
        Injective::No,
    )?
    .seeing(Sees::Written)
}

impl Masking for Hstore {
    fn apply(&self, value: &[u8], row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        let start = out.len();
        self.pairs(value, row, out).unwrap_or_else(|Malformed| {
            out.truncate(start);
            Outcome::Redacted
        })
    }
}

impl Hstore {
    fn pairs(&self, value: &[u8], row: &RawRow<'_>, out: &mut BytesMut) -> Result<Outcome, Malformed> {
        let begin = out.len();
        let (mut rest, mut redacted) = (value, false);
        loop {
            let (key, behind) = quoted::take(rest)?;
            let written = &rest[..rest.len() - behind.len()];
            let behind = behind.strip_prefix(b"=>").ok_or(Malformed)?;
            let (value, behind) = match behind.strip_prefix(b"NULL") {
                Some(behind) => (None, behind),
                None => quoted::take(behind).map(|(value, behind)| (Some(value), behind))?,
            };
            let what = self.keys.iter().find(|(k, _)| **k == *key).map_or(&self.other, |(_, what)| what);
            if !matches!(what, Inner::Drop) {
                out.put_slice(if out.len() > begin { b", " } else { b"" });
                out.put_slice(written);
                out.put_slice(b"=>");
                let start = out.len();
                let outcome = match (what, value) {
                    (Inner::Mask(mask), Some(value)) => mask.apply(&value, row, out),
                    (Inner::Keep, Some(value)) => {
                        out.put_slice(&value);
                        Outcome::Masked
                    }
                    (Inner::Drop, _) | (_, None) => Outcome::Null,
                };
                redacted |= outcome == Outcome::Redacted;
                match outcome {
                    Outcome::Masked | Outcome::Redacted => quoted::quote_from(start, out),
                    Outcome::NeedsRow => return Ok(Outcome::NeedsRow),
                    Outcome::Null => {
                        out.truncate(start);
                        out.put_slice(b"NULL");
                    }
                }
            }
            rest = match behind.strip_prefix(b", ") {
                Some(rest) => rest,
                None if behind.is_empty() => return Ok(if redacted { Outcome::Redacted } else { Outcome::Masked }),
                None => return Err(Malformed),
            };
        }
    }
}
