//! The target tries masked rows before it gets any: everything that refuses them is told at once, with a mask that would do,
//! and nothing of it stays.

use serde_json::Value;

use crate::servers::Pair;
use crate::shapes::Flow;
use crate::shapes::flow::{CATCH_UP, number};
use crate::sluice::Sluice;

majors!(everything_that_refuses_is_told, what_was_tried_comes, no_temporary_tables);

const SOURCE: &str = "
    CREATE TABLE people (id int PRIMARY KEY, mail text, code text, nick text, born date, ratio numeric, gone text, born_on date, mood text);
    CREATE TABLE noting (id int PRIMARY KEY, a text);
    INSERT INTO noting VALUES (1, 'canary');
    CREATE TABLE parts (id int, at date) PARTITION BY RANGE (at);
    CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2000-01-01') TO ('2030-01-01');
    INSERT INTO people SELECT g, 'canary' || g || '@example.org', '1234', 'canary', '2001-02-03', 2.5, 'canary', '2001-02-03', 'zanzibar 123456' FROM generate_series(1, 20) g;
    INSERT INTO parts SELECT g, '2029-12-30' FROM generate_series(1, 20) g";

/// Each of these refuses what one mask writes; `kept` and `fine` do not, and a sequence would show that something was written.
const TARGET: &str = "
    CREATE DOMAIN address AS text CHECK (VALUE LIKE '%@%') CONSTRAINT short CHECK (length(VALUE) < 60);
    CREATE DOMAIN parent AS text CONSTRAINT lower CHECK (VALUE = lower(VALUE));
    CREATE DOMAIN child AS parent CONSTRAINT no_digit CHECK (VALUE !~ '[0-9]');
    CREATE TYPE mood AS ENUM ('sad', 'ok');
    CREATE SEQUENCE seen;
    CREATE TABLE noting (id int PRIMARY KEY, a text CHECK (nextval('seen') > 0));
    CREATE TABLE people (id int PRIMARY KEY, mail address, code varchar(20) CONSTRAINT coded CHECK (length(code) = 4), nick child,
        born date NOT NULL, ratio numeric CONSTRAINT positive CHECK (ratio > 1), gone text, born_on date, mood mood,
        number int GENERATED ALWAYS AS (('0' || code)::int) STORED,
        made int NOT NULL DEFAULT nextval('seen') CHECK (made IS NOT NULL),
        CONSTRAINT either CHECK (gone IS NOT NULL OR born IS NOT NULL), CONSTRAINT fine CHECK (id > 0));
    CREATE INDEX on_code ON people ((1 / (length(code) - 20)));
    CREATE TABLE parts (id int, at date) PARTITION BY RANGE (at);
    CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2000-01-01') TO ('2029-12-31')";

const YAML: &str = "tables:
  public.noting: { columns: { id: keep, a: hash } }
  public.parts: { columns: { id: keep, at: { mask: date_shift, days: 10 } } }
  public.people:
    columns:
      id: keep
      mail: hash
      code: { mask: hash, length: 20 }
      nick: hash
      born: null
      ratio: { mask: constant, value: 0 }
      gone: drop
      mood: hash
      born_on: { mask: date_shift, days: 3 }";

/// Where, and what is said there.
const TOLD: &[(&str, &str)] = &[
    ("public.parts.columns.at", "the target's partitions are cut by it: a row may find none"),
    ("public.parts.columns.at", "the target has no partition by (at) for 20 of 20 rows tried"),
    (
        "public.people.columns.born",
        "20 of 20 rows tried have no value there, and it is NOT NULL on the target (born is null): 23502 not_null_violation",
    ),
    ("public.people.columns.mail", "the constraint address_check of its domain on the target refuses some"),
    ("public.people.columns.mail", "the constraint short of its domain on the target refuses some"),
    ("public.people.columns.nick", "the constraint no_digit of its domain on the target refuses some"),
    (
        "public.people.columns.code",
        "the target generates number from (code), and cannot for some of 20 rows tried (code is { mask: hash, length: 20 }): 22P02",
    ),
    ("public.people.columns.code", "the constraint coded (code) on the target refuses 20 of 20 rows tried"),
    ("public.people.columns.code", "the index on_code on the target fails over (code) for some of 20 rows tried"),
    (
        "public.people.columns.born",
        "the constraint either (born, gone) on the target refuses 20 of 20 rows tried (born is null, gone is drop)",
    ),
    ("public.people.columns.mood", "public.mood on the target: mask hash wants text"),
    (
        "public.people.columns.mood",
        "its type on the target does not take what comes in some of 20 rows tried (mood is hash): 22P02",
    ),
    ("public.people.columns.ratio", "the constraint positive (ratio) on the target refuses 20 of 20 rows tried"),
];

