//! One message of the output plugin: an error or a message, never a panic; and what is a message can be shown, walked
//! and decoded.
#![no_main]

use bytes::Bytes;
use filters::change::{Lsn, Row};
use libfuzzer_sys::fuzz_target;
use replicator::source::decode::Decoder;
use replicator::source::pgoutput::{Begin, Message};

fn walk(row: &Row) {
    assert_eq!(row.values().count(), row.len(), "the borders that were checked are the borders that are walked");
}

fuzz_target!(|data: &[u8]| {
    let message = match Message::parse(Bytes::copy_from_slice(data)) {
        Ok(message) => message,
        Err(e) => return drop(e.to_string()),
    };
    let _ = format!("{message:?}");
    match &message {
        Message::Insert(m) => walk(&m.new),
        Message::Update(m) => {
            walk(&m.new);
            m.old.iter().for_each(|old| walk(old.row()));
        }
        Message::Delete(m) => walk(m.old.row()),
        _ => {}
    }
    let mut decoder = Decoder::new(Lsn::ZERO);
    let _ = decoder.message(Message::Begin(Begin { final_lsn: Lsn(1), time: 0, xid: 1 }));
    let _ = decoder.message(message);
});
