//! What must differ on the target still differs behind its masks, or it is refused.
//!
//! Production's rows differ by what an index compares. On the target the index compares what the masks have made of it. That
//! two rows still differ there is shown in one of these ways, and each is named:
//!
//! - every masked column of it is masked one to one: by a permutation, or by a keyed hash so wide that at the counted number of
//!   values a collision is less likely than [`LIKELY`] (the birthday bound, n² / 2^(bits + 1));
//! - other columns of it, kept or masked one to one, are unique on production by themselves;
//! - a column of it is NULL in every row, and NULLs differ.
//!
//! An expression hides what it does to a value, so it is refused but for `lower` and `upper` of a mask that writes no capitals.
//! A predicate must choose the same rows on both sides, so it may look at a masked column for NULL only. An exclusion
//! constraint compares by `=` or `<>`, or the column is refused. A nondeterministic collation takes different
//! texts for equal, which no mask does: refused by name. A row finds its partition by hash, or there is one for what has no other.

use filters::compiled::Compiled;
use filters::key::MaskKey;
use filters::mask::{ColumnFacts, Injective, KINDS, Mask, MaskSpec, Writes};
use filters::policy::{Class, TableRules};
use filters::predicate::Collation;
use sink_postgres::distinct::{Distinct, Index, Part};
use wire::quote_ident;

use super::{Proof, Proofs};
use crate::config::{Problem, class_text};
use crate::source::catalog::SourceTable;

