//! What must differ on the target differs behind its masks, by an argument that `plan` shows, or is refused: all at once, by
//! its key path, with a mask that would do.

use serde_json::Value;

use crate::shapes::Flow;
use crate::shapes::flow::CATCH_UP;

majors!(what_does_not_stay_apart_is_refused, what_stays_apart_says_why);

const SCHEMA: &str = "
    CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    CREATE EXTENSION IF NOT EXISTS btree_gist;
    CREATE TABLE people (id int PRIMARY KEY, mail text UNIQUE, nick text, login text COLLATE loose UNIQUE, state text, ref text,
        room int, during int4range, code text, gone text DEFAULT 'x', born date,
        EXCLUDE USING gist (room WITH =, during WITH &&));
    CREATE UNIQUE INDEX by_nick ON people (lower(nick));
    CREATE UNIQUE INDEX by_half ON people (substr(code, 1, 4));
    CREATE UNIQUE INDEX by_ref ON people (ref) WHERE state = 'open';
    CREATE UNIQUE INDEX by_gone ON people (gone);
    CREATE UNIQUE INDEX by_born ON people (id, born);
    CREATE TABLE goods (id int PRIMARY KEY, sku text, label text, kind text, num bigint, note text, tag text);
    CREATE TABLE parted (id int, region int, code text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
    CREATE TABLE parted_1 PARTITION OF parted (UNIQUE (region)) FOR VALUES IN (1);
    CREATE UNIQUE INDEX by_code ON parted (region, code);
    CREATE TABLE visits (id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
    CREATE TABLE visits_1 PARTITION OF visits FOR VALUES FROM ('2000-01-01') TO ('2030-01-01')";

/// Where NULLs are equal, a column that is NULL in every row keeps nothing apart; nor does what may be NULL on production.
const EQUAL_NULLS: &str = "
    ALTER TABLE people ADD lost text, ADD pin int UNIQUE;
    CREATE UNIQUE INDEX by_lost ON people (lost) NULLS NOT DISTINCT;
    CREATE UNIQUE INDEX by_pin ON people (pin, lost) NULLS NOT DISTINCT";

/// The target holds less, or other things, than production.
const NARROW: &str = "
    DROP TABLE goods; CREATE TYPE kind AS ENUM ('a', 'b'); CREATE DOMAIN tag AS varchar(40);
    CREATE TABLE goods (id int PRIMARY KEY, sku varchar(20), label varchar(6), kind kind, num int, note varchar(30), tag tag)";

/// Path, and what is said of it.
const TOLD: &[(&str, &str)] = &[
    (
        "mail",
        "public.people.mail is first_name in the unique index people_mail_key (mail) on the target: its mask can give two values",
    ),
    (
        "nick",
        "public.people.nick is digits in the unique index by_nick (lower(nick)) on the target: nobody can tell what lower(nick) makes",
    ),
    (
        "login",
        "public.people.login is masked, and the unique index people_login_key (login) on the target compares it by the collation loose",
    ),
    (
        "state",
        "public.people.state is { mask: constant, value: open }, and decides which rows are in the unique index by_ref (ref) where (state = 'open'::text)",
    ),
    (
        "code",
        "public.people.code is hash in the unique index by_half (substr(code, 1, 4)) on the target: nobody can tell",
    ),
    (
        "gone",
        "public.people.gone is drop in the unique index by_gone (gone) on the target: every row has the same value there",
    ),
    (
        "lost",
        "public.people.lost is null in the unique index by_lost (lost) on the target: it is NULL in every row, and NULLs are equal there",
    ),
    (
        "lost",
        "public.people.lost is null in the unique index by_pin (pin, lost) on the target: it is NULL in every row, and NULLs are equal there",
    ),
    (
        "room",
        "public.people.room is noise in the exclusion constraint people_room_during_excl (room, during) on the target: its mask can",
    ),
];

async fn what_does_not_stay_apart_is_refused(major: u32) {
    let yaml = "tables:
  public.goods: { columns: { id: keep, sku: hash, label: email, kind: { mask: choice, of: [a, c] }, num: integer, note: digits, tag: uuid } }
  public.parted: { columns: { id: keep, region: keep, code: last_name } }
  public.visits: { columns: { at: { mask: date_shift, days: 3 }, id: keep } }
  public.people: { columns: { id: keep, mail: first_name, nick: digits, login: hash, state: { mask: constant, value: open }, ref: keep, room: noise,
    during: keep, code: hash, gone: drop, born: { mask: date_shift, days: 3 }, lost: null, pin: keep } }";
    let flow = Flow::with(major, "apart", yaml).await;
    flow.both(SCHEMA).await;
    flow.both(EQUAL_NULLS).await;
    flow.target(NARROW).await;
    let run = flow.sluice.run(&CATCH_UP).await;
    assert_eq!(run.code, 2, "{}", run.stderr);
    let told: Vec<&str> =
        run.stderr.trim_start_matches("sluice: ").lines().filter(|l| l.starts_with("tables.")).collect();
    for (column, what) in TOLD {
        let path = format!("tables.public.people.columns.{column}: ");
        assert!(told.iter().any(|l| l.starts_with(&path) && l.contains(what)), "{what}\nin {}", run.stderr);
    }
    let visits: Vec<&&str> = told.iter().filter(|l| l.starts_with("tables.public.visits.columns.at: ")).collect();
    let both = [
        "its mask can give two keys the same value (no mask that sluice has keeps values of its type apart; keep it)",
        "the target's partitions are cut by it: a row may find none",
        "at is { mask: date_shift, days: 3 } in the primary key visits_pkey",
    ];
    for what in both {
        assert!(visits.iter().any(|l| l.contains(what)), "{what}\nin {}", run.stderr);
    }
    let fits = [
        (
            "sku",
            "public.goods.sku is hash, which writes up to 64 characters, and character varying(20) on the target holds 20 (would do: { mask: hash, length: 20 }",
        ),
        ("label", "public.goods.label is email, and character varying(6) on the target: mask email needs"),
        (
            "kind",
            "public.goods.kind is { mask: choice, of: [a, c] }, and public.kind on the target: mask choice: of: not every text is a label",
        ),
    ];
    for (column, what) in fits {
        let path = format!("tables.public.goods.columns.{column}: ");
        assert!(told.iter().any(|l| l.starts_with(&path) && l.contains(what)), "{what}\nin {}", run.stderr);
    }
    // what is unique in one partition does not keep rows of two apart
    let parted = "tables.public.parted.columns.code: public.parted.code is last_name in the unique index by_code (region, code) on the target";
    assert!(told.iter().any(|l| l.starts_with(parted)), "{parted}\nin {}", run.stderr);
    let unsure = "public.goods.note is digits, which writes about as much as the value has, and character varying(30) on the target holds 30";
    assert_eq!(told.len(), TOLD.len() + both.len() + fits.len() + 1, "and nothing else: {}", run.stderr);
    let hint = "(would do: hash, email, uuid, token, username; or keep it; or on the target: ALTER TABLE \"public\".\"people\" DROP CONSTRAINT \"people_mail_key\";)";
    assert!(run.stderr.contains(hint), "{}", run.stderr);
    let check = flow.sluice.run(&["check"]).await;
    assert_eq!(check.code, 3);
    assert!(check.stdout.contains(&format!("warn   tables.public.goods.columns.note: {unsure}")), "{}", check.stdout);
    assert!(
        check.stdout.contains("FAIL   tables.public.people.columns.mail: public.people.mail is first_name"),
        "{}",
        check.stdout
    );
}

async fn what_stays_apart_says_why(major: u32) {
    let yaml = "tables:
  public.goods: exclude
  public.parted: exclude
  public.notes: { where: \"body LIKE 'a%'\", columns: { id: integer, body: keep, number: digits } }
  public.visits: { columns: { at: keep, id: integer } }
  public.people: { columns: { id: integer, mail: email, nick: hash, login: keep, state: keep, ref: uuid, room: integer,
    during: keep, code: keep, gone: null, born: { mask: date_shift, days: 3 }, lost: null } }";
    let flow = Flow::with(major, "proved", yaml).await;
    flow.both(SCHEMA).await;
    flow.both("CREATE TABLE notes (id int PRIMARY KEY, body text, number text UNIQUE)").await;
    flow.both(
        "ALTER TABLE people ALTER ref TYPE uuid USING NULL, ADD boss text REFERENCES people (mail), ADD lost text",
    )
    .await;
    flow.both("CREATE UNIQUE INDEX by_lost ON people (id, lost) NULLS NOT DISTINCT").await;
    flow.source("INSERT INTO people (id, gone, mail, nick, login, ref) SELECT g, g, g || '@a.example', 'n' || g, g, md5(g::text)::uuid FROM generate_series(1, 2000) g; ANALYZE").await;
    let plan = flow.sluice.run(&["plan", "--json"]).await;
    assert_eq!(plan.code, 0, "{}", plan.stderr);
    let forecast: Value = serde_json::from_str(&plan.stdout).expect("a forecast");
    let proofs = forecast["proofs"].as_array().expect("proofs");
    let because = |column: &str, of: &str| {
        let found = proofs
            .iter()
            .find(|p| p["column"] == format!("public.{column}") && p["of"].as_str().is_some_and(|o| o.starts_with(of)));
        found.unwrap_or_else(|| panic!("{column} in {of}: {proofs:#?}"))["because"]
            .as_str()
            .expect("a reason")
            .to_owned()
    };
    for (column, of, why) in [
        ("people.id", "replica identity (id)", "FF1 over all values of the type"),
        (
            "people.mail",
            "unique index people_mail_key",
            "128 bits of keyed hash: at ~2000 values two meet with a probability below 2^-107",
        ),
        ("people.nick", "unique index by_nick", "it writes no capitals"),
        ("people.ref", "unique index by_ref (ref) where", "FF1 over the 122 bits"),
        ("people.room", "exclusion constraint", "FF1 over all values of the type"),
        ("people.gone", "unique index by_gone", "NULLs differ"),
        ("people.born", "unique index by_born", "primary key people_pkey (id) keeps its rows apart already"),
        ("people.lost", "unique index by_lost", "primary key people_pkey (id) keeps its rows apart already"),
        ("people.boss", "foreign key people_boss_fkey to public.people.mail", "both ends have one mask"),
        (
            "notes.number",
            "unique index notes_number_key",
            "one to one on values with 6 to 72 digits besides the kept ones",
        ),
        ("visits.id", "primary key visits_pkey", "FF1 over all values of the type"),
    ] {
        let is = because(column, of);
        assert!(is.contains(why), "{column} in {of}: {is}");
    }
    let warnings = forecast["warnings"].to_string();
    let partly = "public.notes.number is digits, which keeps values with 6 to 72 digits besides the kept ones apart, and may make one of two others";
    assert!(warnings.contains(partly), "{warnings}");
    assert!(
        warnings.contains("public.people.mail is email, which makes one of two values that differ in case only"),
        "{warnings}"
    );
    assert!(
        warnings.contains("public.notes.body may be stored outside the row")
            && warnings.contains("makes the whole table due, about "),
        "{warnings}"
    );
    // what the warnings say that would mend it does
    flow.both("CREATE UNIQUE INDEX ON people (lower(mail))").await;
    flow.source("ALTER TABLE notes REPLICA IDENTITY FULL").await;
    let plan = flow.sluice.ok(&["plan"]).await.stdout;
    assert!(
        !plan.contains("differ in case only") && !plan.contains("outside the row") && plan.contains("PROVED OF"),
        "{plan}"
    );
}
