//! Enums and domains of the two sides.

use wire::quote_literal;

use super::described::Type;

/// What an enum of staging's lacks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Labels {
    /// Nothing.
    Complete,
    /// These statements add it, in production's order.
    Lacks(Vec<String>),
    /// It lacks some, and has some that production has not: that may be another name for one of them, and whoever adds it would
    /// leave rows with the old one. These statements say so, where there is one of each.
    Renamed(Vec<String>),
}

/// Holds an enum of production's against staging's of the same name.
///
/// A label is added beside the one before it in production's order, so that both sort alike. `IF NOT EXISTS`: what was added and not
/// heard of is no error.
pub fn labels(production: &Type, staging: &Type) -> Labels {
    let lacking: Vec<&String> = production.labels.iter().filter(|l| !staging.labels.contains(l)).collect();
    let own: Vec<&String> = staging.labels.iter().filter(|l| !production.labels.contains(l)).collect();
    if lacking.is_empty() {
        return Labels::Complete;
    }
    if !own.is_empty() {
        let one = match (lacking.as_slice(), own.as_slice()) {
            ([new], [old]) => vec![format!(
                "ALTER TYPE {} RENAME VALUE {} TO {};",
                staging.quoted(),
                quote_literal(old),
                quote_literal(new)
            )],
            _ => Vec::new(),
        };
        return Labels::Renamed(one);
    }
    let mut statements = Vec::with_capacity(lacking.len());
    let mut before: Option<&String> = None;
    for label in &production.labels {
        if lacking.contains(&label) {
            let place = match (before, staging.labels.first()) {
                (Some(before), _) => format!(" AFTER {}", quote_literal(before)),
                (None, Some(first)) => format!(" BEFORE {}", quote_literal(first)),
                (None, None) => String::new(),
            };
            statements.push(format!(
                "ALTER TYPE {} ADD VALUE IF NOT EXISTS {}{place};",
                staging.quoted(),
                quote_literal(label)
            ));
        }
        before = Some(label);
    }
    Labels::Lacks(statements)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mood(labels: &[&str]) -> Type {
        Type {
            schema: "public".into(),
            name: "mood".into(),
            labels: labels.iter().map(|l| (*l).to_owned()).collect(),
            ..Type::default()
        }
    }

    #[test]
    fn a_label_keeps_its_place() {
        let add = |what: &str| format!("ALTER TYPE \"public\".\"mood\" ADD VALUE IF NOT EXISTS {what};");
        let lacks = |a: &[&str], b: &[&str]| labels(&mood(a), &mood(b));
        assert_eq!(lacks(&["a", "b"], &["a", "b"]), Labels::Complete);
        assert_eq!(lacks(&["a"], &["a", "own"]), Labels::Complete);
        assert_eq!(
            lacks(&["a", "b", "c", "d"], &["a", "d"]),
            Labels::Lacks(vec![add("'b' AFTER 'a'"), add("'c' AFTER 'b'")])
        );
        assert_eq!(lacks(&["new", "a"], &["a"]), Labels::Lacks(vec![add("'new' BEFORE 'a'")]));
        assert_eq!(lacks(&["a"], &[]), Labels::Lacks(vec![add("'a'")]));
    }

    #[test]
    fn what_may_be_a_rename_is_not_added() {
        let rename = "ALTER TYPE \"public\".\"mood\" RENAME VALUE 'b' TO 'c';".to_owned();
        assert_eq!(labels(&mood(&["a", "c"]), &mood(&["a", "b"])), Labels::Renamed(vec![rename]));
        assert_eq!(labels(&mood(&["c", "d"]), &mood(&["a", "b"])), Labels::Renamed(vec![]));
    }
}
