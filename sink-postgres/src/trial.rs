//! Trying masked rows out on the real target, before one is written to it.
//!
//! A mask can be right for its column and still write what the table refuses: a CHECK, a domain, a generated column that
//! divides by it, a partition that is not there, an index over an expression. Whether it does only the server knows; so the
//! server is asked, with rows that production really has, through their masks.
//!
//! **Nothing stays.** Each table is one transaction that is rolled back. In it a temporary table is made LIKE the target's, so
//! that domains stay domains and constraints are the server's own copies; from then on the transaction is READ ONLY, which
//! lets it write temporary tables and nothing else, whatever function a constraint calls: not even a sequence moves. No
//! default is copied along; of a column that does not come and has one, nothing is known, and what looks at it is left out.
//!
//! **All problems at once.** If the rows as a whole pass, that is all. If not, `each.rs` tries column by column and rule by rule:
//! the server itself stops at the first.
//!
//! **No value is told.** Of the server's answer only the SQLSTATE is kept; which column and which constraint it was is known by what was tried.

mod each;
mod rules;

use std::sync::Arc;

use filters::change::Table as Shape;
use wire::{Connection, Conninfo, ServerError, quote_ident};

use self::rules::{Domain, Rule, Rules};
use crate::catalog::{self, Table};
use crate::error::{Error, is_contention, is_verdict};
use crate::session;

/// A session that tries.
pub struct Trial {
    db: Connection,
    /// The table that was tried last: it is tried again with other masks.
    last: Option<Arc<(Table, Rules)>>,
}

/// What refuses a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// NOT NULL, of the column or of its domain.
    NotNull,
    /// The type of the column: it cannot read the value, or has no room for it.
    Type,
    /// A constraint of the column's domain.
    Domain,
    /// A CHECK of the table.
    Check,
    /// A generated column, whose expression fails or does not fit.
    Generated,
    /// There is no partition for it.
    Partition,
    /// An index, whose expression fails.
    Index,
    /// Something else.
    Other,
}

/// One thing that refuses masked rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What refuses them.
    pub by: By,
    /// Its name, where it has one: constraint, generated column, index.
    pub name: Option<String>,
    /// The columns that it looks at.
    pub columns: Vec<String>,
    /// So many of the rows, where that was counted.
    pub rows: Option<u64>,
    /// What the server says then.
    pub sqlstate: String,
}

impl Refusal {
    /// `23514 check_violation`.
    pub fn code(&self) -> String {
        ServerError { sqlstate: self.sqlstate.clone(), ..ServerError::default() }.to_string()
    }
}

/// What came of a trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tried {
    /// The rows were tried. Nothing refused them, if this is empty.
    Rows(Vec<Refusal>),
    /// They were not, and why.
    Not(&'static str),
}

/// A column of the target that a row brings.
struct Column {
    name: String,
    /// Its place in the lines.
    field: usize,
    cast: String,
    not_null: bool,
}

/// A table, and how rows come to it.
struct Place<'t> {
    table: &'t Table,
    fields: usize,
    columns: Vec<Column>,
    /// Columns that do not come, and are not NULL then: nobody knows what stands there.
    unknown: Vec<String>,
    /// What looks at none of these.
    rules: Asked<'t>,
}

/// The rules that are to be tried.
struct Asked<'t> {
    checks: Vec<&'t Rule>,
    generated: Vec<&'t Rule>,
    indexes: Vec<&'t Rule>,
    partition: Option<&'t Rule>,
    domains: Vec<&'t Domain>,
}

/// What a table of the target asks of its rows, for comparing: equal texts ask the same. Empty, if it is not there.
pub async fn asks(db: &mut Connection, schema: &str, name: &str) -> Result<String, Error> {
    let Some(table) = catalog::table(db, schema, name).await? else { return Ok(String::new()) };
    let rules = rules::read(db, table.oid).await?;
    // of all enums: which of them a column has, through domains and arrays, is not worth a walk
    let labels = db.query(LABELS, &[]).await?;
    Ok(format!("{table:?} {rules:?} {}", labels.get(0, 0).unwrap_or_default()))
}

const LABELS: &str = "SELECT pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat_ws(':', e.enumtypid, e.enumlabel), '/' ORDER BY e.oid)) FROM pg_catalog.pg_enum e";

impl Trial {
    /// Opens the session, and makes sure of the right that it needs.
    pub async fn connect(info: &Conninfo, pipeline: &str) -> Result<Trial, Error> {
        let more = [("lock_timeout", "2s"), ("statement_timeout", "30s")];
        let mut db = session::open(info, pipeline, "trial", false, &more).await?;
        let may = "SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMPORARY')";
        if db.query(may, &[]).await?.get(0, 0) != Some("t") {
            let (database, role) = (quote_ident(info.database()), quote_ident(info.user()));
            return Err(Error::Refused {
                what: format!(
                    "{role} may not make temporary tables on the target; masked rows are tried out in them, and copying needs them"
                ),
                hint: format!("GRANT TEMPORARY ON DATABASE {database} TO {role};"),
            });
        }
        Ok(Trial { db, last: None })
    }

