use filters::mask::MaskSpec;
use proptest::prelude::*;

use super::trial::{FF1_VALUES, TEXT, Trial, all_different, config, mask_of, masked};

/// With the checksum that makes it valid.
fn valid(country: &str, account: &str) -> String {
    format!("{country}{:02}{account}", 98 - rest(&format!("{account}{country}00")))
}

/// Modulo 97 of what it spells, letter by letter, in decimal digits.
fn rest(text: &str) -> u32 {
    let spelled: String = text.chars().map(|c| c.to_digit(36).unwrap().to_string()).collect();
    spelled.chars().fold(0, |n, c| (n * 10 + c.to_digit(10).unwrap()) % 97)
}

pub fn trials() -> Vec<Trial> {
    let like = "(DE89 ?3704 ?0044 ?0532 ?0130 ?00|GB29NWBK60161331926819|[A-Z]{2}[0-9]{2} ?[A-Z0-9]{0,30})";
    vec![
        Trial::new("iban", &[], |i| valid("DE", &format!("37040044{i:010}")), like).golden("iban"),
        Trial::new("iban", &[], |i| valid("GB", &format!("NWBK{i:014}")), like),
    ]
}

/// They do not claim it, because of what they redact; what they can read they keep apart.
#[test]
fn accounts_stay_apart() {
    let mask = mask_of(&MaskSpec::of("iban", &[]), TEXT, -1);
    all_different(&mask, FF1_VALUES, |i| valid("NO", &format!("{:011}", i * 7)));
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn it_is_a_valid_number_of_the_same_country(german in "[0-9]{18}", british in "[A-Z]{4}[0-9]{14}", maltese in "[A-Z]{4}[0-9]{5}[A-Z0-9]{18}") {
        let mask = mask_of(&MaskSpec::of("iban", &[]), TEXT, -1);
        for (country, account) in [("DE", german), ("GB", british), ("MT", maltese)] {
            let iban = valid(country, &account);
            let grouped = iban.as_bytes().chunks(4).map(|c| std::str::from_utf8(c).unwrap()).collect::<Vec<_>>().join(" ");
            let out = String::from_utf8(masked(&mask, grouped.as_bytes())).unwrap();
            prop_assert_eq!(mask.unparsable(), 0);
            prop_assert!(out.chars().zip(grouped.chars()).all(|(o, g)| o.is_ascii_digit() == g.is_ascii_digit() && (o == ' ') == (g == ' ')));
            let bare = out.replace(' ', "");
            prop_assert_eq!(&bare[..2], country);
            prop_assert_eq!(&bare, &valid(country, &bare[4..]));
            prop_assert_eq!(masked(&mask, iban.to_lowercase().as_bytes()), bare.into_bytes());
        }
    }
}
