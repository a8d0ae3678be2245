//! Making rows that did not come from the socket: masked ones, and those of tests.

use bytes::{BufMut, BytesMut};

use super::row::{Row, Value};

/// Builds rows one after another in a shared arena: one allocation for many rows.
///
/// Call [`push`](RowBuilder::push) or [`push_text_with`](RowBuilder::push_text_with) once per column, then
/// [`finish`](RowBuilder::finish).
#[derive(Default)]
pub struct RowBuilder {
    arena: BytesMut,
    columns: u16,
    unchanged: bool,
}

impl RowBuilder {
    /// An empty builder; its arena grows by need.
    pub fn new() -> RowBuilder {
        RowBuilder::default()
    }

    /// Appends one value.
    pub fn push(&mut self, value: Value<'_>) {
        self.columns += 1;
        match value {
            Value::Null => self.arena.put_u8(b'n'),
            Value::Unchanged => {
                self.unchanged = true;
                self.arena.put_u8(b'u');
            }
            Value::Text(v) => self.put(b't', v),
            Value::Binary(v) => self.put(b'b', v),
        }
    }

    /// Appends one text value that `write` puts at the end of the buffer it is given. `write` returns false for NULL,
    /// whatever it wrote.
    pub fn push_text_with(&mut self, write: impl FnOnce(&mut BytesMut) -> bool) {
        self.columns += 1;
        let start = self.arena.len();
        self.arena.put_u8(b't');
        self.arena.put_u32(0);
        if write(&mut self.arena) {
            let len = (self.arena.len() - start - 5) as u32;
            self.arena[start + 1..start + 5].copy_from_slice(&len.to_be_bytes());
        } else {
            self.arena.truncate(start);
            self.arena.put_u8(b'n');
        }
    }

    /// Ends the row.
    pub fn finish(&mut self) -> Row {
        let row = Row { columns: self.columns, unchanged: self.unchanged, data: self.arena.split().freeze() };
        (self.columns, self.unchanged) = (0, false);
        if self.arena.capacity() < 1024 {
            self.arena.reserve(64 * 1024);
        }
        row
    }

    fn put(&mut self, kind: u8, value: &[u8]) {
        self.arena.put_u8(kind);
        self.arena.put_u32(value.len() as u32);
        self.arena.put_slice(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn a_row_gives_back_what_was_put_in() {
        let mut b = RowBuilder::new();
        b.push(Value::Text(b"7"));
        b.push(Value::Null);
        b.push(Value::Unchanged);
        b.push_text_with(|out| {
            out.extend_from_slice(b"abc");
            true
        });
        b.push_text_with(|out| {
            out.extend_from_slice(b"thrown away");
            false
        });
        let row = b.finish();
        let want = [Value::Text(b"7"), Value::Null, Value::Unchanged, Value::Text(b"abc"), Value::Null];
        assert_eq!(row.values().collect::<Vec<_>>(), want);
        assert!(row.has_unchanged());
        assert_eq!(format!("{row:?}"), "[text(1), null, unchanged, text(3), null]");
        let again = Row::split_from(&mut row.data.clone(), 5).unwrap();
        assert_eq!(again, row);
        assert!(again.has_unchanged());
        assert_eq!(b.finish().len(), 0);
        b.push(Value::Text(b"u"));
        let whole = b.finish();
        assert!(!whole.has_unchanged());
        assert!(!Row::split_from(&mut whole.data.clone(), 1).unwrap().has_unchanged());
    }

    #[test]
    fn a_cut_tuple_is_an_error() {
        let mut b = RowBuilder::new();
        b.push(Value::Text(b"hello"));
        b.push(Value::Null);
        let whole = b.finish().data;
        for end in 0..whole.len() {
            assert!(Row::split_from(&mut whole.slice(..end), 2).is_err(), "{end}");
        }
        let mut rest = whole.clone();
        assert_eq!(Row::split_from(&mut rest, 1).unwrap().len(), 1);
        assert_eq!(&rest[..], b"n");
        assert!(Row::split_from(&mut Bytes::from_static(b"t\xff\xff\xff\xff"), 1).is_err());
        assert!(Row::split_from(&mut Bytes::from_static(b"x"), 1).is_err());
    }
}
