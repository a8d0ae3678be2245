//! The target's server, and what our role may do there.

use sink_postgres::checkpoint::{self, Checkpoint};
use sink_postgres::{schema, session};
use wire::{Connection, Conninfo, quote_ident};

use super::production::{says, tls, unreachable, value, version};
use super::{Area, Mend, Report};
use crate::config::{Config, Tls};
use crate::error::Error;
use crate::start::{self, environment::Side};

const HERE: Area = Area::Target;
const NEVER: &str = "never_write";

/// Opens a session. It may write, but nothing here does; and not on a server that must never be written.
pub async fn reach(report: &mut Report, info: &Conninfo, config: &Config) -> Option<Connection> {
    if let Err(e) = start::never::as_written(config, info) {
        report.error(HERE, NEVER, &e);
        return None;
    }
    match session::open(info, &config.pipeline, "check", false, &[]).await {
        Ok(mut db) => {
            version(report, HERE, &db, info);
            tls(report, HERE, "target.url", info, Tls::Verified);
            if !config.never_write.is_empty() {
                match start::never::as_found(config, info, &mut db).await {
                    Ok(()) => report.ok(HERE, NEVER, "means another server, by every name and address of this one"),
                    Err(e) => {
                        report.error(HERE, NEVER, &e);
                        return None;
                    }
                }
            }
            says(report, HERE, Side::Target, config, info, &mut db).await;
            Some(db)
        }
        Err(e) => {
            unreachable(report, HERE, &sink_postgres::Error::from(e).into());
            None
        }
    }
}

/// Looks at the target; an error there is the target's.
pub(super) async fn ask(db: &mut Connection, sql: &str) -> Result<String, Error> {
    value(db, sql).await.map_err(|e| Error::Target(e.into()))
}

/// Where the target stands, as far as our role may read it.
pub(super) async fn known(db: &mut Connection, pipeline: &str) -> Result<Option<Checkpoint>, Error> {
    let kept = "SELECT pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'sluice' AND c.relname = 'checkpoint'";
    match ask(db, kept).await?.as_str() {
        "t" => Ok(checkpoint::read(db, pipeline).await?),
        _ => Ok(None),
    }
}

/// Settings and rights.
pub async fn server(report: &mut Report, db: &mut Connection, info: &Conninfo) -> Result<(), Error> {
    let role = quote_ident(info.user());
    if ask(db, "SELECT pg_catalog.pg_is_in_recovery()").await? == "t" {
        report.fail(
            HERE,
            "writable",
            "it is in recovery: a standby cannot be written",
            Some(Mend::hand("name the primary in target.url")),
        );
    } else {
        report.ok(HERE, "writable", "");
    }
    own_schema(report, db, &role).await?;
    let database = quote_ident(info.database());
    let temp = "SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMPORARY')";
    if ask(db, temp).await? == "t" {
        report.ok(HERE, "temporary tables", "");
    } else {
        let sql = format!("GRANT TEMPORARY ON DATABASE {database} TO {role};");
        report.fail(
            HERE,
            "temporary tables",
            format!("{role} may not make them, and copying needs them"),
            Some(Mend::target(sql)),
        );
    }
    if ask(db, "SHOW fsync").await? == "off" {
        let says = "off: a crash of that machine loses commits that production was told are safe";
        report.warn(HERE, "fsync", says, Some(Mend::target("ALTER SYSTEM SET fsync = on; SELECT pg_reload_conf();")));
    } else {
        report.ok(HERE, "fsync", "on");
    }
    let encoding = ask(db, "SHOW server_encoding").await?;
    if encoding == "UTF8" {
        report.ok(HERE, "encoding", encoding);
    } else {
        report.warn(HERE, "encoding", format!("{encoding}: a character that it lacks would hold the stream"), None);
    }
    Ok(())
}

async fn own_schema(report: &mut Report, db: &mut Connection, role: &str) -> Result<(), Error> {
    let name = "schema sluice";
    let sql = format!("{}{}", schema::sql(), schema::grants(role));
    // not by to_regclass, which is an error where the schema may not be used
    let there = ask(db, "SELECT pg_catalog.count(*) > 0 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'sluice' AND c.relname = 'pending'").await? == "t";
    if there {
        let usable = "SELECT pg_catalog.has_schema_privilege('sluice', 'USAGE') AND pg_catalog.bool_and(pg_catalog.has_table_privilege(c.oid, r))
            FROM pg_catalog.pg_class c, pg_catalog.unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) r
            WHERE c.relnamespace = pg_catalog.to_regnamespace('sluice') AND c.relkind = 'r' AND c.relname <> 'environment'";
        if ask(db, usable).await? == "t" {
            report.ok(HERE, name, "is there");
        } else {
            report.fail(HERE, name, format!("is there, and {role} may not use it"), Some(Mend::target(sql)));
        }
        return Ok(());
    }
    let may = "SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')";
    if ask(db, may).await? == "t" {
        report.ok(HERE, name, "run makes it");
    } else {
        report.fail(HERE, name, format!("{role} may not make it"), Some(Mend::target(sql)));
    }
    Ok(())
}

/// May a session fall silent, so that foreign keys, triggers and rules do not fire? Tried, and taken back.
pub(super) async fn replica_role(db: &mut Connection) -> Result<bool, Error> {
    let silent = sink_postgres::session::replica_role(db).await.map_err(sink_postgres::Error::from)?;
    // where a superuser has set it for the role, there is no right to reset it, and no need
    let _ = db.simple("RESET session_replication_role").await;
    Ok(silent)
}
