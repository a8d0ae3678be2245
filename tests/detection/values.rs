//! Made-up values by the name of a generator: what a column of the corpus would hold.
//!
//! Each is drawn from a generator seeded by the column's name, so every run sees the same. Nothing here is taken from
//! anybody's data, and tokens are put together as the test runs: none stands in the repository.

use fastrand::Rng;

use super::checks;
use super::words;

/// `n` values of a generator for a column; `None` if there is no such generator.
pub fn values(generator: &str, column: &str, n: usize) -> Option<Vec<String>> {
    let seed = column.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
    let mut rng = Rng::with_seed(seed);
    (0..n).map(|_| value(generator, &mut rng)).collect()
}

fn value(generator: &str, rng: &mut Rng) -> Option<String> {
    if let Some((_, pattern)) = PATTERNS.iter().find(|(name, _)| *name == generator) {
        return Some(fill(pattern, rng));
    }
    let text = match generator {
        "card" => luhn("4%d{14}|5[1-5]%d{13}|37%d{12}", rng),
        "imei" => luhn("35%d{12}", rng),
        "siren" => luhn("%d{8}", rng),
        "siret" => luhn("%d{13}", rng),
        "iban" => iban(rng),
        "isbn13" => ean("978%d{9}", rng),
        "ean13" => ean("[4-8]%d{11}", rng),
        "cpf" => checks::cpf(&fill("%d{9}", rng), true),
        "cpf_digits" => checks::cpf(&fill("%D%d{8}", rng), false),
        "cnpj" => checks::cnpj(&fill("%d{8}0001", rng)),
        "pesel" => checks::pesel(&fill("[5-9]%d0[1-9][0-2][1-8]%d{4}", rng)),
        "bsn" => checks::bsn(rng),
        "nip" => checks::nip(rng),
        "dni_es" => checks::dni(rng.u32(1_000_000..99_999_999)),
        "nir" => checks::nir(&fill("[12]%d{2}0[1-9][1-8]%d%d{6}", rng)),
        "steuer_id" => checks::steuer_id(rng),
        "svnr" => checks::svnr(&fill("[1-6]%d[0-2][1-8]0[1-9]%d%d%A%d%d", rng)),
        "codice_fiscale" => checks::codice_fiscale(&fill("%A{6}%d%d%H[0-2][1-8]%A%d%d%d", rng)),
        "unix_ts" => rng.u32(1_500_000_000..1_750_000_000).to_string(),
        "unix_ms" => (u64::from(rng.u32(1_500_000_000..1_750_000_000)) * 1000 + rng.u64(0..1000)).to_string(),
        "ip_int" => rng.u32(0x0100_0000..0xDFFF_FFFF).to_string(),
        "lat" | "shop_lat" => format!("{:.6}", rng.f64() * 20.0 + 36.0),
        "lon" | "shop_lon" => format!("{:.6}", rng.f64() * 30.0 - 5.0),
        "shop_lat_e7" => rng.u32(360_000_000..560_000_000).to_string(),
        "shop_point" => format!("({:.5},{:.5})", rng.f64() * 30.0 - 5.0, rng.f64() * 20.0 + 36.0),
        "date_birth" => birth(rng, "-"),
        "yyyymmdd" => birth(rng, ""),
        "timestamp_birth" => birth(rng, "-") + " 00:00:00",
        "email_upper" => fill(EMAIL, rng).to_uppercase(),
        "first_name_upper" => fill("{first}", rng).to_uppercase(),
        "last_name_upper" => fill("{last}", rng).to_uppercase(),
        "full_name_upper" => fill("{first} {last}", rng).to_uppercase(),
        "lorem" => sentence(rng, "{latin} {latin} {latin} {latin} {latin}", 3),
        "free_text_plain" => fill("{mask}. {mask}.", rng),
        "free_text_pii" => with_person(rng, "{mask}. "),
        "html_text_pii" => format!("<p>{}</p>", with_person(rng, "{mask}.</p><p>")),
        "json_pii" => json(rng),
        "pem_key" => pem("PRIVATE KEY", rng),
        "pem_cert" => pem("CERTIFICATE", rng),
        _ => return None,
    };
    Some(text)
}

