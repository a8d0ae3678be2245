use filters::mask::MaskSpec;
use proptest::prelude::*;

use super::trial::{TEXT, Trial, VARCHAR, config, mask_of, masked};

pub fn trials() -> Vec<Trial> {
    let trial = |settings| {
        let like = "https?://([a-z]{1,8}:[a-z]{1,8}@)?[a-z0-9.-]{1,20}(:[0-9]{1,4})?(/[a-zA-Z0-9ü%._-]{0,9}){0,3}([?][a-z]=[a-z0-9%+]{0,9})?";
        Trial::new("url", settings, |i| format!("https://shop{}.example.org/users/{i}?token=a{i}", i % 7), like)
    };
    vec![trial(&[]).golden("url"), trial(&[("keep_host", true.into())]).golden("url_keep_host")]
}

#[test]
fn what_has_no_room_is_cut_between_characters() {
    for room in 32..60 {
        let mask = mask_of(&MaskSpec::of("url", &[]), VARCHAR, room + 4);
        let out = String::from_utf8(masked(&mask, b"https://h/%20%20%20%20%20%20%20%20")).unwrap();
        let tail = out.split_once(".example/").unwrap().1;
        assert!(out.len() <= room as usize && tail.len().is_multiple_of(3), "{out}");
        assert_eq!(mask.unparsable(), 0);
    }
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn the_form_stays_and_nothing_else(user in "([a-z]{1,8}@)?", host in "[a-z]{1,9}[.]com", port in "(:[0-9]{2,4})?", rest in "/[a-zA-Z0-9/._-]{0,20}([?][a-z=&0-9]{0,20})?") {
        let url = format!("https://{user}{host}{port}{rest}");
        let keep = MaskSpec::of("url", &[("keep_host", true.into())]);
        let mask = mask_of(&keep, TEXT, -1);
        let out = String::from_utf8(masked(&mask, url.as_bytes())).unwrap();
        prop_assert_eq!(mask.unparsable(), 0);
        prop_assert_eq!(out.len(), url.len());
        let (from, to) = (8 + user.len(), 8 + user.len() + host.len() + port.len());
        prop_assert_eq!(&out[from..to], &url[from..to]);
        for (at, (o, u)) in out.bytes().zip(url.bytes()).enumerate().skip(8) {
            let kinds = |c: u8| (c.is_ascii_digit(), c.is_ascii_lowercase(), c.is_ascii_uppercase());
            prop_assert_eq!(kinds(o), kinds(u));
            prop_assert!((from..to).contains(&at) || (o != u) == u.is_ascii_alphanumeric());
        }
        let replaced = String::from_utf8(masked(&mask_of(&MaskSpec::of("url", &[]), TEXT, -1), url.as_bytes())).unwrap();
        let end = format!(".example{port}/");
        prop_assert!(replaced.contains(&end) && !replaced.contains(&host));
    }
}
