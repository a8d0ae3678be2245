//! Lists of names and places, by locale: those of the `fake` crate, and how to choose from them.
//!
//! The lists are the crate's: an update of it can rename everybody, which the golden vectors tell.

use bytes::{BufMut, BytesMut};
use fake::locales::{DE_DE, Data, EN, FR_FR, IT_IT, NL_NL, PT_BR, PT_PT};

use super::kind::{Parameter, What};
use super::make::Make;
use super::spec::MaskError;
use crate::key::SubKey;

/// The parameter of every mask that chooses from these lists.
pub(super) const LOCALE: Parameter = Parameter::new(
    "locale",
    What::Word { words: &["en", "de", "fr", "it", "nl", "pt", "pt_br"], default: Some("en") },
    "whose names: a language, or a language and a country",
);

type List = &'static [&'static str];

/// What a locale has. Lists that the crate has for English only are English.
#[derive(Clone, Copy)]
pub(super) struct Lists {
    pub(super) first_names: List,
    pub(super) last_names: List,
    pub(super) city_suffixes: List,
    /// Parts in braces: `{CityName}{CitySuffix}`.
    pub(super) city: &'static str,
    pub(super) street_suffixes: List,
    pub(super) street: &'static str,
    /// Does the house number come first?
    pub(super) number_first: bool,
    pub(super) countries: List,
    pub(super) company_suffixes: List,
}

/// The lists of one of the words of [`LOCALE`]; English for any other.
fn of(locale: Option<&str>) -> Lists {
    match locale.unwrap_or_default() {
        "de" => lists::<DE_DE>(false),
        "fr" => lists::<FR_FR>(true),
        "it" => lists::<IT_IT>(false),
        "nl" => lists::<NL_NL>(false),
        "pt" => lists::<PT_PT>(false),
        "pt_br" => lists::<PT_BR>(false),
        _ => lists::<EN>(true),
    }
}

fn lists<L: Data>(number_first: bool) -> Lists {
    Lists {
        first_names: L::NAME_FIRST_NAME,
        last_names: L::NAME_LAST_NAME,
        city_suffixes: L::ADDRESS_CITY_SUFFIX,
        city: L::ADDRESS_CITY_TPL,
        street_suffixes: L::ADDRESS_STREET_SUFFIX,
        street: L::ADDRESS_STREET_TPL,
        number_first,
        countries: L::ADDRESS_COUNTRY,
        company_suffixes: L::COMPANY_SUFFIX,
    }
}

/// What every mask that chooses from these lists has.
pub(super) struct Chooser {
    key: SubKey,
    pub(super) lists: Lists,
    /// Characters that the column can hold.
    pub(super) room: usize,
}

impl Chooser {
    /// For a text column; `purpose` names the key's use.
    pub(super) fn new(make: &Make<'_>, purpose: &'static str) -> Result<Chooser, MaskError> {
        make.wants_text()?;
        Ok(Chooser { key: make.key(purpose), lists: of(make.text(LOCALE.name)), room: make.room() })
    }

    /// What is drawn for a value: always the same.
    pub(super) fn draws(&self, value: &[u8]) -> Draws {
        Draws::new(self.key.hash(value))
    }

    /// Appends the parts, cut where the column has no more room.
    pub(super) fn put(&self, parts: &[&str], out: &mut BytesMut) {
        put(parts, self.room, out);
    }
}

/// Eight keyed bytes at a time, of the 32 that a hash has.
pub(super) struct Draws {
    hash: [u8; 32],
    at: usize,
}

impl Draws {
    pub(super) fn new(hash: [u8; 32]) -> Draws {
        Draws { hash, at: 0 }
    }

    /// A number below `n`, by multiply and shift (Lemire 2019, <https://arxiv.org/abs/1805.10941>): even to one part in 2^50,
    /// and no division. After four draws the same bytes come again.
    pub(super) fn below(&mut self, n: usize) -> usize {
        let drawn = self.hash.iter().skip(self.at).take(8).fold(0u64, |n, b| n << 8 | u64::from(*b));
        self.at = (self.at + 8) % 32;
        ((u128::from(drawn) * n as u128) >> 64) as usize
    }

    /// One of a list; the empty text if it is empty.
    pub(super) fn choose(&mut self, list: &[&'static str]) -> &'static str {
        list.get(self.below(list.len())).copied().unwrap_or_default()
    }
}

/// Appends the parts, one after another, and cuts where the column has no more room: `room` characters.
fn put(parts: &[&str], mut room: usize, out: &mut BytesMut) {
    for part in parts {
        let end = part.char_indices().nth(room).map_or(part.len(), |(at, _)| at);
        out.put_slice(part.as_bytes().get(..end).unwrap_or_default());
        room = room.saturating_sub(part.chars().count());
    }
}

/// How many characters these are.
pub(super) fn characters(parts: &[&str]) -> usize {
    parts.iter().map(|part| part.chars().count()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_locale_has_lists_of_use() {
        let What::Word { words, .. } = LOCALE.what else { panic!("a word") };
        for locale in words {
            let lists = of(Some(locale));
            let (first, last) = (lists.first_names.len(), lists.last_names.len());
            assert!(first > 40 && last > 40, "{locale}: {first} {last}");
            for list in [lists.city_suffixes, lists.street_suffixes, lists.countries, lists.company_suffixes] {
                assert!(!list.is_empty(), "{locale}");
            }
            assert!(lists.city.contains("{CityName}") && lists.street.contains("{StreetName}"), "{locale}");
        }
    }

    #[test]
    fn what_is_cut_is_cut_between_characters() {
        let mut out = BytesMut::new();
        put(&["Zoë", " ", "Ünal"], 5, &mut out);
        assert_eq!(&out[..], "Zoë Ü".as_bytes());
    }
}