const EMAIL: &str = "%a{4}.%a{6}@{zone}|%a{7}%d%d@mail.test|{seed}.%a{5}@{zone}|%a{3}-%a{6}@shop.example";

/// Alternatives stand between bars. `%d` a digit, `%D` one that is not 0, `%a` `%A` letters, `%x` hexadecimal, `%X` letters
/// and digits, `%U` the same in capitals, `%b` base64, `%H` a month's letter; `{3}` behind it repeats; `{word}` is one of a
/// list; `[0-5]` is one of a range.
const PATTERNS: &[(&str, &str)] = &[
    ("email", EMAIL),
    ("email_named", "{first} {last} <%a{6}@{zone}>|%a{5}.%a{5}@{zone}"),
    ("first_name", "{first}"),
    ("last_name", "{last}"),
    ("full_name", "{first} {last}"),
    ("name_comma", "{last}, {first}"),
    ("initials", "%A.|%A.%A.|%A"),
    ("tussenvoegsel", "{tussen}"),
    ("username", "%a{3}{seed}%d%d|{seed}_%a{4}|%a{7}|{seed}.{seed}%d"),
    ("ad_login", "corp\\%a{6}%d"),
    ("ldap_dn", "uid=%a{6},ou=people,dc=example,dc=org"),
    ("matrix_id", "@%a{6}:{zone}|@{seed}%d%d:{zone}"),
    ("matrix_room", "!%X{18}:{zone}"),
    (
        "phone_intl",
        "+49 %D%d%d %d{7}|+33 6 %d%d %d%d %d%d %d%d|+44 20 7%d{3} %d{4}|+1 %D%d%d-%d{3}-%d{4}|+48 %D%d%d %d{3} %d{3}",
    ),
    ("phone_e164", "+491%d{10}|+336%d{8}|+447%d{9}|+1[2-9]%d{9}|+5511%d{9}"),
    ("phone_us", "([2-9]%d%d) %d{3}-%d{4}|[2-9]%d%d-%d{3}-%d{4}|+1 ([2-9]%d%d) %d{3}-%d{4}|[2-9]%d%d.%d{3}.%d{4}"),
    ("phone_de", "0%D%d%d %d{7}|0%D%d%d/%d{6}|+49 %D%d%d %d{6}|(0%D%d) %d{7}|017%d-%d{7}"),
    ("phone_fr", "0[1-7] %d%d %d%d %d%d %d%d|+33 [1-7] %d%d %d%d %d%d %d%d|0[1-7]%d{8}"),
    ("phone_es", "[69]%d%d %d{3} %d{3}|+34 6%d%d %d%d %d%d %d%d|6%d{8}"),
    ("phone_it", "3%d%d %d{7}|+39 3%d%d %d{6}|06 %d{7}|3%d{9}"),
    ("phone_nl", "06-%d{8}|06 %d{8}|+31 6 %d{8}|020-%d{7}"),
    ("phone_pl", "%D%d%d %d{3} %d{3}|+48 %D%d%d-%d{3}-%d{3}|%D%d{8}"),
    ("phone_br", "(%D%D) 9%d{4}-%d{4}|(%D%D) 3%d{3}-%d{4}|+55 %D%D 9%d{8}"),
    ("phone_br_digits", "9%d{8}|3%d{7}"),
    ("phone_in", "+91 9%d{4} %d{5}|9%d{9}"),
    ("phone_uk", "07%d{3} %d{6}|020 7%d{3} %d{4}|+44 7%d{3} %d{6}"),
    ("phone_digits", "%D%d{9}|%D%d{11}"),
    ("street_en", "%D%d{1} {street_en}|%D {street_en}|%D%d{2} {street_en}\\, Apt %D"),
    ("street_de", "{street_de} %D%d|{street_de} %D|{street_de} %D%da"),
    ("street_name_de", "{street_de}"),
    ("street_fr", "%D%d {street_fr}|%D bis {street_fr}|%D%d\\, {street_fr}"),
    ("street_es", "{street_es} %D%d|{street_es}\\, %D%d\\, 2º B|{street_es} nº %D"),
    ("street_it", "{street_it} %D%d|{street_it}\\, %D/A"),
    ("street_nl", "{street_nl} %D%d|{street_nl} %D%d-hs"),
    ("street_pl", "{street_pl} %D%d/%D|{street_pl} %D%d"),
    ("street_br", "{street_br}"),
    ("house_no", "%D|%D%d|%D%da|%D%d/%D"),
    ("city", "{city}"),
    ("country", "{country}"),
    ("country_code", "{cc}"),
    ("postcode_digits5", "%d{5}"),
    ("digits8", "%D%d{7}"),
    ("cep", "%d{5}-%d{3}"),
    ("postcode_nl", "%D%d{3} %A%A"),
    ("postcode_pl", "%d%d-%d{3}"),
    ("postcode_uk", "%A%A%D %D%A%A|%A%D%d %D%A%A|%A%D %D%A%A"),
    ("postcode_ca", "%A%D%A %D%A%D"),
    ("postcode_in", "%D%d{5}"),
    ("digits4", "%d{4}"),
    ("digits9", "%D%d{8}"),
    ("digits10", "%D%d{9}"),
    ("digits12", "%D%d{11}"),
    ("digits13", "%D%d{12}"),
    ("digits19", "89%d{17}"),
    ("digits_long", "1%d{17}|%D%d{16}"),
    ("ssn_us", "[1-5]%d%d-%D%d-%d{3}%D"),
    ("ein", "%d%d-%d{7}"),
    ("gstin", "%d%d%A{5}%d{4}%A1Z%U"),
    ("vat_eu", "DE%d{9}|FR%d%d%d{9}|ESB%d{8}|IT%d{11}|PL%d{10}|NL%d{9}B01"),
    ("passport", "C%U{8}|%A%A%d{7}|%d{9}|%A%d{8}"),
    ("passport_ru", "%d{4} %d{6}"),
    ("plate_de", "%A-%A%A %D%d%d|%A%A%A-%A %D%d{3}"),
    ("plate_it", "%A%A%d{3}%A%A"),
    ("plate_nl", "%d%d-%A%A%A-%d|%A%A-%d{3}-%A"),
    ("plate_us", "%d%A%A%A%d{3}|%A%A%A-%d{4}"),
    ("vin", "W%A%A%U{8}%d{6}"),
    ("gender_mf", "M|F"),
    ("gender_mw", "m|w|d"),
    ("gender_mv", "M|V"),
    ("gender_km", "K|M"),
    ("gender_words", "male|female|other|Male|Female"),
    ("salutation", "{sal}"),
    ("salutation_mw", "m|w"),
    ("marital", "{marital}"),
    ("blood_type", "{blood}"),
    ("religion", "{religion}"),
    ("ethnicity", "{ethnicity}"),
    ("medical_term", "{medical}"),
    ("icd_code", "{icd}"),
    ("dmy_birth", "%D- %D-19[5-9]%d|[12]%d-10-19[5-9]%d"),
    ("card_masked", "%d{4}********%d{4}|**** **** **** %d{4}"),
    ("card_brand", "{brand}"),
    ("payment_method", "{pay}"),
    ("bic", "%A{4}DE%U%U|%A{4}FR%U%UXXX"),
    ("bank_name", "{bank}"),
    ("sort_code", "%d%d-%d%d-%d%d"),
    ("pix_key", "%a{6}@{zone}|+5511%d{9}"),
    ("currency", "{currency}"),
    ("ip4", "%D%d.%D%d.%d.%D%d|1[0-9]%d.%D%d.1%d%d.%D|203.0.113.%D%d"),
    ("ip6", "2001:db8:%x{4}:%x{2}::%x{3}|2001:db8::%x{4}:%x{4}"),
    ("cidr4", "10.%D%d.0.0/16|192.168.%D.0/24|203.0.113.0/2%d"),
    ("mac", "%x%x:%x%x:%x%x:%x%x:%x%x:%x%x"),
    ("user_agent", "{agent}"),
    ("uuid", "%x{8}-%x{4}-4%x{3}-a%x{3}-%x{12}"),
    ("alnum8", "%X{8}"),
    ("alnum10", "%U{10}"),
    ("alnum15", "%X{15}"),
    ("alnum20", "%X{20}"),
    ("alnum24", "%X{24}"),
    ("alnum32", "%X{32}"),
    ("hex32", "%x{32}"),
    ("md5", "%x{32}"),
    ("hex40", "%x{40}"),
    ("sha1", "%x{40}"),
    ("hex48", "%x{48}"),
    ("hex64", "%x{64}"),
    ("sha256", "%x{64}"),
    ("sha512", "%x{128}"),
    ("base32_secret", "%U{32}"),
    ("base64_token", "%b{43}"),
    ("base64_hash", "%b{43}="),
    ("wc_secret", "cs_%x{40}"),
    ("bcrypt", "$2a$12$%b{53}|$2y$10$%b{53}"),
    ("argon2", "$argon2id$v=19$m=65536\\,t=3\\,p=4$%b{22}$%b{43}"),
    ("pbkdf2", "pbkdf2_sha256$260000$%X{22}$%b{43}="),
    ("phpass", "$P$B%b{30}"),
    ("magento_hash", "%x{64}:%X{32}:1"),
    ("password", "%X{10}!%d|%a{8}%d%d#"),
    ("jwt", "eyJ%X{33}.eyJ%X{60}.%b{43}"),
    ("aws_key", "AKIA%U{16}"),
    ("github_token", "ghp_%X{36}"),
    ("google_token", "1//0%b{40}|ya29.%b{60}"),
    ("stripe_like", "pm_%X{24}|tok_%X{24}"),
    ("stripe_cus", "cus_%X{14}"),
    ("whsec", "whsec_%b{32}"),
    ("matrix_token", "syt_%X{12}_%X{20}_%X{6}"),
    ("twilio_sid", "AC%x{32}"),
    ("ssh_key", "ssh-ed25519 AAAAC3Nza%b{58} %a{5}@laptop|ssh-rsa AAAAB3Nza%b{200} %a{5}@pc"),
    ("slack_webhook", "https://hooks.slack.com/services/T%U{8}/B%U{8}/%X{24}"),
    ("url_token", "https://app.{zone}/join?token=%X{32}|https://files.{zone}/d/%a{5}?sig=%x{40}&u=%d{3}"),
    ("url_with_password", "https://oauth2:%X{20}@git.{zone}/%a{5}.git|https://%a{5}:%X{12}@{zone}/repo"),
    ("url_plain", "https://www.{zone}/%a{5}/{file}|http://{zone}/%a{7}|https://{zone}/"),
    ("image_name", "avatar_%d{4}.png|me.jpg|IMG_%d{4}.jpeg"),
    ("file_name", "{file}-%d{4}.{ext}|{file}.{ext}|{file}_v%D.{ext}"),
    ("file_path", "/srv/{seed}/{file}.{ext}|dags/{seed}/{file}.py"),
    ("mime", "{mime}"),
    ("hostname", "{host}.{zone}|{host}-%d.{zone}"),
    ("host_port", "{host}.{zone}:8080|10.0.%d.%D%d:9000"),
    ("version", "%D.%d.%d|v%D.%d%d.%d|%D.%d"),
    ("order_number", "ORD-%d{6}|2024-%d{5}|S%d{5}|RE%d{7}"),
    ("sku", "%A%A-%d{4}-%A|%d{3}.%d{3}.%d{2}|%A{3}%d{5}"),
    ("coupon", "SAVE%d%d|WELCOME%d|%A{5}2024"),
    ("slug", "{seed}-{thing}|{adj}-{thing}-%d|{seed}"),
    ("hex_color", "#%x{6}|%x{6}"),
    ("color_name", "{color}"),
    ("product_name", "{adj} {thing}|{adj} {thing} %d{3}|{adj} {thing}\\, {color}"),
    ("phone_model", "{phone_model}"),
    ("film_title", "{film}"),
    ("band", "{band}"),
    ("genre", "{genre}"),
    ("language", "{language}"),
    ("job_title", "{job}"),
    ("company", "{company}"),
    ("status", "{status}"),
    ("address_type", "billing|shipping|home|office"),
    ("customer_type", "Company|Individual"),
    ("provider", "{provider}"),
    ("locale", "{locale}"),
    ("timezone", "{tz}"),
    ("iata", "{iata}"),
    ("cron", "0 %d * * *|*/5 * * * *|@daily"),
    ("setting_name", "{setting}"),
    ("meta_key", "{meta}"),
    ("env_name", "{env}"),
    ("column_name", "{column}"),
    ("osm_tag_key", "{osmkey}"),
    ("algorithm", "{algo}"),
    ("token_type", "{toktype}"),
    ("course_name", "{course}"),
    ("comment_thread", "0%d/|0%d.0%d/|1%d/"),
    ("blurhash", "L%X{27}"),
    ("mail_subject", "{subject}|{subject} %d{5}"),
    (
        "template_text",
        "Hello {{ name }}\\, your order {{ number }} was sent.|Guten Tag {{ anrede }}\\, {latin} {latin}|{latin} {latin} {latin} {{ link }}",
    ),
    ("json_plain", "{\"theme\":\"dark\"\\,\"page_size\":%d%d}|{\"theme\":\"light\"\\,\"beta\":true}"),
    ("json_geo", "{\"country\":\"{cc}\"\\,\"city\":\"{city}\"\\,\"latitude\":5%d.%d{4}\\,\"longitude\":%d.%d{4}}"),
];

