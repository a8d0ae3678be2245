//! Opening a pipeline: connect, compare, make what is missing, take over, start the stream.
//!
//! Nothing goes on silently from "now". What the checkpoint belongs to (server, timeline, database, slot, publications,
//! masking key, target) is compared with what is there, after the slot is ours and cannot move under us; what differs is
//! refused, with what it means and what mends it. An intent is written on the target before the slot is made, so that a
//! kill in between is no mystery.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use filters::change::Lsn;
use filters::filter::{Compiled, Filter};
use filters::key::MaskKey;
use filters::mask::Injective;
use filters::policy::{Class, Policy, TableRule};
use sink_postgres::checkpoint::{self, Checkpoint, Identity};
use sink_postgres::registry::TableSpec;
use sink_postgres::sink::{OnDivergence, Options};
use sink_postgres::{PostgresSink, schema, session};
use wire::{Connection, Conninfo};

use crate::board::Board;
use crate::config::{self, Config, Lock};
use crate::copy::align;
use crate::copy::applied::Applied;
use crate::error::{Doing, Error};
use crate::pipeline::{Parts, Pipeline};
use crate::source::catalog::{self, SourceTable};
use crate::source::slot;
use crate::source::snapshot::Snapshot;
use crate::source::{Stream, continuity, publication};

/// Names and options of a pipeline that is open.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Names slot, publications and checkpoint.
    pub pipeline: String,
    /// Production.
    pub source: Conninfo,
    /// Staging.
    pub target: Conninfo,
    /// The slot.
    pub slot: String,
    /// The publications that there are.
    pub publications: Vec<String>,
    /// How long a slice may take chunks.
    pub slice: Duration,
    /// Readers at the same time.
    pub readers: usize,
    /// Rows of a chunk, about.
    pub chunk_rows: u64,
    /// Bytes of changes held in memory.
    pub memory: u64,
    /// WAL held beyond which we warn.
    pub wal_warn: i64,
    /// Tables that joined a running publication, and the transaction id that must have ended before a snapshot counts.
    pub waits: HashMap<(String, String), u64>,
}

impl Setup {
    /// What a batch may hold: two of them, their encoded forms and the stream's chunks share the memory.
    pub fn batch_bytes(&self) -> usize {
        usize::try_from(self.memory / 8).unwrap_or(usize::MAX)
    }

    /// Rows of a chunk of this table: fewer where rows are wide.
    pub fn chunk_rows(&self, table: &SourceTable) -> u64 {
        let width = match u64::try_from(table.rows) {
            Ok(rows) if rows > 0 => table.bytes / rows,
            _ => 100,
        };
        self.chunk_rows.min((32 << 20) / width.max(1)).max(100)
    }
}

/// The two connection strings.
pub fn conninfos(config: &Config) -> Result<(Conninfo, Conninfo), Error> {
    let parse =
        |path, url: &config::Secret| Conninfo::parse(url.expose()).map_err(|source| Error::Conninfo { path, source });
    Ok((parse("source.url", &config.source.url)?, parse("target.url", &config.target.url)?))
}

/// An ordinary, read-only session on production (invariant 6).
pub async fn reader(setup: &Setup, role: &str, more: &[(&str, &str)]) -> Result<Connection, Error> {
    production(&setup.source, &setup.pipeline, role, more).await
}

/// The same, before there is a setup.
pub async fn production(
    info: &Conninfo,
    pipeline: &str,
    role: &str,
    more: &[(&str, &str)],
) -> Result<Connection, Error> {
    let settings: Vec<_> = [("default_transaction_read_only", "on")].into_iter().chain(more.iter().copied()).collect();
    session::open(info, pipeline, role, false, &settings).await.doing("connect")
}

/// The columns of tables that were copied before, by schema and name.
pub type Known = HashMap<(String, String), Vec<String>>;

/// What the configuration means for the tables that production has.
pub struct Plan {
    /// By name, those whose rows are copied.
    pub tables: Vec<(SourceTable, Arc<Compiled>)>,
    /// Everything else that the file names, with its rule.
    pub policy: Policy,
    /// The masks, ready.
    pub filter: Filter,
    /// What is worth a word.
    pub warnings: Vec<String>,
    /// Short id of the masking key.
    pub mask_key: String,
}

