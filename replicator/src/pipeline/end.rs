//! How the loop ends: at a boundary, with what was applied made durable and told.

use std::sync::Arc;
use std::time::Duration;

use filters::change::Sink;

use super::Pipeline;
use crate::error::Error;
use crate::stop::Why;

/// Production may take this long to hear the last position.
const FAREWELL: Duration = Duration::from_millis(1500);

/// How a run of the pipeline ended well.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// It was asked to.
    Stopped(Why),
    /// Nothing is pending, and the target has reached what production had at the start.
    CaughtUp,
}

impl Pipeline {
    /// Ends at a boundary: what is whole is applied and durable, and production hears it.
    pub(super) async fn end(&mut self, end: End) -> Result<End, Error> {
        if end == End::CaughtUp {
            self.follow().await;
            self.go_on().await?;
            self.counted().await;
        }
        if let Some(mut sink) = self.flow.sink.take() {
            // pieces of a transaction that is not over claim nothing: they go, what was committed before them stays
            sink.drop_pieces().await?;
            let done = sink.flush().await;
            self.flow.sink = Some(sink);
            self.flow.told(done?);
            sink_postgres::failpoint::hit("end.flushed");
        }
        Ok(end)
    }

    /// Takes it apart: ends the stream in order, with the last confirmed position. Not for long.
    pub async fn close(self) {
        let farewell = async {
            self.flow.stream.stop().await;
            if let Some(watch) = Arc::into_inner(self.flow.watch) {
                watch.into_inner().close().await;
            }
        };
        let abandoned = async {
            if let Some(asked) = self.abandoned {
                let _ = asked.await;
            }
        };
        let _ = tokio::time::timeout(FAREWELL, async { tokio::join!(farewell, abandoned) }).await;
    }
}
