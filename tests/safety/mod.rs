//! What is staging's own stays, whatever production does; the wrong database is refused, by every verb that writes one; and our
//! role can do nothing that it need not.

mod amid;
mod crossing;
mod environment;
mod fires;
mod never;
mod partitions;
pub mod referenced;
mod roles;
pub mod rows;
mod users;

use tokio_postgres::Client;

use crate::servers::{Db, Pair};
use crate::sluice::Sluice;

/// Two tables, one masked, with some rows on production.
async fn shop(major: u32, name: &str) -> Db {
    let db = Pair::get(major).create_db(name).await;
    db.on_both(
        "CREATE TABLE cruises (id int PRIMARY KEY, name text); CREATE TABLE guests (id int PRIMARY KEY, email text)",
    )
    .await;
    let rows = "INSERT INTO cruises SELECT g, 'cruise ' || g FROM generate_series(1, 50) g;
        INSERT INTO guests SELECT g, g || '@quux.org' FROM generate_series(1, 20) g";
    run(&db.source().await, rows).await;
    db
}

const TABLES: &str = "tables: { public.cruises: keep, public.guests: { columns: { email: email } } }";

/// A pipeline over it, with more of each side, as in `, environment: production`, and more sections.
fn pipeline(db: &Db, source: &str, target: &str, more: &str) -> Sluice {
    let sluice = Sluice::between(db, TABLES);
    sluice.configure(&yaml(&db.name, source, target, more));
    sluice
}

fn yaml(name: &str, source: &str, target: &str, more: &str) -> String {
    format!(
        "pipeline: {name}\nsource: {{ url: \"${{SLUICE_SOURCE_URL}}\"{source} }}\ntarget: {{ url: \"${{SLUICE_TARGET_URL}}\"{target} }}\n\
         masking: {{ key: \"${{SLUICE_MASK_KEY}}\" }}\n{TABLES}\n{more}\n"
    )
}

async fn run(client: &Client, sql: &str) {
    client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{error:?} in: {sql}"));
}

async fn number(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}")).get(0)
}

/// What sluice has made on production.
async fn made(production: &Client) -> i64 {
    let sql = "SELECT (SELECT count(*) FROM pg_replication_slots WHERE database = current_database())
        + (SELECT count(*) FROM pg_publication WHERE pubname LIKE 'sluice%')";
    number(production, sql).await
}

/// Every verb that writes the target, or drops something on production.
const WRITING: &[&[&str]] = &[
    &["run", "--until-caught-up"],
    &["resync", "cruises"],
    &["resync", "--all", "--yes"],
    &["approve", "public.guests.extra", "--as", "drop", "--now"],
    &["quarantine", "retry", "--all"],
    &["quarantine", "skip", "--all", "--yes"],
    &["masks", "try", "email", "a@b.org", "--real-key"],
    &["adopt", "--slot", "sluice_SHOP", "--publication", "sluice_SHOP"],
    &["destroy", "--yes"],
];

/// All of these verbs are refused, and say so, and change nothing of what the two servers have of it.
async fn all_refused(db: &Db, sluice: &Sluice, verbs: &[&[&str]], says: &str) {
    let state = async || {
        let (production, staging) = (db.source().await, db.target().await);
        let kept = "SELECT coalesce(string_agg(c::text, ';'), '') || (SELECT count(*) FROM sluice.pending)
            || (SELECT count(*) FROM sluice.quarantine WHERE NOT skipped) || (SELECT count(*) FROM sluice.audit) FROM sluice.checkpoint c";
        let kept: String = staging.query_one(kept, &[]).await.expect("what the target keeps").get(0);
        (made(&production).await, kept)
    };
    let before = state().await;
    for verb in verbs {
        let verb: Vec<String> = verb.iter().map(|word| word.replace("SHOP", &db.name)).collect();
        let verb: Vec<&str> = verb.iter().map(String::as_str).collect();
        let output = sluice.run(&verb).await;
        assert_eq!(output.code, 5, "{verb:?}\n{}{}", output.stdout, output.stderr);
        assert!(output.stderr.contains(says), "{verb:?}: {says}\n{}", output.stderr);
        assert_eq!(state().await, before, "{verb:?}");
    }
}