/// Reads production's catalog and lays the configuration over it.
///
/// `known`: the columns of tables that were copied before; without a lock, a column that came later is withheld.
pub async fn plan(config: &Config, lock: Option<&Lock>, known: &Known, db: &mut Connection) -> Result<Plan, Error> {
    let found = catalog::tables(db).await.doing("read the catalog")?;
    let plain: Vec<config::SourceTable> = found.iter().map(described).collect();
    let mut resolved = config.resolve(&plain, lock).map_err(Error::Config)?;
    resolved.withhold_unknown(known);
    let key = match &config.masking.key {
        Some(key) => key.clone(),
        // no mask needs one: `config` has seen to that
        None => MaskKey::new(&[0; 32]).map_err(|e| Error::Bug(e.to_string()))?,
    };
    let mask_key = config.masking.key.as_ref().map_or_else(|| "none".to_owned(), MaskKey::id);
    let filter = Filter::new(resolved.policy.clone(), key);
    let mut warnings: Vec<String> = resolved.warnings.iter().map(ToString::to_string).collect();
    let mut tables = Vec::new();
    for table in found {
        if let Some(compiled) = filter.compile(&table.shape)? {
            if compiled.output.columns.is_empty() {
                warnings.push(format!("{}: none of its columns is copied, so neither are its rows", compiled.input()));
                continue;
            }
            proven(&table, &compiled)?;
            tables.push((table, compiled));
        }
    }
    Ok(Plan { tables, policy: resolved.policy, filter, warnings, mask_key })
}

/// A table as the configuration wants to see it.
pub fn described(table: &SourceTable) -> config::SourceTable {
    let columns = table.shape.columns.iter().zip(&table.types).map(|(c, ty)| config::SourceColumn {
        name: c.name.to_string(),
        type_name: ty.clone(),
        type_oid: c.type_oid,
        type_modifier: c.type_modifier,
    });
    config::SourceTable {
        schema: table.shape.schema.to_string(),
        name: table.shape.name.to_string(),
        columns: columns.collect(),
    }
}

/// Rows are found on the target by their key: it must be whole there, and different rows must keep different keys.
pub(crate) fn proven(table: &SourceTable, compiled: &Compiled) -> Result<(), Error> {
    let refuse = |what: String, hint: &str| Err(Error::Refused { what, hint: hint.into() });
    if table.key.is_empty() {
        return Ok(());
    }
    if compiled.key_incomplete() && table.key.iter().any(|k| !compiled.output.columns.iter().any(|c| *c.name == **k)) {
        return refuse(
            format!(
                "{}: a column of its key ({}) is dropped or withheld, so rows could not be told apart",
                compiled.input(),
                table.key.join(", ")
            ),
            "keep the key, or mask it with hash, uuid or email, or with digits where it is an integer",
        );
    }
    for (i, column) in compiled.output.columns.iter().enumerate() {
        let is_key = table.key.iter().any(|k| **k == *column.name);
        if is_key && compiled.injective(i).is_some_and(|i| matches!(i, Injective::No)) {
            return refuse(
                format!("{}.{}: its mask can give two keys the same value", compiled.input(), column.name),
                "mask a key with hash, uuid or email, or with digits where it is an integer",
            );
        }
    }
    Ok(())
}

