//! What a column may hold that must not leave production by default.

use super::column::Type;

/// A kind of personal data, or of what opens doors, or of what may hold either.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// A password, in whatever form, and the salt beside it.
    PasswordHash,
    /// A key, a seed, an answer to a security question.
    Secret,
    /// A session, an invitation, a one-time code.
    Token,
    /// A URL that opens something.
    SecretUrl,
    /// By which the application acts on the world: a mail server, an endpoint that is called.
    Outward,
    /// An email address.
    Email,
    /// A telephone or fax number.
    Phone,
    /// A bank account.
    Account,
    /// A card, or its last digits.
    Card,
    /// By which a state, an insurer or a school knows somebody.
    NationalId,
    /// By which a tax office does.
    TaxId,
    /// Passport, visa, and the like.
    Passport,
    /// A licence plate, a vehicle's number.
    Plate,
    /// Known by this at another service, or to a shop, a club, an employer.
    ExternalId,
    /// Date, place, year of birth; age.
    Birth,
    /// Gender, salutation, marital status.
    Gender,
    /// First and last name.
    FullName,
    /// First name.
    FirstName,
    /// Last name.
    LastName,
    /// Middle name, initials.
    NamePart,
    /// A name to log in or to be known by.
    Username,
    /// A company that one deals with.
    Company,
    /// Street, house, flat.
    Street,
    /// City or district of an address.
    City,
    /// Postal code.
    Postcode,
    /// IP address.
    Ip,
    /// MAC address.
    Mac,
    /// User agent, advertising id, hardware id.
    Device,
    /// Where somebody or something is.
    Geo,
    /// Somebody's page.
    Url,
    /// A picture of somebody.
    Photo,
    /// Illness, disability, treatment.
    Health,
    /// Religion, politics, union.
    Belief,
    /// Ethnicity, nationality.
    Origin,
    /// Wages.
    Salary,
    /// What people wrote.
    FreeText,
    /// json, hstore, xml, a search index, a serialised value.
    Document,
    /// Bytes.
    Binary,
    /// Nobody can tell.
    Unknown,
}

impl Kind {
    /// Every kind.
    pub const ALL: &'static [Kind] = &[
        Kind::PasswordHash,
        Kind::Secret,
        Kind::Token,
        Kind::SecretUrl,
        Kind::Outward,
        Kind::Email,
        Kind::Phone,
        Kind::Account,
        Kind::Card,
        Kind::NationalId,
        Kind::TaxId,
        Kind::Passport,
        Kind::Plate,
        Kind::ExternalId,
        Kind::Birth,
        Kind::Gender,
        Kind::FullName,
        Kind::FirstName,
        Kind::LastName,
        Kind::NamePart,
        Kind::Username,
        Kind::Company,
        Kind::Street,
        Kind::City,
        Kind::Postcode,
        Kind::Ip,
        Kind::Mac,
        Kind::Device,
        Kind::Geo,
        Kind::Url,
        Kind::Photo,
        Kind::Health,
        Kind::Belief,
        Kind::Origin,
        Kind::Salary,
        Kind::FreeText,
        Kind::Document,
        Kind::Binary,
        Kind::Unknown,
    ];

    /// Does it open something?
    pub fn opens(self) -> bool {
        matches!(self, Kind::PasswordHash | Kind::Secret | Kind::Token | Kind::SecretUrl)
    }

    /// Can a column of this type hold it?
    pub fn fits(self, holds: Type) -> bool {
        use Kind::*;
        let number = matches!(
            self,
            Phone | Account | Card | NationalId | TaxId | ExternalId | Birth | Postcode | Geo | Health | Salary
        );
        match holds {
            Type::Text | Type::Texts => !matches!(self, Binary | Unknown),
            Type::Integer => number || matches!(self, Gender | Street | Ip | Belief | Passport | Secret),
            Type::Number => number,
            Type::Flag => matches!(self, Health | Belief | Origin),
            Type::Date => matches!(self, Birth | Health),
            Type::Time => self == Birth,
            Type::Uuid => matches!(self, Token | Secret | Device),
            Type::Bytes => !matches!(self, Document | FreeText | FullName),
            Type::Made => matches!(self, Gender | Health | Belief | Origin),
            _ => false,
        }
    }

    /// In one word, as the corpus in `tests/corpus` labels it.
    pub fn label(self) -> &'static str {
        match self {
            Kind::PasswordHash => "password_hash",
            Kind::Secret => "secret",
            Kind::Token => "token",
            Kind::SecretUrl => "url_with_token",
            Kind::Outward => "side_effect",
            Kind::Email => "email",
            Kind::Phone => "phone",
            Kind::Account => "iban",
            Kind::Card => "card",
            Kind::NationalId => "national_id",
            Kind::TaxId => "tax_id",
            Kind::Passport => "passport",
            Kind::Plate => "vehicle_plate",
            Kind::ExternalId => "external_id",
            Kind::Birth => "birth_date",
            Kind::Gender => "gender",
            Kind::FullName => "full_name",
            Kind::FirstName => "first_name",
            Kind::LastName => "last_name",
            Kind::NamePart => "name",
            Kind::Username => "username",
            Kind::Company => "company",
            Kind::Street => "street",
            Kind::City => "city",
            Kind::Postcode => "postcode",
            Kind::Ip => "ip",
            Kind::Mac => "mac",
            Kind::Device => "device_id",
            Kind::Geo => "geo",
            Kind::Url => "url",
            Kind::Photo => "photo",
            Kind::Health => "health",
            Kind::Belief => "religion",
            Kind::Origin => "ethnicity",
            Kind::Salary => "salary",
            Kind::FreeText => "free_text",
            Kind::Document => "document",
            Kind::Binary => "binary",
            Kind::Unknown => "unknown",
        }
    }

    /// In a few words, for a person who reviews.
    pub fn said(self) -> &'static str {
        match self {
            Kind::PasswordHash => "a password",
            Kind::Secret => "a secret",
            Kind::Token => "a token",
            Kind::SecretUrl => "a URL that may hold a token",
            Kind::Outward => "acts on the world: staging must not; a value of its own: { mask: constant, value: … }",
            Kind::Email => "an email address",
            Kind::Phone => "a phone number",
            Kind::Account => "a bank account",
            Kind::Card => "a payment card",
            Kind::NationalId => "an official number of a person",
            Kind::TaxId => "a tax number",
            Kind::Passport => "an identity document",
            Kind::Plate => "a vehicle's plate or number",
            Kind::ExternalId => "somebody's number elsewhere",
            Kind::Birth => "born when or where",
            Kind::Gender => "gender or marital status",
            Kind::FullName | Kind::FirstName | Kind::LastName | Kind::NamePart => "a person's name",
            Kind::Username => "a name to log in with",
            Kind::Company => "a customer's company",
            Kind::Street | Kind::City | Kind::Postcode => "a postal address",
            Kind::Ip => "a network address",
            Kind::Mac | Kind::Device => "tells a person's device",
            Kind::Geo => "a place where somebody was",
            Kind::Url => "a person's page",
            Kind::Photo => "a picture of a person",
            Kind::Health => "about health",
            Kind::Belief => "about belief",
            Kind::Origin => "about origin",
            Kind::Salary => "about pay",
            Kind::FreeText => "free text: it may hold anything",
            Kind::Document => "a document: it may hold anything",
            Kind::Binary => "bytes: they may hold anything",
            Kind::Unknown => "nothing tells what it holds",
        }
    }
}
