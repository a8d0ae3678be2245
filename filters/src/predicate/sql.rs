//! The canonical text of a predicate: what production is asked, and what fingerprints hold.
//!
//! Everything in parentheses, so that no precedence matters; names always quoted, so that no keyword does; literals in the
//! form in which they were written, quoted or not, because PostgreSQL gives them another type by it. Types and operators are
//! not qualified: our sessions have an empty search_path, so they are PostgreSQL's own.

use super::tree::{Constant, Is, Literal, Name, Tree, Type};

pub(super) fn write(tree: &Tree) -> String {
    let mut out = String::new();
    put(tree, &mut out);
    out
}

fn put(tree: &Tree, out: &mut String) {
    let not = |negated: bool| if negated { "NOT " } else { "" };
    out.push('(');
    match tree {
        Tree::All(parts) => chain(parts, " AND ", out),
        Tree::Any(parts) => chain(parts, " OR ", out),
        Tree::Not(part) => {
            out.push_str("NOT ");
            put(part, out);
        }
        Tree::Is(part, what, negated) => {
            put(part, out);
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
        Tree::Column(name) => ident(name, out),
        Tree::Null(name, negated) => {
            ident(name, out);
            out.push_str(" IS ");
            out.push_str(not(*negated));
            out.push_str("NULL");
        }
        Tree::Compare(name, op, value) => {
            ident(name, out);
            out.push(' ');
            out.push_str(op.sql());
            out.push(' ');
            literal(value, out);
        }
        Tree::Between(name, negated, low, high) => {
            ident(name, out);
            out.push(' ');
            out.push_str(not(*negated));
            out.push_str("BETWEEN ");
            literal(low, out);
            out.push_str(" AND ");
            literal(high, out);
        }
        Tree::In(name, negated, list) => {
            ident(name, out);
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
            ident(name, out);
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

fn chain(parts: &[Tree], between: &str, out: &mut String) {
    for (n, part) in parts.iter().enumerate() {
        if n > 0 {
            out.push_str(between);
        }
        put(part, out);
    }
}

fn ident(name: &Name, out: &mut String) {
    out.push('"');
    out.push_str(&name.text.replace('"', "\"\""));
    out.push('"');
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
