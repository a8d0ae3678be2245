//! Production is migrated amid the stream, with an applier that is behind: what the topic says of a table stands where its rows do.

use super::followed::{ENDS, Followed, says};
use super::walk::{self, SOON};
use crate::check::{self, Table};
use crate::servers::wait_until;
use crate::shapes::flow::number;

majors!(a_shape_changes_while_the_applier_is_behind, a_masked_column_is_renamed);

async fn a_shape_changes_while_the_applier_is_behind(major: u32) {
    let mut f = Followed::new(major, "kafka_migrates", "").await;
    let copied = async |f: &Followed, name: &str| {
        number(&f.t, &format!("SELECT rows_copied FROM sluice.tables WHERE name = '{name}'")).await
    };
    // comes withheld; a kept one takes another type, without a row rewritten; one goes
    let steps = [
        "BEGIN; UPDATE cruises SET name = 'before' WHERE id < 9; ALTER TABLE cruises ADD nick text DEFAULT 'secret'; UPDATE cruises SET name = 'after' WHERE id < 5; COMMIT",
        "BEGIN; ALTER TABLE cruises ALTER name TYPE varchar; UPDATE cruises SET name = name || '!' WHERE id < 7; INSERT INTO cruises VALUES (9001, 'new', 'body'); COMMIT",
        "BEGIN; UPDATE guests SET cruise = 7 WHERE id < 9; ALTER TABLE guests DROP cruise; INSERT INTO guests VALUES (9001, 'x@secret.example'); DELETE FROM guests WHERE id = 3; COMMIT",
    ];
    for step in steps {
        f.apply.term();
        assert!(f.apply.wait(ENDS).await.success());
        walk::run(&f.s, step).await;
        f.applies();
        f.shows().await;
        if step.contains("ADD nick") {
            assert_eq!(copied(&f, "cruises").await, 500, "nothing is copied again");
        }
    }
    let equal = async |f: &Followed| {
        check::equal(&f.s, &f.t, Table::named("cruises").without(&["nick"])).await;
        check::equal(&f.s, &f.t, Table::named("guests").without(&["email", "cruise"])).await;
        check::equal(&f.s, &f.t, "log").await;
        let diverged = "SELECT coalesce(sum(divergences), 0)::bigint FROM sluice.tables";
        assert_eq!(number(&f.t, diverged).await, 0);
    };
    equal(&f).await;
    assert_eq!(copied(&f, "guests").await, 1000, "nothing is copied again");
    let before = copied(&f, "cruises").await;
    // rewritten, with rows before and behind, and the applier comes to it later; it is brought again, once
    f.apply.term();
    assert!(f.apply.wait(ENDS).await.success());
    walk::run(&f.s, "BEGIN; UPDATE cruises SET name = 'low' WHERE id < 5; ALTER TABLE cruises ALTER name TYPE text USING upper(name); UPDATE cruises SET body = 'behind' WHERE id > 490; COMMIT").await;
    walk::run(&f.s, "UPDATE cruises SET body = 'later' WHERE id = 77; INSERT INTO log VALUES (4, 'later')").await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    f.applies();
    let same = || async { check::differences(&f.s, &f.t, Table::named("cruises").without(&["nick"])).await.is_none() };
    wait_until("it is brought", SOON, same).await;
    f.shows().await;
    equal(&f).await;
    assert_eq!(copied(&f, "cruises").await, before + 501, "it was copied again, once");
    for half in [&mut f.capture, &mut f.apply] {
        assert!(!half.log().contains("ERROR"), "{}", half.log());
        half.term();
        assert!(half.wait(ENDS).await.success());
    }
    equal(&f).await;
}

/// The rule names what there is not any more: the capture holds, and nothing raw is in the topic.
async fn a_masked_column_is_renamed(major: u32) {
    let mut f = Followed::new(major, "kafka_renames", "").await;
    walk::run(&f.t, "ALTER TABLE guests ADD mail text").await;
    walk::run(&f.s, "BEGIN; INSERT INTO guests VALUES (9001, 'a@canary.example', 1); ALTER TABLE guests RENAME email TO mail; INSERT INTO guests VALUES (9002, 'b@canary.example', 1); UPDATE guests SET mail = 'c' || id || '@canary.example' WHERE id < 5; COMMIT").await;
    says(&f.capture, "no column").await;
    assert!(f.capture.ended().is_none() && f.apply.ended().is_none(), "{}", f.capture.log());
    let raw = "SELECT count(*) FROM guests AS r WHERE r::text LIKE '%canary%' OR r::text LIKE '%secret%'";
    assert_eq!(number(&f.t, raw).await, 0);
    // nor in the topic
    let there = super::client::held(crate::servers::Broker::shared(), &f.db.name);
    assert!(!there.is_empty());
    for word in ["canary", "secret.example"] {
        assert!(
            !there.iter().any(|value| memchr::memmem::find(value, word.as_bytes()).is_some()),
            "{word} is in the topic"
        );
    }
    assert!(!f.capture.log().contains("canary"));
    // back again, and it goes on
    walk::run(&f.s, "ALTER TABLE guests RENAME mail TO email").await;
    f.capture.kill9();
    f.captures();
    f.shows().await;
    assert_eq!(number(&f.t, raw).await, 0);
    walk::equal(&f.s, &f.t).await;
}
