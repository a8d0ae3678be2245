//! Rows of staging's own that refer to rows which production deletes: `protect.on_referenced`.

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use crate::check::{self, Table};
use crate::servers::wait_until;
use crate::shapes::Flow;
use crate::shapes::flow::{CATCH_UP, number, text};
use crate::sluice::Sluice;

majors!(
    a_day_of_tombstones,
    it_yields,
    rows_give_way,
    who_refers_while_it_goes,
    what_may_be_raw,
    some_rows_only_and_partitions,
    killed_while_they_go,
    rights_and_refusals,
    beside_quarantine_and_shadows,
    a_part_of_the_rows_not_sent_whole,
    a_key_that_comes_later,
    several_refer,
    a_leaf_and_a_whole_reference,
);

/// Where the process is killed.
pub const KILLED: &[&str] = &["apply.let_go", "look.released"];

const LIMIT: Duration = Duration::from_secs(90);

const REST: &str = "tables: { \"public.*\": keep, public.quotes: exclude }
protect: { tables: [public.quotes] }
apply: { on_divergence: stop }";

const FLEET: &str = "CREATE TABLE ships (id int PRIMARY KEY, name text);
    CREATE TABLE cruises (id int PRIMARY KEY, ship int REFERENCES ships ON DELETE CASCADE, code text UNIQUE)";
const SAILING: &str = "INSERT INTO ships SELECT g, 'ship ' || g FROM generate_series(1, 20) g;
    INSERT INTO cruises SELECT g, g, 'c' || g FROM generate_series(1, 20) g";
const QUOTES: &str = "CREATE TABLE quotes (id serial PRIMARY KEY, cruise int REFERENCES cruises, note text)";

async fn fleet(major: u32, name: &str, rest: &str) -> Flow {
    let flow = Flow::with(major, name, rest).await;
    flow.both(FLEET).await;
    flow.source(SAILING).await;
    flow.target(QUOTES).await;
    flow.catch_up().await;
    flow
}

/// `table key` of each.
async fn tombstones(flow: &Flow) -> String {
    let sql = "SELECT coalesce(string_agg(name || ' ' || key[1], ', ' ORDER BY name, key[1]::int), '') FROM sluice.tombstones";
    text(&flow.t, sql).await
}

/// Keys of a table that are below a number.
async fn ids(flow: &Flow, table: &str) -> String {
    text(&flow.t, &format!("SELECT coalesce(string_agg(id::text, ' ' ORDER BY id), '') FROM {table}")).await
}

async fn no_orphan(flow: &Flow) {
    flow.sluice.ok(&["orphans"]).await;
}

/// They stay for as long as they are needed, and so does what they refer to themselves, in whatever order it goes.
async fn a_day_of_tombstones(major: u32) {
    let flow = fleet(major, "tombstones", REST).await;
    flow.target("INSERT INTO quotes (cruise) VALUES (1), (1), (2), (3), (5)").await;
    // one by itself with its ship behind it, one by cascade, and one that nobody refers to
    flow.source(
        "DELETE FROM cruises WHERE id = 1; DELETE FROM ships WHERE id = 1; DELETE FROM ships WHERE id IN (2, 9)",
    )
    .await;
    flow.catch_up().await;
    assert_eq!(tombstones(&flow).await, "cruises 1, cruises 2, ships 1, ships 2");
    assert_eq!(
        number(&flow.t, "SELECT count(*) FROM ships s FULL JOIN cruises c ON c.ship = s.id WHERE 9 IN (s.id, c.id)")
            .await,
        0
    );
    no_orphan(&flow).await;
    let said = flow.sluice.ok(&["tombstones"]).await.stdout;
    assert!(said.contains("public.cruises") && said.lines().count() == 5, "{said}");
    let status = flow.sluice.ok(&["status"]).await.stdout;
    assert!(status.contains("2 rows deleted on production and kept for staging's own"), "{status}");

    // production empties a table; one of the kept comes back otherwise than it was
    flow.source("TRUNCATE cruises; INSERT INTO cruises VALUES (2, 4, 'new'), (4, 4, 'c4'); INSERT INTO ships VALUES (2, 'again')").await;
    flow.catch_up().await;
    assert_eq!(tombstones(&flow).await, "cruises 1, cruises 3, cruises 5, ships 1");
    assert_eq!(ids(&flow, "cruises").await, "1 2 3 4 5");
    assert_eq!(text(&flow.t, "SELECT ship || code FROM cruises WHERE id = 2").await, "4new");
    no_orphan(&flow).await;
    // ... and is production's again: it goes as any other, and stays as any other
    flow.source("DELETE FROM cruises WHERE id IN (2, 4)").await;
    flow.catch_up().await;
    assert_eq!(tombstones(&flow).await, "cruises 1, cruises 2, cruises 3, cruises 5, ships 1");
    // reconciled, they survive, the ship that production has no more too
    flow.sluice.ok(&["resync", "public.cruises", "public.ships"]).await;
    flow.source("DELETE FROM ships WHERE id = 3").await;
    flow.catch_up().await;
    assert_eq!(tombstones(&flow).await, "cruises 1, cruises 2, cruises 3, cruises 5, ships 1, ships 3");
    flow.sluice.ok(&["resync", "--all", "--yes"]).await;
    flow.catch_up().await;
    assert_eq!(tombstones(&flow).await, "cruises 1, cruises 2, cruises 3, cruises 5, ships 1, ships 3");
    no_orphan(&flow).await;

    // nothing refers to them any more
    let mut running = flow.sluice.spawn(&["run"]);
    flow.target(
        "DELETE FROM quotes WHERE cruise IN (2, 5) OR id = 1; UPDATE quotes SET cruise = NULL WHERE cruise = 3",
    )
    .await;
    wait_until("they go", LIMIT, || async { tombstones(&flow).await == "cruises 1, ships 1" }).await;
    flow.target("DELETE FROM quotes").await;
    wait_until("all of them", LIMIT, || async { tombstones(&flow).await.is_empty() }).await;
    running.term();
    assert!(running.wait(LIMIT).await.success(), "{}", running.log());
    for table in ["ships", "cruises"] {
        check::equal(&flow.s, &flow.t, table).await;
    }
    assert_eq!(flow.divergences().await, 0);
}

