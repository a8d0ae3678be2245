//! What the configuration means for the tables that production has.

use std::collections::HashMap;
use std::sync::Arc;

use filters::change::Identity;
use filters::filter::{Compiled, Filter};
use filters::key::MaskKey;
use filters::policy::{Class, Policy, TableRule, TableRules};
use filters::predicate::Predicate;
use sink_postgres::catalog::Required;
use sink_postgres::guard::{Guard, OnReferenced};
use sink_postgres::known::{Fate, Known, KnownColumn, Memory};
use sink_postgres::spec::TableSpec;
use wire::Connection;

use crate::config::{self, Config, Lock, Problem, Problems};
use crate::error::{Doing, Error};
use crate::proofs::Proofs;
use crate::source::catalog::{self, SourceTable};
use crate::source::continuity::KeyOf;
use crate::source::frequency::Frequencies;

use super::prove::{Asked, Demands, prove};

/// What the configuration means for the tables that production has.
pub struct Plan {
    /// By name, those whose rows are copied.
    pub tables: Vec<(SourceTable, Arc<Compiled>)>,
    /// Those of which no column comes, and so no row: what the target has of them came under another policy, or is to be there no
    /// more.
    pub hollow: Vec<(String, String)>,
    /// Everything else that the file names, with its rule.
    pub policy: Policy,
    /// The masks, ready.
    pub filter: Filter,
    /// What is worth a word.
    pub warnings: Vec<String>,
    /// Short id of the masking key.
    pub mask_key: String,
    /// Where that key comes from.
    pub key_of: KeyOf,
    /// What was known of the tables before.
    pub memory: Memory,
    /// What the target's tables ask of it.
    pub proofs: Proofs,
    /// How often values turn up on production.
    pub frequencies: Frequencies,
}

impl Plan {
    /// The target's tables that are written: also those that are emptied, and stay so.
    pub fn written(&self) -> Vec<(String, String)> {
        self.tables.iter().map(|(t, _)| t.name()).chain(self.emptied().map(|(name, _)| name.clone())).collect()
    }

    /// Those that are emptied, and stay so, and why.
    pub fn emptied(&self) -> impl Iterator<Item = (&(String, String), &'static str)> {
        let structures = self.policy.tables.iter().filter(|(_, rule)| **rule == TableRule::Structure);
        let hollow = self.hollow.iter().map(|name| (name, "no column of it comes"));
        structures.map(|(name, _)| (name, "structure only")).chain(hollow)
    }

    /// Tables whose rows on the target are about to be replaced or taken away: `all`, as long as nothing was applied or everything is due;
    /// else those that are followed for the first time, and those that are to be empty.
    pub fn replaced(&self, all: bool) -> Vec<(String, String)> {
        let mut tables = self.written();
        tables.retain(|name| {
            all || !self.memory.contains_key(name) || self.emptied().any(|(emptied, _)| emptied == name)
        });
        tables
    }

    /// Only a plan of which everything is proved is one to follow.
    pub fn proved(mut self) -> Result<Plan, Error> {
        match self.proofs.problems.is_empty() {
            true => Ok(self),
            false => Err(Error::Config(Problems(std::mem::take(&mut self.proofs.problems)))),
        }
    }
}

/// Reads production's catalog and lays the configuration over it.
///
/// `memory`: what was known of the tables before; `demands`: what the target asks of rows.
pub async fn plan(
    config: &Config,
    lock: Option<&Lock>,
    memory: Memory,
    demands: &Demands,
    db: &mut Connection,
) -> Result<Plan, Error> {
    let found = catalog::tables(db).await.doing("read the catalog")?;
    let plain: Vec<config::SourceTable> = found.iter().map(described).collect();
    let mut resolved = config.resolve(&plain, lock).map_err(Error::Config)?;
    resolved.remember(&plain, &memory);
    require(&mut resolved.policy, &demands.required);
    let key = key(config)?;
    let here = Asked::read(db).await?;
    let mask_key = config.masking.key.as_ref().map_or_else(|| "none".to_owned(), MaskKey::id);
    let filter = Filter::new(resolved.policy.clone(), key);
    let mut warnings: Vec<String> = resolved.warnings.iter().map(ToString::to_string).collect();
    let (mut tables, mut hollow) = (Vec::new(), Vec::new());
    for table in found {
        if let Some(compiled) = filter.compile(&table.shape)? {
            if compiled.output.columns.is_empty() {
                warnings.push(format!("{}: none of its columns is copied, so neither are its rows", compiled.input()));
                let name = table.name();
                // where nobody has said a word of a column, and nothing of it ever came, it may be the target's own
                if memory.contains_key(&name) || dropped(&resolved.policy, &table) {
                    hollow.push(name);
                }
                continue;
            }
            tables.push((table, compiled));
        }
    }
    let proofs = prove(config, &resolved.policy, &tables, &here, demands);
    warnings.extend(proofs.warnings.iter().map(ToString::to_string));
    Ok(Plan {
        tables,
        hollow,
        policy: resolved.policy,
        filter,
        warnings,
        mask_key,
        key_of: key_of(config),
        memory,
        proofs,
        frequencies: here.frequencies,
    })
}

