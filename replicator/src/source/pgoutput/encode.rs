//! The way back, for tests: messages to bytes, written from the manual and from nothing of the parser.

use filters::change::{Old, Row, Value};

use super::Message;

/// The bytes that PostgreSQL would send.
pub(crate) fn encode(message: &Message) -> Vec<u8> {
    let mut out = Vec::new();
    match message {
        Message::Begin(m) => {
            out.push(b'B');
            out.extend(m.final_lsn.0.to_be_bytes());
            out.extend(m.time.to_be_bytes());
            out.extend(m.xid.to_be_bytes());
        }
        Message::Commit(m) => {
            out.extend([b'C', m.flags]);
            out.extend(m.lsn.0.to_be_bytes());
            out.extend(m.end_lsn.0.to_be_bytes());
            out.extend(m.time.to_be_bytes());
        }
        Message::Origin(m) => {
            out.push(b'O');
            out.extend(m.lsn.0.to_be_bytes());
            string(&mut out, &m.name);
        }
        Message::Relation(m) => {
            out.push(b'R');
            out.extend(m.oid.to_be_bytes());
            string(&mut out, &m.namespace);
            string(&mut out, &m.name);
            out.push(m.identity);
            out.extend(u16::try_from(m.columns.len()).unwrap().to_be_bytes());
            for column in &m.columns {
                out.push(column.flags);
                string(&mut out, &column.name);
                out.extend(column.type_oid.to_be_bytes());
                out.extend(column.type_modifier.to_be_bytes());
            }
        }
        Message::Type(m) => {
            out.push(b'Y');
            out.extend(m.oid.to_be_bytes());
            string(&mut out, &m.namespace);
            string(&mut out, &m.name);
        }
        Message::Insert(m) => {
            out.push(b'I');
            out.extend(m.oid.to_be_bytes());
            tuple(&mut out, b'N', &m.new);
        }
        Message::Update(m) => {
            out.push(b'U');
            out.extend(m.oid.to_be_bytes());
            m.old.iter().for_each(|old| old_tuple(&mut out, old));
            tuple(&mut out, b'N', &m.new);
        }
        Message::Delete(m) => {
            out.push(b'D');
            out.extend(m.oid.to_be_bytes());
            old_tuple(&mut out, &m.old);
        }
        Message::Truncate(m) => {
            out.push(b'T');
            out.extend(u32::try_from(m.oids.len()).unwrap().to_be_bytes());
            out.push(u8::from(m.cascade) | u8::from(m.restart_identity) << 1);
            m.oids.iter().for_each(|oid| out.extend(oid.to_be_bytes()));
        }
        Message::Logical(m) => {
            out.extend([b'M', u8::from(m.transactional)]);
            out.extend(m.lsn.0.to_be_bytes());
            string(&mut out, &m.prefix);
            out.extend(u32::try_from(m.content.len()).unwrap().to_be_bytes());
            out.extend(&m.content);
        }
        Message::StreamAbort(m) => {
            out.push(b'A');
            out.extend(m.xid.to_be_bytes());
            out.extend(m.subxid.to_be_bytes());
        }
    }
    out
}

fn string(out: &mut Vec<u8>, text: &str) {
    out.extend(text.bytes());
    out.push(0);
}

fn old_tuple(out: &mut Vec<u8>, old: &Old) {
    let mark = if matches!(old, Old::Key(_)) { b'K' } else { b'O' };
    tuple(out, mark, old.row());
}

fn tuple(out: &mut Vec<u8>, mark: u8, row: &Row) {
    out.push(mark);
    out.extend(u16::try_from(row.len()).unwrap().to_be_bytes());
    for value in row.values() {
        match value {
            Value::Null => out.push(b'n'),
            Value::Unchanged => out.push(b'u'),
            Value::Text(v) => value_of(out, b't', v),
            Value::Binary(v) => value_of(out, b'b', v),
        }
    }
}

fn value_of(out: &mut Vec<u8>, kind: u8, value: &[u8]) {
    out.push(kind);
    out.extend(u32::try_from(value.len()).unwrap().to_be_bytes());
    out.extend(value);
}
