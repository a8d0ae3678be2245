//! The question behind a batch whether its rows are apart where only a deferrable constraint says that they must be.

use std::sync::Arc;

use filters::change::Row;

use super::{Exchange, Expect};
use crate::error::Error;
use crate::mapping::Mapping;
use crate::statement;

/// Rows that a batch has brought, by mapping; of those alone that have such a constraint.
pub type Brought<'b> = Vec<(usize, Vec<&'b Row>)>;

impl Exchange<'_> {
    /// Counts none if what the batch has brought shares no value, nor does anything in the tables of `whole`.
    pub fn apart(&mut self, maps: &[Arc<Mapping>], brought: &Brought<'_>, whole: &[usize]) -> Result<(), Error> {
        for (map, rows) in brought.iter().filter(|(map, _)| !whole.contains(map)) {
            let Some(m) = maps.get(*map) else { continue };
            for key in &m.deferred {
                let rows = rows.iter().copied();
                self.arrays(m, rows, &key.source, |forms| statement::shared(m, key, forms), |_| Expect::Rows(0))?;
            }
        }
        for m in whole.iter().filter_map(|&map| maps.get(map)) {
            for key in &m.deferred {
                self.run(&statement::any_shared(m, key), &[], Expect::Rows(0))?;
            }
        }
        Ok(())
    }
}
