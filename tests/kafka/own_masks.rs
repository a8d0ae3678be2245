//! A target whose own file masks more than the capture does, beside one whose file does not.

use std::time::Duration;

use tokio_postgres::Client;

use super::followed::{ENDS, Followed, says};
use super::walk::{self, SOON, run, shows};
use crate::check::{self, Table};
use crate::servers::{Broker, Db, Pair, wait_until};
use crate::shapes::flow::{number, text};
use crate::sluice::{Running, Sluice};

eighteen!(
    each_masks_what_it_wants,
    a_key_is_masked_and_what_refers_to_it,
    another_key_masks_once_more,
    what_cannot_be_done_is_refused,
    structure_takes_rows_away
);

/// Another target of the same topic, with these rules of its own.
async fn beside(db: &Db, major: u32, schema: &str, rules: &str) -> (Db, Client, Sluice) {
    let other = Pair::get(major).create_db(&format!("{}_b", db.name)).await;
    let o = other.target().await;
    run(&o, schema).await;
    let sluice = Sluice::over(&db.name, &db.source_url(), &other.target_url(), rules);
    (other, o, sluice)
}

async fn begins(o: &Client) {
    wait_until("it has begun", SOON, || async { o.query("SELECT 1 FROM sluice.pending", &[]).await.is_ok() }).await;
}

async fn ends(half: &mut Running) {
    half.term();
    assert!(half.wait(ENDS).await.success(), "{}", half.log());
}

const CRUISES: &str = "public.cruises: { columns: { name: { mask: hash, length: 12 }, body: drop } }\n  ";

async fn each_masks_what_it_wants(major: u32) {
    let mut f = Followed::new(major, "own_masks", "").await;
    let captured = walk::rules(&f.db.name, &Broker::shared().addr());
    let stricter = captured.replace("public.guests:", &format!("{CRUISES}public.guests:"));
    let (_other, o, sluice) = beside(&f.db, major, walk::SCHEMA, &stricter).await;
    let mut apply = sluice.spawn(&["apply"]);
    begins(&o).await;
    let raw = "SELECT count(*) FROM cruises WHERE name LIKE 'cruise%' OR name = 'renamed' OR body IS NOT NULL";
    shows(&f.s, &o, 20_001, &[&f.capture, &apply]).await;
    assert_eq!((number(&o, raw).await, number(&o, "SELECT count(*) FROM cruises").await), (0, 500), "rows of a copy");
    run(&f.s, walk::CHANGES).await;
    // a row is edited there, and heals
    run(&o, "DELETE FROM cruises WHERE id = 2").await;
    run(&f.s, "UPDATE cruises SET name = 'cruise that heals' WHERE id = 2").await;
    shows(&f.s, &o, 20_002, &[&f.capture, &apply]).await;
    wait_until("it has healed", SOON, || async { number(&o, "SELECT count(*) FROM cruises WHERE id = 2").await == 1 })
        .await;
    assert_eq!(number(&o, raw).await, 0, "changes, and a row that healed");
    check::equal(&f.s, &o, Table::named("cruises").without(&["name", "body"])).await;
    let names = "SELECT count(DISTINCT name) FROM cruises";
    assert_eq!(number(&f.s, names).await, number(&o, names).await, "each value is one still");
    // what the capture has masked by the same rule is not masked once more
    f.shows().await;
    for masked in
        ["md5(string_agg(email, ' ' ORDER BY id)) FROM guests", "md5(string_agg(handle, ' ' ORDER BY v)) FROM handles"]
    {
        let sql = format!("SELECT {masked}");
        assert_eq!(text(&f.t, &sql).await, text(&o, &sql).await, "{masked}");
    }
    let due = "SELECT string_agg(name, ' ') FROM sluice.pending";
    assert_eq!(text(&o, due).await, "NULL", "nothing is asked for again and again");

    // another rule, stricter than the capture's, while it runs
    let first = text(&o, "SELECT email FROM guests WHERE id = 3").await;
    assert!(first.contains('@'), "{first}");
    let most = stricter.replace("email: email", "email: { mask: hash, length: 32 }");
    sluice.lay(&f.db.name, &most);
    apply.signal(libc::SIGHUP);
    let mail = "SELECT count(*) FROM guests WHERE email LIKE '%@%'";
    wait_until("what is there already is masked", SOON, || async { number(&o, mail).await == 0 }).await;
    run(&f.s, "UPDATE guests SET email = 'again' || id || '@secret.example' WHERE id < 30").await;
    shows(&f.s, &o, 20_003, &[&f.capture, &apply]).await;
    assert_eq!((number(&o, mail).await, number(&o, "SELECT count(*) FROM guests").await), (0, 1000));
    assert_eq!(number(&f.t, mail).await, 1000, "the other has what the capture lets come");

    // and none of its own any more: what the capture lets come, comes
    sluice.lay(&f.db.name, &captured);
    apply.signal(libc::SIGHUP);
    wait_until("what is masked no more is there", SOON, || async { number(&o, mail).await == 1000 }).await;
    shows(&f.s, &o, 20_004, &[&f.capture, &apply]).await;
    check::equal(&f.s, &o, Table::named("cruises")).await;
    ends(&mut apply).await;
    f.ends_equal().await;
}

