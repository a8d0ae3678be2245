//! `username`: a name to log in with that nobody has.
//!
//! - takes text of any form
//! - keeps equality; with `fold_case` ignoring ASCII case, in a `citext` column ignoring case as its canonical form does
//! - gives away which values are equal, and which are empty
//! - NULL stays NULL (the caller's part); the empty string stays empty
//! - nothing is unparsable
//!
//! `u` and 100 bits of keyed BLAKE3 in 20 characters of lower-case base32 (RFC 4648, section 6): it begins with a letter and has
//! only small letters and digits, which every system takes. A `varchar(n)` below 21 characters cuts it, down to 9 (40 bits).
//!
//! `fold_case` folds ASCII only: Unicode's folding changes with its version, and a mask may not change with a compiler.

use bytes::{BufMut, BytesMut};

use super::keyed::letters;
use super::kind::{Empty, Kind, Parameter, What};
use super::make::{Built, Make};
use super::spec::{Injective, MaskError, hashed};
use super::{Masking, Outcome};
use crate::key::SubKey;
use crate::raw::RawRow;

pub(crate) static KIND: Kind = Kind {
    name: "username",
    version: 1,
    makes: "a name to log in with that nobody has",
    types: "text",
    keeps: "equality; with fold_case and in citext, ignoring ASCII case",
    gives_away: "which values are equal",
    unique: true,
    example: "{ mask: username, fold_case: true }",
    parameters: &[Parameter::new("fold_case", What::Flag, "names that differ in case only are one")],
    keyed: true,
    empty: Empty::Stays,
    build,
};

const MOST: usize = 20;
const LEAST: usize = 8;

struct Username {
    key: SubKey,
    fold: bool,
    /// Characters behind the first.
    length: usize,
}

fn build(make: &Make<'_>) -> Result<Built, MaskError> {
    make.wants_text()?;
    make.needs(1 + LEAST)?;
    let (key, length) = (make.key("username"), MOST.min(make.room() - 1));
    let caseless = make.column().is_named("citext");
    let fold = make.flag("fold_case");
    let injective = if fold && !caseless { Injective::No } else { hashed(length * 5) };
    let built = Built::new(Username { key, fold, length }, injective)?.small().at_most(1 + length);
    Ok(if fold || caseless { built.folds() } else { built })
}

impl Masking for Username {
    fn apply(&self, value: &[u8], _row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        let hash = if self.fold { self.key.hash_folded(value) } else { self.key.hash(value) };
        out.put_u8(b'u');
        letters(&hash).take(self.length).for_each(|c| out.put_u8(c));
        Outcome::Masked
    }
}
