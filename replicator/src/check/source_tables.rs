//! Production's tables: may we read them, are they published, and can their rows be told apart?

use wire::quote_ident;

use super::{Area, Mend, Report, World};
use crate::error::{Doing, Error};
use crate::source::{alike, production, publication};

/// All of them.
pub async fn all(report: &mut Report, world: &mut World<'_>) -> Result<(), Error> {
    if world.tables.is_empty() {
        return Ok(());
    }
    readable(report, world);
    row_security(report, world).await?;
    publications(report, world).await?;
    identity(report, world);
    filtered(report, world).await
}

/// Production and we decide alike which rows come.
async fn filtered(report: &mut Report, world: &mut World<'_>) -> Result<(), Error> {
    for (table, compiled) in &world.tables {
        if !table.readable {
            continue;
        }
        let Some(found) = alike::alike(&mut world.source, table, compiled).await.doing("ask about rows of a filter")?
        else {
            continue;
        };
        let name = format!("rows of {}", table.shape);
        match found.differ {
            0 => {
                report.ok(Area::Tables, &name, format!("production and sluice decide alike on {} of them", found.rows))
            }
            n => report.fail(
                Area::Tables,
                &name,
                format!("production and sluice decide otherwise on {n} of {} rows", found.rows),
                None,
            ),
        }
    }
    Ok(())
}

fn readable(report: &mut Report, world: &World<'_>) {
    let role = quote_ident(world.servers.data.user());
    let closed: Vec<_> = world.tables.iter().map(|(t, _)| t).filter(|t| !t.readable).collect();
    if closed.is_empty() {
        return report.ok(Area::Tables, "SELECT on production", format!("all {}", world.tables.len()));
    }
    let mut schemas: Vec<String> = closed.iter().map(|t| quote_ident(&t.shape.schema)).collect();
    schemas.dedup();
    let names: Vec<String> = closed.iter().map(|t| t.quoted()).collect();
    let sql = format!(
        "GRANT USAGE ON SCHEMA {} TO {role};\nGRANT SELECT ON {} TO {role};",
        schemas.join(", "),
        names.join(", ")
    );
    let says = format!("{role} may not read {} of {}", closed.len(), world.tables.len());
    report.fail(Area::Tables, "SELECT on production", says, Some(Mend::production(sql)));
}

async fn row_security(report: &mut Report, world: &mut World<'_>) -> Result<(), Error> {
    let rows = world
        .source
        .query(
            "SELECT c.oid FROM pg_catalog.pg_class c WHERE c.relrowsecurity AND pg_catalog.row_security_active(c.oid)",
            &[],
        )
        .await
        .doing("look at row security")?;
    let oids: Vec<&str> = rows.iter().filter_map(|r| r.get(0)).collect();
    let hidden: Vec<String> = world
        .tables
        .iter()
        .filter(|(t, _)| oids.contains(&t.shape.oid.to_string().as_str()))
        .map(|(t, _)| t.shape.to_string())
        .collect();
    if hidden.is_empty() {
        report.ok(Area::Tables, "row security on production", "hides nothing from us");
    } else {
        let sql = format!("ALTER ROLE {} BYPASSRLS;", quote_ident(world.servers.data.user()));
        let says = format!("would hide rows of {}", hidden.join(", "));
        report.fail(Area::Tables, "row security on production", says, Some(Mend::production(sql)));
    }
    Ok(())
}

async fn publications(report: &mut Report, world: &mut World<'_>) -> Result<(), Error> {
    let db = &mut world.source;
    let rights = "SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')";
    let may_create = super::production::value(db, rights).await.doing("look at rights")? == "t";
    // our own sessions that read are read-only anyhow: what the server wants of others, one without settings tells
    let mut plain = production::writer(&world.servers.data, &world.config.pipeline, "check", &[]).await?;
    let fenced = super::production::value(&mut plain, "SHOW default_transaction_read_only").await;
    plain.close().await;
    let fenced = fenced.doing("read a setting")? == "on";
    // where our role alone is read-only, whoever makes the publications is not
    let ours = "SELECT EXISTS (SELECT FROM pg_catalog.pg_db_role_setting s JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
        WHERE r.rolname = CURRENT_USER AND pg_catalog.array_to_string(s.setconfig, ' ') LIKE '%default\\_transaction\\_read\\_only=%')";
    let ours = super::production::value(db, ours).await.doing("read a setting")? == "t";
    for wanted in publication::wanted(&world.config.pipeline, world.tables.iter().map(|(t, _)| t)) {
        let name = format!("publication {}", wanted.name);
        let mends = wanted.compare(db).await.doing("read the publications")?;
        if mends.is_empty() {
            report.ok(Area::Tables, &name, format!("as it should be ({})", wanted.tables.len()));
            continue;
        }
        let owner = db
            .query("SELECT pg_catalog.pg_has_role(pubowner, 'USAGE') FROM pg_catalog.pg_publication WHERE pubname = $1::text", &[Some(&wanted.name)])
            .await
            .doing("read the publications")?;
        let ours_to_change = owner.get(0, 0).map_or(may_create, |yes| yes == "t");
        let owned = world.tables.iter().filter(|(t, _)| wanted.tables.contains(&t.quoted())).all(|(t, _)| t.owned);
        let what: Vec<&str> = mends.iter().map(|m| m.what.as_str()).collect();
        if mends.iter().all(|m| m.ours) && owned && ours_to_change && !fenced {
            report.ok(Area::Tables, &name, format!("run will see to it: {}", what.join("; ")));
            continue;
        }
        let sql: Vec<&str> = mends.iter().map(|m| m.sql.as_str()).collect();
        let fence = if fenced && !ours {
            "SET default_transaction_read_only = off; -- it is on here, so run makes none\n"
        } else {
            ""
        };
        let sql = format!("{fence}{}\n-- as the owner of the tables", sql.join("\n"));
        report.fail(Area::Tables, &name, what.join("; "), Some(Mend::production(sql)));
    }
    Ok(())
}

fn identity(report: &mut Report, world: &World<'_>) {
    let mut all = true;
    for (table, _) in world.tables.iter().filter(|(t, _)| !t.identified) {
        all = false;
        let sql = format!(
            "ALTER TABLE {} REPLICA IDENTITY FULL;\n-- or give it a primary key; then check again: it changes the publication",
            table.quoted()
        );
        let says = "no primary key and no replica identity: inserts and TRUNCATE arrive, updates and deletes do not";
        report.warn(Area::Tables, &table.shape.to_string(), says, Some(Mend::production(sql)));
    }
    if all {
        report.ok(Area::Tables, "replica identity", "every table has one: updates and deletes find their rows");
    }
}
