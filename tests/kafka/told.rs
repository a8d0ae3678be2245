//! What `check` and `status` say of the topic: its settings, where both halves stand in it, and how long what is unread is safe.

use std::time::Duration;

use rdkafka::admin::{AdminOptions, AlterConfig, NewTopic, ResourceSpecifier, TopicReplication};
use serde_json::Value;

use super::client::MINUTE;
use super::followed::{ENDS, Followed, admin};
use super::lost::expire;
use super::outages::guarded;
use super::walk::{self, SOON};
use crate::servers::{Broker, wait_until};
use crate::sluice::Sluice;

eighteen!(
    nothing_is_there_yet,
    all_that_is_wrong_is_told_at_once,
    who_is_not_let_in_is_told_so,
    a_target_that_is_down,
    why_a_capture_is_held,
    a_run_that_is_to_end_does_not_wait_for_it,
);

async fn json(sluice: &Sluice, verb: &str) -> Value {
    let output = sluice.run(&[verb, "--json"]).await;
    serde_json::from_str(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}{}", output.stdout, output.stderr))
}

/// How a check of the topic ended, what it says, and what mends it; of several of one name the worst.
async fn check(sluice: &Sluice, name: &str) -> (String, String, String) {
    let report = json(sluice, "check").await;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let found = report["checks"].as_array().expect("checks").iter().filter(|c| c["name"] == name);
    let worst = found.max_by_key(|c| ["passed", "skipped", "warned", "failed"].iter().position(|s| c["state"] == *s));
    let found = worst.unwrap_or_else(|| panic!("no {name} in {report}"));
    (text(&found["state"]), text(&found["says"]), text(&found["mend"]["text"]))
}

/// Sets these of a topic, and all others back.
async fn set(topic: &str, settings: &[(&str, &str)]) {
    let config = AlterConfig::new(ResourceSpecifier::Topic(topic)).set("max.message.bytes", "8388608");
    let config = settings.iter().fold(config, |config, (name, value)| config.set(name, value));
    let set = admin(Broker::shared()).alter_configs([&config], &AdminOptions::new()).await.expect("ask");
    assert!(set.iter().all(Result::is_ok), "{set:?}");
}

async fn nothing_is_there_yet(major: u32) {
    let (db, _s, _t) = walk::shop(major, "kafka_told").await;
    let sluice = Sluice::between(&db, &walk::rules(&db.name, &Broker::shared().addr()));
    let before = sluice.ok(&["check"]).await.stdout;
    for name in [db.name.clone(), format!("{}.requests", db.name), format!("{}.state", db.name)] {
        let line = format!("  ✓ ok     {name}: is not there yet; sluice capture makes it\n");
        assert!(before.contains(&line), "{before}");
    }
    let name = &db.name;
    for rights in [
        format!("capture: Write, Read, Describe, DescribeConfigs on topics {name}, {name}.requests, {name}.state "),
        format!(
            "apply: Read, Describe on topics {name}, {name}.state; Write, Describe on topic {name}.requests; Write, Describe on transactional ids with prefix {name}.\n"
        ),
    ] {
        assert!(before.contains(&rights), "{rights}: {before}");
    }
    let status = sluice.ok(&["status"]).await.stdout;
    let line = format!("\ntopic   {}   is not there yet: sluice capture makes it\ncapture   stopped\n", db.name);
    assert!(status.contains(&line), "{status}");

    sluice.ok(&["run", "--until-caught-up"]).await;
    assert!(check(&sluice, &db.name).await.1.starts_with("1 partition, cleanup.policy=delete, 1 copy, "));
    let state = check(&sluice, &format!("{}.state", db.name)).await.1;
    assert!(state.starts_with("1 partition, cleanup.policy=compact, "), "{state}");
    let kept = check(&sluice, &format!("retention of {}", db.name)).await;
    assert_eq!((kept.0.as_str(), kept.1.as_str()), ("passed", "7 days; a target may be down for so long"));
    assert!(check(&sluice, "capture").await.1.starts_with(&format!("of slot sluice_{} up to ", db.name)));
    let reads = check(&sluice, "this target").await;
    assert!(reads.0 == "passed" && reads.1.contains("has read all"), "{reads:?}");
    assert_eq!(check(&sluice, "continuity").await.1, "slot and topic belong together");
    assert_eq!(check(&sluice, "target and topic").await.1, "belong together");
    let state = json(&sluice, "status").await;
    assert_eq!(state["topic"]["apply"]["records"], 0, "{state}");
    assert_eq!((&state["topic"]["capture"]["state"], &state["state"]), (&"stopped".into(), &"stopped".into()));
    let text = sluice.ok(&["status"]).await.stdout;
    assert!(text.contains("   kept for 7 days\n") && text.contains("   has read all of it\n"), "{text}");
}