/// How the target is to know a table.
pub fn spec(table: &SourceTable, compiled: &Compiled, policy: &Policy) -> TableSpec {
    let (schema, name) = table.name();
    let masked = compiled.masked_columns().any(|m| table.key.iter().any(|k| k == m));
    // a column that is withheld is as if it were not there: when one comes, nothing has to be copied again
    let one = policy.tables.get(&(schema.clone(), name.clone())).cloned().map(|mut rule| {
        if let TableRule::Copy(rules) = &mut rule {
            rules.columns.retain(|_, class| *class != Class::Withheld);
        }
        Policy { tables: [((schema.clone(), name.clone()), rule)].into() }
    });
    TableSpec {
        schema,
        name,
        key: if table.identified { table.key.clone() } else { Vec::new() },
        kinds: if masked || !table.identified { None } else { table.kinds.clone() },
        pointable: !masked && table.identified && !table.key.is_empty(),
        columns: {
            let withheld: Vec<&str> = compiled.withheld_columns().collect();
            let all = compiled.input().columns.iter().map(|c| c.name.to_string());
            all.filter(|c| !withheld.contains(&c.as_str())).collect()
        },
        policy: format!("{}{}", one.map(|p| p.fingerprint()).unwrap_or_default(), types(table, compiled)),
        withheld: compiled.dropped_columns().chain(compiled.withheld_columns()).map(str::to_owned).collect(),
    }
}

