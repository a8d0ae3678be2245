//! The statements that make what staging lacks: schemas, types, sequences, tables with their constraints and indexes, partitions,
//! foreign keys; in an order in which each finds what it needs. Pure.
//!
//! Only what is missing as a whole is made. A table that is there is not touched, but that a partition of its own may join it.
//!
//! | order | what | why there |
//! |---|---|---|
//! | 1 | schemas | |
//! | 2 | types, each behind those that it is made of | columns have them |
//! | 3 | sequences | defaults draw from them |
//! | 4 | tables | |
//! | 5 | keys, unique, CHECK and exclusion constraints, indexes | on a root before its partitions: these get theirs with it, and its own is valid, though the server writes it with ONLY |
//! | 6 | partitions, roots before leaves, and their own constraints and indexes | |
//! | 7 | which column owns a sequence | both are there |
//! | 8 | foreign keys between replicated tables | all tables are there, and empty |

use wire::{quote_ident, quote_literal};

use super::described::{Column, Constraint, Relation, Sequence, Side, Type, quoted};
use super::literals::Review;
use super::{Name, Wanted, partitions};
use crate::config::table_name;

/// One statement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Statement {
    /// With its semicolon. It may hold literals: for a person to read, never for a log.
    pub sql: String,
    /// What it makes: `table public.t`.
    pub makes: String,
}

/// What would be made.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Making {
    /// In order, one transaction.
    pub statements: Vec<Statement>,
    /// Literals that a person has to read first.
    pub review: Vec<Review>,
    /// What of these tables is not made, and why.
    pub left_out: Vec<String>,
    /// What must be there first, and is not: what and how.
    pub wants: Vec<(String, String)>,
}

impl Making {
    fn push(&mut self, makes: String, sql: String) {
        self.statements.push(Statement { sql, makes });
    }

    fn read(&mut self, of: impl FnOnce() -> String, text: &str) {
        self.review.extend(Review::of(of, text));
    }

    /// A type that nobody but its extension, or its own authors, can make.
    fn want(&mut self, what: String, how: String) {
        if !self.wants.iter().any(|(known, _)| *known == what) {
            self.wants.push((what, how));
        }
    }
}

/// What `staging` lacks of what is wanted. `lacks`: functions that it does not have. `protects`: is a name the target's own?
pub fn making(
    production: &Side,
    staging: &Side,
    wanted: &[Wanted],
    lacks: &[String],
    protects: &dyn Fn(&str, &str) -> bool,
) -> Making {
    let mut out = Making::default();
    let names: Vec<&Name> = wanted.iter().map(|w| &w.name).collect();
    let roots: Vec<&Relation> = (names.iter().filter(|n| staging.relation(n).is_none()))
        .filter_map(|n| production.relation(n))
        .filter(|r| may_be_made(r, staging, protects, &mut out))
        .collect();
    let parts: Vec<&Relation> = (names.iter().filter_map(|n| production.relation(n)))
        .flat_map(|root| partitions::lacking(production, staging, root, &roots))
        .filter(|part| may_be_made(part, staging, protects, &mut out))
        .collect();
    let all: Vec<&Relation> = roots.iter().chain(&parts).copied().collect();
    if all.is_empty() {
        return out;
    }
    schemas(production, staging, &all, &mut out);
    types(production, staging, &all, &mut out);
    let sequences = sequences(staging, &roots, protects, &mut out);
    roots.iter().for_each(|t| table(t, staging.version, &mut out));
    roots.iter().for_each(|t| constraints_and_indexes(t, &mut out));
    for part in &parts {
        partition(part, &mut out);
        constraints_and_indexes(part, &mut out);
    }
    for (t, s) in sequences.iter().filter(|(_, s)| s.owned) {
        let column = format!("{}.{}", t.quoted(), quote_ident(&s.column));
        let name = table_name(&s.schema, &s.name);
        out.push(
            format!("sequence {name}"),
            format!("ALTER SEQUENCE {} OWNED BY {column};", quoted(&s.schema, &s.name)),
        );
    }
    all.iter().for_each(|t| foreign_keys(t, &names, &mut out));
    for function in production
        .functions
        .iter()
        .filter(|f| lacks.contains(&f.signature) && all.iter().any(|t| t.full_name() == f.of))
    {
        match &function.extension {
            Some(extension) => extension_first(extension, staging, &mut out),
            None => out.want(
                format!("function {}", function.signature),
                format!(
                    "make it on staging: SELECT pg_get_functiondef('{}'::regprocedure) on production shows it",
                    function.signature.replace('\'', "''")
                ),
            ),
        }
    }
    out
}

