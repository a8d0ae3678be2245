//! A part of which the target has refused a row: the row is found, put into quarantine, and the rest is loaded.
//!
//! The rows come once more under the same snapshot, to a temporary table that takes anything (*raw*: every column is text). From
//! there they go in pieces, each behind a savepoint: a piece that is refused goes in halves, by its blocks and at last by its
//! rows, until what is refused is one row. So it takes no cut of the part, and goes the same way for a table that is one
//! unit, for single keys, and for a table without a key.
//!
//! Twice over: into the stage (its types may refuse a row), and, when room has been made, into the table (its constraints
//! may). What staging had under a refused key goes with all that differs: it may be of an older policy.
//!
//! One at a time: how many rows are in quarantine must not change meanwhile.

use std::sync::Arc;

use filters::change::Lsn;
use wire::{ServerError, quote_ident, quote_literal};

use super::{Load, Loaded, Loader, Sieve, Task, blame, merge, stage};
use crate::error::{Error, UNREAD, is_of_a_row};
use crate::mapping::Mapping;

/// Rows that go together.
enum Piece {
    /// All in blocks from the first on, up to before the second.
    Blocks(u64, u64),
    /// These.
    Rows(Vec<String>),
}

impl Piece {
    /// As a condition on *raw*.
    fn condition(&self) -> String {
        match self {
            Piece::Blocks(from, to) => format!("r.ctid >= '({from},0)'::tid AND r.ctid < '({to},0)'::tid"),
            Piece::Rows(rows) => {
                let rows: Vec<String> = rows.iter().map(|row| format!("{}::tid", quote_literal(row))).collect();
                format!("r.ctid IN ({})", rows.join(", "))
            }
        }
    }
}

impl Loader {
    /// Begins to load by way of *raw*. The checkpoint is held already.
    pub(super) async fn begin_sifted(&mut self, task: Task, at: Lsn, sieve: Sieve) -> Result<Load<'_>, Error> {
        let Task { mapping, spec, part, pending } = task;
        self.db.simple("SELECT pg_catalog.pg_advisory_xact_lock(7235201953270183273)").await?;
        let raw: Vec<String> = mapping
            .shape
            .columns
            .iter()
            .map(|c| format!("NULL::pg_catalog.text AS {}", quote_ident(&c.name)))
            .collect();
        let raw = raw.join(", ");
        let make = format!("CREATE TEMPORARY TABLE sluice_raw ON COMMIT DROP AS SELECT {raw} WITH NO DATA");
        self.db.simple(&format!("{make}; {}", stage(&mapping))).await?;
        let columns = mapping.arriving(|name| name.to_owned());
        // a character that the target lacks is to be refused row by row, not by the COPY
        let with = self.foreign().await?.map_or("", |_| " WITH (ENCODING 'SQL_ASCII')");
        self.db.copy_in(&format!("COPY pg_temp.sluice_raw ({columns}) FROM STDIN{with}")).await?;
        let (fill, loaded) = (Vec::new(), Loaded::default());
        Ok(Load { loader: self, mapping, spec, part, pending, staged: true, sifted: Some(sieve), at, fill, loaded })
    }
}

impl Loader {
    /// The target's encoding, where it has fewer characters than UTF-8 and any byte is one of them. Then *raw* has the bytes as
    /// they came, each taken for a character.
    async fn foreign(&mut self) -> Result<Option<String>, Error> {
        let sql = "SELECT pg_catalog.getdatabaseencoding() FROM pg_catalog.pg_database
            WHERE datname = pg_catalog.current_database() AND pg_catalog.pg_encoding_max_length(encoding) = 1 AND encoding <> 0";
        Ok(self.db.query(sql, &[]).await?.get(0, 0).map(str::to_owned))
    }
}

/// A column of *raw*, as text.
struct Text(Option<String>);

impl Text {
    fn of(&self, quoted: &str) -> String {
        match &self.0 {
            None => format!("r.{quoted}"),
            Some(encoding) => format!(
                "pg_catalog.convert_from(pg_catalog.convert_to(r.{quoted}, {}), 'UTF8')",
                quote_literal(encoding)
            ),
        }
    }
}

