//! Numbers with check digits: which of them a value could be.
//!
//! Where one value passes by chance (one in ten for most, one in a hundred for some), a hundred do not: it is the sample that
//! decides, in [`super::sample`]. The descriptions are public; each check names its.

/// Luhn's test (ISO/IEC 7812-1, annex B).
pub fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, d)| match (i % 2, u32::from(*d)) {
            (1, d) if d > 4 => d * 2 - 9,
            (1, d) => d * 2,
            (_, d) => d,
        })
        .sum();
    digits.len() > 1 && sum.is_multiple_of(10)
}

/// The number of a payment card: of a length and with a beginning that issuers use.
pub fn card(digits: &[u8]) -> bool {
    let known = match digits {
        [4, ..] => matches!(digits.len(), 13 | 16 | 19),
        [5, 1..=5, ..] | [2, 2..=7, ..] => digits.len() == 16,
        [3, 4 | 7, ..] => digits.len() == 15,
        [3, 0 | 6 | 8, ..] => digits.len() == 14,
        [6, ..] => matches!(digits.len(), 16..=19),
        [3, 5, ..] => digits.len() == 16,
        _ => false,
    };
    known && luhn(digits)
}

/// ISO 13616: two letters, two check digits, up to 30 characters, and 1 as the rest by 97.
pub fn iban(text: &str) -> bool {
    let bytes: Vec<u8> = text.bytes().filter(|b| *b != b' ').collect();
    let form = (15..=34).contains(&bytes.len())
        && bytes[..2].iter().all(u8::is_ascii_uppercase)
        && bytes[2..4].iter().all(u8::is_ascii_digit)
        && bytes.iter().all(u8::is_ascii_alphanumeric);
    let rest = |n: u32, b: &u8| match b {
        b'0'..=b'9' => (n * 10 + u32::from(b - b'0')) % 97,
        _ => (n * 100 + u32::from(b.to_ascii_uppercase() - b'A') + 10) % 97,
    };
    form && bytes[4..].iter().chain(&bytes[..4]).fold(0, rest) == 1
}

/// EAN-13, ISBN-13, UPC: no person's, though they have a check digit (GS1 General Specifications, 7.9).
pub fn ean(digits: &[u8]) -> bool {
    let weights = if digits.len() == 12 { [3, 1] } else { [1, 3] };
    let sum: u32 = digits.iter().zip(weights.iter().cycle()).map(|(d, w)| u32::from(*d) * w).sum();
    matches!(digits.len(), 12 | 13) && sum.is_multiple_of(10)
}

/// The number of a person in some country, with signs or without. Which one is no matter.
pub fn person(text: &str) -> bool {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0').collect();
    let letters = text.bytes().filter(u8::is_ascii_alphabetic).count();
    let signs = text.bytes().filter(|b| b" .-/".contains(b)).count();
    if digits.len() + letters + signs != text.len() || signs > 4 {
        return false;
    }
    match (digits.len(), letters) {
        (11, 0) => cpf(&digits) || pesel(&digits) || steuer_id(&digits) || personal_code(&digits),
        (9, 0) => bsn(&digits) || ssn(text),
        (10, 0) => swedish(&digits),
        (15, 0) => nir(&digits),
        (13, 0) => text.starts_with("756") && ean(&digits),
        (8 | 7, 1 | 2) => spanish(text),
        (11, 1) => german_pension(text),
        (7.., 9..) => codice_fiscale(text),
        _ => false,
    }
}

/// The number of a company or a taxpayer.
pub fn taxpayer(text: &str) -> bool {
    let bare: Vec<u8> = text.bytes().filter(|b| !b" .-/".contains(b)).collect();
    let digits: Vec<u8> = bare.iter().filter(|b| b.is_ascii_digit()).map(|b| b - b'0').collect();
    match (digits.len(), bare.len() - digits.len()) {
        (14, 0) => luhn(&digits) || cnpj(&digits),
        (10, 0) => weighted(&digits, &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11 == u32::from(digits[9]),
        (8..=12, 2..=4) => vat(&bare),
        _ => false,
    }
}

/// A European VAT number begins with its country.
fn vat(bare: &[u8]) -> bool {
    const COUNTRIES: &str = "AT BE BG CY CZ DE DK EE EL ES FI FR GB HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK";
    let country = bare.get(..2).and_then(|c| std::str::from_utf8(c).ok()).unwrap_or_default();
    COUNTRIES.split(' ').any(|c| c == country) && bare[2..].iter().all(u8::is_ascii_alphanumeric)
}

fn weighted(digits: &[u8], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(d, w)| u32::from(*d) * w).sum()
}

