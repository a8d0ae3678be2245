//! What must differ on the target still differs behind its masks, or it is refused.
//!
//! Production's rows differ by what an index compares. On the target the index compares what the masks have made of it. That
//! two rows still differ there is shown in one of these ways, and each is named:
//!
//! - every masked column of it is masked one to one: by a permutation, or by a keyed hash so wide that at the counted number of
//!   values a collision is less likely than one in 2^20 (the birthday bound, n² / 2^(bits + 1));
//! - other columns of it, kept or masked one to one, are unique on production by themselves;
//! - a column of it is NULL in every row, and NULLs differ.
//!
//! An expression hides what it does to a value, so it is refused but for `lower` and `upper` of a mask that writes no capitals.
//! A predicate must choose the same rows on both sides, so it may look at a masked column for NULL only. An exclusion
//! constraint compares by `=` or `<>`, or the column is refused. A nondeterministic collation takes different texts for
//! equal, which no mask does: on the target it is refused here by name, on production where the policy is laid over its
//! tables. A row finds its partition by hash, or there is one for what has no other.

use filters::mask::{Injective, Writes};
use filters::policy::Class;
use sink_postgres::distinct::{Index, Part};
use wire::quote_ident;

use super::Proofs;
use super::expression::{case_only, mentions};
use super::subject::{COLLATION, Fate, LIKELY, NONE, Subject, drop, named};
use crate::config::{Problem, class_text};

/// Proves what can be proved of a table, and refuses the rest.
pub fn prove(subject: &Subject<'_>, out: &mut Proofs) {
    subject.identity(out);
    for index in &subject.there.indexes {
        subject.index(index, out);
    }
    let there = |index: &Index| subject.there.indexes.iter().any(|t| t.plain().is_some() && t.plain() == index.plain());
    for index in subject.here.indexes.iter().filter(|i| i.plain().is_some() && !there(i)) {
        subject.only_on_production(index, out);
    }
    subject.partition(out);
    subject.references(out);
}

