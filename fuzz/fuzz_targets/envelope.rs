//! Records of the topic, one after another: each an error or a record, never a panic; and what was read is written and read
//! again as the same.
//!
//! A record has its length before it in two bytes, big-endian.
#![no_main]

use bytes::{Buf, Bytes};
use filters::change::{Op, Row};
use libfuzzer_sys::fuzz_target;
use replicator::kafka::envelope::{Decoder, Encoder, Record};

fn walk(row: &Row) {
    assert_eq!(row.values().count(), row.len(), "the borders that were checked are the borders that are walked");
}

fuzz_target!(|data: &[u8]| {
    let mut rest = Bytes::copy_from_slice(data);
    let (mut encoder, mut decoder, mut again) = (Encoder::new(), Decoder::new(), Decoder::new());
    while let Ok(length) = rest.try_get_u16() {
        if rest.len() < usize::from(length) {
            return;
        }
        let record = match decoder.decode(rest.split_to(usize::from(length))) {
            Ok(record) => record,
            Err(e) => {
                let _ = format!("{e} {e:?}");
                continue;
            }
        };
        let _ = format!("{record:?}");
        if let Record::Change { change, .. } = &record {
            match &change.op {
                Op::Insert { new: row } | Op::Due { key: row } => walk(row),
                Op::Update { old, new } => {
                    walk(new);
                    old.iter().for_each(|old| walk(old.row()));
                }
                Op::Delete { old } => walk(old.row()),
                Op::Truncate { .. } => {}
            }
        }
        let value = Bytes::copy_from_slice(encoder.record(&record).value);
        assert_eq!(again.decode(value).as_ref(), Ok(&record));
    }
});
