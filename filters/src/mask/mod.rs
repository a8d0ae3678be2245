//! Masks: functions from a value's text to another text, or to NULL.
//!
//! A mask is deterministic under its key, total (any bytes at all may come in), and fails closed: what it cannot read
//! becomes its redaction, never itself, and is counted. A value is masked by the key of its **domain**, a name for a kind of
//! value; equal values of one domain are equal after masking, in whichever table they stand. Without a domain a mask has
//! the domain `mask:<its name>`, so that `email` without more is one function everywhere.
//!
//! A mask is one file with a [`Kind`] in it, and one line in [`KINDS`]. What all have in common is here, in
//! [`Mask::apply`], so that no mask can forget it:
//!
//! - NULL stays NULL; whoever calls sees to that, a mask never meets one.
//! - The empty string of a text column stays empty, unless the mask says otherwise: it holds nothing, and many programs
//!   write it for NULL.
//! - What the server calls equal looks alike to every mask: a value comes in the one canonical form (`form.rs`) of its type.
//! - On an array column a mask applies to each element.
//! - Output fits in `varchar(n)` and `char(n)`; a column too narrow for the mask is refused when the mask is made.
//! - Nothing is allocated per value that is in its form already.

mod agree;
mod alnum;
mod bucket;
mod card;
mod choice;
mod city;
mod classes;
mod company;
mod compose;
mod constant;
mod country;
mod crypto_pan;
mod date;
mod date_shift;
mod date_trunc;
mod digits;
mod elements;
mod email;
mod facts;
mod ff1;
mod first_name;
mod form;
mod hash;
mod hstore;
mod iban;
mod integer;
mod ip;
mod json;
mod keyed;
mod kind;
mod last_name;
mod lists;
mod lorem;
mod lowercase;
mod mac;
mod make;
mod name;
mod noise;
mod null;
mod number;
mod partial;
mod phone;
mod postcode;
mod quoted;
mod redact;
mod regex;
mod round;
mod scrub;
mod setting;
mod spec;
mod street;
mod token;
mod url;
mod username;
mod uuid;
mod when;
mod xml;

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::BytesMut;

pub use self::agree::agree;
use self::elements::Elements;
pub(crate) use self::facts::oid;
pub use self::facts::{ColumnFacts, Made};
use self::form::{Form, Sees};
pub use self::kind::{Empty, Kind, Parameter, What, Within};
pub use self::make::Writes;
use self::make::{Built, Make, NoColumns};
pub(crate) use self::make::{Columns, NoSibling};
pub use self::setting::{Decimal, NotADecimal, Setting};
pub use self::spec::{Injective, MaskError, MaskSpec};
pub use self::when::When;
use crate::key::MaskKey;
use crate::raw::RawRow;

/// Every mask there is, in the order in which to show them.
pub static KINDS: &[&Kind] = &[
    &null::KIND,
    &constant::KIND,
    &choice::KIND,
    &hash::KIND,
    &email::KIND,
    &name::KIND,
    &first_name::KIND,
    &last_name::KIND,
    &compose::KIND,
    &company::KIND,
    &street::KIND,
    &city::KIND,
    &postcode::KIND,
    &country::KIND,
    &phone::KIND,
    &digits::KIND,
    &alnum::KIND,
    &integer::KIND,
    &uuid::KIND,
    &token::KIND,
    &username::KIND,
    &card::KIND,
    &iban::KIND,
    &ip::KIND,
    &mac::KIND,
    &url::KIND,
    &noise::KIND,
    &round::KIND,
    &bucket::KIND,
    &date_shift::KIND,
    &date_trunc::KIND,
    &partial::KIND,
    &regex::KIND,
    &lorem::KIND,
    &scrub::KIND,
    &json::KIND,
    &hstore::KIND,
    &xml::KIND,
];

/// What a mask has made of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Outcome {
    /// Its masked form is appended.
    Masked,
    /// NULL. Whatever is appended means nothing.
    Null,
    /// The mask could not read it, and its redaction is appended.
    Redacted,
    /// The mask needs a value of the row that is not there. Whatever is appended means nothing.
    NeedsRow,
}

