//! Databases of other encodings and collations on either side.

use super::flow::{CATCH_UP, Flow, number};
use super::types;
use crate::check;
use crate::servers::Pair;

majors!(latin1_to_utf8, utf8_to_latin1, icu_to_c, impatient_databases, a_character_that_the_target_lacks);

const LATIN1: &str = "TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'";
const ICU: &str = "TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'de-DE' LOCALE 'C'";
const KEEP: &str = "tables: { \"public.*\": keep }\ncopy: { chunk_rows: 100 }";

/// Text keys in an order that differs between the databases, more than a chunk of them, then changes of each.
const WORDS: &str = "CREATE TABLE words (word text PRIMARY KEY, n int); CREATE TABLE c (word text COLLATE \"C\" PRIMARY KEY, n int);
    INSERT INTO words SELECT chr(65 + g % 58) || chr(192 + g % 60) || g, g FROM generate_series(1, 500) g; INSERT INTO c SELECT * FROM words;";
const CHANGES: &str = "UPDATE words SET n = n + 1; UPDATE c SET n = n + 1; DELETE FROM words WHERE n % 7 = 0; DELETE FROM c WHERE n % 7 = 0;
    UPDATE words SET word = 'Ä' || word WHERE n % 5 = 0; UPDATE c SET word = 'Ä' || word WHERE n % 5 = 0;";

async fn between(major: u32, name: &str, source: &str, target: &str) {
    let flow = Flow::over(Pair::get(major).create_db_with(name, source, target).await, KEEP).await;
    flow.source(WORDS).await;
    flow.target(&WORDS.replace("500", "100").replace(", g FROM", ", 0 FROM")).await;
    flow.equal().await;
    flow.source(CHANGES).await;
    flow.equal().await;
}

async fn latin1_to_utf8(major: u32) {
    between(major, "latin1_utf8", LATIN1, "").await;
    if major == 18 {
        types::matrix(&Flow::over(Pair::get(major).create_db_with("types_latin1", LATIN1, "").await, KEEP).await).await;
    }
}

async fn utf8_to_latin1(major: u32) {
    between(major, "utf8_latin1", "", LATIN1).await;
}

async fn icu_to_c(major: u32) {
    between(major, "icu_c", ICU, "").await;
    between(major, "c_icu", "", ICU).await;
}

/// Time limits that an administrator has set for everybody are not for us: a slice and a batch take the time that they take.
async fn impatient_databases(major: u32) {
    let flow = Flow::with(major, "impatient", KEEP).await;
    flow.both("CREATE TABLE t (id int PRIMARY KEY, n int)").await;
    // 200 ms for a hundred rows
    let slow = "CREATE FUNCTION slow(n int) RETURNS bool LANGUAGE plpgsql AS 'BEGIN PERFORM pg_catalog.pg_sleep(0.002); RETURN true; END';
        ALTER TABLE t ADD CHECK (slow(n))";
    flow.target(slow).await;
    flow.source("INSERT INTO t SELECT g, g FROM generate_series(1, 200) g").await;
    let since = if major >= 17 { "transaction_timeout" } else { "statement_timeout" };
    for limit in ["statement_timeout", "idle_in_transaction_session_timeout", "idle_session_timeout", since] {
        flow.both(&format!("ALTER DATABASE impatient SET {limit} = '100ms'")).await;
    }
    let copied = flow.catch_up().await;
    flow.source("UPDATE t SET n = n + 1 WHERE id <= 100").await;
    let followed = flow.catch_up().await;
    for log in [copied.stderr, followed.stderr] {
        assert!(!log.contains("trying again"), "{log}");
    }
    flow.equal().await;
}

/// It cannot be written there: the stream is held at that change, and says so without its value.
async fn a_character_that_the_target_lacks(major: u32) {
    let flow = Flow::over(Pair::get(major).create_db_with("lacks", "", LATIN1).await, KEEP).await;
    flow.both("CREATE TABLE t (id int PRIMARY KEY, v text)").await;
    flow.catch_up().await;
    flow.source("INSERT INTO t VALUES (1, 'secret €')").await;
    let held = flow.sluice.run(&CATCH_UP).await;
    assert_eq!(held.code, 6, "{}", held.stderr);
    assert!(held.stderr.contains("public.t") && held.stderr.contains("22P05"), "{}", held.stderr);
    assert!(!held.stderr.contains("secret") && !held.stderr.contains('€'), "{}", held.stderr);
    // nothing is passed over: it stands there until somebody mends it
    assert_eq!(flow.sluice.run(&CATCH_UP).await.code, 6);
    assert_eq!(number(&flow.t, "SELECT count(*) FROM t").await, 0);
    // or it goes aside, without its values, in the stream as in a copy
    let file = std::fs::read_to_string(flow.sluice.dir.join("sluice.yaml")).expect("the file");
    flow.sluice.configure(&format!("{file}\napply: {{ on_error: quarantine }}"));
    flow.source("INSERT INTO t SELECT g, 'é' FROM generate_series(2, 300) g").await;
    for _ in 0..2 {
        flow.catch_up().await;
        let aside =
            "SELECT count(*) FROM sluice.quarantine WHERE key = '{1}' AND sqlstate = '22P05' AND masked IS NULL";
        assert_eq!(number(&flow.t, aside).await, 1);
        check::equal(&flow.s, &flow.t, check::Table::named("t").source_rows("id > 1")).await;
        flow.sluice.ok(&["resync", "t"]).await;
    }
    flow.source("UPDATE t SET v = 'e' WHERE id = 1").await;
    flow.equal().await;
    assert_eq!(number(&flow.t, "SELECT count(*) FROM sluice.quarantine").await, 0);
}
