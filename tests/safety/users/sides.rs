//! Is staging what production is, but for what its users have of their own, and for what that keeps away?
//!
//! Which rows that keeps away is worked out here from what stands on both sides, by nothing of sluice's.

use tokio_postgres::Client;

use super::ledger::{Own, PLAIN, SHARED};
use crate::check::{self, Table};
use crate::faults::world::{self, World, number, run};

/// Rows of production that users' rows keep away.
#[derive(Debug, Default)]
pub struct Away {
    /// Such rows.
    pub shadowed: i64,
    /// Rows that production has deleted, and that stay because a protected row refers to them.
    pub referred: i64,
    /// Protected rows that refer to none.
    pub orphans: i64,
}

/// Panics unless rows that no user has ever written, and whose values none of theirs has had, are production's already: what is
/// not pending is exact, without a resync.
pub async fn untouched(world: &World) -> i64 {
    let (production, staging) = (world.production().await, world.staging().await);
    let mut rows = 0;
    for own in SHARED.into_iter().chain([PLAIN]) {
        let (table, key) = (own.table, own.key_of(""));
        let sides = sides(&production, &staging, own).await;
        let name = format!("written_of_{table}");
        let written = format!("SELECT DISTINCT key, uniq FROM own.written WHERE place = '{table}'");
        copy(&staging, &written, &production, &name).await;
        copy(&staging, &written, &staging, &name).await;
        let untouched = |key: &str, unique: &str| {
            format!(
                "NOT EXISTS (SELECT FROM {name} WHERE the_key = {key}::text) AND NOT EXISTS (SELECT FROM {name} WHERE the_value = {unique}::text)"
            )
        };
        let here = format!("{} AND {}", sides.comes, untouched(&sides.key, &sides.unique));
        let there = format!("{} AND {}", sides.replicated, untouched(&key, own.unique.unwrap_or("NULL")));
        rows += number(&production, &format!("SELECT count(*) FROM {table} WHERE {here}")).await;
        // a large value that somebody has edited goes along where production gives the row another key and does not send it
        let compared = sides.compared.without(&["body"]);
        check::equal(&production, &staging, compared.source_rows(&here).target_rows(&there)).await;
    }
    rows
}

/// Panics unless it is so, and the records of what is kept away are exactly that.
pub async fn equal(world: &World) -> Away {
    let (production, staging) = (world.production().await, world.staging().await);
    for table in ["comp", "log", "fulls"] {
        check::equal(&production, &staging, table).await;
    }
    let mut away = Away::default();
    for own in SHARED {
        one(&production, &staging, own, &mut away).await;
    }
    assert_eq!(number(&staging, "SELECT count(*) FROM sluice.pending").await, 0, "parts still pending");
    let orphans = "SELECT (SELECT count(*) FROM desks d WHERE person IS NOT NULL AND NOT EXISTS (SELECT FROM people WHERE id = person))
        + (SELECT count(*) FROM notes WHERE big IS NOT NULL AND NOT EXISTS (SELECT FROM big b WHERE b.id = big))
        + (SELECT count(*) FROM notes n WHERE handle IS NOT NULL AND NOT EXISTS (SELECT FROM handles h WHERE h.handle = n.handle))";
    away.orphans = number(&staging, orphans).await;
    away
}

async fn one(production: &Client, staging: &Client, own: Own, away: &mut Away) {
    let table = own.table;
    let Sides { compared, comes, replicated, left, .. } = sides(production, staging, own).await;
    check::equal(production, staging, compared.source_rows(&comes).target_rows(&replicated)).await;
    let kept_away = number(production, &format!("SELECT count(*) FROM {table} WHERE NOT ({comes})")).await;
    let recorded = number(staging, &format!("SELECT count(*) FROM sluice.shadowed WHERE name = '{table}'")).await;
    assert_eq!(recorded, kept_away, "records of what is shadowed in {table}");
    away.shadowed += kept_away;
    away.referred += number(staging, &format!("SELECT count(*) FROM {table} WHERE {left}")).await;
}

/// How a table is compared; conditions over its own name.
struct Sides {
    compared: Table,
    /// Production's key and unique value, as staging has them.
    key: String,
    unique: String,
    /// Rows of production that nothing keeps away.
    comes: String,
    /// Rows of staging that are production's.
    replicated: String,
    /// Rows of staging that nobody has but a protected row that refers to them.
    left: String,
}

async fn sides(production: &Client, staging: &Client, own: Own) -> Sides {
    let (table, key) = (own.table, own.key_of(""));
    let compared = world::compared(production, table).await;
    // a value of production's as staging has it
    let masked = |column: &str| match (table, column) {
        ("people", "email") | ("handles", "handle") => world::known(table, column),
        _ => column.to_owned(),
    };
    let (its_key, unique) = (masked(&key), own.unique.map_or("NULL".into(), masked));
    let rows = own.rows_of("");
    let theirs = format!("SELECT {key}::text, {}::text FROM {table} WHERE {rows}", own.unique.unwrap_or("NULL"));
    copy(staging, &theirs, production, &format!("theirs_of_{table}")).await;
    // a column that only staging has is given its default
    let claimed = if table == "big" { "false".to_owned() } else { format!("({rows}) IS TRUE") };
    let comes = format!(
        "NOT {claimed} AND NOT EXISTS (SELECT FROM theirs_of_{table} WHERE the_key = {its_key}::text OR the_value = {unique}::text)"
    );
    let coming = format!("SELECT {its_key}::text, NULL::text FROM {table} WHERE {comes}");
    copy(production, &coming, staging, &format!("comes_of_{table}")).await;
    let others = format!("({rows}) IS NOT TRUE");
    let left = format!(
        "{others} AND {} AND NOT EXISTS (SELECT FROM comes_of_{table} WHERE the_key = {}::text)",
        own.referred,
        own.key_of(&format!("{table}."))
    );
    let replicated = format!("{others} AND NOT ({left})");
    Sides { compared, key: its_key, unique, comes, replicated, left }
}

/// Two columns of text from one side as a table `the_key, the_value` of the other side's session.
async fn copy(from: &Client, sql: &str, to: &Client, name: &str) {
    let rows = from.query(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    let column = |i| rows.iter().map(|row| row.get::<_, Option<String>>(i)).collect::<Vec<_>>();
    run(to, &format!("DROP TABLE IF EXISTS pg_temp.{name}; CREATE TEMP TABLE {name} (the_key text, the_value text)"))
        .await;
    let fill = format!("INSERT INTO {name} SELECT * FROM unnest($1::text[], $2::text[])");
    to.execute(&fill, &[&column(0), &column(1)]).await.expect("fill");
    run(to, &format!("CREATE INDEX ON {name} (the_key); ANALYZE {name}")).await;
}