/// A row of production that needs its key or a unique value of it comes; what referred to it is counted then.
async fn it_yields(major: u32) {
    let flow = fleet(major, "tombstones_yield", REST).await;
    flow.target("INSERT INTO quotes (cruise) VALUES (1), (2), (3), (4)").await;
    flow.source("DELETE FROM cruises WHERE id < 5").await;
    flow.catch_up().await;
    assert_eq!(ids(&flow, "cruises WHERE id < 5").await, "1 2 3 4");
    // its value goes to a new row, to one that is there, by a copy, and to one that takes its key
    flow.source("INSERT INTO cruises VALUES (100, 1, 'c1'); UPDATE cruises SET code = 'c2' WHERE id = 10; UPDATE cruises SET id = 4 WHERE id = 11").await;
    flow.catch_up().await;
    assert_eq!(ids(&flow, "cruises WHERE id < 5").await, "3 4");
    assert_eq!(tombstones(&flow).await, "cruises 3");
    let orphans = flow.sluice.run(&["orphans"]).await;
    assert!(orphans.code == 3 && orphans.stdout.contains("quotes_cruise_fkey"), "{}", orphans.stdout);
    flow.sluice.ok(&["resync", "public.cruises"]).await;
    flow.source("UPDATE cruises SET code = 'c3' WHERE id = 12").await;
    flow.catch_up().await;
    assert_eq!(tombstones(&flow).await, "");
    check::equal(&flow.s, &flow.t, "cruises").await;

    // a row that gets another key is another row: the one that was referred to stays, unless the new one needs what it has
    flow.target("DELETE FROM quotes; INSERT INTO quotes (cruise) VALUES (20), (19)").await;
    flow.source("UPDATE cruises SET id = 220, code = 'other' WHERE id = 20; UPDATE cruises SET id = 219 WHERE id = 19")
        .await;
    flow.catch_up().await;
    assert_eq!(tombstones(&flow).await, "cruises 20");
    check::equal(&flow.s, &flow.t, Table::named("cruises").target_rows("id <> 20")).await;
    assert_eq!(flow.divergences().await, 0);
}