/// What a mask does with a value. Made once for a column, called for each row.
pub trait Masking: Send + Sync {
    /// Appends the masked form of `value`, the type's text output, to `out`, which it only ever appends to.
    fn apply(&self, value: &[u8], row: &RawRow<'_>, out: &mut BytesMut) -> Outcome;
}

/// A mask with its keys, made for a column.
pub struct Mask {
    masking: Box<dyn Masking>,
    injective: Injective,
    form: Form,
    sees: Sees,
    writes: Writes,
    empty: Empty,
    uses: Vec<usize>,
    unparsable: Arc<AtomicU64>,
}

impl Mask {
    /// Makes a mask for a column. `domain` is the kind of value; `None` is the domain `mask:<name>`.
    ///
    /// A mask that looks at other columns of the row cannot be made so: it has none.
    pub fn new(spec: &MaskSpec, key: &MaskKey, domain: Option<&str>, column: &ColumnFacts) -> Result<Mask, MaskError> {
        Mask::within(spec, key, domain, column, &NoColumns, &RefCell::default())
    }

    /// Makes a mask for a column among others. What it looks at is added to `uses`.
    pub(crate) fn within(
        spec: &MaskSpec,
        root: &MaskKey,
        domain: Option<&str>,
        column: &ColumnFacts,
        columns: &dyn Columns,
        uses: &RefCell<Vec<usize>>,
    ) -> Result<Mask, MaskError> {
        spec.check()?;
        let key = match domain {
            Some(domain) => root.derive(domain),
            None => root.derive(&format!("mask:{}", spec.name())),
        };
        let own = RefCell::default();
        let make = Make { spec, root, domain_name: domain, domain: key, column, columns, uses: &own };
        let (built, form, empty) = match (spec.when(), column.element()) {
            // each of the two masks sees to it by itself
            (Some(when), _) => (when::build(&make, when)?, Form::Printed, when::EMPTY),
            (None, Some(element)) if !spec.kind().types.starts_with("any") => {
                let each = Elements::of(Mask::within(spec, root, domain, &element, columns, &own)?);
                let injective = each.injective();
                (Built::new(each, injective)?, Form::Printed, spec.kind().empty)
            }
            (None, _) => {
                let built = (spec.kind().build)(&make)?;
                let form = Form::of(column, built.sees);
                (built, form, spec.kind().empty)
            }
        };
        let own = own.into_inner();
        uses.borrow_mut().extend_from_slice(&own);
        Ok(Mask {
            masking: built.masking,
            injective: built.injective,
            form,
            sees: built.sees,
            writes: built.writes,
            empty,
            uses: own,
            unparsable: Arc::default(),
        })
    }

    /// Appends the masked form of `value`, the type's text output, to `out`. The value stands in `row`.
    #[inline]
    pub fn apply(&self, value: &[u8], row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        match self.form {
            Form::Printed => self.apply_to_form(value, row, out),
            form => self.apply_to_form(&form.canonical(value), row, out),
        }
    }

    /// The same for a number within a document, whatever the type that the mask was made for.
    pub(crate) fn apply_to_number(&self, value: &[u8], row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        match self.sees {
            Sees::Written => self.apply_to_form(value, row, out),
            Sees::Canonical | Sees::Identity => self.apply_to_form(&Form::Number.canonical(value), row, out),
        }
    }

    #[inline]
    fn apply_to_form(&self, value: &[u8], row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        if value.is_empty() && self.empty == Empty::Stays {
            return Outcome::Masked;
        }
        let outcome = self.masking.apply(value, row, out);
        if outcome == Outcome::Redacted {
            self.unparsable.fetch_add(1, Ordering::Relaxed);
        }
        outcome
    }

    /// Do different values of this column stay different?
    pub fn injective(&self) -> Injective {
        self.injective
    }

    /// What it promises of all that it writes.
    pub fn writes(&self) -> Writes {
        self.writes
    }

    /// The other columns of the row that it looks at, by their places in the table. One may be named twice.
    pub fn uses(&self) -> &[usize] {
        &self.uses
    }

    /// Does it look at other columns of the row?
    pub fn looks(&self) -> bool {
        !self.uses.is_empty()
    }

    /// How many values were redacted because the mask could not read them.
    pub fn unparsable(&self) -> u64 {
        self.unparsable.load(Ordering::Relaxed)
    }

    /// Counts what it cannot read into `counter`, which it then shares with others.
    pub fn count_into(self, counter: &Arc<AtomicU64>) -> Mask {
        Mask { unparsable: Arc::clone(counter), ..self }
    }
}

/// Nothing of the keys.
impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mask").field("injective", &self.injective).finish_non_exhaustive()
    }
}
