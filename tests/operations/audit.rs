//! `sluice.audit`: what stands there of each verb, and what of it can be changed without being found (its end, and nothing else).

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use serde_json::Value;
use tokio_postgres::Client;

use crate::servers::wait_until;
use crate::shapes::flow::{number, text};
use crate::sluice::{Output, Sluice};
use crate::verbs::shop;

majors!(
    every_verb_that_writes_leaves_its_entries,
    who_changes_it_is_found,
    verbs_at_the_same_time_do_not_fork_it,
    an_earlier_versions_stands_before_the_chain,
    what_cannot_be_written_down_is_not_done
);

const FILE: &str = "audit: { file: audit.jsonl }";

/// Verb and result of each entry, in their order.
async fn told(target: &Client) -> Vec<String> {
    let sql = "SELECT verb || coalesce(' (' || begun || ': ' || result || ')', '') FROM sluice.audit ORDER BY id";
    target.query(sql, &[]).await.expect("the entries").iter().map(|row| row.get(0)).collect()
}

async fn verify(sluice: &Sluice, more: &[&str]) -> Output {
    sluice.run(&[&["audit", "verify"], more].concat()).await
}

async fn every_verb_that_writes_leaves_its_entries(major: u32) {
    let (db, sluice) = shop(major, "ops_audit", FILE).await;
    let target = db.target().await;
    assert_eq!(sluice.ok(&["audit", "show", "--json"]).await.stdout.trim(), "[]", "and nothing is made for it");
    assert_eq!(verify(&sluice, &[]).await.code, 0);
    sluice.ok(&["run", "--until-caught-up"]).await;
    sluice.ok(&["resync", "cruises"]).await;
    sluice.ok(&["masks", "try", "email", "a@b.org", "--real-key"]).await;
    let want = ["run", "run (1: done)", "resync", "resync (3: done)", "masks try --real-key"];
    assert_eq!(told(&target).await, want);
    let entry = target.query_one("SELECT what::text, os_user, host, db_user = session_user, policy = (SELECT policy FROM sluice.checkpoint) FROM sluice.audit WHERE id = 3", &[]);
    let entry = entry.await.expect("the entry");
    assert_eq!(entry.get::<_, String>(0), "{\"tables\": [\"public.cruises\"]}");
    assert!(!entry.get::<_, String>(1).is_empty() && !entry.get::<_, String>(2).is_empty());
    assert!(entry.get::<_, bool>(3) && entry.get::<_, bool>(4), "who on the target, and by which policy");

    // one that is killed has no result, and is none the worse
    let mut running = sluice.spawn(&["run"]);
    // the file has it a moment later
    let lines = || std::fs::read_to_string(sluice.dir.join("audit.jsonl")).map_or(0, |text| text.lines().count());
    let written = || async { told(&target).await.len() == 6 && lines() == 6 };
    wait_until("it is written down", Duration::from_secs(30), written).await;
    running.kill9();
    let mut running = sluice.spawn(&["run"]);
    wait_until("it is written down", Duration::from_secs(30), || async { told(&target).await.len() == 7 }).await;
    running.signal(libc::SIGHUP);
    let again = "run (7: goes on by files that were read again)";
    wait_until("it reads again", Duration::from_secs(30), || async { told(&target).await.iter().any(|t| t == again) })
        .await;
    running.term();
    assert_eq!(running.wait(Duration::from_secs(20)).await.code(), Some(0));
    assert_eq!(told(&target).await[5..], ["run", "run", again, "run (7: done)"]);
    let shown = sluice.ok(&["audit", "show"]).await.stdout;
    assert!(shown.contains("resync") && shown.contains("of 3: done"), "{shown}");
    let output = verify(&sluice, &[]).await;
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    let head = text(&target, "SELECT hash FROM sluice.audit ORDER BY id DESC LIMIT 1").await;
    assert_eq!(output.stdout, format!("9 entries: as they were written\nhead  9  {head}\n"));

    // the file has them all, as they stand there, for nobody else
    let file = sluice.dir.join("audit.jsonl");
    let lines = std::fs::read_to_string(&file).expect("the file");
    let lines: Vec<Value> = lines.lines().map(|l| serde_json::from_str(l).expect("a line of JSON")).collect();
    let shown: Vec<Value> = serde_json::from_str(&sluice.ok(&["audit", "show", "--json"]).await.stdout).expect("JSON");
    assert_eq!(lines, shown);
    assert_eq!(std::fs::metadata(&file).expect("the file").permissions().mode() & 0o777, 0o600);
    target.batch_execute("UPDATE sluice.audit SET at = at - interval '3 days' WHERE id < 4").await.expect("long ago");
    let since: Vec<Value> =
        serde_json::from_str(&sluice.ok(&["audit", "show", "--json", "--since", "2d"]).await.stdout).expect("JSON");
    assert_eq!(since.len(), 6);
    // it goes with the last pipeline, but for what it says of who has looked values up
    let said = sluice.ok(&["destroy", "--yes"]).await.stderr;
    assert!(said.contains("schema sluice stays: sluice.audit"), "{said}");
    assert_eq!(told(&target).await[9..], ["destroy", "destroy (10: done)"]);
}

