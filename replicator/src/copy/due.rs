//! The tables with something pending that a slice may take.

use std::sync::Arc;

use filters::filter::Compiled;

use crate::error::Error;
use crate::flow::Flow;

/// A table with something pending.
#[derive(Clone)]
pub struct Due {
    /// Schema and name.
    pub name: (String, String),
    /// How its rows are filtered.
    pub compiled: Arc<Compiled>,
}

/// All of them, by name.
pub fn due(flow: &Flow) -> Result<Vec<Due>, Error> {
    let sink = flow.sink.as_ref().ok_or_else(|| Error::Bug("the sink is away".into()))?;
    let mut due: Vec<Due> = sink
        .pending()
        .filter(|(_, pending)| !pending.is_done())
        .filter_map(|(name, _)| flow.tables.get(name).map(|c| Due { name: name.clone(), compiled: c.clone() }))
        .collect();
    due.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(due)
}
