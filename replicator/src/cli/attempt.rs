//! `sluice masks try`: what a mask makes of a value, among other columns of its row if it looks at them.
//!
//! Under a throw-away key, unless `--real-key`: then the answer is what stands on the target, and with it anybody finds the raw value of a
//! masked one by asking often enough. So that is written into the target's audit first ([`audit`]), and no answer is given
//! where it cannot be.

use std::collections::BTreeMap;
use std::sync::Arc;

use filters::change::{Column, Identity, RowBuilder, Table, Value};
use filters::filter::{Compiled, Filter, FilterError};
use filters::key::MaskKey;
use filters::mask::{ColumnFacts, Made, MaskError, MaskSpec};
use filters::policy::{Class, Policy, TableRule, TableRules};
use serde_json::json;

use super::args::{Args, Try};
use super::print;
use crate::audit;
use crate::config::{Config, Domains, Problem, Problems, typed_class, typed_mask};
use crate::error::Error;
use crate::start;

/// The column that the value stands in, where it has others beside it.
const OWN: &str = "value";

/// Masks the value, and prints it.
pub async fn run(args: &Args, verb: &Try) -> Result<(), Error> {
    let config = if verb.real_key { Some(super::load(args)?.0) } else { None };
    let (spec, domain) = mask(verb, config.as_ref()).map_err(Error::Config)?;
    let key = match &config {
        Some(config) => {
            config.masking.key.clone().ok_or_else(|| problem("--real-key", "no masking.key is configured"))?
        }
        None => throw_away()?,
    };
    let (filter, compiled, own) = row(verb, &spec, domain.as_deref(), key)?;
    if let Some(config) = &config {
        tell(config, verb, &spec, domain.as_deref()).await?;
    }
    let mut b = RowBuilder::new();
    b.push(Value::Text(verb.value.as_bytes()));
    verb.with.iter().for_each(|(_, value)| b.push(Value::Text(value.as_bytes())));
    let raw = b.finish();
    let bug = |e: &dyn std::fmt::Display| Error::Bug(e.to_string());
    match compiled.row(&raw, &mut b).map_err(|e| bug(&e))?.get(own) {
        Value::Text(text) => print::data(format_args!("{}\n", String::from_utf8_lossy(text)))?,
        Value::Null | Value::Unchanged | Value::Binary(_) => print::data("NULL\n")?,
    }
    if filter.unparsable() > 0 {
        eprintln!("the mask could not read this value, so it hides all of it; in a run such values are counted");
    }
    match config {
        Some(_) => eprintln!("under the real key: that you asked stands in sluice.audit on the target"),
        None => eprintln!("under a throw-away key: the next run gives another value, your pipeline a third"),
    }
    Ok(())
}

/// The mask that was named, and its domain.
fn mask(verb: &Try, config: Option<&Config>) -> Result<(MaskSpec, Option<String>), Problems> {
    let none = Domains::new();
    let domains = config.map_or(&none, |config| &config.masking.domains);
    if let Some(domain) = &verb.domain
        && config.is_some()
        && !domains.contains_key(domain)
    {
        return Err(Problem::new("--domain", format!("there is no domain {domain} in masking.domains")).into());
    }
    if !verb.parameters.is_empty() {
        return Ok((typed_mask(&verb.mask, &verb.parameters)?, verb.domain.clone()));
    }
    match typed_class(&verb.mask, domains)? {
        Class::Mask { spec, domain } => Ok((spec, verb.domain.clone().or(domain))),
        Class::Keep | Class::Drop | Class::Withheld => {
            Err(Problem::new("", format!("{} is no mask", verb.mask)).hint("sluice masks list").into())
        }
    }
}

