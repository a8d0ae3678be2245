//! `url`: an address of the web that leads nowhere.
//!
//! - takes text: a scheme, `://`, a host, and what may follow; no blanks and no control characters
//! - keeps the scheme, the port, length and punctuation of user, path, query and fragment, which hosts are equal; with `keep_host`
//!   the host's name
//! - gives away the same; how many levels a path has and how many parameters a query
//! - NULL stays NULL (the caller's part); the empty string stays empty
//! - unparsable (a path without a host, `mailto:`, prose): `https://invalid.example/` and keyed letters, counted
//!
//! A host becomes 50 bits of keyed BLAKE3 over its name in lower case, below `.example`, which nobody can own (RFC 2606). A
//! host that is an address is replaced with `keep_host` too: it may be a person's. All else that is a letter or a digit becomes
//! another of its kind, by the whole value, none of them what it was: paths and queries hold names, ids, addresses and
//! tokens, and nobody knows where. What is beyond ASCII becomes `x`; `%c3` becomes `%6` and another digit, which is a letter.
//!
//! A host's new name may be longer than its own. In a `varchar(n)` the end is cut then.

use bytes::{BufMut, BytesMut};

use super::keyed::{Keyed, letters};
use super::kind::{Empty, Kind, Parameter, What};
use super::make::{Built, Make};
use super::spec::{Injective, MaskError};
use super::{Masking, Outcome};
use crate::key::SubKey;
use crate::raw::RawRow;

pub(crate) static KIND: Kind = Kind {
    name: "url",
    version: 1,
    makes: "an address of the web that leads nowhere",
    types: "text",
    keeps: "the scheme, the port, the form of all else, which hosts are equal; the host with keep_host",
    gives_away: "which hosts are equal, lengths; the host with keep_host",
    unique: false,
    example: "{ mask: url, keep_host: true }",
    parameters: &[Parameter::new("keep_host", What::Flag, "keep the host, if it is a name")],
    keyed: true,
    empty: Empty::Stays,
    build,
};

const UNPARSABLE: &[u8] = b"https://invalid.example/";
const LEAST_ROOM: usize = UNPARSABLE.len() + 8;
/// Letters of a host's new name.
const HOST: usize = 10;
const LONGEST_SCHEME: usize = 16;

struct Url {
    key: SubKey,
    hosts: SubKey,
    unparsable: SubKey,
    keep_host: bool,
    /// Characters that the column can hold.
    room: usize,
}

fn build(make: &Make<'_>) -> Result<Built, MaskError> {
    make.wants_text()?;
    make.needs(LEAST_ROOM)?;
    let (key, hosts, unparsable) = (make.key("url"), make.key("url host"), make.key("url unparsable"));
    Built::new(Url { key, hosts, unparsable, keep_host: make.flag("keep_host"), room: make.room() }, Injective::No)
}

impl Masking for Url {
    fn apply(&self, value: &[u8], _row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        let start = out.len();
        if let Some(url) = read(value) {
            let mut keyed = Keyed::new(&self.key, value);
            out.put_slice(url.scheme);
            out.put_slice(b"://");
            if let Some(user) = url.user {
                put_other(user, &mut keyed, out);
                out.put_u8(b'@');
            }
            if self.keep_host && is_name(url.host) {
                out.put_slice(url.host);
            } else {
                letters(&self.hosts.hash_folded(url.host)).take(HOST).for_each(|c| out.put_u8(c));
                out.put_slice(b".example");
            }
            out.put_slice(url.port);
            if out.len() - start <= self.room {
                put_other(url.rest, &mut keyed, out);
                if out.len() - start > self.room {
                    out.truncate(start + self.room);
                    // not within what stands for one character
                    let cut = out.iter().rev().take(2).position(|b| *b == b'%').map_or(0, |at| at + 1);
                    out.truncate(out.len() - cut);
                }
                return Outcome::Masked;
            }
            out.truncate(start);
        }
        out.put_slice(UNPARSABLE);
        let hash = self.unparsable.hash(value);
        letters(&hash).take((self.room - UNPARSABLE.len()).min(20)).for_each(|c| out.put_u8(c));
        Outcome::Redacted
    }
}