    /// Ends the session.
    pub async fn close(self) {
        self.db.close().await;
    }

    /// Tries rows of the columns of `shape`, as lines of COPY's text format. `about`: only what has to do with this column.
    pub async fn table(&mut self, shape: &Shape, lines: &[u8], about: Option<&str>) -> Result<Tried, Error> {
        let Some(known) = self.known(shape).await? else { return Ok(Tried::Not("it is not on the target")) };
        let Some(mut place) = Place::new(shape, &known.0, &known.1) else {
            return Ok(Tried::Not("a column of it is not on the target"));
        };
        let done = match about {
            None => self.tried(&place, lines).await,
            Some(column) => {
                place.narrow(column);
                self.each(&place, lines).await
            }
        };
        if !self.db.is_broken() {
            self.db.simple("ROLLBACK").await?;
        }
        match done {
            Ok(refusals) => Ok(Tried::Rows(refusals)),
            Err(Error::Wire(e)) if e.sqlstate().is_some_and(|s| is_contention(s) || s == "25006") => {
                Ok(Tried::Not(match e.sqlstate() {
                    Some("25006") => "a constraint of it wants to write, and here nothing may",
                    _ => "the target's table was held by somebody, or a constraint took too long",
                }))
            }
            Err(e) => Err(e),
        }
    }

    /// The target's table of that name.
    async fn known(&mut self, shape: &Shape) -> Result<Option<Arc<(Table, Rules)>>, Error> {
        let same = |known: &&Arc<(Table, Rules)>| *known.0.schema == *shape.schema && *known.0.name == *shape.name;
        if let Some(known) = self.last.as_ref().filter(same) {
            return Ok(Some(Arc::clone(known)));
        }
        let Some(table) = catalog::table(&mut self.db, &shape.schema, &shape.name).await? else { return Ok(None) };
        let rules = rules::read(&mut self.db, table.oid).await?;
        self.last = Some(Arc::new((table, rules)));
        Ok(self.last.clone())
    }

    async fn tried(&mut self, place: &Place<'_>, lines: &[u8]) -> Result<Vec<Refusal>, Error> {
        let Some(said) = self.whole(place, lines).await? else { return Ok(Vec::new()) };
        self.db.simple("ROLLBACK").await?;
        let mut refusals = self.each(place, lines).await?;
        if refusals.is_empty() {
            // the server knows best
            refusals.push(Refusal {
                by: By::Other,
                name: said.constraint,
                columns: said.column.into_iter().collect(),
                rows: None,
                sqlstate: said.sqlstate,
            });
        }
        Ok(refusals)
    }

    /// All rows and all rules at once; what the server says if one is refused.
    async fn whole(&mut self, place: &Place<'_>, lines: &[u8]) -> Result<Option<ServerError>, Error> {
        let like = place.table.quoted();
        self.db
            .simple(&format!(
                "BEGIN; CREATE TEMPORARY TABLE sluice_trial (LIKE {like} INCLUDING CONSTRAINTS INCLUDING GENERATED) ON COMMIT DROP"
            ))
            .await?;
        self.forget(place).await?;
        if let Err(e) = self.stage(place, lines).await {
            return verdict(e).map(Some);
        }
        let (into, from) = place.lists(|_| true);
        let insert = format!("INSERT INTO pg_temp.sluice_trial ({into}) SELECT {from} FROM pg_temp.sluice_stage");
        if let Err(e) = self.db.simple_on_rows(&insert).await {
            return verdict(e).map(Some);
        }
        let mut asked: Vec<String> =
            place.rules.indexes.iter().map(|r| format!("pg_catalog.count(({})) * 0", r.sql)).collect();
        asked.extend(
            place.rules.partition.iter().map(|r| format!("pg_catalog.count(*) FILTER (WHERE ({}) IS NOT TRUE)", r.sql)),
        );
        if asked.is_empty() {
            return Ok(None);
        }
        let name = quote_ident(&place.table.name);
        let sql = format!("SELECT {} FROM pg_temp.sluice_trial AS {name}", asked.join(" + "));
        match self.db.simple_on_rows(&sql).await {
            Ok(rows) if rows.first().and_then(|r| r.get(0, 0)) == Some("0") => Ok(None),
            Ok(_) => Ok(Some(ServerError { sqlstate: "23514".into(), ..ServerError::default() })),
            Err(e) => verdict(e).map(Some),
        }
    }

    /// Takes out of the temporary table what nobody knows the value of, and all that looks at it.
    async fn forget(&mut self, place: &Place<'_>) -> Result<(), Error> {
        let gone: Vec<String> =
            place.unknown.iter().map(|c| format!("DROP COLUMN {} CASCADE", quote_ident(c))).collect();
        if !gone.is_empty() {
            self.db.simple(&format!("ALTER TABLE pg_temp.sluice_trial {}", gone.join(", "))).await?;
        }
        Ok(())
    }

