//! The socket under a connection: TCP, TLS over TCP, or a unix socket.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
};
use tokio_rustls::client::TlsStream;

use crate::{Conninfo, error::Error};

pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Opens the socket, without TLS as yet.
    pub(crate) async fn open(info: &Conninfo) -> Result<Stream, Error> {
        let failed = |source| Error::Io { action: format!("connect to {}", info.endpoint()), source };
        if let Some(path) = info.socket_path() {
            return Ok(Stream::Unix(UnixStream::connect(path).await.map_err(failed)?));
        }
        let tcp = TcpStream::connect((info.address(), info.port())).await.map_err(failed)?;
        tcp.set_nodelay(true).map_err(failed)?;
        if let Some((idle, interval, count)) = info.keepalives {
            SockRef::from(&tcp).set_tcp_keepalive(&keepalive(idle, interval, count)).map_err(failed)?;
        }
        Ok(Stream::Tcp(tcp))
    }

    /// Whether nobody but the kernel and the peer can read what is sent.
    pub(crate) fn is_private(&self) -> bool {
        matches!(self, Stream::Tls(_) | Stream::Unix(_))
    }
}

/// Probes that notice a dead peer in about a minute: [Connection Settings][m] of the server has the same three.
///
/// [m]: https://www.postgresql.org/docs/current/runtime-config-connection.html#GUC-TCP-KEEPALIVES-IDLE
fn keepalive(idle: u64, interval: u64, count: u32) -> TcpKeepalive {
    TcpKeepalive::new()
        .with_time(Duration::from_secs(idle))
        .with_interval(Duration::from_secs(interval))
        .with_retries(count)
}

macro_rules! delegate {
    ($self:expr, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            Stream::Tcp(s) => {
                let $stream = Pin::new(s);
                $call
            }
            Stream::Unix(s) => {
                let $stream = Pin::new(s);
                $call
            }
            Stream::Tls(s) => {
                let $stream = Pin::new(s.as_mut());
                $call
            }
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        delegate!(self, s => s.poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        delegate!(self, s => s.poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        delegate!(self, s => s.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        delegate!(self, s => s.poll_shutdown(cx))
    }
}