/// One alternative of a pattern, filled in. A backslash before a comma is only there to be read past.
fn fill(pattern: &str, rng: &mut Rng) -> String {
    let alternatives: Vec<&str> = pattern.split('|').collect();
    let chosen = alternatives[rng.usize(..alternatives.len())].replace("\\,", ",");
    let chars: Vec<char> = chosen.chars().collect();
    let mut out = String::new();
    let mut i = 0;
    while i < chars.len() {
        let rest = |from: usize, end: char| chars[from..].iter().position(|c| *c == end).map(|n| from + n);
        match chars[i] {
            '%' if i + 1 < chars.len() => {
                let kind = chars[i + 1];
                i += 2;
                let mut times = 1;
                if chars.get(i) == Some(&'{') && chars.get(i + 1).is_some_and(char::is_ascii_digit) {
                    let end = rest(i, '}').unwrap();
                    times = chars[i + 1..end].iter().collect::<String>().parse().unwrap();
                    i = end + 1;
                }
                (0..times).for_each(|_| out.push(one(kind, rng)));
            }
            '[' => {
                let end = rest(i, ']').unwrap();
                let set = &chars[i + 1..end];
                out.push(match set {
                    [from, '-', to] => rng.char(*from..=*to),
                    set => set[rng.usize(..set.len())],
                });
                i = end + 1;
            }
            '{' => match rest(i, '}').map(|end| (end, chars[i + 1..end].iter().collect::<String>())) {
                Some((end, name)) if words::list(&name).is_some() => {
                    let list: Vec<&str> = words::list(&name).unwrap_or_default().split(',').collect();
                    out.push_str(list[rng.usize(..list.len())]);
                    i = end + 1;
                }
                _ => {
                    out.push('{');
                    i += 1;
                }
            },
            c => {
                out.push(c);
                i += 1;
            }
        }
    }
    out
}

