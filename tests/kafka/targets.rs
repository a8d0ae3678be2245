//! Several targets of one topic, each with what is its own; and what is no target.

use std::time::Duration;

use super::followed::{ENDS, Followed, refused, says};
use super::walk::{self, SOON};
use crate::check::{self, Table};
use crate::servers::{Broker, Pair, wait_until};
use crate::shapes::flow::number;
use crate::sluice::Sluice;

eighteen!(
    each_has_what_is_its_own,
    production_is_none,
    another_slot_brings_all_anew,
    a_stricter_rule_reaches_both_halves,
    one_that_has_read_nothing_yet,
);

async fn each_has_what_is_its_own(major: u32) {
    let mut f = Followed::new(major, "kafka_targets", "").await;
    let other = Pair::get(major).create_db(&format!("kafka_targets_b_{major}")).await;
    let o = other.target().await;
    walk::run(&o, walk::SCHEMA).await;
    walk::run(
        &o,
        "INSERT INTO guests VALUES (1, 'own@staging', 1); INSERT INTO handles VALUES ('own', -1), ('theirs', 7)",
    )
    .await;
    let own = "protect: { tables: [public.guests], rows: { public.handles: \"v < 0\" } }\n";
    let rules = walk::rules(&f.db.name, &Broker::shared().addr());
    let stays = "public.guests: exclude";
    let rules = format!("{}{own}", rules.replace("public.guests: { columns: { email: email } }", stays));
    assert!(rules.contains(stays));
    let sluice = Sluice::over(&f.db.name, &f.db.source_url(), &other.target_url(), &rules);
    let mut applies = sluice.spawn(&["apply"]);
    wait_until("it has begun", SOON, || async { o.query("SELECT 1 FROM sluice.pending", &[]).await.is_ok() }).await;
    let halves = [&f.capture, &applies];
    walk::shows(&f.s, &o, 20_001, &halves).await;
    walk::run(&f.s, walk::CHANGES).await;
    walk::shows(&f.s, &o, 20_002, &halves).await;
    assert_eq!(number(&o, "SELECT count(*) FROM guests").await, 1, "a table of its own");
    assert_eq!(number(&o, "SELECT count(*) FROM handles WHERE handle = 'own' AND v = -1").await, 1, "a row of its own");
    assert_eq!(number(&o, "SELECT count(*) FROM handles WHERE handle = 'theirs'").await, 0, "no row of its own");
    check::equal(&f.s, &o, Table::named("cruises")).await;
    // what is not its own any more is production's
    applies.term();
    assert!(applies.wait(ENDS).await.success(), "{}", applies.log());
    sluice.lay(&f.db.name, &walk::rules(&f.db.name, &Broker::shared().addr()));
    let mut applies = sluice.spawn(&["apply"]);
    says(&applies, "INFO running").await;
    walk::shows(&f.s, &o, 20_003, &[&f.capture]).await;
    walk::equal(&f.s, &o).await;
    applies.term();
    assert!(applies.wait(ENDS).await.success(), "{}", applies.log());
    f.shows().await;
    f.ends_equal().await;
}

async fn production_is_none(major: u32) {
    let f = Followed::new(major, "kafka_target_is", "").await;
    let rules = walk::rules(&f.db.name, &Broker::shared().addr());
    let wrong = Sluice::over(&f.db.name, &f.db.target_url(), &f.db.source_url(), &rules);
    let done = wrong.run(&["apply", "--until-caught-up"]).await;
    assert_eq!(done.code, 5, "{}", done.stderr);
    assert!(done.stderr.contains("it is production"), "{}", done.stderr);
    assert_eq!(
        number(&f.s, "SELECT count(*) FROM pg_namespace WHERE nspname = 'sluice'").await,
        0,
        "nothing is made there"
    );
    f.ends_equal().await;
}

async fn another_slot_brings_all_anew(major: u32) {
    let mut f = Followed::new(major, "kafka_slot", "").await;
    f.capture.term();
    assert!(f.capture.wait(ENDS).await.success());
    walk::run(&f.s, &format!("SELECT pg_drop_replication_slot('sluice_{}')", f.db.name)).await;
    walk::run(&f.s, walk::CHANGES).await;
    f.captures();
    refused(&mut f.capture, &["is gone from production", "sluice capture --anew"]).await;
    f.capture = f.sluice.spawn(&["capture", "--anew"]);
    says(&f.apply, "brought anew").await;
    f.shows().await;
    walk::equal(&f.s, &f.t).await;
    walk::run(&f.s, "DELETE FROM guests WHERE id % 3 = 0; UPDATE cruises SET name = 'last'").await;
    f.ends_equal().await;
}

async fn a_stricter_rule_reaches_both_halves(major: u32) {
    let (db, s, t) = walk::shop(major, "kafka_stricter").await;
    let rules = walk::rules(&db.name, &Broker::shared().addr());
    let sluice = Sluice::between(&db, &rules);
    let mut running = sluice.spawn(&["run"]);
    wait_until("it has begun", SOON, || async { t.query("SELECT 1 FROM sluice.pending", &[]).await.is_ok() }).await;
    walk::shows(&s, &t, 30_001, &[&running]).await;
    assert!(number(&t, "SELECT count(*) FROM cruises WHERE name LIKE 'cruise%'").await > 0);
    let stricter = rules.replace(
        "public.guests:",
        "public.cruises: { columns: { name: { mask: hash, length: 12 }, body: keep } }\n  public.guests:",
    );
    sluice.lay(&db.name, &stricter);
    running.signal(libc::SIGHUP);
    wait_until("what is there already is masked", SOON, || async {
        number(&t, "SELECT count(*) FROM cruises WHERE name LIKE 'cruise%'").await == 0
    })
    .await;
    walk::run(&s, "UPDATE cruises SET name = 'cruise again' WHERE id < 50; INSERT INTO cruises VALUES (9000, 'cruise of a new row', 'b')").await;
    walk::shows(&s, &t, 30_002, &[&running]).await;
    assert_eq!(number(&t, "SELECT count(*) FROM cruises WHERE name LIKE 'cruise%'").await, 0, "{}", running.log());
    assert_eq!(number(&t, "SELECT count(*) FROM cruises WHERE id = 9000").await, 1);
    running.term();
    assert!(running.wait(Duration::from_secs(20)).await.success(), "{}", running.log());
}

/// It begins at the topic's end, where it does not know how far that has come: what it took for it may be older. It is killed before it has applied
/// anything.
async fn one_that_has_read_nothing_yet(major: u32) {
    let (db, s, t) = walk::shop(major, "kafka_nothing_yet").await;
    let sluice = Sluice::between(&db, &walk::rules(&db.name, &Broker::shared().addr()));
    let mut capture = sluice.spawn(&["capture"]);
    says(&capture, "INFO running").await;
    let mut dying = sluice.clone().env("SLUICE_FAILPOINT", "apply.before_commit").spawn(&["apply"]);
    says(&dying, "INFO running").await;
    walk::run(&s, "INSERT INTO log VALUES (1, 'it dies of this')").await;
    assert_eq!(dying.wait(ENDS).await.code(), None, "{}", dying.log());
    walk::run(&t, "UPDATE sluice.checkpoint SET lsn = lsn - 1").await;
    let mut apply = sluice.spawn(&["apply"]);
    says(&apply, "INFO running").await;
    walk::shows(&s, &t, 40_001, &[&capture, &apply]).await;
    walk::equal(&s, &t).await;
    for half in [&mut capture, &mut apply] {
        half.term();
        assert!(half.wait(ENDS).await.success(), "{}", half.log());
    }
}
