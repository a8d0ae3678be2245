//! Masks that look at their row: what the stream did not send is fetched, and the row arrives masked, counted as nothing odd.

use crate::shapes::Flow;
use crate::shapes::flow::{number, text};
use crate::sluice::Sluice;

majors!(an_unchanged_neighbour_is_fetched, some_rows_are_masked);

/// `first_name` is stored outside of the row, so an update that does not touch it does not send it.
const SCHEMA: &str = "
    CREATE TABLE people (id int PRIMARY KEY, full_name text, first_name text, last_name text, visits int NOT NULL DEFAULT 0);
    ALTER TABLE people ALTER first_name SET STORAGE EXTERNAL;
    CREATE TABLE mails (mail text PRIMARY KEY, full_name text, first_name text, visits int NOT NULL DEFAULT 0);
    ALTER TABLE mails ALTER first_name SET STORAGE EXTERNAL;
    CREATE TABLE whole (id int PRIMARY KEY, full_name text, first_name text, visits int NOT NULL DEFAULT 0);
    ALTER TABLE whole ALTER first_name SET STORAGE EXTERNAL, REPLICA IDENTITY FULL;
";

const YAML: &str = "tables:
  public.*: keep
  public.people: { columns: { full_name: { mask: compose, template: '{first_name} {last_name}' }, first_name: name, last_name: last_name } }
  public.mails: { columns: { mail: email, full_name: { mask: compose, template: 'Dr. {first_name}' }, first_name: name } }
  public.whole: { columns: { full_name: { mask: compose, template: '{first_name}' }, first_name: name } }";

const ROWS: &str = "
    INSERT INTO people SELECT g, 'raw ' || g, repeat('raw', 2000) || g, 'raw' || g FROM generate_series(1, 200) g;
    INSERT INTO mails SELECT 'raw' || g || '@example.org', 'raw ' || g, repeat('raw', 2000) || g FROM generate_series(1, 20) g;
    INSERT INTO whole SELECT g, 'raw ' || g, repeat('raw', 2000) || g FROM generate_series(1, 20) g;
";

/// What a target must hold of each table: rows whose composed name is not that of its parts.
const ODD: [&str; 3] = [
    "SELECT count(*) FROM people WHERE full_name IS DISTINCT FROM first_name || ' ' || last_name",
    "SELECT count(*) FROM mails WHERE full_name IS DISTINCT FROM 'Dr. ' || first_name",
    "SELECT count(*) FROM whole WHERE full_name IS DISTINCT FROM first_name",
];

async fn an_unchanged_neighbour_is_fetched(major: u32) {
    let flow = Flow::with(major, "neighbours", YAML).await;
    flow.both(SCHEMA).await;
    flow.source(ROWS).await;
    flow.catch_up().await;
    holds(&flow).await;
    for changes in [
        // the neighbour is missing
        "UPDATE people SET last_name = 'raw-' || last_name, visits = visits + 1 WHERE id % 3 = 0",
        // the key moves with it, and somebody else takes its place
        "UPDATE people SET id = id + 1000, visits = visits + 1 WHERE id <= 5;
         INSERT INTO people SELECT g, 'raw new', 'raw new', 'raw new' FROM generate_series(1, 5) g",
        // twice in one transaction, and gone in the next
        "BEGIN; UPDATE people SET visits = 1 WHERE id = 50; UPDATE people SET visits = 2 WHERE id = 50; COMMIT;
         UPDATE people SET visits = 3 WHERE id = 51; DELETE FROM people WHERE id = 51;
         UPDATE people SET visits = 4 WHERE id = 52; UPDATE people SET first_name = 'raw short' WHERE id = 52",
        // a masked key: production cannot be asked for it, so the table is due
        "UPDATE mails SET visits = visits + 1 WHERE mail LIKE 'raw7%'; UPDATE mails SET mail = 'raw-' || mail WHERE mail LIKE 'raw8%'",
        // the old row is sent as a whole: nothing is missing
        "UPDATE whole SET visits = visits + 1; UPDATE whole SET id = id + 1000 WHERE id <= 5",
    ] {
        flow.source(changes).await;
        flow.catch_up().await;
        holds(&flow).await;
    }
    assert_eq!(
        text(&flow.t, "SELECT (full_name = first_name || ' ' || last_name)::text FROM people WHERE id = 1005").await,
        "true"
    );
    assert_eq!(flow.divergences().await, 0, "nobody else wrote staging");
}

