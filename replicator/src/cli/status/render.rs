//! The state as a person reads it. No colour: nothing here is said by it.

mod topic;

use std::fmt::Write;

use super::super::table::table;
use super::state::{Freeze, Orphans, Server, State, Table};
use crate::figures::{ago, count, size, some, time};

/// All of it.
pub fn text(state: &State) -> String {
    let mut out = String::new();
    let server = |s: &Server, or: &str| s.environment.clone().unwrap_or_else(|| or.to_owned());
    let mut first = vec![
        state.pipeline.clone(),
        format!("{} → {}", server(&state.source, "production"), server(&state.target, "staging")),
        state.state.to_owned(),
    ];
    first.extend(state.consistent.map(|c| if c { "consistent" } else { "not consistent yet" }.to_owned()));
    first.extend(lag(state));
    line(&mut out, &first);
    for (which, server) in [("production", &state.source), ("target", &state.target)] {
        if let Some(error) = &server.error {
            let error = error.strip_prefix(&format!("{which}: ")).unwrap_or(error);
            line(&mut out, &[which.to_owned(), format!("cannot be read: {error}")]);
        }
    }
    if let Some(slot) = &state.slot {
        let held = format!("{} of WAL held (budget {})", size(slot.held_bytes), whole(slot.budget_bytes));
        let mut confirmed = format!("confirmed {}", slot.confirmed);
        let when = match &state.topic {
            Some(topic) => topic.capture.heard_seconds_ago,
            None => state.checkpoint.as_ref().map(|c| c.updated_seconds_ago),
        };
        let _ = write!(confirmed, "{}", when.map_or_else(String::new, |when| format!(" {}", ago(when))));
        let read = if slot.active { "in use" } else { "not in use" };
        let mut parts = vec!["slot".to_owned(), slot.name.clone(), read.into(), held, confirmed];
        if slot.wal_status != "reserved" {
            parts.push(format!("WAL {}", slot.wal_status));
        }
        line(&mut out, &parts);
    }
    if let Some(topic) = &state.topic {
        topic::lines(topic, &mut out);
    }
    copy(state, &mut out);
    if let Some(why) = &state.hold {
        line(&mut out, &["hold".to_owned(), why.clone()]);
    }
    if let Some(freeze) = &state.freeze {
        line(&mut out, &frozen(freeze));
    }
    if let Some(why) = &state.resting {
        line(&mut out, &["schedule".to_owned(), why.clone()]);
    }
    if state.quarantined > 0 {
        let of: Vec<&str> = state.tables.iter().filter(|t| t.quarantined > 0).map(|t| t.name.as_str()).collect();
        let rows = format!("{} of {}", some(state.quarantined, "row", "rows"), of.join(", "));
        let split = "source transactions are split meanwhile".to_owned();
        line(&mut out, &["quarantine".to_owned(), rows, split, "sluice quarantine list".to_owned()]);
    }
    for Orphans { table, constraint, refers_to, rows, counted_at } in &state.orphans {
        let what = match rows {
            Some(rows) => {
                format!("{} of {table} ({constraint}) refer to no row of {refers_to}", some(*rows, "row", "rows"))
            }
            None => format!("{table} ({constraint}) could not be counted"),
        };
        let at = counted_at.replace('T', " ").replace('Z', " UTC");
        line(&mut out, &["orphans".to_owned(), what, format!("counted {at}"), "sluice orphans".to_owned()]);
    }
    if !state.waiting_for_pids.is_empty() {
        let pids: Vec<String> = state.waiting_for_pids.iter().map(ToString::to_string).collect();
        let who = if pids.len() == 1 { "pid" } else { "pids" };
        line(&mut out, &["locks".to_owned(), format!("waiting for {who} {} on the target", pids.join(", "))]);
    }
    if state.state == "not started" {
        line(&mut out, &["next".to_owned(), "sluice run copies, then streams".to_owned()]);
    }
    for problem in &state.problems {
        line(&mut out, &["note".to_owned(), problem.clone()]);
    }
    if !state.tables.is_empty() {
        let heading = ["TABLE", "STATE", ">ROWS APPLIED", "LAST CHANGE", "NOTE"];
        out.push_str(&table(&heading, state.tables.iter().map(row)));
    }
    out.truncate(out.trim_end().len());
    out
}

