//! Emptying a table that the policy has on the target as a structure only.
//!
//! What stands there came by an older script, or under an older policy, and is raw: no stream and no copy would ever touch
//! it again. So it goes before anything else is done, at every start, in a transaction that holds our epoch: a replicator
//! that has been overtaken, with a policy of its day, empties nothing.

use wire::quote_literal;

use crate::catalog;
use crate::error::Error;
use crate::sink::PostgresSink;
use crate::statement;

impl PostgresSink {
    /// Makes the table of that name have no rows, if it is there. Gives whether it had any.
    ///
    /// # Errors
    /// [`Error::Refused`] if it is protected or cannot be written; contention if somebody holds it.
    pub async fn empty(&mut self, schema: &str, name: &str) -> Result<bool, Error> {
        if !catalog::has_bytes(&mut self.db, schema, name).await? {
            return Ok(false);
        }
        let Some(table) = catalog::table(&mut self.db, schema, name).await? else { return Ok(false) };
        let writable = self.guard.writable(&table)?;
        if !table.may_write || table.row_security {
            return Err(Error::Refused {
                what: format!(
                    "{} is structure only, may hold rows, and the target role may not empty it",
                    writable.name()
                ),
                hint: format!(
                    "GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON {} TO {role}; and where row security is on, ALTER ROLE {role} BYPASSRLS;",
                    table.quoted(),
                    role = self.guard.role()
                ),
            });
        }
        let some = format!("SELECT FROM {} AS t WHERE true{} LIMIT 1", writable.target(), writable.spares("t."));
        if self.db.query(&some, &[]).await?.is_empty() {
            return Ok(false);
        }
        let ours = format!(
            "SELECT FROM sluice.checkpoint WHERE pipeline = {} AND epoch = {} FOR SHARE",
            quote_literal(&self.options.pipeline),
            self.epoch
        );
        self.db.simple("BEGIN").await?;
        if self.db.query(&ours, &[]).await?.is_empty() {
            return Err(self.fenced(self.progress.applied));
        }
        // the server's text could hold a row: a trigger or a rule may speak
        let emptied =
            self.db.simple_on_rows(&statement::empty(&writable, table.may_truncate && !table.referenced)).await;
        let done = match emptied {
            Ok(_) => self.db.simple_on_rows("COMMIT").await,
            Err(e) => {
                self.db.simple("ROLLBACK").await?;
                Err(e)
            }
        };
        done?;
        Ok(true)
    }
}
