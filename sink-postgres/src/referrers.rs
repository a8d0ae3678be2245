//! Rows of the target's own that refer to rows of production: who they are, and what becomes of them when production deletes what
//! they refer to (`protect.on_referenced`).
//!
//! The server would not say a word: for what we write it holds nobody to a foreign key. So of each table that rows of the target's
//! own can refer to, its deletes are looked at by us. **The row is locked first (`FOR UPDATE`), and looked at in a statement of its
//! own**, which sees what was committed until then: whoever inserts a reference holds the row `FOR KEY SHARE`, so he has committed by
//! then, or waits until we have, and is told by the server that the row is gone.
//!
//! **A reference can be of many steps.** Production deletes an order with its items, and a note of staging's own refers to an item:
//! the item stays, so the order that it refers to stays too, whichever of the two production deletes first. A row is *needed* if one
//! of the target's own refers to it, or a row that is needed. Such a way has five steps at most, and goes through each table once: of a
//! tree in one table what is needed is the row itself and the one above it.
//!
//! A row that has to stay is kept whole: no other reference to it gives way, whatever becomes of it.

use std::fmt::Write as _;
use std::sync::Arc;

use filters::predicate::Predicate;
use wire::quote_ident;

use crate::error::Error;
use crate::foreign_key::ForeignKey;
use crate::guard::{Guard, OnReferenced, Yielding};

/// Who refers to the rows of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referrers {
    /// The condition of its rows, over those of `t`, that have to stay.
    needed: Option<String>,
    /// What gives way, in the order in which it does.
    gives_way: Vec<Way>,
}

/// Rows that give way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// Their table.
    pub of: Yielding,
    /// What becomes of them is by the first; they refer by it to rows that refer by the next, and so on to the row that goes.
    links: Vec<Link>,
}

/// One step of a way.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Link {
    key: ForeignKey,
    /// Which rows of its table are the target's own; `None`: all of them.
    own: Option<Arc<Predicate>>,
}

impl Link {
    fn own(&self, row: &str) -> String {
        self.own.as_ref().map_or_else(String::new, |own| format!(" AND {}", owned(own, row)))
    }
}

impl Way {
    /// The foreign key by which they refer.
    pub fn key(&self) -> Option<&ForeignKey> {
        self.links.first().map(|link| &link.key)
    }

    /// The condition of its rows `c` that refer to a row of `table`, called `t`, of which `which` is true.
    pub fn condition(&self, table: &str, which: &str) -> String {
        let (mut row, mut sql, mut ends) = ("c".to_owned(), String::new(), String::new());
        for (n, link) in self.links.iter().enumerate() {
            let (from, next) = match self.links.get(n + 1) {
                Some(next) => (next.key.here(), format!("d{n}")),
                None => (table.to_owned(), "t".to_owned()),
            };
            let own = link.own(&row);
            _ = write!(sql, "EXISTS (SELECT FROM {from} AS {next} WHERE {} AND ", link.key.refers(&row, &next));
            ends.insert_str(0, &format!("){own}"));
            row = next;
        }
        format!("{sql}{which}{ends}")
    }

    /// `true` of a row `t` to which one of them refers itself.
    fn direct(&self) -> Option<String> {
        let [link] = self.links.as_slice() else { return None };
        let (from, refers, own) = (link.key.here(), link.key.refers("c", "t"), link.own("c"));
        Some(format!("EXISTS (SELECT FROM {from} AS c WHERE {refers}{own})"))
    }
}

fn owned(own: &Predicate, row: &str) -> String {
    own.sql_of(&|column| format!("{row}.{}", quote_ident(column)))
}

impl Referrers {
    /// `true` of a row `t` that has to stay; `None`: none ever has to.
    pub fn needed(&self) -> Option<&str> {
        self.needed.as_deref()
    }

    /// The rows that give way, and how; those that refer to others of them go first.
    pub fn gives_way(&self) -> &[Way] {
        &self.gives_way
    }

    /// `true` of a row `t` to which any row of the target's own refers.
    pub fn any(&self) -> String {
        let direct = self.gives_way.iter().filter_map(|way| way.direct());
        self.needed.iter().cloned().chain(direct).collect::<Vec<_>>().join(" OR ")
    }
}

/// Of the rows of `table` those that others of the target's own can refer to. `None`: nobody does.
///
/// `written`: does this pipeline write a table?
///
/// # Errors
/// [`Error::Refused`] where our role may not look at them, or not do with them what is asked for.
pub fn of(
    table: &(String, String),
    keys: &[ForeignKey],
    written: &dyn Fn(&(String, String)) -> bool,
    guard: &Guard,
) -> Result<Option<Referrers>, Error> {
    let look = Look { keys, written, guard };
    let mut steps = STEPS;
    let needed = loop {
        let needed = look.needed(table, "t", &mut vec![table.clone()], steps)?;
        // a web of foreign keys has more ways than anybody wants to be asked for
        match needed.as_ref().map_or(0, |sql| sql.matches("EXISTS").count()) {
            ways if ways > WAYS && steps > 1 => steps -= 1,
            _ => break needed,
        }
    };
    let mut gives_way = Vec::new();
    look.gives_way(table, &mut vec![], &mut vec![], &mut gives_way)?;
    Ok((needed.is_some() || !gives_way.is_empty()).then_some(Referrers { needed, gives_way }))
}

/// So many steps a reference has at most.
const STEPS: usize = 5;

/// So many tables are looked into for one at most, unless more of them refer to it themselves.
const WAYS: usize = 100;

