//! Foreign keys of every kind: copies and streams go past them, nothing cascades on staging, and what ends nowhere is counted.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::check;
use crate::shapes::Flow;
use crate::shapes::flow::{living, number};

majors!(a_zoo_of_them, what_ends_nowhere_is_counted, what_cannot_be_read_is_said);

const ZOO: &str = "
CREATE TABLE parent (id int PRIMARY KEY, code text UNIQUE);
CREATE TABLE person (id int PRIMARY KEY, boss int CONSTRAINT self REFERENCES person ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE a (id int PRIMARY KEY, b_id int);
CREATE TABLE b (id int PRIMARY KEY, a_id int CONSTRAINT b_a REFERENCES a DEFERRABLE INITIALLY DEFERRED);
ALTER TABLE a ADD CONSTRAINT a_b FOREIGN KEY (b_id) REFERENCES b DEFERRABLE INITIALLY DEFERRED;
CREATE TABLE comp (x int, y int, PRIMARY KEY (x, y));
CREATE TABLE by_simple (id int PRIMARY KEY, x int, y int,
  CONSTRAINT simple FOREIGN KEY (x, y) REFERENCES comp ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE by_full (id int PRIMARY KEY, x int, y int,
  CONSTRAINT matched_full FOREIGN KEY (x, y) REFERENCES comp MATCH FULL ON DELETE SET NULL ON UPDATE CASCADE);
CREATE TABLE nulled (id int PRIMARY KEY, p int CONSTRAINT nulled REFERENCES parent ON DELETE SET NULL);
CREATE TABLE defaulted (id int PRIMARY KEY, p int DEFAULT 1 CONSTRAINT defaulted REFERENCES parent ON DELETE SET DEFAULT);
CREATE TABLE coded (id int PRIMARY KEY, code text CONSTRAINT coded REFERENCES parent (code) ON UPDATE CASCADE ON DELETE CASCADE);
CREATE TABLE part (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
CREATE TABLE part_low PARTITION OF part FOR VALUES FROM (0) TO (50);
CREATE TABLE part_high PARTITION OF part FOR VALUES FROM (50) TO (1000);
CREATE TABLE to_part (id int PRIMARY KEY, p int CONSTRAINT to_part REFERENCES part ON DELETE CASCADE);
CREATE TABLE from_part (id int PRIMARY KEY, p int CONSTRAINT from_part REFERENCES parent ON DELETE CASCADE) PARTITION BY HASH (id);
CREATE TABLE from_part_0 PARTITION OF from_part FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE from_part_1 PARTITION OF from_part FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE lax (id int PRIMARY KEY, p int);
CREATE TABLE \"o'dd \"\"one\" (\"i d\" int PRIMARY KEY, \"p \"\" d\" int CONSTRAINT \"o'dd \"\"key\" REFERENCES parent ON DELETE CASCADE);
";

const ROWS: &str = "
INSERT INTO parent SELECT g, 'c' || g FROM generate_series(1, 100) g;
INSERT INTO person SELECT g, nullif(g / 3, 0) FROM generate_series(1, 100) g;
BEGIN; INSERT INTO a SELECT g, g FROM generate_series(1, 50) g; INSERT INTO b SELECT g, 51 - g FROM generate_series(1, 50) g; COMMIT;
INSERT INTO comp SELECT g / 10, g FROM generate_series(1, 100) g;
INSERT INTO by_simple SELECT g, g / 10, CASE WHEN g % 7 > 0 THEN g END FROM generate_series(1, 100) g;
INSERT INTO by_full SELECT g, CASE WHEN g % 7 > 0 THEN g / 10 END, CASE WHEN g % 7 > 0 THEN g END FROM generate_series(1, 100) g;
INSERT INTO nulled SELECT g, g FROM generate_series(1, 100) g;
INSERT INTO defaulted SELECT g, g FROM generate_series(1, 100) g;
INSERT INTO coded SELECT g, 'c' || g FROM generate_series(1, 100) g;
INSERT INTO part SELECT g, 'v' FROM generate_series(1, 100) g;
INSERT INTO to_part SELECT g, g FROM generate_series(1, 100) g;
INSERT INTO from_part SELECT g, g FROM generate_series(1, 100) g;
INSERT INTO lax SELECT g, g FROM generate_series(1, 100) g;
INSERT INTO \"o'dd \"\"one\" SELECT g, g FROM generate_series(1, 100) g;
INSERT INTO lax VALUES (101, 1001), (102, 1002);
";

/// Of production too: rows that were there before the key are not looked at.
const LAX: &str = "ALTER TABLE lax ADD CONSTRAINT lax FOREIGN KEY (p) REFERENCES parent ON DELETE CASCADE NOT VALID";

const TABLES: [&str; 15] = [
    "parent",
    "person",
    "a",
    "b",
    "comp",
    "by_simple",
    "by_full",
    "nulled",
    "defaulted",
    "coded",
    "part",
    "to_part",
    "from_part",
    "lax",
    "\"o'dd \"\"one\"",
];

/// Everything that an action of a key does on production comes as a change of its own.
const CASCADES: &str = "
DELETE FROM parent WHERE id BETWEEN 10 AND 20;
UPDATE parent SET code = code || 'x' WHERE id > 60;
DELETE FROM person WHERE id = 2; UPDATE person SET id = 1000 WHERE id = 4;
BEGIN; DELETE FROM a WHERE id = 7; UPDATE b SET a_id = 8 WHERE a_id = 7; UPDATE a SET b_id = NULL WHERE b_id = 9; DELETE FROM b WHERE id = 9; COMMIT;
BEGIN; INSERT INTO a VALUES (200, 200); INSERT INTO b VALUES (200, 200); COMMIT;
UPDATE comp SET y = y + 1000 WHERE x = 3; DELETE FROM comp WHERE x = 5;
DELETE FROM part WHERE id BETWEEN 45 AND 55; INSERT INTO part VALUES (500, 'new'); INSERT INTO to_part VALUES (500, 500);
";

async fn zoo(major: u32, name: &str) -> Flow {
    let rest = "tables: { \"public.*\": keep, public.users: exclude }\nprotect: { tables: [public.users] }\ncopy: { chunk_rows: 100 }";
    let flow = Flow::with(major, name, rest).await;
    flow.both(ZOO).await;
    flow.source(ROWS).await;
    flow.both(LAX).await;
    // staging's own: they refer, and are referred to
    flow.target(
        "CREATE TABLE users (id int PRIMARY KEY, p int CONSTRAINT of_protected REFERENCES parent ON DELETE CASCADE ON UPDATE CASCADE);
         CREATE TABLE notes (id int PRIMARY KEY, p int CONSTRAINT of_own REFERENCES part ON DELETE CASCADE);
         CREATE TABLE leaf_notes (id int PRIMARY KEY, p int CONSTRAINT of_leaf REFERENCES part_low ON DELETE CASCADE)",
    )
    .await;
    flow
}

/// Orphans by constraint, and whether the verb fails.
async fn orphans(flow: &Flow) -> (BTreeMap<String, u64>, i32) {
    let told = flow.sluice.run(&["orphans", "--json"]).await;
    let list: Value = serde_json::from_str(&told.stdout).unwrap_or_else(|e| panic!("{e}: {}", told.stderr));
    let found = list.as_array().expect("a list").iter().filter(|key| key["orphans"] != 0).map(|key| {
        let text = key["constraint"].as_str().expect("a name").to_owned();
        (text, key["orphans"].as_u64().expect("a number"))
    });
    (found.collect(), told.code)
}

fn expected(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
    pairs.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect()
}

async fn a_zoo_of_them(major: u32) {
    let flow = zoo(major, "fk_zoo").await;
    flow.equal().await;
    flow.target("INSERT INTO users SELECT g, g FROM generate_series(1, 100) g; INSERT INTO notes SELECT g, g FROM generate_series(1, 100) g").await;
    flow.source(CASCADES).await;
    flow.catch_up().await;
    living_are_equal(&flow).await;
    assert_eq!(
        number(&flow.t, "SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM notes)").await,
        200,
        "a cascade"
    );
    // what staging's own refer to has stayed
    let lost = expected(&[("lax", 2)]);
    assert_eq!(orphans(&flow).await, (lost.clone(), 3));
    // all of it once more, over what is there, in whatever order the tables come
    for table in TABLES {
        flow.sluice.ok(&["resync", &format!("public.{table}")]).await;
    }
    flow.source(CASCADES.split("BEGIN; INSERT").next().unwrap_or_default()).await;
    flow.catch_up().await;
    living_are_equal(&flow).await;
    assert_eq!(orphans(&flow).await, (lost, 3));
    assert_eq!(flow.divergences().await, 0);
}

async fn living_are_equal(flow: &Flow) {
    for table in TABLES {
        match table {
            "parent" | "part" => check::equal(&flow.s, &flow.t, living(table, "id")).await,
            _ => check::equal(&flow.s, &flow.t, table).await,
        }
    }
    assert_eq!(number(&flow.t, "SELECT count(*) FROM sluice.tombstones").await, 22);
}

async fn what_ends_nowhere_is_counted(major: u32) {
    let flow = zoo(major, "fk_orphans").await;
    flow.source("DELETE FROM lax WHERE p > 1000").await;
    flow.equal().await;
    assert_eq!(orphans(&flow).await, (BTreeMap::new(), 0));
    assert!(!flow.sluice.ok(&["status"]).await.stdout.contains("to no row of"));
    // what inherits is another table: it answers no reference to the one that it inherits from
    flow.target("CREATE TABLE heir () INHERITS (parent); INSERT INTO heir VALUES (777, 'heir')").await;
    flow.target("SET session_replication_role = replica; INSERT INTO users VALUES (1, 1), (2, NULL), (3, 777);
         DELETE FROM person WHERE id = 30; DELETE FROM b WHERE id <= 2; DELETE FROM a WHERE id = 50;
         UPDATE by_simple SET x = 99 WHERE id IN (1, 2, 7); INSERT INTO by_simple VALUES (500, NULL, NULL), (501, 99, NULL);
         UPDATE by_full SET x = NULL WHERE id IN (1, 2); UPDATE by_full SET x = 99 WHERE id = 3;
         DELETE FROM part WHERE id IN (10, 60); DELETE FROM parent WHERE id IN (98, 99);
         INSERT INTO notes VALUES (1, 10), (2, 11); INSERT INTO leaf_notes VALUES (1, 10), (2, 11), (3, 70); INSERT INTO \"o'dd \"\"one\" VALUES (500, 500); SET session_replication_role = origin")
        .await;
    let all = expected(&[
        ("self", 3),
        ("a_b", 2),
        ("b_a", 0),
        ("simple", 2),
        ("matched_full", 3),
        ("to_part", 2),
        ("of_own", 1),
        ("of_leaf", 2),
        ("of_protected", 1),
        ("nulled", 2),
        ("defaulted", 2),
        ("coded", 2),
        ("from_part", 2),
        ("lax", 2),
        ("o'dd \"key", 3),
    ]);
    // the row of b that referred to a's 50 is gone as well
    let all: BTreeMap<String, u64> = all.into_iter().filter(|(_, n)| *n > 0).collect();
    assert_eq!(orphans(&flow).await, (all, 3));
    let told = flow.sluice.run(&["orphans"]).await;
    assert!(told.stdout.contains("NOT VALID") && told.stderr.contains("15 foreign keys looked at"), "{told:?}");
    // at the end of a copy it is counted again, said in the log, and shown
    flow.sluice.ok(&["resync", "public.person", "public.parent", "public.part"]).await;
    let said = flow.catch_up().await.stderr;
    assert!(
        said.contains("orphans: rows refer to nothing on the target") && said.contains("constraint=\"a_b\""),
        "{said}"
    );
    assert!(!said.contains("constraint=\"self\""), "it is mended: {said}");
    let status = flow.sluice.ok(&["status"]).await.stdout;
    assert!(status.contains("2 rows of public.a (a_b) refer to no row of public.b   counted 2"), "{status}");
    assert!(status.contains("1 row of public.users (of_protected) refer to no row of public.parent"), "{status}");
    // a row that is healed is no copy
    let counted = "SELECT (extract(epoch FROM max(counted_at)) * 1000000)::bigint FROM sluice.orphans";
    let before = number(&flow.t, counted).await;
    flow.target("DELETE FROM nulled WHERE id = 1").await;
    flow.source("UPDATE nulled SET p = 2 WHERE id = 1").await;
    flow.catch_up().await;
    check::equal(&flow.s, &flow.t, "nulled").await;
    assert_eq!(number(&flow.t, counted).await, before);
    if major >= 18 {
        periods(&flow).await;
    }
    flow.sluice.ok(&["destroy", "--yes"]).await;
    assert_eq!(number(&flow.t, "SELECT count(*) FROM pg_namespace WHERE nspname = 'sluice'").await, 0);
}

/// A period is covered by several rows together; and a key that is not enforced is nobody's business.
async fn periods(flow: &Flow) {
    flow.both("CREATE TABLE booking (id int PRIMARY KEY, room int4range, stay daterange)").await;
    flow.source("INSERT INTO booking VALUES (1, '[1,2)', '[2026-01-01,2026-01-10)'), (2, '[1,2)', '[2026-01-05,2026-01-20)'), (3, '[2,3)', '[2026-01-01,2026-01-02)'), (4, NULL, '[2026-01-01,2026-01-02)')").await;
    flow.target(
        "CREATE TABLE open (room int4range, days daterange, PRIMARY KEY (room, days WITHOUT OVERLAPS));
         INSERT INTO open VALUES ('[1,2)', '[2026-01-01,2026-01-06)'), ('[1,2)', '[2026-01-06,2026-01-12)');
         ALTER TABLE booking ADD CONSTRAINT while_open FOREIGN KEY (room, PERIOD stay) REFERENCES open (room, PERIOD days);
         ALTER TABLE booking ADD CONSTRAINT nobodys FOREIGN KEY (id) REFERENCES users NOT ENFORCED",
    )
    .await;
    flow.catch_up().await;
    let (found, _) = orphans(flow).await;
    assert_eq!(found.get("while_open"), Some(&2), "{found:?}");
    assert_eq!(found.get("nobodys"), None);
}

async fn what_cannot_be_read_is_said(major: u32) {
    let flow = zoo(major, "fk_rights").await;
    flow.equal().await;
    let role = "fk_rights";
    flow.target(&format!(
        "DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA sluice TO {role}; GRANT ALL ON ALL TABLES IN SCHEMA sluice TO {role};
         GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}; REVOKE ALL ON users FROM {role}"
    ))
    .await;
    let url = flow.db.target_url().replace("postgres@", &format!("{role}@"));
    let told = flow.sluice.clone().env("SLUICE_TARGET_URL", &url).run(&["orphans"]).await;
    assert_eq!(told.code, 3, "{told:?}");
    let line = told.stdout.lines().find(|line| line.contains("of_protected")).unwrap_or_default().to_owned();
    assert!(line.contains("could not be counted: 42501"), "{told:?}");
    assert!(told.stdout.contains("lax"), "the others are counted: {told:?}");
    assert!(flow.sluice.ok(&["status"]).await.stdout.contains("public.users (of_protected) could not be counted"));
    flow.target(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
}
