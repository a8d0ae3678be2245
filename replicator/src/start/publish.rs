//! The publications that a plan needs, made where we own the tables.

use wire::{Connection, Conninfo};

use super::Plan;
use crate::config::Config;
use crate::error::{Doing, Error};
use crate::source::{production, publication, slot};

/// Makes what is missing of the publications where we own the tables; what differs otherwise is refused, with the SQL.
pub async fn publish(config: &Config, source: &Conninfo, plan: &Plan, db: &mut Connection) -> Result<(), Error> {
    let wanted = publication::wanted(&config.pipeline, plan.tables.iter().map(|(t, _)| t));
    let mut mends = Vec::new();
    for p in &wanted {
        mends.extend(p.compare(db).await.doing("read the publications")?);
    }
    let refuse = |mends: &[publication::Mend]| Error::Refused {
        what: mends.iter().map(|m| m.what.as_str()).collect::<Vec<_>>().join("; "),
        hint: format!(
            "run on production, as the owner of the tables:\n{}",
            mends.iter().map(|m| m.sql.as_str()).collect::<Vec<_>>().join("\n")
        ),
    };
    if mends.iter().any(|m| !m.ours) {
        return Err(refuse(&mends));
    }
    if !mends.is_empty() {
        let mut writer = production::writer(source, &config.pipeline, "publish", &[("lock_timeout", "5s")]).await?;
        slot::one_server(db, &mut writer).await?;
        for mend in &mends {
            match writer.simple(&mend.sql).await {
                Ok(_) => tracing::info!(sql = mend.sql, "publication"),
                // no right to; or whoever fenced this server by default_transaction_read_only wants to do it himself
                Err(e) if matches!(e.sqlstate(), Some("42501" | "25006")) => return Err(refuse(&mends)),
                Err(e) => return Err(e).doing("make the publication"),
            }
        }
        writer.close().await;
    }
    Ok(())
}
