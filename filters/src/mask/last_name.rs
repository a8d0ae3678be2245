//! `last_name`: another person's last name.
//!
//! - takes text of any form
//! - keeps equality, within its domain
//! - gives away which values are equal, and which are empty
//! - NULL stays NULL (the caller's part); the empty string stays empty
//! - nothing is unparsable
//!
//! One of some hundred names of the locale, by keyed hash. Cut where the column has no room.
use bytes::BytesMut;

use super::kind::{Empty, Kind};
use super::lists::{self, Draws, LOCALE, Lists};
use super::make::{Built, Make};
use super::spec::{Injective, MaskError};
use super::{Masking, Outcome};
use crate::key::SubKey;
use crate::raw::RawRow;

pub(crate) static KIND: Kind = Kind {
    name: "last_name",
    version: 1,
    makes: "another last name",
    types: "text",
    keeps: "equality",
    gives_away: "which values are equal",
    unique: false,
    example: "{ mask: last_name, locale: de }",
    parameters: &[LOCALE],
    keyed: true,
    empty: Empty::Stays,
    build,
};

struct LastName {
    key: SubKey,
    lists: Lists,
    /// Characters that the column can hold.
    room: usize,
}

fn build(make: &Make<'_>) -> Result<Built, MaskError> {
    make.wants_text()?;
    let mask = LastName { key: make.key("last_name"), lists: lists::of(make.text("locale")), room: make.room() };
    Built::new(mask, Injective::No)
}

impl Masking for LastName {
    fn apply(&self, value: &[u8], _row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        let mut draws = Draws::new(self.key.hash(value));
        lists::put(&[draws.choose(self.lists.last_names)], self.room, out);
        Outcome::Masked
    }
}
