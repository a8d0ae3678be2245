//! Each failure of `check` goes away by running the very SQL that it prints.

use std::collections::BTreeSet;

use serde_json::Value;

use super::psql;
use crate::servers::{Cluster, scratch_dir};
use crate::sluice::Sluice;

majors!(what_check_prints_mends_what_it_found, what_no_statement_mends_is_told_too);

const CONFIG: &str = "
pipeline: shop
source: { url: \"${SLUICE_SOURCE_URL}\" }
target: { url: \"${SLUICE_TARGET_URL}\" }
masking: { key: \"${SLUICE_MASK_KEY}\" }
tables: { \"public.*\": { columns: { born: null, secret: drop } } }
protect: { tables: [own.carts] }
";

/// A source and a target with a database and a role that may do nothing.
async fn bare(major: u32) -> (Cluster, Cluster, Sluice) {
    let source = Cluster::with().set("max_slot_wal_keep_size", "-1").start(major);
    let target = Cluster::start(major);
    for cluster in [&source, &target] {
        let admin = cluster.client("postgres").await;
        psql(&admin, "CREATE ROLE bare LOGIN; CREATE DATABASE shop; REVOKE ALL ON DATABASE shop FROM PUBLIC; GRANT CONNECT ON DATABASE shop TO bare").await;
    }
    let sluice = Sluice::new(scratch_dir("mends"), CONFIG)
        .env("SLUICE_SOURCE_URL", &source.url_as("bare", "shop"))
        .env("SLUICE_TARGET_URL", &target.url_as("bare", "shop"));
    (source, target, sluice)
}

async fn failures(sluice: &Sluice) -> Vec<Value> {
    let output = sluice.run(&["check", "--json"]).await;
    let report: Value =
        serde_json::from_str(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}{}", output.stdout, output.stderr));
    let failed: Vec<Value> =
        report["checks"].as_array().expect("a list").iter().filter(|c| c["state"] == "failed").cloned().collect();
    assert_eq!(output.code, if failed.is_empty() { 0 } else { 3 }, "{}", output.stderr);
    assert_eq!(report["ok"], failed.is_empty());
    failed
}

async fn what_check_prints_mends_what_it_found(major: u32) {
    let (source, target, sluice) = bare(major).await;
    let (production, staging) = (source.client("shop").await, target.client("shop").await);
    let both = "CREATE TABLE plain (id int PRIMARY KEY, a text);
        CREATE TABLE masked (id int PRIMARY KEY, born date, secret text);
        CREATE TABLE keyed (id int PRIMARY KEY)";
    psql(
        &production,
        &format!("{both}; CREATE TABLE hidden (id int PRIMARY KEY); ALTER TABLE hidden ENABLE ROW LEVEL SECURITY"),
    )
    .await;
    let there = "CREATE TABLE plain (id int PRIMARY KEY);
        CREATE TABLE masked (id int PRIMARY KEY, born date NOT NULL, secret text NOT NULL);
        CREATE UNLOGGED TABLE keyed (id int);
        CREATE TABLE hidden (id int PRIMARY KEY);
        CREATE SCHEMA own; CREATE TABLE own.carts (id int PRIMARY KEY, plain_id int REFERENCES plain ON DELETE CASCADE)";
    psql(&staging, there).await;

    let mut seen = BTreeSet::new();
    for round in 0.. {
        let failed = failures(&sluice).await;
        if failed.is_empty() {
            break;
        }
        assert!(round < 5, "it does not end: {failed:#?}");
        for check in &failed {
            seen.insert(check["name"].as_str().expect("a name").to_owned());
            let sql = check["mend"]["text"].as_str().unwrap_or_else(|| panic!("nothing mends {check}"));
            match check["mend"]["at"].as_str() {
                Some("production") => psql(&production, sql).await,
                Some("target") => psql(&staging, sql).await,
                _ => panic!("no statement mends {check}"),
            }
        }
    }
    let wanted = [
        "REPLICATION",
        "SELECT on production",
        "foreign key cascades",
        "max_slot_wal_keep_size",
        "protect.on_referenced",
        "public.hidden",
        "public.keyed",
        "public.masked",
        "public.plain",
        "publication sluice_shop",
        "publication sluice_shop_inserts",
        "row security on production",
        "schema sluice",
        "session_replication_role",
        "temporary tables",
    ];
    assert_eq!(seen.iter().map(String::as_str).collect::<Vec<_>>(), wanted);
    sluice.ok(&["run", "--until-caught-up"]).await;

    // taken away later: `run` says of which table, and what to type
    let caught_up = ["run", "--until-caught-up"];
    psql(&staging, "REVOKE INSERT ON plain FROM bare").await;
    let refused = sluice.run(&caught_up).await;
    let hint = refused.stderr.split("hint: ").nth(1).unwrap_or_default().trim().to_owned();
    assert!(refused.code == 5 && hint.starts_with("GRANT ") && hint.contains("plain"), "{}", refused.stderr);
    psql(&staging, &hint).await;
    psql(&source.client("postgres").await, "ALTER ROLE bare NOBYPASSRLS").await;
    sluice.ok(&["resync", "hidden"]).await;
    let stopped = sluice.run(&caught_up).await;
    let said = "cut a range of public.hidden: 42501 insufficient_privilege\nhint: sluice check says";
    assert!(stopped.code == 6 && stopped.stderr.contains(said), "{}", stopped.stderr);
    psql(&source.client("postgres").await, "ALTER ROLE bare BYPASSRLS").await;
    sluice.ok(&caught_up).await;

    // a role that may make nothing there, as least privilege has it
    psql(&production, "SELECT pg_drop_replication_slot('sluice_shop')").await;
    psql(&staging, "DROP SCHEMA sluice CASCADE; REVOKE CREATE ON DATABASE shop FROM bare").await;
    let refused = sluice.run(&caught_up).await;
    let (_, sql) = refused.stderr.split_once("as the database's owner:\n").unwrap_or_default();
    assert!(refused.code == 5 && sql.ends_with("TO bare;\n"), "{}", refused.stderr);
    psql(&staging, sql).await;
    sluice.ok(&caught_up).await;
}

async fn what_no_statement_mends_is_told_too(major: u32) {
    let (source, target, sluice) = bare(major).await;
    psql(&source.client("shop").await, "CREATE TABLE plain (id int PRIMARY KEY, born date, secret text)").await;
    let sluice = sluice.env("SLUICE_SOURCE_URL", &source.url("shop")).env("SLUICE_TARGET_URL", &target.url("shop"));
    let told = failures(&sluice).await;
    let says =
        |name: &str| told.iter().find(|c| c["name"] == name).map(|c| c["says"].as_str().unwrap_or_default().to_owned());
    assert_eq!(says("public.plain").as_deref(), Some("is not on the target"));
    assert_eq!(says("protect.tables own.carts").as_deref(), Some("the target has no such table"));

    let same = sluice.env("SLUICE_TARGET_URL", &format!("{}?application_name=x", source.url("shop")));
    let told = failures(&same).await;
    assert!(told.iter().any(|c| c["name"] == "another database than production"), "{told:?}");

    drop(target);
    let gone = same.env("SLUICE_TARGET_URL", "postgres://bare@127.0.0.1:1/shop");
    let told = failures(&gone).await;
    assert!(told.iter().any(|c| c["name"] == "reachable" && c["area"] == "target"), "{told:?}");
    assert!(told.iter().any(|c| c["name"] == "max_slot_wal_keep_size"), "the others are still looked at: {told:?}");
    assert_eq!(gone.run(&["plan"]).await.code, 4);
}
