//! A table is cut into ranges by its key, wherever we order the key's type as the server does. Killed in the midst of it,
//! every key on a border changes: what lies in a done range is applied, what is pending is copied, and nothing is unexpected.

use super::flow::{CATCH_UP, Flow, number, text};
use crate::servers::test_limit;

majors!(a_range_ends_where_production_says, a_table_has_grown_since_it_was_counted);

const ROWS: usize = 900;

/// Name, columns of the key, and the key of row `g` of 900, in an order that is not the rows'.
const KEYS: [(&str, &str, &str); 8] = [
    ("of_number", "k numeric", "((g * 7919 % 900 - 450) || 'e' || g % 60 - 30)::numeric"),
    (
        "of_number_special",
        "k numeric",
        "CASE g WHEN 1 THEN 'NaN' WHEN 2 THEN 'Infinity' WHEN 3 THEN '-Infinity' ELSE g * 0.50 END",
    ),
    (
        "of_date",
        "k date",
        "CASE g WHEN 1 THEN 'infinity' WHEN 2 THEN '-infinity' ELSE '0001-06-01 BC'::date + (g * 7919 % 900) END",
    ),
    ("of_time", "k timestamp", "'1999-12-31 23:59:59'::timestamp + (g * 7919 % 900) * interval '1.000001 day'"),
    (
        "of_time_zone",
        "k timestamptz",
        "CASE g WHEN 1 THEN 'infinity' WHEN 2 THEN '4714-11-24 00:00:00+00 BC' ELSE '2024-03-31 00:00+00'::timestamptz + (g * 7919 % 900) * interval '10 min' END",
    ),
    ("of_two", "k date, l int", "'2024-01-01'::date + g % 3, g * 7919 % 900"),
    ("of_three", "k boolean, l text COLLATE \"C\", m smallint", "g % 2 = 0, substr('aZäß', g % 4 + 1, g % 3), g"),
    ("of_uuid", "k uuid", "md5(g::text)::uuid"),
];

async fn a_range_ends_where_production_says(major: u32) {
    let mut flow =
        Flow::with(major, "ranges", "tables: { \"public.*\": keep }\ncopy: { chunk_rows: 100, readers: 2 }").await;
    let names = |columns: &str| columns.split(", ").filter_map(|c| c.split(' ').next()).collect::<Vec<_>>().join(", ");
    for (table, columns, key) in KEYS {
        flow.both(&format!("CREATE TABLE {table} ({columns}, v int, PRIMARY KEY ({}))", names(columns))).await;
        flow.source(&format!("INSERT INTO {table} SELECT {key}, g FROM generate_series(1, {ROWS}) g")).await;
    }
    let plan = flow.sluice.ok(&["plan"]).await.stdout;
    assert!(!plan.contains("one unit"), "{plan}");
    // one table has its first parts, others are not begun; then more of each
    for place in ["chunk.done:3", "chunk.cut:17", "chunk.done:29"] {
        flow.sluice = flow.sluice.env("SLUICE_FAILPOINT", place);
        let mut running = flow.sluice.spawn(&CATCH_UP);
        running.wait(test_limit()).await;
        let borders = number(&flow.t, "SELECT count(*) FROM sluice.pending WHERE lo IS NOT NULL").await;
        assert!(borders > 0, "killed while some table had a border, at {place}: {}", running.log());
        for (table, columns, _) in KEYS {
            change(&flow, table, &names(columns)).await;
        }
    }
    flow.sluice = flow.sluice.env("SLUICE_FAILPOINT", "");
    flow.equal().await;
    assert_eq!(text(&flow.t, "SELECT string_agg(v::text, ',') FROM of_number_special WHERE k = 'NaN'").await, "3001");
}

/// Every row changes, some come back under a neighbour's key, and some go.
async fn change(flow: &Flow, table: &str, key: &str) {
    flow.source(&format!(
        "UPDATE {table} SET v = v + 1000;
         DELETE FROM {table} WHERE v % 50 = 7;
         WITH gone AS (DELETE FROM {table} WHERE v % 50 = 8 RETURNING *) INSERT INTO {table} ({key}, v) SELECT {key}, v + 1 FROM gone"
    ))
    .await;
}

/// How many rows a chunk may have follows from how wide they are; a table that was filled after the last ANALYZE has many rows,
/// and not few wide ones.
async fn a_table_has_grown_since_it_was_counted(major: u32) {
    let flow = Flow::with(major, "grown", "tables: { \"public.*\": keep }\ncopy: { readers: 1 }").await;
    flow.both("CREATE TABLE t (id int PRIMARY KEY) WITH (autovacuum_enabled = off)").await;
    flow.source(
        "INSERT INTO t SELECT generate_series(1, 200); ANALYZE t; INSERT INTO t SELECT generate_series(201, 20000)",
    )
    .await;
    let copied = flow.catch_up().await.stderr;
    assert!(copied.contains("slice chunks=1 rows=20000"), "{copied}");
    let plan = flow.sluice.ok(&["plan", "--json"]).await.stdout;
    let plan: serde_json::Value = serde_json::from_str(&plan).expect("JSON");
    let rows = plan["tables"][0]["rows"].as_u64().expect("a number");
    assert!((15_000..=25_000).contains(&rows), "about so many: {rows}");
}
