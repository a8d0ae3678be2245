//! `iban`: another bank account number of the same country.
//!
//! - takes text: an IBAN of a country of [the registry](COUNTRIES), of its length, its kinds of characters and a valid checksum
//!   (ISO 13616, ISO 7064 mod 97-10); any case, with spaces or hyphens or without
//! - keeps country, length, grouping, where letters and digits stand, equality
//! - gives away the same: the country, and how it was written
//! - NULL stays NULL (the caller's part); the empty string of a text column stays empty
//! - unparsable: other letters and digits in the same places, not one to one, counted
//!
//! One to one on valid IBANs: what follows the checksum goes through [`Classes`], tweaked by the country, and the checksum is
//! made anew. Digits stay digits and letters letters, so the result has the form of its country. Letters come out as capitals,
//! so two spellings of one IBAN that differ in case come out as one. Bank and branch are masked too; check
//! digits within the national number do not hold, so most results are no account anywhere, but nothing forbids one to be.

use bytes::{BufMut, BytesMut};

use super::classes::Classes;
use super::kind::{Empty, Kind};
use super::make::{Built, Make};
use super::spec::{Injective, MaskError};
use super::{Masking, Outcome, redact};
use crate::key::SubKey;
use crate::raw::RawRow;

pub(crate) static KIND: Kind = Kind {
    name: "iban",
    version: 1,
    makes: "another bank account number of the same country, with a valid checksum",
    types: "text",
    keeps: "equality, the country, length, grouping, where letters and digits stand",
    gives_away: "the country, and how it was written",
    unique: false,
    example: "iban",
    parameters: &[],
    keyed: true,
    empty: Empty::Stays,
    build,
};

/// The longest IBAN.
const LONGEST: usize = 34;

struct Iban {
    classes: Classes,
    unparsable: SubKey,
}

fn build(make: &Make<'_>) -> Result<Built, MaskError> {
    make.wants_text()?;
    let (classes, unparsable) = (Classes::new(&make.key("classes")), make.key("iban unparsable"));
    Built::new(Iban { classes, unparsable }, Injective::No)
}

impl Masking for Iban {
    fn apply(&self, value: &[u8], _row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        let mut iban = [0u8; LONGEST];
        match read(value, &mut iban).and_then(|iban| self.encrypt(iban)) {
            Some(iban) => {
                let mut next = iban.iter();
                for &b in value {
                    out.put_u8(if b.is_ascii_alphanumeric() { next.next().copied().unwrap_or(b'0') } else { b });
                }
                Outcome::Masked
            }
            None => {
                redact::same_shape(&self.unparsable, value, out);
                Outcome::Redacted
            }
        }
    }
}

impl Iban {
    fn encrypt<'a>(&self, iban: &'a mut [u8]) -> Option<&'a [u8]> {
        let (head, account) = iban.split_at_mut(4);
        self.classes.permute(head.get(..2)?, account).ok()?;
        let checksum = checksum(iban);
        iban.get_mut(2..4)?.copy_from_slice(&[b'0' + checksum / 10, b'0' + checksum % 10]);
        Some(iban)
    }
}

/// The capitals and digits of a valid IBAN.
fn read<'a>(value: &[u8], iban: &'a mut [u8; LONGEST]) -> Option<&'a mut [u8]> {
    let mut count = 0;
    for &b in value {
        match b {
            b' ' | b'-' => {}
            _ if b.is_ascii_alphanumeric() => {
                *iban.get_mut(count)? = b.to_ascii_uppercase();
                count += 1;
            }
            _ => return None,
        }
    }
    let iban = &mut iban[..count];
    let [a, b, c, d, account @ ..] = &*iban else { return None };
    let at = COUNTRIES.binary_search_by_key(&[*a, *b], |(country, _)| [country[0], country[1]]).ok()?;
    let stated = c.wrapping_sub(b'0').checked_mul(10)?.checked_add(d.wrapping_sub(b'0'))?;
    let digits = c.is_ascii_digit() && d.is_ascii_digit();
    (digits && has_form(account, COUNTRIES[at].1) && stated == checksum(iban)).then_some(iban)
}

/// Is it of such a form: `8n10c`?
fn has_form(account: &[u8], form: &str) -> bool {
    let (mut rest, mut count) = (account, 0);
    for b in form.bytes() {
        if b.is_ascii_digit() {
            count = count * 10 + usize::from(b - b'0');
            continue;
        }
        let Some((part, others)) = rest.split_at_checked(count) else { return false };
        let fits = match b {
            b'n' => part.iter().all(u8::is_ascii_digit),
            b'a' => part.iter().all(u8::is_ascii_uppercase),
            _ => true,
        };
        if !fits {
            return false;
        }
        (rest, count) = (others, 0);
    }
    rest.is_empty()
}

/// The two digits that make an IBAN valid; what stands at their place does not count. 2 to 98.
fn checksum(iban: &[u8]) -> u8 {
    let (head, account) = iban.split_at(iban.len().min(4));
    let digits = account.iter().chain(head.iter().take(2)).chain(b"00");
    let rest = digits.fold(0u32, |n, c| match c {
        b'0'..=b'9' => (n * 10 + u32::from(c - b'0')) % 97,
        _ => (n * 100 + u32::from(c.saturating_sub(b'A')) + 10) % 97,
    });
    98 - rest as u8
}

