//! Masks that the target would take in place of one that it refuses: each is tried, and what passes is named.
//!
//! Nobody has chosen them, so they must not bring more of production to the target than the one that was chosen. A text is scrambled before another
//! mask sees it: `postcode` leaves no letter and no digit what it was, and keeps the form that the others look for. On any other type
//! only masks that are one to one are tried, since those that write a value nearby give more away.

use std::sync::Arc;

use bytes::BytesMut;
use filters::change::Table;
use filters::filter::Filter;
use filters::mask::{ColumnFacts, KINDS, Kind, MaskSpec};
use filters::policy::{Class, Policy, TableRule, TableRules};
use sink_postgres::trial::{Trial, Tried};
use wire::Connection;

use super::{Bench, ROWS};
use crate::error::Error;
use crate::source::catalog::SourceTable;
use crate::source::sample;

/// So many are proposed for a column, at most.
const PROPOSED: usize = 3;

impl Bench<'_> {
    /// Masks under which the target takes the column.
    pub(super) async fn would_do(
        &self,
        db: &mut Connection,
        trial: &mut Trial,
        table: &SourceTable,
        column: &str,
    ) -> Result<Vec<&'static str>, Error> {
        let at = table.shape.columns.iter().position(|c| *c.name == *column);
        let Some(facts) = at.and_then(|at| table.facts.get(at)) else { return Ok(Vec::new()) };
        let (text, in_key) = (facts.is_text(), table.key.iter().any(|k| k == column));
        let scrambled = match text {
            true => self.rows(db, table, column, MaskSpec::named("postcode")).await?,
            false => None,
        };
        let tried = |kind: &&&'static Kind| {
            let fits = kind.keyed && kind.parameters.iter().all(|p| !p.required) && MaskSpec::new(kind).fits(facts);
            fits && (kind.unique || text && !in_key)
        };
        let mut masks = Vec::new();
        for kind in KINDS.iter().filter(tried) {
            let spec = MaskSpec::new(kind);
            let rows = match &scrambled {
                Some((shape, lines)) => self.again(shape, lines, column, facts, spec)?,
                None => self.rows(db, table, column, Some(spec)).await?,
            };
            let Some((shape, lines)) = rows else { continue };
            if let Tried::Rows(refusals) = trial.table(&shape, &lines, Some(column)).await?
                && !refusals.iter().any(|r| r.columns.iter().any(|c| c == column))
            {
                masks.push(kind.name);
            }
            if masks.len() == PROPOSED {
                break;
            }
        }
        Ok(masks)
    }

    /// Rows of production under the policy in force, but for one column.
    async fn rows(
        &self,
        db: &mut Connection,
        table: &SourceTable,
        column: &str,
        spec: Option<MaskSpec>,
    ) -> Result<Option<Rows>, Error> {
        let Some(spec) = spec else { return Ok(None) };
        let mut policy = self.policy.clone();
        if let Some(TableRule::Copy(rules)) = policy.tables.get_mut(&table.name()) {
            rules.columns.insert(column.to_owned(), Class::Mask { spec, domain: None });
        }
        let Ok(Some(compiled)) = Filter::new(policy, self.key.clone()).compile(&table.shape) else { return Ok(None) };
        match sample::spread(db, table, &compiled, ROWS).await {
            Ok(lines) => Ok(Some((compiled.output.clone(), lines))),
            // somebody has taken the table meanwhile: then nothing is proposed
            Err(Error::Production { source: wire::Error::Server(_), .. }) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Masked rows, one column of them masked once more.
    fn again(
        &self,
        shape: &Arc<Table>,
        lines: &[u8],
        column: &str,
        facts: &ColumnFacts,
        spec: MaskSpec,
    ) -> Result<Option<Rows>, Error> {
        let class = [(column.to_owned(), Class::Mask { spec, domain: None })];
        let mut rules = TableRules::new(class.into(), Class::Keep);
        rules.facts.insert(column.to_owned(), facts.clone());
        let name = (shape.schema.to_string(), shape.name.to_string());
        let policy = Policy { tables: [(name, TableRule::Copy(rules))].into() };
        let Ok(Some(compiled)) = Filter::new(policy, self.key.clone()).compile(shape) else { return Ok(None) };
        let (mut masked, mut scratch) = (BytesMut::new(), Vec::new());
        compiled.copy_lines(lines, &mut scratch, &mut masked)?;
        Ok(Some((compiled.output.clone(), masked)))
    }
}

/// Their table, and the rows as lines of COPY.
type Rows = (Arc<Table>, BytesMut);
