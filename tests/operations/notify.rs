//! Being told, by receivers that are as receivers are: good ones, and such as hang, refuse, fail, ask for patience, or point elsewhere.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use super::receiver::{Answer, Receiver};
use crate::servers::wait_until;
use crate::sluice::Sluice;
use crate::verbs::serve::{free_port, get};
use crate::verbs::shop;

majors!(
    a_run_is_told_from_its_start_to_its_end,
    what_holds_it_is_told_and_that_it_goes_on,
    receivers_that_fail_harm_nobody,
    what_comes_again_and_again_is_told_once_in_a_while,
    check_looks_and_tests
);

const SECRET: &str = "hunter2-hunter2-hunter2-hunter2";

fn webhook(of: &Receiver) -> String {
    format!("{{ url: \"{}\", secret: {SECRET} }}", of.url())
}

/// At its most verbose nothing that it says has a URL or a secret in it.
fn tells_no_secret(sluice: &Sluice) {
    for entry in std::fs::read_dir(&sluice.dir).expect("the pipeline's directory") {
        let path = entry.expect("a file").path();
        if path.extension().is_some_and(|e| e == "out" || e == "err") {
            let text = std::fs::read_to_string(&path).expect("text");
            let line = text.lines().find(|line| line.contains("hunter2"));
            assert!(line.is_none(), "{}: {}", path.display(), line.unwrap_or_default());
        }
    }
}

async fn a_run_is_told_from_its_start_to_its_end(major: u32) {
    let (slack, hook) = (Receiver::new(&[Answer::Code(200)]).await, Receiver::new(&[Answer::Code(204)]).await);
    let some = Receiver::new(&[Answer::Code(200)]).await;
    let rest = format!(
        "notify: {{ slack: \"{}\", webhooks: [{}, {{ url: \"{}\", events: [held, finished] }}] }}",
        slack.url(),
        webhook(&hook),
        some.url()
    );
    let (db, sluice) = shop(major, "ops_told", &rest).await;
    let sluice = sluice.env("SLUICE_LOG", "trace");
    sluice.ok(&["run", "--until-caught-up", "-vv"]).await;
    let kinds = hook.kinds();
    assert!(kinds.starts_with(&["started".into()]) && kinds.ends_with(&["finished".into()]), "{kinds:?}");
    assert_eq!(some.kinds(), ["finished"], "only what it asked for");
    let finished = hook.hears("finished").await;
    let body = finished.json();
    assert_eq!((&body["version"], &body["pipeline"], &body["half"]), (&1.into(), &"ops_told".into(), &Value::Null));
    let tables = &body["data"]["copied"]["tables"];
    assert_eq!((&tables["public.cruises"]["rows"], &tables["public.customers"]["rows"]), (&200.into(), &100.into()));
    assert!(tables["public.cruises"]["bytes"].as_u64() > Some(1000), "{body}");
    assert_eq!(body["data"]["copied"]["rows"], 300);
    // its audit's head is in it: an anchor of the chain outside of the target
    let head = body["audit"]["head"].as_str().expect("a head").to_owned();
    assert_eq!(sluice.ok(&["audit", "verify", "--head", &head]).await.code, 0);
    // as Standard Webhooks says
    let (id, at) = (finished.header("webhook-id"), finished.header("webhook-timestamp"));
    assert_eq!(body["id"], id);
    let seconds: i64 = at.parse().expect("seconds");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock").as_secs() as i64;
    assert!((now - seconds).abs() < 60);
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("a key");
    mac.update(format!("{id}.{at}.").as_bytes());
    mac.update(&finished.body);
    assert_eq!(finished.header("webhook-signature"), format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())));
    assert_eq!(finished.header("content-type"), "application/json");
    assert!(some.hears("finished").await.header("webhook-signature").is_empty(), "it has no secret");
    let texts: Vec<String> =
        slack.sent().iter().map(|s| s.json()["text"].as_str().unwrap_or_default().to_owned()).collect();
    assert!(texts.iter().any(|t| t.starts_with(":large_green_circle: *ops_told* finished in ")), "{texts:?}");
    assert_eq!(slack.sent()[0].path, "/hunter2/hook");

    assert!(sluice.ok(&["plan", "--json"]).await.stdout.contains("slack: { url: "), "what is in force is shown");

    // an end that is none
    db.source()
        .await
        .batch_execute("ALTER TABLE customers ALTER email TYPE bytea USING convert_to(email, 'UTF8')")
        .await
        .expect("a migration");
    let output = sluice.run(&["run", "--until-caught-up", "-vv"]).await;
    assert_eq!(output.code, 2, "{}", output.stderr);
    let failed = hook.hears("failed").await.json();
    assert_eq!(failed["data"]["exit_code"], 2);
    assert!(failed["data"]["why"].as_str().is_some_and(|why| why.contains("public.customers")), "{failed}");
    tells_no_secret(&sluice);
}

