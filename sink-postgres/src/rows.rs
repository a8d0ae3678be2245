//! Rows as bytes for the server: parameters of a statement, or lines of COPY.
//!
//! Every array is a `text[]` in binary form, which carries each value's text as it came (no quoting, arrays of arrays
//! too), and the server casts it by the type's own input function. COPY is in text form, again each value as it came.

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};
use filters::change::{Row, Value};
use postgres_protocol::message::frontend;

use crate::mapping::Mapping;

/// Builds binary `text[]` parameters, one array a column, row by row.
/// (<https://www.postgresql.org/docs/current/xfunc-c.html>; the layout is that of `array_send`.)
#[derive(Default)]
pub struct Arrays {
    columns: Vec<BytesMut>,
    rows: u32,
}

impl Arrays {
    /// Empties it for `columns` columns, keeping its memory.
    pub fn reset(&mut self, columns: usize) {
        self.rows = 0;
        self.columns.resize_with(columns, BytesMut::new);
        for c in &mut self.columns {
            c.clear();
            c.put_i32(1); // dimensions
            c.put_i32(1); // there may be nulls
            c.put_u32(25); // text
            c.put_u32(0); // rows, set in `finish`
            c.put_i32(1); // lower bound
        }
    }

    /// Appends a row: `columns[i]` is the index in `row` of the array `i`'s value.
    pub fn push(&mut self, row: &Row, columns: &[usize]) {
        self.rows += 1;
        // one pass over the row where the columns ascend (they do but for keys in another order than the table's)
        let mut values = row.values().enumerate();
        let mut at = 0usize;
        for (out, &want) in self.columns.iter_mut().zip(columns) {
            let value = if want >= at {
                at = want + 1;
                values.by_ref().find(|(i, _)| *i == want).map_or(Value::Null, |(_, v)| v)
            } else {
                row.get(want)
            };
            match value {
                Value::Text(v) | Value::Binary(v) => {
                    out.put_u32(v.len() as u32);
                    out.put_slice(v);
                }
                Value::Null | Value::Unchanged => out.put_i32(-1),
            }
        }
    }

    /// The arrays, ready to bind.
    pub fn finish(&mut self) -> &[BytesMut] {
        for c in &mut self.columns {
            if let Some(rows) = c.get_mut(12..16) {
                rows.copy_from_slice(&self.rows.to_be_bytes());
            }
        }
        &self.columns
    }
}

/// Appends CopyData messages with one text line a row, then CopyDone.
pub fn copy_rows(m: &Mapping, rows: &[Cow<'_, Row>], out: &mut BytesMut) {
    const MESSAGE: usize = 64 * 1024;
    let mut start = begin_copy_data(out);
    for row in rows {
        if out.len() - start > MESSAGE {
            end_copy_data(out, start);
            start = begin_copy_data(out);
        }
        copy_line(m, row, out);
    }
    end_copy_data(out, start);
    frontend::copy_done(out);
}

fn begin_copy_data(out: &mut BytesMut) -> usize {
    out.put_u8(b'd');
    out.put_u32(0);
    out.len()
}

fn end_copy_data(out: &mut BytesMut, start: usize) {
    let len = (out.len() - start + 4) as u32;
    if let Some(head) = out.get_mut(start - 4..start) {
        head.copy_from_slice(&len.to_be_bytes());
    }
}

/// One line of COPY's text format (<https://www.postgresql.org/docs/current/sql-copy.html>).
fn copy_line(m: &Mapping, row: &Row, out: &mut BytesMut) {
    let mut values = row.values();
    let mut at = 0usize;
    for (n, column) in m.columns.iter().enumerate() {
        if n > 0 {
            out.put_u8(b'\t');
        }
        // the mapping's columns ascend by source
        let value = values.nth(column.source - at).unwrap_or(Value::Null);
        at = column.source + 1;
        match value {
            Value::Text(v) | Value::Binary(v) => escape(v, out),
            Value::Null | Value::Unchanged => out.put_slice(b"\\N"),
        }
    }
    out.put_u8(b'\n');
}

fn escape(value: &[u8], out: &mut BytesMut) {
    let mut rest = value;
    while let Some(at) = rest.iter().position(|b| matches!(b, b'\\' | b'\n' | b'\r' | b'\t')) {
        let (plain, special) = rest.split_at(at);
        out.put_slice(plain);
        out.put_u8(b'\\');
        out.put_u8(match special.first() {
            Some(b'\n') => b'n',
            Some(b'\r') => b'r',
            Some(b'\t') => b't',
            _ => b'\\',
        });
        rest = special.get(1..).unwrap_or(&[]);
    }
    out.put_slice(rest);
}
