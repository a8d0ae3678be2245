//! What a mask says of itself: one [`Kind`] in each mask's file. All that is known of a mask anywhere (how a policy writes
//! it, its line in a fingerprint, its row in the documents) is read from here, and nothing else knows masks by name.

use super::make::{Built, Make};
use super::setting::{Decimal, Setting};
use super::spec::MaskError;

/// A mask as such, without parameters or key.
pub struct Kind {
    /// What a policy calls it.
    pub name: &'static str,
    /// Counts from 1. A mask that gives other values than before gets the next number, and goes into fingerprints by
    /// it.
    pub version: u32,
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
    /// In the order in which they are shown.
    pub parameters: &'static [Parameter],
    /// Does what it makes depend on the key?
    pub keyed: bool,
    /// What becomes of the empty string.
    pub empty: Empty,
    /// Makes it for a column.
    pub(crate) build: fn(&Make<'_>) -> Result<Built, MaskError>,
}

/// Two kinds are one if they have one name.
impl PartialEq for Kind {
    fn eq(&self, other: &Kind) -> bool {
        self.name == other.name
    }
}

impl Eq for Kind {}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Kind {
    /// The parameter of that name, with its place.
    pub(super) fn parameter(&self, name: &str) -> Option<(usize, &'static Parameter)> {
        self.parameters.iter().enumerate().find(|(_, p)| p.name == name)
    }
}

/// What a mask makes of the empty string.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Empty {
    /// It stays empty: it holds nothing, and many programs write it for NULL. The mask never sees it.
    Stays,
    /// The mask gets it like any other value.
    Masked,
}

/// A parameter of a mask.
#[derive(Debug)]
pub struct Parameter {
    /// Its key in the file.
    pub name: &'static str,
    /// What may stand there.
    pub what: What,
    /// One line for the documents.
    pub doc: &'static str,
    /// Must it be given?
    pub required: bool,
    /// Is it written into fingerprints also at its default?
    pub(super) always: bool,
}

impl Parameter {
    /// One that may be left out.
    pub(crate) const fn new(name: &'static str, what: What, doc: &'static str) -> Parameter {
        Parameter { name, what, doc, required: false, always: false }
    }

    /// One that must be given. These come first in [`Kind::parameters`].
    pub(crate) const fn required(name: &'static str, what: What, doc: &'static str) -> Parameter {
        Parameter { name, what, doc, required: true, always: false }
    }

    /// For the masks of the first release, whose fingerprints say their defaults. A parameter that a mask gets later must
    /// not, or every fingerprint would change with it.
    pub(super) const fn always_described(mut self) -> Parameter {
        self.always = true;
        self
    }
}

/// What may stand at a parameter, and what holds where nothing does.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum What {
    /// `true` or `false`; `false` if not given.
    Flag,
    /// A whole number.
    Number {
        /// At least.
        least: i64,
        /// At most.
        most: i64,
        /// If not given.
        default: Option<i64>,
    },
    /// A number with a fraction, such as `0.05`, exact.
    Decimal {
        /// At least.
        least: Decimal,
        /// At most.
        most: Decimal,
        /// If not given.
        default: Option<Decimal>,
    },
    /// A time with its unit, such as `30d`.
    Time {
        /// If not given.
        default: Option<std::time::Duration>,
    },
    /// One of these words.
    Word {
        /// All there are.
        words: &'static [&'static str],
        /// If not given.
        default: Option<&'static str>,
    },
    /// Any text; the mask looks at it when it is made.
    Text {
        /// If not given.
        default: Option<&'static str>,
    },
    /// A list of texts; empty if not given.
    Texts,
    /// What becomes of something within the value: `keep`, `drop`, a domain or a mask.
    Class {
        /// If not given.
        default: Option<Within>,
    },
    /// The same for many things by their names, such as the paths of a document; none if not given.
    Classes,
}

/// A class that a default can name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Within {
    /// Stays.
    Keep,
    /// Goes.
    Drop,
}

impl What {
    /// What holds where nothing is given.
    pub fn default(&self) -> Option<Setting> {
        use crate::policy::Class;
        match *self {
            What::Flag => Some(Setting::Flag(false)),
            What::Number { default, .. } => default.map(Setting::Number),
            What::Decimal { default, .. } => default.map(Setting::Decimal),
            What::Time { default } => default.map(Setting::Time),
            What::Word { default, .. } | What::Text { default } => default.map(|text| Setting::Text(text.to_owned())),
            What::Texts => Some(Setting::Texts(Vec::new())),
            What::Class { default } => default.map(|within| {
                Setting::Class(Box::new(match within {
                    Within::Keep => Class::Keep,
                    Within::Drop => Class::Drop,
                }))
            }),
            What::Classes => Some(Setting::Classes(Vec::new())),
        }
    }

    /// What is wrong with a setting, if something is. The kind of it, never its content.
    pub(super) fn fault(&self, setting: &Setting) -> Option<String> {
        match (self, setting) {
            (What::Number { least, most, .. }, Setting::Number(n)) => {
                (!(least..=most).contains(&n)).then(|| format!("is {least} to {most}"))
            }
            (What::Decimal { least, most, .. }, Setting::Decimal(n)) => {
                (!(least..=most).contains(&n)).then(|| format!("is {least} to {most}"))
            }
            (What::Word { words, .. }, Setting::Text(text)) => {
                (!words.contains(&text.as_str())).then(|| format!("is one of {}", words.join(", ")))
            }
            (What::Flag, Setting::Flag(_))
            | (What::Time { .. }, Setting::Time(_))
            | (What::Text { .. }, Setting::Text(_))
            | (What::Texts, Setting::Texts(_))
            | (What::Class { .. }, Setting::Class(_))
            | (What::Classes, Setting::Classes(_)) => None,
            _ => Some("is a setting of another type".to_owned()),
        }
    }
}
