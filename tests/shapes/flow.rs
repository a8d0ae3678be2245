//! One pipeline between two databases, driven to the end as often as a test likes.

use tokio_postgres::Client;

use crate::check;
use crate::servers::{Db, Pair};
use crate::sluice::{Output, Sluice};

/// The verb that copies what is pending, streams what has come since, and ends.
pub const CATCH_UP: [&str; 3] = ["run", "--until-caught-up", "--exit-on-stop"];

/// A pipeline, and a client of either side.
pub struct Flow {
    pub s: Client,
    pub t: Client,
    pub sluice: Sluice,
    pub db: Db,
}

impl Flow {
    /// All tables of `public`, kept.
    pub async fn new(major: u32, name: &str) -> Flow {
        Flow::with(major, name, "tables: { \"public.*\": keep }").await
    }

    /// `rest` is the YAML from `tables:` on.
    pub async fn with(major: u32, name: &str, rest: &str) -> Flow {
        Flow::over(Pair::get(major).create_db(name).await, rest).await
    }

    /// Between databases that the test has made.
    pub async fn over(db: Db, rest: &str) -> Flow {
        let sluice = Sluice::between(&db, rest);
        Flow { s: db.source().await, t: db.target().await, sluice, db }
    }

    /// SQL on production.
    pub async fn source(&self, sql: &str) {
        self.s.batch_execute(sql).await.unwrap_or_else(|e| panic!("on the source: {e:?} in: {sql:.500}"));
    }

    /// SQL on staging.
    pub async fn target(&self, sql: &str) {
        self.t.batch_execute(sql).await.unwrap_or_else(|e| panic!("on the target: {e:?} in: {sql:.500}"));
    }

    /// SQL on both.
    pub async fn both(&self, sql: &str) {
        self.source(sql).await;
        self.target(sql).await;
    }

    /// Runs until staging shows what production has.
    pub async fn catch_up(&self) -> Output {
        self.sluice.ok(&CATCH_UP).await
    }

    /// The same, and all tables of `public` are equal, and nothing was not as expected.
    pub async fn equal(&self) {
        self.catch_up().await;
        check::schema_equal(&self.s, &self.t, "public").await;
        assert_eq!(self.divergences().await, 0, "nobody else wrote staging");
    }

    /// Rows that were not as expected, in all tables.
    pub async fn divergences(&self) -> i64 {
        number(&self.t, "SELECT coalesce(sum(divergences), 0)::bigint FROM sluice.tables").await
    }
}

/// A table, but for rows that production has deleted and that stay for staging's own.
pub fn living(table: &str, key: &str) -> check::Table {
    let gone = "SELECT x.key[1] FROM sluice.tombstones AS x WHERE x.name";
    check::Table::named(table).target_rows(&format!("{key}::text NOT IN ({gone} = '{table}')"))
}

/// One number.
pub async fn number(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.unwrap_or_else(|e| panic!("{e:?} in: {sql}")).get(0)
}

/// One text.
pub async fn text(client: &Client, sql: &str) -> String {
    let row = client.query_one(sql, &[]).await.unwrap_or_else(|e| panic!("{e:?} in: {sql}"));
    row.get::<_, Option<String>>(0).unwrap_or_else(|| "NULL".into())
}