fn may_be_made(r: &Relation, staging: &Side, protects: &dyn Fn(&str, &str) -> bool, out: &mut Making) -> bool {
    let full = table_name(&r.schema, &r.name);
    if protects(&r.schema, &r.name) {
        out.left_out.push(format!("{full}: protected, so it is staging's own"));
        return false;
    }
    if staging.names.contains(&r.full_name()) {
        out.left_out.push(format!("{full}: staging has something else of that name"));
        return false;
    }
    if !matches!(r.kind.as_str(), "r" | "p") {
        out.left_out.push(format!("{full}: a foreign table is made by hand"));
        return false;
    }
    true
}

fn schemas(production: &Side, staging: &Side, all: &[&Relation], out: &mut Making) {
    let of_types = used(production, all).into_iter().map(|t| t.schema.clone());
    let of_sequences = all.iter().flat_map(|r| r.sequences.iter().map(|s| s.schema.clone()));
    let mut needed: Vec<String> = all.iter().map(|r| r.schema.clone()).chain(of_types).chain(of_sequences).collect();
    needed.sort();
    needed.dedup();
    for schema in needed.into_iter().filter(|s| !staging.schemas.contains(s)) {
        out.push(format!("schema {schema}"), format!("CREATE SCHEMA {};", quote_ident(&schema)));
    }
}

/// Types that these tables' columns have.
fn used<'a>(production: &'a Side, all: &[&Relation]) -> Vec<&'a Type> {
    production.made_of(all.iter().flat_map(|r| r.columns.iter().map(|c| c.type_oid)))
}

fn extension_first(extension: &str, staging: &Side, out: &mut Making) {
    if !staging.extensions.iter().any(|e| e == extension) {
        out.want(format!("extension {extension}"), format!("CREATE EXTENSION {};", quote_ident(extension)));
    }
}

fn types(production: &Side, staging: &Side, all: &[&Relation], out: &mut Making) {
    for ty in used(production, all) {
        let full = table_name(&ty.schema, &ty.name);
        if let Some(extension) = &ty.extension {
            extension_first(extension, staging, out);
            continue;
        }
        // arrays and multiranges come with their own; a table's row type with the table
        if matches!(ty.kind.as_str(), "a" | "m") || ty.of_a_table || staging.has_type(&ty.schema, &ty.name) {
            continue;
        }
        let name = ty.quoted();
        match ty.kind.as_str() {
            "e" => {
                let labels = ty.labels.iter().map(|l| quote_literal(l)).collect::<Vec<_>>().join(", ");
                out.review.push(Review { of: format!("labels of {full}"), text: labels.clone() });
                out.push(format!("enum {full}"), format!("CREATE TYPE {name} AS ENUM ({labels});"));
            }
            "d" => {
                let mut sql = format!("CREATE DOMAIN {name} AS {}", ty.of.as_deref().unwrap_or_default());
                if let Some(collation) = &ty.collation {
                    sql.push_str(&format!(" COLLATE {collation}"));
                }
                if let Some(default) = &ty.default {
                    out.read(|| format!("default of domain {full}"), default);
                    sql.push_str(&format!(" DEFAULT {default}"));
                }
                if ty.not_null {
                    sql.push_str(" NOT NULL");
                }
                for (check, text) in &ty.checks {
                    out.read(|| format!("CHECK {check} of domain {full}"), text);
                    sql.push_str(&format!(" CONSTRAINT {} {text}", quote_ident(check)));
                }
                out.push(format!("domain {full}"), format!("{sql};"));
            }
            "c" => {
                let list =
                    ty.attributes.iter().map(|(a, t)| format!("{} {t}", quote_ident(a))).collect::<Vec<_>>().join(", ");
                out.push(format!("type {full}"), format!("CREATE TYPE {name} AS ({list});"));
            }
            "r" => {
                let of = ty.of.as_deref().unwrap_or_default();
                out.push(format!("type {full}"), format!("CREATE TYPE {name} AS RANGE (SUBTYPE = {of});"));
            }
            _ => out.want(format!("type {full}"), "a base type comes with its library: install that on staging".into()),
        }
    }
}

/// Sequences of tables that are made: those of identity columns come with these.
fn sequences<'a>(
    staging: &Side,
    roots: &[&'a Relation],
    protects: &dyn Fn(&str, &str) -> bool,
    out: &mut Making,
) -> Vec<(&'a Relation, &'a Sequence)> {
    let mut made: Vec<(&Relation, &Sequence)> = Vec::new();
    for (t, s) in roots.iter().flat_map(|t| t.sequences.iter().map(|s| (*t, s))).filter(|(_, s)| !s.identity) {
        let name = (s.schema.clone(), s.name.clone());
        let known = made.iter().any(|(_, m)| (&m.schema, &m.name) == (&s.schema, &s.name));
        if known || staging.names.contains(&name) || protects(&s.schema, &s.name) {
            continue;
        }
        let sql = format!("CREATE SEQUENCE {} AS {} {};", quoted(&s.schema, &s.name), s.type_name, s.options);
        out.push(format!("sequence {}", table_name(&s.schema, &s.name)), sql);
        made.push((t, s));
    }
    made
}