/// `null` and `remove`, with what refers to removed rows; and the way home.
async fn rows_give_way(major: u32) {
    let rest = "tables: { public.ships: keep, public.cruises: keep }
protect:
  tables: [public.quotes, public.items, public.notes, public.likes]
  on_referenced: { public.quotes: remove, public.items: remove, public.notes: \"null\", public.likes: null }
apply: { on_divergence: stop }";
    let flow = fleet(major, "give_way", rest).await;
    flow.target(
        "ALTER TABLE quotes ADD made timestamptz[] DEFAULT '[2:3]={2024-01-01 00:00:00.123456+00,NULL}', ADD seen int GENERATED ALWAYS AS (cruise + 1) STORED,
           ADD number int GENERATED ALWAYS AS IDENTITY;
         CREATE TABLE items (id int PRIMARY KEY, quote int NOT NULL REFERENCES quotes, what json);
         CREATE TABLE notes (id int PRIMARY KEY, item int REFERENCES items, cruise int REFERENCES cruises);
         CREATE TABLE likes (id int, ship int REFERENCES ships, also int REFERENCES cruises);
         INSERT INTO quotes (cruise, note) SELECT 1 + g % 3, 'note ' || g FROM generate_series(1, 9) g; INSERT INTO quotes (cruise) VALUES (NULL);
         INSERT INTO items SELECT g, g, '{\"a\" : 1, \"a\":2}' FROM generate_series(1, 9) g; INSERT INTO notes SELECT g, g, 1 FROM generate_series(1, 9) g;
         INSERT INTO likes SELECT g, g, g FROM generate_series(1, 5) g",
    )
    .await;
    let own = "SELECT string_agg(q::text, ';' ORDER BY id) || (SELECT string_agg(i::text, ';' ORDER BY id) FROM items i) FROM quotes q";
    let before = text(&flow.t, own).await;
    flow.source("DELETE FROM ships WHERE id = 1; DELETE FROM cruises WHERE id = 2").await;
    flow.catch_up().await;
    no_orphan(&flow).await;
    assert_eq!((ids(&flow, "quotes").await, ids(&flow, "items").await), ("2 5 8 10".into(), "2 5 8".into()));
    assert_eq!(
        text(&flow.t, "SELECT string_agg(coalesce(item, 0) || '', ' ' ORDER BY id) FROM notes WHERE cruise IS NULL")
            .await,
        "0 2 0 0 5 0 0 8 0"
    );
    assert_eq!(
        text(&flow.t, "SELECT string_agg(concat(ship, '-', also), ' ' ORDER BY id) FROM likes").await,
        "- 2- 3-3 4-4 5-5"
    );
    assert_eq!(tombstones(&flow).await, "");
    check::equal(&flow.s, &flow.t, "cruises").await;

    let list = flow.sluice.ok(&["removed", "list"]).await.stdout;
    assert!(list.lines().count() == 13 && list.contains("items_quote_fkey") && !list.contains("note 4"), "{list}");
    let rows = flow.sluice.ok(&["removed", "list", "--rows"]).await.stdout;
    assert!(rows.contains("note 4"), "{rows}");
    // what they refer to is not there; nothing comes, and nothing is lost
    let refused = flow.sluice.run(&["removed", "restore", "--all"]).await;
    assert_eq!(refused.code, 3, "{}{}", refused.stdout, refused.stderr);
    assert!(
        refused.stdout.contains("what it refers to in public.cruises is not there (quotes_cruise_fkey)"),
        "{}",
        refused.stdout
    );
    assert!(refused.stdout.contains("what it refers to in public.quotes is not there"), "{}", refused.stdout);
    // one of the two is there again
    flow.source("INSERT INTO ships VALUES (1, 'again'); INSERT INTO cruises VALUES (1, 1, 'again')").await;
    flow.catch_up().await;
    assert_eq!(flow.sluice.run(&["removed", "restore", "--all"]).await.code, 3);
    assert_eq!(ids(&flow, "quotes").await, "2 3 5 6 8 9 10");
    assert_eq!(ids(&flow, "items").await, "2 3 5 6 8 9");
    flow.source("INSERT INTO cruises VALUES (2, 1, 'again 2')").await;
    flow.catch_up().await;
    let destroyed = flow.sluice.ok(&["destroy", "--yes"]).await.stderr;
    assert!(destroyed.contains("sluice.removed has rows of staging's own"), "{destroyed}");
    flow.catch_up().await;
    let restored = flow.sluice.ok(&["removed", "restore", "--table", "public.quotes"]).await;
    assert!(restored.stderr.contains("3 rows restored"), "{}", restored.stderr);
    flow.sluice.ok(&["removed", "restore", "--all"]).await;
    assert_eq!(text(&flow.t, own).await, before, "to the byte");
    no_orphan(&flow).await;

    // a copy does the same, and so does an emptied table; what is forgotten is gone
    flow.sluice.ok(&["resync", "--all", "--yes"]).await;
    flow.source("DELETE FROM cruises WHERE id = 3").await;
    flow.catch_up().await;
    assert_eq!(ids(&flow, "items").await, "1 3 4 6 7 9");
    flow.source("TRUNCATE cruises").await;
    flow.catch_up().await;
    assert_eq!((ids(&flow, "quotes").await, ids(&flow, "items").await), ("10".into(), String::new()));
    assert_eq!(number(&flow.t, "SELECT count(*) FROM sluice.removed").await, 18);
    assert_eq!(flow.sluice.run(&["removed", "restore", "777"]).await.code, 2);
    assert_eq!(flow.sluice.run(&["removed", "forget", "--all"]).await.code, 5, "it asks first");
    flow.sluice.ok(&["removed", "forget", "--all", "--yes"]).await;
    assert_eq!(number(&flow.t, "SELECT count(*) FROM sluice.removed").await, 0);
    no_orphan(&flow).await;
    assert_eq!(flow.divergences().await, 0);
}

const WAITS: &str = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database() AND application_name LIKE 'sluice/%'";

/// Somebody refers to the row in a transaction that is open while production's delete comes, in the stream and in a copy.
async fn who_refers_while_it_goes(major: u32) {
    let flow = fleet(major, "referred_meanwhile", REST).await;
    let other = flow.db.target().await;
    let sql = async |sql: &str| other.batch_execute(sql).await.unwrap_or_else(|e| panic!("{sql}: {e:?}"));
    for (id, copy, end) in [(1, false, "COMMIT"), (2, false, "ROLLBACK"), (3, true, "COMMIT"), (4, true, "ROLLBACK")] {
        sql(&format!("BEGIN; INSERT INTO quotes (cruise) VALUES ({id})")).await;
        if copy {
            flow.sluice.ok(&["resync", "public.cruises"]).await;
        }
        flow.source(&format!("DELETE FROM cruises WHERE id = {id}")).await;
        let mut running = flow.sluice.spawn(&CATCH_UP);
        wait_until("it waits for the row", LIMIT, || async { number(&flow.t, WAITS).await > 0 }).await;
        sql(end).await;
        assert!(running.wait(LIMIT).await.success(), "{}", running.log());
        let there = ids(&flow, &format!("cruises WHERE id = {id}")).await;
        assert_eq!(there.is_empty(), end == "ROLLBACK", "{id} {end}");
        no_orphan(&flow).await;
    }
    assert_eq!(tombstones(&flow).await, "cruises 1, cruises 3");
    // and while it is looked at once more
    flow.target("DELETE FROM quotes WHERE cruise = 1").await;
    sql("BEGIN; INSERT INTO quotes (cruise) VALUES (1)").await;
    let mut running = flow.sluice.spawn(&["run"]);
    tokio::time::sleep(Duration::from_secs(3)).await;
    sql("COMMIT").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    running.term();
    assert!(running.wait(LIMIT).await.success(), "{}", running.log());
    assert_eq!(tombstones(&flow).await, "cruises 1, cruises 3");
    no_orphan(&flow).await;
    assert_eq!(flow.divergences().await, 0);
}

/// What an older script has left, or an older policy: it stays without anything that may be raw, or not at all.
async fn what_may_be_raw(major: u32) {
    let tables = "tables:
  public.people: { columns: { name: name, phone: drop } }
  public.strict: { columns: { name: name } }
  public.keyed: { columns: { email: email } }
";
    let rest = format!("{tables}protect: {{ tables: [public.refers] }}");
    let flow = Flow::with(major, "raw_tombstones", &rest).await;
    flow.both(
        "CREATE TABLE people (id int PRIMARY KEY, name text, phone text, city text); CREATE TABLE strict (id int PRIMARY KEY, name text NOT NULL);
         CREATE TABLE keyed (email text PRIMARY KEY, city text)",
    )
    .await;
    flow.target(
        "INSERT INTO people VALUES (1, 'Raw Canary', '0815 canary', 'Kiel'), (2, 'Raw Canary', '0815 canary', 'Kiel'), (3, 'Raw Canary', '', 'Kiel');
         INSERT INTO strict VALUES (1, 'Raw Canary'); INSERT INTO keyed VALUES ('canary@raw.org', 'Kiel');
         CREATE TABLE refers (id serial, person int REFERENCES people, strict int REFERENCES strict, keyed text REFERENCES keyed);
         INSERT INTO refers (person, strict, keyed) VALUES (1, 1, 'canary@raw.org'), (2, NULL, NULL)",
    )
    .await;
    flow.source("INSERT INTO people VALUES (2, 'Paula', '1', 'Ulm'), (4, 'Peter', '4', 'Ulm')").await;
    flow.catch_up().await;
    let raw = "SELECT count(*) FROM (SELECT p::text AS row FROM people p UNION ALL SELECT s::text FROM strict s UNION ALL SELECT k::text FROM keyed k) r WHERE row ~* 'canary|Paula|Peter'";
    assert_eq!(number(&flow.t, raw).await, 0);
    assert_eq!(text(&flow.t, "SELECT p::text FROM people p WHERE id = 1").await, "(1,,,Kiel)");
    assert_eq!(tombstones(&flow).await, "people 1");
    assert_eq!(
        number(&flow.t, "SELECT (SELECT count(*) FROM strict) + (SELECT count(*) FROM keyed)").await,
        0,
        "they cannot stay"
    );

    // one that was masked when it was deleted stays as it is, for as long as the policy is the same
    flow.source("DELETE FROM people WHERE id = 2").await;
    flow.catch_up().await;
    assert_eq!(tombstones(&flow).await, "people 1, people 2");
    let masked = text(&flow.t, "SELECT p::text FROM people p WHERE id = 2").await;
    assert!(masked.len() > "(2,,,Ulm)".len() && masked.ends_with("Ulm)"), "{masked}");
    flow.sluice.ok(&["resync", "public.people"]).await;
    flow.catch_up().await;
    assert_eq!(text(&flow.t, "SELECT p::text FROM people p WHERE id = 2").await, masked);
    // ... and under a stricter one
    flow.sluice.lay(&flow.db.name, &rest.replace("phone: drop", "phone: drop, city: { mask: constant, value: x }"));
    flow.catch_up().await;
    assert_eq!(text(&flow.t, "SELECT p::text FROM people p WHERE id = 2").await, "(2,,,)");
    assert_eq!(tombstones(&flow).await, "people 1, people 2");
}

/// Of tables of which only some rows come, and of partitioned ones; and of one that has rows of staging's own itself.
async fn some_rows_only_and_partitions(major: u32) {
    let rest = "tables:
  public.part_of: { where: n > 0 }
  public.parts: keep
  public.tree: keep
protect: { tables: [public.refers], rows: { public.tree: own } }
apply: { on_divergence: stop }";
    let flow = Flow::with(major, "tombstones_partial", rest).await;
    flow.both(
        "CREATE TABLE part_of (id int PRIMARY KEY, n int);
         CREATE TABLE parts (id int, region int, v text, PRIMARY KEY (region, id)) PARTITION BY LIST (region);
         CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1); CREATE TABLE parts_2 PARTITION OF parts FOR VALUES IN (2);
         CREATE TABLE tree (id int PRIMARY KEY, above int REFERENCES tree, own boolean NOT NULL DEFAULT false)",
    )
    .await;
    flow.source(
        "INSERT INTO part_of SELECT g, g FROM generate_series(1, 9) g; INSERT INTO parts SELECT g, 1 + g % 2, 'v' FROM generate_series(1, 9) g;
         INSERT INTO tree VALUES (1, NULL), (2, 1), (3, 2), (4, 3), (5, NULL)",
    )
    .await;
    flow.catch_up().await;
    flow.target(
        "CREATE TABLE refers (id serial, one int REFERENCES part_of, part int, region int, FOREIGN KEY (region, part) REFERENCES parts);
         INSERT INTO refers (one, part, region) VALUES (1, 1, 2), (2, 2, 1), (3, NULL, 1); INSERT INTO tree VALUES (-1, 3, true), (-2, -1, true), (-5, 5, true)",
    )
    .await;
    // out of the set, and back, and gone; a leaf goes; a tree goes from its root and from its leaves
    flow.source("UPDATE part_of SET n = -1 WHERE id IN (1, 2, 3); DELETE FROM parts WHERE id < 4; DELETE FROM tree WHERE id = 4; UPDATE tree SET above = NULL; DELETE FROM tree WHERE id IN (2, 3, 5)").await;
    flow.catch_up().await;
    assert_eq!(tombstones(&flow).await, "part_of 1, part_of 2, part_of 3, parts 1, parts 2, tree 3, tree 5");
    no_orphan(&flow).await;
    assert_eq!(
        (ids(&flow, "part_of").await, ids(&flow, "parts").await),
        ("1 2 3 4 5 6 7 8 9".into(), "1 2 4 5 6 7 8 9".into())
    );
    flow.source("UPDATE part_of SET n = 100 WHERE id = 1; UPDATE part_of SET n = -2 WHERE id = 2; DELETE FROM part_of WHERE id = 3").await;
    flow.catch_up().await;
    assert_eq!(tombstones(&flow).await, "part_of 2, part_of 3, parts 1, parts 2, tree 3, tree 5");
    assert_eq!(text(&flow.t, "SELECT n::text FROM part_of WHERE id = 1").await, "100");
    flow.target("DELETE FROM refers; DELETE FROM tree WHERE own").await;
    let mut running = flow.sluice.spawn(&["run"]);
    wait_until("all of them go", LIMIT, || async { tombstones(&flow).await.is_empty() }).await;
    running.term();
    assert!(running.wait(LIMIT).await.success(), "{}", running.log());
    check::equal(&flow.s, &flow.t, Table::named("part_of").source_rows("n > 0")).await;
    for table in ["parts", "tree"] {
        check::equal(&flow.s, &flow.t, table).await;
    }
    assert_eq!(flow.divergences().await, 0);
}

