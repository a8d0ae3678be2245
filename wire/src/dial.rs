//! From a connection string to a socket that can be trusted as far as `sslmode` says, in time.

use bytes::BytesMut;
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    conninfo::{Conninfo, SslMode},
    error::Error,
    stream::Stream,
    tls,
};

/// Runs `work` within `connect_timeout`.
pub(crate) async fn limited<T>(info: &Conninfo, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let Some(after) = info.connect_timeout else { return work.await };
    let action = || format!("connect to {}", info.endpoint());
    tokio::time::timeout(after, work).await.unwrap_or_else(|_| Err(Error::Timeout { action: action(), after }))
}

/// The socket, with TLS on it as `sslmode` wants. A unix socket has none, whatever `sslmode` says, as in libpq.
pub(crate) async fn open(info: &Conninfo) -> Result<Stream, Error> {
    let stream = Stream::open(info).await?;
    let mut tcp = match stream {
        Stream::Tcp(tcp) if info.ssl_mode != SslMode::Disable => tcp,
        stream => return Ok(stream),
    };
    let failed = |source| Error::io(&format!("ask {} for TLS", info.endpoint()), source);
    let mut request = BytesMut::new();
    frontend::ssl_request(&mut request);
    tcp.write_all(&request).await.map_err(failed)?;
    // One byte and no more: what comes after it unencrypted must not be taken for the server's.
    match tcp.read_u8().await.map_err(failed)? {
        b'S' => Ok(Stream::Tls(Box::new(tls::wrap(info, tcp).await?))),
        b'N' if info.ssl_mode == SslMode::Prefer => Ok(Stream::Tcp(tcp)),
        b'N' => {
            let action = format!("connect to {} with sslmode={}", info.endpoint(), info.ssl_mode);
            Err(Error::Tls { action, source: Some(Box::new(tls::NotThere)) })
        }
        _ => Err(Error::Protocol("the answer to SSLRequest is not S or N: not a PostgreSQL server?")),
    }
}
