//! What a server sends on any connection: whole messages, and what is read of each; an error has no text.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use wire::{Message, ServerError, messages};

fuzz_target!(|data: &[u8]| {
    for (tag, body) in messages(Bytes::copy_from_slice(data)) {
        let message = Message { tag, body };
        let (length, fields) = (message.body.len(), message.fields());
        assert!(fields.flatten().map(<[u8]>::len).sum::<usize>() <= length, "fields longer than their row");
        let _ = (message.affected(), format!("{message:?}"));
        if let Some(e) = message.error() {
            assert_eq!(e.message, None);
            let _ = (e.to_string(), e.condition(), e.is_transient());
        }
    }
    let _ = ServerError::parse(data).to_string();
});
