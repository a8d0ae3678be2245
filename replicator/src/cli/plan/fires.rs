//! What of staging's own could fire when its tables are written: triggers, rules, and cascades into protected tables.

use std::collections::BTreeMap;

use serde::Serialize;
use sink_postgres::catalog::list;
use sink_postgres::guard::Guard;
use sink_postgres::session;
use wire::Connection;

use crate::config::table_name;
use crate::error::Error;

/// So many of a table are named in a line; `--json` has them all.
const NAMED: usize = 8;

/// What becomes of a trigger or a rule while sluice writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// It would fire, so `run` refuses the table.
    Refused,
    /// It does not fire for our sessions, and does for everybody else.
    Quiet,
    /// It is disabled for everybody.
    Off,
}

/// Those of a table that is written.
#[derive(Debug, Serialize)]
pub struct Fires {
    /// The table; those of its partitions count for it.
    pub table: String,
    /// `trigger`, `rule`.
    pub kind: String,
    /// Its name; of a partition's, with the partition.
    pub name: String,
    /// What becomes of it.
    pub fate: Fate,
    /// The statement that keeps it quiet, where that is the table's; nothing where a right of the role is missing.
    pub mend: Option<String>,
}

/// All that could fire.
#[derive(Debug, Serialize)]
pub struct Firing {
    /// May our sessions be in replica role? Without it everything that is not disabled fires.
    pub replica_role: bool,
    /// Tables that are refused for want of it: they have foreign keys, triggers or rules.
    pub wanting: Vec<String>,
    /// The statement that gives the right.
    pub grant: Option<String>,
    /// Triggers and rules, by table.
    pub fires: Vec<Fires>,
    /// From a table that is written to a protected one that a cascade would reach.
    pub cascades: Vec<(String, String)>,
}

/// Asks staging's catalog, in two statements however many tables there are.
pub async fn fires(
    target: &mut Connection,
    written: &[(String, String)],
    protected: &[(String, String)],
) -> Result<Firing, Error> {
    let failed = |e: wire::Error| Error::Target(e.into());
    let replica_role = session::replica_role(target).await.map_err(failed)?;
    let role = session::role(target).await.map_err(failed)?;
    let cascades = Guard::new(protected.iter().cloned(), replica_role).cascades(target, written).await?;
    let mut firing = Firing { replica_role, wanting: Vec::new(), grant: None, fires: Vec::new(), cascades };
    let names = serde_json::to_string(written).map_err(|e| Error::Bug(e.to_string()))?;
    for row in target.query(FIRES, &[Some(&names)]).await.map_err(failed)?.iter() {
        let text = |i: usize| row.get(i).unwrap_or_default().to_owned();
        let (table, enabled) = (table_name(&text(0), &text(1)), text(4));
        if !replica_role && enabled != "D" && firing.wanting.last() != Some(&table) {
            firing.wanting.push(table.clone());
        }
        let always = matches!(enabled.as_str(), "A" | "R");
        // a foreign key's own, which nobody made to fire always
        if text(5) == "t" && !always {
            continue;
        }
        let of = list(row.get(6));
        let name = match of.as_slice() {
            [schema, leaf] => format!("{} of {}", text(3), table_name(schema, leaf)),
            _ => text(3),
        };
        let fate = match enabled.as_str() {
            "D" => Fate::Off,
            "O" if replica_role => Fate::Quiet,
            _ => Fate::Refused,
        };
        firing.fires.push(Fires { table, kind: text(2), name, fate, mend: always.then(|| text(7)) });
    }
    if !firing.wanting.is_empty() {
        firing.grant = Some(format!("GRANT SET ON PARAMETER session_replication_role TO {role};"));
    }
    Ok(firing)
}

