//! `token`: another text of the same form that opens nothing. API keys, session ids, licence keys, webhook secrets.
//!
//! - takes ASCII text whose letters and digits, behind a known prefix, can hold 80 bits: 20 hexadecimal digits, 14 characters of
//!   mixed letters and digits, 25 digits
//! - keeps length, every character that is no letter and no digit, equality; a [known prefix](PREFIXES), which says whose and
//!   what kind of key it is; which characters occur at all (hexadecimal digits of one case, digits, capitals, …)
//! - gives away the same
//! - NULL stays NULL (the caller's part); the empty string stays empty
//! - unparsable (shorter, or a character beyond ASCII): 26 keyed letters and digits, or as many as fit, counted
//!
//! Every other letter and digit is drawn anew from all characters of the alphabet that the value is written in, by keyed
//! BLAKE3 over the whole value: so a place says nothing but that it holds one. Useless where the token is of use, since whoever
//! checks it has never seen it; a prefix is kept all the same, for programs that look at it. Check digits and signatures
//! within a token do not hold, and a JWT does not decode.

use bytes::{BufMut, BytesMut};

use super::keyed::{Keyed, letters};
use super::kind::{Empty, Kind};
use super::make::{Built, Make};
use super::spec::{Injective, MaskError};
use super::{Masking, Outcome};
use crate::key::SubKey;
use crate::raw::RawRow;

pub(crate) static KIND: Kind = Kind {
    name: "token",
    version: 1,
    makes: "another text of the same form that opens nothing",
    types: "text",
    keeps: "equality, length, punctuation, a known prefix such as sk_live_, the alphabet",
    gives_away: "what it keeps: whose token it is, and what kind",
    unique: true,
    example: "token",
    parameters: &[],
    keyed: true,
    empty: Empty::Stays,
    build,
};

/// What tokens of well-known services begin with; the longer of two first. To add one changes what is made of such tokens: that is the next
/// version of the mask.
#[rustfmt::skip]
const PREFIXES: &[&str] = &[
    "Basic ", "Bearer ", "token ",
    "sk_live_", "sk_test_", "pk_live_", "pk_test_", "rk_live_", "rk_test_", "whsec_",
    "github_pat_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "glpat-", "gldt-", "glrt-",
    "xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xapp-",
    "AKIA", "ASIA", "AIza", "ya29.", "GOCSPX-",
    "sk-ant-", "sk-proj-", "sk-", "hf_", "npm_", "pypi-", "dop_v1_", "shpat_", "shpss_", "SG.", "key-", "sq0atp-", "sq0csp-",
    "hvs.", "dckr_pat_", "rubygems_", "lin_api_", "EAAA", "eyJ",
];

/// The fewest bits of a readable token, in hundredths.
const LEAST: usize = 8000;
const REDACTED: usize = 26;

struct Token {
    key: SubKey,
    unparsable: SubKey,
    /// Characters that the column can hold.
    room: usize,
}

fn build(make: &Make<'_>) -> Result<Built, MaskError> {
    make.wants_text()?;
    make.needs(8)?;
    let token = Token { key: make.key("token"), unparsable: make.key("token unparsable"), room: make.room() };
    let injective = match token.room {
        // a redaction has five bits a character
        ..16 => Injective::No,
        _ => Injective::Collision(80),
    };
    Built::new(token, injective)
}

impl Masking for Token {
    fn apply(&self, value: &[u8], _row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        let known = PREFIXES.iter().find(|prefix| value.starts_with(prefix.as_bytes())).map_or(0, |p| p.len());
        let (prefix, rest) = value.split_at(known);
        let Some(alphabet) = Alphabet::of(rest) else {
            return self.redact(value, out);
        };
        let mut keyed = Keyed::new(&self.key, value);
        out.put_slice(prefix);
        for &b in rest {
            out.put_u8(if b.is_ascii_alphanumeric() { alphabet.draw(keyed.byte()) } else { b });
        }
        Outcome::Masked
    }
}

