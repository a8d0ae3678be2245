//! One round trip: a transaction's statements in one write, the server's answers in one read.

mod apart;
mod step;

pub use apart::Brought;

use std::collections::{HashMap, VecDeque};

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

#[derive(Clone, Copy, Debug)]
enum Expect {
    Any,
    Rows(u64),
    Checkpoint,
    /// The transaction's end.
    Commit,
    /// One row, which is kept.
    Told,
}

/// Statements that are written, and what is known of their answers so far.
#[derive(Debug)]
pub struct Sent {
    expect: VecDeque<Expect>,
    fresh: Vec<String>,
    outcome: Outcome,
    /// Something was refused: what came behind it was not even prepared.
    failed: bool,
    /// How many have run.
    pub done: usize,
    /// The values of a row that was asked for.
    pub told: Vec<String>,
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
        Exchange { statements: self, db, expect: VecDeque::new(), fresh: Vec::new() }
    }

    /// Reads the answers to statements that were sent. Cancel-safe: it goes on where it was.
    pub async fn answer(&mut self, db: &mut Connection, sent: &mut Sent) -> Result<Outcome, Error> {
        loop {
            let message = db.message().await?;
            match message.tag {
                tag::READY_FOR_QUERY => break,
                tag::DATA_ROW if matches!(sent.expect.front(), Some(Expect::Told)) => {
                    let text = |v: Option<&[u8]>| String::from_utf8_lossy(v.unwrap_or_default()).into_owned();
                    sent.told = message.fields().map(text).collect();
                }
                tag::COMMAND_COMPLETE => {
                    let rows = message.affected().unwrap_or(0);
                    sent.done += 1;
                    let found = match sent.expect.pop_front() {
                        // of a transaction that has failed it is a ROLLBACK, and no error
                        Some(Expect::Commit) if !message.body.starts_with(b"COMMIT") => Outcome::Moved,
                        Some(Expect::Checkpoint) if rows != 1 => Outcome::Moved,
                        Some(Expect::Rows(want)) if rows != want => Outcome::Miscounted,
                        _ => Outcome::Done,
                    };
                    if matches!(sent.outcome, Outcome::Done) {
                        sent.outcome = found;
                    }
                }
                tag::ERROR_RESPONSE => {
                    sent.failed = true;
                    if !matches!(sent.outcome, Outcome::Failed(_) | Outcome::Moved) {
                        sent.outcome = Outcome::Failed(ServerError::parse(&message.body).into());
                    }
                }
                _ => {}
            }
        }
        let outcome = std::mem::replace(&mut sent.outcome, Outcome::Done);
        if sent.failed {
            self.forget(sent);
        }
        Ok(outcome)
    }

    /// Which of the fresh ones were prepared is not known, or none was: their names are not used again.
    fn forget(&mut self, sent: &mut Sent) {
        for sql in sent.fresh.drain(..) {
            self.names.remove(&sql);
        }
    }

    /// Takes back what was written and is not sent.
    pub fn discard(&mut self, db: &mut Connection, written: impl Iterator<Item = Sent>) {
        written.for_each(|mut sent| self.forget(&mut sent));
        db.outgoing().clear();
    }
}

/// So many a session keeps. Each takes the target some tens of kilobytes, and of thousands of tables each has a few.
const MOST: usize = 4_000;
const FORGET: &str = "DEALLOCATE ALL";

/// Statements gathered for one round trip.
pub struct Exchange<'s> {
    statements: &'s mut Statements,
    db: &'s mut Connection,
    expect: VecDeque<Expect>,
    fresh: Vec<String>,
}

impl<'s> Exchange<'s> {
    fn end(self) -> (Sent, &'s mut Statements, &'s mut Connection) {
        frontend::sync(self.db.outgoing());
        let sent = Sent {
            expect: self.expect,
            fresh: self.fresh,
            outcome: Outcome::Done,
            failed: false,
            done: 0,
            told: Vec::new(),
        };
        (sent, self.statements, self.db)
    }

    /// A statement without parameters whose count does not matter.
    pub fn sql(&mut self, sql: &str) -> Result<(), Error> {
        self.run(sql, &[], Expect::Any)
    }

    /// The transaction's end.
    pub fn commit(&mut self) -> Result<(), Error> {
        self.run("COMMIT", &[], Expect::Commit)
    }

    /// A statement without parameters that gives one row, which is kept.
    pub fn ask(&mut self, sql: &str) -> Result<(), Error> {
        self.run(sql, &[], Expect::Told)
    }

    /// What a batch begins with.
    pub fn claim(&mut self, claim: Claim) -> Result<(), Error> {
        let params: Vec<_> = claim.params.iter().map(|p| p.as_deref().map(|p| BytesMut::from(p.as_bytes()))).collect();
        self.run(claim.sql, &params, Expect::Checkpoint)
    }

    /// Lets the server forget what the session has prepared, if that is too much. Should it never come to that, the server keeps them,
    /// and nobody uses them.
    pub fn make_room(&mut self) -> Result<(), Error> {
        if self.statements.names.len() >= MOST {
            self.sql(FORGET)?;
            // itself too
            self.statements.names.clear();
        }
        Ok(())
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
        self.expect.push_back(expect);
        Ok(())
    }

    /// All is written: it goes with the session's next flush.
    pub fn written(self) -> Sent {
        self.end().0
    }

    /// Sends everything and reads what the server made of it.
    pub async fn finish(self) -> Result<Outcome, Error> {
        let (mut sent, statements, db) = self.end();
        db.flush().await?;
        statements.answer(db, &mut sent).await
    }
}
