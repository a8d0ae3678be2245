//! What an index's expression or predicate says of a column, as the server writes it.
//!
//! No parser: what is not understood counts as looking at the column, and is refused.

use wire::quote_ident;

/// A column as the server writes it in an expression.
pub(super) fn printed(column: &str) -> String {
    let plain = column.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && column.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if plain { column.to_owned() } else { quote_ident(column) }
}

/// Does an expression look at a column? A word that is the same in a text counts too: too often is safe.
pub(super) fn mentions(sql: &str, column: &str) -> bool {
    let part_of_a_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let found = |name: &str| {
        sql.match_indices(name).any(|(at, _)| {
            let (before, behind) = (sql[..at].chars().next_back(), sql[at + name.len()..].chars().next());
            !before.is_some_and(part_of_a_word) && !behind.is_some_and(part_of_a_word)
        })
    };
    // a keyword for a name stands in quotes
    found(column) || sql.contains(&quote_ident(column))
}

/// Is it `lower(column)` or `upper(column)`?
pub(super) fn case_only(sql: &str, column: &str) -> bool {
    let inner = ["lower(", "upper("].iter().find_map(|f| sql.strip_prefix(f)).and_then(|rest| rest.strip_suffix(')'));
    let Some(inner) = inner else { return false };
    let bare = inner.strip_suffix("::text").and_then(|i| i.strip_prefix('(')?.strip_suffix(')')).unwrap_or(inner);
    bare == printed(column) || bare == quote_ident(column)
}

/// Does a predicate look at nothing of a column but whether it is NULL?
pub(super) fn null_only(predicate: &str, column: &str) -> bool {
    let name = printed(column);
    let rest = predicate.replace(&format!("({name} IS NOT NULL)"), "").replace(&format!("({name} IS NULL)"), "");
    !mentions(&rest, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_a_word() {
        for (sql, column, is) in [
            ("lower(mail)", "mail", true),
            ("lower(e_mail)", "mail", false),
            ("(mailed > 0)", "mail", false),
            ("(mail > 0)", "mail", true),
            ("lower(\"E-Mail\")", "E-Mail", true),
            ("lower(\"user\")", "user", true),
            ("(note = 'mail'::text)", "mail", true),
        ] {
            assert_eq!(mentions(sql, column), is, "{sql} {column}");
        }
    }

    #[test]
    fn only_case_is_case_only() {
        for (sql, column, is) in [
            ("lower(mail)", "mail", true),
            ("upper((mail)::text)", "mail", true),
            ("lower(\"E-Mail\")", "E-Mail", true),
            ("lower(substr(mail, 1, 3))", "mail", false),
            ("lower((mail || nick))", "mail", false),
            ("lower(mail) || 'x'", "mail", false),
            ("md5(mail)", "mail", false),
        ] {
            assert_eq!(case_only(sql, column), is, "{sql} {column}");
        }
    }

    #[test]
    fn null_is_seen_through_a_mask() {
        for (sql, is) in [
            ("(mail IS NOT NULL)", true),
            ("((mail IS NULL) AND (state = 1))", true),
            ("((mail IS NOT NULL) AND (mail <> ''::text))", false),
            ("(lower(mail) IS NULL)", false),
        ] {
            assert_eq!(null_only(sql, "mail"), is, "{sql}");
        }
    }
}