async fn who_changes_it_is_found(major: u32) {
    let (db, sluice) = shop(major, "ops_audit_edit", "").await;
    let target = db.target().await;
    sluice.ok(&["run", "--until-caught-up"]).await;
    sluice.ok(&["resync", "cruises"]).await;
    sluice.ok(&["run", "--until-caught-up"]).await;
    assert_eq!(number(&target, "SELECT count(*) FROM sluice.audit").await, 6);
    let head = text(&target, "SELECT hash FROM sluice.audit WHERE id = 6").await;
    target.batch_execute("CREATE TABLE was AS TABLE sluice.audit").await.expect("keep it");
    let columns = "SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'sluice.audit'::regclass AND attnum > 0";
    let columns = text(&target, columns).await;
    let mut edits: Vec<(String, &str)> = Vec::new();
    for column in columns.split(' ') {
        let edit = match column {
            // ids are unique: a number that nobody has
            "id" => "id = 40".to_owned(),
            "at" => "at = at + interval '1 microsecond'".to_owned(),
            "what" => "what = what || '{\"x\": 1}'".to_owned(),
            "begun" => "begun = 1".to_owned(),
            column => format!("{column} = 'x'"),
        };
        let place = if column == "id" || column == "pipeline" { "entry 5" } else { "entry 4" };
        edits.push((format!("UPDATE sluice.audit SET {edit} WHERE id = 4"), place));
    }
    assert_eq!(edits.len(), 15, "{columns}");
    let put_in = "INSERT INTO sluice.audit SELECT a.* FROM was a WHERE false";
    assert!(target.batch_execute(put_in).await.is_ok());
    edits.extend(
        [
            ("UPDATE sluice.audit SET policy = NULL WHERE id = 4", "entry 4"),
            ("UPDATE sluice.audit SET mask_key = '' WHERE id = 4", "entry 4"),
            ("UPDATE sluice.audit SET hash = NULL WHERE id = 6", "entry 6"),
            ("DELETE FROM sluice.audit WHERE id = 4", "entry 5: entry 4 is missing"),
            ("DELETE FROM sluice.audit WHERE id = 1", "entry 2"),
            ("UPDATE sluice.audit SET id = -id; UPDATE sluice.audit SET id = CASE id WHEN -3 THEN 4 WHEN -4 THEN 3 ELSE -id END", "entry 3"),
            ("INSERT INTO sluice.audit (id, pipeline, verb, os_user, host, what) VALUES (7, 'ops_audit_edit', 'run', 'x', 'x', '{}')", "entry 7"),
            ("INSERT INTO sluice.audit (id, pipeline, verb, os_user, host, what) VALUES (0, 'ops_audit_edit', 'run', 'x', 'x', '{}')", "entry 1"),
            ("DELETE FROM sluice.audit WHERE id > 4", "entry 4: no entry has the head that was noted"),
            ("DELETE FROM sluice.audit", "entry 0: no entry has the head that was noted"),
        ]
        .map(|(sql, place)| (sql.to_owned(), place)),
    );
    for (edit, place) in edits {
        target.batch_execute(&edit).await.unwrap_or_else(|e| panic!("{edit}: {e:?}"));
        let output = verify(&sluice, &["--head", &head]).await;
        assert_eq!(output.code, 3, "{edit}: {}{}", output.stdout, output.stderr);
        assert!(output.stdout.contains(place), "{edit}: {place}\n{}", output.stdout);
        target.batch_execute("TRUNCATE sluice.audit; INSERT INTO sluice.audit TABLE was").await.expect("as it was");
        assert_eq!(verify(&sluice, &["--head", &head]).await.code, 0, "{edit}");
    }
    // the end alone nobody can tell, and that is said
    target.batch_execute("DELETE FROM sluice.audit WHERE id > 4").await.expect("cut");
    let output = verify(&sluice, &[]).await;
    assert_eq!(output.code, 0);
    assert!(output.stderr.contains("only a head that was noted elsewhere tells: --head"), "{}", output.stderr);
    target.batch_execute("TRUNCATE sluice.audit; INSERT INTO sluice.audit TABLE was").await.expect("as it was");

    // under another masking key nothing of it holds, until the former one is named
    let other = "b3RoZXItdGVzdHMtb25seS0zMi1ieXRlcy1sb25nISE=";
    let before = crate::sluice::MASK_KEY;
    let sluice = sluice.env("SLUICE_MASK_KEY", other).env("FORMER", before);
    let output = verify(&sluice, &["--json"]).await;
    assert_eq!(output.code, 3, "{}", output.stdout);
    assert!(output.stdout.contains("which is not at hand") && !output.stdout.contains(before), "{}", output.stdout);
    assert_eq!(verify(&sluice, &["--former-key", "FORMER", "--head", &head]).await.code, 0);
    let output = verify(&sluice, &["--former-key", "NOBODY"]).await;
    assert_eq!(output.code, 2, "{}", output.stderr);
}