fn line(out: &mut String, parts: &[String]) {
    out.push_str(parts.join("   ").trim_end());
    out.push('\n');
}

fn frozen(freeze: &Freeze) -> Vec<String> {
    let stands = match (&freeze.at, &freeze.stands_since) {
        (Some(at), Some(since)) => format!("stands at {at} since {}", day(since)),
        _ => "does not stand yet".to_owned(),
    };
    let until =
        freeze.until.as_deref().map_or_else(|| "until sluice resume".to_owned(), |at| format!("until {}", day(at)));
    let mut parts = vec!["freeze".to_owned(), stands, until, format!("by {}", freeze.who)];
    if !freeze.reason.is_empty() {
        parts.push(freeze.reason.clone());
    }
    if freeze.at.is_some() && !freeze.consistent {
        parts.push("not all of it was as production had it there".to_owned());
    }
    parts
}

/// `2026-01-02 09:14:22 UTC`.
fn day(at: &str) -> String {
    at.replace('T', " ").replace('Z', " UTC")
}

fn whole(bytes: u64) -> String {
    size(bytes).replace(".0 ", " ")
}

fn lag(state: &State) -> Option<String> {
    let seconds = state.lag.seconds.map(time);
    let bytes = state.lag.bytes.map(size);
    let both: Vec<String> = seconds.into_iter().chain(bytes).collect();
    (!both.is_empty()).then(|| format!("lag {}", both.join(", ")))
}

fn copy(state: &State, out: &mut String) {
    let known: Vec<&Table> = state.tables.iter().filter(|t| t.rows_copied.is_some()).collect();
    if known.is_empty() {
        return;
    }
    let done = known.iter().filter(|t| t.pending_ranges == 0).count();
    let rows = known.iter().filter_map(|t| t.rows_copied).sum();
    let mut parts = vec![
        "copy".to_owned(),
        format!("{done} of {}", some(known.len() as u64, "table", "tables")),
        some(rows, "row", "rows"),
    ];
    if done == known.len() {
        let last = known.iter().filter_map(|t| t.copied_at.as_deref()).max();
        parts.push(last.map_or_else(|| "done".into(), |at| format!("done {}", day(at))));
    }
    parts.extend(state.copy_waits.map(str::to_owned));
    line(out, &parts);
}

fn row(t: &Table) -> Vec<String> {
    let none = || "–".to_owned();
    let applied = t.rows_applied.map_or_else(none, count);
    let last = t.last_change_seconds_ago.map_or_else(none, ago);
    vec![t.name.clone(), t.state.to_owned(), applied, last, note(t)]
}