struct Look<'l> {
    keys: &'l [ForeignKey],
    written: &'l dyn Fn(&(String, String)) -> bool,
    guard: &'l Guard,
}

impl Look<'_> {
    /// The condition of rows `row` of a table that have to stay. `path`: the tables gone through.
    fn needed(
        &self,
        table: &(String, String),
        row: &str,
        path: &mut Vec<(String, String)>,
        steps: usize,
    ) -> Result<Option<String>, Error> {
        let mut ways = Vec::new();
        for key in self.keys.iter().filter(|key| key.refers_root == *table) {
            let next = format!("c{}", path.len());
            let yields = self.guard.yielding(&key.root).is_some();
            let stays = match (self.written)(&key.root) {
                // all of its rows are the target's own
                false => (!yields).then(|| "true".to_owned()),
                true => {
                    let own = self.guard.own(&key.root).filter(|_| !yields).map(|own| owned(&own, &next));
                    let again = path.iter().filter(|table| **table == key.root).count();
                    // of a tree in one table one row above
                    let goes_on = steps > 1 && (again == 0 || again == 1 && key.root == *table);
                    let further = match goes_on {
                        false => None,
                        true => {
                            path.push(key.root.clone());
                            let further = self.needed(&key.root, &next, path, steps - 1)?;
                            path.pop();
                            further
                        }
                    };
                    let both: Vec<String> = own.into_iter().chain(further).collect();
                    (!both.is_empty()).then(|| format!("({})", both.join(" OR ")))
                }
            };
            let Some(stays) = stays else { continue };
            self.may(key, key.rights.look, "read", "SELECT")?;
            let refers = key.refers(&next, row);
            ways.push(format!("EXISTS (SELECT FROM {} AS {next} WHERE {refers} AND {stays})", key.here()));
        }
        Ok((!ways.is_empty()).then(|| format!("({})", ways.join(" OR "))))
    }

    /// What gives way where rows of `table` go. `links`: how these are referred to from there on; `path`: the tables gone through.
    fn gives_way(
        &self,
        table: &(String, String),
        links: &mut Vec<Link>,
        path: &mut Vec<(String, String)>,
        ways: &mut Vec<Way>,
    ) -> Result<(), Error> {
        for key in self.keys.iter().filter(|key| key.refers_root == *table) {
            let own = (self.written)(&key.root).then(|| self.guard.own(&key.root)).flatten();
            let Some(of) = self.guard.yielding(&key.root) else {
                // what refers to a row that goes would end nowhere; to one of production's it may be needed, and is
                if links.is_empty() || (self.written)(&key.root) {
                    continue;
                }
                return Err(Error::Refused {
                    what: format!(
                        "protect.on_referenced is remove for {}, and rows of {} refer to those ({})",
                        name(table),
                        name(&key.root),
                        key.constraint
                    ),
                    hint: format!("remove or null for {} too; or keep, or null, for {}", name(&key.root), name(table)),
                });
            };
            links.insert(0, Link { key: key.clone(), own });
            match of.how() {
                OnReferenced::Remove if !path.contains(&key.root) => {
                    self.may(key, key.rights.remove, "delete from", "SELECT, UPDATE, DELETE")?;
                    path.push(key.root.clone());
                    self.gives_way(&key.root, links, path, ways)?;
                    path.pop();
                    ways.push(Way { of, links: links.clone() });
                }
                OnReferenced::Null => {
                    self.nulled(key)?;
                    ways.push(Way { of, links: links.clone() });
                }
                _ => {}
            }
            links.remove(0);
        }
        Ok(())
    }

    fn nulled(&self, key: &ForeignKey) -> Result<(), Error> {
        let (nullable, all) = (key.nullable().len(), key.columns().count());
        if nullable == 0 || key.is_full() && nullable < all {
            return Err(Error::Refused {
                what: format!(
                    "protect.on_referenced is null for {}, and {} refers by columns that are NOT NULL",
                    name(&key.root),
                    key.constraint
                ),
                hint: "keep, or remove; or let a column of that key (with MATCH FULL: all of them) be NULL".into(),
            });
        }
        self.may(key, key.rights.look, "read", "SELECT")?;
        self.may(key, key.rights.set, "set NULL in", "UPDATE")
    }

    fn may(&self, key: &ForeignKey, may: bool, what: &str, right: &str) -> Result<(), Error> {
        let (schema, role) = (quote_ident(&key.table.0), self.guard.role());
        if key.rights.veiled {
            return Err(Error::Refused {
                what: format!(
                    "row security on {} applies to the target role, which must see which of its rows refer to rows of production",
                    name(&key.table)
                ),
                hint: format!("ALTER ROLE {role} BYPASSRLS;"),
            });
        }
        if may {
            return Ok(());
        }
        let columns = key.columns().collect::<Vec<_>>().join(", ");
        let right = match right {
            "SELECT" | "UPDATE" => format!("{right} ({columns})"),
            all => all.to_owned(),
        };
        Err(Error::Refused {
            what: format!(
                "the target role may not {what} {}, whose rows refer to {} ({}): what production deletes there would leave them dangling",
                name(&key.table),
                name(&key.refers_to),
                key.constraint
            ),
            hint: format!(
                "GRANT USAGE ON SCHEMA {schema} TO {role}; GRANT {right} ON {schema}.{} TO {role};",
                quote_ident(&key.table.1)
            ),
        })
    }
}

fn name(table: &(String, String)) -> String {
    format!("{}.{}", table.0, table.1)
}
