//! What a server says that it is, beside what the file says.

use std::time::Duration;

use super::{WRITING, all_refused, made, number, pipeline, run, shop, yaml};
use crate::preflight::psql;
use crate::servers::{Cluster, wait_until};
use crate::sluice::Sluice;

majors!(
    another_server_is_refused_by_every_verb,
    a_silent_server_is_not_believed,
    a_table_of_theirs_says_it,
    who_says_what_it_is_wants_to_be_asked,
    it_is_asked_again_at_each_connection,
    a_standby_is_not_written
);

const ASKED: (&str, &str) = (", environment: production", ", environment: staging");

fn says(label: &str) -> String {
    format!(
        "CREATE SCHEMA IF NOT EXISTS sluice; CREATE TABLE sluice.environment (name text); INSERT INTO sluice.environment VALUES ('{label}')"
    )
}

async fn another_server_is_refused_by_every_verb(major: u32) {
    let db = shop(major, "safety_another").await;
    let (production, staging) = (db.source().await, db.target().await);
    let sluice = pipeline(&db, ASKED.0, ASKED.1, "");
    run(&production, &says("production")).await;
    run(&staging, &says("test")).await;
    // before anything is made
    let refused = sluice.run(&["run", "--until-caught-up"]).await;
    assert_eq!(refused.code, 5, "{}", refused.stderr);
    assert_eq!(made(&production).await, 0);
    let tables = "SELECT count(*) FROM pg_class WHERE relnamespace = 'sluice'::regnamespace AND relkind = 'r'";
    assert_eq!(number(&staging, tables).await, 1, "its own");
    let checked = sluice.run(&["check"]).await;
    assert!(
        checked.code == 3
            && checked.stdout.contains("environment: target.environment: staging: the server says that it is test"),
        "{}",
        checked.stdout
    );
    assert_eq!(sluice.run(&["plan"]).await.code, 5);

    run(&staging, "UPDATE sluice.environment SET name = 'staging'").await;
    sluice.ok(&["init", "--lock"]).await;
    sluice.ok(&["run", "--until-caught-up"]).await;
    assert!(sluice.ok(&["check"]).await.stdout.contains("environment: staging, as the server says itself"));
    sluice.ok(&["plan"]).await;
    db.on_both("ALTER TABLE guests ADD extra text").await;

    run(&staging, "UPDATE sluice.environment SET name = 'production'").await;
    all_refused(&db, &sluice, WRITING, "target.environment: staging: the server says that it is production").await;
    let status = sluice.ok(&["status"]).await.stdout;
    assert!(status.contains("target.environment: staging: the server says that it is production"), "{status}");
    run(&staging, "UPDATE sluice.environment SET name = 'staging'").await;
    run(&production, "UPDATE sluice.environment SET name = 'staging'").await;
    // those that look at production or drop something there
    let both = WRITING.iter().copied().filter(|v| !matches!(v[0], "quarantine" | "masks") && v[1] != "cruises");
    let both: Vec<&[&str]> = both.collect();
    all_refused(&db, &sluice, &both, "source.environment: production: the server says that it is staging").await;
}

