//! Makes on the target what it lacks, all of it or nothing.

use wire::Connection;

use super::write::Making;
use crate::error::Error;

/// A lock is waited for so long: foreign keys and partitions take one on a table that is there.
const LOCK: &str = "5s";

/// One transaction. A refusal says which object, by its code and without the server's text, which may hold a literal.
pub async fn make(db: &mut Connection, making: &Making) -> Result<(), Error> {
    let broken = |e: wire::Error| Error::Target(e.into());
    db.simple(&format!("BEGIN; SET LOCAL lock_timeout = '{LOCK}'")).await.map_err(broken)?;
    for statement in &making.statements {
        if let Err(e) = db.simple_on_rows(&statement.sql).await {
            if !db.is_broken() {
                db.simple("ROLLBACK").await.map_err(broken)?;
            }
            return Err(match e.server() {
                Some(said) if !said.is_transient() => Error::Refused {
                    what: format!("staging does not make {}: {said}; nothing was made", statement.makes),
                    hint: hint(&said.sqlstate).into(),
                },
                _ => broken(e),
            });
        }
    }
    db.simple("COMMIT").await.map_err(broken)?;
    Ok(())
}

fn hint(sqlstate: &str) -> &'static str {
    match sqlstate {
        "42501" => {
            "the target role needs CREATE on the database for a schema, CREATE on the schema for a table (GRANT CREATE ON SCHEMA … TO …), and to own a table that another refers to or that a partition joins; sluice schema apply --dry-run prints the SQL for whoever may"
        }
        _ => "sluice schema apply --dry-run prints the SQL: run it by hand, with what stands in its way mended",
    }
}
