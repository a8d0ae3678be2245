//! Addresses: mail, URL, IPv6, MAC.

use std::net::Ipv6Addr;

use super::{Found, Seen, is_word};

/// The address around an `@`. `from`: what stands before is done.
pub(super) fn mail(text: &[u8], at: usize, from: usize) -> Seen {
    let local = |b: &u8| is_word(*b) || b".!#$%&'*+-=?^_`{|}~".contains(b);
    let before = &text[from..at];
    let mut start = from + before.iter().rposition(|b| !local(b)).map_or(0, |n| n + 1);
    if start == at && before.last() == Some(&b'"') {
        // a quoted one: "ann smith"@example.org
        let inside = &before[..before.len() - 1];
        start =
            from + inside.iter().rev().take(64).position(|b| *b == b'"').map_or(before.len(), |n| inside.len() - 1 - n);
    }
    let behind = &text[at + 1..];
    let host = |b: &u8| is_word(*b) || matches!(b, b'-' | b'.');
    let long = behind.iter().position(|b| !host(b)).unwrap_or(behind.len());
    let host = behind[..long].iter().rposition(|b| is_word(*b)).map_or(0, |n| n + 1);
    // nothing but what was just found may stand before it: a name
    let found_before = at > 0 && at == from;
    if start == at && !found_before || host == 0 {
        return Seen::Nothing { until: at + 1 };
    }
    Seen::Found(Found { start, end: at + 1 + host, what: "[email]" })
}

/// What has a colon in it: a URL, an IPv6 or a MAC address.
pub(super) fn colon(text: &[u8], at: usize, from: usize) -> Seen {
    if text[at..].starts_with(b"://") {
        return url(text, at, from);
    }
    numbers(text, at, from).map_or(Seen::Nothing { until: at + 1 }, Seen::Found)
}

/// A URL that says more than where a page is: with a user, a query, a fragment, or a token in its path.
fn url(text: &[u8], at: usize, from: usize) -> Seen {
    let scheme = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    let start = from + text[from..at].iter().rposition(|b| !scheme(b)).map_or(0, |n| n + 1);
    let rest = &text[at + 3..];
    let ends = |b: &u8| b.is_ascii_whitespace() || b.is_ascii_control() || b"\"<>`{}|\\^".contains(b);
    let long = rest.iter().position(ends).unwrap_or(rest.len());
    let rest = &rest[..long];
    let rest = &rest[..rest.iter().rposition(|b| !b".,;:!?)'".contains(b)).map_or(0, |n| n + 1)];
    let host = rest.iter().position(|b| *b == b'/').unwrap_or(rest.len());
    let (host, path) = rest.split_at(host);
    // a URL within a URL tells where somebody was sent from
    let tells = host.contains(&b'@')
        || memchr::memmem::find(rest, b"://").is_some()
        || rest.iter().any(|b| matches!(b, b'?' | b'#' | b'%' | b'='))
        || path.split(|b| matches!(b, b'/' | b'.')).any(is_token);
    if start == at || !tells {
        return Seen::Nothing { until: at + 3 };
    }
    Seen::Found(Found { start, end: at + 3 + rest.len(), what: "[url]" })
}

/// Sixteen characters or more, of letters and digits both: no word.
fn is_token(segment: &[u8]) -> bool {
    segment.len() >= 16 && segment.iter().any(u8::is_ascii_digit) && segment.iter().any(u8::is_ascii_alphabetic)
}

/// The longest written address has so many characters.
const LONGEST: usize = 45;

fn numbers(text: &[u8], at: usize, from: usize) -> Option<Found> {
    let part = |b: &u8| b.is_ascii_hexdigit() || matches!(b, b':' | b'.');
    let before = text[from..at].iter().rev().take(LONGEST).take_while(|b| part(b)).count();
    let behind = text[at..].iter().take(LONGEST + 1).take_while(|b| part(b)).count();
    let start = at - before;
    let whole = &text[start..at + behind];
    // a point or a colon may end the sentence, and is no part of it; two colons are
    let whole = whole.strip_suffix(b".").unwrap_or(whole);
    let whole = if whole.ends_with(b"::") { whole } else { whole.strip_suffix(b":").unwrap_or(whole) };
    let end = start + whole.len();
    let colons = whole.iter().filter(|b| **b == b':').count();
    let border = |b: Option<&u8>| b.is_none_or(|b| !is_word(*b));
    let alone = border(start.checked_sub(1).and_then(|n| text.get(n))) && border(text.get(end));
    if colons < 2 || whole.len() < 3 || !alone {
        return None;
    }
    let groups = || whole.split(|b| *b == b':');
    if colons == 5 && groups().all(|g| g.len() == 2) {
        return Some(Found { start, end, what: "[mac]" });
    }
    let address: Result<Ipv6Addr, _> = std::str::from_utf8(whole).ok()?.parse();
    address.is_ok().then_some(Found { start, end, what: "[ip]" })
}