async fn killed_while_they_go(major: u32) {
    let flow = fleet(major, "killed_tombstones", REST).await;
    flow.target("INSERT INTO quotes (cruise) SELECT generate_series(1, 10)").await;
    for (n, place) in KILLED.iter().enumerate() {
        let dying = Sluice::between(&flow.db, REST).env("SLUICE_FAILPOINT", place);
        flow.source(&format!("DELETE FROM cruises WHERE id IN ({}, {})", n + 1, n + 15)).await;
        if *place == "look.released" {
            flow.catch_up().await;
            flow.target("DELETE FROM quotes WHERE cruise = 1").await;
        }
        let mut running = dying.spawn(&["run"]);
        assert_eq!(running.wait(LIMIT).await.signal(), Some(9), "{place}: {}", running.log());
        flow.catch_up().await;
        no_orphan(&flow).await;
    }
    let mut running = flow.sluice.spawn(&["run"]);
    wait_until("the free one goes", LIMIT, || async { tombstones(&flow).await == "cruises 2" }).await;
    running.kill9();
    check::equal(&flow.s, &flow.t, Table::named("cruises").target_rows("id <> 2")).await;
    assert_eq!(flow.divergences().await, 0);
}

/// Told before anything is written: what our role may not do, and what cannot be.
async fn rights_and_refusals(major: u32) {
    let flow = fleet(major, "referring_rights", REST).await;
    let writer = format!("writer_{}", flow.db.name);
    flow.target(&format!(
        "CREATE ROLE {writer} LOGIN; GRANT USAGE ON SCHEMA public TO {writer}; GRANT ALL ON ships, cruises TO {writer}; GRANT ALL ON SCHEMA sluice TO {writer};
         GRANT ALL ON ALL TABLES IN SCHEMA sluice TO {writer}; GRANT SET ON PARAMETER session_replication_role TO {writer};
         CREATE TABLE items (id int PRIMARY KEY, quote int NOT NULL REFERENCES quotes); INSERT INTO quotes (cruise) VALUES (1), (2)"
    ))
    .await;
    let target = flow.db.target_url().replace("postgres@", &format!("{writer}@"));
    assert_ne!(target, flow.db.target_url());
    let with = |how: &str| {
        let rest = REST
            .replace(
                "protect: { tables: [public.quotes] }",
                &format!("protect: {{ tables: [public.quotes, public.items], on_referenced: {how} }}"),
            )
            .replace("public.quotes: exclude", "public.quotes: exclude, public.items: exclude");
        Sluice::over(&flow.db.name, &flow.db.source_url(), &target, &rest)
    };
    let refused = async |how: &str, says: &str, hint: &str| {
        for verb in [&CATCH_UP[..], &["check"]] {
            let run = with(how).run(verb).await;
            let all = format!("{}{}", run.stdout, run.stderr).replace('"', "");
            assert!(run.code != 0 && all.contains(says) && all.contains(hint), "{how} {verb:?}: {}\n{all}", run.code);
        }
    };
    let grant = |right: &str| format!("GRANT {right} ON public.quotes TO {writer};");
    let may = async |right: &str| flow.target(&grant(right)).await;
    let look = "SELECT (cruise)";
    refused("keep", "the target role may not read public.quotes, whose rows refer to public.cruises", &grant(look))
        .await;
    may(look).await;
    flow.source("DELETE FROM cruises WHERE id = 1").await;
    with("keep").ok(&CATCH_UP).await;
    assert_eq!(tombstones(&flow).await, "cruises 1");
    refused("null", "the target role may not set NULL in public.quotes", &grant("UPDATE (cruise)")).await;
    may("UPDATE (cruise)").await;
    flow.source("DELETE FROM cruises WHERE id = 2").await;
    with("null").ok(&CATCH_UP).await;
    assert_eq!(number(&flow.t, "SELECT count(*) FROM quotes WHERE id = 2 AND cruise IS NULL").await, 1);
    refused("remove", "the target role may not delete from public.quotes", &grant("SELECT, UPDATE, DELETE")).await;
    may("SELECT, UPDATE, DELETE").await;
    refused(
        "{ public.quotes: remove }",
        "remove for public.quotes, and rows of public.items refer to those (items_quote_fkey)",
        "remove or null for public.items too",
    )
    .await;
    refused(
        "{ public.quotes: remove, public.items: null }",
        "items_quote_fkey refers by columns that are NOT NULL",
        "keep, or remove",
    )
    .await;
    flow.target("ALTER TABLE quotes ENABLE ROW LEVEL SECURITY").await;
    refused("keep", "row security on public.quotes applies to the target role", "BYPASSRLS").await;
    flow.target("ALTER TABLE quotes DISABLE ROW LEVEL SECURITY").await;
    flow.target(&format!("GRANT SELECT, UPDATE, DELETE ON items TO {writer}")).await;
    with("remove").ok(&CATCH_UP).await;
    with("remove").ok(&["check"]).await;
}

