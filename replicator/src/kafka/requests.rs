//! What appliers ask for: parts of tables that they do not have, in `<topic>.requests`.
//!
//! A request is no promise of anybody's: an applier asks again for what is pending still and was not brought for a while, and a
//! capture that has forgotten one (it was killed) is asked again. A part that came for another and is pending here is loaded like one of our own.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use bytes::Bytes;
use prost::Message;
use sink_postgres::key::Key;
use sink_postgres::part::Part;
use sink_postgres::pending::{Pending, Range};
use sink_postgres::spec::TableSpec;

use super::arrivals::Arrivals;
use super::blocking;
use super::consumer::{Consumer, Taken};
use super::options::Options;
use crate::downstream::Name;
use crate::error::Error;

/// Keys that one part brings at most.
const POINTS: usize = 500;

/// What is wanted of one table.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
struct Wanted {
    #[prost(string, tag = "1")]
    schema: String,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(message, repeated, tag = "3")]
    ranges: Vec<Bounds>,
    #[prost(message, repeated, tag = "4")]
    points: Vec<Values>,
    /// The target orders its keys otherwise: parts of the table are nothing to it.
    #[prost(bool, tag = "5")]
    unit: bool,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
struct Bounds {
    #[prost(message, optional, tag = "1")]
    lo: Option<Values>,
    #[prost(message, optional, tag = "2")]
    hi: Option<Values>,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
struct Values {
    #[prost(string, repeated, tag = "1")]
    values: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
struct Request {
    #[prost(uint32, tag = "1")]
    version: u32,
    #[prost(message, repeated, tag = "2")]
    wanted: Vec<Wanted>,
}

const VERSION: u32 = 1;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All that is pending.
    All,
    /// Single rows only.
    Points,
}

/// A request for what is pending of these tables.
pub fn request<'p>(pending: impl Iterator<Item = (&'p Name, &'p Pending)>, which: Which) -> Vec<u8> {
    let values = |key: &Key| Values { values: key.clone() };
    let pending = pending.filter(|(_, pending)| which == Which::All || !pending.points.is_empty());
    let wanted = pending.map(|(name, pending)| Wanted {
        unit: pending.kinds.is_none(),
        schema: name.0.clone(),
        name: name.1.clone(),
        ranges: pending
            .ranges
            .iter()
            .filter(|_| which == Which::All)
            .map(|r| Bounds { lo: r.lo.as_ref().map(values), hi: r.hi.as_ref().map(values) })
            .collect(),
        // in one order, so that the same is the same
        points: pending.points.iter().collect::<BTreeSet<_>>().into_iter().map(values).collect(),
    });
    Request { version: VERSION, wanted: wanted.collect() }.encode_to_vec()
}

/// What was asked for and not sent yet.
#[derive(Default)]
pub struct Asked {
    tables: BTreeMap<Name, Parts>,
}

#[derive(Default)]
struct Parts {
    unit: bool,
    ranges: Vec<Range>,
    points: HashSet<Key>,
}

impl Asked {
    /// Takes in a request; one that is none is passed by: it may be of a newer sluice.
    pub fn take(&mut self, value: Bytes) {
        let request = match Request::decode(value) {
            Ok(request) if request.version <= VERSION => request,
            _ => {
                tracing::warn!("a request that is none, or of a newer sluice: passed by");
                return;
            }
        };
        for wanted in request.wanted {
            let parts = self.tables.entry((wanted.schema, wanted.name)).or_default();
            parts.unit |= wanted.unit;
            for bounds in wanted.ranges {
                let (lo, hi) = (bounds.lo.map(|k| k.values), bounds.hi.map(|k| k.values));
                let range = Range { id: 0, lo, hi, columns: Vec::new() };
                // what has begun to be sent is not begun again: whoever asks behind that asks again
                if !parts.ranges.iter().any(|r| r.is_whole() || r.hi == range.hi && !range.is_whole()) {
                    if range.is_whole() {
                        parts.ranges.clear();
                        parts.points.clear();
                    }
                    parts.ranges.push(range);
                }
            }
            if !parts.ranges.iter().any(Range::is_whole) {
                parts.points.extend(wanted.points.into_iter().map(|k| k.values));
            }
        }
    }

