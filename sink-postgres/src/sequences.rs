//! The target's sequences behind the columns that are written: kept ahead of production's, so that what staging's own
//! people insert finds a number of its own.
//!
//! **Never backwards.** No lock keeps `nextval` of others away, and whoever sets a sequence to what it has passed meanwhile
//! sets it back. So one is moved only when it is no longer ahead by the margin, and then by twice as much: to be set back,
//! staging would have to draw a whole margin of numbers within one statement; and the statement looks once more.
//!
//! **Nothing of staging's own.** Only a `Followed` is ever set, and only a guard makes one: no protected table has it, or
//! draws from it.
//!
//! A sequence is known by the column that it is of, not by its name: the two servers may call it otherwise.

mod aim;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use wire::{Connection, quote_ident};

pub use aim::{Aim, Drawn, Rule};

use crate::error::Error;
use crate::guard::Guard;
use crate::sink::PostgresSink;

/// Schema, table and name of a column.
pub type Column = (String, String, String);

/// A sequence that a column draws from: its own (`serial`, identity, OWNED BY), or one that its default names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// `pg_class.oid`.
    pub oid: u32,
    /// Unquoted.
    pub schema: String,
    /// Unquoted.
    pub name: String,
    /// Each number's distance from the one before; below zero it goes down.
    pub increment: i64,
    /// The first and the last number that it gives and its columns hold, whichever way it goes.
    pub bounds: (i64, i64),
    /// The columns: of a partition they are its root's.
    pub columns: Vec<Column>,
    /// May we see where it stands?
    pub may_read: bool,
    /// May we set it?
    pub may_set: bool,
    /// Somebody holds it, or a table of that moment: to ask it would be to wait for him.
    pub held: bool,
}

impl Sequence {
    /// `"schema"."name"`.
    pub fn quoted(&self) -> String {
        format!("{}.{}", quote_ident(&self.schema), quote_ident(&self.name))
    }
}

/// Where production stands with the column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// On both sides.
    pub column: Column,
    /// How far production's is.
    pub drawn: Drawn,
}

/// What became of a sequence of the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It stands there now.
    Set(i64),
    /// It is not as far ahead as was asked for: there is no room.
    Short,
    /// Production's has gone beyond what this one can give.
    Beyond,
    /// Production's goes the other way.
    Opposed,
    /// We may not see or set it: what gives the right.
    NoRight(String),
    /// Somebody holds it, or it is gone by now.
    Busy,
}

/// A sequence that may be set: no protected table has to do with it.
struct Followed(Sequence);

/// Those that columns of tables draw from, with what we may do, read from a catalog. No lock is taken.
pub async fn read(db: &mut Connection) -> Result<Vec<Sequence>, wire::Error> {
    let rows = db.query(SEQUENCES, &[]).await?;
    let sequence = |r: wire::Row<'_>| {
        Some(Sequence {
            oid: r.get(0)?.parse().ok()?,
            schema: r.get(1)?.to_owned(),
            name: r.get(2)?.to_owned(),
            increment: r.get(3)?.parse().ok()?,
            bounds: (r.get(4)?.parse().ok()?, r.get(5)?.parse().ok()?),
            columns: serde_json::from_str(r.get(6)?).ok()?,
            may_read: r.get(7) == Some("t"),
            may_set: r.get(8) == Some("t"),
            held: r.get(9) == Some("t"),
        })
    };
    Ok(rows.iter().filter_map(sequence).collect())
}

/// What a catalog said, good for a minute: to read it costs a server with thousands of tables a good part of a second.
#[derive(Debug, Default)]
pub struct Known(Option<(Instant, Vec<Sequence>)>);

impl Known {
    /// As it says, or has said a moment ago.
    ///
    /// # Errors
    /// Of the server.
    pub async fn read(&mut self, db: &mut Connection) -> Result<Vec<Sequence>, wire::Error> {
        if let Some((_, all)) = self.0.as_ref().filter(|(at, _)| at.elapsed() < MINUTE) {
            return Ok(all.clone());
        }
        let all = read(db).await?;
        self.0 = Some((Instant::now(), all.clone()));
        Ok(all)
    }

    /// It is no longer so.
    pub fn forget(&mut self) {
        self.0 = None;
    }
}