/// The mask on a column of the first type that it takes, with the others beside it; and where it comes out.
fn row(
    verb: &Try,
    spec: &MaskSpec,
    domain: Option<&str>,
    key: MaskKey,
) -> Result<(Filter, Arc<Compiled>, usize), Error> {
    const USERS: u32 = 16_384;
    let hstore = ColumnFacts { made: Made::Named(Arc::from("hstore")), ..ColumnFacts::new(USERS, -1) };
    let own = Class::Mask { spec: spec.clone(), domain: domain.map(str::to_owned) };
    let mut refused = None;
    for facts in [ColumnFacts::TEXT, ColumnFacts::new(NUMERIC, -1), hstore] {
        let mut columns = vec![(OWN, facts, own.clone())];
        columns.extend(verb.with.iter().map(|(name, value)| (name.as_str(), kind_of(value), Class::Keep)));
        let table = Table {
            oid: 0,
            schema: "".into(),
            name: "row".into(),
            identity: Identity::Full,
            columns: columns.iter().map(|(name, facts, _)| column(name, facts)).collect(),
        };
        let mut rules = TableRules::new(BTreeMap::new(), Class::Withheld);
        for (name, facts, class) in columns {
            rules.facts.insert(name.to_owned(), facts);
            if rules.columns.insert(name.to_owned(), class).is_some() {
                return Err(problem(
                    "--with",
                    &format!("the column {name} is said twice; the value's own is called {OWN}"),
                ));
            }
        }
        let policy = Policy { tables: [((String::new(), "row".to_owned()), TableRule::Copy(rules))].into() };
        let filter = Filter::new(policy, key.clone());
        match filter.compile(&Arc::new(table)) {
            Ok(Some(compiled)) => return Ok((filter, compiled, 0)),
            Ok(None) => return Err(Error::Bug("a row of a table that is copied".into())),
            Err(FilterError::Mask { source: e @ MaskError::Type { .. }, .. }) => _ = refused.get_or_insert(e),
            Err(FilterError::Mask { source: e @ MaskError::Sibling { .. }, .. }) => {
                let problem = Problem::new("", e.to_string()).hint("say it: --with COLUMN=VALUE");
                return Err(Error::Config(problem.into()));
            }
            Err(FilterError::Mask { source, .. }) => return Err(problem("", &source.to_string())),
            Err(e) => return Err(problem("", &e.to_string())),
        }
    }
    Err(problem("", &refused.map_or_else(String::new, |e| e.to_string())))
}

fn column(name: &str, facts: &ColumnFacts) -> Column {
    Column { name: name.into(), type_oid: facts.type_oid, type_modifier: facts.type_modifier, key: false }
}

const NUMERIC: u32 = 1700;
const BIGINT: u32 = 20;
const DATE: u32 = 1082;

/// The type of a column beside: a whole number's, a day's, else text. A condition on it is decided by that.
fn kind_of(value: &str) -> ColumnFacts {
    let day = value.len() == 10
        && value.bytes().enumerate().all(|(i, b)| if matches!(i, 4 | 7) { b == b'-' } else { b.is_ascii_digit() });
    match value {
        _ if value.parse::<i64>().is_ok_and(|n| n.to_string() == value) => ColumnFacts::new(BIGINT, -1),
        _ if day => ColumnFacts::new(DATE, -1),
        _ => ColumnFacts::TEXT,
    }
}

/// Writes into the target's audit that the real key was asked: by whom and with which mask, not about what.
async fn tell(config: &Config, verb: &Try, spec: &MaskSpec, domain: Option<&str>) -> Result<(), Error> {
    let (_, target) = start::conninfos(config)?;
    let mut db = start::ends::target(config, &target, "audit", &[]).await?;
    let what = json!({
        "mask": spec.name(),
        // their names: what they are set to may be a value
        "parameters": verb.parameters.iter().map(|(name, _)| name).collect::<Vec<_>>(),
        "domain": domain,
        "key": config.masking.key.as_ref().map(MaskKey::id),
        "environment": config.masking.environment,
    });
    audit::begin(config, &mut db, "masks try --real-key", &what).await?;
    db.close().await;
    Ok(())
}

fn throw_away() -> Result<MaskKey, Error> {
    let random: [u8; 32] = std::array::from_fn(|_| fastrand::u8(..));
    MaskKey::new(&random).map_err(|e| Error::Bug(e.to_string()))
}

fn problem(path: &str, what: &str) -> Error {
    Error::Config(Problem::new(path, what).into())
}