fn table(t: &Relation, version: u32, out: &mut Making) {
    let full = table_name(&t.schema, &t.name);
    let columns: Vec<String> = t.columns.iter().map(|c| column(t, c, version, out)).collect();
    let by = t.partition_key.as_ref().map(|key| {
        out.read(|| format!("partition key of {full}"), key);
        format!(" PARTITION BY {key}")
    });
    let body = if columns.is_empty() { " ()".to_owned() } else { format!(" (\n    {}\n)", columns.join(",\n    ")) };
    out.push(format!("table {full}"), format!("CREATE TABLE {}{body}{};", t.quoted(), by.unwrap_or_default()));
    if t.inherits {
        out.left_out.push(format!("{full}: is made without its parents by inheritance; its rows come by themselves"));
    }
}

fn column(t: &Relation, c: &Column, version: u32, out: &mut Making) -> String {
    let full = || format!("{}.{}", table_name(&t.schema, &t.name), c.name);
    let mut sql = format!("{} {}", quote_ident(&c.name), c.type_name);
    if let Some(collation) = &c.collation {
        sql.push_str(&format!(" COLLATE {collation}"));
    }
    match (c.generated.as_str(), c.identity.as_str(), &c.default) {
        ("", "", Some(default)) => {
            out.read(|| format!("default of {}", full()), default);
            sql.push_str(&format!(" DEFAULT {default}"));
        }
        ("", "", None) => {}
        ("", identity, _) => {
            let when = if identity == "a" { "ALWAYS" } else { "BY DEFAULT" };
            let own = t.sequences.iter().find(|s| s.identity && s.column == c.name);
            let options = own.map(|s| format!(" (SEQUENCE NAME {} {})", quoted(&s.schema, &s.name), s.options));
            sql.push_str(&format!(" GENERATED {when} AS IDENTITY{}", options.unwrap_or_default()));
        }
        (generated, _, expression) => {
            let expression = expression.as_deref().unwrap_or("NULL");
            out.read(|| format!("what generates {}", full()), expression);
            // before 18 there are no virtual ones: the value is the same
            let how = if generated == "v" && version >= 180_000 { "VIRTUAL" } else { "STORED" };
            sql.push_str(&format!(" GENERATED ALWAYS AS ({expression}) {how}"));
        }
    }
    if c.not_null {
        sql.push_str(" NOT NULL");
    }
    sql
}

fn constraints_and_indexes(t: &Relation, out: &mut Making) {
    let full = table_name(&t.schema, &t.name);
    for c in t.constraints.iter().filter(|c| c.kind != "f") {
        if c.kind == "c" || c.kind == "x" {
            out.read(|| format!("constraint {} of {full}", c.name), &c.def);
        }
        out.push(format!("constraint {} of {full}", c.name), add_constraint(t, c));
    }
    for index in &t.indexes {
        if index.columns.is_none() {
            out.read(|| format!("index {} of {full}", index.name), &index.def);
        }
        out.push(format!("index {} of {full}", index.name), format!("{};", index.def));
    }
}

fn add_constraint(t: &Relation, c: &Constraint) -> String {
    format!("ALTER TABLE {} ADD CONSTRAINT {} {};", t.quoted(), quote_ident(&c.name), c.def)
}

fn partition(part: &Relation, out: &mut Making) {
    let full = table_name(&part.schema, &part.name);
    let (Some(parent), Some(bound)) = (&part.parent, &part.bound) else { return };
    out.read(|| format!("bounds of {full}"), bound);
    let by = part.partition_key.as_ref().map(|key| format!(" PARTITION BY {key}")).unwrap_or_default();
    let sql = format!("CREATE TABLE {} PARTITION OF {} {bound}{by};", part.quoted(), quoted(&parent.0, &parent.1));
    out.push(format!("partition {full}"), sql);
}

fn foreign_keys(t: &Relation, wanted: &[&Name], out: &mut Making) {
    let full = table_name(&t.schema, &t.name);
    for c in t.constraints.iter().filter(|c| c.kind == "f") {
        let Some(to) = &c.refers_to else { continue };
        match wanted.contains(&to) {
            true => out.push(format!("foreign key {} of {full}", c.name), add_constraint(t, c)),
            false => out.left_out.push(format!(
                "foreign key {} of {full}: it refers to {}, which is not replicated",
                c.name,
                table_name(&to.0, &to.1)
            )),
        }
    }
}