async fn what_holds_it_is_told_and_that_it_goes_on(major: u32) {
    let hook = Receiver::new(&[Answer::Code(200)]).await;
    let (db, sluice) = shop(major, "ops_told_held", &format!("notify: {{ webhooks: [{}] }}", webhook(&hook))).await;
    let (source, target) = (db.source().await, db.target().await);
    let mut running = sluice.spawn(&["run"]);
    let caught_up = hook.hears("caught_up").await;
    assert!(caught_up.json()["data"]["copied"]["public.cruises"]["done"].as_bool().unwrap_or_default());
    target
        .batch_execute("ALTER TABLE cruises ADD CONSTRAINT short CHECK (length(name) < 20)")
        .await
        .expect("a constraint");
    source.batch_execute("UPDATE cruises SET name = 'a name that nobody may read' WHERE id = 7").await.expect("update");
    let held = hook.hears("held").await.json();
    let data = &held["data"];
    assert_eq!((&data["table"], &data["sqlstate"]), (&"public.cruises".into(), &"23514".into()), "{held}");
    assert!(data["why"].as_str().is_some_and(|why| why.contains("constraint \"short\"")), "{held}");
    assert!(data["hint"].as_str().is_some_and(|hint| hint.contains("nothing is lost")), "{held}");
    assert!(!held.to_string().contains("nobody may read"));
    target.batch_execute("ALTER TABLE cruises DROP CONSTRAINT short").await.expect("mended");
    let resumed = hook.hears("resumed").await.json();
    assert!(resumed["data"]["stood_still_seconds"].as_u64().is_some(), "{resumed}");
    // a column that nobody has classified
    source.batch_execute("ALTER TABLE customers ADD nickname text").await.expect("a column");
    source.batch_execute("UPDATE customers SET nickname = 'n' WHERE id = 1").await.expect("a row of it");
    let drift = hook.hears("drift").await.json();
    assert_eq!(drift["data"]["withheld"], serde_json::json!(["public.customers.nickname"]));
    running.term();
    assert_eq!(running.wait(Duration::from_secs(20)).await.code(), Some(0));
    assert_eq!(hook.kinds().last().map(String::as_str), Some("stopped"));
    assert!(!hook.kinds().contains(&"failed".to_owned()), "{:?}", hook.kinds());
}

async fn receivers_that_fail_harm_nobody(major: u32) {
    let good = Receiver::new(&[Answer::Code(200)]).await;
    let hangs = Receiver::new(&[Answer::Never]).await;
    let fails = Receiver::new(&[Answer::Code(500), Answer::Code(503), Answer::Code(200)]).await;
    let waits = Receiver::new(&[Answer::Wait(429, 3), Answer::Code(200)]).await;
    let points = Receiver::new(&[Answer::Elsewhere(format!("http://127.0.0.1:{}/elsewhere", good.port))]).await;
    let gone = Receiver::new(&[Answer::Code(404)]).await;
    let nobody = free_port();
    let all = [&good, &hangs, &fails, &waits, &points, &gone].map(webhook).join(", ");
    let port = free_port();
    let rest = format!(
        "notify: {{ webhooks: [{all}, {{ url: \"http://127.0.0.1:{nobody}/hunter2\" }}] }}\nserve: {{ listen: \"127.0.0.1:{port}\" }}"
    );
    let (db, sluice) = shop(major, "ops_told_ill", &rest).await;
    let (source, target) = (db.source().await, db.target().await);
    let sluice = sluice.env("SLUICE_LOG", "trace");
    let mut running = sluice.spawn(&["run", "-vv"]);
    wait_until("it is ready", Duration::from_secs(30), || async { get(port, "/readyz").0 == 200 }).await;
    // nobody who works waits for those who hang
    let begin = Instant::now();
    source.batch_execute("INSERT INTO cruises VALUES (1000, 'new')").await.expect("insert");
    let there = || async {
        target.query_one("SELECT count(*) FROM cruises WHERE id = 1000", &[]).await.expect("count").get::<_, i64>(0)
            == 1
    };
    wait_until("it is applied", Duration::from_secs(5), there).await;
    assert!(begin.elapsed() < Duration::from_secs(5));
    wait_until("it is told after all", Duration::from_secs(30), || async {
        fails.sent().len() >= 3 && waits.sent().len() >= 2
    })
    .await;
    let (sent, first) = (fails.sent(), fails.sent()[0].clone());
    assert!(sent[..3].iter().all(|s| s.header("webhook-id") == first.header("webhook-id")), "the same one each time");
    assert_eq!((&first.body, first.kind()), (&sent[2].body, "started".to_owned()));
    assert!(
        sent[1].at - first.at >= Duration::from_secs(1) && sent[2].at - sent[1].at >= Duration::from_secs(4),
        "later and later"
    );
    let sent = waits.sent();
    assert!(sent[1].at - sent[0].at >= Duration::from_secs(3), "when it wants to be asked");
    assert!(good.sent().iter().all(|s| s.path == "/hunter2/hook"), "nobody is led elsewhere");
    let metrics = get(port, "/metrics").1;
    let count = |receiver: usize, outcome: &str| {
        let name = format!("receiver=\"notify.webhooks[{receiver}]\",outcome=\"{outcome}\"");
        metrics.lines().find(|l| l.contains(&name)).and_then(|l| l.rsplit(' ').next()?.parse::<u64>().ok()).unwrap_or(0)
    };
    let counts = |outcome: &str| (0..7).map(|i| count(i, outcome)).collect::<Vec<_>>();
    let (sent, failed) = (counts("sent"), counts("failed"));
    assert!(sent[0] >= 1 && sent[2] >= 1 && sent[3] >= 1, "{metrics}");
    assert!(failed[4] >= 1 && failed[5] >= 1, "{metrics}");
    assert_eq!((sent[1], sent[4], sent[5], sent[6]), (0, 0, 0, 0), "{metrics}");
    assert_eq!(
        (points.sent().len() as u64, gone.sent().len() as u64),
        (failed[4], failed[5]),
        "a verdict is not asked for twice"
    );
    // nor does the end wait for them
    let begin = Instant::now();
    running.term();
    assert_eq!(running.wait(Duration::from_secs(20)).await.code(), Some(0));
    assert!(begin.elapsed() < Duration::from_secs(8), "{:?}", begin.elapsed());
    assert_eq!(good.kinds().last().map(String::as_str), Some("stopped"));
    assert!(running.log().contains("a notification is not taken"), "{}", running.log());
    tells_no_secret(&sluice);
}

