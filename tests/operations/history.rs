//! Each run leaves a row: how long, how much, how fast, how it ended; one that was killed has the next one say so.

use std::time::Duration;

use serde_json::Value;

use super::{LIMIT, ends, run, shop, streams};
use crate::servers::wait_until;
use crate::shapes::flow::{number, text};
use crate::sluice::Sluice;

majors!(
    each_run_is_told,
    one_that_was_killed_is_told_by_the_next,
    one_that_is_overtaken_tells_it_itself,
    the_old_ones_go
);

async fn history(sluice: &Sluice) -> Vec<Value> {
    let said = sluice.ok(&["status", "--history", "--json"]).await.stdout;
    serde_json::from_str(&said).expect("one list")
}

async fn each_run_is_told(major: u32) {
    let (_db, s, t, sluice) = shop(major, "ops_history", "").await;
    let none = sluice.ok(&["status", "--history"]).await;
    assert!(
        none.stdout.is_empty() && none.stderr.contains("nothing of pipeline ops_history has been run"),
        "{}",
        none.stderr
    );
    sluice.ok(&["run", "--until-caught-up"]).await;
    run(&s, "UPDATE ports SET name = 'x' WHERE id <= 7; DELETE FROM ships WHERE id <= 3").await;
    sluice.ok(&["run", "--until-caught-up"]).await;
    let timeout = sluice.run(&["run", "--timeout", "3s"]).await;
    assert_eq!(timeout.code, 7, "{}", timeout.stderr);

    let told = history(&sluice).await;
    let word = |run: &Value| (run["outcome"].as_str().unwrap_or("").to_owned(), run["exit_code"].as_i64());
    let words: Vec<_> = told.iter().map(word).collect();
    assert_eq!(words, [("timeout".into(), Some(7)), ("caught up".into(), Some(0)), ("caught up".into(), Some(0))]);
    let (second, first) = (&told[1], &told[2]);
    assert_eq!((first["copied_rows"].as_i64(), first["changes"].as_i64()), (Some(700), Some(0)), "{first}");
    assert!(
        first["copied_bytes"].as_i64() > Some(5000) && first["copied_rows_per_second"].as_f64() > Some(0.0),
        "{first}"
    );
    assert_eq!(first["tables"]["public.ships"]["copied_rows"], 500);
    assert_eq!((second["copied_rows"].as_i64(), second["changes"].as_i64()), (Some(0), Some(10)), "{second}");
    assert_eq!(second["tables"]["public.ports"], serde_json::json!({ "changes": 7 }));
    assert_eq!(second["tables"]["public.ships"]["changes"], 3);
    // one goes on where the other ended
    let on = "SELECT count(*) FROM sluice.runs a JOIN sluice.runs b ON b.id = a.id + 1 AND b.from_lsn >= a.upto_lsn AND b.upto_lsn >= b.from_lsn";
    assert_eq!(number(&t, on).await, 2, "{told:?}");
    assert_ne!(second["from_lsn"], second["upto_lsn"]);
    assert!(told[0]["seconds"].as_f64() >= Some(2.9) && told[0]["seconds"].as_f64() < Some(10.0), "{}", told[0]);
    let policy = text(&t, "SELECT policy FROM sluice.checkpoint").await;
    assert!(
        told.iter().all(|run| run["policy"] == policy.as_str() && run["version"] == env!("CARGO_PKG_VERSION")),
        "{told:?}"
    );
    assert!(told.iter().all(|run| run["ended"].is_string() && run["verb"] == "run"), "{told:?}");

    let shown = sluice.ok(&["status", "--history"]).await.stdout;
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines[0].starts_with("BEGUN (UTC)") && lines.len() == 4, "{shown}");
    assert!(
        lines[1].contains("timeout, exit 7") && lines[3].contains("caught up") && lines[3].contains("700"),
        "{shown}"
    );
}

