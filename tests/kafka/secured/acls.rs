//! Who may do what, told to the broker as its own protocol has it (CreateAcls), since the library's Rust face has no such call.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::servers::Broker;

/// Of what a right is.
#[derive(Clone, Copy)]
pub enum Of {
    Topic = 2,
    TransactionalId = 5,
}

/// What one may do with it.
#[derive(Clone, Copy)]
pub enum May {
    Read = 3,
    Write = 4,
    Create = 5,
    Describe = 8,
    DescribeConfigs = 10,
}

/// Rights of a user, each on what has exactly that name; one that ends with `*` is a prefix.
pub fn allow(broker: &Broker, user: &str, rights: &[(Of, &str, &[May])]) {
    let all: Vec<(Of, &str, May)> =
        rights.iter().flat_map(|&(of, name, may)| may.iter().map(move |&may| (of, name, may))).collect();
    let mut request: Vec<u8> = Vec::new();
    // CreateAcls, version 1, of whom and which does not matter
    for n in [30i16, 1, 0, 1, -1] {
        request.extend(n.to_be_bytes());
    }
    request.extend((all.len() as i32).to_be_bytes());
    for &(of, name, may) in &all {
        let (name, pattern) = name.strip_suffix('*').map_or((name, 3), |prefix| (prefix, 4));
        request.push(of as u8);
        text(&mut request, name);
        request.push(pattern);
        text(&mut request, &format!("User:{user}"));
        text(&mut request, "*");
        request.extend([may as u8, 3]);
    }
    let mut broker = TcpStream::connect(broker.addr()).expect("reach the broker");
    broker.write_all(&(request.len() as i32).to_be_bytes()).and_then(|()| broker.write_all(&request)).expect("ask");
    let mut size = [0; 4];
    broker.read_exact(&mut size).expect("an answer");
    let mut answer = vec![0; i32::from_be_bytes(size) as usize];
    broker.read_exact(&mut answer).expect("the answer");
    // its number, a throttle, how many; of each a code and no words
    let (head, results) = answer.split_at(12);
    assert_eq!(head[8..], (all.len() as i32).to_be_bytes());
    assert!(results.len() == 4 * all.len() && results.chunks(4).all(|result| result[..2] == [0, 0]), "{answer:?}");
}

fn text(request: &mut Vec<u8>, text: &str) {
    request.extend((text.len() as i16).to_be_bytes());
    request.extend(text.as_bytes());
}
