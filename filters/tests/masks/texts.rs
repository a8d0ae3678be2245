//! Text and dates of which a part stays: `partial`, `lorem`, `date_trunc`.

use super::trial::{Hides, Trial, masked};

const DATE: u32 = 1082;
const TIMESTAMP: u32 = 1114;
const TIMESTAMPTZ: u32 = 1184;

pub fn trials() -> Vec<Trial> {
    let ends = [("keep_first", 2.into()), ("keep_last", 2.into())];
    let partial =
        |settings| Trial::new("partial", settings, |i| format!("value {i}"), "[a-zäß0-9@.]{1,20}").hides(Hides::No);
    let date = |settings| Trial::new("date_trunc", settings, day, "[0-9]{4}-[0-9]{2}-[0-9]{2}( BC)?").hides(Hides::No);
    let clock = |i| format!("{} 12:34:56.789", day(i));
    let zoned = |i| format!("{} 12:34:56+00", day(i));
    vec![
        partial(&ends).golden("partial"),
        partial(&[]).golden("partial_none"),
        Trial::new("lorem", &[], |i| format!("note {i}"), "[A-Z]?[a-zß0-9 ,.]{1,40}").golden("lorem").hides(Hides::No),
        date(&[]).golden("date_trunc").on(DATE, -1),
        date(&[("to", "month".into())]).golden("date_trunc_month"),
        Trial { value: clock, ..date(&[("to", "day".into())]) }.golden("date_trunc_timestamp").on(TIMESTAMP, -1),
        Trial { value: zoned, ..date(&[]) }.golden("date_trunc_timestamptz").on(TIMESTAMPTZ, -1),
    ]
}

fn day(i: u64) -> String {
    format!("{:04}-{:02}-{:02}", 1900 + i % 200, 1 + i % 12, 1 + i % 28)
}

#[test]
fn at_least_half_is_hidden() {
    let partial =
        Trial::new("partial", &[("keep_first", 3.into()), ("keep_last", 9.into())], |i| i.to_string(), "x").mask();
    for (value, expected) in [("a", "*"), ("ab", "a*"), ("abc", "a**"), ("äöü€", "äö**"), ("abcdefgh", "abc****h")]
    {
        assert_eq!(String::from_utf8(masked(&partial, value.as_bytes())).unwrap(), expected);
    }
}

#[test]
fn filler_has_the_outline_of_the_text() {
    let lorem = Trial::new("lorem", &[], |i| i.to_string(), "x").mask();
    let text = "Dear Mr. O'NEIL, call +49 30 1234567! Grüße, 李小龙";
    let filled = String::from_utf8(masked(&lorem, text.as_bytes())).unwrap();
    assert_eq!(filled.chars().count(), text.chars().count());
    for (a, b) in text.chars().zip(filled.chars()) {
        let kind = |c: char| (c.is_ascii_digit(), c.is_alphabetic(), c.is_ascii_uppercase());
        assert!(kind(a) == kind(b) || !a.is_ascii(), "{filled}");
        assert!(a.is_ascii_alphanumeric() || !a.is_ascii() || a == b, "{filled}");
        assert!(!a.is_ascii_digit() || a != b, "{filled}");
    }
}
