//! The file, read and misread.

mod bad;
mod documents;
mod good;
mod locked;
mod looking;
mod masks_document;
mod overlay;
mod referring;
mod remembered;
mod resolved;

use super::{Config, SourceColumn, SourceTable};

/// The least that is a configuration.
pub(crate) const LEAST: &str = "\
pipeline: shop
source: { url: postgres://reader@prod/shop }
target: { url: postgres://writer@staging/shop }
tables: { public.cruises: keep }
";

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn env(name: &str) -> Option<String> {
    match name {
        "KEY" => Some(KEY.to_owned()),
        "EMPTY" => Some(String::new()),
        "URL" => Some("postgres://u:hunter2@prod/shop".to_owned()),
        "TRICKY" => Some("a: b\n\"c\"#${KEY}".to_owned()),
        _ => None,
    }
}

fn parse(text: &str) -> Result<Config, super::Problems> {
    Config::parse(text, &env)
}

/// [`LEAST`] with its sections replaced by those that `yaml` names, one after another, and more.
fn with(yaml: &str) -> String {
    let section = |line: &str| line.split(':').next().map(str::to_owned);
    let named: Vec<_> = yaml.lines().filter(|l| !l.starts_with([' ', '#'])).filter_map(section).collect();
    let kept = LEAST.lines().filter(|l| !named.contains(&section(l).unwrap_or_default()));
    kept.map(|l| format!("{l}\n")).collect::<String>() + yaml
}

/// A table of text columns, but for `id bigint`.
fn table(name: &str, columns: &[&str]) -> SourceTable {
    let (schema, name) = name.split_once('.').unwrap();
    let column = |name: &&str| {
        let (type_name, type_oid) = if *name == "id" { ("bigint", 20) } else { ("text", 25) };
        SourceColumn {
            name: (*name).to_owned(),
            type_name: type_name.to_owned(),
            type_oid,
            type_modifier: -1,
            ..SourceColumn::default()
        }
    };
    SourceTable {
        schema: schema.to_owned(),
        name: name.to_owned(),
        columns: columns.iter().map(column).collect(),
        ..SourceTable::default()
    }
}
