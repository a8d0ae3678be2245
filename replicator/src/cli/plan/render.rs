//! The forecast as a person reads it.

use std::fmt::Write;

use super::super::table::table;
use super::{Forecast, Held, Masked, Table};
use crate::figures::{count, size, some};

/// All of it.
pub fn text(f: &Forecast) -> String {
    let mut out = format!("CONFIGURATION in force\n{}\n", indented(&f.configuration));
    if !f.warnings.is_empty() {
        _ = writeln!(out, "WARNINGS\n{}", lines(&f.warnings));
    }
    copied(&mut out, &f.tables);
    filtered(&mut out, &f.tables);
    masks(&mut out, &f.tables);
    units(&mut out, &f.tables);
    f.tables.iter().for_each(|t| sampled(&mut out, t));
    list(&mut out, "STRUCTURE ONLY on the target", &emptied(&f.structure));
    let away: Vec<String> = f.not_replicated.iter().map(|a| format!("{}   ({})", a.name, a.why)).collect();
    list(&mut out, "NOT REPLICATED: these stay on production", &away);
    list(&mut out, "PROTECTED on the target: never written", &held(&f.protected));
    let own = f.tables.iter().filter_map(|t| Some(format!("{}   {}", t.name, t.own.as_ref()?))).collect::<Vec<_>>();
    list(&mut out, "PROTECTED ROWS on the target: never written, and they shadow rows of production", &own);
    list(
        &mut out,
        "UNGOVERNED on the target: hold rows, and nothing in sluice.yaml is about them; never written",
        &held(&f.ungoverned),
    );
    list(
        &mut out,
        "UNGOVERNED COLUMNS on the target: production has none of that name; what they hold stays",
        &f.ungoverned_columns,
    );
    list(&mut out, "TRIGGERS, RULES AND CASCADES on the target, of tables that are written", &f.firing.lines());
    list(&mut out, "HAZARDS", &f.hazards);
    proved(&mut out, f);
    tried(&mut out, f);
    list(&mut out, "PROBLEMS: run would end with exit 2", &f.problems);
    list(&mut out, "ON PRODUCTION run would need", &f.publications);
    _ = writeln!(
        out,
        "COPY   {}, {}, {} at {} a second",
        some(f.tables.len() as u64, "table", "tables"),
        size(f.bytes),
        about(f.seconds),
        size(super::BYTES_A_SECOND as u64)
    );
    _ = writeln!(
        out,
        "WAL    production writes {} a second now; the copy makes it keep about {} at most",
        size(f.wal_per_second as u64),
        size(f.wal_held)
    );
    out
}

/// `under 1 s`, `about 12 min`.
fn about(seconds: f64) -> String {
    if seconds < 1.0 { "under 1 s".to_owned() } else { format!("about {}", crate::figures::time(seconds)) }
}

fn copied(out: &mut String, tables: &[Table]) {
    let rows = tables.iter().map(|t| {
        vec![
            t.name.clone(),
            rows(t.rows),
            size(t.bytes),
            t.kept.to_string(),
            t.masks.len().to_string(),
            t.dropped.len().to_string(),
            t.withheld.len().to_string(),
            if t.why.is_none() { format!("ranges by {}", t.key.join(", ")) } else { t.cut.to_owned() },
        ]
    });
    let heading = ["TABLE", ">ROWS", ">SIZE", ">KEPT", ">MASKED", ">DROPPED", ">WITHHELD", "COPIED IN"];
    _ = writeln!(out, "{}\n", table(&heading, rows));
}

fn filtered(out: &mut String, tables: &[Table]) {
    let alike = |n: u64| format!("decided alike on {} that were looked at", some(n, "row", "rows"));
    let some =
        |t: &Table| Some(format!("{}: {}   ({})", t.name, t.only.as_ref()?, alike(t.decided_alike.unwrap_or(0))));
    list(out, "ONLY SOME ROWS", &tables.iter().filter_map(some).collect::<Vec<_>>());
}

