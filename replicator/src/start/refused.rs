//! What the target has refused of a policy, remembered while the pipeline is held for it.
//!
//! A held pipeline is looked at again every few seconds, and each trial reads rows of production. What comes of it hangs on the
//! policy, on the tables of both sides and on the rows. The former two are compared at every look, by their catalogs alone;
//! whether other rows would pass is asked now and then. Whoever has the files read again has it asked at once.

use std::time::{Duration, Instant};

use filters::change::Lsn;
use filters::policy::Policy;
use sink_postgres::trial;
use wire::Connection;

use crate::config::Problem;
use crate::error::Error;
use crate::source::catalog::SourceTable;

/// Rows change without a word in the catalog: after so long they are tried again.
const AGAIN: Duration = Duration::from_secs(600);

/// What was refused last.
#[derive(Default)]
pub struct Refused {
    trial: Option<Last>,
    /// Where a value was refused that its type does not know (22P02), and production's catalog was looked at again for it.
    pub unread: Option<Lsn>,
}

struct Last {
    of: blake3::Hash,
    at: Instant,
    problems: Vec<Problem>,
}

impl Refused {
    /// What is known to be refused of it.
    pub(super) fn known(&self, of: blake3::Hash) -> Option<Vec<Problem>> {
        let last = self.trial.as_ref().filter(|last| last.of == of && last.at.elapsed() < AGAIN);
        last.map(|last| last.problems.clone())
    }

    /// Takes down what came of a trial.
    pub(super) fn remember(&mut self, of: blake3::Hash, problems: &[Problem]) {
        let last = Last { of, at: Instant::now(), problems: problems.to_vec() };
        self.trial = (!problems.is_empty()).then_some(last);
    }
}

/// A fingerprint of what a trial hangs on: the policy, and each table on both sides.
pub(super) async fn subject(
    policy: &Policy,
    tables: &[&SourceTable],
    target: &mut Connection,
) -> Result<blake3::Hash, Error> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(policy.fingerprint().as_bytes());
    for table in tables {
        let (schema, name) = table.name();
        let there = trial::asks(target, &schema, &name).await?;
        let here = (&table.shape, &table.types, &table.facts, &table.numbers, table.readable);
        hasher.update(format!("{here:?} {there}").as_bytes());
    }
    Ok(hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_known_and_another_is_not() {
        let (one, other) = (blake3::hash(b"one"), blake3::hash(b"other"));
        let problem = Problem::new("tables", "refused");
        let mut refused = Refused::default();
        assert!(refused.known(one).is_none());
        refused.remember(one, &[problem]);
        assert_eq!(refused.known(one).map(|p| p.len()), Some(1));
        assert!(refused.known(other).is_none());
        // what passed is no longer refused
        refused.remember(one, &[]);
        assert!(refused.known(one).is_none());
    }
}
