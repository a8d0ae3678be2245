//! Asks both servers.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use filters::compiled::Compiled;
use filters::policy::{Class, TableRule};
use filters::predicate::Predicate;
use sink_postgres::{known, session};
use wire::Connection;

use super::{Away, BYTES_A_SECOND, Forecast, Held, Masked, Table, fires, hazards, sample};
use crate::backup;
use crate::config::{Config, Lock, Problem, Problems, class_text, table_name};
use crate::error::{Doing, Error};
use crate::proofs::trial::{Bench, Trials};
use crate::source::catalog::{self, SourceTable};
use crate::source::{alike, production, publication};
use crate::start;

/// The rate of WAL is measured over this, or over all of the gathering if that takes longer.
const MEASURE: Duration = Duration::from_secs(1);

/// Looks at everything.
///
/// `sample`: so many rows of each table are read and masked.
pub async fn gather(config: &Config, lock: Option<&Lock>, sample: Option<u32>) -> Result<(Forecast, Problems), Error> {
    let (source_info, target_info) = start::conninfos(config)?;
    let mut source = production::reader(&source_info.data, &config.pipeline, "plan", &[]).await?;
    let read_only = [("default_transaction_read_only", "on")];
    let mut target = session::open(&target_info, &config.pipeline, "plan", false, &read_only)
        .await
        .map_err(|e| Error::Target(e.into()))?;
    start::different(&mut source, &mut target).await?;
    let unconfirmed =
        start::ends::looked_at(config, (&source_info.data, &mut source), (&target_info, &mut target)).await?;
    let began = (Instant::now(), wal(&mut source).await?);
    let found = catalog::tables(&mut source).await.doing("read the catalog")?;
    let memory = known::read(&mut target, &config.pipeline).await?;
    let demands = start::Demands::read(&mut target).await?;
    let plan = start::plan(config, lock, memory, &demands, &mut source).await?;
    let mut tables: Vec<Table> = Vec::new();
    for (t, compiled) in &plan.tables {
        let found = alike::alike(&mut source, t, compiled).await.doing("ask about rows of a filter")?;
        if let Some(found) = found.filter(|f| f.differ > 0) {
            return Err(Error::Refused {
                what: format!(
                    "{}: production and sluice decide otherwise on {} of {} rows",
                    t.shape, found.differ, found.rows
                ),
                hint: "that is a bug of sluice; write the condition over other columns until it is mended".into(),
            });
        }
        let sample = match sample {
            Some(rows) => Some(sample::sample(&mut source, t, compiled, rows).await?),
            None => None,
        };
        let decided_alike = found.map(|f| f.rows);
        tables.push(Table { decided_alike, sample, ..table(t, compiled, &plan, config) });
    }
    let protected = start::protected(config, &mut target).await?;
    let there = held(&mut target).await?;
    let ungoverned_columns = only_there(&mut target, &plan).await?;
    let written: Vec<(String, String)> = plan.tables.iter().map(|(t, _)| t.name()).collect();
    let firing = fires::fires(&mut target, &written, &protected).await?;
    let mut hazards = hazards::references(config, &mut target, &written, &protected).await?;
    hazards.extend(hazards::joins(&mut source, &plan.policy).await?);
    let mut publications = Vec::new();
    for wanted in publication::wanted(&config.pipeline, plan.tables.iter().map(|(t, _)| t)) {
        let mends = wanted.compare(&mut source).await.doing("read the publications")?;
        publications.extend(mends.into_iter().map(|m| m.sql));
    }
    let bench = Bench { config, policy: &plan.policy, key: start::key(config)?, proposes: true };
    // rolled back or not: rows go only to a server of which it is known what it is
    let trials = match unconfirmed.is_empty() {
        true => bench.tables(&source_info.data, &target_info, plan.tables.iter().map(|(t, _)| t)).await?,
        false => Trials::default(),
    };
    let shared = start::shared(config, &plan.written(), &mut target).await?;
    let unsaved = backup::unsaved(config, &plan.replaced(false), &mut target).await?;
    let found_wrong = plan.proofs.problems.into_iter().chain(shared).chain(trials.problems);
    let problems: Vec<Problem> = unconfirmed.into_iter().chain(found_wrong).collect();
    tokio::time::sleep(MEASURE.saturating_sub(began.0.elapsed())).await;
    let wal_per_second = wal(&mut source).await?.saturating_sub(began.1) as f64 / began.0.elapsed().as_secs_f64();
    source.close().await;
    target.close().await;
    let bytes: u64 = tables.iter().map(|t| t.bytes).sum();
    let unit = tables.iter().filter_map(|t| t.held_seconds).fold(0.0, f64::max);
    let slice = config.copy.slice.as_secs_f64();
    let seconds = bytes as f64 / BYTES_A_SECOND;
    // a copy that is over before its slice is holds no longer than it takes
    let longest = unit.max(slice.min(seconds));
    let rule = |s: &str, n: &str| plan.policy.tables.get(&(s.to_owned(), n.to_owned()));
    let names = |t: &SourceTable| table_name(&t.shape.schema, &t.shape.name);
    let is = |t: &SourceTable| rule(&t.shape.schema, &t.shape.name);
    let away = |t: &SourceTable| match is(t) {
        None => Some(Away { name: names(t), why: "not named" }),
        Some(TableRule::Exclude) => Some(Away { name: names(t), why: "exclude" }),
        _ => None,
    };
    let governed = |n: &(String, String)| plan.policy.tables.get(n).is_some_and(|r| *r != TableRule::Exclude);
    let as_held = |(n, rows): &((String, String), Option<u64>)| Held { name: table_name(&n.0, &n.1), rows: *rows };
    let forecast = Forecast {
        pipeline: config.pipeline.clone(),
        configuration: config.effective(),
        structure: there
            .iter()
            .filter(|(n, _)| plan.policy.tables.get(n) == Some(&TableRule::Structure) || plan.hollow.contains(n))
            .map(as_held)
            .collect(),
        not_replicated: found.iter().filter_map(away).collect(),
        protected: there.iter().filter(|(n, _)| protected.contains(n)).map(as_held).collect(),
        ungoverned: there
            .iter()
            .filter(|(n, rows)| *rows != Some(0) && !protected.contains(n) && !governed(n))
            .map(as_held)
            .collect(),
        ungoverned_columns,
        firing,
        hazards,
        publications,
        warnings: plan
            .warnings
            .into_iter()
            .chain(trials.warnings.iter().map(ToString::to_string))
            .chain(unsaved)
            .collect(),
        problems: problems.iter().map(ToString::to_string).collect(),
        proofs: plan.proofs.shown,
        tried: trials.tried,
        untried: trials.untried,
        bytes,
        seconds,
        wal_per_second,
        wal_held: (wal_per_second * longest) as u64,
        tables,
    };
    Ok((forecast, Problems(problems)))
}