    /// Is nothing asked for?
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// The tables.
    pub fn names(&self) -> Vec<Name> {
        self.tables.keys().cloned().collect()
    }

    /// Asks of a table only what it may be asked: of one that is a unit (its key is masked, or ordered otherwise somewhere) all of it, since a
    /// bound would be compared with a raw key; of one without single rows all of it too. What is no key of it goes.
    pub fn fit(&mut self, name: &Name, spec: &TableSpec) {
        let Some(parts) = self.tables.get_mut(name) else { return };
        let is_key = |key: &Key| key.len() == spec.key.len();
        let fits = |r: &Range| r.lo.as_ref().is_none_or(is_key) && r.hi.as_ref().is_none_or(is_key);
        parts.ranges.retain(fits);
        parts.points.retain(is_key);
        let unit = parts.unit || spec.kinds.is_none();
        if unit && !parts.ranges.is_empty() || !spec.pointable && !parts.points.is_empty() {
            parts.ranges = vec![Range { id: 0, lo: None, hi: None, columns: Vec::new() }];
            parts.points.clear();
        }
        if parts.ranges.is_empty() && parts.points.is_empty() {
            self.tables.remove(name);
        }
    }

    /// Is the table sent as a whole?
    pub fn is_unit(&self, name: &Name) -> bool {
        self.tables.get(name).is_some_and(|parts| parts.unit)
    }

    /// Forgets a table.
    pub fn forget(&mut self, name: &Name) {
        self.tables.remove(name);
    }

    /// Forgets tables of which this is not so.
    pub fn keep(&mut self, of: impl Fn(&Name) -> bool) {
        self.tables.retain(|name, _| of(name));
    }

    /// The next part of a table.
    pub fn part(&self, name: &Name) -> Option<Part> {
        let parts = self.tables.get(name)?;
        match parts.ranges.first() {
            Some(range) if parts.points.is_empty() => Some(Part::Range(range.clone())),
            // a row that heals does not wait for a table
            _ => Some(Part::Points(parts.points.iter().take(POINTS).cloned().collect())),
        }
    }

    /// This was sent: the part that was given, or the front of it.
    pub fn sent(&mut self, name: &Name, part: &Part) {
        let Some(parts) = self.tables.get_mut(name) else { return };
        match part {
            Part::Range(sent) => match parts.ranges.first_mut() {
                Some(first) if first.hi == sent.hi => {
                    parts.ranges.remove(0);
                }
                Some(first) => first.lo.clone_from(&sent.hi),
                None => {}
            },
            Part::Points(points) => points.iter().for_each(|point| {
                parts.points.remove(point);
            }),
        }
        if parts.ranges.is_empty() && parts.points.is_empty() {
            self.tables.remove(name);
        }
    }
}

/// Requests, as they come.
pub struct Requests {
    arrivals: Arrivals,
    heard: i64,
}

impl Requests {
    /// Reads from `from` on. Requests that have expired unheard, or went with a topic that was made anew, are made again.
    pub async fn open(options: &Options, from: i64) -> Result<Requests, Error> {
        let asked = options.requests();
        let (low, end) = blocking(move || Consumer::watch(&asked)?.ends()).await?;
        let from = if from > end { low } else { from.max(low) };
        Ok(Requests { arrivals: Arrivals::open(&options.requests(), from)?, heard: from })
    }

    /// The next. Cancel-safe.
    pub async fn next(&mut self) -> Result<Bytes, Error> {
        let Taken { offset, value, .. } = self.arrivals.next().await?;
        self.heard = offset + 1;
        Ok(value)
    }

    /// The next record that was not heard.
    pub fn heard(&self) -> i64 {
        self.heard
    }
}
