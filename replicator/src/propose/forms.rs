//! Forms of single values: is this an address, a number, a token?

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::LazyLock;

use fake::locales::{AR_SA, CY_GB, DE_DE, Data, EN, FR_FR, IT_IT, NL_NL, PT_BR, PT_PT, TR_TR};

use super::numbers;

/// An address, and nothing else.
pub fn email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let part = |c: char| c.is_alphanumeric() || "._%+-'".contains(c);
    !local.is_empty()
        && local.len() <= 64
        && local.chars().all(part)
        && domain.contains('.')
        && domain.split('.').all(|label| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-'))
        && domain.rsplit('.').next().is_some_and(|top| top.len() > 1 && top.chars().all(char::is_alphabetic))
}

/// `Name <address>`.
pub fn named_email(text: &str) -> bool {
    text.strip_suffix('>').and_then(|t| t.rsplit_once('<')).is_some_and(|(_, address)| email(address))
}

/// Some digits and many stars.
pub fn masked_card(text: &str) -> bool {
    let stars = text.bytes().filter(|b| b"*xX".contains(b)).count();
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    stars >= 6 && (4..=10).contains(&digits) && text.bytes().all(|b| b.is_ascii_digit() || b"*xX -".contains(&b))
}

/// An IP address or a network.
pub fn ip(text: &str) -> bool {
    let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
    // 1.2.3.4 is also a version; versions have no first part above 20, as a rule
    address.parse::<IpAddr>().is_ok_and(|ip| match ip {
        IpAddr::V4(v4) => v4.octets()[0] > 9,
        IpAddr::V6(_) => address.len() > 3,
    }) && bits.is_none_or(|b| b.parse::<u8>().is_ok())
}

/// Six pairs of hexadecimal digits.
pub fn mac(text: &str) -> bool {
    let parts: Vec<&str> = text.split([':', '-']).collect();
    parts.len() == 6 && parts.iter().all(|p| p.len() == 2 && p.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Digits alone are as often something else: a `+`, brackets or two separators make a telephone number.
pub fn phone(text: &str, digits: usize) -> bool {
    if !(7..=15).contains(&digits) || !text.bytes().all(|b| b.is_ascii_digit() || b" ()+-./".contains(&b)) {
        return false;
    }
    let signs = text.bytes().filter(|b| b" -./".contains(b)).count();
    let dated = text.len() == 10 && signs == 2 && digits == 8;
    let dotted = text.bytes().filter(|b| *b == b'.').count() == 3;
    text.starts_with('+')
        || text.starts_with('(')
        || !dated && !dotted && (signs >= 2 || signs == 1 && text.starts_with('0'))
}

/// A password's hash that says how it was made.
pub fn password_hash(text: &str) -> bool {
    let crypt = [
        "$2a$",
        "$2b$",
        "$2y$",
        "$argon2",
        "$1$",
        "$5$",
        "$6$",
        "$P$",
        "$H$",
        "$scrypt",
        "pbkdf2",
        "{SSHA}",
        "SCRAM-SHA",
        "sha1$",
        "bcrypt$",
    ];
    text.len() >= 20 && crypt.iter().any(|prefix| text.starts_with(prefix))
}

/// Prefixes that services give their tokens so that scanners find them.
const PREFIXES: &[&str] = &[
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "AKIA",
    "ASIA",
    "AIza",
    "ya29.",
    "1//0",
    "xoxb-",
    "xoxp-",
    "xoxa-",
    "xapp-",
    "sk_live_",
    "sk_test_",
    "rk_live_",
    "pk_live_",
    "whsec_",
    "shpat_",
    "SG.",
    "key-",
    "npm_",
    "pypi-",
    "dop_v1_",
    "hvs.",
    "eyJ",
    "ck_",
    "cs_",
    "syt_",
    "sq0atp-",
    "EAAC",
    "tok_",
    "pm_",
    "cus_",
    "AC0",
    "sk-ant-",
    "sk-proj-",
    "lin_api_",
    "ntn_",
    "dckr_pat_",
];

/// A token or a key of a form that somebody gave it.
pub fn token(text: &str) -> bool {
    let one = !text.contains(char::is_whitespace) && text.len() >= 16;
    let known = one && PREFIXES.iter().any(|prefix| text.starts_with(prefix));
    let jwt = text.starts_with("eyJ") && text.split('.').count() == 3;
    known && (!text.starts_with("eyJ") || jwt)
        || text.starts_with("-----BEGIN") && text.contains("PRIVATE KEY")
        || ["ssh-rsa ", "ssh-ed25519 ", "ecdsa-sha2-"].iter().any(|prefix| text.starts_with(prefix))
        || text.starts_with("otpauth://")
}

/// At least twenty characters of one word, of both cases and digits in no order: six changes of class in twenty at least.
pub fn random(text: &str) -> bool {
    if !(20..=512).contains(&text.len()) || !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-+/=".contains(&b)) {
        return false;
    }
    let class = |b: u8| match b {
        b'0'..=b'9' => 0,
        b'a'..=b'z' => 1,
        b'A'..=b'Z' => 2,
        _ => 3,
    };
    let bytes = text.as_bytes();
    let seen: HashSet<u8> = bytes.iter().map(|b| class(*b)).collect();
    let turns = bytes.windows(2).filter(|w| class(w[0]) != class(w[1])).count();
    seen.contains(&0) && seen.contains(&1) && seen.contains(&2) && turns * 20 >= bytes.len() * 6
}

/// A URL with a password, or with something opaque in its path.
pub fn secret_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    if !scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+.-".contains(&b)) || text.contains(' ') {
        return false;
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let password = authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'));
    let opaque = path.split(['/', '?', '&', '=', '#']).any(|part| {
        part.len() >= 20
            && part.bytes().filter(u8::is_ascii_digit).count() >= 3
            && !part.contains('.')
            && uuidless(part)
    });
    password || opaque
}