/// A row that staging refuses, and one that staging's own keep away, can be referred to as well.
async fn beside_quarantine_and_shadows(major: u32) {
    let rest = "tables: { public.t: keep }
protect: { tables: [public.refers, public.sticks], rows: { public.t: id < 0 }, on_referenced: { public.sticks: null } }
apply: { on_error: quarantine, on_divergence: stop }";
    let flow = Flow::with(major, "tombstones_aside", rest).await;
    flow.both("CREATE TABLE t (id int PRIMARY KEY, n int UNIQUE, v int)").await;
    flow.target("ALTER TABLE t ADD CHECK (v < 100); INSERT INTO t VALUES (-1, 700, 0)").await;
    flow.source("INSERT INTO t SELECT g, g, g FROM generate_series(1, 6) g").await;
    flow.catch_up().await;
    flow.target("CREATE TABLE refers (t int REFERENCES t); INSERT INTO refers VALUES (1), (2), (3)").await;
    // refused, and gone on production; shadowed, and gone; kept, back, refused, and gone again
    flow.source("UPDATE t SET v = 100 WHERE id IN (1, 4)").await;
    flow.catch_up().await;
    assert_eq!(number(&flow.t, "SELECT count(*) FROM sluice.quarantine").await, 2);
    flow.source("DELETE FROM t WHERE id IN (1, 4); UPDATE t SET n = 700 WHERE id = 2").await;
    flow.catch_up().await;
    assert_eq!(ids(&flow, "t").await, "-1 1 2 3 5 6", "what is referred to stays");
    no_orphan(&flow).await;
    flow.source("DELETE FROM t WHERE id = 2; DELETE FROM t WHERE id = 3; INSERT INTO t VALUES (3, 3, 100); DELETE FROM t WHERE id = 3").await;
    flow.catch_up().await;
    assert_eq!(ids(&flow, "t").await, "-1 1 2 3 5 6");
    assert_eq!(tombstones(&flow).await, "t 1, t 2, t 3");
    no_orphan(&flow).await;
    // one that is refused and gone on production, and what refers to it cannot give way: that stands in the record
    flow.target("CREATE TABLE sticks (t int REFERENCES t CHECK (t IS NOT NULL)); INSERT INTO sticks VALUES (5)").await;
    flow.source("UPDATE t SET v = 100 WHERE id = 5").await;
    flow.catch_up().await;
    flow.source("DELETE FROM t WHERE id = 5; DELETE FROM t WHERE id = 6").await;
    flow.catch_up().await;
    assert_eq!(ids(&flow, "t").await, "-1 1 2 3 5");
    let record = "SELECT string_agg(concat_ws(' ', key[1], operation, constraint_name), ', ') FROM sluice.quarantine";
    assert_eq!(text(&flow.t, record).await, "5 delete sticks_t_check");
    no_orphan(&flow).await;
    flow.target("DELETE FROM sticks").await;
    flow.sluice.ok(&["quarantine", "retry", "--all"]).await;
    flow.catch_up().await;
    assert_eq!(ids(&flow, "t").await, "-1 1 2 3");
    // all of them come back
    flow.source("INSERT INTO t VALUES (1, 11, 1), (2, 700, 2), (3, 33, 3)").await;
    flow.catch_up().await;
    flow.source("UPDATE t SET n = 22 WHERE id = 2").await;
    flow.catch_up().await;
    assert_eq!((tombstones(&flow).await.as_str(), flow.divergences().await), ("", 0));
    check::equal(&flow.s, &flow.t, Table::named("t").target_rows("id > 0")).await;
}

