//! What is proposed for a kind of data in a type of column: the one table from kinds to masks.

use filters::mask::MaskSpec;
use filters::policy::Class;

use super::column::Type;
use super::kind::Kind;

/// A mask, or nothing is copied. `iban`: an account that is known by its international number, as not every one is.
pub fn class(kind: Kind, holds: Type, iban: bool) -> Class {
    let mask = |name| Some(MaskSpec::of(name, &[]));
    let short_hash = || Some(MaskSpec::of("hash", &[("length", 16.into())]));
    let spec = match (kind, holds) {
        (_, Type::Texts | Type::Document | Type::Made | Type::Flag) => None,
        (Kind::Ip, Type::Network | Type::Text) => mask("ip"),
        (Kind::Mac, Type::Hardware | Type::Text) => mask("mac"),
        (Kind::Ip, Type::Integer) | (Kind::Geo, _) => mask("null"),
        (Kind::Birth | Kind::Gender | Kind::Salary, _) | (_, Type::Date | Type::Time | Type::Number) => mask("null"),
        (Kind::Device, Type::Uuid) => mask("uuid"),
        (Kind::Health | Kind::Belief | Kind::Origin | Kind::Secret, _) => None,
        (_, Type::Integer) => mask("integer"),
        (_, Type::Bytes | Type::Uuid) => None,
        (Kind::Email, _) => mask("email"),
        (Kind::Phone, _) => Some(MaskSpec::of("phone", &[("keep_country", true.into())])),
        (Kind::Card, _) => mask("card"),
        (Kind::Account, _) if iban => mask("iban"),
        (Kind::Account | Kind::TaxId, _) => mask("digits"),
        (Kind::FullName | Kind::NamePart, _) => mask("name"),
        (Kind::FirstName, _) => mask("first_name"),
        (Kind::LastName, _) => mask("last_name"),
        (Kind::Company, _) => mask("company"),
        (Kind::Street, _) => mask("street"),
        (Kind::City, _) => mask("city"),
        (Kind::Postcode, _) => mask("postcode"),
        (Kind::Username, _) => mask("username"),
        (Kind::NationalId | Kind::Passport | Kind::Plate | Kind::ExternalId | Kind::Device, _) => short_hash(),
        (Kind::Url, _) => mask("url"),
        (Kind::Ip | Kind::Mac | Kind::Photo, _) => mask("null"),
        // staging would write to production's customers, and call production's partners
        (Kind::Outward, _) => None,
        // of no use on staging, where nothing that it opens knows the masked one either
        (Kind::PasswordHash | Kind::Token | Kind::SecretUrl, _) => None,
        (Kind::FreeText | Kind::Document | Kind::Binary | Kind::Unknown, _) => None,
    };
    spec.map_or(Class::Drop, |spec| Class::Mask { spec, domain: None })
}

/// The mask that leaves a key a key: what would leave it out or make two rows one becomes the mask of its type that does
/// neither. `None`: there is none.
pub fn in_key(kind: Kind, holds: Type) -> Option<MaskSpec> {
    Some(match (kind, holds) {
        (Kind::Email, Type::Text) => MaskSpec::of("email", &[]),
        (Kind::Username, Type::Text) => MaskSpec::of("username", &[]),
        (Kind::Token | Kind::Secret, Type::Text) => MaskSpec::of("token", &[]),
        (Kind::Ip, Type::Network) => MaskSpec::of("ip", &[]),
        (Kind::Mac, Type::Hardware) => MaskSpec::of("mac", &[]),
        (_, Type::Text) => MaskSpec::of("hash", &[]),
        (_, Type::Integer) => MaskSpec::of("integer", &[]),
        (_, Type::Uuid) => MaskSpec::of("uuid", &[]),
        _ => return None,
    })
}

/// What stands in for a value that is not copied, where the column must have one and the table has no default.
pub fn stand_in(type_name: &str, holds: Type) -> Option<MaskSpec> {
    let base = type_name.rsplit('.').next().unwrap_or(type_name);
    let text = match holds {
        Type::Text => "",
        Type::Texts => "{}",
        Type::Integer | Type::Number => "0",
        Type::Flag => "false",
        Type::Date => "1970-01-01",
        Type::Time => "00:00:00",
        Type::Uuid => "00000000-0000-0000-0000-000000000000",
        Type::Network => "0.0.0.0",
        Type::Hardware => "00:00:00:00:00:00",
        Type::Bytes => "\\x",
        Type::Document => match base {
            "json" | "jsonb" => "{}",
            "hstore" | "tsvector" | "xml" => "",
            _ => "{}",
        },
        Type::Geometry if base == "point" => "(0,0)",
        _ => return None,
    };
    Some(MaskSpec::of("constant", &[("value", text.into())]))
}
