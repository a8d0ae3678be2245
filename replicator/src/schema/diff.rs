//! The differences of two sides, each with what it means for rows that come. Pure.

use wire::quote_ident;

use super::described::{Column, Relation, Side, Type};
use super::types::{self, Labels};
use super::widen::{Cost, Typed, widens};
use super::{Comes, Wanted, partitions};
use crate::config::table_name;

/// What a difference means.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// A row of production would not fit.
    Needed,
    /// Rows come all the same.
    Harmless,
    /// Staging has more: normal.
    Ahead,
}

impl Level {
    /// In one word.
    pub fn word(self) -> &'static str {
        match self {
            Level::Needed => "needed",
            Level::Harmless => "harmless",
            Level::Ahead => "ahead",
        }
    }
}

/// What may be done about it without a person, where `apply.ddl` says so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Additive {
    /// A column is made, with no value in it.
    Column {
        /// Does anything come for it?
        comes: bool,
    },
    /// A column takes more.
    Wider(Cost),
    /// An enum takes more.
    Label,
}

/// One difference.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The table that the policy names, or the type.
    pub table: String,
    /// `table`, `column`, `type`, `key`, `partition`, `constraint`, `index`, `foreign key`, `sequence`, `enum`, `domain`.
    pub kind: &'static str,
    /// Which, unless it is the table itself.
    pub object: String,
    /// What it means for rows.
    pub level: Level,
    /// What is otherwise. No literal of the schema.
    pub what: String,
    /// What mends it on the target: SQL, in order. It may hold literals: of somebody's to read, never for a log.
    pub mends: Vec<String>,
    /// Does `schema apply` make it?
    pub made: bool,
    /// May it be made while streaming?
    pub additive: Option<Additive>,
}

impl Difference {
    pub(super) fn new(
        table: &str,
        kind: &'static str,
        object: &str,
        level: Level,
        what: impl Into<String>,
    ) -> Difference {
        let (table, object, what) = (table.to_owned(), object.to_owned(), what.into());
        Difference { table, kind, object, level, what, mends: Vec::new(), made: false, additive: None }
    }

    fn mended(self, sql: impl Into<String>) -> Difference {
        Difference { mends: vec![sql.into()], ..self }
    }

    pub(super) fn made(self) -> Difference {
        Difference { made: true, ..self }
    }
}

/// What `staging` has otherwise of what is wanted. Needed ones first.
pub fn diff(production: &Side, staging: &Side, wanted: &[Wanted]) -> Vec<Difference> {
    let mut found = Vec::new();
    for wanted in wanted {
        let full = table_name(&wanted.name.0, &wanted.name.1);
        let Some(source) = production.relation(&wanted.name) else { continue };
        let Some(target) = staging.relation(&wanted.name) else {
            let taken = staging.names.contains(&wanted.name);
            let what = if taken { "is no table on staging" } else { "is missing on staging" };
            let missing = Difference::new(&full, "table", "", Level::Needed, what);
            found.push(if taken { missing } else { missing.made() });
            continue;
        };
        columns(&full, source, target, wanted, &mut found);
        key(&full, target, wanted, &mut found);
        partitions::differences(&full, (production, source), (staging, target), &mut found);
        constraints(&full, source, target, &mut found);
        indexes(&full, source, target, &mut found);
        sequences(&full, source, target, &mut found);
    }
    for ty in coming(production, wanted) {
        if let Some(there) = staging.named_type(&ty.schema, &ty.name) {
            made_type(ty, there, &mut found);
        }
    }
    found.sort_by(|a, b| (a.level, &a.table).cmp(&(b.level, &b.table)));
    found
}

/// Types of the columns that come. Labels of others may be somebody's data, and no row needs them.
fn coming<'a>(production: &'a Side, wanted: &[Wanted]) -> Vec<&'a Type> {
    production.made_of(wanted.iter().flat_map(|wanted| {
        let columns = production.relation(&wanted.name).map_or(&[][..], |table| &table.columns[..]);
        columns.iter().filter(|c| wanted.comes(&c.name).is_some()).map(|c| c.type_oid)
    }))
}

/// The type of a column, if it is one of PostgreSQL's own.
fn typed(column: &Column) -> Option<Typed> {
    (column.type_oid < 16384).then_some(Typed { oid: column.type_oid, modifier: column.modifier })
}

