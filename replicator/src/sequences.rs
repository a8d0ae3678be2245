//! The target's sequences follow production's, whichever way the news of these comes: asked of production itself, or by way of a topic.
//!
//! Only behind columns that come as they are. A masked number says nothing of how far production is, and one that does not
//! come at all is staging's own. Nothing here ends a stream: what goes wrong is said once, and tried again.

use std::collections::HashSet;

use filters::compiled::Compiled;
use sink_postgres::PostgresSink;
use sink_postgres::sequences::{Column, Known, Outcome, Rule, Wanted, grant};
use wire::Connection;

use crate::board::Board;
use crate::error::Error;
use crate::source::sequences;

/// The columns of a table that come as they are.
pub fn kept(compiled: &Compiled) -> impl Iterator<Item = Column> {
    let otherwise: HashSet<&str> =
        compiled.masked_columns().chain(compiled.dropped_columns()).chain(compiled.withheld_columns()).collect();
    let columns = compiled.output.columns.iter().filter(move |c| !otherwise.contains(&*c.name));
    columns.map(|c| (compiled.output.schema.to_string(), compiled.output.name.to_string(), c.name.to_string()))
}

/// What was said of sequences: each thing once a run.
#[derive(Debug, Default)]
struct Said(HashSet<(String, String)>);

impl Said {
    fn tell(&mut self, about: String, news: &str) {
        if self.0.insert((about.clone(), news.to_owned())) {
            tracing::warn!(sequence = about, "sequences: {news}");
        }
    }
}

/// Asks production how far its sequences are.
#[derive(Debug, Default)]
pub struct Asker {
    known: Known,
    said: Said,
}

impl Asker {
    /// How far those behind these columns are. `role` reads them.
    pub async fn ask(&mut self, db: &mut Connection, of: &HashSet<Column>, role: &str) -> Vec<Wanted> {
        let said = match sequences::ask(db, of, &mut self.known).await {
            Ok(said) => said,
            Err(e) => {
                self.said.tell(String::new(), &format!("production's cannot be read: {}", e.chain()));
                return Vec::new();
            }
        };
        if !said.hidden.is_empty() {
            let sql = grant(&said.hidden.iter().collect::<Vec<_>>(), "SELECT", &wire::quote_ident(role));
            self.said.tell(String::new(), &format!("some of production's may not be read; on production: {sql}"));
        }
        said.wanted
    }
}

/// Moves the target's.
#[derive(Debug, Default)]
pub struct Follower {
    known: Known,
    said: Said,
}

impl Follower {
    /// As far ahead of production's as the rule says.
    pub async fn follow(&mut self, sink: &mut PostgresSink, wanted: &[Wanted], rule: &Rule, board: &Board) {
        if let Err(e) = self.moved(sink, wanted, rule, board).await {
            self.said.tell(String::new(), &format!("they are not followed: {}", e.chain()));
        }
    }

    async fn moved(
        &mut self,
        sink: &mut PostgresSink,
        wanted: &[Wanted],
        rule: &Rule,
        board: &Board,
    ) -> Result<(), Error> {
        for (name, outcome) in sink.follow(wanted, rule, &mut self.known).await? {
            let news = match outcome {
                Outcome::Set(to) => {
                    board.state().sequences += 1;
                    tracing::debug!(sequence = name, to, "moved");
                    continue;
                }
                Outcome::Busy => {
                    tracing::debug!(sequence = name, "somebody holds it");
                    continue;
                }
                Outcome::Short => "it has no room for sequences.margin or sequences.offset before its end".to_owned(),
                Outcome::Beyond => "production's numbers are beyond what it can give, or its column hold".to_owned(),
                Outcome::Opposed => "it goes down where production's goes up, or up where it goes down".to_owned(),
                Outcome::NoRight(sql) => format!("may not be set; on the target: {sql}"),
            };
            self.said.tell(name, &news);
        }
        Ok(())
    }
}
