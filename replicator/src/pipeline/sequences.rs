//! When the target's sequences follow production's: at the start, after the copy, now and then, and before an end.

use std::collections::HashSet;

use sink_postgres::sequences::Column;

use super::Pipeline;
use crate::sequences::kept;

impl Pipeline {
    /// Looks how far production's are, and moves the target's. The sink must be here.
    pub(super) async fn follow(&mut self) {
        if self.is_frozen() {
            return;
        }
        self.copied = false;
        let flow = &mut self.flow;
        let (Some(rule), Some(sink)) = (flow.setup.sequences, &mut flow.sink) else { return };
        let of: HashSet<Column> = flow.tables.values().flat_map(|compiled| kept(compiled)).collect();
        let role = flow.setup.source.data.user();
        let wanted = self.asker.ask(&mut *flow.watch.lock().await, &of, role).await;
        self.follower.follow(sink, &wanted, &rule, &flow.board).await;
    }
}
