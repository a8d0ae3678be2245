//! The answer to a catalog query, as text.

use bytes::{Buf, Bytes};

use crate::{
    error::Error,
    message::{Message, affected, cstr},
};

/// The result of one statement: names of columns, rows of text, and the count of its command tag.
///
/// For catalogs and settings. `Debug` shows values, so it is not for rows of user data.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows {
    columns: Vec<String>,
    rows: Vec<Vec<Option<String>>>,
    affected: u64,
}

/// One row of [`Rows`].
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    columns: &'a [String],
    values: &'a [Option<String>],
}

impl Rows {
    /// Names of the columns, in order.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The count in the command tag: rows selected, inserted, updated, deleted, copied; 0 for other commands.
    pub fn affected(&self) -> u64 {
        self.affected
    }

    /// The rows, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        self.rows.iter().map(|values| Row { columns: &self.columns, values })
    }

    /// The first row.
    pub fn first(&self) -> Option<Row<'_>> {
        self.iter().next()
    }

    /// A value by row and column, both from 0; `None` if it is NULL or not there.
    pub fn get(&self, row: usize, column: usize) -> Option<&str> {
        self.rows.get(row)?.get(column)?.as_deref()
    }

    /// A value by row and name of the column; `None` if it is NULL or not there.
    pub fn by_name(&self, row: usize, column: &str) -> Option<&str> {
        self.get(row, self.columns.iter().position(|c| c == column)?)
    }

    pub(crate) fn describe(&mut self, body: &Bytes) -> Result<(), Error> {
        let mut body = body.clone();
        let count = body.try_get_u16().map_err(|_| SHORT)?;
        for _ in 0..count {
            let name = cstr(&mut body).ok_or(SHORT)?;
            self.columns.push(text(&name)?);
            // table oid, attribute number, type oid, type size, type modifier, format
            body = body.split_off_checked(18).ok_or(SHORT)?;
        }
        Ok(())
    }

    pub(crate) fn push(&mut self, row: &Message) -> Result<(), Error> {
        let values = row.fields().map(|v| v.map(text).transpose()).collect::<Result<Vec<_>, _>>()?;
        if values.len() != self.columns.len() {
            return Err(Error::Protocol("a row with another number of columns than was described"));
        }
        self.rows.push(values);
        Ok(())
    }

    pub(crate) fn complete(&mut self, body: &[u8]) {
        self.affected = affected(body);
    }
}

impl<'a> Row<'a> {
    /// A value by column, from 0; `None` if it is NULL or not there.
    pub fn get(&self, column: usize) -> Option<&'a str> {
        self.values.get(column)?.as_deref()
    }

    /// A value by name of the column; `None` if it is NULL or not there.
    pub fn by_name(&self, column: &str) -> Option<&'a str> {
        self.get(self.columns.iter().position(|c| c == column)?)
    }

    /// All values, in order.
    pub fn values(&self) -> impl ExactSizeIterator<Item = Option<&'a str>> {
        self.values.iter().map(|v| v.as_deref())
    }
}

const SHORT: Error = Error::Protocol("a row description is cut");

fn text(bytes: impl AsRef<[u8]>) -> Result<String, Error> {
    let text = std::str::from_utf8(bytes.as_ref()).map_err(|_| Error::Protocol("a text is not UTF-8"))?;
    Ok(text.to_string())
}

trait SplitOffChecked: Sized {
    fn split_off_checked(self, at: usize) -> Option<Self>;
}

impl SplitOffChecked for Bytes {
    fn split_off_checked(mut self, at: usize) -> Option<Bytes> {
        (at <= self.len()).then(|| self.split_off(at))
    }
}
