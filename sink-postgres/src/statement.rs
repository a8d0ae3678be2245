//! The SQL of each kind of step; its rows are [`crate::rows`].
//!
//! Updates and deletes are `… FROM (SELECT unnest($1::text[]), …)` under a generic plan: a nested loop on the key's index at every
//! batch size, with no stage, no ANALYZE and no truncate; it was the best of eight ways measured. Inserts are COPY.

use std::fmt::Write as _;

use filters::change::{Row, Value};
use wire::quote_ident;

use crate::binary::Form;
use crate::guard::Writable;
use crate::mapping::{Key, Mapping};
use crate::referrers::Referrers;

/// How each array comes; `None`: of text.
pub type Forms = [Option<Form>];

/// `COPY t (…) FROM STDIN`. Rows that the target would take for its own stay out, and are missed in its count.
pub fn copy(m: &Mapping, binary: bool) -> String {
    // the names in its WHERE are those of the row that comes, defaults and all
    let claims = claims(m, &|i| m.columns.get(i).map(|c| c.quoted.clone()), &|name| Some(name.to_owned()));
    let claims = claims.map_or_else(String::new, |claims| format!(" WHERE {claims} IS NOT TRUE"));
    let form = if binary { " (FORMAT binary)" } else { "" };
    format!("COPY {} ({}) FROM STDIN{form}{claims}", m.writable.quoted(), m.column_list())
}

/// `DELETE … USING unnest`, by key.
pub fn delete(m: &Mapping, key: &Key, forms: &Forms) -> String {
    let (target, arrays) = (m.writable.target(), unnest(forms));
    format!("DELETE FROM {target} AS t USING {arrays} WHERE {}{}", by_key(m, key), m.writable.spares("t."))
}

/// Locks rows that are to go, by key: nobody refers to them from then on.
pub fn hold(m: &Mapping, key: &Key, forms: &Forms) -> String {
    let (target, arrays) = (m.writable.target(), unnest(forms));
    format!("SELECT FROM {target} AS t, {arrays} WHERE {}{} FOR UPDATE OF t", by_key(m, key), m.writable.spares("t."))
}

/// No row if none of the target's own refers to any of these, by key.
pub fn referred(m: &Mapping, key: &Key, by: &Referrers, forms: &Forms) -> String {
    let (target, arrays) = (m.writable.target(), unnest(forms));
    let spares = m.writable.spares("t.");
    format!("SELECT FROM {target} AS t, {arrays} WHERE {}{spares} AND ({}) LIMIT 1", by_key(m, key), by.any())
}

/// The same of all the table's rows. Nobody refers to one of them anew while [`hold_all`] holds.
pub fn any_referred(m: &Mapping, by: &Referrers) -> String {
    let spares = m.writable.spares("t.");
    format!("SELECT FROM {} AS t WHERE ({}){spares} LIMIT 1", m.writable.target(), by.any())
}

/// Whoever refers to a row locks it first, and cannot.
pub fn hold_all(m: &Mapping) -> String {
    format!("LOCK TABLE {} IN EXCLUSIVE MODE", m.writable.target())
}

/// `UPDATE … FROM unnest`, by key. Where no column is to be set it only looks whether all rows are there, as [`absent`]
/// looks whether none is: one row if so, however many they are.
pub fn update(m: &Mapping, key: &Key, unchanged: &[usize], forms: &Forms) -> String {
    let set = settable(m, key, unchanged);
    let columns = set.iter().copied().chain(fixed(m, key, unchanged)).filter_map(|i| m.columns.get(i));
    let (mut list, mut condition) = (String::new(), by_key(m, key));
    for (n, c) in columns.enumerate() {
        let value = format!("u.c{}::{}", key.columns.len() + n, c.cast);
        let _ = match n < set.len() {
            true => write!(list, "{}{} = {value}", if n == 0 { "" } else { ", " }, c.quoted),
            false => write!(condition, " AND t.{} = {value}", c.quoted),
        };
    }
    condition.push_str(&m.writable.spares("t."));
    condition.push_str(&unclaimed(claims(m, &|i| sent(m, &set, key, i), &|name| Some(format!("t.{name}")))));
    let (target, arrays) = (m.writable.target(), unnest(forms));
    match list.is_empty() {
        true => counted(&target, &arrays, &condition, "pg_catalog.cardinality($1)"),
        false => format!("UPDATE {target} AS t SET {list} FROM {arrays} WHERE {condition}"),
    }
}