/// A column that staging lacks, as it is made: it takes any row, and has no value.
pub fn add_column(table: &Relation, column: &Column) -> String {
    let collation = column.collation.as_ref().map(|c| format!(" COLLATE {c}")).unwrap_or_default();
    let name = quote_ident(&column.name);
    format!("ALTER TABLE {} ADD COLUMN IF NOT EXISTS {name} {}{collation};", table.quoted(), column.type_name)
}

fn columns(full: &str, source: &Relation, target: &Relation, wanted: &Wanted, found: &mut Vec<Difference>) {
    for column in &source.columns {
        let (name, comes) = (&column.name, wanted.comes(&column.name));
        let here = |level, what: String| Difference::new(full, "column", name, level, what);
        let level = if comes.is_some() { Level::Needed } else { Level::Harmless };
        let Some(there) = target.column(name) else {
            let what = match comes {
                _ if comes.is_some() => "is missing on staging",
                _ if !column.generated.is_empty() => "is missing on staging; production generates it",
                _ => "is missing on staging; nothing comes for it",
            };
            let mut missing = here(level, format!("{what} ({})", column.type_name));
            if column.generated.is_empty() {
                missing = missing.mended(add_column(target, column));
                missing.additive = (!target.has_children && comes != Comes::Dropped)
                    .then_some(Additive::Column { comes: comes.is_some() });
            }
            found.push(missing);
            continue;
        };
        of_type(full, (column, there), target, comes, found);
        let alter = |what: &str| format!("ALTER TABLE {} ALTER COLUMN {} {what};", target.quoted(), quote_ident(name));
        if there.not_null && !column.not_null {
            let what = "is NOT NULL on staging only: a NULL would be refused";
            found.push(here(level, what.into()).mended(alter("DROP NOT NULL")));
        }
        if column.not_null && !there.not_null {
            found.push(here(Level::Harmless, "is NOT NULL on production only".into()));
        }
        if column.default != there.default && column.generated.is_empty() && there.generated.is_empty() {
            found.push(here(Level::Harmless, "has another default".into()));
        }
        if (&column.generated, &column.identity) != (&there.generated, &there.identity) {
            found.push(here(Level::Harmless, "is generated on one side only, or otherwise".into()));
        }
    }
    for own in target.columns.iter().filter(|c| source.column(&c.name).is_none()) {
        let is = |level, what: &str| Difference::new(full, "column", &own.name, level, what);
        let has_value = own.default.is_some() || !own.identity.is_empty();
        match own.not_null && !has_value {
            true => found.push(
                is(Level::Needed, "is staging's own, NOT NULL and without a default: a new row would be refused")
                    .mended(format!(
                        "ALTER TABLE {} ALTER COLUMN {} DROP NOT NULL;",
                        target.quoted(),
                        quote_ident(&own.name)
                    )),
            ),
            false => found.push(is(Level::Ahead, "is staging's own")),
        }
    }
}

fn of_type(
    full: &str,
    (column, there): (&Column, &Column),
    target: &Relation,
    comes: Comes,
    found: &mut Vec<Difference>,
) {
    if column.type_name == there.type_name {
        return;
    }
    let types = format!("is {} on production, {} on staging", column.type_name, there.type_name);
    let here = |level, what: String| Difference::new(full, "type", &column.name, level, what);
    let pair = typed(there).zip(typed(column));
    let alter = || {
        format!("ALTER TABLE {} ALTER COLUMN {} TYPE {};", target.quoted(), quote_ident(&column.name), column.type_name)
    };
    let more = pair.and_then(|(there, here)| widens(here, there));
    let fewer = pair.and_then(|(there, here)| widens(there, here));
    if more.is_some() && fewer.is_some() {
        found.push(here(Level::Harmless, format!("{types}: the same values by another name")).mended(alter()));
    } else if let Some(cost) = fewer {
        let level = if comes.is_some() { Level::Needed } else { Level::Harmless };
        let how = match cost {
            Cost::Catalog => "staging's takes fewer values",
            Cost::Rewrite => "staging's takes fewer values; widening it writes the table anew",
        };
        let mut narrower = here(level, format!("{types}: {how}")).mended(alter());
        if there.generated.is_empty() && !target.has_children {
            narrower.additive = Some(Additive::Wider(cost));
        }
        found.push(narrower);
    } else if more.is_some() {
        found.push(here(Level::Ahead, format!("{types}: staging's takes more values")));
    } else {
        let what = format!("{types}: values go by their text, and one that does not fit holds the stream");
        found.push(here(Level::Harmless, what).mended(alter()));
    }
}

