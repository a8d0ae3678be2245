//! `sluice resync`: an edited staging is made right again, without being emptied.

use std::time::Duration;

use super::{number, shop};
use crate::check;
use crate::servers::wait_until;

majors!(brings_a_table_up_to_date, begins_all_over, takes_another_key, spares_the_original_of_a_copy, knows_its_tables);

async fn brings_a_table_up_to_date(major: u32) {
    let (db, sluice) = shop(major, "verbs_resync", "").await;
    let (source, target) = (db.source().await, db.target().await);
    sluice.ok(&["run", "--until-caught-up"]).await;
    let edits = "UPDATE cruises SET name = 'edited' WHERE id = 3; DELETE FROM cruises WHERE id = 4;
         INSERT INTO cruises VALUES (1001, 'nobody knows it')";
    target.batch_execute(edits).await.expect("edit");
    sluice.ok(&["run", "--until-caught-up"]).await;
    assert!(check::differences(&source, &target, "cruises").await.is_some(), "nobody has told it");
    let said = sluice.ok(&["resync", "cruises"]).await.stderr;
    assert!(said.contains("public.cruises is due as a whole\nNo sluice is running"), "{said}");
    assert!(sluice.ok(&["status"]).await.stdout.contains("1 range to copy"));
    sluice.ok(&["run", "--until-caught-up"]).await;
    check::equal(&source, &target, "cruises").await;
    // the same while it runs
    target.batch_execute(edits).await.expect("edit");
    let mut running = sluice.spawn(&["run"]);
    wait_until("it runs", Duration::from_secs(30), || async { running.log().contains("running") }).await;
    let said = sluice.ok(&["resync", "public.cruises"]).await.stderr;
    assert!(said.contains("The running sluice begins within a second or two"), "{said}");
    wait_until("it is right again", Duration::from_secs(30), || async {
        check::differences(&source, &target, "cruises").await.is_none()
    })
    .await;
    running.term();
    running.wait(Duration::from_secs(20)).await;
}

async fn begins_all_over(major: u32) {
    let (db, sluice) = shop(major, "verbs_resync_all", "").await;
    let (source, target) = (db.source().await, db.target().await);
    sluice.ok(&["run", "--until-caught-up"]).await;
    source
        .batch_execute("SELECT pg_drop_replication_slot('sluice_verbs_resync_all'); DELETE FROM cruises WHERE id = 9")
        .await
        .expect("lose the slot");
    let output = sluice.run(&["run", "--until-caught-up"]).await;
    assert_eq!(output.code, 5, "{}", output.stderr);
    assert!(output.stderr.contains("sluice resync --all"), "{}", output.stderr);
    let output = sluice.run(&["resync", "--all"]).await;
    assert_eq!(output.code, 5, "it asks first: {}", output.stderr);
    assert_eq!(number(&target, "SELECT count(*) FROM sluice.pending").await, 0, "and nothing was done");
    let said = sluice.ok(&["resync", "--all", "--yes"]).await.stderr;
    assert!(said.contains("does not exist on production"), "{said}");
    assert_eq!(number(&target, "SELECT count(*) FROM cruises").await, 200, "staging stays full");
    sluice.ok(&["run", "--until-caught-up"]).await;
    check::equal(&source, &target, "cruises").await;
    // a running one begins anew by itself, or ends with 5
    let mut running = sluice.spawn(&["run"]);
    wait_until("it runs", Duration::from_secs(30), || async { running.log().contains("running") }).await;
    let said = sluice.ok(&["resync", "--all", "--yes"]).await.stderr;
    assert!(said.contains("slot sluice_verbs_resync_all is dropped"), "{said}");
    source.batch_execute("DELETE FROM cruises WHERE id = 10").await.expect("delete");
    running.term();
    running.wait(Duration::from_secs(20)).await;
    sluice.ok(&["run", "--until-caught-up"]).await;
    check::equal(&source, &target, "cruises").await;
}