/// [`update`] of those that are there, and an insert of the others, in one statement: it may touch any number of rows.
/// Columns that only the target has stay as they are in the former.
pub fn put(m: &Mapping, key: &Key, forms: &Forms) -> String {
    let found: Vec<String> = (0..key.columns.len()).map(|n| format!("u.c{n}")).collect();
    let (target, arrays) = (m.writable.target(), unnest(forms));
    let there = match settable(m, key, &[]).is_empty() {
        true => {
            let spares = m.writable.spares("t.");
            format!("SELECT {} FROM {target} AS t, {arrays} WHERE {}{spares}", found.join(", "), by_key(m, key))
        }
        false => format!("{} RETURNING {}", update(m, key, &[], forms), found.join(", ")),
    };
    let order = key.columns.iter().copied().chain(settable(m, key, &[])).chain(fixed(m, key, &[]));
    let columns: Vec<_> = order.filter_map(|i| m.columns.get(i)).enumerate().collect();
    let names: Vec<&str> = columns.iter().map(|(_, c)| c.quoted.as_str()).collect();
    let values: Vec<String> = columns.iter().map(|(n, c)| format!("u.c{n}::{}", c.cast)).collect();
    let same: Vec<String> = found.iter().enumerate().map(|(n, f)| format!("d.k{n} = {f}")).collect();
    let keys: Vec<String> = (0..found.len()).map(|n| format!("k{n}")).collect();
    format!(
        "WITH d ({}) AS ({there}) INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {arrays} WHERE NOT EXISTS (SELECT FROM d WHERE {})",
        keys.join(", "),
        m.writable.quoted(),
        names.join(", "),
        values.join(", "),
        same.join(" AND ")
    )
}

/// One row if none of the rows that [`put`] is to write would be taken by the target for one of its own.
pub fn put_unclaimed(m: &Mapping, key: &Key, forms: &Forms) -> String {
    let order: Vec<usize> =
        key.columns.iter().copied().chain(settable(m, key, &[])).chain(fixed(m, key, &[])).collect();
    let value = |i: usize| {
        let at = order.iter().position(|&o| o == i)?;
        m.columns.get(i).map(|c| format!("u.c{at}::{}", c.cast))
    };
    let claims = claims(m, &value, &|name| m.given.get(name).cloned());
    let claims = claims.unwrap_or_else(|| "false".to_owned());
    format!("SELECT WHERE NOT EXISTS (SELECT FROM {} WHERE {claims})", unnest(forms))
}

/// One row if none of the keys is there.
pub fn absent(m: &Mapping, key: &Key, forms: &Forms) -> String {
    counted(&m.writable.target(), &unnest(forms), &by_key(m, key), "0")
}

/// No row if each of these values of a unique constraint is had by one row at most.
pub fn shared(m: &Mapping, key: &Key, forms: &Forms) -> String {
    let (target, arrays) = (m.writable.target(), unnest(forms));
    format!("SELECT FROM {arrays} WHERE (SELECT pg_catalog.count(*) FROM {target} AS t WHERE {}) > 1", by_key(m, key))
}

/// No row if no two rows have one value of a unique constraint.
pub fn any_shared(m: &Mapping, key: &Key) -> String {
    let names: Vec<&str> = key.columns.iter().filter_map(|&i| m.columns.get(i)).map(|c| c.quoted.as_str()).collect();
    let there: Vec<String> = names.iter().map(|name| format!("{name} IS NOT NULL")).collect();
    let (target, names) = (m.writable.target(), names.join(", "));
    format!(
        "SELECT FROM {target} WHERE {} GROUP BY {names} HAVING pg_catalog.count(*) > 1 LIMIT 1",
        there.join(" AND ")
    )
}

