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
    Connection::connect(info, &Startup { application_name: &name, replication, settings: &settings }).await
}
