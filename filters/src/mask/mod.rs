//! Masks: functions from a value's text to another text, or to NULL.
//!
//! A mask is deterministic under its key, total (any bytes at all may come in), and fails closed: what it cannot read
//! becomes its redaction, never itself, and is counted. A value is masked by the key of its **domain**, a name for a kind of
//! value; equal values of one domain are equal after masking, in whichever table they stand. Without a domain a mask has
//! the domain `mask:<its name>`, so that `email` without more is one function everywhere.
//!
//! What all masks have in common:
//!
//! - NULL stays NULL; whoever calls sees to that, a mask never meets one.
//! - The empty string of a text column stays empty: it holds nothing, and many programs write it for NULL.
//! - The blanks that pad a `char(n)` are no part of the value (PostgreSQL compares without them) and are taken off.
//! - Output fits in `varchar(n)` and `char(n)`; a column too narrow for the mask is refused when the mask is made.
//! - Nothing is allocated per value.

mod digits;
mod email;
mod ff1;
mod hash;
mod integer;
mod name;
mod phone;
mod redact;
mod spec;
mod uuid;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{BufMut, BytesMut};

pub use self::spec::{Injective, MaskInfo, MaskSpec};
use crate::key::MaskKey;

/// `pg_type.oid`s, from `src/include/catalog/pg_type.dat`.
mod oid {
    pub const INT8: u32 = 20;
    pub const INT2: u32 = 21;
    pub const INT4: u32 = 23;
    pub const TEXT: u32 = 25;
    pub const BPCHAR: u32 = 1042;
    pub const VARCHAR: u32 = 1043;
    pub const UUID: u32 = 2950;
    /// The first that is not PostgreSQL's own (`FirstNormalObjectId`, `src/include/access/transam.h`).
    pub const FIRST_USER: u32 = 16384;
}

/// What a mask must know of the column it is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ColumnFacts {
    /// `pg_type.oid`.
    pub type_oid: u32,
    /// `atttypmod`, -1 where there is none.
    pub type_modifier: i32,
}

impl ColumnFacts {
    /// A column of type `text`.
    pub const TEXT: ColumnFacts = ColumnFacts { type_oid: oid::TEXT, type_modifier: -1 };

    /// Text, or a type that may be text: `citext`, a domain over text. We know no more of types that others made; an enum
    /// among them cannot hold what a mask writes, and the target says so.
    fn is_text(self) -> bool {
        matches!(self.type_oid, oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::FIRST_USER..)
    }

    /// The characters that it can hold, where the type says: `atttypmod` is that and 4 for `varchar` and `char`.
    fn room(self) -> Option<usize> {
        match self.type_oid {
            oid::VARCHAR | oid::BPCHAR => usize::try_from(self.type_modifier.checked_sub(4)?).ok(),
            _ => None,
        }
    }
}

