//! Rows of staging's own that refer to rows of production: can be done with them what `protect.on_referenced` asks for?

use std::collections::{BTreeSet, HashSet};

use sink_postgres::guard::{Guard, OnReferenced};
use sink_postgres::{foreign_key, referrers};
use wire::{Connection, quote_ident};

use super::target::replica_role;
use super::{Area, Mend, Report, World};
use crate::error::Error;
use crate::start;

const HERE: Area = Area::Protected;

/// One line if all is well, else one for each thing that is not.
pub async fn all(report: &mut Report, world: &World<'_>, db: &mut Connection) -> Result<(), Error> {
    let protected = start::protected(world.config, db).await?;
    let silent = replica_role(db).await?;
    let giving_way = start::on_referenced(world.config, &protected);
    let guard = Guard::new(protected, silent)
        .sparing(start::own_rows(world.config))
        .giving_way(giving_way.clone())
        .for_role(quote_ident(world.target_info.user()));
    let names: Vec<(String, String)> = world.tables.iter().map(|(t, _)| t.name()).collect();
    let written: HashSet<&(String, String)> = names.iter().collect();
    let keys = foreign_key::all(db).await?;
    let (mut told, mut referred) = (BTreeSet::new(), 0);
    for name in &names {
        match referrers::of(name, &keys, &|table| written.contains(table), &guard) {
            Ok(found) => referred += usize::from(found.is_some()),
            Err(sink_postgres::Error::Refused { what, hint }) => {
                // one table that refers to many is one thing to mend
                if told.insert(hint.clone()) {
                    let mend = if hint.ends_with(';') { Mend::target(hint) } else { Mend::hand(hint) };
                    report.fail(HERE, "protect.on_referenced", what, Some(mend));
                }
            }
            Err(e) => report.error(HERE, "protect.on_referenced", &e.into()),
        }
    }
    if told.is_empty() && referred > 0 {
        let word = |how| match how {
            OnReferenced::Keep => "stay, and what they refer to with them",
            OnReferenced::Null => "refer to NULL then",
            OnReferenced::Remove => "go to sluice.removed",
        };
        let hows: BTreeSet<&str> = giving_way.values().chain([&OnReferenced::Keep]).map(|how| word(*how)).collect();
        let hows: Vec<&str> = hows.into_iter().collect();
        let tables = if referred == 1 { "table has" } else { "tables have" };
        let says = format!(
            "{referred} replicated {tables} rows that staging's own can refer to; when production deletes one, they {} (sluice plan lists them)",
            hows.join(", or ")
        );
        report.ok(HERE, "protect.on_referenced", says);
    }
    Ok(())
}
