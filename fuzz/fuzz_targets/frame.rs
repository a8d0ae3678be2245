//! One CopyData of the stream: an error or a frame, never a panic.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use replicator::source::frame::Frame;
use replicator::source::pgoutput::Message;

fuzz_target!(|data: &[u8]| {
    match Frame::parse(Bytes::copy_from_slice(data)) {
        Ok(Frame::Data { body, .. }) => drop(Message::parse(body)),
        Ok(frame) => drop(format!("{frame:?}")),
        Err(e) => drop(e.to_string()),
    }
});