async fn what_comes_again_and_again_is_told_once_in_a_while(major: u32) {
    let hook = Receiver::new(&[Answer::Code(200)]).await;
    let rest = format!("notify: {{ webhooks: [{}], repeat: 8s }}", webhook(&hook));
    let (db, sluice) = shop(major, "ops_told_often", &rest).await;
    let (source, target) = (db.source().await, db.target().await);
    let mut running = sluice.spawn(&["run"]);
    hook.hears("caught_up").await;
    for i in 1..=5 {
        target.batch_execute(&format!("DELETE FROM cruises WHERE id = {i}")).await.expect("an edit");
        source.batch_execute(&format!("UPDATE cruises SET name = 'x' WHERE id = {i}")).await.expect("update");
        tokio::time::sleep(Duration::from_millis(1200)).await;
    }
    let told = || hook.sent().iter().filter(|s| s.kind() == "diverged").map(|s| s.json()).collect::<Vec<_>>();
    wait_until("the rest is told", Duration::from_secs(30), || async { told().len() == 2 }).await;
    let told = told();
    assert_eq!((&told[0]["suppressed"], &told[0]["data"]["in_this_run"]), (&0.into(), &1.into()), "{told:?}");
    assert!(told[1]["suppressed"].as_u64() >= Some(1), "{told:?}");
    assert_eq!(told[1]["data"]["in_this_run"], 5);
    running.term();
    running.wait(Duration::from_secs(20)).await;
}

async fn check_looks_and_tests(major: u32) {
    let (good, gone) = (Receiver::new(&[Answer::Code(200)]).await, Receiver::new(&[Answer::Code(410)]).await);
    let rest = format!(
        "notify: {{ slack: \"{}\", webhooks: [{}, {{ url: \"https://hunter2.invalid/\" }}] }}",
        good.url(),
        webhook(&gone)
    );
    let (_db, sluice) = shop(major, "ops_told_check", &rest).await;
    let output = sluice.run(&["check"]).await;
    assert!(
        output.stdout.contains("notify.webhooks[1]  its host has no address here")
            || output.stdout.contains("its host has no address here"),
        "{}",
        output.stdout
    );
    assert!(good.sent().is_empty() && gone.sent().is_empty(), "it only looks");
    let output = sluice.run(&["check", "--notify", "--json"]).await;
    assert_eq!(output.code, 3, "{}", output.stdout);
    let report: Value = serde_json::from_str(&output.stdout).expect("JSON");
    let says = |name: &str, state: &str| {
        let checks = report["checks"].as_array().expect("checks").iter();
        let found =
            checks.filter(|c| c["name"] == name && c["state"] == state).map(|c| c["says"].as_str().unwrap_or_default());
        found.collect::<Vec<_>>().join("; ")
    };
    assert!(says("notify.slack", "passed").contains("it has taken a test"), "{report}");
    assert!(says("notify.webhooks[0]", "failed").contains("it answers 410"), "{report}");
    assert!(says("notify.webhooks[1]", "failed").contains("it has not taken a test"), "{report}");
    assert!(good.sent()[0].json()["text"].as_str().is_some_and(|t| t.contains("a test")));
    assert_eq!(gone.kinds(), ["test"]);
    tells_no_secret(&sluice);
}
