//! Rows of a part that production has no more, and that rows of the target's own refer to ([`crate::tombstones`]).
//!
//! They are told before anything of the part is deleted: all rows that are not on the stage are locked, and then looked at in a
//! statement of its own. **One without a record may be raw**: an older script, or an older policy, has brought it, and nothing comes that
//! could be put over it. So it stays only with every masked column emptied; and not at all where a masked column is part of its key,
//! or has to have a value. What then refers to nothing is counted with the orphans.

use wire::quote_literal;

use super::Load;
use super::merge::names;
use crate::error::Error;
use crate::known::Fate;
use crate::mapping::{self, Column, Mapping};
use crate::part::key_columns;
use crate::removed::{self, Because};

impl Load<'_> {
    /// Finds what has to stay of the part's rows that are not on the stage, and has what refers to the others give way. Gives the
    /// condition of those, over `t`, that may go.
    pub(super) async fn part_with(
        &mut self,
        m: &Mapping,
        key: &mapping::Key,
        inside: &str,
        same_key: &str,
    ) -> Result<String, Error> {
        let Some(by) = &m.referrers else { return Ok(String::new()) };
        let (table, spares) = (m.writable.target(), m.writable.spares("t."));
        let gone = format!("{inside}{spares} AND NOT EXISTS (SELECT FROM pg_temp.sluice_stage AS s WHERE {same_key})");
        let hold = format!(
            "WITH held AS (SELECT FROM {table} AS t WHERE {gone} FOR UPDATE) SELECT pg_catalog.count(*) FROM held"
        );
        self.loader.db.simple_on_rows(&hold).await?;
        let columns = names(m, &key.columns);
        let list: Vec<String> = columns.iter().map(|c| format!("t.{c}")).collect();
        let spec_key: Vec<String> =
            key_columns(&self.spec.key, m).iter().map(|c| format!("t.{}::pg_catalog.text", c.name)).collect();
        let here = format!("ARRAY[{}]", spec_key.join(", "));
        let mine = self.records();
        let known =
            format!("EXISTS (SELECT FROM sluice.tombstones AS x WHERE {mine} AND x.key = {here} AND NOT x.stale)");
        let needed = by.needed().unwrap_or("false");
        let (masked, may_stay) = self.masked(m, key);
        let clean = if may_stay { "true" } else { known.as_str() };
        let make = format!(
            "CREATE TEMPORARY TABLE sluice_needed ON COMMIT DROP AS SELECT {}, {here} AS sluice_key, {known} AS sluice_known
             FROM {table} AS t WHERE {gone} AND {needed} AND {clean}",
            list.join(", ")
        );
        self.loader.db.simple_on_rows(&make).await?;
        let same: Vec<String> = columns.iter().zip(&key.operators).map(|(c, op)| format!("t.{c} {op} n.{c}")).collect();
        let same = same.join(" AND ");
        if !masked.is_empty() {
            let set: Vec<String> = masked.iter().map(|c| format!("{} = NULL", c.quoted)).collect();
            let sql = format!(
                "UPDATE {table} AS t SET {} FROM pg_temp.sluice_needed AS n WHERE {same} AND NOT n.sluice_known{spares}",
                set.join(", ")
            );
            self.loader.db.simple_on_rows(&sql).await?;
        }
        let (p, s, n) =
            (quote_literal(&self.loader.pipeline), quote_literal(&self.spec.schema), quote_literal(&self.spec.name));
        let sql = format!(
            "DELETE FROM sluice.tombstones AS x WHERE {mine} AND {} AND NOT EXISTS (SELECT FROM pg_temp.sluice_needed AS n WHERE n.sluice_key = x.key AND n.sluice_known);
             INSERT INTO sluice.tombstones (pipeline, schema, name, key, lsn)
             SELECT {p}, {s}, {n}, n.sluice_key, '{}' FROM pg_temp.sluice_needed AS n WHERE NOT n.sluice_known",
            self.recorded(),
            self.at
        );
        self.loader.db.simple_on_rows(&sql).await?;
        let goes = format!(" AND NOT EXISTS (SELECT FROM pg_temp.sluice_needed AS n WHERE {same})");
        let which = format!("{gone}{goes}");
        let name = (self.spec.schema.clone(), self.spec.name.clone());
        let because = Because { pipeline: &self.loader.pipeline, table: &name, lsn: self.at };
        removed::give_way(&mut self.loader.db, by.gives_way(), (&table, &which), &because).await?;
        Ok(goes)
    }

    /// Into an empty range everything has come: there is nothing in it that production has not.
    pub(super) async fn no_tombstones(&mut self) -> Result<(), Error> {
        if self.mapping.referrers.is_none() {
            return Ok(());
        }
        let sql = format!("DELETE FROM sluice.tombstones AS x WHERE {} AND {}", self.records(), self.recorded());
        self.loader.db.simple_on_rows(&sql).await?;
        Ok(())
    }

    /// A row that is gone from here: was it one that production has no more? Then its record goes too, and nothing is due.
    pub(super) async fn was_tombstone(&mut self, key: &crate::key::Key) -> Result<bool, Error> {
        if self.mapping.referrers.is_none() {
            return Ok(false);
        }
        let sql = format!(
            "DELETE FROM sluice.tombstones AS x WHERE {} AND x.key = {}",
            self.records(),
            crate::key::array(key)
        );
        Ok(self.loader.db.simple_on_rows(&sql).await?.first().is_some_and(|r| r.affected() > 0))
    }

    /// The columns that are not as production has them, and whether a row can stay without their values.
    fn masked<'m>(&self, m: &'m Mapping, key: &mapping::Key) -> (Vec<&'m Column>, bool) {
        let plain: Vec<String> = self
            .spec
            .known
            .columns
            .iter()
            .filter(|c| c.fate == Fate::Keep)
            .map(|c| wire::quote_ident(&c.name))
            .collect();
        let (keys, others): (Vec<_>, Vec<_>) = m
            .columns
            .iter()
            .enumerate()
            .filter(|(_, c)| !plain.contains(&c.quoted))
            .partition(|(i, _)| key.columns.contains(i));
        let others: Vec<&Column> = others.into_iter().map(|(_, c)| c).collect();
        let may_stay = keys.is_empty() && !others.iter().any(|c| c.not_null || c.identity_always);
        (if may_stay { others } else { Vec::new() }, may_stay)
    }
}
