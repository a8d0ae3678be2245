use filters::mask::{ColumnFacts, Mask, MaskError, MaskSpec, Setting};
use filters::policy::Class;

use super::trial::{Hides, TEXT, Trial, VARCHAR, key, mask_of, masked, outcome};

fn settings(pattern: &str, replace: &str) -> [(&'static str, Setting); 2] {
    [("pattern", pattern.into()), ("replace", replace.into())]
}

fn with_other(other: Class) -> MaskSpec {
    let [pattern, replace] = settings("[0-9]+", "#");
    MaskSpec::of("regex", &[pattern, replace, ("other", Setting::Class(Box::new(other)))])
}

pub fn trials() -> Vec<Trial> {
    let trial = |pattern, replace, value| {
        Trial::new("regex", &settings(pattern, replace), value, "[a-z ]{0,5}[0-9]{0,6}[a-zäß ]{0,9}")
    };
    vec![
        trial("[0-9]{2,}", "##", |i| format!("room {i:04}")).golden("regex"),
        trial("(?<name>[a-z]+)@([a-z.]+)", "$2 at x$$", |i| format!("a@b.c {i}"))
            .golden("regex_groups")
            .hides(Hides::No),
    ]
}

#[test]
fn what_does_not_match_goes_by_other() {
    let spec = |name| MaskSpec::of(name, &[]);
    let of = |other| mask_of(&with_other(other), TEXT, -1);
    assert_eq!(outcome(&of(Class::Keep), b"abc"), Some(b"abc".to_vec()));
    assert_eq!(outcome(&of(Class::Drop), b"abc"), None);
    let hashed = of(Class::Mask { spec: spec("hash"), domain: None });
    assert_eq!(masked(&hashed, b"abc"), masked(&mask_of(&spec("hash"), TEXT, -1), b"abc"));
    // what the other mask cannot read is counted
    let digits = of(Class::Mask { spec: spec("digits"), domain: None });
    assert_ne!(masked(&digits, b"abc"), b"abc");
    assert_eq!((hashed.unparsable(), digits.unparsable()), (0, 1));
    for other in [Class::Keep, Class::Drop] {
        assert_eq!(outcome(&of(other), b"a1"), Some(b"a#".to_vec()));
    }
    // no text at all is no match
    let plain = mask_of(&MaskSpec::of("regex", &settings("[0-9]", "#")), TEXT, -1);
    assert_ne!(masked(&plain, b"1\xff2"), b"1\xff2");
    assert_eq!(plain.unparsable(), 1);
}

#[test]
fn what_has_no_room_is_redacted() {
    let mask = mask_of(&MaskSpec::of("regex", &settings("x", "ÄÖÜ")), VARCHAR, 5 + 4);
    assert_eq!(masked(&mask, b"axb"), "aÄÖÜb".as_bytes());
    assert_eq!(mask.unparsable(), 0);
    assert_eq!(masked(&mask, b"axbx").len(), 4);
    assert_eq!(mask.unparsable(), 1);
}

#[test]
fn patterns_and_replacements_are_looked_at() {
    for (pattern, replace) in
        [("(", ""), ("a{1000}{1000}{1000}", ""), ("a", "$1"), ("a", "\0"), ("a", &"x".repeat(257)), ("(?=a)", "")]
    {
        let spec = MaskSpec::of("regex", &settings(pattern, replace));
        let made = Mask::new(&spec, &key(1), None, &ColumnFacts::TEXT);
        assert!(matches!(made, Err(MaskError::Parameter { .. })), "{pattern}");
    }
}
