//! Rows, and the values in them.

use std::fmt;

use bytes::Bytes;

/// One value of a row: a view into the row's buffer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// SQL NULL.
    Null,
    /// A TOASTed value that the statement did not change and the stream did not send.
    Unchanged,
    /// The type's text output.
    Text(&'a [u8]),
    /// The type's binary send form.
    Binary(&'a [u8]),
}

/// The kind of a value and its length, never its content: values do not get into logs (invariant 5).
impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("null"),
            Value::Unchanged => f.write_str("unchanged"),
            Value::Text(v) => write!(f, "text({})", v.len()),
            Value::Binary(v) => write!(f, "binary({})", v.len()),
        }
    }
}

/// A row in one shared buffer, from the socket to the bind.
///
/// The buffer holds the columns of a `TupleData` as the protocol sends them
/// (<https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html>): per column a byte `n`, `u`,
/// `t` or `b`, and for the latter two a big-endian `i32` length and as many bytes. Nothing is parsed before it is
/// needed, and a row without a mask is never copied.
#[derive(Clone, PartialEq, Eq)]
pub struct Row {
    pub(super) columns: u16,
    /// Has it an unchanged value? Seen when the row is made, and asked of every change.
    pub(super) unchanged: bool,
    pub(super) data: Bytes,
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.values()).finish()
    }
}

/// The bytes are no tuple of that many columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed tuple: {0}")]
pub struct BadTuple(pub &'static str);

impl Row {
    /// Takes `columns` columns from the front of `data`, leaving the rest. Checks every border, so that views later
    /// cannot fail.
    pub fn split_from(data: &mut Bytes, columns: u16) -> Result<Row, BadTuple> {
        let (mut at, mut unchanged) = (0usize, false);
        for _ in 0..columns {
            match data.get(at).ok_or(BadTuple("ends before its last column"))? {
                b'n' => at += 1,
                b'u' => (at, unchanged) = (at + 1, true),
                b't' | b'b' => {
                    let head = data.get(at + 1..at + 5).ok_or(BadTuple("ends inside a length"))?;
                    let len = i32::from_be_bytes([head[0], head[1], head[2], head[3]]);
                    let len = usize::try_from(len).map_err(|_| BadTuple("has a negative length"))?;
                    at = (at + 5).checked_add(len).ok_or(BadTuple("has an impossible length"))?;
                    if at > data.len() {
                        return Err(BadTuple("ends inside a value"));
                    }
                }
                _ => return Err(BadTuple("has an unknown kind of column")),
            }
        }
        Ok(Row { columns, unchanged, data: data.split_to(at) })
    }

    /// How many columns it has.
    pub fn len(&self) -> usize {
        self.columns as usize
    }

    /// Has it no column at all? (PostgreSQL allows such tables.)
    pub fn is_empty(&self) -> bool {
        self.columns == 0
    }

    /// Bytes that it holds in memory.
    pub fn size(&self) -> usize {
        self.data.len()
    }

    /// Its columns, as `TupleData` has them: what [`split_from`](Row::split_from) took.
    pub fn as_bytes(&self) -> &Bytes {
        &self.data
    }

    /// Its values, in the order of the table's columns.
    pub fn values(&self) -> Values<'_> {
        Values { data: &self.data }
    }

    /// The value of one column. Linear in `index`: keys come first in most tables. `Null` beyond the last column.
    pub fn get(&self, index: usize) -> Value<'_> {
        self.values().nth(index).unwrap_or(Value::Null)
    }

    /// Has any column an unchanged TOASTed value that the stream did not send?
    pub fn has_unchanged(&self) -> bool {
        self.unchanged
    }
}

/// Iterator over a row's values.
#[derive(Clone)]
pub struct Values<'a> {
    data: &'a [u8],
}

impl<'a> Iterator for Values<'a> {
    type Item = Value<'a>;
    #[inline]
    fn next(&mut self) -> Option<Value<'a>> {
        let (&kind, rest) = self.data.split_first()?;
        match kind {
            b'n' => {
                self.data = rest;
                Some(Value::Null)
            }
            b'u' => {
                self.data = rest;
                Some(Value::Unchanged)
            }
            _ => {
                // checked when the row was made; `None` rather than a panic should that ever be untrue
                let (head, rest) = rest.split_first_chunk::<4>()?;
                let len = u32::from_be_bytes(*head) as usize;
                let (value, rest) = rest.split_at_checked(len)?;
                self.data = rest;
                Some(if kind == b'b' { Value::Binary(value) } else { Value::Text(value) })
            }
        }
    }
}