impl Firing {
    /// A line for each table and what becomes of its own, however many those are; one for each that is to be mended.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(grant) = &self.grant {
            let tables = self.wanting.join(", ");
            lines.push(format!(
                "REFUSED: without replica role foreign keys, triggers and rules fire: {tables}\n  {grant}"
            ));
        }
        let mut by: BTreeMap<(&str, Fate), Vec<&Fires>> = BTreeMap::new();
        for one in &self.fires {
            by.entry((&one.table, one.fate)).or_default().push(one);
        }
        for ((table, fate), all) in by {
            let (mends, plain): (Vec<&Fires>, Vec<&Fires>) =
                all.into_iter().partition(|f| f.mend.is_some() && fate == Fate::Refused);
            for one in mends {
                let mend = one.mend.as_deref().unwrap_or_default();
                lines
                    .push(format!("{table}   REFUSED: {} {} fires even in replica role\n  {mend}", one.kind, one.name));
            }
            if plain.is_empty() {
                continue;
            }
            let said = match fate {
                Fate::Refused => "REFUSED: would fire",
                Fate::Quiet => "quiet for our writes",
                Fate::Off => "disabled, and stays so",
            };
            let named = |kind: &str| {
                let names: Vec<&str> = plain.iter().filter(|f| f.kind == kind).map(|f| f.name.as_str()).collect();
                let plural = if names.len() == 1 { "" } else { "s" };
                let more = match names.len().saturating_sub(NAMED) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                let first: Vec<&str> = names.iter().copied().take(NAMED).collect();
                (!names.is_empty()).then(|| format!("{kind}{plural} {}{more}", first.join(", ")))
            };
            let names: Vec<String> = ["trigger", "rule"].into_iter().filter_map(named).collect();
            lines.push(format!("{table}   {said}: {}", names.join("; ")));
        }
        let does = match self.replica_role {
            true => "quiet for our writes; protect.on_referenced says what becomes of rows there",
            false => "REFUSED: would fire",
        };
        lines.extend(
            self.cascades.iter().map(|(from, to)| format!("{from}   cascades into {to}, which is protected: {does}")),
        );
        lines
    }
}

// written by its root, a partition fires its row triggers, and with TRUNCATE those of TRUNCATE; what it has from its root is the
// root's, unless it is enabled otherwise
const FIRES: &str = "
WITH RECURSIVE part(root, oid, kind) AS (
  SELECT c.oid, c.oid, c.relkind FROM pg_catalog.json_array_elements($1::pg_catalog.json) t
  JOIN pg_catalog.pg_namespace n ON n.nspname = t ->> 0 JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t ->> 1
  UNION ALL SELECT p.root, c.oid, c.relkind FROM part p JOIN pg_catalog.pg_inherits i ON i.inhparent = p.oid AND p.kind = 'p'
  JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
), found AS (
  SELECT p.root, p.oid, 'trigger' AS kind, t.tgname AS name, t.tgenabled AS enabled, t.tgisinternal AS internal
  FROM part p JOIN pg_catalog.pg_trigger t ON t.tgrelid = p.oid
  WHERE (p.oid = p.root OR t.tgtype & 33 <> 0)
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger u WHERE u.oid = t.tgparentid AND u.tgenabled = t.tgenabled)
  UNION ALL SELECT p.root, p.oid, 'rule', r.rulename, r.ev_enabled, false
  FROM part p JOIN pg_catalog.pg_rewrite r ON r.ev_class = p.oid WHERE p.oid = p.root
)
SELECT n.nspname, c.relname, f.kind, f.name, f.enabled, f.internal,
  CASE WHEN f.oid <> f.root THEN pg_catalog.json_build_array(ln.nspname, l.relname) END,
  pg_catalog.format('ALTER TABLE %I.%I ENABLE %s %I;', ln.nspname, l.relname, pg_catalog.upper(f.kind), f.name)
FROM found f JOIN pg_catalog.pg_class c ON c.oid = f.root JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_class l ON l.oid = f.oid JOIN pg_catalog.pg_namespace ln ON ln.oid = l.relnamespace
ORDER BY 1, 2, 3 DESC, 4, l.relname";