/// What a catalog said is good for so long.
const MINUTE: Duration = Duration::from_secs(60);
/// How many are asked at once: each takes a lock for a moment, and a server has room for few thousand.
const AT_ONCE: usize = 100;
/// Nobody waits for a lock on one for longer.
const PATIENCE: &str = "SET LOCAL lock_timeout = '200ms'; ";

/// The last number that each has given; of one that has given none yet, that before its first.
pub async fn drawn(db: &mut Connection, of: &[&Sequence]) -> Result<HashMap<u32, Drawn>, wire::Error> {
    let mut all = HashMap::with_capacity(of.len());
    for some in of.chunks(AT_ONCE) {
        let each: Vec<String> =
            some.iter().map(|s| format!("SELECT {}, last_value, is_called FROM {}", s.oid, s.quoted())).collect();
        let rows = db.simple(&format!("{PATIENCE}{}", each.join(" UNION ALL "))).await?;
        for row in rows.last().into_iter().flat_map(|rows| rows.iter()) {
            let number = |i: usize| row.get(i).and_then(|n| n.parse::<i64>().ok());
            let Some(sequence) = some.iter().find(|s| number(0) == Some(s.oid.into())) else { continue };
            let Some(last) = number(1) else { continue };
            let drawn = Drawn { last: last.into(), step: sequence.increment };
            all.insert(sequence.oid, if row.get(2) == Some("t") { drawn } else { drawn.before() });
        }
    }
    Ok(all)
}

/// The sequences of these columns, and those that no protected table has to do with.
fn followed(all: Vec<Sequence>, of: &HashSet<&Column>, guard: &Guard) -> Vec<Followed> {
    let protected =
        |s: &Sequence| s.schema == "sluice" || s.columns.iter().any(|(of, name, _)| guard.protects(of, name));
    let ours = |s: &Sequence| s.columns.iter().any(|c| of.contains(c));
    all.into_iter().filter(|s| ours(s) && !protected(s)).map(Followed).collect()
}

/// Those of the target that follow these columns, for whoever only looks.
pub async fn behind(db: &mut Connection, of: &[Column], guard: &Guard) -> Result<Vec<Sequence>, Error> {
    let of: HashSet<&Column> = of.iter().collect();
    Ok(followed(read(db).await?, &of, guard).into_iter().map(|f| f.0).collect())
}

/// What gives `role` the right to follow production with these.
pub fn grant(of: &[&Sequence], rights: &str, role: &str) -> String {
    let mut schemas: Vec<String> = of.iter().map(|s| quote_ident(&s.schema)).collect();
    schemas.sort();
    schemas.dedup();
    let mut names: Vec<String> = of.iter().map(|s| s.quoted()).collect();
    names.sort();
    format!(
        "GRANT USAGE ON SCHEMA {} TO {role};\nGRANT {rights} ON SEQUENCE {} TO {role};",
        schemas.join(", "),
        names.join(", ")
    )
}

/// Does another look tell more: is it held, gone, narrower than it was, or no longer ours?
pub fn is_passing(e: &wire::Error) -> bool {
    matches!(e.sqlstate(), Some("55P03" | "42P01" | "3F000" | "42501" | "22003"))
}