fn masks(out: &mut String, tables: &[Table]) {
    let mut rows = Vec::new();
    for t in tables {
        let name = |column: &str| format!("{}.{column}", t.name);
        rows.extend(t.masks.iter().map(|m| {
            vec![name(&m.column), m.mask.clone(), m.keeps.into(), m.gives_away.into(), distinct(m), commonest(m)]
        }));
        rows.extend(
            t.dropped
                .iter()
                .map(|c| vec![name(c), "drop".into(), "nothing".into(), "nothing".into(), "".into(), "".into()]),
        );
        rows.extend(
            t.withheld
                .iter()
                .map(|c| vec![name(c), "withheld".into(), "nothing".into(), "nothing".into(), "".into(), "".into()]),
        );
    }
    if !rows.is_empty() {
        _ = writeln!(
            out,
            "{}\n",
            table(&["COLUMN", "BECOMES", "KEEPS", "GIVES AWAY", ">DISTINCT", ">MOST COMMON"], rows)
        );
    }
}

/// As many as there are on production, by its statistics.
fn distinct(m: &Masked) -> String {
    m.distinct.map_or_else(|| "?".to_owned(), |n| format!("~{}", count(n)))
}

/// A value that is as common on staging as on production is known by that.
fn commonest(m: &Masked) -> String {
    m.most_common.map_or_else(|| "–".to_owned(), |share| format!("{:.1} % of rows", share * 100.0))
}

/// Why what must differ does.
fn proved(out: &mut String, f: &Forecast) {
    if f.proofs.is_empty() {
        return;
    }
    let rows = f.proofs.iter().map(|p| vec![p.column.clone(), p.of.clone(), p.because.clone()]);
    _ = writeln!(out, "{}\n", table(&["PROVED OF", "IN", "BECAUSE"], rows));
}

/// What the target has seen of it.
fn tried(out: &mut String, f: &Forecast) {
    let rows = f.tried.iter().map(|(_, rows)| rows).sum();
    let tables = some(f.tried.len() as u64, "table", "tables");
    _ = writeln!(
        out,
        "TRIED  {} of {tables}, behind their masks, on the target's own types and constraints; nothing stays there\n",
        some(rows, "row", "rows")
    );
    let untried: Vec<String> = f.untried.iter().map(|(table, why)| format!("{table}: {why}")).collect();
    list(out, "NOT TRIED", &untried);
}

fn sampled(out: &mut String, t: &Table) {
    let Some(sample) = &t.sample else { return };
    let shown = |v: &Option<String>| match v {
        None => "–".to_owned(),
        Some(v) if v.chars().count() > 40 => v.chars().take(39).chain(['…']).collect(),
        Some(v) => v.clone(),
    };
    let rows = sample.rows.iter().map(|row| row.iter().map(shown).collect());
    let heading: Vec<&str> = sample.columns.iter().map(String::as_str).collect();
    _ = writeln!(out, "{}   as staging would see it\n{}\n", t.name, table(&heading, rows));
}

fn units(out: &mut String, tables: &[Table]) {
    let units: Vec<String> = tables
        .iter()
        .filter_map(|t| Some(format!("{}: {}; the stream is held for {}", t.name, t.why?, about(t.held_seconds?))))
        .collect();
    list(out, "IN ONE UNIT: not cut into ranges", &units);
}

/// What is structure only has no rows, or will have none.
fn emptied(tables: &[Held]) -> Vec<String> {
    let rows = |t: &Held| match t.rows {
        Some(0) => "empty".to_owned(),
        n => format!("{} rows: run empties it", rows(n)),
    };
    tables.iter().map(|t| format!("{}   {}", t.name, rows(t))).collect()
}

fn held(tables: &[Held]) -> Vec<String> {
    tables.iter().map(|t| format!("{}   {} rows", t.name, rows(t.rows))).collect()
}

fn rows(n: Option<u64>) -> String {
    n.map_or_else(|| "?".to_owned(), |n| format!("~{}", count(n)))
}

fn list(out: &mut String, title: &str, items: &[String]) {
    if !items.is_empty() {
        _ = writeln!(out, "{title}\n{}", lines(items));
    }
}

fn lines(items: &[String]) -> String {
    items.iter().map(|i| format!("{}\n", indented(i).trim_end())).collect()
}

fn indented(text: &str) -> String {
    text.lines().map(|l| format!("  {l}\n")).collect()
}
