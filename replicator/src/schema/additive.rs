//! `apply.ddl: additive`: what production has gained, made on staging while it is followed.
//!
//! Three kinds, and no others: a column that staging lacks, a column that takes more ([`super::widen`]), a label that an enum lacks.
//!
//! **Why it may be done before its place in the stream, and must not be done behind it.** Each of the three leaves every row of the older
//! shape as good as it was: a row without the column leaves it NULL, a narrow value fits a wide column, no row has a label that did
//! not exist. So what production's catalog has *now* may be made as soon as it is seen, however far behind the stream is; what was gained and lost
//! again in between is in no catalog, and its rows carry what the plan does not copy. It is in time: a Relation goes before the first row
//! of the new shape, and is held against a catalog that shows its transaction ([`crate::shapes`]). What has no Relation, a label, is seen by a
//! look at all labels every ten seconds; a row that is faster is refused by staging before anything of it stands there (22P02), and the pipeline is
//! opened again at the same position, by a look at the catalog first. Only if that finds nothing the row is to blame.
//!
//! **Why twice is once.** What is to be made is what the two catalogs differ in, read each time. A process that dies between a statement
//! and the batch behind it finds no difference at its next start.
//!
//! **Nothing comes with it.** A new column is made without its default and without a value. Its class is what the policy says,
//! and by default it is withheld until somebody has approved it; then it is filled in like any other.
//!
//! **Testers** wait half a second at most for a statement that waits for its lock, and it comes again later. A table that would have to be written anew under its lock and is
//! larger than [`REWRITTEN`] is left to a person, who chooses the hour.

use sink_postgres::freeze;
use wire::Connection;

use super::diff::{Additive as Kind, Difference, Level, diff};
use super::widen::Cost;
use super::{Name, Side, Wanted, read};
use crate::config::Config;
use crate::error::Error;
use crate::start::ends;

/// A statement waits so long for its lock: everybody who comes behind it waits with it.
const LOCK: &str = "500ms";
/// A table of more bytes is not written anew while somebody may want it.
pub const REWRITTEN: i64 = 1 << 30;

/// What an error says that it was about.
pub(crate) const DDL: &str = "a change of the table";

/// What has come of it.
#[derive(Debug, Default)]
pub struct Brought {
    /// Of which tables and types something was made.
    pub made: Vec<String>,
    /// A lock stood in the way of something: it is to be tried again.
    pub left: bool,
    /// The same of something that rows need.
    pub needed: Option<Error>,
}

/// A statement that changes staging.
struct Step<'d> {
    of: &'d str,
    makes: String,
    sql: &'d str,
    needed: bool,
    /// Is its table written anew?
    rewrites: bool,
}

/// Does what a pipeline that is open needs, by a session of its own.
#[derive(Clone, Debug)]
pub struct Additive {
    config: Config,
}

impl Additive {
    /// Only where the file says so.
    pub fn of(config: &Config) -> Option<Additive> {
        (config.apply.ddl == crate::config::Ddl::Additive).then(|| Additive { config: config.clone() })
    }

    /// What production is known to have, brought to staging. A lock in the way is no failure here: what needs it will fail, and what does
    /// not is tried again.
    pub async fn bring(&self, production: &Side, wanted: &[Wanted]) -> Result<Brought, Error> {
        let target = ends::target_alone(&self.config)?;
        let mut db = ends::target(&self.config, &target, "ddl", &[]).await?;
        let brought = bring(&self.config, production, wanted, &mut db).await;
        db.close().await;
        brought
    }
}

/// The names of what is wanted.
pub fn names(wanted: &[Wanted]) -> Vec<Name> {
    wanted.iter().map(|w| w.name.clone()).collect()
}