/// A kept row that comes back into the set has old values where production has not sent them: a slice brings it.
async fn a_part_of_the_rows_not_sent_whole(major: u32) {
    let rest = "tables: { public.t: { where: n > 0 } }
protect: { tables: [public.refers] }
apply: { on_divergence: stop }";
    let flow = Flow::with(major, "tombstones_unsent", rest).await;
    flow.both("CREATE TABLE t (id int PRIMARY KEY, n int, body text); ALTER TABLE t ALTER body SET STORAGE EXTERNAL")
        .await;
    flow.source("INSERT INTO t SELECT g, g, repeat('a', 9000) FROM generate_series(1, 3) g").await;
    flow.catch_up().await;
    flow.target("CREATE TABLE refers (t int REFERENCES t); INSERT INTO refers VALUES (1), (2)").await;
    flow.source("UPDATE t SET n = -1 WHERE id < 3").await;
    flow.catch_up().await;
    assert_eq!(tombstones(&flow).await, "t 1, t 2");
    flow.source("UPDATE t SET body = repeat('b', 9000) WHERE id < 3; UPDATE t SET n = 7 WHERE id = 1").await;
    flow.catch_up().await;
    assert_eq!(tombstones(&flow).await, "t 2");
    check::equal(&flow.s, &flow.t, Table::named("t").source_rows("n > 0").target_rows("id <> 2")).await;
}

