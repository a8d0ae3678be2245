//! PostgreSQL Anonymizer's security labels, where somebody has already judged.
//!
//! `SECURITY LABEL FOR anon ON COLUMN … IS '…'` says `MASKED WITH FUNCTION …`, `MASKED WITH VALUE …` or `NOT MASKED`
//! (its manual, "Put on your Masks"). A label wins over all other evidence, but no function of theirs is ours: what is
//! proposed is our mask for what the function is about, and a label that cannot be read is a reason not to keep.

use super::kind::Kind;

/// What a label says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Label {
    /// To be kept.
    NotMasked,
    /// To become NULL.
    Null,
    /// To become this text.
    Value(String),
    /// To be replaced by something of this kind; `None`: it does not say which.
    Function(Option<Kind>),
}

/// Reads a label. `None` where it is about something else (`TABLESAMPLE …`, a role).
pub fn read(label: &str) -> Option<Label> {
    let words: Vec<&str> = label.split_whitespace().collect();
    let is = |at: usize, word: &str| words.get(at).is_some_and(|w| w.eq_ignore_ascii_case(word));
    if is(0, "NOT") && is(1, "MASKED") {
        return Some(Label::NotMasked);
    }
    if !(is(0, "MASKED") && is(1, "WITH")) {
        return None;
    }
    let rest = words.get(3..).unwrap_or_default().join(" ");
    match () {
        () if is(2, "VALUE") && rest.trim_end_matches(';').trim().eq_ignore_ascii_case("NULL") => Some(Label::Null),
        () if is(2, "VALUE") => Some(literal(&rest).map_or(Label::Function(None), Label::Value)),
        () if is(2, "FUNCTION") => Some(Label::Function(function(&rest))),
        // nothing that is known, and yet somebody wanted it masked
        () => Some(Label::Function(None)),
    }
}

/// `'text'` or `$$text$$` without a quote in it, a number, true or false.
fn literal(text: &str) -> Option<String> {
    let text = text.trim_end_matches(';').trim();
    for quote in ["'", "$$"] {
        if let Some(inner) = text.strip_prefix(quote).and_then(|t| t.strip_suffix(quote)) {
            return (!inner.contains('\'')).then(|| inner.to_owned());
        }
    }
    let number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b'-');
    let truth = ["true", "false"].iter().any(|word| text.eq_ignore_ascii_case(word));
    (number || truth).then(|| text.to_owned())
}

/// `anon.fake_last_name()`: what it is about, by its name.
fn function(call: &str) -> Option<Kind> {
    let name = call.split('(').next().unwrap_or_default().trim().to_ascii_lowercase();
    let name = name.rsplit('.').next().unwrap_or_default();
    let about = name.split_once('_').map_or(name, |(how, about)| match how {
        "fake" | "dummy" | "random" | "pseudo" | "partial" => about,
        _ => name,
    });
    super::names::Words::of(about).kind()
}
