//! Check digits of made-up numbers, after the public descriptions of each. Written apart from the product's own, which
//! have to agree with them.

use fastrand::Rng;

fn digits(text: &str) -> Vec<u32> {
    text.chars().filter_map(|c| c.to_digit(10)).collect()
}

fn weighted(digits: &[u32], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(d, w)| d * w).sum()
}

/// The digit that makes a number pass Luhn's test (ISO/IEC 7812-1).
pub fn luhn(text: &str) -> u32 {
    let sum: u32 = digits(text)
        .iter()
        .rev()
        .enumerate()
        .map(|(i, d)| if i % 2 == 0 { if *d > 4 { d * 2 - 9 } else { d * 2 } } else { *d })
        .sum();
    (10 - sum % 10) % 10
}

/// Check digits of an IBAN (ISO 13616).
pub fn iban(country: &str, bban: &str) -> u32 {
    let number: String = format!("{bban}{country}00").chars().map(|c| c.to_digit(36).unwrap().to_string()).collect();
    98 - number.chars().fold(0, |rest, c| (rest * 10 + c.to_digit(10).unwrap()) % 97)
}

/// Brazil's number of a person.
pub fn cpf(nine: &str, signs: bool) -> String {
    let mut all = digits(nine);
    for from in [10, 11] {
        let weights: Vec<u32> = (2..=from).rev().collect();
        let rest = weighted(&all, &weights) % 11;
        all.push(if rest < 2 { 0 } else { 11 - rest });
    }
    let text: String = all.iter().map(u32::to_string).collect();
    if signs { format!("{}.{}.{}-{}", &text[..3], &text[3..6], &text[6..9], &text[9..]) } else { text }
}

/// Brazil's number of a company.
pub fn cnpj(twelve: &str) -> String {
    let mut all = digits(twelve);
    for weights in [&[5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2][..], &[6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2][..]] {
        let rest = weighted(&all, weights) % 11;
        all.push(if rest < 2 { 0 } else { 11 - rest });
    }
    let text: String = all.iter().map(u32::to_string).collect();
    format!("{}.{}.{}/{}-{}", &text[..2], &text[2..5], &text[5..8], &text[8..12], &text[12..])
}

/// Poland's number of a person.
pub fn pesel(ten: &str) -> String {
    let sum = weighted(&digits(ten), &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]);
    format!("{ten}{}", (10 - sum % 10) % 10)
}

/// The Netherlands' number of a person.
pub fn bsn(rng: &mut Rng) -> String {
    loop {
        let eight = rng.u32(10_000_000..99_999_999).to_string();
        let last = weighted(&digits(&eight), &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
        if last < 10 {
            return format!("{eight}{last}");
        }
    }
}

/// Poland's tax number.
pub fn nip(rng: &mut Rng) -> String {
    loop {
        let nine = rng.u32(100_000_000..999_999_999).to_string();
        let last = weighted(&digits(&nine), &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11;
        if last < 10 {
            return format!("{nine}{last}");
        }
    }
}

/// Spain's number of a person.
pub fn dni(number: u32) -> String {
    let letter = b"TRWAGMYFPDXBNJZSQVHLCKE"[(number % 23) as usize];
    format!("{number:08}{}", char::from(letter))
}

/// France's number of a person.
pub fn nir(thirteen: &str) -> String {
    let number: u64 = thirteen.parse().unwrap();
    format!("{thirteen}{:02}", 97 - number % 97)
}

/// Germany's tax number of a person: one of the ten digits stands twice, the last is a check (ISO 7064, mod 11, 10).
pub fn steuer_id(rng: &mut Rng) -> String {
    let mut ten: Vec<u32> = (0..10).collect();
    rng.shuffle(&mut ten);
    ten[9] = ten[rng.usize(..8)];
    if ten[0] == 0 {
        ten.swap(0, 1);
    }
    if ten[0] == 0 {
        ten.swap(0, 2);
    }
    let mut product = 10;
    for digit in &ten {
        let sum = (digit + product) % 10;
        product = (if sum == 0 { 10 } else { sum }) * 2 % 11;
    }
    ten.push((11 - product) % 10);
    ten.iter().map(u32::to_string).collect()
}

/// Germany's pension number.
pub fn svnr(eleven: &str) -> String {
    let expanded: String = eleven
        .chars()
        .map(|c| if c.is_ascii_uppercase() { format!("{:02}", u32::from(c) - 64) } else { c.to_string() })
        .collect();
    let sum: u32 =
        digits(&expanded).iter().zip([2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1]).map(|(d, w)| d * w / 10 + d * w % 10).sum();
    format!("{eleven}{}", sum % 10)
}

/// Italy's tax code of a person.
pub fn codice_fiscale(fifteen: &str) -> String {
    const ODD: [u32; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    let sum: u32 = fifteen
        .chars()
        .enumerate()
        .map(|(i, c)| {
            let n = if c.is_ascii_digit() { u32::from(c) - 48 } else { u32::from(c) - 65 };
            if i % 2 == 0 { ODD[n as usize] } else { n }
        })
        .sum();
    format!("{fifteen}{}", char::from_u32(65 + sum % 26).unwrap())
}