/// Letters and digits become others of their kind; all punctuation stays.
fn put_other(text: &[u8], keyed: &mut Keyed, out: &mut BytesMut) {
    let mut rest = text;
    while let [b, others @ ..] = rest {
        rest = others;
        match (*b, others) {
            (b'%', [high, low, others @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                rest = others;
                let digit = (*low as char).to_digit(16).unwrap_or_default() as u8;
                out.put_slice(&[b'%', b'6', b"0123456789abcdef"[usize::from(keyed.other(digit, 16))]]);
            }
            (b @ b'0'..=b'9', _) => out.put_u8(b'0' + keyed.other(b - b'0', 10)),
            (b @ b'a'..=b'z', _) => out.put_u8(b'a' + keyed.other(b - b'a', 26)),
            (b @ b'A'..=b'Z', _) => out.put_u8(b'A' + keyed.other(b - b'A', 26)),
            (0x80..=0xbf, _) => {} // inside a character
            (0xc0.., _) => out.put_u8(b'x'),
            (b, _) => out.put_u8(b),
        }
    }
}

struct Parts<'a> {
    scheme: &'a [u8],
    user: Option<&'a [u8]>,
    host: &'a [u8],
    /// With its colon; empty if there is none.
    port: &'a [u8],
    rest: &'a [u8],
}

/// The parts of RFC 3986, section 3. A host is whatever stands where one does.
fn read(value: &[u8]) -> Option<Parts<'_>> {
    if value.iter().any(|b| *b <= b' ' || *b == 0x7f) {
        return None;
    }
    let colon = value.iter().take(LONGEST_SCHEME + 1).position(|b| *b == b':')?;
    let (scheme, rest) = value.split_at(colon);
    let (first, others) = scheme.split_first()?;
    let spelled = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    if !first.is_ascii_alphabetic() || !others.iter().all(spelled) {
        return None;
    }
    let rest = rest.strip_prefix(b"://")?;
    let end = rest.iter().position(|b| matches!(b, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    let (user, host) = match memchr::memrchr(b'@', authority) {
        Some(at) => (Some(&authority[..at]), &authority[at + 1..]),
        None => (None, authority),
    };
    let bare = host.iter().rposition(|b| !b.is_ascii_digit()).filter(|at| host[*at] == b':').unwrap_or(host.len());
    let (host, port) = host.split_at(bare);
    (!host.is_empty() && port.len() <= 6).then_some(Parts { scheme, user, host, port, rest })
}

/// Is it a name and no address?
fn is_name(host: &[u8]) -> bool {
    let label = |label: &[u8]| !label.is_empty() && label.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-');
    let last = host.rsplit(|b| *b == b'.').next().unwrap_or_default();
    host.split(|b| *b == b'.').all(label) && last.iter().any(u8::is_ascii_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        let of = |url: &'static str| {
            let parts = read(url.as_bytes())?;
            let text = |part| std::str::from_utf8(part).unwrap();
            Some([
                text(parts.scheme),
                parts.user.map_or("-", text),
                text(parts.host),
                text(parts.port),
                text(parts.rest),
            ])
        };
        assert_eq!(of("https://example.com"), Some(["https", "-", "example.com", "", ""]));
        assert_eq!(of("http://u:p@h:8080/a?b=c@d#e"), Some(["http", "u:p", "h", ":8080", "/a?b=c@d#e"]));
        assert_eq!(of("ws://[2001:db8::1]:90"), Some(["ws", "-", "[2001:db8::1]", ":90", ""]));
        assert_eq!(of("ws://[2001:db8::]?x"), Some(["ws", "-", "[2001:db8::]", "", "?x"]));
        assert_eq!(of("git+ssh://a@b@h"), Some(["git+ssh", "a@b", "h", "", ""]));
        for url in [
            "",
            "/a/b",
            "mailto:a@b.c",
            "://h",
            "1http://h",
            "http:///a",
            "http://h /",
            "http://h:1234567",
            "http://u@",
        ] {
            assert_eq!(of(url), None, "{url}");
        }
    }

    #[test]
    fn names_and_addresses() {
        for (host, want) in [
            ("example.com", true),
            ("h", true),
            ("x-1.y2", true),
            ("1.2.3.4", false),
            ("[::1]", false),
            ("a..b", false),
            ("ü.de", false),
        ] {
            assert_eq!(is_name(host.as_bytes()), want, "{host}");
        }
    }
}
