//! Production's server, and what our role may do there.

use wire::{Connection, Conninfo, SslMode, quote_ident};

use super::{Area, Mend, Report, World};
use crate::config::{Config, SlotWalLimit, Tls, shown_time};
use crate::error::{Doing, Error, Kind};
use crate::source::{production, slot};
use crate::start::ends;
use crate::start::environment::{self, Side, Standing};

const HERE: Area = Area::Production;

/// Opens a session with one of production's servers, and looks at what it is. Not where the file wants to be surer of whom it talks to: no
/// password is sent then. `key`: where it is named.
pub async fn reach(
    report: &mut Report,
    area: Area,
    (key, info): (&str, &Conninfo),
    config: &Config,
) -> Option<Connection> {
    if let Err(e) = ends::verified(config, key, info) {
        report.error(area, "TLS", &e);
        return None;
    }
    match production::reader(info, &config.pipeline, "check", &[]).await {
        Ok(mut db) => {
            // of several hosts, the one that answered
            version(report, area, &db, db.info());
            tls(report, area, key, info, config.source.tls);
            says(report, area, Side::Source, config, info, &mut db).await;
            Some(db)
        }
        Err(e) => {
            unreachable(report, area, &e);
            None
        }
    }
}

/// No session: what mends that, as well as it can be told from here.
pub(super) fn unreachable(report: &mut Report, area: Area, e: &Error) {
    let hint = if e.kind() == Kind::Denied { e.hint() } else { None };
    report.fail(area, "reachable", e.chain(), Some(Mend::hand(hint.unwrap_or_else(|| REACH.to_owned()))));
}

const REACH: &str = "psql with the same connection string tells more; see pg_hba.conf and the server's firewall";

/// Ours are 15 to 18.
pub(super) fn version(report: &mut Report, area: Area, db: &Connection, info: &Conninfo) {
    let major = db.server_version() / 10_000;
    let what = format!("{}, PostgreSQL {major}", info.redacted());
    match major {
        15..=18 => report.ok(area, "reachable", what),
        _ => report.warn(area, "reachable", format!("{what}: sluice is tested with 15 to 18"), None),
    }
}

/// Does it say that it is what the file says?
pub(super) async fn says(
    report: &mut Report,
    area: Area,
    side: Side,
    config: &Config,
    info: &Conninfo,
    db: &mut Connection,
) {
    let name = "environment";
    match environment::standing(config, side, info, db).await {
        Ok(Standing::Fits(label)) => report.ok(area, name, format!("{label}, as the server says itself")),
        Ok(Standing::Unasked(None)) => report.ok(area, name, "nobody asks, and the server does not say"),
        Ok(Standing::Unasked(Some(label))) => {
            report.ok(area, name, format!("the server says that it is {label}, and sluice.yaml does not ask"))
        }
        Ok(Standing::Unconfirmed(finding) | Standing::Another(finding)) => {
            let mend = match (finding.sql, side) {
                (None, _) => Mend::hand(finding.hint),
                // a standby says what its primary says
                (Some(sql), Side::Source) => Mend::production(format!("-- {}\n{sql}", finding.hint)),
                (Some(sql), Side::Target) => Mend::target(format!("-- {}\n{sql}", finding.hint)),
            };
            report.fail(area, name, finding.what, Some(mend));
        }
        Err(e) => report.error(area, name, &e),
    }
}

/// Who could listen? Production's rows go one way, staging's kept values and both passwords the other.
pub(super) fn tls(report: &mut Report, area: Area, key: &str, info: &Conninfo, asked: Tls) {
    let mode = info.ssl_mode();
    if info.is_local() {
        report.ok(area, "TLS", "not needed: on this machine");
    } else if asked == Tls::Unverified && mode < SslMode::VerifyFull {
        report.ok(
            area,
            "TLS",
            format!("sslmode {mode}, and sluice.yaml says aloud that it takes it: source.tls: unverified"),
        );
    } else if mode < SslMode::VerifyFull {
        let mend = Mend::hand(format!("{key}: …?sslmode=verify-full&sslrootcert=ca.pem"));
        let says = format!("sslmode is {mode}: whoever stands between could read the rows, or play the server");
        report.warn(area, "TLS", says, Some(mend));
    } else {
        report.ok(area, "TLS", format!("sslmode {mode}"));
    }
}

/// One value of one row.
pub(super) async fn value(db: &mut Connection, sql: &str) -> Result<String, wire::Error> {
    let rows = db.simple(sql).await?;
    Ok(rows.first().and_then(|r| r.get(0, 0)).unwrap_or_default().to_owned())
}