/// A foreign key that staging's users make while we run is looked at within seconds; one that changes nothing for us starts nothing over.
async fn a_key_that_comes_later(major: u32) {
    let flow = fleet(major, "tombstones_later", REST).await;
    flow.target("ALTER TABLE quotes DROP CONSTRAINT quotes_cruise_fkey; INSERT INTO quotes (cruise) VALUES (1), (2)")
        .await;
    let mut running = flow.sluice.spawn(&["run"]);
    wait_until("it runs", LIMIT, || async { running.log().contains("running at=") }).await;
    flow.target("CREATE TABLE elsewhere (quote int REFERENCES quotes)").await;
    wait_until("it is none of ours", LIMIT, || async {
        running.log().contains("who refers to what we write is the same")
    })
    .await;
    assert!(!running.log().contains("starting over"), "{}", running.log());
    flow.target("ALTER TABLE quotes ADD CONSTRAINT later FOREIGN KEY (cruise) REFERENCES cruises").await;
    wait_until("it is seen", LIMIT, || async { running.log().contains("changed; starting over") }).await;
    flow.source("DELETE FROM cruises WHERE id IN (1, 9)").await;
    wait_until("one goes", LIMIT, || async { ids(&flow, "cruises WHERE id IN (1, 9)").await == "1" }).await;
    running.kill9();
    no_orphan(&flow).await;
}

/// What one keeps another gives up, later; a tombstone outlives a migration; and a key that is referred to takes a kept value.
async fn several_refer(major: u32) {
    let rest = "tables: { public.ships: keep, public.cruises: keep }
protect: { tables: [public.quotes, public.notes], on_referenced: { public.quotes: remove } }
apply: { on_divergence: stop }";
    let flow = fleet(major, "several_refer", rest).await;
    flow.target(
        "CREATE TABLE notes (id int PRIMARY KEY, cruise int REFERENCES cruises); INSERT INTO notes VALUES (1, 1), (2, 2), (5, 5);
         INSERT INTO quotes (cruise) VALUES (1), (3)",
    )
    .await;
    flow.source("DELETE FROM cruises WHERE id IN (1, 2, 3)").await;
    flow.catch_up().await;
    assert_eq!((tombstones(&flow).await.as_str(), ids(&flow, "quotes").await.as_str()), ("cruises 1, cruises 2", "1"));
    // nobody has said what a new column is: nothing of the table is due, and what was kept is known still
    flow.both("ALTER TABLE cruises ADD later text").await;
    flow.catch_up().await;
    flow.source("INSERT INTO cruises VALUES (1, 1, 'c1'); DELETE FROM cruises WHERE id = 1").await;
    flow.catch_up().await;
    assert_eq!(tombstones(&flow).await, "cruises 1, cruises 2");
    flow.source("UPDATE cruises SET id = 50, code = 'c2' WHERE id = 5").await;
    flow.catch_up().await;
    assert_eq!(tombstones(&flow).await, "cruises 1, cruises 5");
    let mut running = flow.sluice.spawn(&["run"]);
    flow.target("DELETE FROM notes WHERE id = 1").await;
    wait_until("the other gives way", LIMIT, || async { ids(&flow, "quotes").await.is_empty() }).await;
    wait_until("and it goes", LIMIT, || async { tombstones(&flow).await == "cruises 5" }).await;
    running.kill9();
    assert_eq!(number(&flow.t, "SELECT count(*) FROM sluice.removed").await, 2);
    assert_eq!(flow.divergences().await, 0);
    let orphans = flow.sluice.run(&["orphans"]).await.stdout;
    assert!(!orphans.contains("quotes_cruise_fkey"), "{orphans}");
}

