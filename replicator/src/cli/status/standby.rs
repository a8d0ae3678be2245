//! What a standby says that has slot and stream, held against what the primary says.

use filters::change::Lsn;
use wire::Connection;

use crate::config::Config;
use crate::error::{Doing, Error};
use crate::source::servers::Primary;
use crate::source::slot::{self, Slot};
use crate::source::{Servers, production, wal};
use crate::start::environment::{self, Side};

/// Behind the primary by more WAL than this is worth a word.
const FAR: u64 = 256 << 20;

/// The slot, and what is not as it should be.
pub async fn ask(
    config: &Config,
    source: &Servers,
    data: &mut Connection,
) -> Result<(Option<Slot>, Vec<String>), Error> {
    let mut db = production::reader(&source.stream, &config.pipeline, "status", &[]).await?;
    let mut problems = Vec::new();
    problems.extend(environment::doubt(config, Side::Source, &source.stream, &mut db).await?);
    let found = slot::look(&mut db, &config.slot()).await.doing("look at the slot")?;
    let sql = "SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.pg_last_wal_replay_lsn(), (SELECT system_identifier FROM pg_catalog.pg_control_system()),
        CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_is_wal_replay_paused() END";
    let rows = db.simple(sql).await.doing("look at the standby")?;
    db.close().await;
    let text = |i: usize| rows.first().and_then(|r| r.get(0, i)).unwrap_or_default();
    let primary = Primary::of(data).await?;
    let replayed: Lsn = text(1).parse().unwrap_or(Lsn::ZERO);
    match &primary {
        None => problems.push("source.primary_url is a standby itself; sluice check says what mends it".into()),
        Some(primary) if primary.system != text(2) => {
            problems.push("source.url and source.primary_url are two clusters; sluice check says what mends it".into());
        }
        Some(_) if text(0) != "t" => {
            problems.push("source.url is no standby any more: it was promoted; sluice check says what mends it".into())
        }
        Some(_) => {
            let behind = wal::end(data).await?.0.saturating_sub(replayed.0);
            if text(3) == "t" {
                problems.push(format!(
                    "replay is paused on the standby, {} MB behind the primary: SELECT pg_wal_replay_resume(); there",
                    behind >> 20
                ));
            } else if behind > FAR {
                problems
                    .push(format!("the standby has yet to replay {} MB of what the primary has written", behind >> 20));
            }
        }
    }
    Ok((found, problems))
}