async fn verbs_at_the_same_time_do_not_fork_it(major: u32) {
    let (db, sluice) = shop(major, "ops_audit_many", "").await;
    let target = db.target().await;
    sluice.ok(&["run", "--until-caught-up"]).await;
    // two sluices are as good as one sluice twice: each is a process of its own
    let mut running: Vec<_> = (0..8).map(|i| sluice.spawn(&["resync", ["cruises", "customers"][i % 2]])).collect();
    for one in &mut running {
        assert_eq!(one.wait(Duration::from_secs(60)).await.code(), Some(0), "{}", one.log());
    }
    assert_eq!(number(&target, "SELECT count(*) FROM sluice.audit").await, 2 + 16);
    assert_eq!(number(&target, "SELECT max(id) FROM sluice.audit").await, 2 + 16, "without gaps");
    assert_eq!(number(&target, "SELECT count(DISTINCT previous) FROM sluice.audit").await, 2 + 16, "without a fork");
    let output = verify(&sluice, &[]).await;
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    // another pipeline's chain is its own
    target.batch_execute("INSERT INTO sluice.audit SELECT * FROM (SELECT (jsonb_populate_record(a, '{\"pipeline\": \"other\"}')).* FROM sluice.audit a) o").await.expect("another's");
    assert_eq!(verify(&sluice, &[]).await.code, 0);
}

/// As the first version made it.
const EARLIER: &str = "DROP TABLE sluice.audit;
CREATE TABLE sluice.audit (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(), pipeline text NOT NULL, verb text NOT NULL,
  os_user text NOT NULL, host text NOT NULL, db_user text NOT NULL DEFAULT session_user,
  db_client text NOT NULL DEFAULT coalesce(host(inet_client_addr()), 'local'), what jsonb NOT NULL);
INSERT INTO sluice.audit (pipeline, verb, os_user, host, what)
  SELECT (ARRAY['ops_audit_old', 'other'])[1 + g % 2], 'masks try --real-key', 'jane', 'h', '{\"mask\": \"email\"}' FROM generate_series(1, 6) g";