/// Makes on `target` what it lacks of `production`'s.
pub async fn bring(
    config: &Config,
    production: &Side,
    wanted: &[Wanted],
    target: &mut Connection,
) -> Result<Brought, Error> {
    let broken = |e: wire::Error| Error::Target(e.into());
    let staging = read::side(target, &names(wanted)).await.map_err(broken)?;
    let found = diff(production, &staging, wanted);
    let steps: Vec<Step<'_>> = found.iter().flat_map(|d| steps(d, wanted, config)).collect();
    let mut brought = Brought::default();
    if steps.is_empty() {
        return Ok(brought);
    }
    target.simple(&format!("SET lock_timeout = '{LOCK}'")).await.map_err(broken)?;
    for step in steps {
        // staging stands still: what this is for waits for the end of that, too
        if freeze::read(target, &config.pipeline).await?.is_some() {
            brought.left = true;
            break;
        }
        let Step { of, makes, sql, needed, rewrites } = step;
        match make(target, wanted, of, sql, rewrites).await {
            Ok(Some(bytes)) => tracing::warn!(
                of,
                makes,
                bytes,
                "is not made: the table would be written anew under a lock; sluice schema diff prints the SQL, for an hour of your own choice"
            ),
            Ok(None) => {
                tracing::info!(of, makes, "made on staging, as production has it");
                sink_postgres::failpoint::hit("ddl.made");
                brought.made.push(of.to_owned());
            }
            Err(e) if e.sqlstate().is_some_and(sink_postgres::error::is_contention) => {
                tracing::info!(of, makes, "waits for somebody's lock on staging");
                brought.left = true;
                if needed && brought.needed.is_none() {
                    brought.needed = Some(locked(of, e));
                }
            }
            Err(e) if e.is_transient() => return Err(broken(e)),
            Err(e) => {
                let why = e.server().map(ToString::to_string);
                tracing::warn!(of, makes, why, "staging does not make it; sluice schema diff prints the SQL");
            }
        }
    }
    target.simple("SET lock_timeout = 0").await.map_err(broken)?;
    Ok(brought)
}

/// Runs a statement; gives how large the table is, where it is too large for it.
async fn make(
    target: &mut Connection,
    wanted: &[Wanted],
    of: &str,
    sql: &str,
    rewrites: bool,
) -> Result<Option<i64>, wire::Error> {
    if rewrites {
        let bytes = bytes(target, wanted, of).await?;
        if bytes > REWRITTEN {
            return Ok(Some(bytes));
        }
    }
    target.simple_on_rows(sql).await.map(|_| None)
}

fn locked(of: &str, source: wire::Error) -> Error {
    let lsn = filters::change::Lsn::ZERO;
    Error::Target(sink_postgres::Error::Data { table: of.to_owned(), operation: DDL, lsn, full: None, source })
}

/// Those that a difference takes; none, where a person has to.
fn steps<'d>(d: &'d Difference, wanted: &[Wanted], config: &Config) -> Vec<Step<'d>> {
    let Some(kind) = d.additive else { return Vec::new() };
    if kind != Kind::Label
        && wanted.iter().any(|w| {
            crate::config::table_name(&w.name.0, &w.name.1) == d.table && config.is_protected(&w.name.0, &w.name.1)
        })
    {
        return Vec::new();
    }
    let (needed, mut rewrites) = (d.level == Level::Needed, false);
    let makes = match kind {
        Kind::Column { .. } => format!("column {}", d.object),
        Kind::Wider(cost) => {
            rewrites = cost == Cost::Rewrite;
            format!("a wider type of {}", d.object)
        }
        Kind::Label => "a label".to_owned(),
    };
    d.mends.iter().map(|sql| Step { of: &d.table, makes: makes.clone(), sql, needed, rewrites }).collect()
}

/// A table with its partitions, what is stored outside its rows, and its indexes. Asked only before it would be written anew, so that
/// nobody's lock is waited for but where the statement would wait as well; what a catalog says of sizes is 0 until somebody has looked.
async fn bytes(target: &mut Connection, wanted: &[Wanted], table: &str) -> Result<i64, wire::Error> {
    let is = |w: &&Wanted| crate::config::table_name(&w.name.0, &w.name.1) == table;
    let Some((schema, name)) = wanted.iter().find(is).map(|w| &w.name) else { return Ok(0) };
    let sql = "SELECT coalesce((SELECT pg_catalog.sum(pg_catalog.pg_total_relation_size(relid)) FROM pg_catalog.pg_partition_tree(c.oid)),
          pg_catalog.pg_total_relation_size(c.oid))::bigint
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE (n.nspname, c.relname) = ($1, $2)";
    let rows = target.query(sql, &[Some(schema), Some(name)]).await?;
    Ok(rows.get(0, 0).and_then(|bytes| bytes.parse().ok()).unwrap_or(0))
}