async fn takes_another_key(major: u32) {
    let (db, sluice) = shop(major, "verbs_resync_key", "").await;
    let target = db.target().await;
    let masked = "SELECT count(DISTINCT email) FROM (SELECT email FROM customers WHERE id = 1 UNION ALL SELECT email FROM kept) e";
    sluice.ok(&["run", "--until-caught-up"]).await;
    target.batch_execute("CREATE TABLE kept AS SELECT email FROM customers WHERE id = 1").await.expect("keep");
    // a target that gets a name gets another key by it: refused, with how to go on as before
    let yaml = std::fs::read_to_string(sluice.dir.join("sluice.yaml")).expect("read");
    let target_is = "target: { url: \"${SLUICE_TARGET_URL}\" }";
    assert!(yaml.contains(target_is), "{yaml}");
    let named = yaml.replace(target_is, "target: { url: \"${SLUICE_TARGET_URL}\", environment: dev }");
    sluice.configure(&named);
    let says = "CREATE TABLE sluice.environment (name text); INSERT INTO sluice.environment VALUES ('dev')";
    target.batch_execute(says).await.expect("what it is");
    let output = sluice.run(&["run", "--until-caught-up"]).await;
    assert_eq!(output.code, 5, "{}", output.stderr);
    assert!(output.stderr.contains("(of the environment dev): masked keys would not match"), "{}", output.stderr);
    assert!(output.stderr.contains("masking.environment: '' goes on so"), "{}", output.stderr);
    sluice.configure(&named.replace("_MASK_KEY}\" }", "_MASK_KEY}\", environment: '' }"));
    sluice.ok(&["run", "--until-caught-up"]).await;
    target.batch_execute("DROP TABLE sluice.environment").await.expect("it says so no more");
    sluice.configure(&yaml);
    let sluice = sluice.env("SLUICE_MASK_KEY", "YW5vdGhlciBrZXksIGFsc28gMzIgYnl0ZXMgbG9uZyE=");
    let output = sluice.run(&["run", "--until-caught-up"]).await;
    assert_eq!(output.code, 5, "{}", output.stderr);
    assert_eq!(number(&target, masked).await, 1);
    sluice.ok(&["resync", "--all", "--yes"]).await;
    sluice.ok(&["run", "--until-caught-up"]).await;
    assert_eq!(number(&target, masked).await, 2, "all is masked anew");
}

async fn spares_the_original_of_a_copy(major: u32) {
    let (db, sluice) = shop(major, "verbs_resync_copy", "").await;
    sluice.ok(&["run", "--until-caught-up"]).await;
    db.target().await.batch_execute("UPDATE sluice.checkpoint SET target_id = 'the original'").await.expect("a copy");
    let output = sluice.run(&["resync", "--all", "--yes"]).await;
    assert_eq!(output.code, 5, "{}", output.stderr);
    assert!(output.stderr.contains("a pipeline of its own"), "{}", output.stderr);
    assert_eq!(
        number(
            &db.source().await,
            "SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'sluice_verbs_resync_copy'"
        )
        .await,
        1
    );
}

async fn knows_its_tables(major: u32) {
    let (_db, sluice) = shop(major, "verbs_resync_names", "").await;
    let output = sluice.run(&["resync", "public.cruises"]).await;
    assert_eq!(output.code, 2, "{}", output.stderr);
    assert!(output.stderr.contains("has not run into this target yet"), "{}", output.stderr);
    sluice.ok(&["run", "--until-caught-up"]).await;
    let output = sluice.run(&["resync", "public.cruises", "public.custommers"]).await;
    assert_eq!(output.code, 2, "{}", output.stderr);
    assert!(output.stderr.contains("did you mean \"public.customers\"?"), "{}", output.stderr);
    assert!(sluice.ok(&["status"]).await.stdout.contains("consistent"), "one wrong name, and nothing was done");
}
