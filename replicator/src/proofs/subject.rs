//! A table as proofs see it: its policy, and what both sides ask of its rows.

use filters::compiled::Compiled;
use filters::key::MaskKey;
use filters::mask::{ColumnFacts, Injective, KINDS, Mask, MaskSpec, Writes};
use filters::policy::{Class, TableRules};
use sink_postgres::distinct::{Distinct, Index, Part};
use wire::quote_ident;

use super::expression::{case_only, mentions, null_only};
use super::{Proof, Proofs};
use crate::config::class_text;
use crate::source::catalog::SourceTable;

/// A collision that is likelier than one in a million is no proof.
pub(super) const LIKELY: f64 = 1.0 / 1_048_576.0;

/// A table with its policy, and what both sides ask of its rows.
pub struct Subject<'a> {
    /// Production's table.
    pub table: &'a SourceTable,
    /// The policy, laid over it.
    pub compiled: &'a Compiled,
    /// The same, as it is written.
    pub rules: &'a TableRules,
    /// The path of its key in the file.
    pub path: String,
    /// Production's.
    pub here: &'a Distinct,
    /// The target's.
    pub there: &'a Distinct,
    /// Different values of a column on production, about.
    pub counted: &'a dyn Fn(&str) -> Option<u64>,
}

/// What stands on the target for a column.
#[derive(Clone, Copy)]
pub(super) enum Fate<'a> {
    /// Production's value, or the target's own.
    Kept,
    /// What a mask makes of it.
    Masked(&'a Class, Injective, Writes),
    /// One value in every row.
    Same,
    /// Nothing; `true`: written as NULL, else it does not come.
    Null(bool),
}

