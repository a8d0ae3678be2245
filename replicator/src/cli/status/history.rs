//! `sluice status --history`: what was run, the newest first, from `sluice.runs` on the target alone.

use serde_json::Value;
use sink_postgres::{runs, session};

use super::super::print;
use super::super::table::table;
use crate::config::Config;
use crate::error::Error;
use crate::figures::{count, size, time, took};
use crate::start;

/// A person is shown so many; JSON has all that are kept.
const SHOWN: u32 = 30;

/// Shows it.
pub async fn run(config: &Config, json: bool) -> Result<(), Error> {
    let target = start::ends::target_alone(config)?;
    let read_only = [("default_transaction_read_only", "on")];
    let opened = session::open(&target, &config.pipeline, "status", false, &read_only).await;
    let mut db = opened.map_err(sink_postgres::Error::from)?;
    let all = runs::last(&mut db, &config.pipeline, if json { runs::KEPT } else { SHOWN }).await?;
    db.close().await;
    if json {
        return print::data(format_args!("{}\n", Value::Array(all)));
    }
    if all.is_empty() {
        eprintln!("nothing of pipeline {} has been run into this target yet", config.pipeline);
        return Ok(());
    }
    print::data(format_args!("{}\n", text(&all)))
}

fn text(all: &[Value]) -> String {
    let heading = [
        "BEGUN (UTC)",
        ">TOOK",
        "VERB",
        "ENDED",
        ">ROWS COPIED",
        ">BYTES",
        ">ROWS/S",
        ">CHANGES",
        ">CHANGES/S",
        "UP TO",
        "WHY",
    ];
    table(&heading, all.iter().map(row))
}

fn row(run: &Value) -> Vec<String> {
    let text = |name: &str| run[name].as_str().unwrap_or_default().to_owned();
    let number = |name: &str| run[name].as_u64().unwrap_or(0);
    let rate = |name: &str| run[name].as_f64().map_or_else(|| "–".to_owned(), |rate| count(rate.round() as u64));
    let some = |n: u64, shown: String| if n == 0 { "–".to_owned() } else { shown };
    let seconds = std::time::Duration::try_from_secs_f64(run["seconds"].as_f64().unwrap_or(0.0)).unwrap_or_default();
    let ended = match (run["outcome"].as_str(), run["exit_code"].as_u64()) {
        (None, _) => "–".to_owned(),
        (Some(outcome), Some(code)) if code != 0 => format!("{outcome}, exit {code}"),
        (Some(outcome), _) => outcome.to_owned(),
    };
    let (copied, bytes, changes) = (number("copied_rows"), number("copied_bytes"), number("changes"));
    let mut why = text("why");
    if let Some((at, _)) = why.char_indices().nth(80) {
        why.truncate(at);
        why.push('…');
    }
    vec![
        text("begun").replace('T', " ").replace('Z', ""),
        if seconds.as_secs() < 7200 { took(seconds) } else { time(seconds.as_secs_f64()) },
        text("verb"),
        ended,
        some(copied, count(copied)),
        some(bytes, size(bytes)),
        rate("copied_rows_per_second"),
        some(changes, count(changes)),
        if changes == 0 { "–".to_owned() } else { rate("changes_per_second") },
        text("upto_lsn"),
        why,
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_newest_stands_first_and_rates_beside() {
        let all = [
            json!({ "begun": "2026-01-02T10:00:00Z", "seconds": 10.0, "verb": "run", "outcome": null, "copied_rows": 0, "copied_bytes": 0,
                "copied_rows_per_second": null, "changes": 1204, "changes_per_second": 120.4, "upto_lsn": "0/5A3C9F8" }),
            json!({ "begun": "2026-01-02T09:00:00Z", "seconds": 72.3, "verb": "run", "outcome": "failed", "exit_code": 5, "why": "refused",
                "copied_rows": 12_481_220, "copied_bytes": 4u64 << 30, "copied_rows_per_second": 172_631.6, "changes": 0,
                "changes_per_second": 0.0, "upto_lsn": "0/5A00000" }),
        ];
        assert_eq!(
            text(&all),
            "\
BEGUN (UTC)                 TOOK   VERB   ENDED            ROWS COPIED    BYTES    ROWS/S   CHANGES   CHANGES/S   UP TO       WHY
2026-01-02 10:00:00       10.0 s   run    –                          –        –         –     1,204         120   0/5A3C9F8
2026-01-02 09:00:00   1 min 12 s   run    failed, exit 5    12,481,220   4.0 GB   172,632         –           –   0/5A00000   refused"
        );
    }
}