async fn all_that_is_wrong_is_told_at_once(major: u32) {
    let (db, _s, _t) = walk::shop(major, "kafka_told_wrong").await;
    let sluice = Sluice::between(&db, &walk::rules(&db.name, &Broker::shared().addr()));
    let [stream, state] = [db.name.clone(), format!("{}.state", db.name)];
    let wrong = [
        NewTopic::new(&stream, 3, TopicReplication::Fixed(1))
            .set("cleanup.policy", "compact,delete")
            .set("max.message.bytes", "500000")
            .set("retention.ms", "3600000")
            .set("retention.bytes", "1000000"),
        NewTopic::new(&state, 1, TopicReplication::Fixed(1)),
    ];
    let wait = AdminOptions::new().operation_timeout(Some(MINUTE));
    let made = admin(Broker::shared()).create_topics(&wrong, &wait).await.expect("ask");
    assert!(made.iter().all(Result::is_ok), "{made:?}");
    let text = sluice.run(&["check"]).await;
    assert_eq!(text.code, 3, "{}", text.stdout);
    for (what, mends) in [
        ("has 3 partitions", "do: name a topic that is not there yet"),
        ("is compacted", "in a shell: kafka-configs.sh --alter --entity-type topics --entity-name"),
        ("takes at most 500000 bytes", "--add-config max.message.bytes=8388608"),
        ("60 min: a target that is down for longer", "--add-config retention.ms=604800000"),
        ("retention.bytes=1000000: beyond it the oldest goes", "--add-config retention.bytes=-1"),
        ("must have one partition and be compacted", "do: delete it if nothing has been captured yet"),
        (".requests: is gone", "do: make it by hand"),
    ] {
        let mut lines = text.stdout.lines().skip_while(|line| !line.contains(what));
        assert!(lines.next().is_some() && lines.next().is_some_and(|l| l.contains(mends)), "{what}: {}", text.stdout);
    }
}

async fn who_is_not_let_in_is_told_so(major: u32) {
    let (_broker, port) = guarded();
    let (db, _s, _t) = walk::shop(major, "kafka_told_denied").await;
    let login = "sasl.mechanism: PLAIN, sasl.username: sluice, security.protocol: SASL_PLAINTEXT";
    let with = |password: &str| {
        let rules = walk::rules(&db.name, &format!("127.0.0.1:{port}"));
        let more = format!(", properties: {{ {login}, sasl.password: {password} }} }} }}");
        let topic = format!("topic: {}", db.name);
        Sluice::between(&db, &rules.replace(&format!("{topic} }} }}"), &format!("{topic}{more}")))
    };
    let (state, says, mends) = check(&with("wr0ng"), "kafka").await;
    assert_eq!(state, "failed");
    assert!(says.contains("Authentication") && mends.contains("kafka.properties"), "{says}, {mends}");
    let status = with("wr0ng").run(&["status"]).await;
    assert_eq!(status.code, 4, "{}", status.stderr);
    assert!(
        status.stdout.contains("cannot be read: ") && status.stdout.contains("Authentication"),
        "{}",
        status.stdout
    );
    assert!(!format!("{says}{mends}{}{}", status.stdout, status.stderr).contains("wr0ng"));
    assert_eq!(check(&with("right"), "kafka").await.1, "reached, 1 broker");
}

