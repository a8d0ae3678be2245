//! A column that nobody has classified, approved while the stream goes on: it alone is filled in, of rows that are done. A
//! stricter rule works backwards the same way.

use std::fs;
use std::time::Duration;

use crate::check::{self, Table};
use crate::servers::wait_until;
use crate::shapes::Flow;
use crate::shapes::flow::{CATCH_UP, number, text};
use crate::sluice::Running;

majors!(
    a_new_column_is_approved_while_it_runs,
    a_stricter_rule_works_backwards,
    a_key_changes_while_a_column_is_filled_in,
    new_values_in_each_others_way,
    what_cannot_be_approved,
    files_that_do_not_read_change_nothing,
);

/// Within so much it is there, on a busy machine.
const SOON: Duration = Duration::from_secs(120);
const SIGHUP: i32 = 1;
const SECRET: &str = "SELECT count(*) FROM t WHERE t::text LIKE '%secret%'";

/// `t` is copied, by a lock that lists all of it; staging has a column of its own beside it.
async fn copied(major: u32, name: &str, rest: &str) -> Flow {
    let flow = Flow::with(major, name, rest).await;
    flow.both(
        "CREATE TABLE t (id int PRIMARY KEY, note text, long text); ALTER TABLE t ALTER long SET STORAGE EXTERNAL",
    )
    .await;
    flow.target("ALTER TABLE t ADD own text").await;
    flow.source("INSERT INTO t SELECT g, 'note', repeat('long', 1000) FROM generate_series(1, 500) g").await;
    flow.sluice.ok(&["init", "--lock"]).await;
    flow.catch_up().await;
    flow.target("UPDATE t SET own = 'of ' || id; UPDATE t SET note = 'edited' WHERE id = 400").await;
    flow
}

const KEEP: &str = "tables: { \"public.*\": keep }\ncopy: { chunk_rows: 100 }";

async fn streams(flow: &Flow, id: i32) {
    flow.source(&format!("INSERT INTO t (id, note) VALUES ({id}, 'beat')")).await;
    let there = format!("SELECT count(*) FROM t WHERE id = {id}");
    wait_until("it streams", SOON, || async { number(&flow.t, &there).await == 1 }).await;
}

async fn ends(mut running: Running) {
    running.term();
    assert!(running.wait(Duration::from_secs(20)).await.success(), "{}", running.log());
}

/// All but what the tester has edited.
fn whole() -> Table {
    Table::named("t").without(&["nick"]).source_rows("id <> 400").target_rows("id <> 400")
}

async fn a_new_column_is_approved_while_it_runs(major: u32) {
    let flow = copied(major, "approve_now", KEEP).await;
    let running = flow.sluice.spawn(&["run"]);
    streams(&flow, 1000).await;
    flow.source("ALTER TABLE t ADD nick text DEFAULT 'secret nick'").await;
    flow.target("ALTER TABLE t ADD nick text").await;
    streams(&flow, 1001).await;
    assert_eq!(number(&flow.t, SECRET).await, 0, "withheld");
    let status = flow.sluice.ok(&["status"]).await.stdout;
    assert!(status.contains("1 withheld: nick"), "{status}");
    let drift = flow.sluice.run(&["check", "--locked"]).await;
    assert!(drift.code == 3 && drift.stdout.contains("nick"), "{drift:?}");

    let told = flow.sluice.ok(&["approve", "public.t.nick", "--as", "{ mask: hash, length: 20 }", "--now"]).await;
    assert!(told.stdout.contains("+ nick: text, "), "{told:?}");
    let filled = "SELECT count(*) FROM t WHERE length(nick) = 20";
    wait_until("it is filled in", SOON, || async { number(&flow.t, filled).await == 502 }).await;
    streams(&flow, 1002).await;
    flow.source("UPDATE t SET nick = 'secret other' WHERE id < 3").await;
    wait_until("and goes on", SOON, || async {
        number(&flow.t, "SELECT count(DISTINCT nick) FROM t WHERE id < 500").await == 2
    })
    .await;
    assert_eq!(number(&flow.t, SECRET).await, 0);
    let edited = "SELECT own || ' ' || note FROM t WHERE id = 400";
    assert_eq!(text(&flow.t, edited).await, "of 400 edited", "nothing else of the row was touched");
    check::equal(&flow.s, &flow.t, whole()).await;
    assert_eq!(number(&flow.t, "SELECT count(*) FROM t WHERE own IS NOT NULL").await, 500);
    ends(running).await;
    assert_eq!(flow.divergences().await, 0);

    // written anew, the lock keeps what was approved in it
    let again = flow.sluice.ok(&["init", "--lock"]).await;
    assert!(again.stderr.contains("nothing changed in it"), "{again:?}");
    let drift = flow.sluice.run(&["check", "--locked"]).await.stdout;
    assert!(!drift.contains("nick"), "{drift}");
}

async fn a_stricter_rule_works_backwards(major: u32) {
    let flow = copied(major, "approve_stricter", KEEP).await;
    flow.source("UPDATE t SET note = 'secret ' || id").await;
    flow.catch_up().await;
    assert_eq!(number(&flow.t, SECRET).await, 500);
    let lock = flow.sluice.dir.join("sluice.lock");
    let say = |from: &str, to: &str| {
        let was = fs::read_to_string(&lock).expect("the lock");
        assert!(was.contains(from), "{was}");
        fs::write(&lock, was.replace(from, to)).expect("write the lock");
    };
    let mut running = flow.sluice.spawn(&["run"]);
    streams(&flow, 1000).await;
    say("note: { type: text, class: keep }", "note: { type: text, class: hash }");
    running.signal(SIGHUP);
    wait_until("what was raw is masked", SOON, || async { number(&flow.t, SECRET).await == 0 }).await;
    assert_eq!(number(&flow.t, "SELECT count(*) FROM t WHERE note IS NULL").await, 0);
    say("class: hash", "class: drop");
    running.signal(SIGHUP);
    wait_until("it is blanked", SOON, || async {
        number(&flow.t, "SELECT count(*) FROM t WHERE note IS NOT NULL").await == 0
    })
    .await;
    streams(&flow, 1001).await;
    assert_eq!(number(&flow.t, "SELECT count(*) FROM t WHERE own IS NOT NULL").await, 500);
    ends(running).await;
    assert_eq!(flow.divergences().await, 0);
}

