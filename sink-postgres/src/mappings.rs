//! What the sink has read of the target's catalog: a mapping for each shape of a table that has come by, read the first
//! time and kept for as long as the sink. (A change of the target's tables fails a statement, and a sink that failed is
//! made anew.)

use std::sync::Arc;

use filters::change::{Change, Op, Table as Shape};
use hashbrown::{HashMap, HashSet};

use crate::catalog;
use crate::error::Error;
use crate::foreign_key::{self, ForeignKey};
use crate::mapping::Mapping;
use crate::own;
use crate::pending::Pending;
use crate::plan::Item;
use crate::referrers::{self, Referrers};
use crate::route::{Route, route};
use crate::sink::PostgresSink;

impl PostgresSink {
    /// Makes the mappings for rows of these shapes, from one look at the target's catalog: a pipeline may have thousands of tables.
    pub async fn mappings(&mut self, shapes: &[&Arc<Shape>]) -> Result<(), Error> {
        let names: Vec<_> = shapes.iter().map(|s| (s.schema.to_string(), s.name.to_string())).collect();
        let found = catalog::tables(&mut self.db, &names).await?;
        for (shape, name) in shapes.iter().zip(&names) {
            if self.known(shape).is_none() {
                self.map_onto(shape, found.get(name)).await?;
            }
        }
        Ok(())
    }

    /// Index of the mapping for rows of this shape; reads the target's catalog the first time.
    pub(crate) async fn map(&mut self, shape: &Arc<Shape>) -> Result<usize, Error> {
        // the mapping holds its Arc, so the address cannot be another's
        if let Some(i) = self.known(shape) {
            return Ok(i);
        }
        let found = catalog::table(&mut self.db, &shape.schema, &shape.name).await?;
        self.map_onto(shape, found.as_ref()).await
    }

    async fn map_onto(&mut self, shape: &Arc<Shape>, found: Option<&catalog::Table>) -> Result<usize, Error> {
        let table = found.ok_or_else(|| Error::Refused {
            what: format!("{shape} does not exist on the target"),
            hint: "sluice schema apply makes it there; or exclude it".into(),
        })?;
        let mut mapping = Mapping::new(&self.guard, shape, table)?;
        let name = (shape.schema.to_string(), shape.name.to_string());
        mapping.partial = self.specs.get(&name).is_some_and(|spec| spec.partial);
        if let Some(own) = mapping.writable.owns("t.") {
            own::understood(&mut self.db, &mapping.writable, &own).await?;
            mapping.given = own::given(&mut self.db, table.oid).await?;
            let columns: Vec<&str> = mapping.columns.iter().map(|c| c.quoted.as_str()).collect();
            mapping.meets = own::indexes(&mut self.db, table.oid, &columns).await?;
            if self.specs.get(&name).is_none_or(|spec| spec.key.is_empty()) {
                return Err(own::keyless(&mapping.writable));
            }
        }
        let keys = match &self.foreign_keys {
            Some(keys) => Arc::clone(keys),
            None => Arc::new(foreign_key::read(&mut self.db).await?),
        };
        self.foreign_keys = Some(Arc::clone(&keys));
        mapping.referrers = self.referrers(shape, mapping.key.is_some(), &keys.keys)?;
        if let (Some(pending), Some(spec)) = (self.tables.get_mut(&name), self.specs.get(&name)) {
            pending.key = spec.key.iter().filter_map(|k| shape.columns.iter().position(|c| *c.name == **k)).collect();
            if pending.key.len() != spec.key.len() {
                return Err(Error::Refused {
                    what: format!("a column of the key ({}) of {shape} is gone from production", spec.key.join(", ")),
                    hint: format!("sluice resync {shape}"),
                });
            }
        }
        let i = self.maps.len();
        self.maps.push(Arc::new(mapping));
        self.by_shape.insert(address(shape), i);
        Ok(i)
    }

    /// Who refers to rows of this shape, as these foreign keys say; `keyed`: the target finds its rows by a key.
    pub(crate) fn referrers(
        &self,
        shape: &Shape,
        keyed: bool,
        keys: &[ForeignKey],
    ) -> Result<Option<Referrers>, Error> {
        let name = (shape.schema.to_string(), shape.name.to_string());
        match self.specs.get(&name).is_some_and(|spec| keyed && !spec.key.is_empty()) {
            true => referrers::of(&name, keys, &|table| self.specs.contains_key(table), &self.guard),
            false => Ok(None),
        }
    }

    /// The same of a shape that has come by.
    pub(crate) fn known(&self, shape: &Arc<Shape>) -> Option<usize> {
        self.by_shape.get(&address(shape)).copied()
    }

    /// The mapping for rows of this shape.
    pub async fn mapping(&mut self, shape: &Arc<Shape>) -> Result<Arc<Mapping>, Error> {
        let i = self.map(shape).await?;
        self.maps.get(i).cloned().ok_or_else(|| Error::Bug("mapping".into()))
    }

    /// Reads of the target's catalog what is needed for these changes and not known yet.
    pub(crate) async fn learn(&mut self, changes: &[Change]) -> Result<(), Error> {
        let mut new: Vec<&Arc<Shape>> = Vec::new();
        let mut met = HashSet::new();
        for run in changes.chunk_by(|a, b| Arc::ptr_eq(&a.table, &b.table)) {
            if let Some(change) = run.first()
                && self.known(&change.table).is_none()
                && met.insert(address(&change.table))
            {
                new.push(&change.table);
            }
        }
        if new.is_empty() { Ok(()) } else { self.mappings(&new).await }
    }

    /// Turns changes into items for the fold: skipped ones are left out; listed are rows that moved in incompletely, and what
    /// says that rows in quarantine are gone, that shadowed ones have changed, or that one is of a key that was kept.
    /// `None`: one is of a shape that nobody has learnt.
    pub(crate) fn items<'c>(&self, changes: &'c [Change]) -> Option<(Vec<Item<'c>>, Vec<&'c Change>)> {
        // changes of several tables come in turn: what is known of a table is looked up by where its shape is, and once
        let none = Pending::default();
        let mut known: HashMap<usize, (usize, &Pending)> = HashMap::new();
        for run in changes.chunk_by(|a, b| Arc::ptr_eq(&a.table, &b.table)) {
            let Some(shape) = run.first().map(|change| &change.table) else { continue };
            if known.contains_key(&address(shape)) {
                continue;
            }
            let map = self.known(shape)?;
            let of = self.maps.get(map)?;
            let name = (of.shape.schema.to_string(), of.shape.name.to_string());
            known.insert(address(shape), (map, self.tables.get(&name).unwrap_or(&none)));
        }
        let mut items = Vec::with_capacity(changes.len());
        let mut due = Vec::new();
        for change in changes {
            let &(map, pending) = known.get(&address(&change.table))?;
            let emptied = matches!(change.op, Op::Truncate { .. }) && pending.remembers_keys();
            if emptied || pending.frees(change).is_some() || pending.shadows(change) || pending.keeps(change) {
                due.push(change);
                continue;
            }
            match route(change, pending) {
                Route::Apply(act) => items.push(Item { map, act }),
                Route::Skip => {}
                Route::Due(_) => due.push(change),
            }
        }
        Some((items, due))
    }
}

/// A shape is known by where it is: the mapping holds its `Arc`.
fn address(shape: &Arc<Shape>) -> usize {
    Arc::as_ptr(shape) as usize
}