/// Does the policy say of every column that it is not to be there?
fn dropped(policy: &Policy, table: &SourceTable) -> bool {
    let (schema, name) = table.name();
    let TableRule::Copy(rules) = policy.rule(&schema, &name) else { return false };
    table.shape.columns.iter().all(|c| *rules.class(&c.name) == Class::Drop)
}

/// The masking key.
pub fn key(config: &Config) -> Result<MaskKey, Error> {
    match &config.masking.key {
        Some(key) => Ok(key.clone()),
        // no mask needs one: `config` has seen to that
        None => MaskKey::new(&[0; 32]).map_err(|e| Error::Bug(e.to_string())),
    }
}

/// Where the masking key comes from.
pub fn key_of(config: &Config) -> KeyOf {
    KeyOf { environment: config.masking.environment.clone(), bare: config.masking.bare.clone() }
}

/// Tells the policy which columns the target must have a value of.
pub fn require(policy: &mut Policy, required: &Required) {
    for (name, columns) in required {
        if let Some(TableRule::Copy(rules)) = policy.tables.get_mut(name) {
            rules.required = columns.iter().cloned().collect();
        }
    }
}

/// A table as the configuration wants to see it.
pub fn described(table: &SourceTable) -> config::SourceTable {
    let columns = table.shape.columns.iter().zip(&table.types).zip(&table.numbers).zip(&table.facts);
    let columns = columns.map(|(((c, ty), number), facts)| config::SourceColumn {
        number: *number,
        name: c.name.to_string(),
        type_name: ty.clone(),
        type_oid: c.type_oid,
        type_modifier: c.type_modifier,
        made: facts.made.clone(),
        collation: facts.collation,
        // with FULL the old row is whole
        key: c.key && table.shape.identity != Identity::Full,
    });
    config::SourceTable {
        oid: table.shape.oid,
        schema: table.shape.schema.to_string(),
        name: table.shape.name.to_string(),
        columns: columns.collect(),
        references: table.references.clone(),
    }
}

/// How the target is to know a table.
pub fn spec(table: &SourceTable, compiled: &Compiled, policy: &Policy, memory: &Memory, config: &Config) -> TableSpec {
    let (schema, name) = table.name();
    let masked = compiled.masked_columns().any(|m| table.key.iter().any(|k| k == m));
    let key = if table.identified { table.key.clone() } else { Vec::new() };
    TableSpec {
        kinds: if masked || !table.identified { None } else { table.kinds.clone() },
        pointable: !masked && !key.is_empty(),
        partial: compiled.is_partial(),
        known: known(table, &key, &chosen(table, compiled, config.own_rows(&schema, &name)), policy, memory),
        withheld: compiled.dropped_columns().chain(compiled.withheld_columns()).map(str::to_owned).collect(),
        schema,
        name,
        key,
    }
}

/// What decides besides the columns that come: the condition of its rows, that of the target's own, and by number the columns
/// that the former and the masks look at. Another column may have taken the name of one.
fn chosen(table: &SourceTable, compiled: &Compiled, own: Option<&Predicate>) -> String {
    let mut text = compiled.only().unwrap_or_default().to_owned();
    if let Some(own) = own {
        // what is not protected any more is as unknown as what is written for the first time
        text.push_str(&format!(" but {}", own.sql()));
    }
    for i in compiled.concerns().into_iter().filter(|i| !compiled.sources().contains(i)) {
        text.push_str(&format!(" #{}", table.numbers.get(i).copied().unwrap_or_default()));
    }
    text
}