/// What the server of rows and catalogs must be; and where it has the slot too, what that takes.
pub async fn server(report: &mut Report, world: &mut World<'_>) -> Result<(), Error> {
    let config = world.config;
    let split = config.source.primary.is_some();
    let db = &mut world.source;
    let standby = value(db, "SELECT pg_catalog.pg_is_in_recovery()").await.doing("look at the server")? == "t";
    if standby && split {
        report.fail(HERE, "primary", "it is a standby", Some(Mend::hand("name the primary in source.primary_url")));
    } else if standby {
        let mend = Mend::hand(
            "name the primary in source.url; or, to have slot and stream on this standby (16 and later), the primary in source.primary_url",
        );
        report.fail(HERE, "primary", "it is a standby", Some(mend));
    } else {
        report.ok(HERE, "primary", "");
    }
    wal_level(report, HERE, db).await?;
    if !split {
        keeps(report, HERE, db, &world.servers.data, config).await?;
    }
    standbys(report, &mut world.source).await?;
    let encoding = value(&mut world.source, "SHOW server_encoding").await.doing("read a setting")?;
    if encoding == "SQL_ASCII" {
        report.warn(HERE, "encoding", "SQL_ASCII: bytes that are no UTF-8 will hold the stream", None);
    } else {
        report.ok(HERE, "encoding", encoding);
    }
    Ok(())
}

/// Does its WAL say what a stream needs?
pub(super) async fn wal_level(report: &mut Report, area: Area, db: &mut Connection) -> Result<(), Error> {
    let level = value(db, "SHOW wal_level").await.doing("read a setting")?;
    if level == "logical" {
        report.ok(area, "wal_level", level);
    } else {
        let sql = "ALTER SYSTEM SET wal_level = logical;\n-- then restart the server; on Amazon RDS: rds.logical_replication = 1 in the parameter group";
        report.fail(area, "wal_level", format!("{level}, and the stream needs logical"), Some(Mend::of(area, sql)));
    }
    Ok(())
}

/// Settings, rights and room of the server that has the slot.
pub(super) async fn keeps(
    report: &mut Report,
    area: Area,
    db: &mut Connection,
    info: &Conninfo,
    config: &Config,
) -> Result<(), Error> {
    let role = quote_ident(info.user());
    wal_limit(report, area, db, config).await?;
    idle_slots(report, area, db).await?;
    if let Some(every) = config.every {
        let says = format!(
            "between two refreshes, {}, all WAL that is written stays here for our slot: as much of it must fit below limits.wal.drop_slot, max_slot_wal_keep_size, and on the disk",
            shown_time(every)
        );
        report.ok(area, "schedule.every", says);
    }
    let slots = "SELECT pg_catalog.current_setting('max_replication_slots')::int - (SELECT pg_catalog.count(*) FROM pg_catalog.pg_replication_slots)";
    let free: i64 = value(db, slots).await.doing("count slots")?.parse().unwrap_or(0);
    let ours = slot::look(db, &config.slot()).await.doing("look at the slot")?;
    match (ours, free) {
        (Some(slot), _) => {
            let reader =
                slot.active_pid.map_or("nobody reads it now".to_owned(), |pid| format!("process {pid} reads it"));
            report.ok(area, "slot", format!("{} is there, {}, {reader}", config.slot(), slot.wal_status));
        }
        (None, 1..) => report.ok(area, "slot", format!("{free} free; run makes {}", config.slot())),
        (None, _) => {
            let sql = "ALTER SYSTEM SET max_replication_slots = 20;\n-- then restart the server";
            report.fail(area, "slot", "no replication slot is free", Some(Mend::of(area, sql)));
        }
    }
    let memory = config.limits.logical_decoding_work_mem;
    match production::replication(info, &config.pipeline, memory).await {
        Ok(replication) => {
            report.ok(area, "REPLICATION", format!("{role} may stream, and a WAL sender is free"));
            replication.close().await;
        }
        Err(e) => replication_refused(report, area, &e, &role),
    }
    Ok(())
}

/// 18 can take a slot away from a pipeline that runs now and then.
async fn idle_slots(report: &mut Report, area: Area, db: &mut Connection) -> Result<(), Error> {
    let name = "idle_replication_slot_timeout";
    let sql = format!("SELECT coalesce(pg_catalog.current_setting('{name}', true), '0')");
    let timeout = value(db, &sql).await.doing("read a setting")?;
    if timeout != "0" {
        let says =
            format!("{timeout}: a slot that nobody has read for so long is taken away, and staging is copied anew");
        let sql = format!("ALTER SYSTEM SET {name} = 0; SELECT pg_reload_conf();");
        report.warn(area, name, says, Some(Mend::of(area, sql)));
    }
    Ok(())
}

