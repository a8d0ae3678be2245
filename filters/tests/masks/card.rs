use filters::mask::{ColumnFacts, Mask, MaskError, MaskSpec};
use proptest::prelude::*;

use super::trial::{FF1_VALUES, TEXT, Trial, all_different, config, key, mask_of, masked};

/// A valid number that begins so.
fn valid(begin: &str) -> String {
    (0..10).map(|last| format!("{begin}{last}")).find(|number| luhn(number)).unwrap()
}

/// Written another way than the mask does it: doubled digits by a table, from the left.
fn luhn(number: &str) -> bool {
    let digits: Vec<usize> = number.bytes().filter(u8::is_ascii_digit).map(|b| usize::from(b - b'0')).collect();
    let odd = digits.len() % 2;
    let of = |(i, d): (usize, &usize)| if i % 2 == odd { [0, 2, 4, 6, 8, 1, 3, 5, 7, 9][*d] } else { *d };
    digits.iter().enumerate().map(of).sum::<usize>().is_multiple_of(10)
}

pub fn trials() -> Vec<Trial> {
    let trial = |settings| {
        Trial::new(
            "card",
            settings,
            |i| valid(&format!("41111{:010}", i * 7)),
            "[0-9]{4}[ -]?[0-9]{4} ?[0-9]{4} ?[0-9]{0,8}",
        )
    };
    vec![trial(&[]).golden("card"), trial(&[("prefix", "42424242".into())]).golden("card_prefix")]
}

#[test]
fn cards_that_begin_alike_stay_apart() {
    let mask = mask_of(&MaskSpec::of("card", &[]), TEXT, -1);
    all_different(&mask, FF1_VALUES, |i| valid(&format!("4111{:011}", i * 7)));
}

#[test]
fn a_prefix_is_digits() {
    for prefix in ["", "123456789", "12a"] {
        let spec = MaskSpec::of("card", &[("prefix", prefix.into())]);
        let made = Mask::new(&spec, &key(1), None, &ColumnFacts::TEXT);
        assert!(matches!(made, Err(MaskError::Parameter { .. })), "{prefix}");
    }
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn it_is_a_valid_number_of_the_range(begin in "[0-9]{11,18}", wrong in 1u8..10) {
        let mask = mask_of(&MaskSpec::of("card", &[]), TEXT, -1);
        let number = valid(&begin);
        let grouped = number.as_bytes().chunks(4).map(|c| std::str::from_utf8(c).unwrap()).collect::<Vec<_>>().join(" ");
        let out = String::from_utf8(masked(&mask, grouped.as_bytes())).unwrap();
        prop_assert_eq!(mask.unparsable(), 0);
        prop_assert!(out.starts_with("9999") && luhn(&out), "{}", out);
        let spaces = |text: &str| text.match_indices(' ').map(|(i, _)| i).collect::<Vec<_>>();
        prop_assert_eq!((out.len(), spaces(&out)), (grouped.len(), spaces(&grouped)));
        prop_assert_eq!(masked(&mask, number.as_bytes()), out.replace(' ', "").into_bytes());
        // another last digit is no card, and lands in the range all the same
        let last = (number.as_bytes()[number.len() - 1] - b'0' + wrong) % 10;
        let bad = format!("{begin}{last}");
        prop_assert!(masked(&mask, bad.as_bytes()).starts_with(b"9999"));
        prop_assert_eq!(mask.unparsable(), 1);
    }
}
