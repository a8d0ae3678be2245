//! The sequences that the two roles of `init` need: those behind the columns that come as they are.

use filters::policy::Class;
use sink_postgres::guard::Guard;
use sink_postgres::sequences::{self, Column, Sequence};
use wire::Connection;

use crate::config::Lock;
use crate::error::{Doing, Error};

/// Their names, by server.
pub struct Sequences {
    /// They are read.
    pub production: Vec<(String, String)>,
    /// They are set.
    pub target: Vec<(String, String)>,
}

/// Looks on both servers. `there`: the target's tables; those that it has not will be as production's are. `own`: the tables
/// that only it has.
pub async fn sequences(
    production: &mut Connection,
    staging: &mut Connection,
    lock: &Lock,
    there: &[(String, String)],
    own: &[(String, String)],
) -> Result<Sequences, Error> {
    let column = |(table, columns): (&(String, String), _)| (table.clone(), columns);
    let of: Vec<Column> = lock
        .tables
        .iter()
        .map(column)
        .flat_map(|(table, columns)| {
            let kept = columns.iter().filter(|(_, c)| c.class == Class::Keep);
            kept.map(move |(name, _)| (table.0.clone(), table.1.clone(), name.clone()))
        })
        .collect();
    let all = sequences::read(production).await.doing("read the sequences")?;
    let ours: Vec<&Sequence> = all.iter().filter(|s| s.columns.iter().any(|c| of.contains(c))).collect();
    let guard = Guard::new(own.iter().cloned(), true);
    let mut target: Vec<_> = sequences::behind(staging, &of, &guard).await?.iter().map(name).collect();
    let is_there = |c: &Column| there.iter().any(|t| (&t.0, &t.1) == (&c.0, &c.1));
    target.extend(ours.iter().filter(|s| !s.columns.iter().any(is_there)).map(|s| name(s)));
    target.sort();
    target.dedup();
    Ok(Sequences { production: ours.into_iter().map(name).collect(), target })
}

fn name(sequence: &Sequence) -> (String, String) {
    (sequence.schema.clone(), sequence.name.clone())
}
