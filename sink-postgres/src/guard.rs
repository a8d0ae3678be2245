//! The wall around protected tables and rows.
//!
//! A statement that writes can only be built from a [`Writable`], and only a [`Guard`] makes one. What cannot be built
//! cannot be run. The second wall is the target's own: the role that `init` proposes has no right on a protected table.
//!
//! Of a table with protected rows every statement that changes or deletes has [`Writable::spares`] in its WHERE, so the
//! server itself decides, on the row as it is at that moment; every one that writes new values asks the same of these
//! ([`Writable::claims`]). `shadow.rs` says what becomes of the rows that cannot come.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use filters::predicate::Predicate;
use wire::{Connection, quote_ident};

use crate::catalog::Table;
use crate::error::Error;

/// A table of the target that the policy lets us write. There is no other way to get one than [`Guard::writable`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writable {
    quoted: String,
    name: String,
    only: bool,
    own: Option<Arc<Predicate>>,
}

impl Writable {
    /// `"schema"."table"`, for a statement.
    pub fn quoted(&self) -> &str {
        &self.quoted
    }

    /// `schema.table`, for people.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Has it rows that are the target's own, by `protect.rows`?
    pub fn has_own(&self) -> bool {
        self.own.is_some()
    }

    /// The condition of the rows that are the target's own, over those of `table`: an alias with its dot, or nothing.
    pub fn owns(&self, table: &str) -> Option<String> {
        self.own.as_ref().map(|own| own.sql_of(&|column| format!("{table}{}", quote_ident(column))))
    }

    /// ` AND (…) IS NOT TRUE` where the table has rows of the target's own; else nothing. In the WHERE of every statement that
    /// changes or deletes. `table` as for [`Self::owns`].
    pub fn spares(&self, table: &str) -> String {
        self.owns(table).map_or_else(String::new, |own| format!(" AND {own} IS NOT TRUE"))
    }

    /// Do values that are to be written make a row that the target would take for its own? As a condition over them:
    /// `value` writes the value of a column, `None` if it brings none. `None`: no row can be.
    pub fn claims(&self, value: &dyn Fn(&str) -> Option<String>) -> Option<String> {
        let none = || "NULL".to_owned();
        self.own.as_ref().map(|own| own.sql_of(&|column| value(column).unwrap_or_else(none)))
    }

    /// `ONLY "schema"."table"` where children by inheritance must stay untouched, else as [`Self::quoted`].
    pub fn target(&self) -> String {
        if self.only { format!("ONLY {}", self.quoted) } else { self.quoted.clone() }
    }
}

/// What is the target's own.
#[derive(Clone, Debug, Default)]
pub struct Protected {
    /// Whole tables: (schema, name).
    pub tables: Vec<(String, String)>,
    /// Of other tables, the rows of which a predicate is true.
    pub rows: HashMap<(String, String), Arc<Predicate>>,
    /// What becomes of those that refer to a row which production deletes, by the table that they are in.
    pub on_referenced: HashMap<(String, String), OnReferenced>,
}

/// What becomes of the target's own rows that refer to a row which production deletes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OnReferenced {
    /// They stay as they are, and it stays too, for as long as they refer to it.
    #[default]
    Keep,
    /// Their reference becomes NULL.
    Null,
    /// They go to `sluice.removed`.
    Remove,
}

/// A table of the target's own of which rows give way to production's deletes: the one thing beside a [`Writable`] that a statement
/// which writes is built from, and only [`Guard::yielding`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Yielding {
    name: (String, String),
    how: OnReferenced,
}

impl Yielding {
    /// Schema and name.
    pub fn name(&self) -> &(String, String) {
        &self.name
    }

    /// NULL, or removed; never kept.
    pub fn how(&self) -> OnReferenced {
        self.how
    }
}

/// Knows what is protected, and whether the session fires nothing by itself.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    protected: HashSet<(String, String)>,
    rows: HashMap<(String, String), Arc<Predicate>>,
    on_referenced: HashMap<(String, String), OnReferenced>,
    replica_role: bool,
    role: Option<String>,
}

impl Guard {
    /// A guard for these protected tables (schema, name). `replica_role`: our sessions run under
    /// `session_replication_role = replica`, so that foreign keys, plain triggers and rules are quiet.
    pub fn new(protected: impl IntoIterator<Item = (String, String)>, replica_role: bool) -> Guard {
        Guard { protected: protected.into_iter().collect(), replica_role, ..Guard::default() }
    }

    /// In these tables the rows of which the predicate is true are the target's own.
    pub fn sparing(self, rows: HashMap<(String, String), Arc<Predicate>>) -> Guard {
        Guard { rows, ..self }
    }

    /// So do rows of the target's own give way to production's deletes; those of other tables do not.
    pub fn giving_way(self, on_referenced: HashMap<(String, String), OnReferenced>) -> Guard {
        Guard { on_referenced, ..self }
    }

