//! `name`: another person's full name.
//!
//! - takes text of any form
//! - keeps equality, within its domain
//! - gives away which names are equal, and which are empty
//! - NULL stays NULL (the caller's part); the empty string stays empty
//! - nothing is unparsable
//!
//! "First Last", chosen by keyed hash from the English lists of the `fake` crate: some 1.4 million pairs, so two
//! people share a name after a few thousand, as they do in life, and once in a million somebody keeps his own. The lists
//! are the crate's: an update of it can rename everybody, which the golden vectors tell.
//!
//! In a `varchar(n)` without room for both, the first name alone, cut if it must be.

use bytes::{BufMut, BytesMut};
use fake::locales::{Data, EN};

use super::kind::{Empty, Kind};
use super::make::{Built, Make};
use super::spec::{Injective, MaskError};
use super::{Masking, Outcome};
use crate::key::SubKey;
use crate::raw::RawRow;

pub(crate) static KIND: Kind = Kind {
    name: "name",
    version: 1,
    makes: "another person's full name",
    types: "text",
    keeps: "equality",
    gives_away: "which names are equal",
    unique: false,
    example: "name",
    parameters: &[],
    keyed: true,
    empty: Empty::Stays,
    build,
};

struct Name {
    key: SubKey,
    /// Characters that the column can hold.
    room: usize,
}

fn build(make: &Make<'_>) -> Result<Built, MaskError> {
    make.wants_text()?;
    Built::new(Name { key: make.key("name"), room: make.room() }, Injective::No)
}

impl Masking for Name {
    fn apply(&self, value: &[u8], _row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        let hash = self.key.hash(value);
        let (head, rest) = hash.split_at(8);
        let first = choose(EN::NAME_FIRST_NAME, head);
        let last = choose(EN::NAME_LAST_NAME, &rest[..8]);
        if first.len() + 1 + last.len() <= self.room {
            out.put_slice(first.as_bytes());
            out.put_u8(b' ');
            out.put_slice(last.as_bytes());
        } else {
            out.put_slice(&first.as_bytes()[..first.len().min(self.room)]);
        }
        Outcome::Masked
    }
}

/// Multiply and shift (Lemire 2019, <https://arxiv.org/abs/1805.10941>): even to one part in 2^50, and no division.
fn choose(list: &'static [&'static str], hash: &[u8]) -> &'static str {
    let n = hash.iter().fold(0u64, |n, b| n << 8 | u64::from(*b));
    list[((u128::from(n) * list.len() as u128) >> 64) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_ascii_and_of_use() {
        for list in [EN::NAME_FIRST_NAME, EN::NAME_LAST_NAME] {
            assert!(list.len() > 400);
            assert!(list.iter().all(|n| n.is_ascii() && !n.is_empty()));
        }
    }
}
