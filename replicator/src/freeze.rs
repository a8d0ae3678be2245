//! What is shown and said of a freeze, whichever loop it stops; why it is one is argued in [`sink_postgres::freeze`].

use sink_postgres::freeze::Freeze;

use crate::board::{Board, Phase};

/// A freeze that comes amid a large source transaction, whose pieces stand in an open transaction of staging. To finish it could take
/// hours; to wait with it would hold its locks. So they go, nothing of them was visible, and it comes again from its beginning.
pub const AMID: &str = "a freeze has come amid a large source transaction, of which nothing is visible yet: it comes again behind the freeze; starting over";

/// Begun under a freeze, with something to do to staging that is done when a pipeline is opened.
pub const LATER: &str =
    "the freeze is over, and what the policy wants empty was left as it was meanwhile; starting over";

/// It stands. Said once, and again where until when, who or what for has become another.
pub fn stands(board: &Board, was: Option<&Freeze>, freeze: &Freeze) {
    let said = freeze.said();
    if was.is_none_or(|was| was.said() != said || was.at != freeze.at) {
        let at = freeze.at.map(|at| at.to_string());
        tracing::info!(at, consistent = freeze.consistent, "frozen {said}");
    }
    let mut state = board.state();
    state.lag.late();
    state.frozen_exact = freeze.consistent;
    state.phase = Phase::Frozen(match freeze.at {
        Some(at) => format!("at {at} {said}"),
        None => said,
    });
}

/// It is over.
pub fn goes_on(board: &Board, pending: bool) {
    tracing::info!("the freeze is over: staging is followed again");
    board.state().phase = if pending { Phase::Copying } else { Phase::Streaming };
}