    /// Which of a table's rows are the target's own, if that is said of it.
    pub fn own(&self, name: &(String, String)) -> Option<Arc<Predicate>> {
        self.rows.get(name).cloned()
    }

    /// Do rows of this table give way, and how? Only of a table that is protected, or has protected rows: what another pipeline
    /// writes, or nobody says anything of, is not ours to change.
    pub fn yielding(&self, name: &(String, String)) -> Option<Yielding> {
        let how = *self.on_referenced.get(name).filter(|how| **how != OnReferenced::Keep)?;
        (self.protected.contains(name) || self.rows.contains_key(name)).then(|| Yielding { name: name.clone(), how })
    }

    /// The role that writes, quoted, so that what a refusal says can be typed.
    pub fn for_role(self, role: String) -> Guard {
        Guard { role: Some(role), ..self }
    }

    /// Who writes, for a GRANT.
    pub fn role(&self) -> &str {
        self.role.as_deref().unwrap_or("the target role")
    }

    /// Is the table protected?
    pub fn protects(&self, schema: &str, name: &str) -> bool {
        schema == "sluice" || self.protected.contains(&(schema.to_owned(), name.to_owned()))
    }

    /// Is the table, or are rows of it, the target's own?
    fn has_own_of(&self, schema: &str, name: &str) -> bool {
        self.protects(schema, name) || self.rows.contains_key(&(schema.to_owned(), name.to_owned()))
    }

    /// Does nobody's own stand among the rows of a table? A write by the root reaches every partition of it, and one to a partition
    /// is seen in the root.
    pub fn apart(&self, table: &Table) -> Result<(), Error> {
        let Some((schema, other)) = table.shares.iter().find(|(schema, name)| self.has_own_of(schema, name)) else {
            return Ok(());
        };
        Err(Error::Refused {
            what: format!(
                "{}.{} cannot be written: on the target it shares rows with {schema}.{other}, its partition or its parent, where rows are staging's own",
                table.schema, table.name
            ),
            hint: "exclude it, detach the partition on the target, or name rows of the table that is written in protect.rows".into(),
        })
    }

    /// Lets a table be written, or says why not.
    pub fn writable(&self, table: &Table) -> Result<Writable, Error> {
        let name = format!("{}.{}", table.schema, table.name);
        let refuse = |what: String, hint: &str| Err(Error::Refused { what, hint: hint.into() });
        if self.protects(&table.schema, &table.name) {
            return refuse(format!("{name} is protected"), "take it out of `tables:` or out of `protect.tables:`");
        }
        self.apart(table)?;
        if !matches!(table.kind, 'r' | 'p') {
            return refuse(format!("{name} on the target is no table"), "only tables can be written; exclude it");
        }
        if table.unlogged {
            return refuse(
                format!("{name} is UNLOGGED on the target: a crash there empties it and keeps the checkpoint"),
                &format!("ALTER TABLE {} SET LOGGED;", table.quoted()),
            );
        }
        if table.fires && !self.replica_role {
            return refuse(
                format!("{name} has foreign keys, triggers or rules that our writes would fire"),
                &format!("GRANT SET ON PARAMETER session_replication_role TO {};", self.role()),
            );
        }
        if let Some(always) = table.always.first() {
            let what = &always.what;
            return refuse(
                format!("{name} on the target: {what} fires even under session_replication_role = replica"),
                &always.mend,
            );
        }
        let own = self.rows.get(&(table.schema.clone(), table.name.clone())).cloned();
        for column in own.iter().flat_map(|own| own.columns()) {
            match table.column(column).and_then(|i| table.columns.get(i)) {
                None => return refuse(format!("{name} on the target has no column {column}"), PROTECT_ROWS),
                Some(c) if c.generated => {
                    let what =
                        format!("{name}.{column} is generated, and cannot say whose a row is before it is written");
                    return refuse(what, PROTECT_ROWS);
                }
                Some(_) => {}
            }
        }
        Ok(Writable { quoted: table.quoted(), name, only: table.kind == 'r', own })
    }

    /// Protected tables that a foreign key cascade starting at one of `written` could reach if it fired, as
    /// `(written, protected)`. In replica role nothing cascades; this is what `check` warns of and `run` refuses without it.
    pub async fn cascades(
        &self,
        db: &mut Connection,
        written: &[(String, String)],
    ) -> Result<Vec<(String, String)>, Error> {
        let mut found = Vec::new();
        if self.protected.is_empty() {
            return Ok(found);
        }
        for row in db.query(CASCADES, &[]).await?.iter() {
            let text = |i: usize| row.get(i).unwrap_or_default().to_owned();
            let (from, to) = ((text(0), text(1)), (text(2), text(3)));
            if written.contains(&from) && self.protected.contains(&to) {
                found.push((format!("{}.{}", from.0, from.1), format!("{}.{}", to.0, to.1)));
            }
        }
        Ok(found)
    }
}