fn table(table: &SourceTable, compiled: &Compiled, plan: &start::Plan, config: &Config) -> Table {
    let often = |column: &str| {
        let (schema, name) = table.name();
        plan.frequencies.get(&(schema, name, column.to_owned()))
    };
    let spec = start::spec(table, compiled, &plan.policy, &plan.memory, config);
    let rules = match plan.policy.rule(&table.shape.schema, &table.shape.name) {
        TableRule::Copy(rules) => Some(rules),
        _ => None,
    };
    let mask = |column: &str| match rules.map(|r| r.class(column)) {
        Some(class @ Class::Mask { spec, .. }) => Some(Masked {
            column: column.to_owned(),
            mask: class_text(class),
            distinct: often(column).map(|f| f.distinct(u64::try_from(table.rows).unwrap_or(0))),
            most_common: often(column).and_then(|f| f.most_common),
            keeps: spec.kind().keeps,
            gives_away: spec.kind().gives_away,
        }),
        _ => None,
    };
    let masks: Vec<Masked> = compiled.masked_columns().filter_map(mask).collect();
    let why = match () {
        () if spec.kinds.is_some() => None,
        () if table.key.is_empty() => Some("no key"),
        () if !table.identified => Some("no replica identity"),
        () if masks.iter().any(|m| table.key.contains(&m.column)) => Some("its key is masked"),
        () => Some("its key has a type whose order only the server knows"),
    };
    Table {
        name: table_name(&table.shape.schema, &table.shape.name),
        rows: u64::try_from(table.rows).ok(),
        bytes: table.bytes,
        kept: compiled.input().columns.len()
            - masks.len()
            - compiled.dropped_columns().chain(compiled.withheld_columns()).count(),
        dropped: compiled.dropped_columns().map(str::to_owned).collect(),
        withheld: compiled.withheld_columns().map(str::to_owned).collect(),
        masks,
        key: table.key.clone(),
        only: compiled.only().map(str::to_owned),
        own: config.own_rows(&table.shape.schema, &table.shape.name).map(Predicate::sql),
        decided_alike: None,
        sample: None,
        cut: if why.is_none() { "ranges" } else { "one unit" },
        held_seconds: why.map(|_| table.bytes as f64 / BYTES_A_SECOND),
        why,
    }
}

