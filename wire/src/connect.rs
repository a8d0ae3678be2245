//! From a socket to a session: [start-up][m], authentication, first ReadyForQuery.
//!
//! [m]: https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-START-UP

use bytes::{Buf, Bytes};
use postgres_protocol::message::frontend;

use crate::{
    auth::Dialogue,
    binding,
    connection::Connection,
    conninfo::Conninfo,
    dial::{limited, open},
    error::Error,
    message::tag,
    server_error::ServerError,
    stream::Stream,
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
    ///
    /// Of several hosts they are tried in order, each for that long, up to the first that lets us in and is what
    /// `target_session_attrs` asks for; one that is there and does not let us in ends it, as in libpq.
    pub async fn connect(info: &Conninfo, startup: &Startup<'_>) -> Result<Connection, Error> {
        let mut tried = Vec::new();
        for place in info.each() {
            match Connection::open(&place, startup).await {
                Err(e) if e.is_transient() => tried.push((place.endpoint(), e)),
                done => return done,
            }
        }
        match tried.len() {
            1 => Err(tried.remove(0).1),
            _ => Err(Error::Nowhere(tried)),
        }
    }

    /// A session with one place.
    async fn open(info: &Conninfo, startup: &Startup<'_>) -> Result<Connection, Error> {
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
