//! Rows of production, masked, tried out by the target ([`sink_postgres::trial`] says how, and why nothing of it stays).
//!
//! A sample is no proof; it is what finds the constraint that a mask was not made for, before the copy finds it at the
//! thousandth row. Where rows are refused, other masks are tried in the same way (`instead.rs`): what is proposed has passed.

mod instead;

use std::collections::HashMap;

use filters::compiled::Compiled;
use filters::filter::Filter;
use filters::key::MaskKey;
use filters::policy::{Class, Policy, TableRule};
use sink_postgres::trial::{By, Refusal, Trial, Tried};
use wire::{Connection, Conninfo, quote_ident};

use crate::config::{Config, OnError, Problem, class_text};
use crate::error::Error;
use crate::source::catalog::SourceTable;
use crate::source::{production, sample};

/// Rows that are tried of a table, at most.
const ROWS: u32 = 500;
/// For so many columns other masks are tried.
const SOUGHT: usize = 10;

/// What came of it.
#[derive(Debug, Default)]
pub struct Trials {
    /// What the target refuses.
    pub problems: Vec<Problem>,
    /// The same, where rows that it refuses may go aside: each with its record, and not too many of them.
    pub warnings: Vec<Problem>,
    /// Tables that were tried, with the number of rows.
    pub tried: Vec<(String, u64)>,
    /// Tables that were not, and why.
    pub untried: Vec<(String, String)>,
}

/// Who tries: both ends, and what the policy says.
pub struct Bench<'a> {
    /// The configuration, for key paths.
    pub config: &'a Config,
    /// In force.
    pub policy: &'a Policy,
    /// The masking key.
    pub key: MaskKey,
    /// Are other masks tried, where one is to blame?
    pub proposes: bool,
}

impl Bench<'_> {
    /// Tries rows of each table. One that is held by somebody is left out, and said.
    pub async fn tables<'t>(
        &self,
        source: &Conninfo,
        target: &Conninfo,
        tables: impl IntoIterator<Item = &'t SourceTable>,
    ) -> Result<Trials, Error> {
        let mut trials = Trials::default();
        let patience = [("lock_timeout", "2s"), ("statement_timeout", "30s")];
        let mut db = production::reader(source, &self.config.pipeline, "trial", &patience).await?;
        let mut trial = Trial::connect(target, &self.config.pipeline).await?;
        let mut sought = 0;
        // of its own: what a trial cannot read is not counted as read
        let filter = Filter::new(self.policy.clone(), self.key.clone());
        for table in tables {
            let name = table.shape.to_string();
            let Some(compiled) = filter.compile(&table.shape)? else { continue };
            let (tried, rows) = match attempt(&mut db, &mut trial, table, &compiled).await? {
                Ok(tried) => tried,
                Err(why) => {
                    trials.untried.push((name, why.to_owned()));
                    continue;
                }
            };
            trials.tried.push((name, rows));
            let mut masks = HashMap::new();
            for refusal in &tried {
                let told = self.told(table, refusal, rows);
                let seek = self.proposes && sought < SOUGHT;
                if let Some(column) = told.column.clone().filter(|c| seek && !masks.contains_key(c)) {
                    sought += 1;
                    let found = self.would_do(&mut db, &mut trial, table, &column).await?;
                    masks.insert(column, found);
                }
                let masks = told.column.as_ref().and_then(|c| masks.get(c)).map_or(&[][..], Vec::as_slice);
                trials.problems.push(told.problem(self.proposes, masks));
            }
        }
        db.close().await;
        trial.close().await;
        if self.config.apply.on_error == OnError::Quarantine {
            std::mem::swap(&mut trials.problems, &mut trials.warnings);
        }
        Ok(trials)
    }

    fn told(&self, table: &SourceTable, refusal: &Refusal, rows: u64) -> Told {
        let (schema, name) = table.name();
        let rules = match self.policy.rule(&schema, &name) {
            TableRule::Copy(rules) => Some(rules),
            _ => None,
        };
        let class = |column: &str| rules.map(|r| r.class(column));
        let masked = |column: &&String| matches!(class(column), Some(Class::Mask { .. }));
        let column = refusal.columns.iter().find(masked).or(refusal.columns.first());
        let path = self.config.path(&schema, &name);
        let path = column.map_or_else(|| path.clone(), |c| format!("{path}.columns.{c}"));
        // what each of them is, where it is not plainly kept
        let are: Vec<String> = refusal
            .columns
            .iter()
            .filter_map(|c| Some((c, class(c)?)))
            .filter(|(_, class)| **class != Class::Keep)
            .map(|(c, class)| format!("{c} is {}", class_text(class)))
            .collect();
        let are = if are.is_empty() { String::new() } else { format!(" ({})", are.join(", ")) };
        let some = match refusal.rows {
            Some(n) => format!("{n} of {rows} rows tried"),
            None => format!("some of {rows} rows tried"),
        };
        let columns = refusal.columns.join(", ");
        let (constraint, code) = (refusal.name.as_deref().unwrap_or_default(), refusal.code());
        let what = match refusal.by {
            By::NotNull => format!("{some} have no value there, and it is NOT NULL on the target"),
            By::Type => format!("its type on the target does not take what comes in {some}"),
            By::Domain => format!("the constraint {constraint} of its domain on the target refuses {some}"),
            By::Check => format!("the constraint {constraint} ({columns}) on the target refuses {some}"),
            By::Generated => format!("the target generates {constraint} from ({columns}), and cannot for {some}"),
            By::Partition => format!("the target has no partition by ({columns}) for {some}"),
            By::Index => format!("the index {constraint} on the target fails over ({columns}) for {some}"),
            By::Other => format!("the target refuses {some}"),
        };
        let on = table.quoted();
        let quoted = |name: &str| quote_ident(name);
        let mend = match refusal.by {
            By::NotNull => column.map(|c| format!("ALTER TABLE {on} ALTER COLUMN {} DROP NOT NULL", quoted(c))),
            By::Check => Some(format!("ALTER TABLE {on} DROP CONSTRAINT {}", quoted(constraint))),
            By::Generated => Some(format!("ALTER TABLE {on} ALTER COLUMN {} DROP EXPRESSION", quoted(constraint))),
            By::Index => Some(format!("DROP INDEX {}.{}", quoted(&schema), quoted(constraint))),
            By::Partition => Some(format!("a DEFAULT partition of {on}")),
            By::Domain | By::Type | By::Other => None,
        };
        let column = column.filter(|c| masked(c)).cloned();
        Told { path, what: format!("{}: {what}{are}: {code}", table.shape), column, mend }
    }
}

