//! `sluice status`: the same truth before, during and after a run, and from half a system.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::shop;
use crate::servers::wait_until;
use crate::sluice::Sluice;

majors!(shows_where_it_stands, speaks_json_while_it_runs, says_which_server_is_missing, is_as_late_as_it_is);

async fn json(sluice: &Sluice) -> Value {
    serde_json::from_str(&sluice.ok(&["status", "--json"]).await.stdout).expect("one object")
}

fn table<'v>(state: &'v Value, name: &str) -> &'v Value {
    let tables = state["tables"].as_array().expect("tables");
    tables.iter().find(|t| t["name"] == name).unwrap_or_else(|| panic!("{name} in {state}"))
}

async fn shows_where_it_stands(major: u32) {
    let (db, sluice) = shop(major, "verbs_status", "").await;
    let before = sluice.ok(&["status"]).await.stdout;
    assert!(before.starts_with("verbs_status   production → staging   not started"), "{before}");
    sluice.ok(&["run", "--until-caught-up"]).await;
    db.on_both("ALTER TABLE customers ADD COLUMN nickname text").await;
    let after = sluice.ok(&["status"]).await.stdout;
    let lines: Vec<&str> = after.lines().collect();
    assert!(lines[0].contains("   stopped   consistent   lag "), "{after}");
    assert!(lines[1].starts_with("slot   sluice_verbs_status   not in use   "), "{after}");
    assert!(lines[1].contains("of WAL held (budget 4 GB)   confirmed "), "{after}");
    assert!(lines[2].starts_with("copy   2 of 2 tables   300 rows   done 2"), "{after}");
    assert!(lines[2].ends_with(" UTC"), "{after}");
    assert_eq!(lines[3], "TABLE              STATE       ROWS APPLIED   LAST CHANGE   NOTE");
    assert_eq!(lines[4], "public.cruises     stopped                0   –");
    assert_eq!(
        lines[5],
        "public.customers   stopped                0   –             1 masked, 1 dropped, 1 withheld: nickname"
    );
    assert_eq!(lines[6], "public.sessions    structure              –   –");
    assert_eq!(lines[7], "public.users       protected              –   –");
    assert!(!after.contains('\x1b'), "no colour where nobody looks");
}

async fn speaks_json_while_it_runs(major: u32) {
    let (db, sluice) = shop(major, "verbs_status_json", "").await;
    let state = json(&sluice).await;
    assert_eq!((&state["state"], &state["consistent"]), (&Value::from("not started"), &Value::from(false)));
    let mut running = sluice.spawn(&["run"]);
    wait_until("it streams", Duration::from_secs(60), || async {
        let state = json(&sluice).await;
        state["state"] == "streaming" && state["consistent"] == true
    })
    .await;
    let target = db.target().await;
    db.source().await.batch_execute("UPDATE cruises SET name = 'x' WHERE id <= 7").await.expect("update");
    wait_until("seven rows are counted", Duration::from_secs(30), || async {
        table(&json(&sluice).await, "public.cruises")["rows_applied"] == 7
    })
    .await;
    // somebody on staging is in the way: the state says who
    target.batch_execute("BEGIN; LOCK TABLE cruises").await.expect("lock");
    let pid: i32 = target.query_one("SELECT pg_backend_pid()", &[]).await.expect("a pid").get(0);
    db.source().await.batch_execute("UPDATE cruises SET name = 'y' WHERE id = 1").await.expect("update");
    wait_until("the pid is named", Duration::from_secs(30), || async {
        json(&sluice).await["waiting_for_pids"] == serde_json::json!([pid])
    })
    .await;
    target.batch_execute("ROLLBACK").await.expect("rollback");
    let state = json(&sluice).await;
    assert_eq!(state["connected"], true);
    assert_eq!(state["slot"]["active"], true, "{state}");
    assert_eq!(table(&state, "public.customers")["masked"], 1);
    assert_eq!(table(&state, "public.users")["state"], "protected");
    running.term();
    running.wait(Duration::from_secs(20)).await;
    assert_eq!(json(&sluice).await["state"], "stopped");
}

async fn says_which_server_is_missing(major: u32) {
    let (db, sluice) = shop(major, "verbs_status_half", "").await;
    sluice.ok(&["run", "--until-caught-up"]).await;
    let nowhere = "postgres://postgres@127.0.0.1:1/nowhere";
    let sluice = sluice.env("SLUICE_SOURCE_URL", nowhere);
    let output = sluice.run(&["status"]).await;
    assert_eq!(output.code, 4, "{}", output.stderr);
    assert!(output.stdout.contains("\nproduction   cannot be read: "), "{}", output.stdout);
    assert!(output.stdout.contains("\npublic.cruises "), "what the target knows is shown: {}", output.stdout);
    let sluice = sluice.env("SLUICE_SOURCE_URL", &db.source_url()).env("SLUICE_TARGET_URL", nowhere);
    let output = sluice.run(&["status", "--json"]).await;
    assert_eq!(output.code, 4, "{}", output.stderr);
    let state: Value = serde_json::from_str(&output.stdout).expect("one object");
    assert_eq!((&state["state"], &state["consistent"]), (&Value::from("unknown"), &Value::Null));
    assert_eq!(state["slot"]["name"], "sluice_verbs_status_half");
}

/// What others write is none of our business, however much it is; what waits for a lock is.
async fn is_as_late_as_it_is(major: u32) {
    let (db, sluice) = shop(major, "verbs_status_lag", "").await;
    let (source, target) = (db.source().await, db.target().await);
    source.batch_execute("CREATE TABLE elsewhere (v text)").await.expect("create");
    let mut running = sluice.spawn(&["run"]);
    wait_until("it streams", Duration::from_secs(60), || async { json(&sluice).await["state"] == "streaming" }).await;
    let state = json(&sluice).await;
    let copied = table(&state, "public.cruises");
    assert!(
        copied["copied_at"].as_str().is_some_and(|at| at.ends_with('Z')) && copied["copy_seconds"].is_number(),
        "{copied}"
    );
    let lag = async || {
        let state = json(&sluice).await;
        let seconds = state["lag"]["seconds"].as_f64().unwrap_or_else(|| panic!("no lag: {state}"));
        (seconds, state["lag"]["bytes"].as_u64().unwrap_or_else(|| panic!("no lag: {state}")))
    };
    let began = Instant::now();
    let (mut most, mut wrote) = (0.0f64, 0);
    while began.elapsed() < Duration::from_secs(4) {
        let rows = "INSERT INTO elsewhere SELECT repeat('x', 1000) FROM generate_series(1, 500)";
        source.batch_execute(rows).await.expect("insert");
        wrote += 500_000;
        most = most.max(lag().await.0);
    }
    assert!(most < 1.0, "{most} s late with nothing to do");
    wait_until("it shows all of it", Duration::from_secs(5), async || lag().await.1 < wrote / 4).await;

    target.batch_execute("BEGIN; LOCK TABLE cruises").await.expect("lock");
    source.batch_execute("UPDATE cruises SET name = 'z' WHERE id = 1").await.expect("update");
    let began = Instant::now();
    wait_until("it says that it is late", Duration::from_secs(20), async || lag().await.0 > 2.0).await;
    assert!(began.elapsed() > Duration::from_secs(2), "not later than it is: {:?}", began.elapsed());
    target.batch_execute("ROLLBACK").await.expect("rollback");
    wait_until("it has caught up", Duration::from_secs(20), async || lag().await.0 < 1.0).await;
    running.term();
    running.wait(Duration::from_secs(20)).await;
}