impl PostgresSink {
    /// Moves the sequences behind these columns so far ahead of production's as the rule says. Gives, by name, what is worth
    /// a word; those that stay are not among them. Not amid a transaction in pieces: what fails here would end it.
    pub async fn follow(
        &mut self,
        wanted: &[Wanted],
        rule: &Rule,
        known: &mut Known,
    ) -> Result<BTreeMap<String, Outcome>, Error> {
        let mut said = BTreeMap::new();
        if self.is_open() || wanted.is_empty() {
            return Ok(said);
        }
        let of: HashSet<&Column> = wanted.iter().map(|w| &w.column).collect();
        let mut ready = Vec::new();
        for Followed(sequence) in followed(known.read(&mut self.db).await?, &of, &self.guard) {
            if sequence.held {
                known.forget();
                said.insert(sequence.quoted(), Outcome::Busy);
            } else if sequence.may_read && sequence.may_set {
                ready.push(sequence);
            } else {
                let sql = grant(&[&sequence], "SELECT, UPDATE", self.guard.role());
                said.insert(sequence.quoted(), Outcome::NoRight(sql));
            }
        }
        let here = match drawn(&mut self.db, &ready.iter().collect::<Vec<_>>()).await {
            Ok(here) => here,
            Err(e) => {
                // held, dropped, no longer ours to see: the next look tells
                known.forget();
                return if is_passing(&e) { Ok(said) } else { Err(e.into()) };
            }
        };
        for sequence in &ready {
            let Some(here) = here.get(&sequence.oid) else { continue };
            let there = wanted.iter().filter(|w| sequence.columns.contains(&w.column)).map(|w| w.drawn);
            for there in there {
                let outcome = match aim::aim(here, &there, sequence.bounds, rule) {
                    Aim::Stays => continue,
                    Aim::To(number) => self.set(sequence, number).await?,
                    Aim::Short(number) => {
                        if let Some(number) = number {
                            self.set(sequence, number).await?;
                        }
                        Some(Outcome::Short)
                    }
                    Aim::Beyond => Some(Outcome::Beyond),
                    Aim::Opposed => Some(Outcome::Opposed),
                };
                if let Some(outcome) = outcome {
                    said.insert(sequence.quoted(), outcome);
                }
            }
        }
        Ok(said)
    }

    /// Sets one, unless it has come as far by itself meanwhile.
    async fn set(&mut self, sequence: &Sequence, to: i64) -> Result<Option<Outcome>, Error> {
        let less = if sequence.increment > 0 { "<" } else { ">" };
        let sql = format!(
            "{PATIENCE}SELECT pg_catalog.setval({}::pg_catalog.oid::pg_catalog.regclass, {to}, true) FROM {} WHERE last_value {less} {to}",
            sequence.oid,
            sequence.quoted()
        );
        match self.db.simple(&sql).await {
            Ok(rows) => Ok(rows.last().is_some_and(|r| !r.is_empty()).then_some(Outcome::Set(to))),
            // locked, dropped, no longer ours to set: the next look tells
            Err(e) if is_passing(&e) => Ok(Some(Outcome::Busy)),
            Err(e) => Err(e.into()),
        }
    }
}

// Of a serial or identity column, and of OWNED BY, the sequence hangs on the column (`a`, `i`); else the column's default hangs
// on the sequence. A number must fit into the sequence and into the type of each of its columns.
const SEQUENCES: &str = "
SELECT c.oid, n.nspname, c.relname, s.seqincrement,
  pg_catalog.max(CASE t.atttypid WHEN 21 THEN greatest(s.seqmin, -32768) WHEN 23 THEN greatest(s.seqmin, -2147483648) ELSE s.seqmin END),
  pg_catalog.min(CASE t.atttypid WHEN 21 THEN least(s.seqmax, 32767) WHEN 23 THEN least(s.seqmax, 2147483647) ELSE s.seqmax END),
  pg_catalog.jsonb_agg(DISTINCT pg_catalog.jsonb_build_array(rn.nspname, r.relname, t.attname)),
  pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_sequence_privilege(c.oid, 'SELECT'),
  pg_catalog.has_sequence_privilege(c.oid, 'UPDATE'),
  c.oid IN (SELECT k.relation FROM pg_catalog.pg_locks k WHERE k.relation IS NOT NULL
    AND k.mode IN ('AccessExclusiveLock', 'ExclusiveLock', 'ShareRowExclusiveLock'))
FROM (
  SELECT d.objid AS sequence, d.refobjid AS relation, d.refobjsubid AS number FROM pg_catalog.pg_depend d
    WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
      AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
  UNION
  SELECT d.refobjid, f.adrelid, f.adnum FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_attrdef f ON f.oid = d.objid
    WHERE d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
) u
JOIN pg_catalog.pg_sequence s ON s.seqrelid = u.sequence
JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid AND c.relpersistence <> 't'
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute t ON t.attrelid = u.relation AND t.attnum = u.number AND NOT t.attisdropped
JOIN pg_catalog.pg_class r ON r.oid = coalesce(pg_catalog.pg_partition_root(u.relation)::pg_catalog.oid, u.relation)
JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace
GROUP BY c.oid, n.oid, n.nspname, c.relname, s.seqincrement
ORDER BY n.nspname, c.relname";
