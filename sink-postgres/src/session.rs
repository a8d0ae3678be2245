//! The settings under which every session of sluice runs, on both servers, the WAL sender's too (invariant 11).
//!
//! One list in one place: a value that was written out under one setting and read in under another is a wrong value.

use wire::{Connection, Conninfo, Error, Startup};

/// Settings that decide how values are written and read.
/// (<https://www.postgresql.org/docs/current/runtime-config-client.html>)
pub const SETTINGS: &[(&str, &str)] = &[
    ("client_encoding", "UTF8"),
    ("DateStyle", "ISO, YMD"),
    ("IntervalStyle", "postgres"),
    ("TimeZone", "UTC"),
    ("extra_float_digits", "3"),
    ("bytea_output", "hex"),
    ("lc_monetary", "C"),
    ("xmloption", "content"),
    // names in every statement are qualified; operators come from pg_catalog or are written OPERATOR(schema.op)
    ("search_path", ""),
    ("standard_conforming_strings", "on"),
    // off, an array's NULL is read as the text "NULL"
    ("array_nulls", "on"),
    ("default_transaction_isolation", "read committed"),
    // under row security a reader without BYPASSRLS would get fewer rows without a word: make it an error
    ("row_security", "off"),
    ("idle_in_transaction_session_timeout", "0"),
    ("idle_session_timeout", "0"),
    ("statement_timeout", "0"),
    ("jit", "off"),
];

/// Opens a session under [`SETTINGS`] and `more`, named `sluice/<pipeline>/<role>`.
///
/// `source` sessions are read-only in addition (invariant 6).
pub async fn open(
    info: &Conninfo,
    pipeline: &str,
    role: &str,
    replication: bool,
    more: &[(&str, &str)],
) -> Result<Connection, Error> {
    let name = format!("sluice/{pipeline}/{role}");
    let settings: Vec<_> = SETTINGS.iter().chain(more).copied().collect();
    let mut db =
        Connection::connect(info, &Startup { application_name: &name, replication, settings: &settings }).await?;
    // no startup parameter: a server that does not know it would refuse the session. For a WAL sender as well: what it decodes
    // it does in a transaction, and that lasts as long as we are held
    if db.server_version() >= 170_000 {
        db.simple("SET transaction_timeout = 0").await?;
    }
    Ok(db)
}

/// Opens a session that writes: asynchronous commits, generic plans, bounded lock waits, and no trigger of the target's
/// fires if the role may say so.
pub async fn writer(info: &Conninfo, pipeline: &str, role: &str, lock_timeout: &str) -> Result<Connection, Error> {
    let more = [
        ("synchronous_commit", "off"),
        ("plan_cache_mode", "force_generic_plan"),
        ("lock_timeout", lock_timeout),
        // a generic plan must find rows by the key's index, whatever the statistics of a young table say
        ("enable_seqscan", "off"),
        ("enable_hashjoin", "off"),
        ("enable_mergejoin", "off"),
        // what those three forbid and has to be done all the same costs so much to the planner that it would start workers for a look at
        // four empty tables: 10 ms, each second, in which nothing is applied
        ("max_parallel_workers_per_gather", "0"),
    ];
    open(info, pipeline, role, false, &more).await
}

/// Puts the session into replica role, if it may.
pub async fn replica_role(db: &mut Connection) -> Result<bool, Error> {
    // `ALTER ROLE … SET` by a superuser is enough, and gives no right to SET it ourselves
    let has = db.query("SELECT pg_catalog.current_setting('session_replication_role')", &[]).await?;
    if has.get(0, 0) == Some("replica") {
        return Ok(true);
    }
    match db.simple("SET session_replication_role = replica").await {
        Ok(_) => Ok(true),
        Err(e) if e.sqlstate() == Some("42501") => Ok(false),
        Err(e) => Err(e),
    }
}

/// Who we are there, quoted, for a GRANT that somebody is to type.
pub async fn role(db: &mut Connection) -> Result<String, Error> {
    let found = db.query("SELECT pg_catalog.quote_ident(CURRENT_USER)", &[]).await?;
    Ok(found.get(0, 0).unwrap_or_default().to_owned())
}