impl Token {
    fn redact(&self, value: &[u8], out: &mut BytesMut) -> Outcome {
        let hash = self.unparsable.hash(value);
        letters(&hash).take(REDACTED.min(self.room)).for_each(|c| out.put_u8(c));
        Outcome::Redacted
    }
}

/// What a token is written in: the sets of characters of which one occurs.
struct Alphabet {
    sets: [&'static [u8]; 3],
    size: usize,
}

impl Alphabet {
    /// `None` if the text is no token.
    fn of(text: &[u8]) -> Option<Alphabet> {
        let (mut digits, mut small, mut capital) = (Seen::default(), Seen::default(), Seen::default());
        let mut count = 0usize;
        for &b in text {
            match b {
                b'0'..=b'9' => digits.see(b),
                b'a'..=b'z' => small.see(b),
                b'A'..=b'Z' => capital.see(b),
                0x80.. => return None,
                _ => continue,
            }
            count += 1;
        }
        let hexadecimal = |letters: &Seen, others: &Seen| letters.highest & 31 <= 6 && others.highest == 0;
        let letters = |letters: &Seen, others: &Seen, all: &'static [u8]| match letters.highest {
            0 => &[][..],
            _ if hexadecimal(letters, others) => &all[..6],
            _ => all,
        };
        let decimal: &[u8] = b"0123456789";
        let small_letters = letters(&small, &capital, b"abcdefghijklmnopqrstuvwxyz");
        let capitals = letters(&capital, &small, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        // six letters make hexadecimal digits only with the ten others
        let six = small_letters.len().max(capitals.len()) == 6;
        let sets = [if digits.highest > 0 || six { decimal } else { &[] }, small_letters, capitals];
        let size = sets.iter().map(|set| set.len()).sum();
        // log2, in hundredths, as it is after the draw below: a little less than that of the size
        let bits = match size {
            10 => 332,
            16 => 400,
            26 => 469,
            36 => 516,
            52 => 569,
            62 => 594,
            _ => return None,
        };
        (count.saturating_mul(bits) >= LEAST).then_some(Alphabet { sets, size })
    }

    fn draw(&self, byte: u8) -> u8 {
        let mut at = (usize::from(byte) * self.size) >> 8;
        for set in self.sets {
            match set.get(at) {
                Some(c) => return *c,
                None => at -= set.len(),
            }
        }
        b'x'
    }
}

/// The highest character of a kind; 0 if there is none.
#[derive(Default)]
struct Seen {
    highest: u8,
}

impl Seen {
    fn see(&mut self, b: u8) {
        self.highest = self.highest.max(b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alphabets() {
        let size = |text: &str| Alphabet::of(text.as_bytes()).map(|a| a.size);
        for (text, want) in [
            ("0123456789012345678901234", Some(10)),
            ("012345678901234567890123", None),
            ("0123456789abcdef0123", Some(16)),
            ("abcdefabcdefabcdefab", Some(16)),
            ("0123-4567-89AB-CDEF-0123", Some(16)),
            ("0123456789abcdef012", None),
            ("0123456789abcdeg0123", Some(36)),
            ("IOSFODNN7EXAMPLE", Some(36)),
            ("aBcDeFaBcDeFaB", None),
            ("aBcDeFaBcDeFaBc", Some(52)),
            ("aBcDeF1aBcDeF1", Some(62)),
            ("", None),
            ("------", None),
            ("0123456789abcdef0123ü", None),
        ] {
            assert_eq!(size(text), want, "{text}");
        }
    }

    #[test]
    fn every_byte_draws_from_the_alphabet() {
        let alphabet = Alphabet::of(b"0123456789abcdef0123").unwrap();
        let drawn: std::collections::BTreeSet<u8> = (0..=255).map(|b| alphabet.draw(b)).collect();
        assert_eq!(drawn.into_iter().collect::<Vec<_>>(), b"0123456789abcdef");
    }
}
