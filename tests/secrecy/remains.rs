//! What remains of production on staging's machine, when everything has happened that brings rows there: not in a table by
//! plain SQL only, but in the server's own files, its WAL and its log, and in what sluice has left beside them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use tokio_postgres::Client;

use crate::servers::{Cluster, Pair, wait_until};
use crate::shapes::flow::{CATCH_UP, number};
use crate::sluice::Sluice;

majors!(nothing_raw_remains);

/// In every value that is masked, dropped, withheld or left out.
const RAW: &str = "qZ9raw";
/// In what is kept: where this is not found, nothing could have been.
const KEPT: &str = "qZ9kept";

const NAME: &str = "remains";

const YAML: &str = r#"tables:
  public.people:
    where: region <> 'away'
    columns:
      mail: email
      dropped: drop
      code: hash
      doc: { mask: json, paths: { "$.locale": keep, "$.deep.list[*].mail": email } }
      tags: hash
      bytes: null
      long: hash
      free: { mask: scrub, names: [called] }
      called: name
  public.handles: { columns: { id: hash } }
  public.bare: { columns: { mail: email } }
  public.picky: { columns: { mail: email } }
apply: { on_divergence: heal }
backup: { directory: saved, key: the tests' own key of their backups }
"#;

const BOTH: &str = "
CREATE TABLE people (id int PRIMARY KEY, region text, note text, mail text UNIQUE, dropped text, code varchar(80), doc jsonb, tags text[], bytes bytea,
  long text, free text, called text);
CREATE TABLE handles (id text PRIMARY KEY, note text);
CREATE TABLE bare (mail text, note text);
CREATE TABLE picky (id int PRIMARY KEY, mail text);
";

/// Compressed values could hide a mark, from this test only.
const PLAIN: &str = "DO $$ DECLARE r record; BEGIN
  FOR r IN SELECT attrelid::regclass AS t, attname FROM pg_attribute WHERE attrelid IN ('people'::regclass, 'handles'::regclass, 'bare'::regclass)
    AND attnum > 0 AND attstorage IN ('x', 'm') LOOP
  EXECUTE format('ALTER TABLE %s ALTER %I SET STORAGE EXTERNAL', r.t, r.attname); END LOOP; END $$";

fn people(from: i32, to: i32) -> String {
    format!(
        "INSERT INTO people SELECT g, CASE WHEN g % 7 = 0 THEN 'away' ELSE 'north' END, CASE WHEN g % 7 = 0 THEN '{RAW}' ELSE '{KEPT}' || g END, '{RAW}' || g || '@{RAW}.org', '{RAW}' || g, '{RAW}' || g,
           jsonb_build_object('locale', '{KEPT}', '{RAW}', g, 'deep', jsonb_build_object('list', jsonb_build_array(jsonb_build_object('mail', '{RAW}@x.org', 'x', '{RAW}')))),
           ARRAY['{RAW}', '{RAW}' || g], convert_to('{RAW}' || g, 'UTF8'), repeat('{RAW}', 900) || g,
           'Call {RAW}son or {RAW}@x.org, {RAW}son!', '{RAW}son'
         FROM generate_series({from}, {to}) g;
         INSERT INTO handles SELECT '{RAW}' || g, '{KEPT}' || g FROM generate_series({from}, {to}) g;
         INSERT INTO bare SELECT '{RAW}' || g || '@x.org', '{KEPT}' || g FROM generate_series({from}, {to}) g;
         INSERT INTO picky SELECT g, '{RAW}' || g || '@x.org' FROM generate_series({from}, {to}) g;"
    )
}

/// Every way for a row to change: what was TOASTed and is not sent again, old tuples, keys that change, rows that leave the set.
const CHANGES: &str = "
UPDATE people SET note = note || '.' WHERE id < 20;
UPDATE people SET mail = 'qZ9raw!' || id || '@y.org', long = repeat('qZ9raw', 800), tags = tags || 'qZ9raw,{}'::text WHERE id BETWEEN 20 AND 30;
UPDATE people SET region = 'away', note = 'qZ9raw' WHERE id = 31;
UPDATE people SET region = 'south', note = 'qZ9kept' WHERE id % 7 = 0 AND id < 40;
UPDATE people SET id = -id WHERE id = 33;
DELETE FROM people WHERE id = 34;
UPDATE handles SET note = note || '.' WHERE id LIKE '%1';
UPDATE handles SET id = id || 'qZ9raw' WHERE id LIKE '%2';
DELETE FROM handles WHERE id LIKE '%3';
UPDATE bare SET note = note || '.' WHERE mail LIKE '%1@x.org';
DELETE FROM bare WHERE mail LIKE '%2@x.org'";

async fn nothing_raw_remains(major: u32) {
    let production = Pair::get(major).create_db(NAME).await;
    let staging = Cluster::with().set("log_statement", "all").start(major);
    let postgres = staging.client("postgres").await;
    postgres.batch_execute(&format!("CREATE DATABASE {NAME}")).await.expect("create the database");
    let (s, t) = (production.source().await, staging.client(NAME).await);
    for (client, sql) in [(&s, BOTH), (&s, "ALTER TABLE bare REPLICA IDENTITY FULL"), (&t, BOTH), (&t, PLAIN)] {
        client.batch_execute(sql).await.expect("the schema");
    }
    s.batch_execute("ALTER TABLE people REPLICA IDENTITY FULL; ALTER TABLE people ALTER long SET STORAGE EXTERNAL")
        .await
        .expect("full");
    let on_production = |sql: String| {
        let s = &s;
        async move { s.batch_execute(&sql).await.unwrap_or_else(|e| panic!("{e:?} in: {sql:.300}")) }
    };
    on_production(people(1, 200)).await;

    let sluice = Sluice::over(NAME, &production.source_url(), &staging.url(NAME), YAML).env("SLUICE_LOG", "trace");
    let verbose = [CATCH_UP[0], CATCH_UP[1], CATCH_UP[2], "-vv"];
    // killed while rows are on their way, then copied to the end
    let mut dies = sluice.env("SLUICE_FAILPOINT", "chunk.loaded:2");
    dies.spawn(&verbose).wait(Duration::from_secs(60)).await;
    // and with a panic, whose message holds a value
    dies = dies.env("SLUICE_FAILPOINT", &format!("chunk.begin!{RAW}"));
    let mut panics = dies.spawn(&verbose);
    panics.wait(Duration::from_secs(60)).await;
    assert!(panics.log().contains("sluice: bug: panicked at "), "{}", panics.log());
    let sluice = dies.env("SLUICE_FAILPOINT", "");
    sluice.ok(&verbose).await;

    on_production(people(201, 300)).await;
    on_production(CHANGES.into()).await;
    sluice.ok(&verbose).await;
    // a column that nobody has classified, with rows in the stream and rows that were written anew
    t.batch_execute("ALTER TABLE people ADD nick text; ALTER TABLE people ALTER nick SET STORAGE EXTERNAL")
        .await
        .expect("add");
    on_production(format!("ALTER TABLE people ADD nick text DEFAULT '{RAW}nick'")).await;
    on_production(people(301, 320)).await;
    on_production(format!("UPDATE people SET nick = '{RAW}' || id WHERE id < 50")).await;
    sluice.ok(&verbose).await;
    // a row that staging does not take, and one that a tester has changed
    t.batch_execute("ALTER TABLE picky ADD CONSTRAINT odd CHECK (id <> 400) NOT VALID; ALTER TABLE handles ADD CONSTRAINT odd CHECK (note <> 'refused') NOT VALID; UPDATE people SET mail = 'tester' WHERE id = 50; DELETE FROM people WHERE id = 51").await.expect("edit");
    on_production(format!("INSERT INTO picky VALUES (400, '{RAW}@x.org'); UPDATE people SET mail = '{RAW}' || id || '@z.org' WHERE id IN (50, 51)")).await;
    let mut held = sluice.spawn(&["run", "-vv"]);
    wait_until("it is held", Duration::from_secs(30), || async { held.log().contains("23514") }).await;
    let limits = fs::read_to_string(format!("/proc/{}/limits", held.pid())).expect("its limits");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("a limit of core files");
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    for verb in [&["status", "--json"][..], &["plan"], &["plan", "--sample", "5"], &["check"], &["resync", "people"]] {
        sluice.run(verb).await;
    }
    held.term();
    held.wait(Duration::from_secs(10)).await;
    goes_aside(&sluice, &s, &verbose).await;
    t.batch_execute("ALTER TABLE picky DROP CONSTRAINT odd; ALTER TABLE handles DROP CONSTRAINT odd")
        .await
        .expect("mend");
    sluice.ok(&["quarantine", "retry", "--all"]).await;
    sluice.ok(&verbose).await;

    let rows = number(&s, "SELECT count(*) FROM people WHERE region <> 'away'").await;
    assert_eq!(number(&t, "SELECT count(*) FROM people").await, rows, "all of them came");
    postgres.batch_execute("CHECKPOINT").await.expect("what is in memory is written");
    let kept = marked(staging.dir(), KEPT);
    for place in ["base", "pg_wal", "server.log"] {
        assert!(kept.iter().any(|path| path.contains(place)), "what is kept is found in {place}: {kept:?}");
    }
    // what was saved before a resync is there, and says nothing of a row, not even of what is kept
    let saved = sluice.dir.join("saved");
    let is_saved = |path: &String| path.ends_with(".copy.zst.sealed");
    assert!(marked(&saved, "sluice backup 1").iter().any(is_saved), "there is a backup");
    let found = marked(&saved, KEPT);
    assert!(found.is_empty(), "a backup has a row in clear: {found:?}");
    let hex: String = RAW.bytes().map(|b| format!("{b:02x}")).collect();
    for mark in [RAW, &hex, &hex.to_uppercase(), &RAW.to_uppercase(), &RAW.to_lowercase()] {
        let found = marked(staging.dir(), mark);
        assert!(found.is_empty(), "a raw value is on staging's disk: {found:?}");
        // what a test has written there is its own policy
        let found: Vec<String> =
            marked(&sluice.dir, mark).into_iter().filter(|p| !p.ends_with("sluice.yaml")).collect();
        assert!(found.is_empty(), "sluice tells a raw value: {found:?}");
    }
}

/// Rows that staging refuses, kept aside, by a plain key and by a masked one.
async fn goes_aside(sluice: &Sluice, s: &Client, verbose: &[&str]) {
    let yaml = YAML.replace("on_divergence: heal", "on_error: quarantine");
    sluice.lay(NAME, &yaml);
    let refused = format!(
        "UPDATE handles SET note = 'refused' WHERE id LIKE '%9'; UPDATE picky SET mail = '{RAW}!@x.org' WHERE id = 400"
    );
    s.batch_execute(&refused).await.expect("rows");
    sluice.ok(verbose).await;
    let list = sluice.ok(&["quarantine", "list", "--rows"]).await.stdout;
    assert!(list.contains("public.picky") && list.contains("public.handles") && list.contains("refused"), "{list}");
}

/// The files below `dir` that hold `mark`, by their paths.
fn marked(dir: &Path, mark: &str) -> BTreeSet<String> {
    let mut todo = vec![dir.to_owned()];
    let mut found = BTreeSet::new();
    while let Some(path) = todo.pop() {
        if path.is_dir() {
            todo.extend(fs::read_dir(&path).expect("a directory").map(|entry| entry.expect("an entry").path()));
        } else if memchr::memmem::find(&fs::read(&path).unwrap_or_default(), mark.as_bytes()).is_some() {
            found.insert(path.display().to_string());
        }
    }
    found
}
