//! What must not be touched: is it there, and could anything that we write reach it?

use filters::policy::TableRule;
use sink_postgres::guard::Guard;
use sink_postgres::{catalog, own};
use wire::{Connection, quote_ident};

use super::target::replica_role;
use super::{Area, Mend, Report, World};
use crate::config::table_name;
use crate::error::Error;
use crate::start;

const HERE: Area = Area::Protected;

/// All of it.
pub async fn all(report: &mut Report, world: &World<'_>, db: &mut Connection) -> Result<(), Error> {
    rows(report, world, db).await?;
    shared(report, world, db).await?;
    if world.config.protect.is_empty() {
        report.warn(
            HERE,
            "protect.tables",
            "empty: if staging has tables of its own, name them; sluice plan lists what it has",
            None,
        );
        return Ok(());
    }
    let protected = start::protected(world.config, db).await?;
    for pattern in &world.config.protect {
        let names: Vec<String> =
            protected.iter().filter(|(s, n)| pattern.matches(s, n)).map(|(s, n)| format!("{s}.{n}")).collect();
        let name = format!("protect.tables {pattern}");
        match (names.len(), pattern.exact()) {
            (0, Some(_)) => {
                let mend = Mend::hand("mend its name in sluice.yaml: what it was meant for is not protected");
                report.fail(HERE, &name, "the target has no such table", Some(mend));
            }
            (0, None) => report.warn(HERE, &name, "the target has no table of this kind", None),
            (1, Some(_)) => report.ok(HERE, &name, ""),
            _ => report.ok(HERE, &name, names.join(", ")),
        }
    }
    let silent = replica_role(db).await?;
    let written: Vec<(String, String)> = world.tables.iter().map(|(t, _)| t.name()).collect();
    let cascades = Guard::new(protected, silent).cascades(db, &written).await?;
    let list: Vec<String> = cascades.iter().map(|(from, to)| format!("{from} → {to}")).collect();
    let name = "foreign key cascades";
    match (cascades.is_empty(), silent) {
        (true, _) => report.ok(HERE, name, "none reaches a protected table"),
        (false, true) => {
            let says = format!(
                "{}: quiet under session_replication_role = replica; protect.on_referenced says what becomes of rows there",
                list.join(", ")
            );
            report.warn(HERE, name, says, None);
        }
        (false, false) => {
            let role = quote_ident(world.target_info.user());
            let sql = format!("GRANT SET ON PARAMETER session_replication_role TO {role};");
            let says = format!("{}: a delete or update by us would reach it", list.join(", "));
            report.fail(HERE, name, says, Some(Mend::target(sql)));
        }
    }
    Ok(())
}

/// Tables that are written, and share rows with what is protected.
async fn shared(report: &mut Report, world: &World<'_>, db: &mut Connection) -> Result<(), Error> {
    let structures = world.policy.tables.iter().filter(|(_, rule)| **rule == TableRule::Structure);
    let written: Vec<_> =
        world.tables.iter().map(|(t, _)| t.name()).chain(structures.map(|(name, _)| name.clone())).collect();
    for problem in start::shared(world.config, &written, db).await? {
        report.fail(HERE, &problem.path, problem.what, problem.hint.map(Mend::hand));
    }
    Ok(())
}

/// Rows of tables that are written: can the target tell which they are?
async fn rows(report: &mut Report, world: &World<'_>, db: &mut Connection) -> Result<(), Error> {
    let guard = Guard::new([], true).sparing(start::own_rows(world.config));
    for (schema, table) in world.config.protect_rows.keys() {
        let name = format!("protect.rows {}", table_name(schema, table));
        let Some(found) = catalog::table(db, schema, table).await? else {
            let mend = Mend::hand("mend its name in sluice.yaml: what it was meant for is not protected");
            report.fail(HERE, &name, "the target has no such table", Some(mend));
            continue;
        };
        let counted = async {
            let writable = guard.writable(&found)?;
            let owns = writable.owns("t.").unwrap_or_default();
            own::understood(db, &writable, &owns).await?;
            let sql = format!("SELECT pg_catalog.count(*) FROM {} AS t WHERE {owns}", writable.target());
            let rows = db.simple_on_rows(&sql).await?;
            Ok(rows.first().and_then(|r| r.get(0, 0)).unwrap_or("0").to_owned())
        };
        match counted.await {
            Ok(n) => report.ok(HERE, &name, format!("{n} of its rows are staging's own now")),
            Err(sink_postgres::Error::Refused { what, hint }) => report.fail(HERE, &name, what, Some(Mend::hand(hint))),
            Err(e) => report.error(HERE, &name, &e.into()),
        }
    }
    Ok(())
}
