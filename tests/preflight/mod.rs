//! Before the first run: `init`, `check`, `plan`, and the SQL that they print.

mod alone;
mod fenced;
mod first;
mod mends;
mod proofs;
mod readme;
mod rental;
mod trial;

use tokio_postgres::Client;

/// Runs SQL as psql does, one statement after another: ALTER SYSTEM bears no transaction. Ours has no `;` or `--` in a string.
pub async fn psql(client: &Client, sql: &str) {
    let lines: Vec<&str> = sql.lines().map(|l| l.split("--").next().unwrap_or("")).collect();
    for statement in lines.join("\n").split(';').map(str::trim).filter(|s| !s.is_empty()) {
        client.batch_execute(statement).await.unwrap_or_else(|error| panic!("{error:?} in: {statement}"));
    }
}
