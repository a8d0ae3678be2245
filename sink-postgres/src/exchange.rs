//! One round trip: a transaction's statements in one write, the server's answers in one read.

mod apart;
mod step;

pub use apart::Brought;

use std::collections::HashMap;

use bytes::BytesMut;
use postgres_protocol::{IsNull, message::frontend};
use wire::{Connection, ServerError, tag};

use crate::claim::Claim;
use crate::error::Error;
use crate::rows::{Arrays, Lines};

/// What the server made of a run of statements.
#[derive(Debug)]
pub enum Outcome {
    /// All ran, and touched as many rows as they had to.
    Done,
    /// The checkpoint was not where it had to be, or not under our epoch.
    Moved,
    /// A statement touched more or fewer rows than it had to.
    Miscounted,
    /// The server refused a statement; what came after it was not run.
    Failed(wire::Error),
}

#[derive(Clone, Copy)]
enum Expect {
    Any,
    Rows(u64),
    Checkpoint,
}

/// The statements that the session has prepared, by their text: they cost a parse and a plan once.
#[derive(Default)]
pub struct Statements {
    names: HashMap<String, String>,
    made: u64,
    arrays: Arrays,
    lines: Lines,
}

impl Statements {
    /// Begins to gather statements for `db`.
    pub fn begin<'s>(&'s mut self, db: &'s mut Connection) -> Exchange<'s> {
        Exchange { statements: self, db, expect: Vec::new(), fresh: Vec::new() }
    }
}

/// Statements gathered for one round trip.
pub struct Exchange<'s> {
    statements: &'s mut Statements,
    db: &'s mut Connection,
    expect: Vec<Expect>,
    fresh: Vec<String>,
}

impl Exchange<'_> {
    /// A statement without parameters whose count does not matter.
    pub fn sql(&mut self, sql: &str) -> Result<(), Error> {
        self.run(sql, &[], Expect::Any)
    }

    /// What a batch begins with.
    pub fn claim(&mut self, claim: Claim) -> Result<(), Error> {
        let params: Vec<_> = claim.params.iter().map(|p| p.as_deref().map(|p| BytesMut::from(p.as_bytes()))).collect();
        self.run(claim.sql, &params, Expect::Checkpoint)
    }

    fn run(&mut self, sql: &str, params: &[Option<BytesMut>], expect: Expect) -> Result<(), Error> {
        self.bind(sql, params.iter().map(Option::as_ref), false, expect)
    }

    fn bind<'p>(
        &mut self,
        sql: &str,
        params: impl Iterator<Item = Option<&'p BytesMut>>,
        binary: bool,
        expect: Expect,
    ) -> Result<(), Error> {
        let bug = |_| Error::Bug("a statement larger than the protocol allows".into());
        let params: Vec<_> = params.collect();
        let known = self.statements.names.get(sql).cloned();
        let name = match known {
            Some(name) => name,
            None => {
                self.statements.made += 1;
                let name = format!("s{}", self.statements.made);
                frontend::parse(&name, sql, [], self.db.outgoing()).map_err(bug)?;
                self.statements.names.insert(sql.to_owned(), name.clone());
                self.fresh.push(sql.to_owned());
                name
            }
        };
        let write =
            |p: Option<&BytesMut>, out: &mut BytesMut| -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
                let Some(p) = p else { return Ok(IsNull::Yes) };
                out.extend_from_slice(p);
                Ok(IsNull::No)
            };
        frontend::bind("", &name, [i16::from(binary)], params, write, [], self.db.outgoing())
            .map_err(|_| Error::Bug("parameters larger than the protocol allows".into()))?;
        frontend::execute("", 0, self.db.outgoing()).map_err(bug)?;
        self.expect.push(expect);
        Ok(())
    }

    /// Sends everything and reads what the server made of it.
    pub async fn finish(mut self) -> Result<Outcome, Error> {
        frontend::sync(self.db.outgoing());
        self.db.flush().await?;
        let mut expect = std::mem::take(&mut self.expect).into_iter();
        let mut outcome = Outcome::Done;
        loop {
            let message = self.db.message().await?;
            match message.tag {
                tag::READY_FOR_QUERY => break,
                tag::COMMAND_COMPLETE => {
                    let rows = message.affected().unwrap_or(0);
                    outcome = match (outcome, expect.next()) {
                        (Outcome::Done, Some(Expect::Checkpoint)) if rows != 1 => Outcome::Moved,
                        (Outcome::Done, Some(Expect::Rows(want))) if rows != want => Outcome::Miscounted,
                        (outcome, _) => outcome,
                    };
                }
                tag::ERROR_RESPONSE if !matches!(outcome, Outcome::Failed(_) | Outcome::Moved) => {
                    outcome = Outcome::Failed(ServerError::parse(&message.body).into());
                }
                _ => {}
            }
        }
        if matches!(outcome, Outcome::Failed(_)) {
            // which of the fresh ones were prepared is not known: their names are not used again
            for sql in self.fresh.drain(..) {
                self.statements.names.remove(&sql);
            }
        }
        Ok(outcome)
    }
}
