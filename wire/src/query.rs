//! Statements whose answers are read whole and as text.
//!
//! [`simple`](Connection::simple) and [`query`](Connection::query) are for catalogs, settings and what is ours: an error of
//! the server keeps its message, which names what is missing. As soon as a statement touches a row of somebody's table, or
//! has a piece of one in its text, it goes by [`simple_on_rows`](Connection::simple_on_rows) or
//! [`query_on_rows`](Connection::query_on_rows): there a type, a domain, a trigger or a constraint can write a value into
//! the message, so it is not kept.

use postgres_protocol::{IsNull, message::frontend};

use crate::{
    connection::{Connection, State},
    error::Error,
    message::tag,
    rows::Rows,
    server_error::ServerError,
};

impl Connection {
    /// Runs SQL text, one or more statements, and gives one [`Rows`] for each: [Simple Query][m]. Also takes the
    /// replication commands that answer with rows.
    ///
    /// [m]: https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-SIMPLE-QUERY
    pub async fn simple(&mut self, sql: &str) -> Result<Vec<Rows>, Error> {
        self.send_simple(sql)?;
        self.answers(ServerError::parse_with_message).await
    }

    /// As [`simple`](Connection::simple), over rows: an error has its code and names, and no text.
    pub async fn simple_on_rows(&mut self, sql: &str) -> Result<Vec<Rows>, Error> {
        self.send_simple(sql)?;
        self.answers(ServerError::parse).await
    }

    /// Runs one statement with parameters as text, their types inferred by the server: [Extended Query][m].
    ///
    /// [m]: https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY
    pub async fn query(&mut self, sql: &str, params: &[Option<&str>]) -> Result<Rows, Error> {
        self.send_query(sql, params)?;
        Ok(self.answers(ServerError::parse_with_message).await?.pop().unwrap_or_default())
    }

    /// As [`query`](Connection::query), over rows: an error has its code and names, and no text.
    pub async fn query_on_rows(&mut self, sql: &str, params: &[Option<&str>]) -> Result<Rows, Error> {
        self.send_query(sql, params)?;
        Ok(self.answers(ServerError::parse).await?.pop().unwrap_or_default())
    }

    /// As [`query`](Connection::query), for the count of rows only.
    pub async fn execute(&mut self, sql: &str, params: &[Option<&str>]) -> Result<u64, Error> {
        Ok(self.query(sql, params).await?.affected())
    }

    fn send_simple(&mut self, sql: &str) -> Result<(), Error> {
        self.begin()?;
        self.encode(|out| frontend::query(sql, out))
    }

    fn send_query(&mut self, sql: &str, params: &[Option<&str>]) -> Result<(), Error> {
        self.begin()?;
        self.encode(|out| {
            frontend::parse("", sql, [], out)?;
            let bound = frontend::bind(
                "",
                "",
                [],
                params,
                |param, out| {
                    let Some(text) = param else { return Ok(IsNull::Yes) };
                    out.extend_from_slice(text.as_bytes());
                    Ok(IsNull::No)
                },
                [],
                out,
            );
            bound.map_err(|_| std::io::ErrorKind::InvalidInput)?;
            frontend::describe(b'P', "", out)?;
            frontend::execute("", 0, out)?;
            frontend::sync(out);
            Ok(())
        })
    }

    /// Sends, and reads up to the ReadyForQuery.
    async fn answers(&mut self, read_error: fn(&[u8]) -> ServerError) -> Result<Vec<Rows>, Error> {
        self.state = State::Busy;
        self.flush().await?;
        let (mut all, mut rows, mut failed) = (Vec::new(), Rows::default(), None);
        loop {
            let message = match self.message().await {
                Ok(message) => message,
                // A fatal error comes without a ReadyForQuery, and tells more than the end after it.
                Err(closed) => return Err(failed.map_or(closed, Error::from)),
            };
            let read = match message.tag {
                tag::READY_FOR_QUERY => break,
                tag::ROW_DESCRIPTION => rows.describe(&message.body),
                tag::DATA_ROW => rows.push(&message),
                tag::COMMAND_COMPLETE | tag::EMPTY_QUERY_RESPONSE => {
                    rows.complete(&message.body);
                    all.push(std::mem::take(&mut rows));
                    Ok(())
                }
                tag::ERROR_RESPONSE => {
                    failed = failed.or_else(|| Some(read_error(&message.body)));
                    Ok(())
                }
                tag::COPY_IN_RESPONSE | tag::COPY_OUT_RESPONSE | tag::COPY_BOTH_RESPONSE => {
                    Err(Error::Protocol("a COPY was begun by a plain query"))
                }
                _ => Ok(()),
            };
            self.note(read)?;
        }
        failed.map_or(Ok(all), |e| Err(e.into()))
    }
}
