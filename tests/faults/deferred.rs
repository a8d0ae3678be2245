//! A check on staging that waits for the commit: what it refuses is said by table and position, and what came before it is there.
//! No one row is to blame, so none goes aside either.

use serde_json::Value;

use super::world::{self, World, number, run};
use crate::servers::wait_until;

majors!(a_commit_is_refused);

/// Fires for us too, so a pipeline would not have begun with it: it comes while it runs.
const TRAP: &str = "CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not %', NEW; END $$;
    CREATE CONSTRAINT TRIGGER late AFTER INSERT ON big DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW WHEN (NEW.id = 7002) EXECUTE FUNCTION late();
    ALTER TABLE big ENABLE ALWAYS TRIGGER late";

async fn a_commit_is_refused(major: u32) {
    let world = World::new(major, false).await;
    world.catch_up().await;
    let (production, staging) = (world.production().await, world.staging().await);
    let mut running = world.also("apply: { on_error: quarantine }\n").spawn(&["run"]);
    // met, as it is written, before the trap is there
    run(&production, "UPDATE big SET n = 9 WHERE id = 1; INSERT INTO log VALUES (1, 'met'); UPDATE txt SET v = 'met'; UPDATE uid SET v = 1").await;
    let began = "SELECT (count(*) = 600)::int::bigint FROM uid WHERE v = 1";
    wait_until("it streams", world::LIMIT, || async { number(&staging, began).await == 1 }).await;
    // all of them in one batch of ours
    let gate = world.staging().await;
    run(&gate, "BEGIN; LOCK TABLE txt IN ACCESS EXCLUSIVE MODE").await;
    run(&production, "UPDATE txt SET v = 'held'").await;
    let waits =
        "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'sluice/%' AND wait_event_type = 'Lock'";
    wait_until("it waits", world::LIMIT, || async { number(&staging, waits).await == 1 }).await;
    run(&staging, TRAP).await;
    for id in 7001..7004 {
        run(
            &production,
            &format!("INSERT INTO big VALUES ({id}, 0, {id}, 'secret'); INSERT INTO log VALUES ({id}, 'x')"),
        )
        .await;
    }
    run(&gate, "COMMIT").await;
    let hold = || async {
        let state: Value = serde_json::from_str(&world.sluice.ok(&["status", "--json"]).await.stdout).expect("JSON");
        state["hold"].as_str().unwrap_or_default().to_owned()
    };
    wait_until("it says whose it is", world::LIMIT, || async {
        let why = hold().await;
        why.contains("a deferred check on public.big in the transaction that ends at") && why.contains("P0001")
    })
    .await;
    assert!(running.ended().is_none(), "{}", running.log());
    assert_eq!(number(&staging, "SELECT count(*) FROM sluice.quarantine").await, 0);
    assert!(!running.log().contains("secret"), "{}", running.log());
    let there = "SELECT string_agg(id::text, ',' ORDER BY id) FROM big WHERE id > 7000";
    assert_eq!(world::text(&staging, there).await, "7001", "what came before it is there, what comes behind it is not");
    run(&staging, "ALTER TABLE big DISABLE TRIGGER late").await;
    wait_until("it goes on", world::LIMIT, || async { world::text(&staging, there).await == "7001,7002,7003" }).await;
    running.term();
    running.wait(std::time::Duration::from_secs(10)).await;
    run(&staging, "DROP TRIGGER late ON big").await;
    world.catch_up().await;
    world.equal().await;
}
