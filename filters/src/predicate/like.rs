//! LIKE: a pattern taken apart once, and matched without going back further than its last `%`.
//!
//! A character is one of UTF-8, which is what our sessions get whatever the server's encoding is. The pattern's escape is
//! the backslash unless ESCAPE says another or none
//! (<https://www.postgresql.org/docs/current/functions-matching.html#FUNCTIONS-LIKE>).

#[derive(Clone, Debug)]
pub(super) struct Like {
    parts: Box<[Part]>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Part {
    /// `%`.
    Any,
    /// `_`.
    One,
    /// One character as its bytes.
    This(Box<[u8]>),
}

impl Like {
    /// `None` if the pattern ends with its escape: the server refuses that, but only when it comes so far.
    pub(super) fn new(pattern: &str, escape: Option<&str>) -> Option<Like> {
        let escape = match escape {
            None => Some('\\'),
            Some(given) => given.chars().next(),
        };
        let mut parts: Vec<Part> = Vec::new();
        let mut chars = pattern.chars();
        while let Some(c) = chars.next() {
            let part = match c {
                c if Some(c) == escape => literal(chars.next()?),
                '%' => Part::Any,
                '_' => Part::One,
                c => literal(c),
            };
            // "%%" is "%", and "%_" is "_%": so what follows a "%" is never a "_"
            match (parts.last(), &part) {
                (Some(Part::Any), Part::Any) => {}
                (Some(Part::Any), Part::One) => parts.insert(parts.len() - 1, part),
                _ => parts.push(part),
            }
        }
        Some(Like { parts: parts.into() })
    }

    pub(super) fn has_one(&self) -> bool {
        self.parts.contains(&Part::One)
    }

    /// Does the whole text match?
    pub(super) fn matches(&self, text: &[u8]) -> bool {
        let mut text = text;
        let mut parts = &*self.parts;
        // where to go on if what follows the last `%` does not fit: behind it, one character further in the text
        let mut again: Option<(&[Part], &[u8])> = None;
        loop {
            let fits = match parts.split_first() {
                Some((Part::Any, rest)) => {
                    if rest.is_empty() {
                        return true;
                    }
                    again = Some((rest, text));
                    parts = rest;
                    continue;
                }
                Some((Part::One, rest)) => character(text).map(|after| (rest, after)),
                Some((Part::This(c), rest)) => text.strip_prefix(&**c).map(|after| (rest, after)),
                None if text.is_empty() => return true,
                None => None,
            };
            match (fits, again) {
                (Some(next), _) => (parts, text) = next,
                (None, Some((behind, from))) => {
                    let Some(further) = character(from) else { return false };
                    again = Some((behind, further));
                    (parts, text) = (behind, further);
                }
                (None, None) => return false,
            }
        }
    }
}

fn literal(c: char) -> Part {
    Part::This(c.encode_utf8(&mut [0; 4]).as_bytes().into())
}

/// The text behind its first character; `None` if it is empty.
fn character(text: &[u8]) -> Option<&[u8]> {
    let (_, mut rest) = text.split_first()?;
    while let Some((b, after)) = rest.split_first() {
        if b & 0xc0 != 0x80 {
            break;
        }
        rest = after;
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_what_postgresql_says() {
        for (pattern, escape, text, want) in [
            ("", None, "", true),
            ("", None, "a", false),
            ("%", None, "", true),
            ("%%", None, "abc", true),
            ("_", None, "", false),
            ("_", None, "ä", true),
            ("__", None, "ä", false),
            ("a%", None, "abc", true),
            ("%c", None, "abcc", true),
            ("%b_", None, "abbc", true),
            ("%_b", None, "b", false),
            ("%_b", None, "ab", true),
            ("a%b%c", None, "aXbXbXc", true),
            ("a%b%c", None, "aXcXb", false),
            ("a\\%", None, "a%", true),
            ("a\\%", None, "ab", false),
            ("a\\b", None, "ab", true),
            ("a\\\\b", None, "a\\b", true),
            ("a!%", Some("!"), "a%", true),
            ("a!!", Some("!"), "a!", true),
            ("a\\%", Some("!"), "a\\bc", true),
            ("a\\%", Some(""), "a\\bc", true),
            ("A", None, "a", false),
            ("%aab%", None, "aaaab", true),
        ] {
            let like = Like::new(pattern, escape).unwrap();
            assert_eq!(like.matches(text.as_bytes()), want, "{text} LIKE {pattern} ESCAPE {escape:?}");
        }
        assert!(Like::new("a\\", None).is_none());
        assert!(Like::new("a!", Some("!")).is_none());
        assert!(Like::new("a\\", Some("")).is_some());
    }

    #[test]
    fn many_wildcards_take_no_long_time() {
        let like = Like::new(&"%a".repeat(500), None).unwrap();
        assert!(!like.matches("a".repeat(499).as_bytes()));
        assert!(like.matches("a".repeat(5000).as_bytes()));
    }
}