/// A UUID in a URL is an id as often as not.
fn uuidless(part: &str) -> bool {
    !(part.len() == 36 && part.bytes().filter(|b| *b == b'-').count() == 4)
}

/// A value that holds others: JSON, XML, what PHP and Ruby write.
pub fn document(text: &str) -> bool {
    let framed = |open: char, close: char| text.starts_with(open) && text.ends_with(close);
    let json = || serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    framed('{', '}') && (json() || text.contains(": ") || text.contains("=>"))
        || framed('[', ']') && text.len() > 4 && json()
        || text.starts_with("<?xml")
        || text.starts_with("a:") && text.contains(":{") && text.ends_with('}')
        || text.starts_with("---\n")
}

/// Somebody's address or number among other words.
pub fn telling(text: &str) -> bool {
    let sign = |c: char| c.is_whitespace() || ",;:\"'<>()[]{}|".contains(c);
    let words = || text.split(sign).filter(|w| w.len() > 5).map(|w| w.trim_end_matches(['.', '!', '?']));
    words().any(|w| email(w) || numbers::iban(w) || token(w) || numbers::person(w) && w.len() > 10)
        || text.split_whitespace().any(|w| secret_url(w.trim_end_matches(['.', ',', ')'])))
        || phone_within(text)
}

/// Nine digits or more with only a telephone number's signs between.
fn phone_within(text: &str) -> bool {
    let run = |c: char| c.is_ascii_digit() || " ()+-./".contains(c);
    text.split(|c: char| !run(c)).any(|part| {
        let part = part.trim_matches([' ', '-', '.', '/']);
        let digits = part.bytes().filter(u8::is_ascii_digit).count();
        (9..=15).contains(&digits) && (part.starts_with(['+', '0', '(']) || phone(part, digits))
    })
}

/// A street with a number.
pub fn street(text: &str) -> bool {
    const SIGNS: &[&str] = &[
        "street",
        " st",
        " st.",
        "road",
        " rd",
        "lane",
        "avenue",
        " ave",
        "drive",
        "boulevard",
        "way",
        "strasse",
        "straße",
        "str.",
        "weg",
        "platz",
        "gasse",
        "rue ",
        "chemin ",
        "place ",
        "calle ",
        "avenida ",
        "plaza ",
        "paseo ",
        "via ",
        "viale ",
        "corso ",
        "piazza ",
        "straat",
        "laan",
        "gracht",
        "plein",
        "ul. ",
        "al. ",
        "pl. ",
        "rua ",
        "travessa ",
        "largo ",
        "court",
        "terrace",
    ];
    let lower = text.to_lowercase();
    text.len() <= 120
        && text.bytes().any(|b| b.is_ascii_digit())
        && text.chars().filter(|c| c.is_alphabetic()).count() >= 4
        && (2..=9).contains(&text.split_whitespace().count())
        && SIGNS.iter().any(|sign| lower.contains(sign))
}

