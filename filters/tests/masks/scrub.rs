use filters::mask::{ColumnFacts, MaskError, MaskSpec};
use filters::policy::Class;
use proptest::prelude::*;

use super::trial::{Hides, TEXT, Trial, VARCHAR, config, key, mask_of, masked};

pub fn trials() -> Vec<Trial> {
    let texts = "([A-Za-z é]{0,9}|[a-z]{1,5}@[a-z]{1,5}\\.de|\\+49 [0-9]{3,9}|[0-9]{1,9}[-.:/][0-9]{1,4}|https?://[a-z]{1,5}/\\?[a-z]=[0-9]){0,4}";
    let plain = Trial::new("scrub", &[], |i| format!("Write to ann{i}@example.org."), texts).hides(Hides::No);
    let names: &[&str] = &["first", "full"];
    let named = Trial::new(
        "scrub",
        &[("names", names.into())],
        |i| format!("Dear Ann{i}, call +49 30 {}", i + 1_000_000),
        texts,
    )
    .hides(Hides::No)
    .beside("first", Class::Drop, |i| format!("Ann{i}"))
    .beside("full", Class::Keep, |i| format!("Ann{i} von Smith-Müller"));
    vec![plain.golden("scrub"), named.golden("scrub_names")]
}

fn of(text: &str) -> String {
    String::from_utf8(masked(&mask_of(&MaskSpec::of("scrub", &[]), TEXT, -1), text.as_bytes())).unwrap()
}

#[test]
fn what_points_at_a_person_is_found() {
    for (text, expected) in [
        // mail
        ("Write to ann.smith+x@mail.example.org.", "Write to [email]."),
        ("<ann@example.org>,bob@b.c;", "<[email]>,[email];"),
        ("mailto:ann@example.org?subject=x", "mailto:[email]?subject=x"),
        ("josé@exämple.org 用户@例子.广告", "[email] [email]"),
        ("\"ann smith\"@example.org", "[email]"),
        ("root@localhost, a@b.c@d.e", "[email], [email][email]"),
        ("@ann, see 5 @ 3", "@ann, see 5 @ 3"),
        // telephone
        ("Call +49 (30) 1234567!", "Call [phone]!"),
        ("(030) 123 45-67", "[phone]"),
        ("555-123-4567 or 555.123.4567 x 12", "[phone] or [phone] x 12"),
        ("Tel:030 123456", "Tel:[phone]"),
        ("0171/2345678", "[phone]"),
        ("room 101, floor 5, 999 999", "room 101, floor 5, 999 999"),
        ("id1234567x", "id[phone]x"),
        ("no. 1234567890123456", "no. [number]"),
        // card
        ("4111 1111 1111 1111 by", "[card] by"),
        ("4111-1111-1111-1111", "[card]"),
        ("4111111111111112", "[number]"),
        // IBAN
        ("IBAN DE89 3704 0044 0532 0130 00.", "IBAN [iban]."),
        ("gb82west12345698765432", "[iban]"),
        ("NO9386011117947 and more", "[iban] and more"),
        ("DE89370400440532013001", "DE[number]"),
        ("XDE89370400440532013000", "XDE[number]"),
        // addresses of machines
        ("from 192.168.0.1:8080, 10.0.0.1.", "from [ip]:8080, [ip]."),
        ("256.1.1.1, 1.2.3, 1.2.3.4.5", "256.1.1.1, 1.2.3, 1.2.3.4.5"),
        ("2001:db8::ff00:42:8329 ::1 fe80::1.", "[ip] [ip] [ip]."),
        ("aa:bb:cc:dd:ee:0f", "[mac]"),
        ("std::vec, 10:23:45, a:b:c", "std::vec, 10:23:45, a:b:c"),
        // URLs
        ("https://x.org/reset?token=abc, then", "[url], then"),
        ("https://ann:pw@x.org/", "[url]"),
        ("http://x.org/a#ann (http://x.org/s/0123456789abcdef)", "[url] ([url])"),
        ("see https://x.org/about/us.html.", "see https://x.org/about/us.html."),
        ("http://10.0.0.1/", "http://[ip]/"),
        ("https://x.org/http://y.org", "[url]"),
        // dates and times
        (
            "2026-01-31 12:30:05.123456+02 and 2026-01-31T12:30:05Z",
            "2026-01-31 12:30:05.123456+02 and 2026-01-31T12:30:05Z",
        ),
        ("31.01.2026, 01/31/2026, 10:23:45.123", "31.01.2026, 01/31/2026, 10:23:45.123"),
        ("2026-13-31, 2026-01-310, 2026-01-31-44", "[phone], [phone], [phone]"),
        ("2026-01-31 0171 2345678", "2026-01-31 [phone]"),
        // a number behind a time without a blank
        ("2026-01-31 10:30:053123456+02", "2026-01-31 10:30:[phone]+02"),
        ("2026-01-31T10:3012345678", "2026-01-31T10:[phone]"),
        ("2026-01-31 10:30:05.123456789", "[phone]:30:05.[phone]"),
        ("nothing to see", "nothing to see"),
    ] {
        assert_eq!(of(text), expected, "{text}");
    }
}

