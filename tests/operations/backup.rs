//! Staging's rows are saved before they are replaced, come back to the byte, and are read by nobody without the key.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tokio_postgres::Client;

use super::{LIMIT, ends, run, streams};
use crate::servers::{Db, Pair};
use crate::shapes::flow::{CATCH_UP, number, text};
use crate::sluice::Sluice;

majors!(
    a_full_staging_is_saved_before_its_first_refresh_and_comes_back,
    what_cannot_be_saved_is_not_replaced,
    killed_at_each_step_nothing_is_changed_and_nothing_half_is_listed,
    later_only_what_is_about_to_be_replaced,
    what_does_not_fit_any_more_is_told_at_once,
    the_old_ones_go_but_the_newest,
);

/// Killed there in [`killed_at_each_step_nothing_is_changed_and_nothing_half_is_listed`].
pub const KILLED: &[&str] = &["backup.begun", "backup.table", "backup.written", "backup.done"];

/// In rows that only staging has: in no file of a backup.
const MARK: &str = "qZ9ours";

/// What COPY has to say in other words, a generated column, an identity that is always generated, partitions, a child that inherits,
/// a foreign key and a trigger.
const SCHEMA: &str = "
CREATE TABLE ports (id int PRIMARY KEY, name text);
CREATE TABLE ships (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text, port int REFERENCES ports, doc jsonb, tags text[], bytes bytea,
  twice int GENERATED ALWAYS AS (port * 2) STORED);
