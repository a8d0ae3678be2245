//! [Canceling Requests in Progress][m]: a connection of its own that only names the session.
//!
//! [m]: https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS

use bytes::BytesMut;
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    Conninfo,
    dial::{limited, open},
    error::Error,
};

/// Asks the server to end what a session is doing now. `Debug` does not show the key.
#[derive(Clone)]
pub struct Canceler {
    pub(crate) info: Conninfo,
    pub(crate) process_id: i32,
    pub(crate) secret_key: i32,
}

impl Canceler {
    /// Sends the request, over TLS if the session's `sslmode` says so. The server does not tell whether it had an
    /// effect: the session's own answer does (SQLSTATE 57014).
    pub async fn cancel(&self) -> Result<(), Error> {
        limited(&self.info, async {
            let failed = |source| Error::io("cancel", source);
            let mut stream = open(&self.info).await?;
            let mut request = BytesMut::new();
            frontend::cancel_request(self.process_id, self.secret_key, &mut request);
            stream.write_all(&request).await.map_err(failed)?;
            stream.flush().await.map_err(failed)?;
            // The server closes when it has passed the request on; how it closes does not matter.
            let mut rest = [0; 1];
            let _ = stream.read(&mut rest).await;
            Ok(())
        })
        .await
    }
}

impl std::fmt::Debug for Canceler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Canceler({}, process {})", self.info, self.process_id)
    }
}
