//! What the topic says of production's sequences, and the target's that follow it.

use std::collections::{HashMap, HashSet};

use sink_postgres::sequences::{Column, Drawn, Rule, Wanted};

use super::Apply;
use crate::error::Error;
use crate::sequences::Follower;

/// How far production's are, as far as was heard in this run.
#[derive(Debug, Default)]
pub(super) struct Sequences {
    heard: HashMap<Column, Drawn>,
    follower: Follower,
}

impl Apply {
    /// The topic tells. What stands before it is applied first, and the checkpoint passes it only when they are set: whoever is
    /// killed between hears it again.
    pub(super) async fn hears_sequences(&mut self, wanted: Vec<Wanted>) -> Result<(), Error> {
        self.settle().await?;
        self.sequences.heard.extend(wanted.into_iter().map(|w| (w.column, w.drawn)));
        self.follow().await;
        Ok(())
    }

    /// Moves the target's. The sink must be here.
    pub(super) async fn follow(&mut self) {
        let (Some(rule), Some(sink)) = (self.config.sequences, &mut self.sink) else { return };
        if self.sequences.heard.is_empty() {
            return;
        }
        let rule = Rule { margin: rule.margin, offset: rule.offset };
        // behind what is masked here nobody knows how far production is
        let kept: HashSet<Column> = self.descriptions.kept().collect();
        let heard = self.sequences.heard.iter().filter(|(column, _)| kept.contains(*column));
        let wanted: Vec<Wanted> =
            heard.map(|(column, drawn)| Wanted { column: column.clone(), drawn: *drawn }).collect();
        self.sequences.follower.follow(sink, &wanted, &rule, &self.board).await;
    }
}
