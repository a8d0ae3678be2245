//! Column by column, rule by rule: everything that refuses the rows, not only what does so first.
//!
//! Each step stands behind a savepoint. A column that passes alone is there for the rules that look at several; a rule
//! over a column that did not pass is not tried, since the column has been told.

use wire::{Rows, ServerError, quote_ident};

use super::rules::Rule;
use super::{By, Column, Place, Refusal, Trial, verdict};
use crate::error::Error;

impl Trial {
    pub(super) async fn each(&mut self, place: &Place<'_>, lines: &[u8]) -> Result<Vec<Refusal>, Error> {
        let mut found = Vec::new();
        self.prepare(place).await?;
        if let Err(e) = self.stage(place, lines).await {
            // a line that not even text can hold: a character that the target's encoding lacks
            let said = verdict(e)?;
            return Ok(vec![refusal(By::Type, None, Vec::new(), None, &said.sqlstate)]);
        }
        self.nulls(place, &mut found).await?;
        let mut good = Vec::new();
        for (i, column) in place.columns.iter().enumerate() {
            if self.column(place, i, column, &mut found).await? {
                good.push(column.name.clone());
            }
        }
        // a domain that is never NULL: the column cannot be filled as it comes
        let hollow = |name: &String| place.rules.domains.iter().any(|d| d.column == *name && d.not_null);
        good.retain(|name| !(hollow(name) && found.iter().any(|r| r.by == By::NotNull && r.columns.contains(name))));
        let (into, from) = place.lists(|c| good.contains(&c.name));
        if !good.is_empty() {
            let fill = format!("INSERT INTO pg_temp.sluice_base ({into}) SELECT {from} FROM pg_temp.sluice_stage");
            if self.attempt(&fill, true).await?.is_err() {
                return Ok(found);
            }
        }
        let arrives = |name: &str| place.columns.iter().any(|c| c.name == *name);
        // NULL on the target, so far as we know
        let nothing = |name: &str| !arrives(name) && !place.rules.generated.iter().any(|g| g.name == *name);
        let passes = |rule: &Rule, good: &[String]| rule.columns.iter().all(|c| good.contains(c) || nothing(c));
        let mut computed = Vec::new();
        for rule in place.rules.generated.iter().filter(|r| passes(r, &good)) {
            let column = quote_ident(&rule.name);
            let sql = format!(
                "INSERT INTO pg_temp.sluice_trial ({column}) SELECT ({}) FROM pg_temp.sluice_base AS {}",
                rule.sql,
                quote_ident(&place.table.name)
            );
            match self.attempt(&sql, false).await? {
                Ok(_) => computed.push((column, format!("({})", rule.sql))),
                Err(said) => found.push(by(place, By::Generated, rule, None, &said.sqlstate)),
            }
        }
        let names: Vec<String> =
            good.iter().map(|c| quote_ident(c)).chain(computed.iter().map(|c| c.0.clone())).collect();
        let values: Vec<String> =
            good.iter().map(|c| quote_ident(c)).chain(computed.iter().map(|c| c.1.clone())).collect();
        if !names.is_empty() {
            let fill = format!(
                "INSERT INTO pg_temp.sluice_trial ({}) SELECT {} FROM pg_temp.sluice_base AS {}",
                names.join(", "),
                values.join(", "),
                quote_ident(&place.table.name)
            );
            if self.attempt(&fill, true).await?.is_err() {
                return Ok(found);
            }
        }
        good.extend(place.rules.generated.iter().map(|g| g.name.clone()).filter(|g| names.contains(&quote_ident(g))));
        for rule in place.rules.checks.iter().filter(|r| passes(r, &good)) {
            self.rule(place, By::Check, rule, "NOT", &mut found).await?;
        }
        for rule in place.rules.partition.iter().filter(|r| passes(r, &good)) {
            self.rule(place, By::Partition, rule, "IS NOT TRUE", &mut found).await?;
        }
        for rule in place.rules.indexes.iter().filter(|r| passes(r, &good)) {
            let sql = format!(
                "SELECT pg_catalog.count(({})) FROM pg_temp.sluice_trial AS {}",
                rule.sql,
                quote_ident(&place.table.name)
            );
            if let Err(said) = self.attempt(&sql, false).await? {
                found.push(by(place, By::Index, rule, None, &said.sqlstate));
            }
        }
        Ok(found)
    }

    /// Two tables like the target's that ask nothing but types, and a domain for each constraint of a domain.
    async fn prepare(&mut self, place: &Place<'_>) -> Result<(), Error> {
        let like = place.table.quoted();
        let mut sql = String::from("BEGIN");
        for name in ["sluice_base", "sluice_trial"] {
            sql.push_str(&format!("; CREATE TEMPORARY TABLE {name} (LIKE {like}) ON COMMIT DROP"));
            let loose = place.table.columns.iter().filter(|c| c.not_null && !place.unknown.contains(&c.name));
            let mut alter: Vec<String> =
                loose.map(|c| format!("ALTER COLUMN {} DROP NOT NULL", quote_ident(&c.name))).collect();
            alter.extend(place.unknown.iter().map(|c| format!("DROP COLUMN {} CASCADE", quote_ident(c))));
            if !alter.is_empty() {
                sql.push_str(&format!("; ALTER TABLE pg_temp.{name} {}", alter.join(", ")));
            }
        }
        for (i, column) in place.columns.iter().enumerate() {
            let Some(domain) = place.rules.domains.iter().find(|d| d.column == column.name) else { continue };
            for (k, (_, check)) in domain.checks.iter().enumerate() {
                sql.push_str(&format!("; CREATE DOMAIN pg_temp.sluice_{i}_{k} AS {} {check}", domain.base));
            }
        }
        self.db.simple(&sql).await?;
        Ok(())
    }