/// Countries and the form of what follows the checksum: SWIFT's IBAN registry (release 103, its column "BBAN structure"), where `n`
/// is digits, `a` capitals, `c` either. Neighbours of one kind are put together.
#[rustfmt::skip]
const COUNTRIES: &[(&[u8; 2], &str)] = &[
    (b"AD", "8n12c"), (b"AE", "19n"), (b"AL", "8n16c"), (b"AT", "16n"), (b"AZ", "4a20c"),
    (b"BA", "16n"), (b"BE", "12n"), (b"BG", "4a6n8c"), (b"BH", "4a14c"), (b"BI", "23n"),
    (b"BR", "8c15n2c"), (b"BY", "4c4n16c"), (b"CH", "5n12c"), (b"CR", "18n"), (b"CY", "8n16c"),
    (b"CZ", "20n"), (b"DE", "18n"), (b"DJ", "23n"), (b"DK", "14n"), (b"DO", "4c20n"),
    (b"EE", "16n"), (b"EG", "25n"), (b"ES", "20n"), (b"FI", "14n"), (b"FK", "2a12n"),
    (b"FO", "14n"), (b"FR", "10n11c2n"), (b"GB", "4a14n"), (b"GE", "2a16n"), (b"GI", "4a15c"),
    (b"GL", "14n"), (b"GR", "7n16c"), (b"GT", "24c"), (b"HN", "4a20n"), (b"HR", "17n"),
    (b"HU", "24n"), (b"IE", "4a14n"), (b"IL", "19n"), (b"IQ", "4a15n"), (b"IS", "22n"),
    (b"IT", "1a10n12c"), (b"JO", "4a4n18c"), (b"KW", "4a22c"), (b"KZ", "3n13c"), (b"LB", "4n20c"),
    (b"LC", "4a24c"), (b"LI", "5n12c"), (b"LT", "16n"), (b"LU", "3n13c"), (b"LV", "4a13c"),
    (b"LY", "21n"), (b"MC", "10n11c2n"), (b"MD", "20c"), (b"ME", "18n"), (b"MK", "3n10c2n"),
    (b"MN", "16n"), (b"MR", "23n"), (b"MT", "4a5n18c"), (b"MU", "4a19n3a"), (b"NI", "4a20n"),
    (b"NL", "4a10n"), (b"NO", "11n"), (b"OM", "3n16c"), (b"PK", "4a16c"), (b"PL", "24n"),
    (b"PS", "4a21c"), (b"PT", "21n"), (b"QA", "4a21c"), (b"RO", "4a16c"), (b"RS", "18n"),
    (b"RU", "14n15c"), (b"SA", "2n18c"), (b"SC", "4a20n3a"), (b"SD", "14n"), (b"SE", "20n"),
    (b"SI", "15n"), (b"SK", "20n"), (b"SM", "1a10n12c"), (b"SO", "19n"), (b"ST", "21n"),
    (b"SV", "4a20n"), (b"TL", "19n"), (b"TN", "20n"), (b"TR", "6n16c"), (b"UA", "6n19c"),
    (b"VA", "18n"), (b"VG", "4a16n"), (b"XK", "16n"), (b"YE", "4a4n18c"),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The registry's own examples of some, all of whose kinds of characters occur.
    #[test]
    fn examples_of_the_registry() {
        for iban in [
            "AD1200012030200359100100",
            "AT611904300234573201",
            "BE68539007547034",
            "BR1800360305000010009795493C1",
            // since release 103 a bank may have letters
            "BR7312ABC3450000100097954931P",
            "CH9300762011623852957",
            "DE89370400440532013000",
            "ES9121000418450200051332",
            "FR1420041010050500013M02606",
            "GB29NWBK60161331926819",
            "IT60X0542811101000000123456",
            "MT84MALT011000012345MTLCAST001S",
            "MU17BOMM0101101030300200000MUR",
            "NL91ABNA0417164300",
            "NO9386011117947",
            "SC18SSCB11010000000000001497USD",
            "UA213223130000026007233566001",
            "gb29 nwbk 6016 1331 9268 19",
        ] {
            assert!(read(iban.as_bytes(), &mut [0; LONGEST]).is_some(), "{iban}");
        }
        for iban in [
            "DE88370400440532013000",
            "DE8937040044053201300",
            "DE8937040044053201300A",
            "ZZ89370400440532013000",
            "GB29NWB160161331926819",
            "DE89:370400440532013000",
            "DE",
            "",
            // the same rest as 98, but ISO 13616 makes it 2 to 98 only
            "DE00370400440532013000",
        ] {
            assert!(read(iban.as_bytes(), &mut [0; LONGEST]).is_none(), "{iban}");
        }
    }

    #[test]
    fn the_form_of_the_country_counts() {
        for (account, form, want) in [
            ("NWBK60161331926819", "4a14n", true),
            ("NWB160161331926819", "4a14n", false),
            ("NWBK6016133192681A", "4a14n", false),
            ("NWBK6016133192681", "4a14n", false),
            ("NWBK601613319268199", "4a14n", false),
            ("12AZ09", "2n4c", true),
        ] {
            assert_eq!(has_form(account.as_bytes(), form), want, "{account}");
        }
        let mut iban = *b"GB00123460161331926819";
        let checksum = checksum(&iban);
        iban[2..4].copy_from_slice(&[b'0' + checksum / 10, b'0' + checksum % 10]);
        assert!(read(&iban, &mut [0; LONGEST]).is_none());
    }

    #[test]
    fn countries_stand_in_order_and_have_a_form_of_some_length() {
        assert!(COUNTRIES.is_sorted_by(|a, b| a.0 < b.0));
        for (_, form) in COUNTRIES {
            let length: usize = form.split(['n', 'a', 'c']).filter_map(|n| n.parse::<usize>().ok()).sum();
            assert!((11..=30).contains(&length) && form.ends_with(['n', 'a', 'c']), "{form}");
        }
    }
}
