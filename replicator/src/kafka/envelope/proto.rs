//! A reader of protobuf that has nothing but the text of a schema, as another's consumer has. For tests.

use std::collections::HashMap;
use std::fmt::Write;

use bytes::{Buf, Bytes};
use prost::encoding::{WireType, decode_key, decode_varint};

/// A `.proto` file, as far as ours goes: no name of a message or an enum comes twice, wherever it is nested.
pub struct Schema {
    /// Fields by number, type and name; values of an enum without a type.
    types: HashMap<String, HashMap<u64, (String, String)>>,
}

impl Schema {
    pub fn parse(text: &str) -> Schema {
        let mut types: HashMap<String, HashMap<u64, (String, String)>> = HashMap::new();
        let mut open: Vec<String> = Vec::new();
        for line in text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with("//")) {
            let words: Vec<&str> = line.split([' ', ';']).filter(|w| !w.is_empty()).collect();
            match words[..] {
                ["message" | "enum", name, "{"] => {
                    assert!(types.insert(name.into(), HashMap::new()).is_none(), "{name} is there twice");
                    open.push(name.into());
                }
                // its fields are the message's
                ["oneof", _, "{"] => open.push(open.last().unwrap().clone()),
                ["}"] => drop(open.pop().unwrap()),
                [.., "=", number] if !open.is_empty() => {
                    let words = &words[usize::from(matches!(words[0], "optional" | "repeated"))..];
                    let (kind, name) = if words[1] == "=" { ("", words[0]) } else { (words[0], words[1]) };
                    let fields = types.get_mut(open.last().unwrap()).unwrap();
                    let before = fields.insert(number.parse().unwrap(), (kind.into(), name.into()));
                    assert!(before.is_none(), "number of {name} is there twice");
                }
                _ => assert!(open.is_empty(), "what is {line}?"),
            }
        }
        Schema { types }
    }

    /// A message, a field a line. What the schema does not know, or knows otherwise, is a panic.
    pub fn show(&self, message: &str, mut bytes: Bytes, depth: usize, out: &mut String) {
        while !bytes.is_empty() {
            let (tag, form) = decode_key(&mut bytes).unwrap();
            let (kind, name) = &self.types[message][&tag.into()];
            write!(out, "{:depth$}{name}", "", depth = depth * 2).unwrap();
            let number = |bytes: &mut Bytes, want| {
                assert_eq!(form, want, "{message}.{name}");
                if want == WireType::Varint { decode_varint(bytes).unwrap() } else { bytes.get_u64_le() }
            };
            match kind.as_str() {
                "uint32" | "uint64" => writeln!(out, ": {}", number(&mut bytes, WireType::Varint)).unwrap(),
                "int32" | "int64" => writeln!(out, ": {}", number(&mut bytes, WireType::Varint) as i64).unwrap(),
                "fixed64" => writeln!(out, ": {}", number(&mut bytes, WireType::SixtyFourBit)).unwrap(),
                "bool" => writeln!(out, ": {}", number(&mut bytes, WireType::Varint) == 1).unwrap(),
                "sint32" => {
                    let zigzag = number(&mut bytes, WireType::Varint);
                    writeln!(out, ": {}", (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64)).unwrap();
                }
                kind => {
                    // numbers of an enum: one by itself, or a repeated one in a message's form
                    let values = self.types.get(kind).filter(|t| t.values().all(|(kind, _)| kind.is_empty()));
                    if let (Some(values), WireType::Varint) = (values, form) {
                        writeln!(out, ": {}", values[&decode_varint(&mut bytes).unwrap()].1).unwrap();
                        continue;
                    }
                    assert_eq!(form, WireType::LengthDelimited, "{message}.{name}");
                    let len = decode_varint(&mut bytes).unwrap() as usize;
                    let mut inner = bytes.split_to(len);
                    match (kind, values) {
                        ("string" | "bytes", _) => writeln!(out, ": \"{}\"", inner.escape_ascii()).unwrap(),
                        (_, Some(values)) => {
                            while !inner.is_empty() {
                                write!(out, " {}", values[&decode_varint(&mut inner).unwrap()].1).unwrap();
                            }
                            out.push('\n');
                        }
                        (kind, None) => {
                            out.push_str(" {\n");
                            self.show(kind, inner, depth + 1, out);
                            writeln!(out, "{:depth$}}}", "", depth = depth * 2).unwrap();
                        }
                    }
                }
            }
        }
    }
}
