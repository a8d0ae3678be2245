use filters::mask::{ColumnFacts, MaskError, MaskSpec};
use filters::policy::Class;

use super::trial::{Hides, TEXT, Trial, VARCHAR, key};

fn trial(template: &str) -> Trial {
    let mask = |name| Class::Mask { spec: MaskSpec::of(name, &[]), domain: None };
    Trial::new(
        "compose",
        &[("template", template.into())],
        |i| format!("Ann Smith {i}"),
        "[A-Z][a-z]{1,9} [A-Z][a-z]{1,12}",
    )
    .beside("first", mask("name"), |i| format!("Ann {i}"))
    .beside("last", Class::Keep, |i| if i % 3 == 2 { String::new() } else { format!(" Smith{i}") })
    .beside("none", mask("null"), |i| i.to_string())
    .beside("gone", Class::Drop, |i| i.to_string())
    .hides(Hides::Mostly)
}

pub fn trials() -> Vec<Trial> {
    vec![
        trial("{first} {last}").golden("compose"),
        trial("{{Dr. {none}, {last}, {first}}}").golden("compose_braces").on(VARCHAR, 29),
    ]
}

#[test]
fn what_is_missing_is_left_out_with_the_text_before_it() {
    let of = |template: &str, i| String::from_utf8(trial(template).made().outcome(b"x", i).unwrap()).unwrap();
    let first = of("{first}", 0);
    assert_eq!(of("{first} {last}", 0), format!("{first} Smith0"));
    assert_eq!(of("{last}, {first}", 0), format!("Smith0, {first}"));
    assert_eq!(of("Dr. {last}!", 2), "");
    assert_eq!(of("Dr. {last}!", 3), "Dr. Smith3!");
    assert_eq!(of("Dr. {none}+{last}!", 3), "Dr. Smith3!");
    assert_eq!(of("{last}+{none}/{last}", 3), "Smith3/Smith3");
}

#[test]
fn a_template_that_cannot_be_is_refused() {
    let refused = |template: &str| trial(template).made_for(&ColumnFacts::new(TEXT, -1), &key(1), None).err();
    for template in ["", "Ann", "{first", "first}", "{first} }"] {
        assert!(matches!(refused(template), Some(MaskError::Parameter { .. })), "{template}");
    }
    for (template, why) in [
        ("{nobody}", "the table has no such column"),
        ("{gone}", "it is not copied"),
        ("{own}", "it is masked by what it masks: a circle"),
    ] {
        assert!(matches!(refused(template), Some(MaskError::Sibling { problem, .. }) if problem == why), "{template}");
    }
}