/// What is to be remembered of it.
fn known(table: &SourceTable, key: &[String], only: &str, policy: &Policy, memory: &Memory) -> Known {
    let before = memory.values().find(|k| k.oid == table.shape.oid);
    let rule = policy.rule(&table.shape.schema, &table.shape.name);
    let mut columns = Vec::with_capacity(table.numbers.len());
    for ((column, ty), &number) in table.shape.columns.iter().zip(&table.types).zip(&table.numbers) {
        let class = match rule {
            TableRule::Copy(rules) => rules.class(&column.name),
            _ => &Class::Withheld,
        };
        let name = column.name.to_string();
        let shield = |b: &Known| b.live(number)?.shielded.clone();
        let (fate, print, shielded) = match class {
            Class::Keep => (Fate::Keep, print(&name, ty, class), None),
            Class::Mask { .. } => (Fate::Mask, print(&name, ty, class), Some(name.clone())),
            // its type is nothing to us
            Class::Drop => (Fate::Drop, print(&name, "", class), Some(name.clone())),
            Class::Withheld => (Fate::Withheld, String::new(), before.and_then(shield)),
        };
        columns.push(KnownColumn { number, name, fate, print, shielded });
    }
    let gone = before.iter().flat_map(|b| &b.columns).filter(|c| !table.numbers.contains(&c.number));
    columns.extend(gone.map(|c| KnownColumn { fate: Fate::Gone, print: String::new(), shielded: None, ..c.clone() }));
    Known { oid: table.shape.oid, key: key.to_vec(), only: only.to_owned(), columns }
}

/// A fingerprint of what comes of a column.
pub(crate) fn print(name: &str, ty: &str, class: &Class) -> String {
    let rules = TableRules::new([(name.to_owned(), class.clone())].into(), Class::Withheld);
    let one = Policy { tables: [((String::new(), String::new()), TableRule::Copy(rules))].into() };
    let hash = blake3::hash(format!("{}\0{ty}", one.fingerprint()).as_bytes());
    hash.to_hex().chars().take(16).collect()
}

/// Of the target's tables that are written, which rows are its own.
pub fn own_rows(config: &Config) -> HashMap<(String, String), Arc<Predicate>> {
    config.protect_rows.iter().map(|(name, own)| (name.clone(), Arc::new(own.clone()))).collect()
}

/// What becomes of the target's own rows that refer to a row which goes, by table; `protected` are those that are its own as a whole.
pub fn on_referenced(config: &Config, protected: &[(String, String)]) -> HashMap<(String, String), OnReferenced> {
    let own = protected.iter().chain(config.protect_rows.keys());
    own.map(|name| (name.clone(), config.on_referenced.of(&name.0, &name.1))).collect()
}

/// The target's protected tables, globs resolved by its own catalog.
pub async fn protected(config: &Config, db: &mut Connection) -> Result<Vec<(String, String)>, Error> {
    let rows = db
        .query(
            "SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relkind IN ('r', 'p', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')",
            &[],
        )
        .await
        .map_err(sink_postgres::Error::from)?;
    let names = rows.iter().map(|r| (r.get(0).unwrap_or_default().to_owned(), r.get(1).unwrap_or_default().to_owned()));
    Ok(names.filter(|(s, n)| config.is_protected(s, n)).collect())
}

/// Of these tables (schema, name), which are written, those that share rows with one that is protected, or has protected rows: a
/// root and its partitions.
pub async fn shared(
    config: &Config,
    written: &[(String, String)],
    target: &mut Connection,
) -> Result<Vec<Problem>, Error> {
    let guard = Guard::new(protected(config, target).await?, true).sparing(own_rows(config));
    let mut problems = Vec::new();
    for ((schema, name), table) in sink_postgres::catalog::tables(target, written).await? {
        if let Err(sink_postgres::Error::Refused { what, hint }) = guard.apart(&table) {
            problems.push(Problem::new(config.path(&schema, &name), what).hint(hint));
        }
    }
    problems.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(problems)
}