const PROTECT_ROWS: &str = "mend the predicate in protect.rows: it is over columns of the target's table";

// every pair (referenced, referring) that ON DELETE/UPDATE CASCADE, SET NULL or SET DEFAULT connects, through any number of steps
const CASCADES: &str = "
WITH RECURSIVE step AS (
  SELECT k.confrelid AS a, k.conrelid AS b FROM pg_catalog.pg_constraint k
  WHERE k.contype = 'f' AND (k.confdeltype IN ('c', 'n', 'd') OR k.confupdtype IN ('c', 'n', 'd'))
), walk AS (
  SELECT a, b FROM step UNION SELECT w.a, s.b FROM walk w JOIN step s ON s.a = w.b
)
SELECT DISTINCT na.nspname, ca.relname, nb.nspname, cb.relname FROM walk
JOIN pg_catalog.pg_class ca ON ca.oid = walk.a JOIN pg_catalog.pg_namespace na ON na.oid = ca.relnamespace
JOIN pg_catalog.pg_class cb ON cb.oid = walk.b JOIN pg_catalog.pg_namespace nb ON nb.oid = cb.relnamespace
ORDER BY 1, 2, 3, 4";

#[cfg(test)]
mod tests {
    use super::*;

    fn table(schema: &str, name: &str) -> Table {
        Table {
            oid: 1,
            schema: schema.into(),
            name: name.into(),
            kind: 'r',
            unlogged: false,
            referenced: false,
            fires: false,
            always: vec![],
            shares: vec![],
            row_security: false,
            may_truncate: true,
            may_write: true,
            columns: vec![],
            unique: vec![],
        }
    }

    #[test]
    fn rows_of_its_own_are_spared_by_name() {
        let own = Arc::new(Predicate::parse("key LIKE 'staging.%' OR \"We\"\"ird\" = 1").expect("a predicate"));
        let rows = HashMap::from([(("public".to_owned(), "a".to_owned()), own)]);
        let guard = Guard::new([], true).sparing(rows);
        let column = |name: &str, generated| crate::catalog::Column {
            name: name.into(),
            type_name: "text".into(),
            generated,
            identity_always: false,
            not_null: false,
            has_default: false,
        };
        let mut a = Table { columns: vec![column("key", false), column("We\"ird", false)], ..table("public", "a") };
        let writable = guard.writable(&a).expect("it may be written");
        assert_eq!(writable.spares("t."), " AND ((t.\"key\" LIKE 'staging.%') OR (t.\"We\"\"ird\" = 1)) IS NOT TRUE");
        let claims = writable.claims(&|c| (c == "key").then(|| "$1".to_owned()));
        assert_eq!(claims.as_deref(), Some("(($1 LIKE 'staging.%') OR (NULL = 1))"));
        assert_eq!(guard.writable(&table("public", "b")).expect("no rows there").spares("t."), "");
        a.columns[0].generated = true;
        assert!(guard.writable(&a).is_err(), "a generated column is not known before");
        a.columns.remove(0);
        assert!(guard.writable(&a).is_err(), "no such column");
    }

    #[test]
    fn a_protected_table_is_never_writable() {
        let guard = Guard::new([("public".to_owned(), "users".to_owned())], true);
        assert!(guard.writable(&table("public", "cruises")).is_ok());
        assert!(matches!(guard.writable(&table("public", "users")), Err(Error::Refused { .. })));
        // what sluice keeps for itself is no table of the user's
        assert!(matches!(guard.writable(&table("sluice", "checkpoint")), Err(Error::Refused { .. })));
    }

    #[test]
    fn what_shares_rows_with_what_is_protected_is_never_writable() {
        let own = Arc::new(Predicate::parse("id > 1").expect("a predicate"));
        let rows = HashMap::from([(("public".to_owned(), "b".to_owned()), own)]);
        let guard = Guard::new([("public".to_owned(), "a".to_owned())], true).sparing(rows);
        let with = |name: &str| Table { shares: vec![("public".into(), name.into())], ..table("public", "p") };
        assert!(matches!(guard.writable(&with("a")), Err(Error::Refused { .. })), "a protected partition");
        assert!(matches!(guard.writable(&with("b")), Err(Error::Refused { .. })), "one with protected rows");
        assert!(guard.writable(&with("c")).is_ok());
    }

    #[test]
    fn what_fires_needs_the_replica_role() {
        let fires = Table { fires: true, ..table("public", "a") };
        assert!(Guard::new([], false).writable(&fires).is_err());
        assert!(Guard::new([], true).writable(&fires).is_ok());
        let rule = crate::catalog::Always { what: "rule r".into(), mend: "ALTER TABLE public.a ENABLE RULE r;".into() };
        let always = Table { always: vec![rule], ..table("public", "a") };
        assert!(Guard::new([], true).writable(&always).is_err());
        let unlogged = Table { unlogged: true, ..table("public", "a") };
        assert!(Guard::new([], true).writable(&unlogged).is_err());
    }
}