/// A collision that is likelier than one in a million is no proof.
const LIKELY: f64 = 1.0 / 1_048_576.0;

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
enum Fate<'a> {
    /// Production's value, or the target's own.
    Kept,
    /// What a mask makes of it.
    Masked(&'a Class, Injective, Writes),
    /// One value in every row.
    Same,
    /// Nothing; `true`: written as NULL, else it does not come.
    Null(bool),
}

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
            self.equal_by_collation(column, "in the replica identity", out);
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
            Fate::Masked(..) => Err(Weak::Collides),
        }
    }

    /// A mask that ignores case makes one of two rows that production keeps apart, if it does.
    fn folded(&self, index: &Index, part: &Part, column: &str, of: &str, out: &mut Proofs) {
        let folds = matches!(self.fate(column), Fate::Masked(_, _, writes) if writes.folds);
        let caseless = self.facts(column).is_none_or(|f| f.is_named("citext"));
        let sure = self
            .here
            .indexes
            .iter()
            .any(|i| i.predicate.is_none() && matches!(&i.parts[..], [p] if case_only(&p.sql, column)));
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
                self.equal_by_collation(column, &format!("in the foreign key {}", reference.constraint), out);
                let parent = format!("{}.{to}", crate::config::table_name(&reference.table.0, &reference.table.1));
                let nothing = matches!(class, Class::Mask { spec, .. } if spec.name() == "null");
                let why =
                    if nothing { "a reference that is NULL refers to nothing" } else { "both ends have one mask" };
                self.show(out, column, &format!("foreign key {} to {parent}", reference.constraint), why.to_owned());
            }
        }
    }

    /// A collation by which production takes different texts for equal: no mask does.
    fn equal_by_collation(&self, column: &str, place: &str, out: &mut Proofs) {
        if self.facts(column).is_some_and(|f| f.collation == Collation::Nondeterministic) {
            let what = format!(
                "{}.{column} is masked {place}, and its collation on production takes different texts for equal",
                self.compiled.input()
            );
            out.problems.push(Problem::new(self.path(column), what).hint(COLLATION));
        }
    }

    fn show(&self, out: &mut Proofs, column: &str, of: &str, because: String) {
        let column = format!("{}.{column}", self.compiled.input());
        let proof = Proof { column, of: of.to_owned(), because };
        if !out.shown.contains(&proof) {
            out.shown.push(proof);
        }
    }

    fn fate(&self, column: &str) -> Fate<'_> {
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

    fn class(&self, column: &str) -> Option<&Class> {
        self.table.shape.columns.iter().any(|c| *c.name == *column).then(|| self.rules.class(column))
    }

    fn is(&self, column: &str) -> String {
        self.class(column).map_or_else(String::new, class_text)
    }

    fn facts(&self, column: &str) -> Option<&ColumnFacts> {
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
    fn chooses_alike(&self, predicate: &str, column: &str) -> bool {
        let name = printed(column);
        let rest = predicate.replace(&format!("({name} IS NOT NULL)"), "").replace(&format!("({name} IS NULL)"), "");
        let looks_at_all = mentions(predicate, column);
        let keeps_null =
            matches!(self.fate(column), Fate::Masked(Class::Mask { spec, .. }, ..) if spec.when().is_none());
        !looks_at_all || keeps_null && !mentions(&rest, column)
    }

    fn likely(&self, column: &str, injective: Injective) -> f64 {
        injective.collides(self.values(column).unwrap_or(0) as f64)
    }

    fn values(&self, column: &str) -> Option<u64> {
        (self.counted)(column).or_else(|| u64::try_from(self.table.rows).ok())
    }

    fn argument(&self, column: &str, injective: Injective) -> String {
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

    fn collides(&self, column: &str) -> String {
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
    fn masks(&self, column: &str, small: bool) -> String {
        let (Some(facts), Ok(any)) = (self.facts(column), MaskKey::new(&[0; 32])) else { return String::new() };
        let apart = |spec: &MaskSpec| {
            let mask = Mask::new(spec, &any, None, facts);
            mask.is_ok_and(|m| self.likely(column, m.injective()) <= LIKELY && (m.writes().small || !small))
        };
        let kinds = KINDS.iter().filter(|k| k.keyed && k.parameters.iter().all(|p| !p.required));
        let names: Vec<&str> = kinds.filter(|k| apart(&MaskSpec::new(k))).map(|k| k.name).collect();
        names.join(", ")
    }

    fn instead(&self, column: &str, small: bool) -> String {
        match self.masks(column, small) {
            masks if masks.is_empty() => NONE.to_owned(),
            masks => format!("would do: {masks}"),
        }
    }

    /// What mends it, if an index asks for what a column has no more.
    fn mend(&self, index: &Index, part: Option<(&str, &Part)>) -> String {
        let would = match part {
            // whatever mask: the predicate or the expression sees another value
            None => String::new(),
            Some((column, part)) if part.column.is_none() && !case_only(&part.sql, column) => String::new(),
            Some((column, part)) => format!("{}; or ", self.instead(column, part.column.is_none())),
        };
        format!("{would}keep it; or on the target: {}", drop(self.table, index))
    }
}

const NONE: &str = "no mask that sluice has keeps values of its type apart";

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

const COLLATION: &str =
    "keep the column, or give it on both sides a deterministic collation (citext compares case-insensitively too)";

/// `unique index customers_email_key (email)`.
fn named(index: &Index) -> String {
    let parts: Vec<&str> = index.parts.iter().map(|p| p.sql.as_str()).collect();
    let only = index.predicate.as_ref().map_or_else(String::new, |p| format!(" where {p}"));
    format!("{} {} ({}){only}", index.kind, index.name, parts.join(", "))
}

fn drop(table: &SourceTable, index: &Index) -> String {
    match index.constraint {
        false => format!("DROP INDEX {}.{};", quote_ident(&table.shape.schema), quote_ident(&index.name)),
        true => format!("ALTER TABLE {} DROP CONSTRAINT {};", table.quoted(), quote_ident(&index.name)),
    }
}

/// A column as the server writes it in an expression.
fn printed(column: &str) -> String {
    let plain = column.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && column.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if plain { column.to_owned() } else { quote_ident(column) }
}

/// Does an expression look at a column? A word that is the same in a text counts too: too often is safe.
fn mentions(sql: &str, column: &str) -> bool {
    let part_of_a_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let found = |name: &str| {
        sql.match_indices(name).any(|(at, _)| {
            let (before, behind) = (sql[..at].chars().next_back(), sql[at + name.len()..].chars().next());
            !before.is_some_and(part_of_a_word) && !behind.is_some_and(part_of_a_word)
        })
    };
    // a keyword for a name stands in quotes
    found(column) || sql.contains(&quote_ident(column))
}

/// Is it `lower(column)` or `upper(column)`?
fn case_only(sql: &str, column: &str) -> bool {
    let inner = ["lower(", "upper("].iter().find_map(|f| sql.strip_prefix(f)).and_then(|rest| rest.strip_suffix(')'));
    let Some(inner) = inner else { return false };
    let bare = inner.strip_suffix("::text").and_then(|i| i.strip_prefix('(')?.strip_suffix(')')).unwrap_or(inner);
    bare == printed(column) || bare == quote_ident(column)
}
