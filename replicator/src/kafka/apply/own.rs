//! What a target's own file adds to what the capture has done: masks may only be added.
//!
//! Its rules are laid over the tables as the topic describes them, by the code that lays the capture's over production's, and what they
//! come to goes through the same filter: changes, old keys, lines of a copy. A table of which nothing is added is not looked at.
//!
//! **When is a column masked once?** Where the rule here is the capture's own, word for word (what stands for it in the description is
//! equal) and so is the key: then the capture has done it. Any other mask is laid on top of what comes, masked already or not.
//! `keep` adds nothing and takes nothing back, nor does a column that is not named.
//!
//! **Nothing is passed over in silence.** A rule for a table or a column that there is not, a mask that does not fit, a condition of its own or a mask that
//! looks at other columns (which nobody decides here: what they look at may be masked by now), a key that would not be whole, a masking key that
//! is not there, a table of which nothing would come: each is refused, before a row of that description is applied. A file that says what the capture's says adds nothing, and is not
//! laid over anything; but where a column was masked here under another name, it is.
//!
//! **What is another rule is another table.** What the target remembers of its columns has the rules of both in it, so a change of either makes due what
//! it is about, as without a topic. A mask over what comes raw is remembered as the capture's would be, since its values are the same.

mod rule;
mod tables;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use filters::change::Change;
use filters::compiled::looking;
use filters::filter::{Compiled, Filter, Verdict};
use filters::key::MaskKey;
use filters::policy::TableRule;
use sink_postgres::known;
use sink_postgres::spec::TableSpec;
use wire::Connection;

use self::rule::By;
use self::tables::{all_away, as_source, beyond, is_shielded, key_away, name, narrow, plain};
use super::super::envelope::{Described, Start};
use super::super::rules;
use crate::config::{Config, Lock, Problems, SourceTable};
use crate::error::Error;
use crate::start::{self, Asked, Demands};

/// Tables, by `pg_class.oid` on production.
type Tables = HashMap<u32, Described>;

/// What is added.
#[derive(Default)]
pub struct Own {
    filter: Option<Filter>,
    /// Tables of which something is.
    tables: HashMap<u32, (Arc<Compiled>, TableSpec)>,
    /// Tables of which nothing comes then.
    hollow: HashSet<u32>,
}

impl Own {
    /// Lays the target's own rules over the tables that are written.
    pub async fn lay(
        db: &mut Connection,
        (config, lock): (&Config, Option<&Lock>),
        start: &Start,
        tables: &Tables,
    ) -> Result<Own, Error> {
        let id = config.masking.key.as_ref().map(MaskKey::id);
        let one_key = id.as_ref().is_none_or(|id| *id == start.mask_key);
        let memory = known::read(db, &config.pipeline).await?;
        if one_key && rules::print(config, lock) == start.rules && !tables.values().any(|t| is_shielded(t, &memory)) {
            return Ok(Own::default());
        }
        let demands = Demands::read(db).await?;
        let by = By { one_key, id: id.unwrap_or_default(), memory };
        let mut all: Vec<&Described> = tables.values().collect();
        all.sort_by_key(|t| name(t));
        let plain: Vec<SourceTable> = all.iter().map(|t| plain(t, demands.types.get(&name(t)))).collect();
        let narrow = narrow(config, &all, start, &demands)?;
        let mut resolved = narrow.resolve(&plain, lock).map_err(Error::Config)?;
        // what nobody has named here is what the capture lets come, and somebody has looked at it there
        resolved.guessed.clear();
        resolved.remember(&plain, &by.memory);
        start::require(&mut resolved.policy, &demands.required);
        let mut refused = Vec::new();
        for table in &all {
            if let Some(TableRule::Copy(rules)) = resolved.policy.tables.get_mut(&name(table)) {
                let looks = looking(rules, &table.shape);
                by.reduce(rules, table);
                refused.extend(beyond(config, rules, table, &looks));
            }
        }
        if !refused.is_empty() {
            return Err(Error::Config(Problems(refused)));
        }
        let filter = Filter::new(resolved.policy.clone(), start::key(config)?);
        let (mut own, mut changed) = (Own::default(), Vec::new());
        for (table, plain) in all.iter().zip(&plain) {
            let oid = table.shape.oid;
            match filter.compile(&table.shape)?.filter(|compiled| !compiled.output.columns.is_empty()) {
                None => {
                    if let TableRule::Copy(_) = resolved.policy.rule(&plain.schema, &plain.name) {
                        return Err(Error::Config(Problems(vec![all_away(config, table)])));
                    }
                    own.hollow.insert(oid);
                }
                Some(compiled) if compiled.untouched() => {}
                Some(compiled) => {
                    let spec = by.spec(table, &compiled, resolved.policy.rule(&plain.schema, &plain.name));
                    changed.push((as_source(table, plain), Arc::clone(&compiled)));
                    own.tables.insert(oid, (compiled, spec));
                }
            }
        }
        let nothing = Asked { distinct: HashMap::new(), frequencies: HashMap::new(), stored: HashMap::new() };
        let mut proofs = start::prove(config, &resolved.policy, &changed, &nothing, &demands);
        for (table, compiled) in &changed {
            proofs.problems.extend(key_away(config, table, compiled));
        }
        if !proofs.problems.is_empty() {
            return Err(Error::Config(Problems(proofs.problems)));
        }
        let of_tables = resolved.warnings.iter().filter(|warning| !warning.path.is_empty());
        of_tables.chain(&proofs.warnings).for_each(|warning| tracing::warn!("{warning}"));
        own.filter = Some(filter).filter(|_| !own.tables.is_empty());
        Ok(own)
    }

    /// What becomes of a change.
    pub fn apply(&mut self, change: Change) -> Result<Verdict, Error> {
        match &mut self.filter {
            Some(filter) if self.tables.contains_key(&change.table.oid) => Ok(filter.apply(change)?),
            _ => Ok(Verdict::Keep(change)),
        }
    }

    /// Does nothing of it come?
    pub fn leaves_out(&self, oid: u32) -> bool {
        self.hollow.contains(&oid)
    }

    /// What becomes of the lines of a copy of it; `None`: nothing.
    pub fn compiled(&self, oid: u32) -> Option<&Arc<Compiled>> {
        self.tables.get(&oid).map(|(compiled, _)| compiled)
    }

    /// How the target is to know it; `None`: as it was described.
    pub fn spec(&self, oid: u32) -> Option<&TableSpec> {
        self.tables.get(&oid).map(|(_, spec)| spec)
    }
}