/// A foreign key to a leaf is none to its neighbours, and one of a leaf is its table's; MATCH FULL becomes NULL as a whole, or is refused.
async fn a_leaf_and_a_whole_reference(major: u32) {
    let rest = "tables: { public.parts: keep, public.pairs: keep }
protect:
  tables: [public.to_leaf, public.logs, public.wholes, public.loose]
  on_referenced: { public.logs: remove, public.wholes: null, public.loose: null }
apply: { on_divergence: stop }";
    let flow = Flow::with(major, "leaf_and_whole", rest).await;
    flow.both(
        "CREATE TABLE parts (region int, id int, PRIMARY KEY (region, id)) PARTITION BY LIST (region);
         CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1); CREATE TABLE parts_2 PARTITION OF parts FOR VALUES IN (2);
         CREATE TABLE pairs (a int, b int, PRIMARY KEY (a, b))",
    )
    .await;
    flow.source(
        "INSERT INTO parts SELECT r, g FROM generate_series(1, 2) r, generate_series(5, 7) g; INSERT INTO pairs SELECT g, g FROM generate_series(1, 4) g",
    )
    .await;
    flow.catch_up().await;
    flow.target(
        "ALTER TABLE parts_1 ADD UNIQUE (id); CREATE TABLE to_leaf (part int REFERENCES parts_1 (id)); INSERT INTO to_leaf VALUES (5);
         CREATE TABLE logs (id int, a int, b int) PARTITION BY LIST (id);
         CREATE TABLE logs_1 PARTITION OF logs FOR VALUES IN (1); CREATE TABLE logs_2 PARTITION OF logs FOR VALUES IN (2);
         ALTER TABLE logs_1 ADD FOREIGN KEY (a, b) REFERENCES pairs; INSERT INTO logs VALUES (1, 1, 1), (1, 2, 2), (2, 1, 1);
         CREATE TABLE wholes (id int, a int, b int, FOREIGN KEY (a, b) REFERENCES pairs MATCH FULL); INSERT INTO wholes VALUES (1, 1, 1), (3, 3, 3);
         CREATE TABLE loose (id int, a int NOT NULL, b int, FOREIGN KEY (a, b) REFERENCES pairs); INSERT INTO loose VALUES (1, 1, 1), (4, 4, 4)",
    )
    .await;
    let rows = async |table: &str| {
        text(&flow.t, &format!("SELECT string_agg(x::text, ' ' ORDER BY x::text) FROM {table} x")).await
    };
    flow.source("DELETE FROM parts WHERE id = 5; DELETE FROM pairs WHERE a = 1").await;
    flow.catch_up().await;
    assert_eq!(tombstones(&flow).await, "parts 1", "the neighbour's of the same number goes");
    assert_eq!(rows("parts").await, "(1,5) (1,6) (1,7) (2,6) (2,7)");
    assert_eq!(rows("logs").await, "(1,2,2) (2,1,1)");
    assert_eq!((rows("wholes").await.as_str(), rows("loose").await.as_str()), ("(1,,) (3,3,3)", "(1,1,) (4,4,4)"));
    no_orphan(&flow).await;
    // a copy does the same
    flow.sluice.ok(&["resync", "public.parts", "public.pairs"]).await;
    flow.source("DELETE FROM parts WHERE id = 6; DELETE FROM pairs WHERE a > 2").await;
    flow.catch_up().await;
    assert_eq!((tombstones(&flow).await.as_str(), rows("parts").await.as_str()), ("parts 1", "(1,5) (1,7) (2,7)"));
    assert_eq!((rows("wholes").await.as_str(), rows("loose").await.as_str()), ("(1,,) (3,,)", "(1,1,) (4,4,)"));
    no_orphan(&flow).await;
    // what was removed from a leaf comes back to it
    flow.source("INSERT INTO pairs VALUES (1, 1)").await;
    flow.catch_up().await;
    flow.sluice.ok(&["removed", "restore", "--all"]).await;
    assert_eq!(rows("logs").await, "(1,1,1) (1,2,2) (2,1,1)");

    let mut running = flow.sluice.spawn(&["run"]);
    flow.target("DELETE FROM to_leaf").await;
    wait_until("it goes", LIMIT, || async { tombstones(&flow).await.is_empty() }).await;
    running.term();
    assert!(running.wait(LIMIT).await.success(), "{}", running.log());
    for table in ["parts", "pairs"] {
        check::equal(&flow.s, &flow.t, table).await;
    }
    // of a whole reference nothing may stay
    flow.target("UPDATE wholes SET a = 1, b = 1; ALTER TABLE wholes ALTER b SET NOT NULL").await;
    let refused = flow.sluice.run(&CATCH_UP).await;
    let said = "null for public.wholes, and wholes_a_b_fkey refers by columns that are NOT NULL";
    assert!(refused.code != 0 && refused.stderr.contains(said), "{} {}", refused.code, refused.stderr);
    assert_eq!(flow.divergences().await, 0);
}