fn counted(target: &str, arrays: &str, condition: &str, want: &str) -> String {
    format!("SELECT WHERE (SELECT pg_catalog.count(*) FROM {target} AS t, {arrays} WHERE {condition}) = {want}")
}

/// The columns (indexes into the rows) whose arrays [`update`] wants, in its order: the key, what is set, what cannot be.
pub fn update_sources(m: &Mapping, key: &Key, unchanged: &[usize]) -> Vec<usize> {
    let rest = settable(m, key, unchanged).into_iter().chain(fixed(m, key, unchanged));
    key.source.iter().copied().chain(rest.filter_map(|i| m.columns.get(i)).map(|c| c.source)).collect()
}

/// Columns (indexes into the mapping) beside the key that cannot be SET: the row must have their values already, or it is
/// not touched, and the slow path puts it there anew.
fn fixed(m: &Mapping, key: &Key, unchanged: &[usize]) -> Vec<usize> {
    (0..m.columns.len())
        .filter(|i| !key.columns.contains(i))
        .filter(|&i| m.columns.get(i).is_some_and(|c| c.identity_always && !unchanged.contains(&c.source)))
        .collect()
}

/// One row by its old key to all its new values, the key's too: parameters are the old key, the new values, and those
/// that cannot be SET.
pub fn rekey(m: &Mapping, key: &Key, unchanged: &[usize]) -> String {
    let mut list = String::new();
    let sent: Vec<_> = m.columns.iter().filter(|c| !unchanged.contains(&c.source) && !c.identity_always).collect();
    for (n, c) in sent.iter().enumerate() {
        let comma = if n == 0 { "" } else { ", " };
        let _ = write!(list, "{comma}{} = ${}::pg_catalog.text::{}", c.quoted, key.columns.len() + n + 1, c.cast);
    }
    let mut by: Vec<String> = key
        .columns
        .iter()
        .zip(&key.operators)
        .enumerate()
        .filter_map(|(n, (&i, op))| {
            m.columns.get(i).map(|c| format!("t.{} {op} ${}::pg_catalog.text::{}", c.quoted, n + 1, c.cast))
        })
        .collect();
    let fixed = m.columns.iter().filter(|c| !unchanged.contains(&c.source) && c.identity_always);
    by.extend(fixed.enumerate().map(|(n, c)| {
        format!("t.{} = ${}::pg_catalog.text::{}", c.quoted, key.columns.len() + sent.len() + n + 1, c.cast)
    }));
    let value = |i: usize| {
        let c = m.columns.get(i)?;
        let at = sent.iter().position(|s| s.source == c.source);
        Some(at.map_or_else(
            || format!("t.{}", c.quoted),
            |n| format!("${}::pg_catalog.text::{}", key.columns.len() + n + 1, c.cast),
        ))
    };
    let claims = unclaimed(claims(m, &value, &|name| Some(format!("t.{name}"))));
    let spares = m.writable.spares("t.");
    format!("UPDATE {} AS t SET {list} WHERE {}{spares}{claims}", m.writable.target(), by.join(" AND "))
}

