//! Proposes what becomes of a column, by its name, its type and its table: what `sluice init` writes for a person to
//! judge. No value is looked at.
//!
//! A wrong `keep` leaks, a wrong mask only annoys: where a name may mean a person, the proposal is the stricter one, and
//! where nothing short of reading the values could tell (free text, documents) it is `drop`, marked as undecided.

#[cfg(test)]
mod tests;
mod words;
mod yaml;

pub use yaml::{Found, proposals, yaml};

use filters::mask::MaskSpec;
use filters::policy::Class;

use words::{Kind, Words};

/// What is proposed for a column.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proposal {
    /// What is to become of it.
    pub class: Class,
    /// Why, in a few words; empty where there was nothing to think about.
    pub reason: &'static str,
    /// Is this only the safe side, until a person has looked?
    pub undecided: bool,
}

/// What is proposed for a table as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whole {
    /// Its rows are copied.
    Copy,
    /// It stays empty on the target.
    Structure(&'static str),
    /// It is none of our business.
    Exclude(&'static str),
}

/// Proposes for a table. Logins are of no use on staging, and each side has migrations of its own.
pub fn whole(table: &str) -> Whole {
    let words = Words::of(table);
    match () {
        () if words.any(words::MIGRATIONS) => Whole::Exclude("each side has migrations of its own"),
        () if words.any(words::LOGINS) => Whole::Structure("logins and tokens open nothing on staging"),
        () => Whole::Copy,
    }
}

/// Proposes for a column. `type_name` is `format_type()`; `is_key`: is it part of what tells rows apart? Such a column
/// cannot be left out, and needs a mask that keeps different values different.
pub fn propose(table: &str, column: &str, type_name: &str, is_key: bool) -> Proposal {
    let kind = Type::of(type_name);
    let (spec, reason, undecided) = match sensitive(table, column, kind) {
        None => return Proposal { class: Class::Keep, reason: "", undecided: false },
        Some(found) => found,
    };
    if is_key {
        return in_key(spec, reason, kind);
    }
    match spec {
        Some(spec) => Proposal { class: Class::Mask { spec, domain: None }, reason, undecided },
        None => Proposal { class: Class::Drop, reason, undecided },
    }
}

const KEEP: bool = false;
const ASK: bool = true;

/// The mask (`None`: drop), the reason, and whether a person must look; `None` where nothing speaks against keeping.
fn sensitive(table: &str, column: &str, kind: Type) -> Option<(Option<MaskSpec>, &'static str, bool)> {
    use Type::{Binary, Date, Document, Integer, Network, Other, Text, Uuid};
    if kind == Other {
        return None;
    }
    let meaning = words::meaning(&Words::of(table), &Words::of(column));
    let mask = MaskSpec::of;
    let digits = || mask("digits", &[]);
    let short_hash = || mask("hash", &[("length", 16.into())]);
    Some(match (meaning, kind) {
        (Some(Kind::Secret), Text | Binary | Document | Uuid) => (None, "a secret", KEEP),
        (_, Document) => (None, "a document: it may hold anything", ASK),
        (_, Binary) => (None, "bytes: they may hold anything", ASK),
        (_, Network) => (Some(mask("null", &[])), "a network address", KEEP),
        (Some(Kind::Email), Text) => (Some(mask("email", &[])), "an email address", KEEP),
        (Some(Kind::Phone), Text) => (Some(mask("phone", &[("keep_country", true.into())])), "a phone number", KEEP),
        (Some(Kind::Phone), Integer) => (Some(digits()), "a phone number", KEEP),
        (Some(Kind::Number), Text | Integer) => (Some(digits()), "an account, card or tax number", KEEP),
        (Some(Kind::Document), Text) => (Some(short_hash()), "the number of an identity document", KEEP),
        (Some(Kind::Document), Integer) => (Some(digits()), "the number of an identity document", KEEP),
        (Some(Kind::Birth), Text | Date | Integer) => (Some(mask("null", &[])), "born when or where", KEEP),
        (Some(Kind::Name), Text) => (Some(mask("name", &[])), "a person's name", KEEP),
        (Some(Kind::Login), Text) => (Some(short_hash()), "a name to log in with", KEEP),
        (Some(Kind::Network), Text) => (Some(short_hash()), "tells a person's device", KEEP),
        (Some(Kind::Street), Text) => (Some(short_hash()), "a postal address", KEEP),
        (Some(Kind::Postcode), Text | Integer) => (Some(digits()), "a postal code", KEEP),
        (Some(Kind::Delicate), Text) => (None, "belief, health or origin", ASK),
        (Some(Kind::FreeText), Text) => (None, "free text: it may hold anything", ASK),
        _ => return None,
    })
}

/// A key stays a key: what would leave it out or make two rows one becomes the mask of its type that does neither.
fn in_key(spec: Option<MaskSpec>, reason: &'static str, kind: Type) -> Proposal {
    let mask = |spec| Proposal { class: Class::Mask { spec, domain: None }, reason, undecided: false };
    match (spec, kind) {
        (Some(spec), _) if ["email", "phone", "digits"].contains(&spec.name()) => mask(spec),
        (_, Type::Text) => mask(MaskSpec::of("hash", &[])),
        (_, Type::Integer) => mask(MaskSpec::of("digits", &[])),
        (_, Type::Uuid) => mask(MaskSpec::of("uuid", &[])),
        // no mask fits, and without it there is no row
        _ => Proposal { class: Class::Keep, reason: "a part of the key, and no mask fits its type", undecided: true },
    }
}

/// What a type can hold, as far as it matters here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Type {
    Text,
    Integer,
    Date,
    Uuid,
    Network,
    Document,
    Binary,
    /// Booleans, amounts, intervals, enums: nothing that names a person.
    Other,
}

impl Type {
    fn of(type_name: &str) -> Type {
        let (name, array) = match type_name.strip_suffix("[]") {
            Some(name) => (name, true),
            None => (type_name, false),
        };
        // a type of an extension may stand in a schema that is not in the search path
        let name = name.rsplit('.').next().unwrap_or(name);
        let base = name.split('(').next().unwrap_or(name).trim();
        let kind = match base {
            "text" | "character varying" | "character" | "bpchar" | "citext" | "name" => Type::Text,
            "smallint" | "integer" | "bigint" => Type::Integer,
            "date" => Type::Date,
            "uuid" => Type::Uuid,
            "inet" | "cidr" | "macaddr" | "macaddr8" => Type::Network,
            "json" | "jsonb" | "hstore" | "xml" | "tsvector" => Type::Document,
            "bytea" => Type::Binary,
            base if base.starts_with("timestamp") => Type::Date,
            _ => Type::Other,
        };
        match kind {
            // no mask reaches into an array
            Type::Text | Type::Network if array => Type::Document,
            kind => kind,
        }
    }
}