impl Load<'_> {
    /// Makes the part equal to what came, but for rows that are refused.
    pub(super) async fn sift(&mut self, sieve: Sieve) -> Result<(), Error> {
        let m = Arc::clone(&self.mapping);
        let text = Text(self.loader.foreign().await?);
        let columns: Vec<String> =
            m.columns.iter().map(|c| format!("{}::{} AS {}", text.of(&c.quoted), c.cast, c.quoted)).collect();
        let source =
            |piece: &str| format!("(SELECT {} FROM pg_temp.sluice_raw AS r WHERE {piece})", columns.join(", "));
        let list = m.column_list();
        let into_stage = |piece: &str| {
            format!("INSERT INTO pg_temp.sluice_stage ({list}) SELECT {list} FROM {} AS s", source(piece))
        };
        self.pieces(&m, sieve, &text, &into_stage).await?;
        let inside = self.condition("t.");
        let room = async {
            self.blank(&m, &inside).await?;
            self.shadow(&m).await?;
            self.leave_out(&m, &text).await?;
            match &m.key {
                None => self.clear(&m, &inside).await,
                Some(key) => self.make_room(&m, key, &inside, !sieve.yields).await,
            }
        };
        room.await.map_err(|e| match e {
            Error::Wire(e) => blame(&m, e),
            e => e,
        })?;
        self.pieces(&m, sieve, &text, &|piece: &str| merge::insert(&m, &source(piece))).await
    }

    /// Takes shadowed rows off *raw* too.
    async fn leave_out(&mut self, m: &Mapping, text: &Text) -> Result<(), Error> {
        let Some(key) = m.key.as_ref().filter(|_| m.writable.has_own()) else { return Ok(()) };
        let same: Vec<String> = key
            .columns
            .iter()
            .zip(&key.operators)
            .filter_map(|(&i, op)| m.columns.get(i).map(|c| (c, op)))
            .map(|(c, op)| format!("{}::{} {op} x.{}", text.of(&c.quoted), c.cast, c.quoted))
            .collect();
        let sql = format!(
            "DELETE FROM pg_temp.sluice_raw AS r USING pg_temp.sluice_shadow AS x WHERE {}",
            same.join(" AND ")
        );
        self.loader.db.simple_on_rows(&sql).await?;
        Ok(())
    }

    /// Runs a statement over all that is left of *raw*, in pieces as large as they may be.
    async fn pieces(
        &mut self,
        m: &Mapping,
        sieve: Sieve,
        text: &Text,
        statement: &(dyn Fn(&str) -> String + Sync),
    ) -> Result<(), Error> {
        let size = "SELECT pg_catalog.pg_relation_size('pg_temp.sluice_raw') / pg_catalog.current_setting('block_size')::bigint";
        let size = self.loader.db.simple(size).await?;
        let blocks = size.first().and_then(|r| r.get(0, 0)).and_then(|n| n.parse().ok()).unwrap_or(0);
        let mut todo = vec![Piece::Blocks(0, blocks)];
        while let Some(piece) = todo.pop() {
            let sql = format!("SAVEPOINT sift; {}; RELEASE SAVEPOINT sift", statement(&piece.condition()));
            let Err(e) = self.loader.db.simple_on_rows(&sql).await else { continue };
            let said = match e.server() {
                Some(said) if is_of_a_row(&said.sqlstate) && (sieve.unread || said.sqlstate != UNREAD) => said.clone(),
                _ => return Err(blame(m, e)),
            };
            self.loader.db.simple("ROLLBACK TO SAVEPOINT sift; RELEASE SAVEPOINT sift").await?;
            let rows = match piece {
                Piece::Blocks(from, to) if to - from > 1 => {
                    let middle = from + (to - from) / 2;
                    todo.extend([Piece::Blocks(middle, to), Piece::Blocks(from, middle)]);
                    continue;
                }
                Piece::Blocks(..) => {
                    let sql = format!("SELECT r.ctid FROM pg_temp.sluice_raw AS r WHERE {}", piece.condition());
                    let rows = self.loader.db.simple(&sql).await?;
                    let rows = rows.iter().flat_map(|r| r.iter()).filter_map(|r| r.get(0).map(str::to_owned));
                    let rows: Vec<String> = rows.collect();
                    if rows.len() != 1 {
                        todo.push(Piece::Rows(rows));
                        continue;
                    }
                    rows
                }
                Piece::Rows(rows) => rows,
            };
            match rows.as_slice() {
                [row] => self.refuse(m, sieve.most, text, row, said, e).await?,
                [] => return Err(Error::Bug(format!("{} refuses a piece without a row", m.writable.name()))),
                many => {
                    let (first, second) = many.split_at(many.len() / 2);
                    todo.extend([Piece::Rows(second.to_vec()), Piece::Rows(first.to_vec())]);
                }
            }
        }
        Ok(())
    }

    /// Puts one row of *raw* into quarantine.
    async fn refuse(
        &mut self,
        m: &Mapping,
        most: u64,
        text: &Text,
        row: &str,
        said: ServerError,
        source: wire::Error,
    ) -> Result<(), Error> {
        let (table, operation, lsn) = (m.writable.name().to_owned(), "copy", self.at);
        let p = quote_literal(&self.loader.pipeline);
        let sql = format!("SELECT count(*) FROM sluice.quarantine WHERE pipeline = {p}");
        let there = self.loader.db.simple(&sql).await?;
        let there = there.first().and_then(|r| r.get(0, 0)).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
        if there >= most {
            return Err(Error::Data { table, operation, lsn, full: Some(most), source });
        }
        let name = |t: &Option<String>| t.as_ref().map_or_else(|| "NULL".to_owned(), |t| quote_literal(t));
        let key: Vec<String> = self.spec.key.iter().map(|k| text.of(&quote_ident(k))).collect();
        let key = if key.is_empty() { "NULL".to_owned() } else { format!("ARRAY[{}]", key.join(", ")) };
        let names: Vec<String> = m.shape.columns.iter().map(|c| quote_literal(&c.name)).collect();
        let values: Vec<String> = m.shape.columns.iter().map(|c| text.of(&quote_ident(&c.name))).collect();
        let masked = format!(
            "pg_catalog.json_object(ARRAY[{}]::pg_catalog.text[], ARRAY[{}]::pg_catalog.text[])",
            names.join(", "),
            values.join(", ")
        );
        let at = Piece::Rows(vec![row.to_owned()]).condition();
        let record = |masked: &str| {
            format!(
                "SAVEPOINT sift;
                 INSERT INTO sluice.quarantine (pipeline, schema, name, key, fetchable, lsn, operation, sqlstate, constraint_name, column_name, masked)
                 SELECT {p}, {}, {}, {key}, {}, '{lsn}', 'copy', {}, {}, {}, {masked} FROM pg_temp.sluice_raw AS r WHERE {at};
                 DELETE FROM pg_temp.sluice_raw AS r WHERE {at}; RELEASE SAVEPOINT sift",
                quote_literal(&self.spec.schema),
                quote_literal(&self.spec.name),
                self.spec.pointable,
                quote_literal(&said.sqlstate),
                name(&said.constraint),
                name(&said.column),
            )
        };
        let db = &mut self.loader.db;
        match db.simple_on_rows(&record(&masked)).await {
            Ok(_) => {}
            // a value that cannot be written there either is left out; a key that cannot is no key
            Err(e) if e.sqlstate().is_some_and(is_of_a_row) => {
                let again = format!("ROLLBACK TO SAVEPOINT sift; {}", record("NULL"));
                db.simple_on_rows(&again).await.map_err(|e| blame(m, e))?;
            }
            Err(e) => return Err(e.into()),
        }
        self.loaded.quarantined += 1;
        tracing::warn!(%table, operation, %lsn, reason = %said, "a row cannot be loaded: it goes into quarantine, and its key is held");
        Ok(())
    }
}