/// A fingerprint of the types that are copied: a column that was given another one was rewritten unseen.
fn types(table: &SourceTable, compiled: &Compiled) -> String {
    let mut hash = blake3::Hasher::new();
    for &i in compiled.sources() {
        if let (Some(column), Some(ty)) = (table.shape.columns.get(i), table.types.get(i)) {
            hash.update(format!("{}\0{ty}\0", column.name).as_bytes());
        }
    }
    hash.finalize().to_hex().chars().take(16).collect()
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

/// Opens everything. The position is the one that production had: `--until-caught-up` ends when the target shows it.
pub async fn open(config: &Config, lock: Option<&Lock>, board: &Board) -> Result<(Pipeline, Lsn), Error> {
    let (source, target) = conninfos(config)?;
    let pipeline = config.pipeline.clone();
    let mut watch = production(&source, &pipeline, "watch", &[]).await?;
    let mut staging =
        session::open(&target, &pipeline, "start", false, &[]).await.map_err(sink_postgres::Error::from)?;
    not_standby(&mut watch).await?;
    different(&mut watch, &mut staging).await?;
    schema::ensure(&mut staging).await?;
    let known = schema::known_columns(&mut staging, &pipeline).await?;
    let plan = plan(config, lock, &known, &mut watch).await?;
    for warning in &plan.warnings {
        tracing::warn!("{warning}");
    }
    if plan.tables.is_empty() {
        return Err(Error::Refused {
            what: "no table is replicated".into(),
            hint: "name tables in `tables:`; a table that nothing names never leaves production".into(),
        });
    }
    let protected = protected(config, &mut staging).await?;
    let known = checkpoint::read(&mut staging, &pipeline).await?;
    let adopted = known.as_ref().and_then(|k| adopted(config, k));
    let publications = adopted.clone().map_or_else(|| wanted(config, &plan), |name| vec![name]);
    let mut replication = replication(config, &source).await?;
    let system = slot::identify(&mut replication).await.doing("identify the server")?;
    let slot_name = config.slot();
    let mut identity = Identity {
        system_id: system.id.clone(),
        timeline: system.timeline,
        source_database: system.database.clone(),
        slot: slot_name.clone(),
        publications: publication::fingerprint(&mut watch, &publications).await.doing("read the publications")?,
        mask_key: plan.mask_key.clone(),
        policy: plan.policy.fingerprint(),
    };
    let there = slot::look(&mut watch, &slot_name).await.doing("look at the slot")?;
    let target_id = checkpoint::target_id(&mut staging).await?;
    continuity::before(known.as_ref(), there.as_ref(), &identity, &target_id, &mut replication).await?;
    // it is the right server: only now is anything made there
    match &adopted {
        Some(name) => publication::publishes(&mut watch, name, plan.tables.iter().map(|(t, _)| t)).await?,
        None => publish(config, &source, &plan, &mut watch).await?,
    }
    identity.publications = publication::fingerprint(&mut watch, &publications).await.doing("read the publications")?;
    checkpoint::intend(&mut staging, &pipeline, &identity).await?;
    sink_postgres::failpoint::hit("start.intended");
    let options = Options {
        pipeline: pipeline.clone(),
        on_divergence: match config.apply.on_divergence {
            config::OnDivergence::Heal => OnDivergence::Heal,
            config::OnDivergence::Stop => OnDivergence::Stop,
        },
        lock_timeout: Duration::from_secs(5),
    };
    let (mut sink, taken) = PostgresSink::connect(&target, options, protected).await?;
    let specs: Vec<TableSpec> = plan.tables.iter().map(|(t, c)| spec(t, c, &plan.policy)).collect();
    let fresh = sink.register(specs).await?;
    sink_postgres::failpoint::hit("start.registered");
    for (_, compiled) in &plan.tables {
        sink.mapping(&compiled.output).await?;
    }
    let from = match taken.lsn {
        Some(lsn) => lsn,
        None => {
            // an intent: whatever slot there is was made for it, and nothing was applied
            if there.is_some() {
                let mut writer = session::open(&source, &pipeline, "slot", false, &[]).await.doing("connect")?;
                slot::drop(&mut writer, &slot_name).await.doing("drop the unfinished slot")?;
            }
            let lsn = slot::create(&mut replication, &slot_name).await.doing("create the slot")?;
            sink_postgres::failpoint::hit("start.slot_made");
            for (table, _) in &plan.tables {
                sink.make_pending(&table.name()).await?;
            }
            tracing::info!(slot = slot_name, at = %lsn, "slot created");
            lsn
        }
    };
    let stream = Stream::start(replication, &slot_name, &publications, from, Default::default()).await?;
    if taken.lsn.is_some() {
        // the slot is ours now: nobody else can move it
        let there = slot::look(&mut watch, &slot_name).await.doing("look at the slot")?;
        continuity::after(from, there.as_ref())?;
        let changed = continuity::rejoined(&taken.identity.publications, &identity.publications);
        let joined: Vec<(String, String)> =
            plan.tables.iter().map(|(t, _)| t.name()).filter(|n| fresh.contains(n) || changed.contains(n)).collect();
        if !joined.is_empty() {
            let xid = next_xid(&mut watch).await?;
            for name in &joined {
                sink.make_pending(name).await?;
            }
            sink.set_wait(&joined, xid).await?;
        }
    }
    sink.place(from, &identity).await?;
    sink_postgres::failpoint::hit("start.placed");
    let now = snapshot(&mut watch).await?;
    let applied = Applied::resume(taken.xid_seen, taken.xid_max, &now);
    let goal = align::nudge(&mut watch).await?;
    staging.close().await;
    let setup = Setup {
        waits: sink.waits().await?,
        pipeline,
        source,
        target,
        slot: slot_name,
        publications,
        slice: config.copy.slice,
        readers: config.copy.readers,
        chunk_rows: config.copy.chunk_rows,
        memory: config.limits.memory,
        wal_warn: i64::try_from(config.limits.wal_warn).unwrap_or(i64::MAX),
    };
    let parts = Parts {
        setup: Arc::new(setup),
        stream,
        watch,
        filter: plan.filter,
        sink,
        applied,
        tables: plan.tables.into_iter().map(|(t, c)| (t.name(), c)).collect(),
        publications: identity.publications,
        board: board.clone(),
    };
    Ok((Pipeline::new(parts), goal))
}

/// The replication session, with its own memory for decoding.
pub async fn replication(config: &Config, source: &Conninfo) -> Result<Connection, Error> {
    let memory = format!("{}kB", config.limits.logical_decoding_work_mem / 1024);
    let more = [("logical_decoding_work_mem", memory.as_str()), ("wal_sender_timeout", "5min")];
    session::open(source, &config.pipeline, "stream", true, &more).await.doing("connect for replication")
}

async fn snapshot(db: &mut Connection) -> Result<Snapshot, Error> {
    let rows = db.simple("SELECT pg_catalog.pg_current_snapshot()::text").await.doing("read the snapshot")?;
    let text = rows.first().and_then(|r| r.get(0, 0)).unwrap_or_default();
    text.parse().map_err(|_| Error::Bug("pg_current_snapshot() is not xmin:xmax:list".into()))
}

/// An id that is above every transaction open now: rows written before a table joined the publication belong to one below.
async fn next_xid(db: &mut Connection) -> Result<u64, Error> {
    let rows = db.simple("SELECT pg_catalog.pg_current_xact_id()::text").await.doing("take a transaction id")?;
    let text = rows.first().and_then(|r| r.get(0, 0)).unwrap_or_default();
    text.parse().map_err(|_| Error::Bug("pg_current_xact_id() is no number".into()))
}

async fn not_standby(db: &mut Connection) -> Result<(), Error> {
    let rows = db.simple("SELECT pg_catalog.pg_is_in_recovery()").await.doing("look at the server")?;
    if rows.first().and_then(|r| r.get(0, 0)) == Some("t") {
        return Err(Error::Refused {
            what: "source.url is a standby".into(),
            hint: "name the primary; reading from a standby is not built yet".into(),
        });
    }
    Ok(())
}

/// A physical clone has production's system identifier, so names prove nothing: a lock taken on one side and seen on the
/// other does.
pub async fn different(source: &mut Connection, target: &mut Connection) -> Result<(), Error> {
    let key = i64::from(fastrand::i32(1..)) << 20 | i64::from(fastrand::u16(..));
    let staging = |e: wire::Error| Error::Target(e.into());
    target.query("SELECT pg_catalog.pg_advisory_lock($1::bigint)", &[Some(&key.to_string())]).await.map_err(staging)?;
    let (high, low) = ((key >> 32).to_string(), (key & 0xffff_ffff).to_string());
    let seen = source
        .query(
            "SELECT 1 FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND classid = $1::oid AND objid = $2::oid AND objsubid = 1
             AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())",
            &[Some(&high), Some(&low)],
        )
        .await
        .doing("compare the two databases")?;
    target
        .query("SELECT pg_catalog.pg_advisory_unlock($1::bigint)", &[Some(&key.to_string())])
        .await
        .map_err(staging)?;
    if !seen.is_empty() {
        return Err(Error::Refused {
            what: "source.url and target.url are the same database: production would be written".into(),
            hint: "point target.url at staging".into(),
        });
    }
    Ok(())
}