/// Columns of the target's tables that production does not have, unless the server has counted nothing but NULLs in them.
async fn only_there(target: &mut Connection, plan: &start::Plan) -> Result<Vec<String>, Error> {
    let sql = "SELECT n.nspname, c.relname, a.attname FROM pg_catalog.json_array_elements($1::pg_catalog.json) t
        JOIN pg_catalog.pg_namespace n ON n.nspname = t ->> 0 JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t ->> 1
        JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
        LEFT JOIN pg_catalog.pg_stats s ON (s.schemaname, s.tablename, s.attname) = (n.nspname, c.relname, a.attname) AND s.inherited = (c.relkind = 'p')
        WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND c.reltuples <> 0 AND coalesce(s.null_frac, 0) < 1
        ORDER BY 1, 2, a.attnum";
    let ours: HashMap<(String, String), &Compiled> = plan.tables.iter().map(|(t, c)| (t.name(), &**c)).collect();
    let names = serde_json::to_string(&ours.keys().collect::<Vec<_>>()).map_err(|e| Error::Bug(e.to_string()))?;
    let rows = target.query(sql, &[Some(&names)]).await.map_err(|e| Error::Target(e.into()))?;
    let mut columns = Vec::new();
    for row in rows.iter() {
        let text = |i: usize| row.get(i).unwrap_or_default().to_owned();
        let (name, column) = ((text(0), text(1)), text(2));
        if ours.get(&name).is_some_and(|c| c.input().columns.iter().all(|ours| *ours.name != *column)) {
            columns.push(format!("{}.{column}", table_name(&name.0, &name.1)));
        }
    }
    Ok(columns)
}

/// Where production's WAL ends, in bytes.
async fn wal(db: &mut Connection) -> Result<u64, Error> {
    let sql = "SELECT pg_catalog.pg_wal_lsn_diff(CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
        ELSE pg_catalog.pg_current_wal_lsn() END, '0/0')::bigint";
    let rows = db.simple(sql).await.doing("look at the WAL")?;
    Ok(rows.first().and_then(|r| r.get(0, 0)).and_then(|n| n.parse().ok()).unwrap_or(0))
}

/// Every table of the target with its rows; an empty file is no rows, whatever the estimate says. Of one that somebody holds as
/// a whole, what its server noted last: asking for its file would wait for him.
async fn held(db: &mut Connection) -> Result<Vec<((String, String), Option<u64>)>, Error> {
    let sql = "WITH RECURSIVE part(root, oid, relkind) AS (
          SELECT c.oid, c.oid, c.relkind FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
          UNION ALL SELECT p.root, t.oid, t.relkind FROM part p JOIN pg_catalog.pg_inherits i ON i.inhparent = p.oid AND p.relkind = 'p'
            JOIN pg_catalog.pg_class t ON t.oid = i.inhrelid)
        SELECT n.nspname, c.relname, CASE WHEN x.size = 0 THEN 0 WHEN x.rows < 0 THEN NULL ELSE x.rows END::bigint
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        CROSS JOIN LATERAL (SELECT pg_catalog.sum(t.reltuples) AS rows, pg_catalog.sum(CASE
            WHEN t.oid IN (SELECT k.relation FROM pg_catalog.pg_locks k WHERE k.mode = 'AccessExclusiveLock' AND k.relation IS NOT NULL)
            THEN nullif(t.relpages, 0) ELSE pg_catalog.pg_relation_size(t.oid) END) AS size
          FROM part p JOIN pg_catalog.pg_class t ON t.oid = p.oid WHERE p.root = c.oid AND t.relkind = 'r') x
        WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
          AND n.nspname NOT IN ('information_schema', 'sluice') AND n.nspname NOT LIKE 'pg\\_%' ORDER BY 1, 2";
    let rows = db.query(sql, &[]).await.map_err(|e| Error::Target(e.into()))?;
    let text = |r: &wire::Row<'_>, i: usize| r.get(i).unwrap_or_default().to_owned();
    Ok(rows.iter().map(|r| ((text(&r, 0), text(&r, 1)), r.get(2).and_then(|n| n.parse().ok()))).collect())
}