async fn a_silent_server_is_not_believed(major: u32) {
    let (source, target) = (Cluster::start(major), Cluster::start(major));
    let (production, staging) = (source.client("postgres").await, target.client("postgres").await);
    for side in [&production, &staging] {
        psql(side, "CREATE ROLE bare LOGIN REPLICATION; CREATE TABLE cruises (id int PRIMARY KEY, name text); CREATE TABLE guests (id int PRIMARY KEY, email text);
            GRANT ALL ON cruises, guests TO bare; GRANT CREATE ON DATABASE postgres TO bare").await;
    }
    psql(&staging, "GRANT SET ON PARAMETER session_replication_role TO bare").await;
    psql(&production, "CREATE PUBLICATION sluice_silent FOR TABLE cruises, guests WITH (publish_via_partition_root = true);
        CREATE PUBLICATION sluice_silent_inserts WITH (publish = 'insert, truncate', publish_via_partition_root = true)").await;
    let sluice = Sluice::over(
        "silent",
        &source.url_as("bare", "postgres"),
        &target.url_as("bare", "postgres"),
        "tables: { public.cruises: keep }",
    );
    sluice.configure(&yaml("silent", ASKED.0, ASKED.1, ""));
    for (side, client, path) in [("production", &production, "source"), ("target", &staging, "target")] {
        let label = if path == "source" { "production" } else { "staging" };
        // no table, then one that it may not read, then one without a row: told with what mends it each time
        for (breaks, why) in [
            ("SELECT 1", "there is no table sluice.environment"),
            ("REVOKE SELECT ON sluice.environment FROM bare", "bare may not read sluice.environment"),
            ("DELETE FROM sluice.environment", "sluice.environment has no row"),
        ] {
            psql(client, breaks).await;
            let refused = sluice.run(&["run", "--until-caught-up"]).await;
            let what = format!("{path}.environment: {label}: the server does not say so: {why}");
            assert!(refused.code == 5 && refused.stderr.contains(&what), "{what}\n{}", refused.stderr);
            let planned = sluice.run(&["plan"]).await;
            assert!(
                planned.code == 2 && planned.stdout.contains(&what),
                "{what}\n{}{}",
                planned.stdout,
                planned.stderr
            );
            let checked = sluice.run(&["check", "--json"]).await;
            let report: serde_json::Value = serde_json::from_str(&checked.stdout).expect("one object");
            let failed =
                |c: &&serde_json::Value| c["name"] == "environment" && c["state"] == "failed" && c["area"] == side;
            let failed =
                report["checks"].as_array().and_then(|c| c.iter().find(failed)).unwrap_or_else(|| panic!("{report}"));
            let mend = &failed["mend"];
            assert_eq!(mend["at"], side, "{mend}");
            // the words in front of it are a comment
            let (words, sql) = mend["text"].as_str().and_then(|t| t.split_once('\n')).expect("words, then SQL");
            assert!(words.starts_with("-- if "), "{words}");
            psql(client, sql).await;
        }
    }
    sluice.ok(&["run", "--until-caught-up"]).await;
    assert_eq!(made(&production).await, 3);
}

async fn a_table_of_theirs_says_it(major: u32) {
    let db = shop(major, "safety_theirs").await;
    let (production, staging) = (db.source().await, db.target().await);
    run(&production, "CREATE TABLE meta (id int, environment text); INSERT INTO meta VALUES (1, 'production')").await;
    run(&staging, "CREATE TABLE meta (key text, value text); INSERT INTO meta VALUES ('version', '7'), ('environment', 'staging'), ('owner', 'ivy@quux.org')").await;
    let source = ", environment: production, environment_from: { table: public.meta, column: environment }";
    let target =
        |only: &str| format!(", environment: staging, environment_from: {{ table: public.meta, column: value{only} }}");
    let sluice = pipeline(&db, source, &target(", where: key = 'environment'"), "");
    sluice.ok(&["run", "--until-caught-up"]).await;
    sluice.ok(&["init", "--lock"]).await;
    let effective = sluice.ok(&["plan"]).await.stdout;
    assert!(
        effective.contains("environment_from:") && effective.contains("where: \"(\\\"key\\\" = 'environment')\""),
        "{effective}"
    );
    // what stands at another place may be anything, and is not shown
    for (only, why) in [
        ("", "public.meta: it has more than one row"),
        (", where: key = 'owner'", "public.meta: what stands there is no label"),
        (", where: key = 'nothing'", "public.meta has no row for it"),
        (", where: id = 1", "public.meta: it cannot be read: 42703"),
    ] {
        sluice.configure(&yaml(&db.name, source, &target(only), ""));
        all_refused(&db, &sluice, &WRITING[..1], why).await;
        let said = sluice.run(&["check"]).await.stdout;
        assert!(said.contains(why) && !said.contains("ivy"), "{said}");
    }
    sluice.configure(&yaml(&db.name, source, &target(", where: key = 'version'"), ""));
    all_refused(&db, &sluice, WRITING, "the server says that it is 7 (public.meta)").await;
}

async fn who_says_what_it_is_wants_to_be_asked(major: u32) {
    let db = shop(major, "safety_asked").await;
    let (production, staging) = (db.source().await, db.target().await);
    let sluice = pipeline(&db, "", "", "");
    sluice.ok(&["run", "--until-caught-up"]).await;
    sluice.ok(&["init", "--lock"]).await;
    // what production says is no hindrance where nobody asks: nothing is written there
    run(&production, &says("production")).await;
    sluice.ok(&["run", "--until-caught-up"]).await;
    run(&staging, &says("staging")).await;
    all_refused(
        &db,
        &sluice,
        WRITING,
        "the target says that it is staging (sluice.environment), and sluice.yaml does not say",
    )
    .await;
    // as the hint has it, with the key that rows were masked with
    sluice.configure(
        &yaml(&db.name, "", ", environment: staging", "").replace("_MASK_KEY}\"", "_MASK_KEY}\", environment: ''"),
    );
    sluice.ok(&["run", "--until-caught-up"]).await;
    // and what it says is not ours to drop
    let said = sluice.ok(&["destroy", "--yes"]).await.stderr;
    assert!(said.contains("sluice.environment says what this server is, and stays"), "{said}");
    let left = "SELECT count(*) FROM pg_class WHERE relnamespace = 'sluice'::regnamespace AND relkind = 'r'";
    assert_eq!((number(&staging, left).await, made(&production).await), (1, 0));
    sluice.ok(&["run", "--until-caught-up"]).await;
}

async fn it_is_asked_again_at_each_connection(major: u32) {
    let db = shop(major, "safety_again").await;
    let (production, staging) = (db.source().await, db.target().await);
    run(&production, &says("production")).await;
    run(&staging, &says("staging")).await;
    let sluice = pipeline(&db, ASKED.0, ASKED.1, "");
    let mut running = sluice.spawn(&["run"]);
    let copied = async || number(&staging, "SELECT count(*) FROM cruises").await == 50;
    wait_until("it is copied", Duration::from_secs(30), copied).await;
    run(&staging, "UPDATE sluice.environment SET name = 'production'").await;
    run(&production, "INSERT INTO cruises VALUES (1000, 'after')").await;
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'sluice/%'";
    let arrived = async || number(&staging, "SELECT count(*) FROM cruises WHERE id = 1000").await == 1;
    wait_until("it streams", Duration::from_secs(30), arrived).await;
    assert!(number(&staging, cut).await > 0);
    run(&production, "INSERT INTO cruises VALUES (1001, 'not any more')").await;
    let ended = running.wait(Duration::from_secs(30)).await;
    assert_eq!(ended.code(), Some(5), "{}", running.log());
    assert!(
        running.log().contains("target.environment: staging: the server says that it is production"),
        "{}",
        running.log()
    );
    assert_eq!(number(&staging, "SELECT count(*) FROM cruises WHERE id = 1001").await, 0);
}

async fn a_standby_is_not_written(major: u32) {
    let db = shop(major, "safety_standby").await;
    let mut target = Cluster::start(major);
    let staging = target.client("postgres").await;
    run(
        &staging,
        "CREATE TABLE cruises (id int PRIMARY KEY, name text); CREATE TABLE guests (id int PRIMARY KEY, email text)",
    )
    .await;
    drop(staging);
    target.write("standby.signal", "");
    target.restart();
    let sluice = Sluice::over(&db.name, &db.source_url(), &target.url("postgres"), super::TABLES);
    let refused = sluice.run(&["run", "--until-caught-up"]).await;
    assert_eq!(refused.code, 5, "{}", refused.stderr);
    assert!(refused.stderr.contains("the target is in recovery: a standby cannot be written"), "{}", refused.stderr);
    assert_eq!(made(&db.source().await).await, 0, "and nothing is made");
}
