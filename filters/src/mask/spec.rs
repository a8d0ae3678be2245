//! Which masks there are: plain data, as a policy names them.

use std::fmt::Write;

use super::email;

/// A mask with its parameters. The value-level contract of each is on top of its file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MaskSpec {
    /// Every value becomes NULL.
    Null,
    /// Every value that is not NULL becomes this text, which must be valid for the column's type.
    Constant(String),
    /// Keyed hash in hexadecimal.
    Hash {
        /// Characters, 8 to 64; 64 if not given.
        length: Option<u8>,
    },
    /// An address at `example.com`.
    Email {
        /// Keep what follows the `@`.
        keep_domain: bool,
    },
    /// Another person's full name.
    Name,
    /// Another number of the same form.
    Phone {
        /// Keep the country code after a leading `+`.
        keep_country: bool,
    },
    /// Other digits in the same places; another integer in an integer column.
    Digits {
        /// Digits at the beginning to keep.
        keep_prefix: usize,
        /// Digits at the end to keep.
        keep_suffix: usize,
    },
    /// Another UUID of the same version.
    Uuid,
}

/// Do different values stay different? A unique column needs to know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Injective {
    /// Yes, and this is why.
    Yes(&'static str),
    /// Not by construction; this is how unlikely a collision is.
    Collision(&'static str),
    /// No.
    No,
}

/// A mask as `masks list` shows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MaskInfo {
    /// What a policy calls it.
    pub name: &'static str,
    /// In a few words, what comes out.
    pub makes: &'static str,
    /// Columns that it can be put on.
    pub types: &'static str,
    /// What is kept of the value.
    pub keeps: &'static str,
    /// What somebody learns who sees masked values only.
    pub gives_away: &'static str,
    /// Fit for a unique column, with its default parameters?
    pub unique: bool,
    /// How a policy writes it, with every parameter.
    pub example: &'static str,
}

impl MaskSpec {
    /// Every mask there is, in the order in which to show them.
    pub const NAMES: &'static [MaskInfo] = &[
        MaskInfo {
            name: "null",
            makes: "NULL",
            types: "any, nullable",
            keeps: "nothing",
            gives_away: "nothing",
            unique: true,
            example: "null",
        },
        MaskInfo {
            name: "constant",
            makes: "one text for every value",
            types: "any",
            keeps: "whether it is NULL",
            gives_away: "whether it is NULL",
            unique: false,
            example: "{ mask: constant, value: \"[removed]\" }",
        },
        MaskInfo {
            name: "hash",
            makes: "a keyed hash, 64 hexadecimal characters",
            types: "text",
            keeps: "equality",
            gives_away: "which values are equal",
            unique: true,
            example: "{ mask: hash, length: 16 }",
        },
        MaskInfo {
            name: "email",
            makes: "an address that nobody has",
            types: "text",
            keeps: "equality, ignoring ASCII case; the domain with keep_domain",
            gives_away: "which addresses are equal; the domain with keep_domain",
            unique: true,
            example: "{ mask: email, keep_domain: true }",
        },
        MaskInfo {
            name: "name",
            makes: "another person's full name",
            types: "text",
            keeps: "equality",
            gives_away: "which names are equal",
            unique: false,
            example: "name",
        },
        MaskInfo {
            name: "phone",
            makes: "another number of the same form",
            types: "text",
            keeps: "equality, length, punctuation; the country code with keep_country",
            gives_away: "how the number was written; the country with keep_country",
            unique: false,
            example: "{ mask: phone, keep_country: true }",
        },
        MaskInfo {
            name: "digits",
            makes: "other digits in the same places",
            types: "text, smallint, integer, bigint",
            keeps: "equality, every character that is no digit, the digits of keep_prefix and keep_suffix; the sign",
            gives_away: "all that it keeps: for references, not for prose",
            unique: false,
            example: "{ mask: digits, keep_prefix: 2, keep_suffix: 0 }",
        },
        MaskInfo {
            name: "uuid",
            makes: "another UUID",
            types: "uuid, text",
            keeps: "equality, version and variant",
            gives_away: "which values are equal, and their version",
            unique: true,
            example: "uuid",
        },
    ];

    /// What a policy calls this mask.
    pub fn name(&self) -> &'static str {
        match self {
            MaskSpec::Null => "null",
            MaskSpec::Constant(_) => "constant",
            MaskSpec::Hash { .. } => "hash",
            MaskSpec::Email { .. } => "email",
            MaskSpec::Name => "name",
            MaskSpec::Phone { .. } => "phone",
            MaskSpec::Digits { .. } => "digits",
            MaskSpec::Uuid => "uuid",
        }
    }

    /// The mask with all parameters in one canonical line. Goes into fingerprints: it may grow, but what is written
    /// for a mask of today stays.
    pub fn describe(&self) -> String {
        match self {
            MaskSpec::Null | MaskSpec::Name | MaskSpec::Uuid => self.name().into(),
            MaskSpec::Constant(text) => quoted(text),
            MaskSpec::Hash { length: None } => "hash".into(),
            MaskSpec::Hash { length: Some(n) } => format!("hash(length={n})"),
            MaskSpec::Email { keep_domain } => format!("email(keep_domain={keep_domain})"),
            MaskSpec::Phone { keep_country } => format!("phone(keep_country={keep_country})"),
            MaskSpec::Digits { keep_prefix, keep_suffix } => {
                format!("digits(keep_prefix={keep_prefix},keep_suffix={keep_suffix})")
            }
        }
    }

    /// Do different values stay different, in a column wide enough? [`Mask::injective`](super::Mask::injective) knows the
    /// column as well.
    pub fn injective(&self) -> Injective {
        match self {
            MaskSpec::Null => Injective::Yes("NULLs do not collide, unless the index says NULLS NOT DISTINCT"),
            MaskSpec::Constant(_) | MaskSpec::Name | MaskSpec::Phone { .. } | MaskSpec::Digits { .. } => Injective::No,
            MaskSpec::Hash { length } => hashed(usize::from(length.unwrap_or(64)) * 4),
            MaskSpec::Email { .. } => hashed(email::LOCAL * 5),
            MaskSpec::Uuid => Injective::Yes("FF1 over the 122 bits that are neither version nor variant"),
        }
    }
}

/// Keyed hash of so many bits: the birthday bound at 2^32 values.
pub(super) fn hashed(bits: usize) -> Injective {
    match bits {
        0..=95 => Injective::No,
        96..=127 => Injective::Collision("96 bits of keyed hash: below 2^-32 for four thousand million values"),
        _ => Injective::Collision("128 bits of keyed hash: below 2^-64 for four thousand million values"),
    }
}

/// `constant("…")` with everything but printable ASCII escaped. Not `{:?}`, whose escapes follow the Unicode version.
fn quoted(text: &str) -> String {
    let mut line = String::from("constant(\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                line.push('\\');
                line.push(c);
            }
            ' '..='~' => line.push(c),
            _ => drop(write!(line, "\\u{{{:x}}}", u32::from(c))),
        }
    }
    line.push_str("\")");
    line
}