async fn one_that_was_killed_is_told_by_the_next(major: u32) {
    let (_db, s, t, sluice) = shop(major, "ops_history_killed", "").await;
    let mut running = sluice.spawn(&["run"]);
    streams(&t, &running).await;
    let there = "SELECT count(*) FROM sluice.runs WHERE ended IS NULL AND outcome IS NULL";
    wait_until("it has a row", LIMIT, || async { number(&t, there).await == 1 }).await;
    running.kill9();
    run(&s, "UPDATE ports SET name = 'x'").await;
    let next = sluice.ok(&["run", "--until-caught-up"]).await.stderr;
    assert!(next.contains("the run before this one was killed"), "{next}");
    let told = history(&sluice).await;
    assert_eq!((told.len(), &told[1]["outcome"], &told[1]["exit_code"]), (2, &Value::from("killed"), &Value::Null));
    assert_eq!(told[1]["ended"], told[1]["seen"]);
    assert_eq!((&told[0]["outcome"], told[0]["changes"].as_i64()), (&Value::from("caught up"), Some(200)));
    let quiet = sluice.ok(&["run", "--until-caught-up"]).await.stderr;
    assert!(!quiet.contains("was killed"), "once: {quiet}");
}

async fn one_that_is_overtaken_tells_it_itself(major: u32) {
    let (_db, s, t, sluice) = shop(major, "ops_history_two", "").await;
    let mut first = sluice.spawn(&["run"]);
    streams(&t, &first).await;
    let there = "SELECT count(*) FROM sluice.runs";
    wait_until("it has a row", LIMIT, || async { number(&t, there).await == 1 }).await;
    let second = sluice.spawn(&["run"]);
    assert_eq!(first.wait(LIMIT).await.code(), Some(5), "{}", first.log());
    wait_until("the other has one", LIMIT, || async { number(&t, there).await == 2 }).await;
    run(&s, "UPDATE ports SET name = 'y' WHERE id = 1").await;
    wait_until("it goes on", LIMIT, || async { number(&t, "SELECT count(*) FROM ports WHERE name = 'y'").await == 1 })
        .await;
    ends(second).await;
    let told = history(&sluice).await;
    assert_eq!((&told[1]["outcome"], &told[1]["exit_code"]), (&Value::from("failed"), &Value::from(5)), "{told:?}");
    assert!(
        told[1]["why"]
            .as_str()
            .is_some_and(|why| why.contains("another sluice has taken over") || why.contains("slot")),
        "{told:?}"
    );
    assert_eq!((&told[0]["outcome"], &told[0]["exit_code"]), (&Value::from("stopped"), &Value::from(0)));
}

async fn the_old_ones_go(major: u32) {
    let (_db, _s, t, sluice) = shop(major, "ops_history_old", "").await;
    sluice.ok(&["run", "--until-caught-up"]).await;
    let fill = "INSERT INTO sluice.runs (pipeline, verb, version, begun, seen, ended, seconds, outcome)
        SELECT p, 'run', '0', now() - age, now() - age, now() - age, 1, 'stopped' FROM (VALUES ('ops_history_old'), ('others')) p(p),
          LATERAL (SELECT interval '91 days' AS age UNION ALL SELECT interval '1 day' FROM generate_series(1, 1200)) a";
    run(&t, fill).await;
    sluice.ok(&["run", "--until-caught-up"]).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let of = |pipeline: &str| format!("SELECT count(*) FROM sluice.runs WHERE pipeline = '{pipeline}'");
    assert_eq!(number(&t, &of("ops_history_old")).await, 1000);
    assert_eq!(number(&t, &of("others")).await, 1201, "others keep theirs");
    assert_eq!(
        number(
            &t,
            "SELECT count(*) FROM sluice.runs WHERE pipeline = 'ops_history_old' AND begun < now() - interval '90 days'"
        )
        .await,
        0
    );
    assert_eq!(history(&sluice).await.len(), 1000);
}