fn key(full: &str, target: &Relation, wanted: &Wanted, found: &mut Vec<Difference>) {
    if wanted.key.is_empty() || target.unique_over(&wanted.key) {
        return;
    }
    let list = wanted.key.iter().map(|k| quote_ident(k)).collect::<Vec<_>>().join(", ");
    let what = "staging has no unique index over exactly production's key: rows could not be found";
    found.push(
        Difference::new(full, "key", &wanted.key.join(", "), Level::Needed, what)
            .mended(format!("CREATE UNIQUE INDEX ON {} ({list});", target.quoted())),
    );
}

fn constraints(full: &str, source: &Relation, target: &Relation, found: &mut Vec<Difference>) {
    let kind = |kind: &str| if kind == "f" { "foreign key" } else { "constraint" };
    for c in source.constraints.iter().filter(|c| !target.constraints.iter().any(|t| t.def == c.def)) {
        found.push(Difference::new(
            full,
            kind(&c.kind),
            &c.name,
            Level::Harmless,
            "is not on staging, or is another there",
        ));
    }
    for own in target.constraints.iter().filter(|c| !source.constraints.iter().any(|t| t.def == c.def)) {
        let what = match own.kind.as_str() {
            "f" => "is staging's own, or is another there; our writes do not ask it",
            _ => "is staging's own, or is another there: a row that it refuses holds the stream",
        };
        found.push(Difference::new(full, kind(&own.kind), &own.name, Level::Ahead, what));
    }
}

fn indexes(full: &str, source: &Relation, target: &Relation, found: &mut Vec<Difference>) {
    // by what it is over, not by its name
    let over = |def: &str| def.split_once(" USING ").map_or_else(|| def.to_owned(), |(_, over)| over.to_owned());
    let has =
        |of: &Relation, def: &str, unique| of.indexes.iter().any(|i| i.unique == unique && over(&i.def) == over(def));
    for index in source.indexes.iter().filter(|i| !has(target, &i.def, i.unique)) {
        found.push(Difference::new(full, "index", &index.name, Level::Harmless, "is not on staging"));
    }
    for own in target.indexes.iter().filter(|i| !has(source, &i.def, i.unique)) {
        let what = match own.unique {
            true => "is staging's own, and unique: a row that it refuses holds the stream",
            false => "is staging's own",
        };
        found.push(Difference::new(full, "index", &own.name, Level::Ahead, what));
    }
}

fn sequences(full: &str, source: &Relation, target: &Relation, found: &mut Vec<Difference>) {
    for s in &source.sequences {
        let there = target.sequences.iter().any(|t| t.column == s.column);
        if !there && target.column(&s.column).is_some() {
            let what = format!("{} has no sequence on staging: an insert there needs a value", s.column);
            found.push(Difference::new(full, "sequence", &table_name(&s.schema, &s.name), Level::Harmless, what));
        }
    }
}

fn made_type(ty: &Type, there: &Type, found: &mut Vec<Difference>) {
    let full = table_name(&ty.schema, &ty.name);
    if ty.kind != there.kind {
        let what = "is a type of another kind on staging";
        found.push(Difference::new(&full, "type", "", Level::Harmless, what));
        return;
    }
    match ty.kind.as_str() {
        "e" => match types::labels(ty, there) {
            Labels::Complete if ty.labels == there.labels => {}
            Labels::Complete if ty.labels.len() == there.labels.len() => {
                found.push(Difference::new(&full, "enum", "", Level::Harmless, "has its labels in another order"));
            }
            Labels::Complete => {
                found.push(Difference::new(&full, "enum", "", Level::Ahead, "has labels of staging's own"))
            }
            Labels::Lacks(mends) => {
                let what = format!("staging lacks {} of its labels", mends.len());
                let lacks = Difference::new(&full, "enum", "", Level::Needed, what);
                found.push(Difference { mends, additive: Some(Additive::Label), ..lacks });
            }
            Labels::Renamed(mends) => {
                let what = "each side has labels that the other lacks: a rename, perhaps; rows on staging keep the old one until it is done there";
                found.push(Difference { mends, ..Difference::new(&full, "enum", "", Level::Needed, what) });
            }
        },
        "d" if (&ty.of, &ty.checks, ty.not_null) != (&there.of, &there.checks, there.not_null) => {
            let what =
                "is a domain over another type, or with other constraints: a value that does not fit holds the stream";
            found.push(Difference::new(&full, "domain", "", Level::Harmless, what));
        }
        "c" if ty.attributes != there.attributes => {
            let what = "has other attributes on staging: a value that does not fit holds the stream";
            found.push(Difference::new(&full, "type", "", Level::Harmless, what));
        }
        _ => {}
    }
}