/// The row takes the unknown with it: into a part that is filled in already, with a value that no event sends.
async fn a_key_changes_while_a_column_is_filled_in(major: u32) {
    let flow =
        copied(major, "approve_moves", "tables: { \"public.*\": keep }\ncopy: { chunk_rows: 100, readers: 1 }").await;
    flow.both("ALTER TABLE t ADD nick text; ALTER TABLE t ALTER nick SET STORAGE EXTERNAL").await;
    flow.source("UPDATE t SET nick = repeat('nick' || id, 1000)").await;
    flow.catch_up().await;
    flow.target("UPDATE t SET note = 'edited' WHERE id = 400").await;
    flow.sluice.ok(&["approve", "t.nick", "--as", "keep"]).await;
    let dying = flow.sluice.env("SLUICE_FAILPOINT", "chunk.done:2");
    let mut running = dying.spawn(&CATCH_UP);
    running.wait(SOON).await;
    let filled = number(&flow.t, "SELECT count(*) FROM t WHERE nick IS NOT NULL").await;
    assert!((100..500).contains(&filled), "{filled}: {}", running.log());
    // out of what is not filled in, into what is; and the reverse; and a value that is sent
    flow.s
        .batch_execute(
            "UPDATE t SET id = -id WHERE id > 450; UPDATE t SET id = 1000 + id WHERE id BETWEEN 1 AND 20;
             UPDATE t SET nick = 'sent' WHERE id IN (30, 430)",
        )
        .await
        .expect("move");
    let sluice = dying.env("SLUICE_FAILPOINT", "");
    sluice.ok(&CATCH_UP).await;
    check::equal(&flow.s, &flow.t, Table::named("t").source_rows("id <> 400").target_rows("id <> 400")).await;
    assert_eq!(text(&flow.t, "SELECT note FROM t WHERE id = 400").await, "edited");
    assert_eq!(number(&flow.t, "SELECT coalesce(sum(divergences), 0)::bigint FROM sluice.tables").await, 0);
}

/// Filled in one by one, they would collide.
async fn new_values_in_each_others_way(major: u32) {
    let flow = copied(major, "approve_unique", KEEP).await;
    flow.both("ALTER TABLE t ADD nick text UNIQUE").await;
    flow.source("UPDATE t SET nick = id").await;
    flow.catch_up().await;
    flow.target("UPDATE t SET nick = 501 - id").await;
    flow.sluice.ok(&["approve", "public.t.nick", "--as", "keep"]).await;
    flow.catch_up().await;
    check::equal(&flow.s, &flow.t, "t").await;
    assert_eq!(flow.divergences().await, 0);
}

async fn what_cannot_be_approved(major: u32) {
    let flow =
        copied(major, "approve_not", "tables: { \"public.*\": keep, public.t: { columns: { note: keep } } }").await;
    flow.both("ALTER TABLE t ADD age int").await;
    let lock = flow.sluice.dir.join("sluice.lock");
    let was = fs::read(&lock).expect("the lock");
    for (args, code, why) in [
        (
            &["public.t.agee", "--as", "keep"][..],
            2,
            "no column public.t.agee on production (did you mean \"public.t.age\"?)",
        ),
        (&["public.t.note", "--as", "keep"], 2, "public.t.note is not withheld: it is keep in sluice.lock"),
        (&["public.t.age", "--as", "emial"], 2, "did you mean \"email\""),
        (&["public.t.age", "--as", "email"], 2, "email"),
        (&["public.t.age", "--as", ""], 2, "as: no value"),
        (&["public.t.age", "--as", "{ mask: phone, colour: red }"], 2, "colour"),
    ] {
        let said = flow.sluice.run(&[&["approve"], args].concat()).await;
        assert!(said.code == code && said.stderr.contains(why), "{args:?}: {said:?}");
        assert_eq!(fs::read(&lock).expect("the lock"), was, "{args:?}");
    }
    fs::remove_file(&lock).expect("remove the lock");
    let said = flow.sluice.run(&["approve", "public.t.age", "--as", "keep"]).await;
    assert!(said.code == 2 && said.stderr.contains("sluice init --lock"), "{said:?}");
}

async fn files_that_do_not_read_change_nothing(major: u32) {
    let flow = copied(major, "approve_broken", KEEP).await;
    let mut running = flow.sluice.spawn(&["run"]);
    streams(&flow, 1000).await;
    let yaml = fs::read_to_string(flow.sluice.dir.join("sluice.yaml")).expect("the file");
    flow.sluice.configure("pipeline: [");
    running.signal(SIGHUP);
    wait_until("it says so", SOON, || async { running.log().contains("the files stay as they were read before") })
        .await;
    streams(&flow, 1001).await;
    flow.sluice.configure(&yaml);
    running.signal(SIGHUP);
    wait_until("it reads them", SOON, || async { running.log().contains("read sluice.yaml and sluice.lock again") })
        .await;
    streams(&flow, 1002).await;
    ends(running).await;
}