/// Staging has production's rows, composed of what it itself shows, and nothing raw.
async fn holds(flow: &Flow) {
    for (table, odd) in ["people", "mails", "whole"].into_iter().zip(ODD) {
        assert_eq!(number(&flow.t, odd).await, 0, "{table}");
        let raw = format!("SELECT count(*) FROM {table} AS t WHERE t::text LIKE '%raw%'");
        assert_eq!(number(&flow.t, &raw).await, 0, "{table}");
        for sum in ["count(*)", "coalesce(sum(visits), 0)"] {
            let sum = format!("SELECT {sum} FROM {table}");
            assert_eq!(number(&flow.s, &sum).await, number(&flow.t, &sum).await, "{sum}");
        }
    }
}

const MEMBERS: &str = "
    CREATE TYPE standing AS ENUM ('guest', 'staff');
    CREATE DOMAIN land AS char(3) CHECK (value <> 'XX');
    CREATE TABLE members (id int PRIMARY KEY, mail text, standing standing, country land, notes text);
    ALTER TABLE members ALTER notes SET STORAGE EXTERNAL;
";

/// Staff outside of Germany may be seen.
const SOME: &str = "tables:
  public.members:
    columns:
      mail: { mask: email, when: standing <> 'staff' OR country = 'DE', else: keep }
      notes: { mask: lorem, when: standing <> 'staff' OR country = 'DE', else: keep }
      country: drop";

/// Rows of the target that are masked, by the number of columns that are.
const MASKED: &str = "SELECT string_agg(id || ':' || (mail NOT LIKE 'raw%')::int + (notes NOT LIKE 'raw%')::int, ' ' ORDER BY id) FROM members";

async fn some_rows_are_masked(major: u32) {
    let flow = Flow::with(major, "members", SOME).await;
    flow.both(MEMBERS).await;
    flow.source(
        "INSERT INTO members SELECT id, 'raw' || id || '@example.org', standing::standing, country, repeat('raw ', 1000)
         FROM (VALUES (1, 'guest', 'FR'), (2, 'staff', 'FR'), (3, 'staff', 'DE'), (4, NULL, 'FR'), (5, 'staff', NULL), (6, NULL, NULL)) v (id, standing, country)",
    )
    .await;
    flow.catch_up().await;
    assert_eq!(text(&flow.t, MASKED).await, "1:2 2:0 3:2 4:2 5:2 6:2");
    // the notes are not sent, and become others
    flow.source(
        "UPDATE members SET standing = 'staff' WHERE id = 1; UPDATE members SET standing = 'guest' WHERE id = 2",
    )
    .await;
    flow.catch_up().await;
    assert_eq!(text(&flow.t, MASKED).await, "1:0 2:2 3:2 4:2 5:2 6:2");
    flow.source(
        "UPDATE members SET country = 'AT' WHERE id > 2; INSERT INTO members VALUES (7, 'raw7', 'guest', 'AT', 'raw')",
    )
    .await;
    flow.catch_up().await;
    assert_eq!(text(&flow.t, MASKED).await, "1:0 2:2 3:0 4:2 5:0 6:2 7:2");
    assert_eq!(number(&flow.t, "SELECT count(country) FROM members").await, 0, "what is looked at does not come along");
    assert_eq!(flow.divergences().await, 0, "nobody else wrote staging");

    flow.source("CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false); ALTER TABLE members ADD name text COLLATE folded").await;
    flow.target("ALTER TABLE members ADD name text").await;
    let odd = Flow { sluice: Sluice::between(&flow.db, &SOME.replace("standing <> 'staff'", "name = 'x'")), ..flow };
    let refused = odd.sluice.run(&["plan"]).await;
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("name has a nondeterministic collation"), "{}", refused.stderr);
}
