//! Names and places, and one of a list.

use filters::mask::{ColumnFacts, Made, Mask, MaskError, MaskSpec};

use super::trial::{Hides, TEXT, Trial, VARCHAR, key, masked};

/// Mask, values like its own, and its vectors: as it is, in six characters, in German.
const CHOSEN: &[(&str, &str, [&str; 3])] = &[
    ("first_name", "[A-Z][a-zéü]{1,9}", ["first_name", "first_name_varchar6", "first_name_de"]),
    ("last_name", "[A-ZÖ][a-zß]{1,12}(-[A-Z][a-z]{2,5})?", ["last_name", "last_name_varchar6", "last_name_de"]),
    ("company", "[A-Z][a-z]{1,12}( & Co)?( KG| Ltd\\.)?", ["company", "company_varchar6", "company_de"]),
    ("city", "[A-Z][a-zö]{1,12}", ["city", "city_varchar6", "city_de"]),
    ("street", "[A-Z][a-zß]{1,12} [0-9]{1,3}[a-c]?", ["street", "street_varchar6", "street_de"]),
    ("country", "[A-Z][a-z]{1,12}|[A-Z]{2}", ["country", "country_varchar6", "country_de"]),
];

pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for (mask, like, [plain, narrow, german]) in CHOSEN {
        let trial = |settings| Trial::new(mask, settings, |i| format!("Ann {i}"), like).hides(Hides::Mostly);
        trials.push(trial(&[]).golden(plain));
        trials.push(trial(&[]).golden(narrow).on(VARCHAR, 10));
        trials.push(trial(&[("locale", "de".into())]).golden(german));
    }
    let french = [("locale", "fr".into())];
    let name = Trial::new("name", &french, |i| format!("Ann {i}"), "[A-Z][a-z]{1,9}");
    trials.push(name.hides(Hides::Mostly).golden("name_fr"));
    let postcode = |settings| {
        Trial::new(
            "postcode",
            settings,
            |i| format!("{i:05}"),
            "[0-9]{5}|[A-Z]{1,2}[0-9]{1,2} [0-9][A-Z]{2}|[-. ]{1,3}",
        )
    };
    trials.push(postcode(&[]).golden("postcode"));
    trials.push(postcode(&[("keep_prefix", 2.into())]).hides(Hides::No).golden("postcode_keep"));
    let of: &[&str] = &["red", "green", "blue"];
    let choice = Trial::new("choice", &[("of", of.into())], |i| i.to_string(), "[a-z0-9]{0,20}");
    trials.push(choice.golden("choice").hides(Hides::Mostly));
    trials
}

#[test]
fn a_choice_must_fit_its_column() {
    let choice = |of: &[&str]| MaskSpec::of("choice", &[("of", of.into())]);
    let new = |spec: &MaskSpec, facts: &ColumnFacts| Mask::new(spec, &key(1), None, facts).map(drop);
    let text = ColumnFacts::new(TEXT, -1);
    assert_eq!(new(&choice(&["a"]), &text), Ok(()));
    assert!(matches!(new(&choice(&[]), &text), Err(MaskError::Parameter { .. })));
    assert!(matches!(new(&choice(&["a\0"]), &text), Err(MaskError::Parameter { .. })));
    let narrow = MaskError::Narrow { mask: "choice", needs: 3, holds: 2 };
    assert_eq!(new(&choice(&["a", "abc"]), &ColumnFacts::new(VARCHAR, 6)), Err(narrow));
    let mut colour = ColumnFacts::new(20_000, -1);
    colour.made = Made::Enum(vec!["red".to_owned(), "blue".to_owned()].into());
    assert_eq!(new(&choice(&["red"]), &colour), Ok(()));
    assert!(matches!(new(&choice(&["red", "mauve"]), &colour), Err(MaskError::Parameter { .. })));
}

#[test]
fn a_postcode_that_is_only_its_prefix_keeps_nothing() {
    for value in ["12", "12-", "--"] {
        let mask = Trial::new("postcode", &[("keep_prefix", 2.into())], |i| i.to_string(), "x").mask();
        let out = masked(&mask, value.as_bytes());
        assert_eq!(mask.unparsable(), 1, "{value}");
        assert!(!out.starts_with(value.as_bytes().get(..2).unwrap()), "{value}");
    }
}
