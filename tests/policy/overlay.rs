//! Rows of production's that have a value of staging's own: in the copy, with each change and after healing.

use crate::servers::wait_until;
use crate::shapes::Flow;
use crate::shapes::flow::{number, text};

majors!(values_of_its_own);

const SETTINGS: &str = "CREATE TABLE settings (key text PRIMARY KEY, value text, enabled boolean, note text);";

const YAML: &str = "tables:
  public.settings: { columns: { note: { mask: hash, length: 12 } } }
overlay:
  public.settings:
    - { where: key = 'mail.host', set: { value: mailpit.staging } }
    - { where: key LIKE 'mail.%', set: { value: of the second } }
    - { where: key LIKE 'pay.%', set: { value: off, enabled: false, note: staging } }";

/// What staging has of it, a row a line.
const THERE: &str = "SELECT string_agg(concat_ws(' ', key, value, enabled, CASE WHEN note = 'staging' THEN 'ours' WHEN note LIKE 'raw%' THEN 'raw' ELSE 'masked' END), ', ' ORDER BY key) FROM settings";

async fn values_of_its_own(major: u32) {
    let flow = Flow::with(major, "overlay", YAML).await;
    flow.both(SETTINGS).await;
    flow.source(
        "INSERT INTO settings VALUES ('mail.host', 'smtp.prod', true, 'raw1'), ('mail.from', 'us@prod', true, 'raw2'),
         ('pay.key', 'live', true, 'raw3'), ('colour', 'blue', true, 'raw4'), ('pay.none', NULL, true, NULL)",
    )
    .await;
    flow.catch_up().await;
    let copied = "colour blue t masked, mail.from of the second t masked, mail.host mailpit.staging t masked, pay.key off f ours, pay.none f masked";
    assert_eq!(text(&flow.t, THERE).await, copied);
    // changes, of keys too
    flow.source(
        "UPDATE settings SET value = 'smtp2.prod'; INSERT INTO settings VALUES ('pay.url', 'https://live', true, 'raw5');
         UPDATE settings SET key = 'pay.colour' WHERE key = 'colour'; UPDATE settings SET key = 'mail' WHERE key = 'mail.from'",
    )
    .await;
    flow.catch_up().await;
    let changed = "mail smtp2.prod t masked, mail.host mailpit.staging t masked, pay.colour off f ours, pay.key off f ours, pay.none off f masked, pay.url off f ours";
    assert_eq!(text(&flow.t, THERE).await, changed);
    // a tester's edit heals to staging's value, not to production's
    flow.target("DELETE FROM settings WHERE key = 'mail.host'").await;
    flow.source("UPDATE settings SET enabled = true WHERE key = 'mail.host'").await;
    flow.catch_up().await;
    assert_eq!(text(&flow.t, THERE).await, changed);
    let raw = "SELECT count(*) FROM settings WHERE (key LIKE 'mail.%' OR key LIKE 'pay.%') AND (value LIKE '%prod%' OR value LIKE '%live%')";
    wait_until("nothing is left to do", std::time::Duration::from_secs(30), || async {
        number(&flow.t, "SELECT count(*) FROM sluice.pending").await == 0
    })
    .await;
    assert_eq!(number(&flow.t, raw).await, 0);

    // the lock says what a column is, and nothing of the rows; it fits with and without them
    flow.sluice.ok(&["init", "--lock"]).await;
    let lock = std::fs::read_to_string(flow.sluice.dir.join("sluice.lock")).expect("a lock");
    assert!(lock.contains("settings") && !lock.contains("mailpit"), "{lock}");
    flow.sluice.ok(&["check", "--locked"]).await;
    flow.catch_up().await;
    assert_eq!(text(&flow.t, THERE).await, changed);
    // without it, what was laid over is due, and comes
    let (without, _) = YAML.split_once("overlay:").expect("an overlay");
    flow.sluice.lay("overlay", without);
    flow.catch_up().await;
    assert_eq!(
        text(&flow.t, THERE).await,
        "mail smtp2.prod t masked, mail.host smtp2.prod t masked, pay.colour smtp2.prod t masked, pay.key smtp2.prod t masked, pay.none smtp2.prod t masked, pay.url https://live t masked"
    );
}
