//! A freeze with a topic between: the topic takes the waiting, production none of it.

use std::time::Duration;

use super::walk::{CHANGES, SOON, equal, rules, run, shop, shows};
use crate::servers::{Broker, wait_until};
use crate::shapes::flow::{number, text};
use crate::sluice::Sluice;

majors!(the_topic_takes_the_waiting);

const PRINT: &str = "SELECT md5(concat((SELECT string_agg(t::text, '|' ORDER BY id) FROM cruises t), (SELECT string_agg(t::text, '|' ORDER BY id) FROM guests t),
    (SELECT string_agg(t::text, '|' ORDER BY t::text) FROM log t), (SELECT string_agg(t::text, '|' ORDER BY handle) FROM handles t)))";

async fn the_topic_takes_the_waiting(major: u32) {
    let (db, s, t) = shop(major, "ops_frozen").await;
    let rules = rules(&db.name, &Broker::shared().addr());
    let sluice = Sluice::between(&db, &rules);
    let (capture, mut apply) = (sluice.spawn(&["capture"]), sluice.spawn(&["apply"]));
    wait_until("it has begun", SOON, || async { t.query("SELECT 1 FROM sluice.pending", &[]).await.is_ok() }).await;
    shows(&s, &t, 10_001, &[&capture, &apply]).await;
    let frozen = sluice.ok(&["freeze", "--reason", "with a topic"]).await;
    let before = text(&t, PRINT).await;
    run(&s, CHANGES).await;
    // a part of a table comes in the topic, too
    sluice.ok(&["resync", "guests"]).await;
    // production lets go of it: the capture goes on
    let end = text(&s, "SELECT pg_current_wal_flush_lsn()::text").await;
    let slot = format!("sluice_{}", db.name);
    let heard = format!(
        "SELECT (confirmed_flush_lsn >= '{end}')::int::bigint FROM pg_replication_slots WHERE slot_name = '{slot}'"
    );
    wait_until("the topic has it", SOON, || async {
        run(&s, "SELECT pg_logical_emit_message(true, 'x', 'x')").await;
        number(&s, &heard).await == 1
    })
    .await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(text(&t, PRINT).await, before, "staging changed");
    assert!(frozen.stderr.contains("staging stands at "), "{}", frozen.stderr);
    // who applies instead stands as well, and who wants to be caught up is told
    apply.kill9();
    let refused = sluice.run(&["apply", "--until-caught-up"]).await;
    assert!(refused.code == 5 && refused.stderr.contains("with a topic"), "{} {}", refused.code, refused.stderr);
    let apply = sluice.spawn(&["apply"]);
    wait_until("it stands again", SOON, || async { apply.log().contains(" frozen until") }).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(text(&t, PRINT).await, before, "staging changed behind a restart");
    sluice.ok(&["resume"]).await;
    shows(&s, &t, 10_002, &[&capture, &apply]).await;
    equal(&s, &t).await;
    let told = "SELECT string_agg(concat_ws(' ', verb, outcome, exit_code), ', ' ORDER BY id) FROM sluice.runs";
    assert_eq!(text(&t, told).await, "apply killed, apply frozen 5, apply");
    for mut half in [capture, apply] {
        half.term();
        assert!(half.wait(Duration::from_secs(20)).await.success(), "{}", half.log());
    }
}
