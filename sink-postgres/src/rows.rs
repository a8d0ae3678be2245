//! Rows as bytes for the server: parameters of a statement, or lines of COPY.
//!
//! Every array is in binary form: of its own type where [`crate::binary`] has one, else a `text[]`, which carries each value's text
//! as it came (no quoting, arrays of arrays too), and the server casts it by the type's own input function. Where one value of a
//! step has none, all of its arrays are of text. COPY is in binary form where all values of a step have one, else in text form,
//! again each value as it came.

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};
use filters::change::{Row, Value};
use postgres_protocol::message::frontend;

use crate::binary::Form;
use crate::mapping::Mapping;

/// Builds array parameters in binary form, one a column, row by row.
/// (<https://www.postgresql.org/docs/current/xfunc-c.html>; the layout is that of `array_send`.)
#[derive(Default)]
pub struct Arrays {
    columns: Vec<BytesMut>,
    forms: Vec<Option<Form>>,
    rows: u32,
}

impl Arrays {
    /// Fills it with these rows, keeping its memory: `source[i]` is the index in a row of the array `i`'s value, `forms[i]` what
    /// its values are to be sent as. Where one value has no such form, all arrays are of text: then a statement has two texts and
    /// not one for each set of columns, and the server keeps every one that was ever prepared.
    pub fn fill<'r>(
        &mut self,
        rows: impl Iterator<Item = &'r Row> + Clone,
        source: &[usize],
        forms: Vec<Option<Form>>,
    ) {
        if self.filled(rows.clone(), source, forms).is_none() {
            let _ = self.filled(rows, source, vec![None; source.len()]);
        }
    }

    fn filled<'r>(
        &mut self,
        rows: impl Iterator<Item = &'r Row>,
        source: &[usize],
        forms: Vec<Option<Form>>,
    ) -> Option<()> {
        self.rows = 0;
        self.forms = forms;
        self.columns.resize_with(source.len(), BytesMut::new);
        for (c, form) in self.columns.iter_mut().zip(&self.forms) {
            head(c, *form);
        }
        for row in rows {
            self.rows += 1;
            self.push(row, source)?;
        }
        Some(())
    }

    /// `None`: a value of it has no such form.
    fn push(&mut self, row: &Row, source: &[usize]) -> Option<()> {
        // one pass over the row where the columns ascend (they do but for keys in another order than the table's)
        let mut values = row.values().enumerate();
        let mut at = 0usize;
        for ((out, form), &want) in self.columns.iter_mut().zip(&self.forms).zip(source) {
            let value = if want >= at {
                at = want + 1;
                values.by_ref().find(|(i, _)| *i == want).map_or(Value::Null, |(_, v)| v)
            } else {
                row.get(want)
            };
            match (form, value) {
                (Some(form), Value::Text(v)) => form.write(v, out)?,
                (Some(_), Value::Binary(_)) => return None,
                _ => text(value, out),
            }
        }
        Some(())
    }

    /// How each array comes.
    pub fn forms(&self) -> &[Option<Form>] {
        &self.forms
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

fn head(out: &mut BytesMut, form: Option<Form>) {
    out.clear();
    out.put_i32(1); // dimensions
    out.put_i32(1); // there may be nulls
    out.put_u32(form.unwrap_or(Form::Text).named().1);
    out.put_u32(0); // rows, set in `finish`
    out.put_i32(1); // lower bound
}

fn text(value: Value<'_>, out: &mut BytesMut) {
    match value {
        Value::Text(v) | Value::Binary(v) => {
            out.put_u32(v.len() as u32);
            out.put_slice(v);
        }
        Value::Null | Value::Unchanged => out.put_i32(-1),
    }
}

/// CopyData messages with rows in them.
#[derive(Default)]
pub struct Lines(BytesMut);

impl Lines {
    /// Makes them of these rows, in COPY's binary form; false if a value has none of ours.
    pub fn binary(&mut self, m: &Mapping, rows: &[Cow<'_, Row>]) -> bool {
        self.made(rows, |row, out, first| {
            if first {
                // a signature, no flags, no extension
                out.put_slice(b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0");
            }
            binary_line(m, row, out)
        })
        .is_some()
    }

    /// Makes them of these rows, in COPY's text form.
    pub fn text(&mut self, m: &Mapping, rows: &[Cow<'_, Row>]) {
        self.made(rows, |row, out, _| {
            copy_line(m, row, out);
            Some(())
        });
    }

    fn made(
        &mut self,
        rows: &[Cow<'_, Row>],
        mut line: impl FnMut(&Row, &mut BytesMut, bool) -> Option<()>,
    ) -> Option<()> {
        const MESSAGE: usize = 64 * 1024;
        let out = &mut self.0;
        out.clear();
        let mut start = begin_copy_data(out);
        for (n, row) in rows.iter().enumerate() {
            if out.len() - start > MESSAGE {
                end_copy_data(out, start);
                start = begin_copy_data(out);
            }
            line(row, out, n == 0)?;
        }
        end_copy_data(out, start);
        Some(())
    }

    /// Appends them, and CopyDone.
    pub fn put(&self, out: &mut BytesMut) {
        out.extend_from_slice(&self.0);
        frontend::copy_done(out);
    }
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

/// One tuple of COPY's binary format (<https://www.postgresql.org/docs/current/sql-copy.html>), whose end CopyDone is.
fn binary_line(m: &Mapping, row: &Row, out: &mut BytesMut) -> Option<()> {
    out.put_i16(i16::try_from(m.columns.len()).ok()?);
    let mut values = row.values();
    let mut at = 0usize;
    for column in &m.columns {
        let value = values.nth(column.source - at).unwrap_or(Value::Null);
        at = column.source + 1;
        match value {
            Value::Text(v) => column.form?.write(v, out)?,
            Value::Binary(_) => return None,
            Value::Null | Value::Unchanged => out.put_i32(-1),
        }
    }
    Some(())
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