async fn an_earlier_versions_stands_before_the_chain(major: u32) {
    let (db, sluice) = shop(major, "ops_audit_old", "").await;
    let target = db.target().await;
    sluice.ok(&["run", "--until-caught-up"]).await;
    target.batch_execute(EARLIER).await.expect("an earlier version's");
    // it can be looked at before anything is added to it
    assert_eq!(verify(&sluice, &[]).await.code, 0);
    sluice.ok(&["resync", "cruises"]).await;
    let output = verify(&sluice, &[]).await;
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    assert!(output.stderr.contains("3 entries are of an earlier version, before the chain"), "{}", output.stderr);
    assert_eq!(number(&target, "SELECT min(id) FROM sluice.audit WHERE verb = 'resync'").await, 7);
    let edits = [
        "UPDATE sluice.audit SET os_user = 'joe' WHERE id = 4",
        "DELETE FROM sluice.audit WHERE id = 2",
        "UPDATE sluice.audit SET hash = NULL WHERE hash IS NOT NULL",
    ];
    for (edit, code) in edits.into_iter().zip([3, 3, 3]) {
        target.batch_execute(&format!("CREATE TABLE was AS TABLE sluice.audit; {edit}")).await.expect("an edit");
        let output = verify(&sluice, &[]).await;
        assert_eq!(output.code, code, "{edit}: {}{}", output.stdout, output.stderr);
        target
            .batch_execute("TRUNCATE sluice.audit; INSERT INTO sluice.audit TABLE was; DROP TABLE was")
            .await
            .expect("undo");
    }
    // nobody can begin before the chain once more: what has no hash is found behind it
    let late = "INSERT INTO sluice.audit (id, pipeline, verb, os_user, host, what) VALUES (9, 'ops_audit_old', 'masks try', 'x', 'x', '{}')";
    target.batch_execute(late).await.expect("by hand");
    sluice.ok(&["resync", "cruises"]).await;
    let output = verify(&sluice, &[]).await;
    assert_eq!(output.code, 3, "{}", output.stdout);
    assert!(output.stdout.starts_with("entry 9: it has no hash"), "{}", output.stdout);
    assert!(!output.stdout.contains("entry 10"), "what comes behind it is as it was written: {}", output.stdout);
}

async fn what_cannot_be_written_down_is_not_done(major: u32) {
    let (db, sluice) = shop(major, "ops_audit_no", FILE).await;
    let (source, target) = (db.source().await, db.target().await);
    sluice.ok(&["run", "--until-caught-up"]).await;
    target.batch_execute("ALTER TABLE sluice.audit ADD CONSTRAINT shut CHECK (false) NOT VALID").await.expect("shut");
    let due = "SELECT count(*) FROM sluice.pending";
    let output = sluice.run(&["resync", "cruises"]).await;
    assert_eq!((output.code != 0, number(&target, due).await), (true, 0), "{}", output.stderr);
    let output = sluice.run(&["destroy", "--yes"]).await;
    assert!(output.code != 0, "{}", output.stderr);
    assert_eq!(
        number(&source, "SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'sluice_ops_audit_no'").await,
        1
    );
    source.batch_execute("INSERT INTO cruises VALUES (1000, 'new')").await.expect("insert");
    let output = sluice.run(&["run", "--until-caught-up", "--exit-on-stop"]).await;
    assert_eq!(output.code, 6, "{}", output.stderr);
    assert_eq!(number(&target, "SELECT count(*) FROM cruises WHERE id = 1000").await, 0);
    target.batch_execute("ALTER TABLE sluice.audit DROP CONSTRAINT shut").await.expect("open");
    // nor where the file cannot be written
    std::fs::remove_file(sluice.dir.join("audit.jsonl")).expect("remove");
    std::fs::create_dir(sluice.dir.join("audit.jsonl")).expect("a directory in its place");
    let output = sluice.run(&["resync", "cruises"]).await;
    assert_eq!((output.code, number(&target, due).await), (2, 0), "{}", output.stderr);
    assert!(output.stderr.contains("append to audit.jsonl"), "{}", output.stderr);
}