impl Subject<'_> {
    pub(super) fn show(&self, out: &mut Proofs, column: &str, of: &str, because: String) {
        let column = format!("{}.{column}", self.compiled.input());
        let proof = Proof { column, of: of.to_owned(), because };
        if !out.shown.contains(&proof) {
            out.shown.push(proof);
        }
    }

    pub(super) fn fate(&self, column: &str) -> Fate<'_> {
        if !self.table.shape.columns.iter().any(|c| *c.name == *column) {
            return Fate::Kept;
        }
        let class = self.rules.class(column);
        let comes = self.compiled.output.columns.iter().position(|c| *c.name == *column);
        match (class, comes) {
            (Class::Keep, _) => Fate::Kept,
            (_, None) => Fate::Null(false),
            (Class::Mask { spec, .. }, _) if spec.name() == "null" && spec.when().is_none() => Fate::Null(true),
            (_, Some(i)) => match (self.compiled.injective(i), self.compiled.writes(i)) {
                (Some(injective), Some(writes)) => Fate::Masked(class, injective, writes),
                _ => Fate::Same,
            },
        }
    }

    pub(super) fn class(&self, column: &str) -> Option<&Class> {
        self.table.shape.columns.iter().any(|c| *c.name == *column).then(|| self.rules.class(column))
    }

    pub(super) fn is(&self, column: &str) -> String {
        self.class(column).map_or_else(String::new, class_text)
    }

    pub(super) fn facts(&self, column: &str) -> Option<&ColumnFacts> {
        let at = self.table.shape.columns.iter().position(|c| *c.name == *column)?;
        self.table.facts.get(at)
    }

    /// Would a mask that is injective so keep the column's values apart, where something asks for it?
    pub(super) fn apart(&self, column: &str, injective: Injective) -> bool {
        let asked = self.table.key.iter().chain(self.there.indexes.iter().flat_map(|i| &i.looks)).any(|c| c == column);
        !asked || self.likely(column, injective) <= LIKELY
    }

    /// The path of a column's key.
    pub(super) fn path(&self, column: &str) -> String {
        format!("{}.columns.{column}", self.path)
    }

    /// Does a predicate choose the same rows on both sides, as far as this column goes?
    pub(super) fn chooses_alike(&self, predicate: &str, column: &str) -> bool {
        let keeps_null =
            matches!(self.fate(column), Fate::Masked(Class::Mask { spec, .. }, ..) if spec.when().is_none());
        !mentions(predicate, column) || keeps_null && null_only(predicate, column)
    }

    pub(super) fn likely(&self, column: &str, injective: Injective) -> f64 {
        injective.collides(self.values(column).unwrap_or(0) as f64)
    }

    pub(super) fn values(&self, column: &str) -> Option<u64> {
        (self.counted)(column).or_else(|| u64::try_from(self.table.rows).ok())
    }

    pub(super) fn argument(&self, column: &str, injective: Injective) -> String {
        match injective {
            Injective::Yes(why) => why.to_owned(),
            Injective::Collision(bits) => match self.values(column) {
                Some(n) if n > 1 => {
                    let power = injective.collides(n as f64).log2().ceil();
                    format!("{bits} bits of keyed hash: at ~{n} values two meet with a probability below 2^{power}")
                }
                _ => format!("{bits} bits of keyed hash; production has not counted its values"),
            },
            Injective::No => String::new(),
        }
    }

    pub(super) fn collides(&self, column: &str) -> String {
        let many = self.values(column).map_or_else(String::new, |n| format!(", of about {n} on production"));
        match self.fate(column) {
            Fate::Masked(_, injective @ Injective::Collision(bits), _) => format!(
                "two values{many} meet in {bits} bits with a probability of 2^{}",
                self.likely(column, injective).log2().ceil()
            ),
            _ => format!("its mask can give two values{many} the same one, and the second row is refused"),
        }
    }

    /// Masks that keep the column's values apart; with `small`, also behind `lower`. Empty if there is none.
    pub(super) fn masks(&self, column: &str, small: bool) -> String {
        let (Some(facts), Ok(any)) = (self.facts(column), MaskKey::new(&[0; 32])) else { return String::new() };
        let apart = |spec: &MaskSpec| {
            let mask = Mask::new(spec, &any, None, facts);
            mask.is_ok_and(|m| self.likely(column, m.injective()) <= LIKELY && (m.writes().small || !small))
        };
        let kinds = KINDS.iter().filter(|k| k.keyed && k.parameters.iter().all(|p| !p.required));
        let names: Vec<&str> = kinds.filter(|k| apart(&MaskSpec::new(k))).map(|k| k.name).collect();
        names.join(", ")
    }

    pub(super) fn instead(&self, column: &str, small: bool) -> String {
        match self.masks(column, small) {
            masks if masks.is_empty() => NONE.to_owned(),
            masks => format!("would do: {masks}"),
        }
    }

    /// What mends it, if an index asks for what a column has no more.
    pub(super) fn mend(&self, index: &Index, part: Option<(&str, &Part)>) -> String {
        let would = match part {
            // whatever mask: the predicate or the expression sees another value
            None => String::new(),
            Some((column, part)) if part.column.is_none() && !case_only(&part.sql, column) => String::new(),
            Some((column, part)) => format!("{}; or ", self.instead(column, part.column.is_none())),
        };
        format!("{would}keep it; or on the target: {}", drop(self.table, index))
    }
}

pub(super) const NONE: &str = "no mask that sluice has keeps values of its type apart";

pub(super) const COLLATION: &str =
    "keep the column, or give it on both sides a deterministic collation (citext compares case-insensitively too)";

/// `unique index customers_email_key (email)`.
pub(super) fn named(index: &Index) -> String {
    let parts: Vec<&str> = index.parts.iter().map(|p| p.sql.as_str()).collect();
    let only = index.predicate.as_ref().map_or_else(String::new, |p| format!(" where {p}"));
    format!("{} {} ({}){only}", index.kind, index.name, parts.join(", "))
}

pub(super) fn drop(table: &SourceTable, index: &Index) -> String {
    match index.constraint {
        false => format!("DROP INDEX {}.{};", quote_ident(&table.shape.schema), quote_ident(&index.name)),
        true => format!("ALTER TABLE {} DROP CONSTRAINT {};", table.quoted(), quote_ident(&index.name)),
    }
}
