//! The sequences behind columns that come as they are: may we see production's, and set the target's?

use std::collections::HashSet;

use sink_postgres::guard::Guard;
use sink_postgres::sequences::{self, Column, Sequence, grant};
use wire::{Connection, quote_ident};

use super::{Area, Mend, Report, World};
use crate::error::{Doing, Error};
use crate::sequences::kept;
use crate::start;

const NAME: &str = "sequences";

/// Both sides. What is missing here stops no stream: so it is a warning.
pub async fn all(report: &mut Report, world: &mut World<'_>, db: &mut Connection) -> Result<(), Error> {
    if world.config.sequences.is_none() {
        report.ok(Area::Target, NAME, "off: what staging inserts by a default may meet production's numbers");
        return Ok(());
    }
    let of: HashSet<Column> = world.tables.iter().flat_map(|(_, compiled)| kept(compiled)).collect();
    let all = sequences::read(&mut world.source).await.doing("read the sequences")?;
    let there: Vec<Sequence> = all.into_iter().filter(|s| s.columns.iter().any(|c| of.contains(c))).collect();
    let hidden: Vec<&Sequence> = there.iter().filter(|s| !s.may_read).collect();
    if !hidden.is_empty() {
        let role = quote_ident(world.servers.data.user());
        let says = format!("{role} may not read {}: staging's are not kept ahead of them", names(&hidden));
        report.warn(Area::Production, NAME, says, Some(Mend::production(grant(&hidden, "SELECT", &role))));
    }
    let drawn: Vec<Column> = there.iter().flat_map(|s| s.columns.iter().filter(|c| of.contains(*c)).cloned()).collect();
    let guard = Guard::new(start::protected(world.config, db).await?, true);
    let here = sequences::behind(db, &drawn, &guard).await?;
    let fixed: Vec<&Sequence> = here.iter().filter(|s| !(s.may_read && s.may_set)).collect();
    if !fixed.is_empty() {
        let role = quote_ident(world.target_info.user());
        let says = format!(
            "{role} may not set {}: what staging inserts by a default will meet production's numbers",
            names(&fixed)
        );
        report.warn(Area::Target, NAME, says, Some(Mend::target(grant(&fixed, "SELECT, UPDATE", &role))));
    } else if hidden.is_empty() {
        report.ok(Area::Target, NAME, format!("{} follow production's", here.len()));
    }
    Ok(())
}

fn names(of: &[&Sequence]) -> String {
    let names: Vec<String> = of.iter().map(|s| format!("{}.{}", s.schema, s.name)).collect();
    names.join(", ")
}
