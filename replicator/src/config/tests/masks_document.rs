//! `docs/masks.md` is what the masks say of themselves. `GOLDEN=write cargo test -p replicator --lib masks_document`
//! writes it anew.

use std::fmt::Write;

use filters::mask::{KINDS, Kind, Setting, What, Within};
use filters::policy::Class;

use super::super::effective::{class_text, mask_text};
use super::super::masks::mask;
use super::super::read::At;
use super::super::{Problems, tree, units};

const HEAD: &str = "\
# Masks

What each mask makes, where it can stand, what it keeps of a value, and what somebody learns who sees masked values only.
Made from what the masks say of themselves; `sluice masks list` shows the same, `sluice masks try email 'jane@example.org'`
shows one at work. [configuration.md](configuration.md) says where masks are written, and how any of them is put on some rows
only (`when:`, `else:`). On a column of arrays a mask applies to each element; one that takes any column takes the array as a whole.
";

fn document() -> String {
    let mut out = format!("{HEAD}\n| mask | makes | for | for a unique column |\n|---|---|---|---|\n");
    for kind in KINDS {
        let unique = if kind.unique { "yes" } else { "no" };
        _ = writeln!(out, "| [`{0}`](#{0}) | {1} | {2} | {unique} |", kind.name, kind.makes, kind.types);
    }
    KINDS.iter().for_each(|kind| section(&mut out, kind));
    out
}

fn section(out: &mut String, kind: &Kind) {
    _ = writeln!(out, "\n## {}\n\nMakes {}.\n", kind.name, kind.makes);
    _ = writeln!(out, "- for: {}\n- keeps: {}\n- gives away: {}", kind.types, kind.keeps, kind.gives_away);
    let holds_masks = kind.parameters.iter().any(|p| matches!(p.what, What::Class { .. } | What::Classes));
    if !kind.keyed && !holds_masks {
        out.push_str("- needs no key\n");
    }
    if kind.version > 1 {
        _ = writeln!(out, "- version {}", kind.version);
    }
    _ = writeln!(out, "- written: `{}`", kind.example);
    if kind.parameters.is_empty() {
        return;
    }
    out.push_str("\n| parameter | kind, default | meaning |\n|---|---|---|\n");
    for p in kind.parameters {
        let default = match (p.required, p.what.default()) {
            (true, _) => ", required".to_owned(),
            (false, None) => String::new(),
            (false, Some(Setting::Texts(_) | Setting::Classes(_))) => ", none".to_owned(),
            (false, Some(setting)) => format!(", `{}`", shown(&setting)),
        };
        _ = writeln!(out, "| `{}` | {}{default} | {} |", p.name, what(&p.what), p.doc);
    }
}

fn what(what: &What) -> String {
    match what {
        What::Flag => "flag".to_owned(),
        What::Number { least, most: i64::MAX, .. } => format!("number from {least}"),
        What::Number { least: i64::MIN, most, .. } => format!("number up to {most}"),
        What::Number { least, most, .. } => format!("number, {least} to {most}"),
        What::Decimal { least, most, .. } => format!("number, {least} to {most}"),
        What::Time { .. } => "time".to_owned(),
        What::Word { words, .. } => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        What::Text { .. } => "text".to_owned(),
        What::Texts => "list of texts".to_owned(),
        What::Class { .. } => "`keep`, `drop`, a mask, a domain".to_owned(),
        What::Classes => "map, each to `keep`, `drop`, a mask or a domain".to_owned(),
    }
}

fn shown(setting: &Setting) -> String {
    match setting {
        Setting::Flag(flag) => flag.to_string(),
        Setting::Number(n) => n.to_string(),
        Setting::Decimal(n) => n.to_string(),
        Setting::Time(time) => units::show_time(*time),
        Setting::Text(text) => text.clone(),
        Setting::Class(class) => class_text(class),
        Setting::Texts(_) | Setting::Classes(_) => String::new(),
    }
}

#[test]
fn the_document_is_what_the_masks_say() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/masks.md");
    let now = document();
    if std::env::var_os("GOLDEN").is_some_and(|v| v == "write") {
        return std::fs::write(path, now).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap_or_default(), now, "GOLDEN=write writes it anew");
}

/// What a mask gives as its example is read, names every parameter, and is written back as a file that reads the same.
#[test]
fn every_example_can_be_read_and_written() {
    for kind in KINDS {
        let read = |text: &str| {
            let mut problems = Problems::default();
            let root = tree::parse(&format!("here: {text}\n"), &mut problems);
            let spec = mask(&At::root(root.as_ref()).get("here"), &Default::default(), &mut problems);
            assert!(problems.0.is_empty(), "{}: {problems}", kind.name);
            spec.unwrap()
        };
        let spec = read(kind.example);
        assert_eq!(spec.kind(), *kind);
        assert!(kind.parameters.iter().all(|p| kind.example.contains(&format!("{}: ", p.name))), "{}", kind.name);
        assert_eq!(read(&mask_text(&spec)), spec);
    }
}

/// The words for classes within a value are those for columns.
#[test]
fn classes_have_the_words_of_columns() {
    for (within, class) in [(Within::Keep, Class::Keep), (Within::Drop, Class::Drop)] {
        let default = What::Class { default: Some(within) }.default();
        assert_eq!(default, Some(Setting::Class(Box::new(class))));
    }
}
