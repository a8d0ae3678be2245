//! The tables as the topic has described them, and the target's own note of that.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use filters::change::{Change, Table};
use filters::filter::{Compiled, Verdict};
use sink_postgres::sequences::Column;
use sink_postgres::topic::{self, Told};
use sink_postgres::{PostgresSink, failpoint};
use wire::Connection;

use super::super::envelope::{Decoder, Described, Record, Start};
use super::own::Own;
use crate::config::{Config, Lock};
use crate::downstream::Name;
use crate::error::Error;
use crate::sequences::kept;

/// What has been described.
pub struct Descriptions {
    /// Writes notes down: beside the sink, since they need not be in the transaction of anything.
    db: Connection,
    pipeline: String,
    tables: HashMap<u32, Described>,
    /// Tables that the target's own file protects, excludes or does not name: nothing of them is written, whatever comes.
    own: HashMap<u32, Name>,
    /// What that file adds to the others.
    added: Own,
    /// The capture that has described them.
    began: Start,
    /// Since a start, until all are described.
    starting: bool,
    /// What a start has said of tables besides.
    due: Vec<(u32, String)>,
    unwritten: Vec<Told>,
}

impl Descriptions {
    /// None yet.
    pub fn new(db: Connection, pipeline: &str) -> Descriptions {
        let (tables, due, unwritten) = (HashMap::new(), Vec::new(), Vec::new());
        let (own, added, began) = (HashMap::new(), Own::default(), Start::default());
        Descriptions { db, pipeline: pipeline.to_owned(), tables, own, added, began, starting: false, due, unwritten }
    }

    /// What was in force before `offset`, as the target has noted it. Gives how the capture had begun, and where that stands.
    pub async fn recall(
        &mut self,
        offset: i64,
        decoder: &mut Decoder,
        config: &Config,
    ) -> Result<Option<(i64, Start)>, Error> {
        let mut start = None;
        for told in topic::recall(&mut self.db, &self.pipeline, offset).await? {
            let broken = |_| Error::Bug("sluice.described holds no record".into());
            match decoder.decode(told.record.into()).map_err(broken)? {
                Record::Table(table) => self.keep(table, config),
                Record::Start(began) => {
                    self.began = began.clone();
                    start = Some((told.at, began));
                }
                _ => {}
            }
        }
        Ok(start)
    }

    /// A capture begins at this offset: all will be described anew.
    pub fn start(&mut self, start: &Start, offset: i64, record: &[u8]) {
        self.began = start.clone();
        self.tables.clear();
        self.due.clear();
        self.starting = true;
        self.unwritten.push(Told { at: offset, oid: 0, record: record.to_vec() });
    }

    /// A table, described at this offset.
    pub fn tell(&mut self, described: Described, offset: i64, record: Bytes, config: &Config) {
        let oid = described.shape.oid;
        self.unwritten.push(Told { at: offset, oid, record: record.to_vec() });
        self.keep(described, config);
    }

    fn keep(&mut self, described: Described, config: &Config) {
        let (oid, spec) = (described.shape.oid, &described.spec);
        if config.is_copied(&spec.schema, &spec.name) {
            self.own.remove(&oid);
            self.tables.insert(oid, described);
        } else {
            self.own.insert(oid, (spec.schema.clone(), spec.name.clone()));
        }
    }

    /// Does the target's own file leave it out?
    pub fn leaves_out(&self, oid: u32) -> bool {
        !self.own.is_empty() && self.own.contains_key(&oid) || self.added.leaves_out(oid)
    }

    /// What the target's own file makes of a change.
    pub fn pass(&mut self, change: Change) -> Result<Verdict, Error> {
        self.added.apply(change)
    }

    /// What it makes of the lines of a copy; `None`: they are loaded as they come.
    pub fn compiled(&self, oid: u32) -> Option<&Arc<Compiled>> {
        self.added.compiled(oid)
    }