    /// The rows as text. From here on the transaction writes nothing but temporary tables.
    async fn stage(&mut self, place: &Place<'_>, lines: &[u8]) -> Result<(), wire::Error> {
        let fields: Vec<String> = (0..place.fields).map(|i| format!("f{i} pg_catalog.text")).collect();
        self.db
            .simple(&format!(
                "CREATE TEMPORARY TABLE sluice_stage ({}) ON COMMIT DROP; SET TRANSACTION READ ONLY",
                fields.join(", ")
            ))
            .await?;
        self.db.copy_in("COPY pg_temp.sluice_stage FROM STDIN").await?;
        self.db.copy_send(lines).await?;
        self.db.copy_end().await.map(drop)
    }
}

impl<'t> Place<'t> {
    /// `None`: a column that comes is not there.
    fn new(shape: &Shape, table: &'t Table, rules: &'t Rules) -> Option<Place<'t>> {
        let domain = |name: &str| rules.domains.iter().find(|d| d.column == name);
        let mut columns = Vec::new();
        for (field, comes) in shape.columns.iter().enumerate() {
            let there = table.columns.get(table.column(&comes.name)?)?;
            if !there.generated {
                let not_null = there.not_null || domain(&there.name).is_some_and(|d| d.not_null);
                columns.push(Column { name: there.name.clone(), field, cast: there.type_name.clone(), not_null });
            }
        }
        let comes = |name: &str| shape.columns.iter().any(|c| *c.name == *name);
        let away = table.columns.iter().filter(|c| !c.generated && !comes(&c.name));
        let unknown = away.filter(|c| c.has_default || c.not_null || domain(&c.name).is_some());
        let unknown: Vec<String> = unknown.map(|c| c.name.clone()).collect();
        let open = |rule: &&Rule| !rule.columns.iter().any(|c| unknown.contains(c));
        let generated: Vec<&Rule> = rules.generated.iter().filter(open).collect();
        // a generated column that is out of reach takes with it what looks at it
        let lost: Vec<&String> = rules.generated.iter().filter(|g| !open(g)).map(|g| &g.name).collect();
        let open = |rule: &&Rule| open(rule) && !rule.columns.iter().any(|c| lost.contains(&c));
        let asked = Asked {
            checks: rules.checks.iter().filter(open).collect(),
            indexes: rules.indexes.iter().filter(open).collect(),
            partition: rules.partition.as_ref().filter(open),
            domains: rules.domains.iter().collect(),
            generated,
        };
        Some(Place { table, fields: shape.columns.len(), columns, unknown, rules: asked })
    }

    /// Leaves only what has to do with one column: the column, the rules that look at it, and what else these look at.
    fn narrow(&mut self, column: &str) {
        let made = self.rules.generated.iter().filter(|g| g.columns.iter().any(|c| c == column)).map(|g| &g.name);
        let touched: Vec<String> = made.cloned().chain([column.to_owned()]).collect();
        let concerns = |rule: &&Rule| rule.columns.iter().any(|c| touched.contains(c));
        let asked = &mut self.rules;
        asked.checks.retain(concerns);
        asked.indexes.retain(concerns);
        asked.partition = asked.partition.filter(concerns);
        let looked: Vec<&String> =
            asked.checks.iter().chain(&asked.indexes).chain(&asked.partition).flat_map(|r| &r.columns).collect();
        asked.generated.retain(|g| touched.contains(&g.name) || looked.contains(&&g.name));
        let beneath: Vec<&String> = asked.generated.iter().flat_map(|r| &r.columns).collect();
        self.columns.retain(|c| c.name == column || looked.contains(&&c.name) || beneath.contains(&&c.name));
    }

    /// The columns that a rule looks at; in place of a generated one those that it is made of.
    fn sources(&self, rule: &Rule) -> Vec<String> {
        let mut columns = Vec::new();
        for name in &rule.columns {
            match self.rules.generated.iter().find(|g| g.name == *name) {
                Some(made) => columns.extend(made.columns.iter().cloned()),
                None => columns.push(name.clone()),
            }
        }
        columns.sort();
        columns.dedup();
        columns
    }

    /// The names of columns, and what is selected for them from the stage.
    fn lists(&self, which: impl Fn(&Column) -> bool) -> (String, String) {
        let columns: Vec<&Column> = self.columns.iter().filter(|c| which(c)).collect();
        let names: Vec<String> = columns.iter().map(|c| quote_ident(&c.name)).collect();
        let values: Vec<String> = columns.iter().map(|c| c.value()).collect();
        (names.join(", "), values.join(", "))
    }
}

impl Column {
    /// The text as the type without its length: the assignment to the column minds that.
    fn value(&self) -> String {
        format!("f{}::{}", self.field, self.cast)
    }
}

/// The server's word on the rows; anything else ends the trial.
fn verdict(e: wire::Error) -> Result<ServerError, Error> {
    match e {
        wire::Error::Server(said) if is_verdict(&said.sqlstate) => Ok(*said),
        e => Err(e.into()),
    }
}
