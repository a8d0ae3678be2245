//! A freeze, as the loop of an apply has it: nothing is taken from the topic, which keeps what comes meanwhile.
//!
//! The argument is in [`sink_postgres::freeze`]; what differs from [`the other loop`](crate::pipeline) is that no server of production is
//! asked for anything, and that a part of a table is loaded as it is read, so nothing is read.

use super::Apply;
use crate::error::Error;
use crate::freeze::{self, AMID, LATER};

impl Apply {
    /// Is staging to stand still? Nothing is under way.
    pub(super) async fn look_at_freeze(&mut self) -> Result<(), Error> {
        let sink = self.sink.as_mut().ok_or_else(|| Error::Bug("the sink is away".into()))?;
        match sink.frozen().await? {
            Some(_) if sink.is_open() => Err(Error::start_over(AMID)),
            Some(freeze) => {
                let freeze = sink.stand_still(freeze).await?;
                freeze::stands(&self.board, self.freeze.as_ref(), &freeze);
                self.freeze = Some(freeze);
                Ok(())
            }
            None if self.freeze.take().is_none() => Ok(()),
            None => {
                freeze::goes_on(&self.board, self.is_pending());
                if self.put_off { Err(Error::start_over(LATER)) } else { Ok(()) }
            }
        }
    }
}