    /// How many rows have no value where they must have one?
    async fn nulls(&mut self, place: &Place<'_>, found: &mut Vec<Refusal>) -> Result<(), Error> {
        let must: Vec<&Column> = place.columns.iter().filter(|c| c.not_null).collect();
        if must.is_empty() {
            return Ok(());
        }
        let counts: Vec<String> =
            must.iter().map(|c| format!("pg_catalog.count(*) FILTER (WHERE f{} IS NULL)", c.field)).collect();
        let sql = format!("SELECT {} FROM pg_temp.sluice_stage", counts.join(", "));
        if let Ok(rows) = self.attempt(&sql, false).await? {
            for (i, column) in must.iter().enumerate() {
                let n = number(&rows, i);
                if n > 0 {
                    found.push(refusal(By::NotNull, None, vec![column.name.clone()], Some(n), "23502"));
                }
            }
        }
        Ok(())
    }

    /// Does the type take what comes? The constraints of a domain are told one by one.
    async fn column(
        &mut self,
        place: &Place<'_>,
        i: usize,
        column: &Column,
        found: &mut Vec<Refusal>,
    ) -> Result<bool, Error> {
        let (name, field) = (quote_ident(&column.name), column.field);
        let sql = format!(
            "INSERT INTO pg_temp.sluice_base ({name}) SELECT {} FROM pg_temp.sluice_stage WHERE f{field} IS NOT NULL",
            column.value()
        );
        let Err(said) = self.attempt(&sql, false).await? else { return Ok(true) };
        let before = found.len();
        let domain = place.rules.domains.iter().find(|d| d.column == column.name);
        for (k, (constraint, _)) in domain.iter().flat_map(|d| d.checks.iter().enumerate()) {
            let sql = format!(
                "SELECT pg_catalog.count({}::pg_temp.sluice_{i}_{k}) FROM pg_temp.sluice_stage",
                column.value()
            );
            if let Err(said) = self.attempt(&sql, false).await?
                && said.sqlstate == "23514"
            {
                let columns = vec![column.name.clone()];
                found.push(refusal(By::Domain, Some(constraint.clone()), columns, None, &said.sqlstate));
            }
        }
        if found.len() == before {
            found.push(refusal(By::Type, None, vec![column.name.clone()], None, &said.sqlstate));
        }
        Ok(false)
    }

    /// How many rows does a condition refuse, if it does not fail?
    async fn rule(
        &mut self,
        place: &Place<'_>,
        kind: By,
        rule: &Rule,
        not: &str,
        found: &mut Vec<Refusal>,
    ) -> Result<(), Error> {
        let sql = &rule.sql;
        let refused = if not == "NOT" { format!("NOT ({sql})") } else { format!("({sql}) {not}") };
        let sql = format!(
            "SELECT pg_catalog.count(*) FROM pg_temp.sluice_trial AS {} WHERE {refused}",
            quote_ident(&place.table.name)
        );
        match self.attempt(&sql, false).await? {
            Ok(rows) if number(&rows, 0) > 0 => found.push(by(place, kind, rule, Some(number(&rows, 0)), "23514")),
            Ok(_) => {}
            Err(said) => found.push(by(place, kind, rule, None, &said.sqlstate)),
        }
        Ok(())
    }

    /// Runs a statement behind a savepoint; what it did stays within the transaction only if `keep`.
    async fn attempt(&mut self, sql: &str, keep: bool) -> Result<Result<Rows, ServerError>, Error> {
        let done = match self.db.simple_on_rows(&format!("SAVEPOINT tried; {sql}")).await {
            Ok(mut rows) => Ok(rows.pop().unwrap_or_default()),
            Err(e) => Err(verdict(e)?),
        };
        let end = if keep && done.is_ok() { "RELEASE tried" } else { "ROLLBACK TO tried; RELEASE tried" };
        self.db.simple(end).await?;
        Ok(done)
    }
}

fn number(rows: &Rows, column: usize) -> u64 {
    rows.get(0, column).and_then(|n| n.parse().ok()).unwrap_or(0)
}

fn by(place: &Place<'_>, by: By, rule: &Rule, rows: Option<u64>, sqlstate: &str) -> Refusal {
    let name = (by != By::Partition).then(|| rule.name.clone());
    refusal(by, name, place.sources(rule), rows, sqlstate)
}

fn refusal(by: By, name: Option<String>, columns: Vec<String>, rows: Option<u64>, sqlstate: &str) -> Refusal {
    Refusal { by, name, columns, rows, sqlstate: sqlstate.to_owned() }
}