CREATE TABLE logs (id int, at int, note text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE logs_1 PARTITION OF logs FOR VALUES FROM (0) TO (10);
CREATE TABLE logs_2 PARTITION OF logs FOR VALUES FROM (10) TO (20);
CREATE TABLE \"Odd name\" (\"the id\" int PRIMARY KEY, note text);
CREATE TABLE empty (id int PRIMARY KEY)";

fn ours() -> String {
    format!(
        "INSERT INTO ports SELECT g, '{MARK}' || g FROM generate_series(1, 300) g;
         INSERT INTO ships (name, port, doc, tags, bytes) SELECT E'{MARK}\\n\\t\\\\N' || g, g, '{{\"a\": \"{MARK}\"}}', ARRAY['{MARK}', NULL], '\\x00ff' FROM generate_series(1, 300) g;
         INSERT INTO ships (name) VALUES (NULL), ('');
         INSERT INTO logs SELECT g, g % 20, '{MARK}' FROM generate_series(1, 200) g;
         INSERT INTO \"Odd name\" VALUES (1, '{MARK}');"
    )
}

const PRODUCTION: &str = "INSERT INTO ports SELECT g, 'port ' || g FROM generate_series(1, 20) g;
    INSERT INTO ships (name, port) SELECT 'ship ' || g, g FROM generate_series(1, 20) g;
    INSERT INTO logs SELECT g, g, 'log' FROM generate_series(1, 19) g";

/// A trigger of staging's that would write, were it asked.
const TRIGGER: &str =
    "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.name = ''spoilt''; RETURN NEW; END';
    CREATE TRIGGER spoil BEFORE INSERT ON ports FOR EACH ROW EXECUTE FUNCTION spoil()";

struct Harbour {
    _db: Db,
    s: Client,
    t: Client,
    sluice: Sluice,
}

/// Both servers full, of different rows, and a pipeline that is backed up.
async fn harbour(major: u32, name: &str) -> Harbour {
    let db = Pair::get(major).create_db(name).await;
    db.on_both(SCHEMA).await;
    let (s, t) = (db.source().await, db.target().await);
    run(&s, PRODUCTION).await;
    run(&t, &ours()).await;
    run(&t, TRIGGER).await;
    let sluice = Sluice::between(&db, "tables: { \"public.*\": keep }\n");
    let plan = sluice.ok(&["plan"]).await.stdout;
    assert!(
        plan.contains("staging has rows of public.Odd name, public.logs,") && plan.contains("without `backup:`"),
        "{plan}"
    );
    sluice.lay(name, &rest("public.*"));
    let sluice = sluice.env("SLUICE_BACKUP_KEY", "the tests' own key of their backups");
    Harbour { _db: db, s, t, sluice }
}

fn rest(tables: &str) -> String {
    format!(
        "tables: {{ \"{tables}\": keep }}\nbackup: {{ directory: saved, key: \"${{SLUICE_BACKUP_KEY}}\", keep: 1h }}\n"
    )
}

impl Harbour {
    async fn list(&self) -> Vec<Value> {
        serde_json::from_str(&self.sluice.ok(&["backup", "list", "--json"]).await.stdout).expect("one list")
    }

    async fn restore(&self, label: &str, more: &[&str]) -> crate::sluice::Output {
        let args = [&["backup", "restore", label, "--yes"][..], more].concat();
        self.sluice.run(&args).await
    }

    fn saved(&self) -> PathBuf {
        self.sluice.dir.join("saved")
    }
}

/// All rows of all tables, in one word.
async fn rows(client: &Client) -> String {
    let all = |table: &str| format!("(SELECT string_agg(t::text, '|' ORDER BY t::text) FROM {table} t)");
    let of: Vec<String> = ["ports", "ships", "logs", "\"Odd name\"", "empty"].map(all).into();
    text(client, &format!("SELECT md5(concat({}))", of.join(", '#', "))).await
}

fn label(entry: &Value) -> String {
    entry["label"].as_str().expect("a label").to_owned()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let (mut todo, mut found) = (vec![dir.to_owned()], Vec::new());
    while let Some(path) = todo.pop() {
        if path.is_dir() {
            todo.extend(fs::read_dir(&path).expect("a directory").map(|entry| entry.expect("an entry").path()));
        }
        found.push(path);
    }
    found
}

async fn a_full_staging_is_saved_before_its_first_refresh_and_comes_back(major: u32) {
    let h = harbour(major, "ops_backup").await;
    let before = rows(&h.t).await;
    assert!(!h.sluice.ok(&["plan"]).await.stdout.contains("without `backup:`"));
    assert!(h.list().await.is_empty());
    h.sluice.ok(&CATCH_UP).await;
    assert_eq!(rows(&h.t).await, rows(&h.s).await, "production's are there");

    let list = h.list().await;
    let [backup] = list.as_slice() else { panic!("one backup: {list:?}") };
    assert_eq!(
        (&backup["why"], &backup["lsn"], &backup["pipeline"]),
        (&"refresh".into(), &Value::Null, &"ops_backup".into())
    );
    assert_eq!(backup["policy"], text(&h.t, "SELECT policy FROM sluice.checkpoint").await.as_str());
    assert_eq!(backup["target"], text(&h.t, "SELECT target_id FROM sluice.checkpoint").await.as_str());
    let tables = backup["tables"].as_array().expect("tables");
    let counts: Vec<_> = tables.iter().map(|t| (t["name"].as_str().unwrap_or(""), t["rows"].as_i64())).collect();
    assert_eq!(counts, [("Odd name", Some(1)), ("logs", Some(200)), ("ports", Some(300)), ("ships", Some(302))]);

    // for nobody else's eyes, on the disk or elsewhere
    for path in files(&h.saved()) {
        let mode = fs::metadata(&path).expect("it is there").permissions().mode() & 0o777;
        assert_eq!(mode, if path.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
        if path.is_file() {
            let found = memchr::memmem::find(&fs::read(&path).expect("read"), MARK.as_bytes());
            assert!(found.is_none(), "a row stands in clear in {}", path.display());
        }
    }

    // a restore looks at everything first
    let label = label(backup);
    let after = rows(&h.t).await;
    let tries: [(&[&str], i32, &str); 5] = [
        (&["backup", "restore", &label], 5, "no terminal to ask on"),
        (&["backup", "restore", &label, "--yes", "--former-key", "SLUICE_MASK_KEY"], 2, "SLUICE_MASK_KEY: is key"),
        (&["backup", "restore", &label, "--yes", "--former-key", "NONE"], 2, "NONE: fewer than 32 bytes"),
        (&["backup", "restore", "2026", "--yes"], 2, "there is no backup 2026"),
        (&["backup", "restore", &label, "--table", "sheeps", "--table", "x"], 2, "sheeps is not in"),
    ];
    for (args, code, says) in tries {
        let refused = h.sluice.run(args).await;
        assert!(refused.code == code && refused.stderr.contains(says), "{args:?}: {} {}", refused.code, refused.stderr);
        assert!(!refused.stderr.contains(MARK), "{}", refused.stderr);
    }
    let running = h.sluice.spawn(&["run"]);
    streams(&h.t, &running).await;
    let refused = h.restore(&label, &[]).await;
    assert!(refused.code == 5 && refused.stderr.contains("is connected to the target"), "{}", refused.stderr);
    ends(running).await;
    let file = h.saved().join("ops_backup").join(&label).join("0003.copy.zst.sealed");
    let good = fs::read(&file).expect("read");
    let mut bad = good.clone();
    bad[good.len() / 2] ^= 1;
    fs::write(&file, bad).expect("write");
    let refused = h.restore(&label, &[]).await;
    assert!(refused.code == 2 && refused.stderr.contains("is not as it was written"), "{}", refused.stderr);
    assert_eq!(rows(&h.t).await, after, "nothing has changed");
    fs::write(&file, good).expect("write");

    // one table alone, then all
    run(&h.t, "DELETE FROM \"Odd name\"").await;
    let one = h.restore(&label, &["--table", "Odd name"]).await;
    assert_eq!((one.code, number(&h.t, "SELECT count(*) FROM \"Odd name\"").await), (0, 1), "{}", one.stderr);
    assert_eq!(number(&h.t, "SELECT count(*) FROM ports").await, 20);
    let all = h.restore(&label, &[]).await;
    assert!(
        all.code == 0 && all.stderr.contains("803 rows restored") && all.stderr.contains("sluice resync TABLE"),
        "{}",
        all.stderr
    );
    assert_eq!(rows(&h.t).await, before, "as they were, and no trigger has spoken");
    let audited = "SELECT string_agg(DISTINCT verb, ',') FROM sluice.audit WHERE result = 'done'";
    assert!(text(&h.t, audited).await.contains("backup restore"), "the audit has it");
    h.sluice.ok(&["audit", "verify"]).await;
}

async fn what_cannot_be_saved_is_not_replaced(major: u32) {
    let h = harbour(major, "ops_backup_cannot").await;
    let before = rows(&h.t).await;
    // root may write anywhere, but not below a file
    fs::write(h.saved(), "").expect("write");
    let refused = h.sluice.run(&CATCH_UP).await;
    assert!(
        refused.code == 5 && refused.stderr.contains("the backup: cannot read saved"),
        "{} {}",
        refused.code,
        refused.stderr
    );
    assert!(refused.stderr.contains("hint: look at backup.directory"), "{}", refused.stderr);
    assert_eq!(rows(&h.t).await, before);
    let made = "SELECT (SELECT count(*) FROM pg_publication WHERE pubname LIKE 'sluice_ops_backup_cannot%') + (SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'sluice_ops_backup_cannot')";
    assert_eq!(number(&h.s, made).await, 0, "nothing is made on production");
    fs::remove_file(h.saved()).expect("remove");
    h.sluice.ok(&CATCH_UP).await;
    assert_eq!(h.list().await.len(), 1);
}

async fn killed_at_each_step_nothing_is_changed_and_nothing_half_is_listed(major: u32) {
    let h = harbour(major, "ops_backup_killed").await;
    let before = rows(&h.t).await;
    let mut sluice = h.sluice.clone();
    for (n, place) in KILLED.iter().enumerate() {
        sluice = sluice.env("SLUICE_FAILPOINT", place);
        let mut dies = sluice.spawn(&CATCH_UP);
        let status = dies.wait(LIMIT).await;
        assert!(status.code().is_none(), "{place}: {status} {}", dies.log());
        assert_eq!(rows(&h.t).await, before, "{place}");
        let whole: Vec<Value> = h.list().await.into_iter().filter(|b| b["half"] != true).collect();
        assert_eq!(whole.len(), usize::from(n == 3), "{place}: {whole:?}");
        let half: Vec<Value> = h.list().await.into_iter().filter(|b| b["half"] == true).collect();
        assert_eq!(half.len(), usize::from(n < 3), "one at most, however often: {place}: {half:?}");
        for half in &half {
            let refused = h.restore(&label(half), &[]).await;
            assert!(refused.code == 2 && refused.stderr.contains("it is not whole"), "{}", refused.stderr);
        }
    }
    let sluice = sluice.env("SLUICE_FAILPOINT", "");
    let done = sluice.ok(&CATCH_UP).await;
    assert!(done.stderr.contains("the backup of the try before this one serves"), "{}", done.stderr);
    sluice.ok(&["backup", "prune"]).await;
    let list = h.list().await;
    let [one] = list.as_slice() else { panic!("one backup: {list:?}") };
    assert_eq!(h.restore(&label(one), &[]).await.code, 0);
    assert_eq!(rows(&h.t).await, before);
}

async fn later_only_what_is_about_to_be_replaced(major: u32) {
    let h = harbour(major, "ops_backup_later").await;
    h.sluice.lay("ops_backup_later", &rest("public.ports"));
    h.sluice.ok(&CATCH_UP).await;
    let tables = |entry: &Value| -> Vec<String> {
        entry["tables"]
            .as_array()
            .expect("tables")
            .iter()
            .map(|t| t["name"].as_str().unwrap_or("").to_owned())
            .collect()
    };
    assert_eq!(tables(&h.list().await[0]), ["ports"]);
    // it is followed; nothing joins, nothing is saved
    h.sluice.ok(&CATCH_UP).await;
    assert_eq!(h.list().await.len(), 1);
    // what joins is
    h.sluice.lay("ops_backup_later", &rest("public.*"));
    h.sluice.ok(&CATCH_UP).await;
    let list = h.list().await;
    assert_eq!((list.len(), tables(&list[1])), (2, vec!["Odd name".to_owned(), "logs".into(), "ships".into()]));
    assert!(list[1]["lsn"].is_string(), "{}", list[1]);
    assert_eq!(rows(&h.t).await, rows(&h.s).await);
    // a tester's edit, before a resync
    run(&h.t, "UPDATE ports SET name = 'a tester' WHERE id = 7").await;
    let edited = rows(&h.t).await;
    let said = h.sluice.ok(&["resync", "ports"]).await.stderr;
    assert!(said.contains("saved as ") && said.contains("20 rows"), "{said}");
    h.sluice.ok(&CATCH_UP).await;
    assert_eq!(rows(&h.t).await, rows(&h.s).await);
    let list = h.list().await;
    let last = list.iter().find(|b| b["why"] == "resync").expect("one of the resync");
    assert_eq!((list.len(), tables(last)), (3, vec!["ports".to_owned()]));
    assert_eq!(h.restore(&label(last), &[]).await.code, 0);
    assert_eq!(rows(&h.t).await, edited);
    h.sluice.ok(&["resync", "ports", "--no-backup"]).await;
    assert_eq!(h.list().await.len(), 3);
    // everything due again: everything that is there is saved
    h.sluice.ok(&["resync", "--all", "--yes"]).await;
    h.sluice.ok(&CATCH_UP).await;
    let list = h.list().await;
    assert_eq!((list.len(), tables(&list[3])), (4, vec!["logs".to_owned(), "ports".into(), "ships".into()]));
}

async fn what_does_not_fit_any_more_is_told_at_once(major: u32) {
    let h = harbour(major, "ops_backup_fits").await;
    h.sluice.ok(&CATCH_UP).await;
    let label = label(&h.list().await[0]);
    run(&h.t, "DROP TABLE \"Odd name\"; ALTER TABLE ports ADD must int NOT NULL DEFAULT 1; ALTER TABLE ports ALTER must DROP DEFAULT; ALTER TABLE ships DROP tags; ALTER TABLE ships ALTER name TYPE varchar(500)").await;
    let refused = h.restore(&label, &[]).await;
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    for says in [
        "public.Odd name is not there any more",
        "public.ports.must wants a value, and the backup has none",
        "public.ships.tags is not there any more",
        "public.ships.name is character varying(500), and was text",
    ] {
        assert!(refused.stderr.contains(says), "{says}: {}", refused.stderr);
    }
    assert_eq!(number(&h.t, "SELECT count(*) FROM ports").await, 20);
    // nobody gets at protected rows by another table
    let yaml = format!("{}protect: {{ tables: [public.logs_1] }}\n", rest("public.ports"));
    h.sluice.lay("ops_backup_fits", &yaml);
    let refused = h.restore(&label, &["--table", "logs"]).await;
    assert!(
        refused.code == 2 && refused.stderr.contains("public.logs shares rows with public.logs_1, which is protected"),
        "{}",
        refused.stderr
    );
    h.sluice.lay("ops_backup_fits", &rest("public.*"));
    // what does fit comes all the same
    let logs = h.restore(&label, &["--table", "logs"]).await;
    assert_eq!((logs.code, number(&h.t, "SELECT count(*) FROM logs").await), (0, 200), "{}", logs.stderr);
}

async fn the_old_ones_go_but_the_newest(major: u32) {
    let h = harbour(major, "ops_backup_old").await;
    h.sluice.ok(&CATCH_UP).await;
    let dir = h.saved().join("ops_backup_old");
    let first = label(&h.list().await[0]);
    let age = |label: &str, as_label: &str| {
        let manifest = fs::read_to_string(dir.join(label).join("manifest.json")).expect("read");
        let mut manifest: Value = serde_json::from_str(&manifest).expect("json");
        manifest["at"] = "2026-01-01T00:00:00Z".into();
        manifest["label"] = as_label.into();
        fs::rename(dir.join(label), dir.join(as_label)).expect("rename");
        fs::write(dir.join(as_label).join("manifest.json"), manifest.to_string()).expect("write");
    };
    age(&first, "20260101T000000Z-refresh");
    h.sluice.ok(&["backup", "prune"]).await;
    assert_eq!(h.list().await.len(), 1, "the newest stays, as old as it is");
    fs::create_dir(dir.join("20260101T000000Z-refresh.partial")).expect("a half one");
    h.sluice.ok(&["resync", "ports"]).await;
    let list = h.list().await;
    assert_eq!(
        (list.len(), &list[0]["why"]),
        (1, &Value::from("resync")),
        "with the next one the old one goes: {list:?}"
    );
}