/// Brazil: two check digits, by eleven.
fn cpf(d: &[u8]) -> bool {
    let check = |n: usize| {
        let sum: u32 = (0..n).map(|i| u32::from(d[i]) * (n + 1 - i) as u32).sum();
        u32::from(d[n]) == (sum * 10 % 11) % 10
    };
    check(9) && check(10) && d.iter().any(|x| *x != d[0])
}

fn cnpj(d: &[u8]) -> bool {
    let check = |weights: &[u32]| match weighted(d, weights) % 11 {
        0 | 1 => d[weights.len()] == 0,
        rest => u32::from(d[weights.len()]) == 11 - rest,
    };
    check(&[5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]) && check(&[6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2])
}

/// Poland: the century stands in the month.
fn pesel(d: &[u8]) -> bool {
    let month = (d[2] * 10 + d[3]) % 20;
    let day = d[4] * 10 + d[5];
    (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (weighted(d, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]) + u32::from(d[10])).is_multiple_of(10)
}

/// Germany's tax number of a person (ISO 7064, mod 11, 10).
fn steuer_id(d: &[u8]) -> bool {
    let product = d[..10].iter().fold(10u32, |product, digit| match (u32::from(*digit) + product) % 10 {
        0 => 20 % 11,
        sum => sum * 2 % 11,
    });
    d[0] != 0 && u32::from(d[10]) == (11 - product) % 10
}

/// Estonia, Lithuania: date of birth behind a digit for century and sex.
fn personal_code(d: &[u8]) -> bool {
    let first = weighted(d, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 1]) % 11;
    let second = weighted(d, &[3, 4, 5, 6, 7, 8, 9, 1, 2, 3]) % 11;
    let month = d[3] * 10 + d[4];
    (1..=6).contains(&d[0])
        && (1..=12).contains(&month)
        && u32::from(d[10]) == if first < 10 { first } else { second % 10 }
}

/// The Netherlands, with eight digits or nine.
fn bsn(d: &[u8]) -> bool {
    let sum = weighted(d, &[9, 8, 7, 6, 5, 4, 3, 2]);
    sum % 11 == u32::from(d[8])
}

/// The United States: no check digit, but never without its signs here.
fn ssn(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    matches!(parts[..], [a, b, c] if a.len() == 3 && b.len() == 2 && c.len() == 4 && a != "000" && a != "666" && !a.starts_with('9'))
}

/// Sweden: a date and four digits, Luhn.
fn swedish(d: &[u8]) -> bool {
    let (month, day) = (d[2] * 10 + d[3], d[4] * 10 + d[5]);
    (1..=12).contains(&month) && (1..=31).contains(&day) && luhn(d)
}

/// France: sex, year, month, place, serial, and a key by 97.
fn nir(d: &[u8]) -> bool {
    let number = |digits: &[u8]| digits.iter().fold(0u64, |n, d| n * 10 + u64::from(*d));
    (1..=2).contains(&d[0]) && 97 - number(&d[..13]) % 97 == number(&d[13..])
}

/// Spain: DNI, and NIE with a letter for its first digit.
fn spanish(text: &str) -> bool {
    let bare: String = text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_uppercase();
    let Some((number, letter)) = bare.split_at_checked(8) else { return false };
    let number = number.replacen('X', "0", 1).replacen('Y', "1", 1).replacen('Z', "2", 1);
    let letters = "TRWAGMYFPDXBNJZSQVHLCKE";
    number.parse::<usize>().is_ok_and(|n| letters.get(n % 23..=n % 23) == Some(letter))
}