/// A refusal in words.
struct Told {
    path: String,
    what: String,
    /// The masked column to blame, if there is one.
    column: Option<String>,
    /// What would mend it on the target.
    mend: Option<String>,
}

impl Told {
    fn problem(self, proposes: bool, masks: &[&str]) -> Problem {
        let mut hints = Vec::new();
        match (masks, &self.column) {
            ([], Some(_)) if !proposes => hints.push("another mask (sluice plan tries some), or drop".to_owned()),
            ([], Some(_)) => hints.push("another mask, or drop".to_owned()),
            ([], None) => {}
            (masks, _) => hints.push(format!("would do, as tried: {}", masks.join(", "))),
        }
        hints.extend(self.mend.map(|mend| format!("on the target: {mend}")));
        if hints.is_empty() {
            hints.push("make the target's table as production's is".to_owned());
        }
        Problem::new(self.path, self.what).hint(hints.join("; or "))
    }
}

/// What refuses rows, and of how many; or why nobody knows.
async fn attempt(
    db: &mut Connection,
    trial: &mut Trial,
    table: &SourceTable,
    compiled: &Compiled,
) -> Result<Result<(Vec<Refusal>, u64), &'static str>, Error> {
    if !table.readable {
        return Ok(Err("we may not read it on production"));
    }
    let lines = match sample::spread(db, table, compiled, ROWS).await {
        Ok(lines) => lines,
        Err(Error::Production { source: wire::Error::Server(said), .. }) => {
            return match said.sqlstate.as_str() {
                "42501" => Ok(Err("we may not read all of it on production")),
                "55P03" | "57014" => Ok(Err("on production it was held by somebody, or took too long to read")),
                _ => Err(Error::Production { action: "read some rows".into(), source: wire::Error::Server(said) }),
            };
        }
        Err(e) => return Err(e),
    };
    let rows = lines.iter().filter(|b| **b == b'\n').count() as u64;
    match trial.table(&compiled.output, &lines, None).await? {
        Tried::Rows(refusals) => Ok(Ok((refusals, rows))),
        Tried::Not(why) => Ok(Err(why)),
    }
}