fn note(t: &Table) -> String {
    let mut notes = Vec::new();
    let mut some_of = |n: u64, text: String| {
        if n > 0 {
            notes.push(text);
        }
    };
    some_of(t.pending_ranges, format!("{} to copy", some(t.pending_ranges, "range", "ranges")));
    some_of(t.copied_because.iter().count() as u64, t.copied_because.clone().unwrap_or_default());
    some_of(t.pending_points, format!("{} to heal", some(t.pending_points, "row", "rows")));
    some_of(t.quarantined, format!("{} in quarantine", some(t.quarantined, "row", "rows")));
    some_of(t.shadowed, format!("{} shadowed by staging's own", some(t.shadowed, "row", "rows")));
    some_of(
        t.tombstones,
        format!("{} deleted on production and kept for staging's own", some(t.tombstones, "row", "rows")),
    );
    some_of(t.wait_xid.unwrap_or(0), format!("waits for transaction {}", t.wait_xid.unwrap_or(0)));
    some_of(t.masked.unwrap_or(0), format!("{} masked", t.masked.unwrap_or(0)));
    some_of(t.dropped.unwrap_or(0), format!("{} dropped", t.dropped.unwrap_or(0)));
    some_of(t.withheld.len() as u64, format!("{} withheld: {}", t.withheld.len(), t.withheld.join(" ")));
    some_of(t.divergences, some(t.divergences, "divergence", "divergences"));
    some_of(
        u64::from(t.identified == Some(false)),
        format!("updates and deletes do not arrive: ALTER TABLE {} REPLICA IDENTITY FULL", t.name),
    );
    some_of(u64::from(t.state == "new"), "sluice run copies it".to_owned());
    some_of(u64::from(t.state == "leaving"), "no longer in tables:".to_owned());
    notes.join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::state::{Checkpoint, Lag, Slot};
    use super::*;

    #[test]
    fn it_reads_as_promised() {
        let server = |name: &str| Server { environment: Some(name.into()), reachable: true, error: None };
        let mut state = State {
            pipeline: "shop".into(),
            source: server("production"),
            target: server("staging"),
            connected: Some(true),
            lag: Lag { bytes: Some(42_000), seconds: Some(0.31), said: true, waits: None },
            slot: Some(Slot {
                name: "sluice_shop".into(),
                active: true,
                wal_status: "reserved".into(),
                held_bytes: 12 << 20,
                budget_bytes: 4 << 30,
                confirmed: "0/5A3C9F8".into(),
            }),
            checkpoint: Some(Checkpoint { lsn: Some("0/5A3C9F8".into()), updated_seconds_ago: 4.0, source_time: None }),
            waiting_for_pids: vec![7, 8],
            tables: vec![
                Table {
                    name: "public.customers".into(),
                    rows_applied: Some(88_310),
                    rows_copied: Some(12_481_220),
                    copied_at: Some("2026-01-02T09:14:22Z".into()),
                    last_change_seconds_ago: Some(0.1),
                    masked: Some(4),
                    dropped: Some(1),
                    withheld: vec!["nickname".into()],
                    ..Table::default()
                },
                Table { name: "public.users".into(), state: "protected", ..Table::default() },
            ],
            ..State::default()
        };
        state.conclude();
        assert_eq!(
            text(&state),
            "\
shop   production → staging   streaming   consistent   lag 0.3 s, 41 kB
slot   sluice_shop   in use   12 MB of WAL held (budget 4 GB)   confirmed 0/5A3C9F8 4 s ago
copy   1 of 1 table   12,481,220 rows   done 2026-01-02 09:14:22 UTC
locks   waiting for pids 7, 8 on the target
TABLE              STATE       ROWS APPLIED   LAST CHANGE   NOTE
public.customers   streaming         88,310   now           4 masked, 1 dropped, 1 withheld: nickname
public.users       protected              –   –"
        );
        let freeze = Freeze {
            since: "2026-01-02T10:00:00Z".into(),
            until: Some("2026-01-02T12:00:00Z".into()),
            who: "jane@ci".into(),
            reason: "load test".into(),
            at: Some("0/5A3C9F8".into()),
            stands_since: Some("2026-01-02T10:00:01Z".into()),
            consistent: true,
        };
        let frozen = State { freeze: Some(freeze), ..state.clone() };
        let line = "\nfreeze   stands at 0/5A3C9F8 since 2026-01-02 10:00:01 UTC   until 2026-01-02 12:00:00 UTC   by jane@ci   load test\n";
        assert!(text(&frozen).contains(line), "{}", text(&frozen));
        state.tables[0].quarantined = 2;
        state.conclude();
        let said = text(&state);
        let line = "\nquarantine   2 rows of public.customers   source transactions are split meanwhile   sluice quarantine list\n";
        assert!(said.contains(line) && said.contains("   not consistent yet   "), "{said}");
        assert!(said.contains("now           2 rows in quarantine, 4 masked"), "{said}");
        state.tables[0].quarantined = 0;
        topic::tests::it_reads_as_promised(&mut state);
        state.target = Server { environment: None, reachable: false, error: Some("target: connect to x:1".into()) };
        state.checkpoint = None;
        assert!(text(&state).contains("\ntarget   cannot be read: connect to x:1\n"));
    }
}
