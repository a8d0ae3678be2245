//! `when:`: a mask for some rows only, decided by a predicate over the same raw row.
//!
//! - where the predicate is true, the mask; where it is false, what `else:` says
//! - where it is NULL, or one of its values cannot be read, the mask: not known to be exempt is not exempt
//! - where it hangs on a value that the stream did not send, the row is fetched
//!
//! **`else:` has no default.** It says what becomes of the rows that are *not* masked, and no guess is right: whoever wrote `when:
//! country = 'DE'` meant either that others may be seen or that others need not come, and only he knows which. So it is written
//! down, and whoever reviews the file sees `else: keep` and must not know a rule.
//!
//! It is no function of the value alone: equal values of two rows may come out different, and different ones equal. So it is
//! for no key, no end of a reference, no domain.

use bytes::{BufMut, BytesMut};

use super::kind::Empty;
use super::make::{Built, Inner, Make};
use super::spec::{Injective, MaskError};
use super::{Masking, Outcome};
use crate::policy::Class;
use crate::predicate::{Bound, Predicate, Truth};
use crate::raw::RawRow;

/// For which rows a mask is, and what becomes of the others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct When {
    /// For those of which this is not false.
    pub predicate: Predicate,
    /// What becomes of those of which it is.
    pub otherwise: Class,
}

/// What becomes of the empty string, the two masks say themselves.
pub(super) const EMPTY: Empty = Empty::Masked;

pub(super) fn build(make: &Make<'_>, when: &When) -> Result<Built, MaskError> {
    let of = |class: &Class| make.inner(class, make.column());
    let then = of(&Class::Mask { spec: make.spec.always(), domain: make.domain_name.map(str::to_owned) })?;
    let otherwise = of(&when.otherwise)?;
    let bound = when.predicate.bind(&make.columns.fields()).map_err(|e| make.fault(format!("when: {e}")))?;
    for column in bound.columns() {
        make.raw(column)?;
    }
    Built::new(ForSome { bound, then, otherwise }, Injective::No)
}

struct ForSome {
    bound: Bound,
    then: Inner,
    otherwise: Inner,
}

impl Masking for ForSome {
    fn apply(&self, value: &[u8], row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        let what = match self.bound.eval_raw(row) {
            Truth::True | Truth::Unknown => &self.then,
            Truth::False => &self.otherwise,
            Truth::NeedsRow if self.bound.has_all(row) => &self.then,
            Truth::NeedsRow => return Outcome::NeedsRow,
        };
        match what {
            Inner::Drop => Outcome::Null,
            Inner::Mask(mask) => mask.apply(value, row, out),
            Inner::Keep => {
                out.put_slice(value);
                Outcome::Masked
            }
        }
    }
}
