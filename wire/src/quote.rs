//! Quoting of names and strings for SQL text.

/// `name` as a quoted identifier: [Identifiers and Key Words][m].
///
/// It is always quoted, so that a keyword or an upper-case letter needs no thought.
///
/// [m]: https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS
pub fn quote_ident(name: &str) -> String {
    surround("", '"', name)
}

/// `value` as a string constant, right under either setting of `standard_conforming_strings`: [String Constants][m].
///
/// With a backslash in it the constant is written `E'…'`.
///
/// [m]: https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-STRINGS
pub fn quote_literal(value: &str) -> String {
    if value.contains('\\') { surround("E", '\'', &value.replace('\\', "\\\\")) } else { surround("", '\'', value) }
}

fn surround(prefix: &str, quote: char, text: &str) -> String {
    let mut out = String::with_capacity(prefix.len() + text.len() + 2);
    out.push_str(prefix);
    out.push(quote);
    for c in text.chars() {
        if c == quote {
            out.push(quote);
        }
        out.push(c);
    }
    out.push(quote);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers() {
        for (name, expect) in [("users", r#""users""#), ("Se lect", r#""Se lect""#), (r#"a"b"#, r#""a""b""#)] {
            assert_eq!(quote_ident(name), expect);
        }
    }

    #[test]
    fn literals() {
        for (value, expect) in
            [("", "''"), ("it's", "'it''s'"), (r"a\b", r"E'a\\b'"), (r"\'", r"E'\\'''"), ("\"é\"", "'\"é\"'")]
        {
            assert_eq!(quote_literal(value), expect);
        }
    }
}