/// One row among equal ones, by all its columns as text: for tables without a key. Parameters are the old values, then
/// (for an update) the new ones that were sent.
pub fn one_of_equal(m: &Mapping, new: Option<&Row>) -> String {
    let same: Vec<String> = m
        .columns
        .iter()
        .enumerate()
        .map(|(n, c)| {
            format!(
                "t.{}::pg_catalog.text COLLATE pg_catalog.\"C\" IS NOT DISTINCT FROM ${}::pg_catalog.text::{}::pg_catalog.text COLLATE pg_catalog.\"C\"",
                c.quoted,
                n + 1,
                c.cast
            )
        })
        .collect();
    let target = m.writable.target();
    let one = format!("(SELECT t.tableoid, t.ctid FROM {target} AS t WHERE {} LIMIT 1)", same.join(" AND "));
    match new {
        None => format!("DELETE FROM {target} WHERE (tableoid, ctid) = {one}"),
        Some(new) => {
            let mut n = m.columns.len();
            let mut set = String::new();
            for c in m.columns.iter().filter(|c| new.get(c.source) != Value::Unchanged && !c.identity_always) {
                n += 1;
                let comma = if set.is_empty() { "" } else { ", " };
                let _ = write!(set, "{comma}{} = ${n}::pg_catalog.text::{}", c.quoted, c.cast);
            }
            format!("UPDATE {target} SET {set} WHERE (tableoid, ctid) = {one}")
        }
    }
}

/// Empties a table, but for rows of the target's own. TRUNCATE where it can be, else DELETE, which no foreign key of another
/// table hinders.
pub fn empty(writable: &Writable, may_truncate: bool) -> String {
    match may_truncate && !writable.has_own() {
        true => format!("TRUNCATE {}", writable.target()),
        false => format!("DELETE FROM {} AS t WHERE true{}", writable.target(), writable.spares("t.")),
    }
}

/// Would the target take a row of these values for its own? `value` writes that of a column (index into the mapping), `only`
/// that of a column (quoted) which only the target has. `None`: no row can be.
pub(crate) fn claims(
    m: &Mapping,
    value: &dyn Fn(usize) -> Option<String>,
    only: &dyn Fn(&str) -> Option<String>,
) -> Option<String> {
    m.writable.claims(&|name| {
        let name = quote_ident(name);
        match m.columns.iter().position(|c| c.quoted == name) {
            Some(i) => value(i),
            None => only(&name),
        }
    })
}

fn unclaimed(claims: Option<String>) -> String {
    claims.map_or_else(String::new, |claims| format!(" AND {claims} IS NOT TRUE"))
}

/// The value that an update by key leaves in a column: what is set, else what is there.
fn sent(m: &Mapping, set: &[usize], key: &Key, i: usize) -> Option<String> {
    let c = m.columns.get(i)?;
    Some(match set.iter().position(|&s| s == i) {
        Some(n) => format!("u.c{}::{}", key.columns.len() + n, c.cast),
        None => format!("t.{}", c.quoted),
    })
}

/// The columns (indexes into the mapping) that an update sets: all but the key and what was not sent.
pub(crate) fn settable(m: &Mapping, key: &Key, unchanged: &[usize]) -> Vec<usize> {
    (0..m.columns.len())
        .filter(|i| !key.columns.contains(i))
        .filter(|&i| m.columns.get(i).is_some_and(|c| !unchanged.contains(&c.source) && !c.identity_always))
        .collect()
}

/// The arrays as rows `u`. In the list of a SELECT they are walked in step, row by row; in FROM, as `unnest($1, $2, …)`, each is
/// written out first, and all of them together once more: a microsecond a row of eight columns.
fn unnest(forms: &Forms) -> String {
    let mut list = String::new();
    for (n, form) in forms.iter().enumerate() {
        let comma = if n == 0 { "" } else { ", " };
        let of = form.map_or("pg_catalog.text", |form| form.named().0);
        let _ = write!(list, "{comma}pg_catalog.unnest(${}::{of}[]) AS c{n}", n + 1);
    }
    format!("(SELECT {list}) AS u")
}

fn by_key(m: &Mapping, key: &Key) -> String {
    let parts: Vec<String> = key
        .columns
        .iter()
        .zip(&key.operators)
        .enumerate()
        .filter_map(|(n, (&i, op))| m.columns.get(i).map(|c| format!("t.{} {op} u.c{n}::{}", c.quoted, c.cast)))
        .collect();
    parts.join(" AND ")
}