#[test]
fn the_rows_own_names_are_found_as_words() {
    let names: &[&str] = &["first", "full"];
    let trial = Trial::new("scrub", &[("names", names.into())], |i| i.to_string(), "")
        .beside("first", Class::Drop, |_| "Zoé".into())
        .beside("full", Class::Keep, |_| "Dr. Zoé  O'Neil-Øster x".into());
    let of = |text: &str| String::from_utf8(trial.made().outcome(text.as_bytes(), 0).unwrap()).unwrap();
    for (text, expected) in [
        ("Zoé met ZOÉ; zoé's", "[name] met [name]; [name]'s"),
        ("Zoés Zoé1 aZoé éZoé", "Zoés Zoé1 aZoé éZoé"),
        ("Neil, o'neil, ØSTER, dr x", "[name], o'[name], [name], [name] x"),
        ("zoé@example.org, zoé.x@example.org", "[name][email], [name][email]"),
        ("", ""),
        ("Zo", "Zo"),
    ] {
        assert_eq!(of(text), expected, "{text}");
    }
    let nobody = trial.made_for(&ColumnFacts::TEXT, &key(1), None).is_ok();
    assert!(nobody);
    let names: &[&str] = &["nobody"];
    let refused =
        Trial::new("scrub", &[("names", names.into())], |i| i.to_string(), "")
            .beside("first", Class::Keep, |i| i.to_string());
    assert!(matches!(refused.made_for(&ColumnFacts::TEXT, &key(1), None), Err(MaskError::Sibling { .. })));
}

#[test]
fn a_long_name_does_not_make_it_slow() {
    let names: &[&str] = &["first"];
    let trial =
        Trial::new("scrub", &[("names", names.into())], |i| i.to_string(), "")
            .beside("first", Class::Keep, |_| "ab ac ".repeat(500_000));
    let out = trial.made().outcome("aa ab ".repeat(10_000).as_bytes(), 0).unwrap();
    assert_eq!(out, "aa [name] ".repeat(10_000).into_bytes());
}

#[test]
fn what_does_not_fit_is_cut_off() {
    let mask = mask_of(&MaskSpec::of("scrub", &[]), VARCHAR, 4 + 10);
    assert_eq!(masked(&mask, "é a@b.c é".as_bytes()), "é [email] ".as_bytes());
}

/// Whatever stands side by side.
#[test]
fn no_long_number_and_no_address_comes_through() {
    let mask = mask_of(&MaskSpec::of("scrub", &[]), TEXT, -1);
    let pieces = prop::sample::select(vec![
        "1234567",
        "4111111111111111",
        "12",
        "3",
        "2026-01-31",
        "31.01.2026",
        " 10:30:05.123456",
        "+02",
        "T",
        "DE89",
        "3704 0044 0532",
        "10.0.0.1",
        "::",
        "fe80:",
        ":",
        "://",
        "https://x",
        "?a=",
        "/",
        "@",
        "a@b.c",
        "ann",
        "\"",
        "é",
        "用",
        " ",
        "  ",
        "-",
        ".",
        "(",
        "+49",
        ",",
        "\n",
    ]);
    proptest!(config(5000), |(pieces in prop::collection::vec(pieces, 0..12))| {
        let text = pieces.concat();
        let out = String::from_utf8(masked(&mask, text.as_bytes())).unwrap();
        let longest = out.split(|c: char| !c.is_ascii_digit()).map(str::len).max();
        prop_assert!(longest < Some(7), "{} {}", text, out);
        let address = out.char_indices().filter(|(_, c)| *c == '@').any(|(at, _)| {
            let word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric());
            word(out[..at].chars().next_back()) && word(out[at + 1..].chars().next())
        });
        prop_assert!(!address, "{} {}", text, out);
    });
}