/// Forms that nobody is told by.
pub fn nobodys(text: &str) -> bool {
    let hex = |t: &str| t.bytes().all(|b| b.is_ascii_hexdigit());
    let uuid = text.len() == 36 && text.split('-').map(str::len).eq([8, 4, 4, 4, 12]) && hex(&text.replace('-', ""));
    let digest =
        matches!(text.len(), 32 | 40 | 64 | 96 | 128) && hex(text) && text.contains(|c: char| c.is_ascii_digit());
    let colour = text.strip_prefix('#').is_some_and(|t| matches!(t.len(), 3 | 6 | 8) && hex(t));
    let language = matches!(text.len(), 2 | 5)
        && text.bytes().take(2).all(|b| b.is_ascii_lowercase())
        && text.split(['-', '_']).all(|p| p.len() == 2);
    let country = matches!(text.len(), 2 | 3) && text.bytes().all(|b| b.is_ascii_uppercase());
    let version = !ip(text)
        && text.trim_start_matches('v').split('.').count() >= 2
        && text
            .trim_start_matches('v')
            .split('.')
            .all(|p| !p.is_empty() && p.len() <= 4 && p.bytes().all(|b| b.is_ascii_digit()));
    let media = text.split_once('/').is_some_and(|(a, b)| {
        ["image", "text", "application", "audio", "video", "font", "multipart", "message"].contains(&a)
            && !b.contains(['/', ' '])
    });
    uuid || digest || colour || language || country || version || media
}

static FIRST: LazyLock<HashSet<String>> = LazyLock::new(|| {
    lower(&[
        EN::NAME_FIRST_NAME,
        FR_FR::NAME_FIRST_NAME,
        DE_DE::NAME_FIRST_NAME,
        IT_IT::NAME_FIRST_NAME,
        NL_NL::NAME_FIRST_NAME,
        PT_BR::NAME_FIRST_NAME,
        PT_PT::NAME_FIRST_NAME,
        TR_TR::NAME_FIRST_NAME,
        CY_GB::NAME_FIRST_NAME,
        AR_SA::NAME_FIRST_NAME,
    ])
});

static LAST: LazyLock<HashSet<String>> = LazyLock::new(|| {
    lower(&[
        EN::NAME_LAST_NAME,
        FR_FR::NAME_LAST_NAME,
        DE_DE::NAME_LAST_NAME,
        IT_IT::NAME_LAST_NAME,
        NL_NL::NAME_LAST_NAME,
        PT_BR::NAME_LAST_NAME,
        PT_PT::NAME_LAST_NAME,
        TR_TR::NAME_LAST_NAME,
        CY_GB::NAME_LAST_NAME,
        AR_SA::NAME_LAST_NAME,
    ])
});

fn lower(lists: &[&[&str]]) -> HashSet<String> {
    lists.iter().flat_map(|list| list.iter()).map(|name| name.to_lowercase()).collect()
}

/// Full, first, last name? One of two or three words in the lists is enough for a full name: no list has everybody.
pub fn names(text: &str) -> (bool, bool, bool) {
    let letters = |w: &str| {
        w.chars().all(|c| c.is_alphabetic() || "'-.".contains(c)) && w.chars().next().is_some_and(char::is_uppercase)
    };
    let words: Vec<&str> = text.split([' ', ',']).filter(|w| !w.is_empty()).collect();
    if words.is_empty() || words.len() > 5 || text.len() > 60 {
        return (false, false, false);
    }
    let is = |list: &HashSet<String>, w: &str| list.contains(&w.to_lowercase());
    match words[..] {
        [one] => (false, letters(one) && is(&FIRST, one), letters(one) && is(&LAST, one)),
        _ => {
            let capital = words.iter().filter(|w| letters(w)).count();
            let known = words.iter().any(|w| is(&FIRST, w) || w.len() > 3 && is(&LAST, w));
            (capital >= 2 && capital + 2 >= words.len() && known, false, false)
        }
    }
}
