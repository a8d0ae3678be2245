//! A run of messages of the output plugin, as they come one after another, and keepalives between them: an error or events,
//! never a panic; and an idle position never goes back, nor is there one inside a transaction.
//!
//! A message has its length before it in two bytes, big-endian; a length of 0 is a keepalive, its position in the next eight.
#![no_main]

use bytes::{Buf, Bytes};
use filters::change::{Event, Lsn};
use libfuzzer_sys::fuzz_target;
use replicator::source::decode::Decoder;
use replicator::source::pgoutput::Message;

fuzz_target!(|data: &[u8]| {
    let mut rest = Bytes::copy_from_slice(data);
    let mut decoder = Decoder::new(Lsn(1));
    let mut idle = Lsn(1);
    let mut open = false;
    while let Ok(length) = rest.try_get_u16() {
        if length == 0 {
            let Ok(position) = rest.try_get_u64() else { return };
            match decoder.keepalive(Lsn(position)) {
                Some(Event::Idle(lsn)) => {
                    assert!(!open && lsn >= idle, "a position went back, or stands inside a transaction");
                    idle = lsn;
                }
                other => assert!(open && other.is_none(), "an idle position outside a transaction"),
            }
            continue;
        }
        if rest.len() < usize::from(length) {
            return;
        }
        let Ok(message) = Message::parse(rest.split_to(usize::from(length))) else { return };
        let Ok(event) = decoder.message(message) else { return };
        for event in event.into_iter().chain(std::iter::from_fn(|| decoder.more())) {
            match event {
                Event::Begin { .. } => open = true,
                Event::Commit { .. } => open = false,
                Event::Change(change) => {
                    assert!(open, "a change outside a transaction");
                    let _ = format!("{change:?} {}", change.size());
                }
                Event::Schema(table) => drop(format!("{table:?} {table}")),
                Event::Idle(_) => unreachable!("a message is no keepalive"),
            }
        }
        assert_eq!(decoder.in_transaction(), open);
    }
});