impl Subject<'_> {
    /// Rows are found on the target by their key: it must be whole there, and different rows must keep different keys.
    fn identity(&self, out: &mut Proofs) {
        let (full, key) = (self.compiled.input(), &self.table.key);
        let of = format!("replica identity ({})", key.join(", "));
        for column in key {
            let path = self.path(column);
            let hint = match self.masks(column, false) {
                masks if masks.is_empty() => format!("{NONE}; keep it"),
                masks => format!("mask a key with {masks}; or keep it"),
            };
            match self.fate(column) {
                Fate::Kept => continue,
                Fate::Null(_) | Fate::Same
                    if self.class(column).is_some_and(|c| matches!(c, Class::Drop | Class::Withheld)) =>
                {
                    let what = format!(
                        "{full}: a column of its key ({}) is dropped or withheld, so rows could not be told apart",
                        key.join(", ")
                    );
                    out.problems.push(Problem::new(path, what).hint(hint));
                }
                Fate::Masked(_, injective, _) if self.likely(column, injective) <= LIKELY => {
                    self.show(out, column, &of, self.argument(column, injective));
                }
                Fate::Null(_) | Fate::Same | Fate::Masked(..) => {
                    let what = format!("{full}.{column}: its mask can give two keys the same value");
                    out.problems.push(Problem::new(path, what).hint(hint));
                }
            }
        }
    }

    fn index(&self, index: &Index, out: &mut Proofs) {
        let changed: Vec<&str> =
            index.looks.iter().map(String::as_str).filter(|c| !matches!(self.fate(c), Fate::Kept)).collect();
        if changed.is_empty() {
            return;
        }
        let of = named(index);
        let before = out.problems.len();
        for (column, collation) in
            index.parts.iter().filter_map(|p| Some((p.column.as_deref()?, p.collation.as_deref()?)))
        {
            if changed.contains(&column) {
                let what = format!(
                    "{}.{column} is masked, and the {of} on the target compares it by the collation {collation}, which takes different texts for equal",
                    self.compiled.input()
                );
                out.problems.push(Problem::new(self.path(column), what).hint(COLLATION));
            }
        }
        if let Some(predicate) = &index.predicate {
            for column in changed.iter().filter(|c| !self.chooses_alike(predicate, c)) {
                let what = format!(
                    "{}.{column} is {}, and decides which rows are in the {of} on the target: others than on production",
                    self.compiled.input(),
                    self.is(column)
                );
                out.problems.push(Problem::new(self.path(column), what).hint(self.mend(index, None)));
            }
        }
        if out.problems.len() == before {
            self.parts(index, &changed, &of, out);
        }
    }

    /// What each part of an index has become, and whether that is enough.
    fn parts(&self, index: &Index, changed: &[&str], of: &str, out: &mut Proofs) {
        let exclusion = index.parts.iter().any(|p| p.operator != "=");
        let parts: Vec<(&Part, Argued)> = index.parts.iter().map(|p| (p, self.part(p, changed))).collect();
        let null = parts.iter().any(|(p, done)| matches!(done, Err(Weak::Null)) && p.operator == "=");
        if null && index.nulls_distinct {
            for column in changed {
                self.show(out, column, of, "a column of it is NULL in every row, and NULLs differ".to_owned());
            }
            return;
        }
        let strong: Vec<&str> =
            parts.iter().filter(|(_, done)| done.is_ok()).filter_map(|(p, _)| p.column.as_deref()).collect();
        let within = self
            .here
            .indexes
            .iter()
            // where NULLs are equal, it must know none
            .filter(|i| index.nulls_distinct || i.kind == "primary key")
            .find(|i| i.plain().is_some_and(|columns| columns.iter().all(|c| strong.contains(c))));
        let weak = parts.iter().any(|(_, done)| done.is_err());
        if let (true, false, Some(within)) = (weak, exclusion, within) {
            for column in changed {
                self.show(out, column, of, format!("{} keeps its rows apart already", named(within)));
            }
            return;
        }
        for (part, done) in parts {
            match done {
                Ok(arguments) => arguments.into_iter().for_each(|(column, why)| {
                    self.folded(index, part, &column, of, out);
                    self.partly(index, part, &column, of, out);
                    self.show(out, &column, of, why);
                }),
                Err(weak) => {
                    for column in
                        changed.iter().filter(|c| part.column.as_deref().map_or(mentions(&part.sql, c), |p| p == **c))
                    {
                        let why = match weak {
                            Weak::Same => "every row has the same value there".to_owned(),
                            Weak::Null => "it is NULL in every row, and NULLs are equal there".to_owned(),
                            Weak::Operator => {
                                format!("what is compared by {} does not stay apart behind a mask", part.operator)
                            }
                            Weak::Expression => format!("nobody can tell what {} makes of masked values", part.sql),
                            Weak::Collides => self.collides(column),
                        };
                        let what = format!(
                            "{}.{column} is {} in the {of} on the target: {why}",
                            self.compiled.input(),
                            self.is(column)
                        );
                        out.problems
                            .push(Problem::new(self.path(column), what).hint(self.mend(index, Some((column, part)))));
                    }
                }
            }
        }
    }

    /// Does a part keep apart what it kept apart on production? By what arguments, column by column; none, where nothing has changed.
    fn part(&self, part: &Part, changed: &[&str]) -> Argued {
        let Some(column) = part.column.as_deref() else {
            let mut arguments = Vec::new();
            for column in changed.iter().filter(|c| mentions(&part.sql, c)) {
                match self.fate(column) {
                    Fate::Masked(_, injective, writes)
                        if writes.small && case_only(&part.sql, column) && self.likely(column, injective) <= LIKELY =>
                    {
                        let why = format!("{}; it writes no capitals", self.argument(column, injective));
                        arguments.push(((*column).to_owned(), why));
                    }
                    _ => return Err(Weak::Expression),
                }
            }
            return Ok(arguments);
        };
        match self.fate(column) {
            Fate::Kept => Ok(Vec::new()),
            Fate::Null(comes) if comes || !part.has_default => Err(Weak::Null),
            Fate::Null(_) | Fate::Same => Err(Weak::Same),
            Fate::Masked(..) if !matches!(part.operator.as_str(), "=" | "<>") => Err(Weak::Operator),
            Fate::Masked(_, injective, _) if self.likely(column, injective) <= LIKELY => {
                Ok(vec![(column.to_owned(), self.argument(column, injective))])
            }
            // by what identifies a row another would be changed; elsewhere the second row is refused, and that is said
            Fate::Masked(_, Injective::No, Writes { apart: Some(form), .. })
                if !self.table.key.iter().any(|k| k == column) =>
            {
                Ok(vec![(column.to_owned(), format!("one to one on values {form}"))])
            }
            Fate::Masked(..) => Err(Weak::Collides),
        }
    }

    /// A mask that is one to one on what it can read may make one of two values that it cannot.
    fn partly(&self, index: &Index, part: &Part, column: &str, of: &str, out: &mut Proofs) {
        let Fate::Masked(_, Injective::No, Writes { apart: Some(form), .. }) = self.fate(column) else { return };
        if part.column.is_none() {
            return;
        }
        let what = format!(
            "{}.{column} is {}, which keeps values {form} apart, and may make one of two others; the {of} on the target would refuse the second",
            self.compiled.input(),
            self.is(column)
        );
        let hint = format!("nothing, if all are such; else {}", self.mend(index, Some((column, part))));
        out.warnings.push(Problem::new(self.path(column), what).hint(hint));
    }

    /// A mask that ignores case makes one of two rows that production keeps apart, if it does.
    fn folded(&self, index: &Index, part: &Part, column: &str, of: &str, out: &mut Proofs) {
        let folds = matches!(self.fate(column), Fate::Masked(_, _, writes) if writes.folds);
        let caseless = self.facts(column).is_none_or(|f| f.is_named("citext"));
        let sure = self
            .here
            .indexes
            .iter()
            .any(|i| i.whole && i.predicate.is_none() && matches!(&i.parts[..], [p] if case_only(&p.sql, column)));
        if folds && !caseless && !sure && part.column.is_some() {
            let what = format!(
                "{}.{column} is {}, which makes one of two values that differ in case only; the {of} on the target would refuse the second, and nothing on production says that there are no such two",
                self.compiled.input(),
                self.is(column)
            );
            let hint = format!(
                "a unique index over lower({}) on production would say it; or hash, which keeps case apart; or on the target: {}",
                quote_ident(column),
                drop(self.table, index)
            );
            out.warnings.push(Problem::new(self.path(column), what).hint(hint));
        }
    }

    /// What is unique on production and need not be on the target.
    fn only_on_production(&self, index: &Index, out: &mut Proofs) {
        let columns = index.plain().unwrap_or_default();
        if columns.iter().all(|c| self.table.key.iter().any(|k| k == c)) {
            return;
        }
        for column in columns {
            let Fate::Masked(class, injective, _) = self.fate(column) else { continue };
            if matches!(injective, Injective::No) {
                let what = format!(
                    "{}.{column} is {} and in the {} on production, which the target has not got: rows may look alike there",
                    self.compiled.input(),
                    class_text(class),
                    named(index)
                );
                let hint = format!("if they must not: {}", self.instead(column, false));
                out.warnings.push(Problem::new(self.path(column), what).hint(hint));
            }
        }
    }

    fn partition(&self, out: &mut Proofs) {
        let Some(partitioned) = &self.there.partitioned else { return };
        let of = format!("partition key ({})", partitioned.columns.join(", "));
        for column in partitioned.columns.iter().filter(|c| !matches!(self.fate(c), Fate::Kept)) {
            let why = match partitioned.strategy.as_str() {
                "h" => "every value has its partition by hash",
                _ if partitioned.has_default => "there is a partition for what has no other",
                _ => {
                    let what = format!(
                        "{}.{column} is {}, and the target's partitions are cut by it: a row may find none",
                        self.compiled.input(),
                        self.is(column)
                    );
                    let hint = format!(
                        "keep it; or on the target: CREATE TABLE … PARTITION OF {} DEFAULT;",
                        self.table.quoted()
                    );
                    out.problems.push(Problem::new(self.path(column), what).hint(hint));
                    continue;
                }
            };
            self.show(out, column, &of, why.to_owned());
        }
    }

    /// Both ends have one mask: [`config`](crate::config) has seen to that, or there would be no policy.
    fn references(&self, out: &mut Proofs) {
        for reference in &self.table.references {
            for (column, to) in reference.columns.iter().zip(&reference.to) {
                let Fate::Masked(class, ..) = self.fate(column) else { continue };
                let parent = format!("{}.{to}", crate::config::table_name(&reference.table.0, &reference.table.1));
                let nothing = matches!(class, Class::Mask { spec, .. } if spec.name() == "null");
                let why =
                    if nothing { "a reference that is NULL refers to nothing" } else { "both ends have one mask" };
                self.show(out, column, &format!("foreign key {} to {parent}", reference.constraint), why.to_owned());
            }
        }
    }
}

/// Its masked columns, each with the argument for it; or why there is none.
type Argued = Result<Vec<(String, String)>, Weak>;

/// Why a part does not keep rows apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weak {
    Null,
    Same,
    Operator,
    Expression,
    Collides,
}
