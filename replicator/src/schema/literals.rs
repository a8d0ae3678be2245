//! Which texts of a schema may hold somebody's data: a default `'jane@example.org'`, a CHECK over names, a partition for a customer.

/// What is to be read by a person before it is made on staging.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Review {
    /// `default of public.t.a`.
    pub of: String,
    /// As it would be made.
    pub text: String,
}

impl Review {
    /// Of an expression, if it has literals.
    pub fn of(of: impl FnOnce() -> String, text: &str) -> Option<Review> {
        has_literals(text).then(|| Review { of: of(), text: text.to_owned() })
    }
}

/// Has an expression, as the server writes it, texts or long numbers that somebody chose? The names of sequences and the like are none.
pub fn has_literals(expression: &str) -> bool {
    let (mut rest, mut bare) = (expression, String::with_capacity(expression.len()));
    while let Some((before, quoted)) = rest.split_once('\'') {
        bare.push_str(before);
        let Some(end) = closing(quoted) else { return true };
        let (_, behind) = quoted.split_at(end + 1);
        if !behind.starts_with("::regclass") && !behind.starts_with("::pg_catalog.regclass") {
            return true;
        }
        rest = behind;
    }
    bare.push_str(rest);
    let numbers = bare.split(|c: char| !c.is_ascii_digit() && c != '.');
    numbers.into_iter().any(|n| n.bytes().filter(u8::is_ascii_digit).count() >= 4)
}

/// Where a quoted text ends; doubled quotes stand in it.
fn closing(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        at += bytes.get(at..)?.iter().position(|b| *b == b'\'')?;
        if bytes.get(at + 1) != Some(&b'\'') {
            return Some(at);
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_chose_is_to_be_read() {
        for text in
            ["'jane@example.org'::text", "(a > 170112)", "FOR VALUES IN ('it''s')", "f('x'::regclass, 'y')", "'open"]
        {
            assert!(has_literals(text), "{text}");
        }
        for text in
            ["nextval('public.t_id_seq'::regclass)", "now()", "(a > 0)", "nextval('a''b'::regclass)", "false", "100"]
        {
            assert!(!has_literals(text), "{text}");
        }
    }
}
