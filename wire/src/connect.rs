//! From a connection string to a session: socket, TLS, [start-up][m], authentication, first ReadyForQuery.
//!
//! [m]: https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-START-UP

use bytes::{Buf, Bytes, BytesMut};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    auth::Dialogue,
    binding,
    connection::Connection,
    conninfo::{Conninfo, SslMode},
    error::{Error, ServerError},
    message::tag,
    stream::Stream,
    tls,
};

/// What a session says of itself at its start.
#[derive(Debug, Clone, Copy, Default)]
pub struct Startup<'a> {
    /// Shown in `pg_stat_activity`; takes the place of one in the connection string.
    pub application_name: &'a str,
    /// `replication=database`: the session takes [replication commands][m], and no extended queries.
    ///
    /// [m]: https://www.postgresql.org/docs/current/protocol-replication.html
    pub replication: bool,
    /// Settings that hold from the first statement, each sent as a startup parameter. `client_encoding` is UTF8
    /// unless it is among them.
    pub settings: &'a [(&'a str, &'a str)],
}

impl Connection {
    /// Opens a session. `connect_timeout` limits the whole of it: name, socket, TLS, authentication.
    pub async fn connect(info: &Conninfo, startup: &Startup<'_>) -> Result<Connection, Error> {
        limited(info, async {
            let stream = open(info).await?;
            let mut connection = Connection::new(info.clone(), stream);
            connection.start(info, startup).await?;
            Ok(connection)
        })
        .await
    }

    async fn start(&mut self, info: &Conninfo, startup: &Startup<'_>) -> Result<(), Error> {
        let fixed =
            [("user", info.user()), ("database", info.database()), ("application_name", startup.application_name)];
        let encoding = !startup.settings.iter().any(|(name, _)| name.eq_ignore_ascii_case("client_encoding"));
        let parameters = fixed
            .into_iter()
            .chain(startup.replication.then_some(("replication", "database")))
            .chain(info.options.as_deref().map(|options| ("options", options)))
            .chain(encoding.then_some(("client_encoding", "UTF8")))
            .chain(startup.settings.iter().copied());
        self.encode(|out| frontend::startup_message(parameters, out))?;
        self.flush().await?;

        let binding = match &self.stream {
            Stream::Tls(tls) => {
                let chain = tls.get_ref().1.peer_certificates();
                chain.and_then(|chain| chain.first()).and_then(|leaf| binding::server_end_point(leaf))
            }
            _ => None,
        };
        let mut dialogue = Dialogue::new(info, self.stream.is_private(), binding);
        let mut admitted = false;
        loop {
            let message = self.message().await?;
            match message.tag {
                tag::AUTHENTICATION if !admitted => {
                    admitted = dialogue.answer(message.body, &mut self.outgoing)?;
                    self.flush().await?;
                }
                tag::ERROR_RESPONSE => return Err(ServerError::parse_with_message(&message.body).into()),
                tag::BACKEND_KEY_DATA if admitted => self.set_key(message.body)?,
                tag::READY_FOR_QUERY if admitted => break,
                tag::NEGOTIATE_PROTOCOL_VERSION => {}
                _ => return Err(Error::Protocol("an unexpected message during start-up")),
            }
        }
        if info.read_write && self.parameter("in_hot_standby") == Some("on") {
            return Err(Error::Standby);
        }
        Ok(())
    }

    fn set_key(&mut self, mut body: Bytes) -> Result<(), Error> {
        let short = |_| Error::Protocol("a cancellation key is cut");
        self.process_id = body.try_get_i32().map_err(short)?;
        self.secret_key = body.try_get_i32().map_err(short)?;
        Ok(())
    }
}

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