/// Germany's pension number: area, date of birth, initial, serial, check.
fn german_pension(text: &str) -> bool {
    let bare: Vec<u8> = text.bytes().filter(u8::is_ascii_alphanumeric).map(|b| b.to_ascii_uppercase()).collect();
    if bare.len() != 12 || !bare[8].is_ascii_uppercase() {
        return false;
    }
    let letter = bare[8] - b'A' + 1;
    let mut digits: Vec<u8> = bare[..8].iter().map(|b| b.wrapping_sub(b'0')).collect();
    digits.extend([letter / 10, letter % 10, bare[9].wrapping_sub(b'0'), bare[10].wrapping_sub(b'0')]);
    let sum: u32 = digits
        .iter()
        .zip([2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1])
        .map(|(d, w)| u32::from(*d) * w / 10 + u32::from(*d) * w % 10)
        .sum();
    sum % 10 == u32::from(bare[11].wrapping_sub(b'0'))
}

/// Italy: sixteen characters of a form of their own.
fn codice_fiscale(text: &str) -> bool {
    const ODD: [u32; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    let bytes = text.as_bytes();
    let form = "LLLLLLDDLDDLDDDL";
    if bytes.len() != 16
        || !form.bytes().zip(bytes).all(|(f, b)| if f == b'L' { b.is_ascii_alphabetic() } else { b.is_ascii_digit() })
    {
        return false;
    }
    let worth = |b: u8| usize::from(if b.is_ascii_digit() { b - b'0' } else { b.to_ascii_uppercase() - b'A' });
    let sum: u32 =
        bytes[..15].iter().enumerate().map(|(i, b)| if i % 2 == 0 { ODD[worth(*b)] } else { worth(*b) as u32 }).sum();
    sum % 26 == worth(bytes[15]) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(text: &str) -> Vec<u8> {
        text.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0').collect()
    }

    /// Published examples, and each with one digit changed.
    #[test]
    fn examples() {
        // of the nine other last digits one or two may be right in another country
        let others = |text: &str, check: &dyn Fn(&str) -> bool| {
            let at = text.rfind(|c: char| c.is_ascii_digit()).unwrap();
            let others = (b'0'..=b'9').filter(|d| *d != text.as_bytes()[at]).map(char::from);
            others.filter(|d| check(&format!("{}{d}{}", &text[..at], &text[at + 1..]))).count()
        };
        let right = |number: &str, check: &dyn Fn(&str) -> bool| {
            assert!(check(number), "{number}");
            assert!(others(number, check) <= 2, "{number}: the check digit decides nothing");
        };
        for number in ["4111111111111111", "378282246310005", "5555555555554444", "6011111111111117"] {
            right(number, &|n| card(&digits(n)));
        }
        for number in [
            "DE89370400440532013000",
            "GB82 WEST 1234 5698 7654 32",
            "NL91ABNA0417164300",
            "FR1420041010050500013M02606",
        ] {
            right(number, &iban);
        }
        for number in ["4006381333931", "9783161484100", "036000291452"] {
            right(number, &|n| ean(&digits(n)));
        }
        for number in [
            "111.444.777-35",   // Brazil
            "44051401359",      // Poland
            "111222333",        // the Netherlands
            "12345678Z",        // Spain
            "X1234567L",        // Spain, foreigners
            "255081416802538",  // France
            "86095742719",      // Germany, tax
            "15070649C103",     // Germany, pension
            "RSSMRA85T10A562S", // Italy
            "811218-9876",      // Sweden
            "756.9217.0769.85", // Switzerland
            "37605030299",      // Estonia
        ] {
            right(number, &person);
        }
        assert!(person("078-05-1120") && !person("078051121"), "the United States");
        for number in ["11.222.333/0001-81", "73282932000074", "1234563218"] {
            right(number, &taxpayer);
        }
        assert!(taxpayer("ATU12345678") && !taxpayer("XX12345678"));
    }

    /// Nothing that comes in may make them fail.
    #[test]
    fn total() {
        for text in [
            "",
            "-",
            "é",
            "ÄÖÜ123456789",
            "00000000000",
            "--------",
            "12345678é",
            "000000000000000",
            "AAAAAA00A00A000A",
            "\u{1F600}1234567",
        ] {
            _ = (person(text), taxpayer(text), iban(text), card(&digits(text)), ean(&digits(text)));
        }
    }
}
