//! The raw row that a value stands in, for masks and predicates that look at its neighbours.
//!
//! Cheap to make and small: a view, nothing is parsed or allocated before somebody asks. Columns go by their place in
//! the table as production has it, whatever is left out later.
//!
//! **Not every value is there.** The stream does not send a TOASTed value that a statement did not change (but with
//! `REPLICA IDENTITY FULL` it stands in the old row): that is [`Raw::Absent`], and who needs such a value must say so
//! ([`Outcome::NeedsRow`](crate::mask::Outcome::NeedsRow)) and guess nothing. An old row that is a key has NULLs that mean
//! nothing; no mask sees them, for one in the key looks at no other column ([`MaskError::InKey`]).
//!
//! [`MaskError::InKey`]: crate::mask::MaskError::InKey

use std::borrow::Cow;

use crate::change::{Row, Value};
use crate::copy_line;

/// A raw value of a row.
#[derive(Clone, PartialEq, Eq)]
pub enum Raw<'a> {
    /// SQL NULL.
    Null,
    /// It has a value, and we were not told which.
    Absent,
    /// The type's text output.
    Text(Cow<'a, [u8]>),
}

/// A row by the raw values of its columns.
#[derive(Clone, Copy)]
pub struct RawRow<'a>(Form<'a>);

#[derive(Clone, Copy)]
enum Form<'a> {
    Alone,
    /// A row, and the one before it if that is whole.
    Row(&'a Row, Option<&'a Row>),
    /// A line of COPY, and for each column of the table the field that holds it.
    Line(&'a [u8], &'a [Option<usize>]),
}

impl<'a> RawRow<'a> {
    /// No row at all: a value by itself.
    pub const ALONE: RawRow<'static> = RawRow(Form::Alone);

    /// A row of the stream.
    pub fn of(row: &'a Row) -> RawRow<'a> {
        RawRow(Form::Row(row, None))
    }

    /// A row after an update, with the row before it if that was sent as a whole.
    pub(crate) fn after(row: &'a Row, before: Option<&'a Row>) -> RawRow<'a> {
        RawRow(Form::Row(row, before))
    }

    /// A line of COPY. `fields` says for each column of the table which field holds it.
    pub(crate) fn of_line(line: &'a [u8], fields: &'a [Option<usize>]) -> RawRow<'a> {
        RawRow(Form::Line(line, fields))
    }

    /// The value of a column, by its place in the table. Linear in `column`.
    pub fn get(&self, column: usize) -> Raw<'a> {
        match self.0 {
            Form::Alone => Raw::Absent,
            Form::Row(row, before) => match (raw(row, column), before) {
                (Raw::Absent, Some(before)) => raw(before, column),
                (value, _) => value,
            },
            Form::Line(line, fields) => match fields.get(column).copied().flatten() {
                Some(field) => copy_line::raw_field(line, field),
                None => Raw::Absent,
            },
        }
    }

    /// Has an update left all these columns as they were, for sure?
    pub(crate) fn is_unchanged(&self, columns: &[usize]) -> bool {
        match self.0 {
            Form::Row(row, _) => columns.iter().all(|i| row.get(*i) == Value::Unchanged),
            Form::Alone | Form::Line(..) => false,
        }
    }
}

fn raw(row: &Row, column: usize) -> Raw<'_> {
    match row.values().nth(column) {
        Some(Value::Text(text)) => Raw::Text(Cow::Borrowed(text)),
        Some(Value::Null) => Raw::Null,
        // nobody asks for values in binary, and no column is beyond the last
        Some(Value::Unchanged | Value::Binary(_)) | None => Raw::Absent,
    }
}
