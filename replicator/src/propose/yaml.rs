//! The `sluice.yaml` that `init` writes: what was proposed, and why, for a person to go through.

use std::fmt::Write;

use filters::policy::Class;

use super::{Facts, Proposal, Whole, proposals, whole};
use crate::config::{SourceColumn, SourceTable, class_text, quote, table_name};

/// A table that `init` found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// The table.
    pub table: SourceTable,
    /// The columns that tell its rows apart, unquoted.
    pub key: Vec<String>,
    /// What else is known of each column, in their order; empty if nothing is.
    pub facts: Vec<Facts>,
}

/// Tables that are often staging's own. Only hinted at: who knows is the reader.
const OFTEN_OWN: &[&str] =
    &["users", "quote_requests", "saved_searches", "settings", "feature_flags", "admin_users", "api_keys"];

/// A line that is longer than this does not push the comments of its neighbours aside.
const WIDEST: usize = 64;

/// What is called how.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// The pipeline.
    pub pipeline: &'a str,
    /// What production is.
    pub source: &'a str,
    /// What the target is.
    pub target: &'a str,
}

/// Writes the file. What it writes, [`crate::config::Config`] reads. `own`: tables that only the target has, by schema and
/// name.
pub fn yaml(names: Names<'_>, found: &[Found], own: &[(String, String)]) -> String {
    let Names { pipeline, source, target } = names;
    let mut out = format!(
        "\
# What leaves production, and how it looks when it does. Proposed by `sluice init` from names, types and what some rows
# look like. It cannot know everything, so read every line. `sluice plan` shows what it would do.

pipeline: {pipeline}  # names slot and publication on production: sluice_{pipeline}

source:
  url: \"${{SLUICE_SOURCE_URL:?production, a role with REPLICATION and SELECT}}\"
  environment: {source}  # what the server must say itself: the SQL of `sluice init` has it do so
target:
  url: \"${{SLUICE_TARGET_URL:?staging, a role that may write the tables below}}\"
  environment: {target}

masking:
  key: \"${{SLUICE_MASK_KEY:?32 random bytes: openssl rand -base64 32}}\"
  # One mask under one name, wherever the same kind of value turns up:
  # domains:
  #   customer_ref: {{ mask: digits, keep_prefix: 2 }}

# keep: all columns as they are. structure: the table stays empty. exclude: not ours. columns: what becomes of some; the
# others are kept. A table that is not named here never leaves production; a column that is added later waits for you.
tables:
"
    );
    found.iter().zip(proposals(found)).for_each(|(f, proposals)| table(&mut out, f, proposals));
    if found.is_empty() {
        out.push_str("  # none was found; a glob takes what comes\n  \"public.*\": keep\n");
    }
    protect(&mut out, found, own);
    out.push_str(
        "
# serve:
#   listen: 127.0.0.1:9847  # /metrics /healthz /readyz
",
    );
    out
}

fn table(out: &mut String, found: &Found, proposals: Vec<Proposal>) {
    let name = quote(&found.table.full_name());
    match whole(&found.table.name) {
        Whole::Structure(why) => return line(out, &format!("  {name}: structure"), why, 0),
        Whole::Exclude(why) => return line(out, &format!("  {name}: exclude"), why, 0),
        Whole::Copy => {}
    }
    let (kept, changed): (Vec<_>, Vec<_>) =
        found.table.columns.iter().zip(proposals).partition(|(_, p)| p.class == Class::Keep && p.reason.is_empty());
    if changed.is_empty() {
        return line(out, &format!("  {name}: keep"), "", 0);
    }
    _ = writeln!(out, "  {name}:\n    columns:");
    let lines: Vec<(String, String)> =
        changed.iter().map(|(column, proposal)| changed_line(column, proposal)).collect();
    let width = lines.iter().map(|(text, _)| text.chars().count()).filter(|n| *n <= WIDEST).max().unwrap_or(0);
    lines.iter().for_each(|(text, why)| line(out, text, why, width));
    let kept: Vec<String> = kept.iter().map(|(column, _)| quote(&column.name)).collect();
    if !kept.is_empty() {
        wrapped(out, "      # kept: ", &kept);
    }
}

/// A column with its class, and why.
fn changed_line(column: &SourceColumn, proposal: &Proposal) -> (String, String) {
    let why = if proposal.undecided { format!("undecided: {}", proposal.reason) } else { proposal.reason.clone() };
    (format!("      {}: {}", quote(&column.name), class_text(&proposal.class)), why)
}

fn protect(out: &mut String, found: &[Found], own: &[(String, String)]) {
    out.push_str("\n# The target's own tables: never written, never emptied, whatever else is said here.\nprotect:\n  tables: []\n");
    if !own.is_empty() {
        let own: Vec<String> = own.iter().map(|(schema, name)| quote(&table_name(schema, name))).collect();
        out.push_str("  # Only the target has these. Nothing writes them as it is; named here, nothing ever will:\n");
        wrapped(out, "  # tables: [", &own);
        out.truncate(out.trim_end().len());
        out.push_str("]\n");
    }
    let often: Vec<String> = found
        .iter()
        .filter(|f| OFTEN_OWN.contains(&f.table.name.as_str()))
        .map(|f| quote(&f.table.full_name()))
        .collect();
    if often.is_empty() && own.is_empty() {
        out.push_str("  # tables: [public.users]\n");
    } else if !often.is_empty() {
        out.push_str("  # Often staging's own. If so, name them here, and take them out of `tables`:\n");
        wrapped(out, "  # tables: [", &often);
        out.truncate(out.trim_end().len());
        out.push_str("]\n");
    }
}

/// A line with its comment, the comments below each other.
fn line(out: &mut String, text: &str, comment: &str, width: usize) {
    _ = match comment {
        "" => writeln!(out, "{text}"),
        _ => writeln!(out, "{text:<width$}  # {comment}"),
    };
}

/// A comment with a list, in as many lines as it takes.
fn wrapped(out: &mut String, lead: &str, names: &[String]) {
    let indent = format!("{}# ", &lead[..lead.find('#').unwrap_or(0)]);
    let mut text = lead.to_owned();
    for (i, name) in names.iter().enumerate() {
        let comma = if i + 1 < names.len() { ", " } else { "" };
        if text.trim_end().len() + name.chars().count() > 116 && i > 0 {
            _ = writeln!(out, "{}", text.trim_end());
            text = indent.clone();
        }
        text += &format!("{name}{comma}");
    }
    _ = writeln!(out, "{text}");
}