async fn everything_that_refuses_is_told(major: u32) {
    let flow = Flow::with(major, "trial", YAML).await;
    flow.source(SOURCE).await;
    flow.target(TARGET).await;
    let run = flow.sluice.run(&CATCH_UP).await;
    assert_eq!(run.code, 2, "{}", run.stderr);
    let told = run.stderr.lines().map(|l| l.trim_start_matches("sluice: ")).filter(|l| l.starts_with("tables."));
    let told: Vec<&str> = told.collect();
    for (path, what) in TOLD {
        let known = told.iter().any(|l| l.starts_with(&format!("tables.{path}: ")) && l.contains(what));
        assert!(known, "{path}: {what}\nin {}", run.stderr);
    }
    assert_eq!(told.len(), TOLD.len(), "and nothing else: {}", run.stderr);
    assert!(run.stderr.contains("ALTER TABLE \"public\".\"people\" DROP CONSTRAINT \"positive\""), "{}", run.stderr);
    let plan = flow.sluice.run(&["plan"]).await;
    assert_eq!(plan.code, 2, "{}", plan.stderr);
    for would in [
        "address_check of its domain on the target refuses some of 20 rows tried (mail is hash): 23514 check_violation (would do, as tried: email",
        "generates number from (code), and cannot for some of 20 rows tried (code is { mask: hash, length: 20 }): 22P02 invalid_text_representation (would do, as tried: postcode",
        "constraint positive (ratio) on the target refuses 20 of 20 rows tried (ratio is { mask: constant, value: 0 }): 23514 check_violation (would do, as tried: integer;",
    ] {
        assert!(plan.stderr.contains(would), "{would}\nin {}", plan.stderr);
    }
    assert!(!plan.stderr.contains("canary") && !plan.stdout.contains("canary"), "{}", plan.stderr);
    assert!(!run.stderr.contains("canary") && !run.stderr.contains("@example"), "no value: {}", run.stderr);
    // another mask that is tried sees no raw value: what it wrote would stand in the target's log
    let log = Pair::get(major).target.log();
    assert!(log.contains("invalid input value for enum") && !log.contains("zanzibar"), "nothing raw");
    // what wants to write may not, and is left out
    assert!(run.stderr.contains("WARN its rows were not tried out before they come table=\"public.noting\" why=\"a constraint of it wants to write"), "{}", run.stderr);
    // nothing stays: no row, no table, no number of the sequence
    let left = "SELECT (SELECT count(*) FROM people) + (SELECT count(*) FROM parts) + (SELECT count(*) FROM pg_class WHERE relname LIKE 'sluice_%' AND relpersistence = 't')
        + (SELECT count(*) FROM pg_type WHERE typname LIKE 'sluice!_%' ESCAPE '!' AND typnamespace::regnamespace::text LIKE 'pg_temp%') + (SELECT is_called::int FROM seen)";
    assert_eq!(number(&flow.t, left).await, 0);
    assert_eq!(
        number(&flow.s, "SELECT count(*) FROM pg_replication_slots WHERE database = current_database()").await,
        0,
        "refused before a slot is made"
    );
}

/// What is proposed is taken: and then `check` and `plan` say how much was tried, and the rows come.
async fn what_was_tried_comes(major: u32) {
    let better = YAML
        .replace("{ mask: date_shift, days: 10 }", "keep")
        .replace("mail: hash", "mail: email")
        .replace("{ mask: hash, length: 20 }", "digits")
        .replace("nick: hash", "nick: alnum")
        .replace("born: null", "born: { mask: date_shift, days: 30 }")
        .replace("mood: hash", "mood: { mask: choice, of: [sad, ok] }")
        .replace("{ mask: constant, value: 0 }", "noise");
    let flow = Flow::with(major, "tried", &better).await;
    flow.source(&SOURCE.replace("2029-12-30", "2029-12-29")).await;
    flow.target(TARGET).await;
    let plan = flow.sluice.ok(&["plan"]).await.stdout;
    assert!(plan.contains("TRIED  40 rows of 2 tables, behind their masks"), "{plan}");
    flow.catch_up().await;
    assert_eq!(number(&flow.t, "SELECT count(*) FROM people").await, 20);
    // what only the target asks of rows that come as they are is told by check and plan
    flow.target("ALTER TABLE parts ADD CONSTRAINT early CHECK (at < '2029-12-01') NOT VALID").await;
    let plan = flow.sluice.run(&["plan", "--json"]).await;
    assert_eq!(plan.code, 2, "{}", plan.stderr);
    let forecast: Value = serde_json::from_str(&plan.stdout).expect("all of it is shown");
    let problem = forecast["problems"][0].as_str().expect("a problem");
    assert!(
        problem.contains("public.parts: the constraint early (at) on the target refuses 20 of 20 rows tried: 23514"),
        "{problem}"
    );
    let check = flow.sluice.run(&["check"]).await;
    assert_eq!(check.code, 3, "{}", check.stdout);
    assert!(
        check.stdout.contains("FAIL   tables.public.parts.columns.at: public.parts: the constraint early"),
        "{}",
        check.stdout
    );
}

async fn no_temporary_tables(major: u32) {
    let flow = Flow::with(major, "untriable", "tables: { public.t: { columns: { a: hash } } }").await;
    flow.both("CREATE TABLE t (id int PRIMARY KEY, a text)").await;
    let role = format!(
        "CREATE ROLE untriable LOGIN; REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC; ALTER TABLE t OWNER TO untriable;
        GRANT CREATE ON DATABASE {} TO untriable; ALTER ROLE untriable SET session_replication_role = replica",
        flow.db.name, flow.db.name
    );
    flow.target(&role).await;
    let as_role = flow.db.target_url().replacen("postgres://postgres", "postgres://untriable", 1);
    let sluice =
        Sluice::over("untriable", &flow.db.source_url(), &as_role, "tables: { public.t: { columns: { a: hash } } }");
    let run = sluice.run(&CATCH_UP).await;
    assert_eq!(run.code, 5, "{}", run.stderr);
    let mend = "hint: GRANT TEMPORARY ON DATABASE \"untriable\" TO \"untriable\";";
    assert!(run.stderr.contains(mend), "{}", run.stderr);
    flow.target(mend.trim_start_matches("hint: ")).await;
    sluice.ok(&CATCH_UP).await;
    flow.target("DROP OWNED BY untriable CASCADE; DROP ROLE untriable").await;
}