const PEOPLE: &str = "CREATE TABLE people (email text PRIMARY KEY, phone text);
    CREATE TABLE visits (id int PRIMARY KEY, email text REFERENCES people ON UPDATE CASCADE, note text);
    ALTER TABLE visits REPLICA IDENTITY FULL; CREATE TABLE log (at int, what text);";

fn people(topic: &str, more: &str) -> String {
    let brokers = Broker::shared().addr();
    format!(
        "tables:\n  \"public.*\": keep\n{more}copy: {{ chunk_rows: 100 }}\napply: {{ on_error: quarantine }}\n\
         buffer: {{ kafka: {{ brokers: \"{brokers}\", topic: {topic} }} }}\n"
    )
}

/// Everything that a target has, of sluice's own tables too.
async fn everything(o: &Client) -> String {
    let tables = text(
        o,
        "SELECT string_agg(format('SELECT t::text AS r FROM %I.%I t', schemaname, tablename), ' UNION ALL ')
           FROM pg_tables WHERE schemaname IN ('public', 'sluice')",
    );
    text(o, &format!("SELECT string_agg(r, chr(10)) FROM ({}) all_rows", tables.await)).await
}

/// No index of the target's needs it, and no reference: the target has none.
async fn a_key_is_masked_and_what_refers_to_it(major: u32) {
    let db = Pair::get(major).create_db(&format!("own_key_{major}")).await;
    db.on_both(PEOPLE).await;
    let s = db.source().await;
    run(
        &s,
        "INSERT INTO people SELECT 'canary' || g || '@x', 'Canary ' || g FROM generate_series(1, 200) g;
        INSERT INTO visits SELECT g, 'canary' || 1 + g % 200 || '@x', 'kept ' || g FROM generate_series(1, 300) g",
    )
    .await;
    let plain = Sluice::between(&db, &people(&db.name, ""));
    let (mut capture, mut first) = (plain.spawn(&["capture"]), plain.spawn(&["apply"]));
    says(&capture, "INFO running").await;
    // without a reference there, and with a condition that a row of production's does not meet
    let schema = PEOPLE
        .replace("REFERENCES people ON UPDATE CASCADE", "")
        .replace("note text", "note text CHECK (note <> 'bad')");
    let own =
        "  public.people: { columns: { email: { mask: hash, length: 32 }, phone: { mask: hash, length: 12 } } }\n";
    let (_other, o, sluice) = beside(&db, major, &schema, &people(&db.name, own)).await;
    let mut apply = sluice.spawn(&["apply"]);
    begins(&o).await;
    shows(&s, &o, 1, &[&capture, &apply]).await;
    let joined = "SELECT count(*) FROM visits JOIN people USING (email)";
    assert_eq!(number(&o, joined).await, 300, "both ends are masked alike");
    run(&s, "UPDATE people SET email = 'canary-moved' || email WHERE email LIKE '%7@x'; UPDATE people SET phone = 'Canary again' WHERE email LIKE '%3@x';
        DELETE FROM visits WHERE id % 9 = 0; DELETE FROM people p WHERE NOT EXISTS (SELECT FROM visits v WHERE v.email = p.email);
        INSERT INTO people VALUES ('canary-new@x', 'Canary'); INSERT INTO visits VALUES (900, 'canary-new@x', 'kept')")
    .await;
    shows(&s, &o, 2, &[&capture, &apply]).await;
    let counts =
        "SELECT (SELECT count(*) FROM people) * 100000 + (SELECT count(*) FROM visits JOIN people USING (email))";
    assert_eq!(number(&s, counts).await, number(&o, counts).await);
    // of a table whose key is masked no single row heals: all of it does
    run(&o, "DELETE FROM people WHERE ctid IN (SELECT ctid FROM people LIMIT 20)").await;
    run(&s, "UPDATE people SET phone = 'Canary healed'").await;
    shows(&s, &o, 3, &[&capture]).await;
    wait_until("it has healed", SOON, || async {
        let sql = "SELECT (SELECT count(*) FROM people) * 100000 + (SELECT count(*) FROM sluice.pending)";
        number(&o, sql).await == 100_000 * number(&s, "SELECT count(*) FROM people").await
    })
    .await;
    // in quarantine it is masked, too
    run(&s, "UPDATE visits SET note = 'bad' WHERE id = 4").await;
    let quarantined = "SELECT count(*) FROM sluice.quarantine";
    wait_until("it is in quarantine", SOON, || async { number(&o, quarantined).await == 1 }).await;
    let all = everything(&o).await;
    assert!(all.contains("kept 5") && all.len() > 10_000, "nothing was looked at");
    let found = all.lines().find(|line| line.to_lowercase().contains("canary"));
    assert_eq!(found, None, "what is raw is there");
    let mut clear = 0;
    wait_until("the other has it all", SOON, || async {
        number(&db.target().await, "SELECT count(*) FROM people WHERE phone = 'Canary healed'").await > 0
    })
    .await;
    clear += everything(&db.target().await).await.matches("canary").count();
    assert!(clear > 100, "the other has what the capture lets come: {clear}");
    for half in [&mut capture, &mut first, &mut apply] {
        assert!(!half.log().to_lowercase().contains("canary"), "{}", half.log());
        ends(half).await;
    }
}

async fn another_key_masks_once_more(major: u32) {
    let f = Followed::new(major, "own_other_key", "").await;
    let rules = walk::rules(&f.db.name, &Broker::shared().addr());
    let (_other, o, sluice) = beside(&f.db, major, walk::SCHEMA, &rules).await;
    let sluice = sluice.env("SLUICE_MASK_KEY", "YW5vdGhlci1rZXktb2YtdGVzdHMtMzItYnl0ZXMtISE=");
    let mut apply = sluice.spawn(&["apply"]);
    begins(&o).await;
    shows(&f.s, &o, 20_001, &[&f.capture, &apply]).await;
    run(&f.s, walk::CHANGES).await;
    shows(&f.s, &o, 20_002, &[&f.capture, &apply]).await;
    walk::equal(&f.s, &o).await;
    let emails = "SELECT md5(string_agg(email, ' ' ORDER BY id)) FROM guests";
    assert_ne!(text(&f.t, emails).await, text(&o, emails).await, "its values cannot be joined with the other's");
    ends(&mut apply).await;
    f.ends_equal().await;
}

async fn what_cannot_be_done_is_refused(major: u32) {
    let f = Followed::new(major, "own_refused", "").await;
    let rules = walk::rules(&f.db.name, &Broker::shared().addr());
    let (_other, o, sluice) = beside(&f.db, major, walk::SCHEMA, &rules).await;
    for (own, words) in [
        ("public.cruizes: { columns: { name: hash } }", "no such table comes by way of the topic"),
        ("public.gone: exclude", "no such table comes by way of the topic"),
        ("public.cruises: { columns: { nam: hash } }", "no column \"nam\""),
        ("public.cruises: { where: \"id > 7\" }", "a condition (over id) that is not the capture's"),
        ("public.cruises: { columns: { id: drop } }", "is dropped or withheld, so rows could not be told apart"),
        ("public.cruises: { columns: { id: { mask: round, to: 10 } } }", "can give two keys the same value"),
        ("public.cruises: { columns: { id: email } }", "mask email wants a column of type"),
        (
            "public.cruises: { columns: { name: { mask: compose, template: \"{id} {body}\" }, body: hash } }",
            "looks at other columns",
        ),
        (
            "public.cruises: { columns: { name: { mask: hash, when: \"id > 7\", else: keep } } }",
            "looks at other columns",
        ),
        ("public.log: { columns: { at: drop, what: drop } }", "every column of it is dropped or withheld"),
    ] {
        sluice.lay(&f.db.name, &rules.replace("public.guests:", &format!("{own}\n  public.guests:")));
        let done = sluice.run(&["apply", "--until-caught-up"]).await;
        assert_ne!(done.code, 0, "{own}: {}", done.stderr);
        assert!(done.stderr.contains(words), "{own}: {}", done.stderr);
        assert_eq!(number(&o, "SELECT count(*) FROM cruises").await, 0, "{own}");
    }
    // without a key nothing is masked with another
    let keyless = yaml_without_key(
        &rules.replace("public.guests:", "public.cruises: { columns: { name: hash } }\n  public.guests:"),
    );
    sluice.configure(&format!("pipeline: {}\n{keyless}", f.db.name));
    let done = sluice.run(&["apply", "--until-caught-up"]).await;
    assert!(done.code != 0 && done.stderr.contains("masking.key"), "{}", done.stderr);
    // one that may be missing, and what is there and does not come
    let fine = "public.gone: { columns: { a: hash }, optional: true }";
    sluice.lay(&f.db.name, &rules.replace("public.guests:", &format!("{fine}\n  public.guests:")));
    sluice.ok(&["apply", "--until-caught-up"]).await;
    // a file that has become wrong holds what runs, and nothing comes past it
    let mut apply = sluice.spawn(&["apply"]);
    says(&apply, "INFO running").await;
    sluice.lay(&f.db.name, &rules.replace("public.guests:", "public.cruises: { where: \"id > 7\" }\n  public.guests:"));
    apply.signal(libc::SIGHUP);
    says(&apply, "ERROR held").await;
    run(&f.s, "INSERT INTO cruises VALUES (7000, 'cruise of after', 'b')").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(number(&o, "SELECT count(*) FROM cruises WHERE id = 7000").await, 0);
    ends(&mut apply).await;
    f.ends_equal().await;
}

/// A table of which this target wants no rows: those that are there go, and none come.
async fn structure_takes_rows_away(major: u32) {
    let f = Followed::new(major, "own_structure", "").await;
    let captured = walk::rules(&f.db.name, &Broker::shared().addr());
    let (_other, o, sluice) = beside(&f.db, major, walk::SCHEMA, &captured).await;
    let mut apply = sluice.spawn(&["apply"]);
    begins(&o).await;
    shows(&f.s, &o, 20_001, &[&f.capture, &apply]).await;
    let rows = "SELECT count(*) FROM cruises";
    assert_eq!(number(&o, rows).await, 500);
    sluice.lay(&f.db.name, &captured.replace("public.guests:", "public.cruises: structure\n  public.guests:"));
    apply.signal(libc::SIGHUP);
    wait_until("its rows are taken away", SOON, || async { number(&o, rows).await == 0 }).await;
    run(&f.s, "UPDATE cruises SET name = 'comes' WHERE id < 9; INSERT INTO cruises VALUES (8001, 'comes', 'b')").await;
    shows(&f.s, &o, 20_002, &[&f.capture, &apply]).await;
    assert_eq!(number(&o, rows).await, 0, "rows of a structure have come");
    ends(&mut apply).await;
    f.ends_equal().await;
}

fn yaml_without_key(rest: &str) -> String {
    format!("source: {{ url: \"${{SLUICE_SOURCE_URL}}\" }}\ntarget: {{ url: \"${{SLUICE_TARGET_URL}}\" }}\n{rest}")
}
