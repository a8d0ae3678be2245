//! The canonical text of a predicate: what production is asked, and what fingerprints hold.
//!
//! Everything in parentheses, so that no precedence matters; names always quoted, so that no keyword does; literals in the
//! form in which they were written, quoted or not, because PostgreSQL gives them another type by it. Types and operators are
//! not qualified: our sessions have an empty search_path, so they are PostgreSQL's own.

use super::tree::{Constant, Is, Literal, Tree, Type};

pub(super) fn write(tree: &Tree) -> String {
    write_of(tree, &|name| format!("\"{}\"", name.replace('"', "\"\"")))
}

/// The same with something else in the place of each column.
pub(super) fn write_of(tree: &Tree, column: &dyn Fn(&str) -> String) -> String {
    let mut out = String::new();
    put(tree, column, &mut out);
    out
}

fn put(tree: &Tree, column: &dyn Fn(&str) -> String, out: &mut String) {
    let not = |negated: bool| if negated { "NOT " } else { "" };
    out.push('(');
    match tree {
        Tree::All(parts) => chain(parts, " AND ", column, out),
        Tree::Any(parts) => chain(parts, " OR ", column, out),
        Tree::Not(part) => {
            out.push_str("NOT ");
            put(part, column, out);
        }
        Tree::Is(part, what, negated) => {
            put(part, column, out);
            out.push_str(" IS ");
            out.push_str(not(*negated));
            out.push_str(match what {
                Is::True => "TRUE",
                Is::False => "FALSE",
                Is::Unknown => "UNKNOWN",
            });
        }
        Tree::Constant(Some(true)) => out.push_str("TRUE"),
        Tree::Constant(Some(false)) => out.push_str("FALSE"),
        Tree::Constant(None) => out.push_str("NULL"),
        Tree::Column(name) => out.push_str(&column(&name.text)),
        Tree::Null(name, negated) => {
            out.push_str(&column(&name.text));
            out.push_str(" IS ");
            out.push_str(not(*negated));
            out.push_str("NULL");
        }
        Tree::Compare(name, op, value) => {
            out.push_str(&column(&name.text));
            out.push(' ');
            out.push_str(op.sql());
            out.push(' ');
            literal(value, out);
        }
        Tree::Between(name, negated, low, high) => {
            out.push_str(&column(&name.text));
            out.push(' ');
            out.push_str(not(*negated));
            out.push_str("BETWEEN ");
            literal(low, out);
            out.push_str(" AND ");
            literal(high, out);
        }
        Tree::In(name, negated, list) => {
            out.push_str(&column(&name.text));
            out.push(' ');
            out.push_str(not(*negated));
            out.push_str("IN (");
            for (n, value) in list.iter().enumerate() {
                if n > 0 {
                    out.push_str(", ");
                }
                literal(value, out);
            }
            out.push(')');
        }
        Tree::Like(name, negated, pattern) => {
            out.push_str(&column(&name.text));
            out.push(' ');
            out.push_str(not(*negated));
            out.push_str("LIKE ");
            quoted(&pattern.text, out);
            if let Some(escape) = &pattern.escape {
                out.push_str(" ESCAPE ");
                quoted(escape, out);
            }
        }
    }
    out.push(')');
}

fn chain(parts: &[Tree], between: &str, column: &dyn Fn(&str) -> String, out: &mut String) {
    for (n, part) in parts.iter().enumerate() {
        if n > 0 {
            out.push_str(between);
        }
        put(part, column, out);
    }
}

fn literal(literal: &Literal, out: &mut String) {
    match &literal.what {
        Constant::Number(number) => out.push_str(number),
        Constant::Text(text) => quoted(text, out),
        Constant::Typed(ty, text) => {
            quoted(text, out);
            out.push_str(match ty {
                Type::Date => "::date",
                Type::Timestamp => "::timestamp",
                Type::TimestampTz => "::timestamptz",
                Type::Uuid => "::uuid",
            });
        }
        Constant::Bool(true) => out.push_str("TRUE"),
        Constant::Bool(false) => out.push_str("FALSE"),
        Constant::Null => out.push_str("NULL"),
    }
}

/// As a string constant under `standard_conforming_strings = on`, which all our sessions have: a backslash is itself.
fn quoted(text: &str, out: &mut String) {
    out.push('\'');
    out.push_str(&text.replace('\'', "''"));
    out.push('\'');
}