    /// The target's own file is laid over the tables as they are described now. Before a row of them is applied.
    pub async fn lay(&mut self, config: &Config, lock: Option<&Lock>) -> Result<(), Error> {
        self.added = Own::lay(&mut self.db, (config, lock), &self.began, &self.tables).await?;
        Ok(())
    }

    fn written(&self) -> impl Iterator<Item = &Described> {
        self.tables.values().filter(|t| !self.added.leaves_out(t.shape.oid))
    }

    /// The columns that come as production has them, of the tables that are written.
    pub fn kept(&self) -> impl Iterator<Item = Column> {
        self.written().flat_map(|t| {
            let added = self.added.compiled(t.shape.oid);
            let here: Option<HashSet<Column>> = added.map(|compiled| kept(compiled).collect());
            let plain = t.shape.columns.iter().filter(|c| !t.masked.iter().any(|masked| *masked == *c.name));
            let named = plain.map(|c| (t.spec.schema.clone(), t.spec.name.clone(), c.name.to_string()));
            named.filter(move |column| here.as_ref().is_none_or(|here| here.contains(column)))
        })
    }

    /// All tables that are written.
    pub fn names(&self) -> Vec<Name> {
        self.written().map(|t| (t.spec.schema.clone(), t.spec.name.clone())).collect()
    }

    /// Those of which the target's own file has the structure only.
    pub fn structures(&self, config: &Config) -> Vec<Name> {
        self.own.values().filter(|(schema, name)| config.is_structure(schema, name)).cloned().collect()
    }

    /// Forgets what was noted on the target of another topic, or of this one before.
    pub async fn forget(&mut self) -> Result<(), Error> {
        Ok(topic::forget(&mut self.db, &self.pipeline).await?)
    }

    /// Said of a table behind a start.
    pub fn due(&mut self, oid: u32, why: String) {
        self.due.push((oid, why));
    }

    /// Are descriptions to come still?
    pub fn is_starting(&self) -> bool {
        self.starting
    }

    /// What was said of tables besides; once.
    pub fn dues(&mut self) -> Vec<(u32, String)> {
        std::mem::take(&mut self.due)
    }

    /// A table's name.
    pub fn name(&self, oid: u32) -> Option<Name> {
        let spec = &self.tables.get(&oid).filter(|_| !self.added.leaves_out(oid))?.spec;
        Some((spec.schema.clone(), spec.name.clone()))
    }

    /// A table's shape, as the target gets it.
    pub fn shape(&self, oid: u32) -> Option<&Arc<Table>> {
        let table = self.tables.get(&oid)?;
        Some(self.added.compiled(oid).map_or(&table.shape, |compiled| &compiled.output))
    }

    /// Notes what is not noted yet. Before the checkpoint passes the records.
    pub async fn write(&mut self) -> Result<(), Error> {
        if !self.unwritten.is_empty() {
            failpoint::hit("described.unwritten");
            topic::remember(&mut self.db, &self.pipeline, &self.unwritten).await?;
            self.unwritten.clear();
            failpoint::hit("described.written");
        }
        Ok(())
    }

    /// Makes the target know exactly these tables.
    pub async fn register(
        &mut self,
        sink: &mut PostgresSink,
        config: &Config,
        lock: Option<&Lock>,
    ) -> Result<(), Error> {
        self.write().await?;
        self.lay(config, lock).await?;
        self.starting = false;
        let spec = |t: &Described| {
            let mut spec = self.added.spec(t.shape.oid).unwrap_or(&t.spec).clone();
            if let Some(own) = config.own_rows(&spec.schema, &spec.name) {
                // what is not protected any more is as unknown as what is written for the first time
                spec.known.only.push_str(&format!(" but {}", own.sql()));
            }
            spec
        };
        let specs = self.written().map(spec).collect();
        sink.register(specs).await?;
        let shapes: Vec<_> = self.written().filter_map(|t| self.shape(t.shape.oid)).collect();
        sink.mappings(&shapes).await?;
        Ok(())
    }
}
