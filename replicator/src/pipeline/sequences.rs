//! The target's sequences follow production's: at the start, after the copy, now and then, and before an end.
//!
//! Only behind columns that come as they are. A masked number says nothing of how far production is, and one that does not
//! come at all is staging's own. Nothing here ends the stream: what goes wrong is said once, and tried again.

use std::collections::HashSet;

use filters::compiled::Compiled;
use sink_postgres::sequences::{Column, Outcome, grant};

use super::Pipeline;
use crate::error::Error;
use crate::source::sequences;

/// The columns of a table that come as they are.
pub fn kept(compiled: &Compiled) -> impl Iterator<Item = Column> {
    let otherwise: HashSet<&str> =
        compiled.masked_columns().chain(compiled.dropped_columns()).chain(compiled.withheld_columns()).collect();
    let columns = compiled.output.columns.iter().filter(move |c| !otherwise.contains(&*c.name));
    columns.map(|c| (compiled.output.schema.to_string(), compiled.output.name.to_string(), c.name.to_string()))
}

impl Pipeline {
    /// Looks how far production's are, and moves the target's. The sink must be here.
    pub(super) async fn follow(&mut self) {
        if self.is_frozen() {
            return;
        }
        self.copied = false;
        match self.moved().await {
            Ok(news) => news.into_iter().for_each(|(about, news)| self.tell(about, &news)),
            Err(e) => self.tell(String::new(), &format!("they are not followed: {}", e.chain())),
        }
    }

    /// Says it, once a run.
    fn tell(&mut self, about: String, news: &str) {
        if self.told.insert((about.clone(), news.to_owned())) {
            tracing::warn!(sequence = about, "sequences: {news}");
        }
    }

    /// Moves them. Gives what stands in the way.
    async fn moved(&mut self) -> Result<Vec<(String, String)>, Error> {
        let flow = &mut self.flow;
        let (Some(rule), Some(sink)) = (flow.setup.sequences, &mut flow.sink) else { return Ok(Vec::new()) };
        let of: HashSet<Column> = flow.tables.values().flat_map(|compiled| kept(compiled)).collect();
        let said = sequences::ask(&mut *flow.watch.lock().await, &of, &mut self.known.0).await?;
        let mut news = Vec::new();
        if !said.hidden.is_empty() {
            let role = wire::quote_ident(flow.setup.source.data.user());
            let sql = grant(&said.hidden.iter().collect::<Vec<_>>(), "SELECT", &role);
            news.push((String::new(), format!("some of production's may not be read; on production: {sql}")));
        }
        for (name, outcome) in sink.follow(&said.wanted, &rule, &mut self.known.1).await? {
            match outcome {
                Outcome::Set(to) => {
                    flow.board.state().sequences += 1;
                    tracing::debug!(sequence = name, to, "moved");
                }
                Outcome::Busy => tracing::debug!(sequence = name, "somebody holds it"),
                Outcome::Short => {
                    news.push((name, "it has no room for sequences.margin or sequences.offset before its end".into()))
                }
                Outcome::Beyond => {
                    news.push((name, "production's numbers are beyond what it can give, or its column hold".into()))
                }
                Outcome::Opposed => {
                    news.push((name, "it goes down where production's goes up, or up where it goes down".into()))
                }
                Outcome::NoRight(sql) => news.push((name, format!("may not be set; on the target: {sql}"))),
            }
        }
        Ok(news)
    }
}
