//! A freeze, as the loop has it: between two batches it begins nothing more, and reads nothing more.
//!
//! Why nothing of staging changes then is argued in [`sink_postgres::freeze`]. What goes on: the stream is kept alive (its task sends
//! status updates, while what it has read waits in a channel that is bounded), production is looked at once a second and our slot is
//! weighed there, what was applied is asked for until it is durable, and tables that have changed on production are made due.

use super::Pipeline;
use crate::error::Error;
use crate::freeze::{self, AMID, LATER};

impl Pipeline {
    /// Is staging to stand still? The sink is here, so nothing is under way.
    pub(super) async fn look_at_freeze(&mut self) -> Result<(), Error> {
        let Some(sink) = &mut self.flow.sink else { return Ok(()) };
        match sink.frozen().await? {
            Some(_) if sink.is_open() => Err(Error::start_over(AMID)),
            Some(freeze) => {
                let freeze = sink.stand_still(freeze).await?;
                freeze::stands(&self.flow.board, self.freeze.as_ref(), &freeze);
                self.freeze = Some(freeze);
                Ok(())
            }
            None if self.freeze.take().is_none() => Ok(()),
            None => {
                freeze::goes_on(&self.flow.board, self.is_pending());
                if self.put_off { Err(Error::start_over(LATER)) } else { Ok(()) }
            }
        }
    }

    pub(super) fn is_frozen(&self) -> bool {
        self.freeze.is_some()
    }

    /// What the policy wants empty was left for the end of a freeze under which this was opened.
    pub fn puts_off(&mut self) {
        self.put_off = true;
    }
}