/// The publication of a pipeline that was adopted (`sluice adopt`): it is another's, and stays as it is. Without a position
/// nothing was adopted, and the pipeline has publications of its own.
fn adopted(config: &Config, known: &Checkpoint) -> Option<String> {
    known.lsn?;
    let name = continuity::publication_names(&known.identity.publications).next()?;
    (name != config.slot() && name != config.publication_inserts()).then_some(name)
}

/// Makes what is missing of the publications where we own the tables; what differs otherwise is refused, with the SQL.
async fn publish(config: &Config, source: &Conninfo, plan: &Plan, db: &mut Connection) -> Result<(), Error> {
    let wanted = publication::wanted(&config.pipeline, plan.tables.iter().map(|(t, _)| t));
    let mut mends = Vec::new();
    for p in &wanted {
        mends.extend(p.compare(db).await.doing("read the publications")?);
    }
    let refuse = |mends: &[publication::Mend]| Error::Refused {
        what: mends.iter().map(|m| m.what.as_str()).collect::<Vec<_>>().join("; "),
        hint: format!(
            "run on production, as the owner of the tables:\n{}",
            mends.iter().map(|m| m.sql.as_str()).collect::<Vec<_>>().join("\n")
        ),
    };
    if mends.iter().any(|m| !m.ours) {
        return Err(refuse(&mends));
    }
    if !mends.is_empty() {
        let mut writer = session::open(source, &config.pipeline, "publish", false, &[("lock_timeout", "5s")])
            .await
            .doing("connect")?;
        for mend in &mends {
            match writer.simple(&mend.sql).await {
                Ok(_) => tracing::info!(sql = mend.sql, "publication"),
                Err(e) if e.sqlstate() == Some("42501") => return Err(refuse(&mends)),
                Err(e) => return Err(e).doing("make the publication"),
            }
        }
        writer.close().await;
    }
    Ok(())
}

/// The names of the publications that this plan needs.
fn wanted(config: &Config, plan: &Plan) -> Vec<String> {
    publication::wanted(&config.pipeline, plan.tables.iter().map(|(t, _)| t)).into_iter().map(|p| p.name).collect()
}