fn one(kind: char, rng: &mut Rng) -> char {
    let from: &[u8] = match kind {
        'd' => b"0123456789",
        'D' => b"123456789",
        'a' => b"abcdefghijklmnoprstuvw",
        'A' => b"ABCDEFGHKLMNPRSTVWXYZ",
        'x' => b"0123456789abcdef",
        'X' => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
        'U' => b"ABCDEFGHJKLMNPRSTUVWXYZ23456789",
        'b' => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
        'H' => b"ABCDEHLMPRST",
        _ => panic!("no kind {kind} of a character"),
    };
    char::from(from[rng.usize(..from.len())])
}

fn luhn(pattern: &str, rng: &mut Rng) -> String {
    let digits = fill(pattern, rng);
    let check = checks::luhn(&digits);
    digits + &check.to_string()
}

fn ean(pattern: &str, rng: &mut Rng) -> String {
    let digits = fill(pattern, rng);
    let sum: u32 = digits.bytes().enumerate().map(|(i, b)| u32::from(b - b'0') * if i % 2 == 0 { 1 } else { 3 }).sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

fn iban(rng: &mut Rng) -> String {
    let (country, pattern) = [
        ("DE", "%d{18}"),
        ("FR", "%d{10}%U{11}%d%d"),
        ("ES", "%d{20}"),
        ("IT", "%A%d{10}%U{12}"),
        ("NL", "%A{4}%d{10}"),
        ("PL", "%d{24}"),
        ("GB", "%A{4}%d{14}"),
    ][rng.usize(..7)];
    let bban = fill(pattern, rng);
    let whole = format!("{country}{:02}{bban}", checks::iban(country, &bban));
    if rng.u8(..3) > 0 {
        return whole;
    }
    let groups: Vec<String> = whole.chars().collect::<Vec<_>>().chunks(4).map(|c| c.iter().collect()).collect();
    groups.join(" ")
}

fn birth(rng: &mut Rng, sign: &str) -> String {
    format!("{}{sign}{:02}{sign}{:02}", rng.u32(1935..2010), rng.u32(1..13), rng.u32(1..29))
}

fn sentence(rng: &mut Rng, pattern: &str, times: usize) -> String {
    (0..times).map(|_| fill(pattern, rng) + ". ").collect::<String>().trim_end().to_owned()
}

/// Prose; one in three tells who wrote it.
fn with_person(rng: &mut Rng, pattern: &str) -> String {
    let text = fill(pattern, rng);
    match rng.u8(..6) {
        0 => format!("{text}Write to {}, thanks", fill(EMAIL, rng)),
        1 => format!(
            "{text}{}",
            fill("Gruß, {first} {last}, Tel. 0%D%d%d %d{7}|call +1 212-%d{3}-%d{4}, {first} {last}", rng)
        ),
        _ => text,
    }
}

fn json(rng: &mut Rng) -> String {
    fill(
        "{\"email\":\"%a{6}@{zone}\"\\,\"first_name\":\"{first}\"\\,\"plan\":\"{status}\"}|\
         {\"user\":{\"name\":\"{first} {last}\"\\,\"phone\":\"+491%d{9}\"}\\,\"ip\":\"203.0.113.%D%d\"}|\
         {\"phone\":\"+336%d{8}\"\\,\"note\":\"{mask}\"}",
        rng,
    )
}

fn pem(what: &str, rng: &mut Rng) -> String {
    format!("-----BEGIN {what}-----\n{}\n{}\n-----END {what}-----", fill("MII%b{61}", rng), fill("%b{64}", rng))
}
