//! What real servers have sent, message by message (`tests/source/record.rs` records it): the parser must read it all,
//! and must mean the same by it whatever the major. The expected dumps show no values, and nothing that differs from
//! run to run: no LSN, time, xid or OID of ours.

use std::collections::HashMap;
use std::fmt::Write;

use super::super::decode::Decoder;
use super::encode::encode;
use super::*;

macro_rules! scenes {
    ($($name:ident),+) => { [$((
        stringify!($name),
        [include_str!(concat!("../golden/15/", stringify!($name), ".hex")),
         include_str!(concat!("../golden/18/", stringify!($name), ".hex"))],
        include_str!(concat!("../golden/", stringify!($name), ".txt")),
    )),+] };
}

const SCENES: [(&str, [&str; 2], &str); 7] = scenes!(identity, toast, shape, truncate, types, origin, logical);

fn unhex(line: &str) -> Bytes {
    let pairs = line.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn all() -> impl Iterator<Item = (&'static str, Bytes)> {
    let lines = |(name, majors, _): (&'static str, [&'static str; 2], _)| {
        majors.into_iter().flat_map(str::lines).map(move |line| (name, unhex(line)))
    };
    SCENES.into_iter().flat_map(lines)
}

/// One line a message; tables and types of ours by name.
fn dump(lines: &str) -> String {
    let mut out = String::new();
    let mut names: HashMap<u32, String> = HashMap::new();
    let of = |names: &HashMap<u32, String>, oid: u32| names.get(&oid).cloned().unwrap_or_else(|| oid.to_string());
    for line in lines.lines() {
        match Message::parse(unhex(line)).unwrap() {
            Message::Begin(_) => out += "Begin",
            Message::Commit(m) => write!(out, "Commit flags {}", m.flags).unwrap(),
            Message::Origin(m) => write!(out, "Origin {} at {}", m.name, m.lsn).unwrap(),
            Message::Relation(m) => {
                write!(out, "Relation {}.{} identity {}", m.namespace, m.name, char::from(m.identity)).unwrap();
                for c in &m.columns {
                    let (key, type_) = (if c.flags == 1 { "*" } else { "" }, of(&names, c.type_oid));
                    write!(out, ", {key}{} {type_}({})", c.name, c.type_modifier).unwrap();
                }
                names.insert(m.oid, m.name.to_string());
            }
            Message::Type(m) => {
                write!(out, "Type {}.{}", m.namespace, m.name).unwrap();
                names.insert(m.oid, m.name.to_string());
            }
            Message::Insert(m) => write!(out, "Insert {} {:?}", of(&names, m.oid), m.new).unwrap(),
            Message::Update(m) => write!(out, "Update {} {:?} to {:?}", of(&names, m.oid), m.old, m.new).unwrap(),
            Message::Delete(m) => write!(out, "Delete {} {:?}", of(&names, m.oid), m.old).unwrap(),
            Message::Truncate(m) => {
                let tables: Vec<_> = m.oids.iter().map(|oid| of(&names, *oid)).collect();
                write!(out, "Truncate {tables:?} cascade {} restart {}", m.cascade, m.restart_identity).unwrap();
            }
            Message::Logical(m) => {
                let Logical { transactional, prefix, content, .. } = m;
                write!(out, "Message {prefix}, transactional {transactional}, {} bytes", content.len()).unwrap();
            }
            Message::StreamAbort(_) => out += "StreamAbort",
        }
        out.push('\n');
    }
    out
}

/// With `SLUICE_BLESS` set it writes the expected dump anew: look at the difference.
#[test]
fn both_majors_say_what_is_expected() {
    for (name, [on_15, on_18], want) in SCENES {
        if std::env::var_os("SLUICE_BLESS").is_some() {
            let path = format!("{}/src/source/golden/{name}.txt", env!("CARGO_MANIFEST_DIR"));
            std::fs::write(path, dump(on_15)).unwrap();
            continue;
        }
        assert_eq!(dump(on_15), want, "{name} on 15");
        assert_eq!(dump(on_18), want, "{name} on 18");
    }
}

#[test]
fn every_kind_of_message_was_recorded() {
    let kinds: std::collections::BTreeSet<_> = all().map(|(_, message)| char::from(message[0])).collect();
    assert_eq!(kinds.into_iter().collect::<String>(), "BCDIMORTUY");
}

#[test]
fn every_message_comes_back_from_its_parts() {
    for (name, message) in all() {
        let parsed = Message::parse(message.clone()).unwrap();
        assert_eq!(encode(&parsed), message, "{name}: {parsed:?}");
    }
}

#[test]
fn every_beginning_of_a_message_is_an_error() {
    for (name, message) in all() {
        for end in 0..message.len() {
            assert!(Message::parse(message.slice(..end)).is_err(), "{name}: {end} of {}", message.len());
        }
    }
}

#[test]
fn every_scene_can_be_decoded() {
    for lines in SCENES.into_iter().flat_map(|(_, majors, _)| majors) {
        let mut decoder = Decoder::new(Lsn::ZERO);
        for line in lines.lines() {
            decoder.message(Message::parse(unhex(line)).unwrap()).unwrap();
        }
        assert!(!decoder.in_transaction());
    }
}