async fn wal_limit(report: &mut Report, area: Area, db: &mut Connection, config: &Config) -> Result<(), Error> {
    let name = "max_slot_wal_keep_size";
    let limit = value(db, "SHOW max_slot_wal_keep_size").await.doing("read a setting")?;
    match (limit.as_str(), config.limits.max_slot_wal_keep_size) {
        ("-1", SlotWalLimit::Required) => {
            let gigabytes = (config.limits.wal_warn >> 30).max(1) * 4;
            let sql = format!(
                "ALTER SYSTEM SET max_slot_wal_keep_size = '{gigabytes}GB'; SELECT pg_reload_conf();\n\
                 -- as much as its disk can spare; or limits.max_slot_wal_keep_size: ignore, if you watch the disk otherwise"
            );
            let says = "-1: while sluice is down, its slot keeps WAL until production's disk is full";
            report.fail(area, name, says, Some(Mend::of(area, sql)));
        }
        ("-1", SlotWalLimit::Ignore) => report.ok(area, name, "-1, and the configuration says to ignore it"),
        (limit, _) => {
            let bytes =
                "SELECT setting::bigint << 20 FROM pg_catalog.pg_settings WHERE name = 'max_slot_wal_keep_size'";
            let bytes: u64 = value(db, bytes).await.doing("read a setting")?.parse().unwrap_or(u64::MAX);
            if config.limits.wal_drop_slot.is_some_and(|ours| ours >= bytes) {
                let says = format!(
                    "{limit}: production takes the slot away before limits.wal.drop_slot does, and nothing begins anew by itself then"
                );
                report.warn(
                    area,
                    name,
                    says,
                    Some(Mend::hand("limits.wal.drop_slot below it, or a larger one on production")),
                );
            } else {
                report.ok(area, name, limit);
            }
        }
    }
    Ok(())
}

/// A name is all by which production tells its standbys, and `*` is everybody's.
async fn standbys(report: &mut Report, db: &mut Connection) -> Result<(), Error> {
    let name = "synchronous_standby_names";
    let names = value(db, "SHOW synchronous_standby_names").await.doing("read a setting")?;
    if names.contains('*') {
        let mend = Mend::hand("name production's standbys there, in place of *");
        let says = format!("{names} takes sluice for a standby: commits on production would wait for staging");
        report.fail(HERE, name, says, Some(mend));
    } else {
        report.ok(HERE, name, if names.is_empty() { "none".to_owned() } else { names });
    }
    Ok(())
}

fn replication_refused(report: &mut Report, area: Area, e: &Error, role: &str) {
    let state = match e {
        Error::Production { source, .. } => source.sqlstate(),
        _ => None,
    };
    let mend = match state {
        Some("42501") => Mend::production(format!(
            "ALTER ROLE {role} REPLICATION;\n-- on Amazon RDS and Aurora: GRANT rds_replication TO {role};"
        )),
        Some("53300") => Mend::of(area, "ALTER SYSTEM SET max_wal_senders = 20;\n-- then restart the server"),
        _ => Mend::hand(REACH),
    };
    report.fail(area, "REPLICATION", e.chain(), Some(mend));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::State::{self, Passed, Warned};

    #[test]
    fn off_this_machine_only_verify_full_will_do() {
        let looked = |text: &str| -> (State, String) {
            let mut report = Report::default();
            tls(
                &mut report,
                Area::Target,
                "target.url",
                &Conninfo::parse(&format!("user=a {text}")).unwrap(),
                Tls::Verified,
            );
            let item = report.checks.remove(0);
            (item.state, item.mend.map(|m| m.text).unwrap_or_default())
        };
        for local in ["host=/run/postgresql", "host=localhost", "host=127.0.0.9", "host=db.example hostaddr=::1"] {
            assert_eq!(looked(local), (Passed, String::new()), "{local}");
        }
        for mode in ["disable", "prefer", "require", "verify-ca"] {
            for host in ["host=db.example", "host=localhost hostaddr=192.0.2.1"] {
                let (state, mend) = looked(&format!("{host} sslmode={mode}"));
                assert_eq!((state, mend.starts_with("target.url: ")), (Warned, true), "{host} {mode}");
            }
        }
        assert_eq!(looked("host=db.example sslrootcert=ca.pem").0, Passed);
    }
}