async fn a_target_that_is_down(major: u32) {
    let mut f = Followed::new(major, "kafka_told_down", "").await;
    let live = json(&f.sluice, "status").await;
    assert_eq!((&live["topic"]["capture"]["state"], &live["state"]), (&"streaming".into(), &"streaming".into()));
    wait_until("it has nothing unread", SOON, || async {
        let live = json(&f.sluice, "status").await;
        live["topic"]["apply"]["seconds"] == 0.0 && live["lag"]["seconds"].as_f64().is_some_and(|late| late < 1.0)
    })
    .await;
    f.apply.term();
    assert!(f.apply.wait(ENDS).await.success());
    walk::run(&f.s, walk::CHANGES).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let state = json(&f.sluice, "status").await;
    let (apply, lag) = (&state["topic"]["apply"], &state["lag"]);
    let number = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("no number: {state}"));
    assert!(number(&apply["records"]) > 100.0 && number(&apply["seconds"]) > 9.0, "{state}");
    assert!(number(&lag["seconds"]) > 9.0, "as late as the target is: {state}");
    assert!(number(&state["topic"]["capture"]["lag"]["seconds"]) < 2.0, "which is none of the capture's: {state}");
    let week = 7.0 * 86_400.0;
    assert!((week - 60.0..week).contains(&number(&apply["lost_in_seconds"])), "{state}");
    assert_eq!(apply["lost_at"].as_str().map(str::len), Some("2026-01-02T03:04:05Z".len()));
    let text = f.sluice.ok(&["status"]).await.stdout;
    assert!(text.contains(" records behind, the oldest ") && text.contains("   safe until "), "{text}");
    let (says, line) = ("passed", check(&f.sluice, "this target").await);
    assert!(line.0 == says && line.1.contains("records behind"), "{line:?}");

    // the same, of a topic that keeps nothing for long
    let topic = f.db.name.clone();
    for (part, state, words) in [(1.5, "warned", " are left"), (0.5, "failed", "it may go at any moment")] {
        let kept = number(&json(&f.sluice, "status").await["topic"]["apply"]["seconds"]) * part * 1000.0;
        set(&topic, &[("retention.ms", &format!("{kept:.0}")), ("segment.ms", "604800000")]).await;
        let line = check(&f.sluice, "this target").await;
        assert!(line.0 == state && line.1.contains(words) && line.2.contains("retention.ms="), "{kept}: {line:?}");
    }
    let text = f.sluice.ok(&["status"]).await.stdout;
    assert!(text.contains("may be lost at any moment"), "{text}");
    set(&topic, &[("retention.bytes", "104857600")]).await;
    let text = f.sluice.ok(&["status"]).await.stdout;
    assert!(text.contains("   100 MB at most: beyond it the oldest goes, read or not"), "{text}");

    // gone
    expire(&topic).await;
    let line = check(&f.sluice, "this target").await;
    assert!(line.0 == "failed" && line.1.contains("has expired unread") && line.2 == "sluice resync --all", "{line:?}");
    let state = json(&f.sluice, "status").await;
    assert_eq!(state["topic"]["apply"]["expired"], true, "{state}");
    let text = f.sluice.ok(&["status"]).await.stdout;
    assert!(text.contains("what lies between has expired unread; sluice resync --all"), "{text}");
    f.resync().await;
    f.applies();
    f.ends_equal().await;
}

/// It has no target on which it could write why: its session on production says it.
async fn why_a_capture_is_held(major: u32) {
    let mut f = Followed::new(major, "kafka_told_held", "").await;
    walk::run(&f.s, "ALTER TABLE guests RENAME email TO mail").await;
    walk::run(&f.s, "UPDATE guests SET cruise = 1 WHERE id = 1").await;
    wait_until("status says that it is held, and why", SOON, || async {
        let state = json(&f.sluice, "status").await;
        let capture = &state["topic"]["capture"];
        let why = capture["hold"].as_str().unwrap_or_default();
        state["state"] == "held" && capture["state"] == "held" && why.contains("email") && why.contains("hint: ")
    })
    .await;
    let text = f.sluice.ok(&["status"]).await.stdout;
    assert!(text.lines().any(|line| line.starts_with("capture   held   ") && line.contains("email")), "{text}");
    walk::run(&f.s, "ALTER TABLE guests RENAME mail TO email").await;
    f.shows().await;
    let state = json(&f.sluice, "status").await;
    assert_eq!(
        (&state["topic"]["capture"]["state"], &state["topic"]["capture"]["hold"]),
        (&"streaming".into(), &Value::Null)
    );
    f.ends_equal().await;
}

/// With both halves in one process: the one that applies would wait for a position that the other never comes to.
async fn a_run_that_is_to_end_does_not_wait_for_it(major: u32) {
    let mut f = Followed::new(major, "kafka_told_ends", "").await;
    for half in [&mut f.capture, &mut f.apply] {
        half.term();
        assert!(half.wait(ENDS).await.success(), "{}", half.log());
    }
    walk::run(&f.s, "ALTER TABLE guests RENAME email TO mail").await;
    walk::run(&f.s, "UPDATE guests SET cruise = 1 WHERE id = 1").await;
    let ended = f.sluice.run(&["run", "--until-caught-up"]).await;
    assert!([2, 5, 6].contains(&ended.code) && ended.stderr.contains("email"), "{} {}", ended.code, ended.stderr);
    walk::run(&f.s, "ALTER TABLE guests RENAME mail TO email").await;
    f.sluice.ok(&["run", "--until-caught-up"]).await;
    walk::equal(&f.s, &f.t).await;
}
