//! The verbs beside `run`, through the real binary: what they print, what they change, what they exit with.

mod adopt;
mod destroy;
mod masks;
mod pipes;
mod resync;
pub mod serve;
mod status;
mod upgrade;

use tokio_postgres::Client;

use crate::servers::{Db, Pair};
use crate::sluice::Sluice;

/// Two tables, one of them masked; a structure and a protected one beside.
const TABLES: &str = "
tables:
  public.cruises: keep
  public.customers:
    columns: { email: email, password_hash: drop }
  public.sessions: structure
protect: { tables: [public.users] }
";

/// A database of that name with some rows, and a pipeline that has not run yet.
pub async fn shop(major: u32, name: &str, rest: &str) -> (Db, Sluice) {
    let db = Pair::get(major).create_db(name).await;
    db.on_both(
        "CREATE TABLE cruises (id int PRIMARY KEY, name text);
         CREATE TABLE customers (id int PRIMARY KEY, email text, password_hash text);
         CREATE TABLE sessions (id int PRIMARY KEY);
         CREATE TABLE users (id int PRIMARY KEY)",
    )
    .await;
    let source = db.source().await;
    let rows = "INSERT INTO cruises SELECT g, 'cruise ' || g FROM generate_series(1, 200) g;
         INSERT INTO customers SELECT g, g || '@example.com', 'hash' FROM generate_series(1, 100) g";
    source.batch_execute(rows).await.expect("insert");
    let sluice = Sluice::between(&db, &format!("{TABLES}{rest}"));
    (db, sluice)
}

async fn number(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}")).get(0)
}
