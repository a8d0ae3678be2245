//! `sluice audit`: who had sluice do what on this target, and whether that is as it was written ([`sink_postgres::audit`]).
//!
//! Read-only, and kept apart from what writes: who looks leaves no entry.

use serde_json::json;
use sink_postgres::audit::{self, Chain, Recorded, Verdict, verify};
use sink_postgres::session;
use wire::Connection;

use super::args::{Args, Audit, AuditShow, AuditVerb, AuditVerify};
use super::print;
use super::quarantine::plain;
use super::resync::staging;
use super::table::table;
use crate::config::{Config, Problem, Problems, read_mask_key};
use crate::error::Error;
use crate::figures::some;
use crate::start;

/// Shows it, or verifies it.
pub async fn run(args: &Args, verb: &Audit) -> Result<(), Error> {
    let (config, _) = super::load(args)?;
    let target = start::ends::target_alone(&config)?;
    let read_only = [("default_transaction_read_only", "on")];
    let mut db = session::open(&target, &config.pipeline, "audit", false, &read_only).await.map_err(staging)?;
    let entries = audit::all(&mut db, &config.pipeline).await?;
    let done = match &verb.verb {
        AuditVerb::Show(verb) => show(&mut db, entries, verb).await,
        AuditVerb::Verify(verb) => verified(&config, &entries, verb),
    };
    db.close().await;
    done
}

async fn show(db: &mut Connection, mut entries: Vec<Recorded>, verb: &AuditShow) -> Result<(), Error> {
    if let Some(since) = verb.since {
        let sql = format!(
            "SELECT pg_catalog.to_char((pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => {})) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
            since.as_secs_f64()
        );
        let from = db.query(&sql, &[]).await.map_err(staging)?.get(0, 0).unwrap_or_default().to_owned();
        // written alike, they are in the order of time
        entries.retain(|entry| entry.at >= from);
    }
    if verb.json {
        let all = serde_json::to_string(&entries).map_err(|e| Error::Bug(e.to_string()))?;
        return print::data(format_args!("{all}\n"));
    }
    if entries.is_empty() {
        print::talk("nothing was audited");
        return Ok(());
    }
    print::data(format_args!("{}\n", table(&[">ID", "AT", "WHO", "VERB", "WHAT", "RESULT"], entries.iter().map(line))))
}

fn line(e: &Recorded) -> Vec<String> {
    let who = format!("{}@{}, as {} from {}", e.os_user, e.host, e.db_user, e.db_client);
    let result = match (e.begun, &e.result) {
        (Some(begun), Some(result)) => format!("of {begun}: {result}"),
        _ => String::new(),
    };
    let what = if e.what == "{}" { String::new() } else { plain(&e.what) };
    vec![
        e.id.to_string(),
        e.at.get(..19).unwrap_or(&e.at).replace('T', " "),
        plain(&who),
        plain(&e.verb),
        what,
        plain(&result),
    ]
}

fn verified(config: &Config, entries: &[Recorded], verb: &AuditVerify) -> Result<(), Error> {
    let verdict = verify(entries, &chains(config, verb)?, verb.head.as_deref());
    if verb.json {
        let faults: Vec<_> = verdict.faults.iter().map(|f| json!({ "entry": f.id, "what": f.what })).collect();
        let head = verdict.head.as_ref().map(|(id, hash)| json!({ "entry": id, "hash": hash }));
        print::data(format_args!(
            "{}\n",
            json!({ "ok": faults.is_empty(), "entries": verdict.entries, "before_the_chain": verdict.before,
                "without_a_key": verdict.keyless, "head": head, "faults": faults })
        ))?;
    } else {
        for fault in &verdict.faults {
            print::data(format_args!("entry {}: {}\n", fault.id, plain(&fault.what)))?;
        }
        said(&verdict, verb.head.is_some())?;
    }
    match verdict.faults.len() {
        0 => Ok(()),
        failed => Err(Error::Check { failed, checks: verdict.entries }),
    }
}

fn said(verdict: &Verdict, anchored: bool) -> Result<(), Error> {
    if verdict.before > 0 {
        print::talk(format_args!(
            "{} of an earlier version, before the chain",
            some(verdict.before as u64, "entry is", "entries are")
        ));
    }
    if verdict.keyless > 0 {
        print::talk(format_args!(
            "{} chained without a masking key: whoever may write sluice.audit could have made them",
            some(verdict.keyless as u64, "entry is", "entries are")
        ));
    }
    let Some((id, hash)) = verdict.head.as_ref().filter(|_| verdict.faults.is_empty()) else { return Ok(()) };
    print::data(format_args!(
        "{}: as they were written\nhead  {id}  {hash}\n",
        some(verdict.entries as u64, "entry", "entries")
    ))?;
    if !anchored {
        print::talk("whether entries are missing at the end, only a head that was noted elsewhere tells: --head");
    }
    Ok(())
}

/// By the key of today, by those that were named, and by none.
fn chains(config: &Config, verb: &AuditVerify) -> Result<Vec<Chain>, Error> {
    let mut chains = vec![crate::audit::chain(config), Chain::new(None)];
    let mut problems = Problems::default();
    for variable in &verb.former_keys {
        let read = std::env::var(variable).map_err(|_| "is not set".to_owned()).and_then(|text| read_mask_key(&text));
        match read {
            Ok(key) => {
                let environment = config.masking.environment.as_ref();
                chains.extend(environment.map(|name| Chain::new(Some(&key.for_environment(name)))));
                chains.push(Chain::new(Some(&key)));
            }
            Err(why) => problems.0.push(Problem::new("--former-key", format!("{variable}: {why}"))),
        }
    }
    if problems.0.is_empty() { Ok(chains) } else { Err(Error::Config(problems)) }
}