/// A mask cannot be made for a column.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MaskError {
    /// The mask does not know the column's type.
    #[error("mask {mask} wants a column of type {wants}; this one has the type with oid {type_oid}")]
    Type {
        /// The mask.
        mask: &'static str,
        /// What it can be put on.
        wants: &'static str,
        /// What it was put on.
        type_oid: u32,
    },
    /// What the mask writes does not fit in the column.
    #[error("mask {mask} needs {needs} characters; the column holds {holds}")]
    Narrow {
        /// The mask.
        mask: &'static str,
        /// Characters at least.
        needs: usize,
        /// Characters at most.
        holds: usize,
    },
    /// A parameter of the mask is wrong.
    #[error("mask {mask}: {problem}")]
    Parameter {
        /// The mask.
        mask: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// A mask with its keys, made for a column.
pub struct Mask {
    kind: Kind,
    injective: Injective,
    /// Is the type `char(n)`, whose text output is padded?
    padded: bool,
    unparsable: Arc<AtomicU64>,
}

enum Kind {
    Null,
    Constant(String),
    Hash(hash::Hash),
    Email(email::Email),
    Name(name::Name),
    Phone(phone::Phone),
    Digits(digits::Digits),
    Integer(integer::Integer),
    Uuid(uuid::Uuid),
}

impl Mask {
    /// Makes a mask for a column. `domain` is the kind of value; `None` is the domain `mask:<name>`.
    pub fn new(spec: &MaskSpec, key: &MaskKey, domain: Option<&str>, column: &ColumnFacts) -> Result<Mask, MaskError> {
        let mask = spec.name();
        let key = match domain {
            Some(domain) => key.derive(domain),
            None => key.derive(&format!("mask:{mask}")),
        };
        let wants = |wants, given| {
            if given { Ok(()) } else { Err(MaskError::Type { mask, wants, type_oid: column.type_oid }) }
        };
        let text = || wants("text, varchar or char", column.is_text());
        let room = column.room().unwrap_or(usize::MAX);
        let needs = |needs| if needs <= room { Ok(()) } else { Err(MaskError::Narrow { mask, needs, holds: room }) };
        let parameter = |good, problem| if good { Ok(()) } else { Err(MaskError::Parameter { mask, problem }) };

        let mut injective = spec.injective();
        let kind = match *spec {
            MaskSpec::Null => Kind::Null,
            MaskSpec::Constant(ref constant) => {
                needs(constant.chars().count())?;
                parameter(!constant.contains('\0'), "PostgreSQL has no text with a zero byte")?;
                Kind::Constant(constant.clone())
            }
            MaskSpec::Hash { length } => {
                text()?;
                let length = usize::from(length.unwrap_or(64));
                parameter((8..=64).contains(&length), "length is 8 to 64")?;
                needs(8)?;
                injective = spec::hashed(length.min(room) * 4);
                Kind::Hash(hash::Hash { key: key.for_use("hash"), length: length.min(room) })
            }
            MaskSpec::Email { keep_domain } => {
                text()?;
                needs(email::LEAST_ROOM)?;
                let (key, unparsable) = (key.for_use("email"), key.for_use("email unparsable"));
                let email = email::Email { key, unparsable, keep_domain, room };
                injective = spec::hashed(email.local() * 5);
                Kind::Email(email)
            }
            MaskSpec::Name => {
                text()?;
                Kind::Name(name::Name { key: key.for_use("name"), room })
            }
            MaskSpec::Phone { keep_country } => {
                text()?;
                let unparsable = key.for_use("phone unparsable");
                Kind::Phone(phone::Phone { ff1: ff1::Ff1::new(&key.for_use("ff1")), unparsable, keep_country, room })
            }
            MaskSpec::Digits { keep_prefix, keep_suffix } => {
                let width = match column.type_oid {
                    oid::INT2 => Some(integer::Width::Two),
                    oid::INT4 => Some(integer::Width::Four),
                    oid::INT8 => Some(integer::Width::Eight),
                    _ => None,
                };
                wants("text, varchar, char, smallint, integer or bigint", width.is_some() || column.is_text())?;
                let kept = keep_prefix.saturating_add(keep_suffix);
                let (ff1, unparsable) = (ff1::Ff1::new(&key.for_use("ff1")), key.for_use("digits unparsable"));
                match width {
                    Some(width) => {
                        parameter(kept == 0, "keep_prefix and keep_suffix want a text column, an integer has none")?;
                        injective = Injective::Yes("FF1 over all values of the type");
                        Kind::Integer(integer::Integer { ff1, unparsable, width })
                    }
                    None => {
                        parameter(kept <= digits::MAX_KEPT, "keep_prefix and keep_suffix are 64 at most, together")?;
                        Kind::Digits(digits::Digits { ff1, unparsable, keep_prefix, keep_suffix })
                    }
                }
            }
            MaskSpec::Uuid => {
                wants("uuid, text, varchar or char", column.type_oid == oid::UUID || column.is_text())?;
                needs(uuid::LENGTH)?;
                Kind::Uuid(uuid::Uuid {
                    ff1: ff1::Ff1::new(&key.for_use("uuid")),
                    unparsable: key.for_use("uuid unparsable"),
                })
            }
        };
        Ok(Mask { kind, injective, padded: column.type_oid == oid::BPCHAR, unparsable: Arc::default() })
    }

    /// Appends the masked form of `value`, the type's text output, to `out`. False for NULL; nothing is appended then.
    #[inline]
    pub fn apply(&self, value: &[u8], out: &mut BytesMut) -> bool {
        let value = if self.padded { without_padding(value) } else { value };
        if value.is_empty() && !matches!(self.kind, Kind::Null | Kind::Constant(_)) {
            return true;
        }
        let parsed = match &self.kind {
            Kind::Null => return false,
            Kind::Constant(constant) => {
                out.put_slice(constant.as_bytes());
                true
            }
            Kind::Hash(mask) => {
                mask.apply(value, out);
                true
            }
            Kind::Name(mask) => {
                mask.apply(value, out);
                true
            }
            Kind::Email(mask) => mask.apply(value, out),
            Kind::Phone(mask) => mask.apply(value, out),
            Kind::Digits(mask) => mask.apply(value, out),
            Kind::Integer(mask) => mask.apply(value, out),
            Kind::Uuid(mask) => mask.apply(value, out),
        };
        if !parsed {
            self.unparsable.fetch_add(1, Ordering::Relaxed);
        }
        true
    }

    /// Do different values of this column stay different?
    pub fn injective(&self) -> Injective {
        self.injective
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

fn without_padding(value: &[u8]) -> &[u8] {
    let end = value.iter().rposition(|b| *b != b' ').map_or(0, |last| last + 1);
    &value[..end]
}
