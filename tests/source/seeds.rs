//! Seeds for the fuzz targets that want more than one message: whole scenes, lines of COPY, the bytes of a session.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use wire::{Connection, Conninfo, Startup};

use crate::servers::Cluster;

/// A directory of seeds.
pub fn corpus(target: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

/// Messages as `fuzz_targets/stream.rs` wants them: each with its length before it, a keepalive at the end.
pub fn stream(name: &str, messages: &[Vec<u8>]) {
    let mut scene = Vec::new();
    for message in messages {
        scene.extend_from_slice(&u16::try_from(message.len()).unwrap().to_be_bytes());
        scene.extend_from_slice(message);
    }
    scene.extend_from_slice(&[0; 2]);
    scene.extend_from_slice(&u64::MAX.to_be_bytes());
    std::fs::write(corpus("stream").join(name), scene).unwrap();
}

/// Lines of COPY with the sixteen columns of `fuzz_targets/masks.rs`: of people, of nothing, and of all that is escaped.
pub async fn masks(cluster: &Cluster) {
    let lines = "COPY (SELECT g, mail, mail, phone, phone, name, mail, card, g, g, g, id, id, name, name, note FROM (VALUES
        (1, 'Ann.Lee+x@Example.com', '+41 79 123 45 67', 'Ann Lee', '4111-1111-1111-1111', gen_random_uuid(), E'a\\tb\\nc\\rd\\\\e\\b\\v\\f'),
        (-32768, 'no address', '(030) 1234', 'Zoë', 'none', '00000000-0000-0000-0000-000000000000', '\\N'),
        (NULL, NULL, NULL, NULL, NULL, NULL, ''), (0, '@', '+', '', '0', gen_random_uuid(), E'\\\\.')
        ) v(g, mail, phone, name, card, id, note)) TO STDOUT";
    let info = Conninfo::parse(&cluster.url("postgres")).unwrap();
    let mut db = Connection::connect(&info, &Startup::default()).await.unwrap();
    db.copy_out(lines).await.unwrap();
    let mut rows = Vec::new();
    while let Some(some) = db.copy_data().await.unwrap() {
        rows.extend_from_slice(&some);
    }
    for (i, row) in rows.split(|b| *b == b'\n').filter(|row| !row.is_empty()).enumerate() {
        std::fs::write(corpus("masks").join(format!("copy-{i:02}")), row).unwrap();
        // the same as values, which that target writes itself
        let values: Vec<&[u8]> = row.split(|b| *b == b'\t').collect();
        let null = |v: &[u8]| if v == b"\\N" { vec![0xfe] } else { v.to_vec() };
        let values: Vec<Vec<u8>> = values.into_iter().map(null).collect();
        std::fs::write(corpus("masks").join(format!("values-{i:02}")), values.join(&0xff)).unwrap();
    }
}

/// What a server sends from the start of a session to its end: settings, rows, a notice, errors, a COPY.
pub fn backend(cluster: &Cluster) {
    let mut server = TcpStream::connect(("127.0.0.1", cluster.port())).unwrap();
    let mut start = b"\0\x03\0\0user\0postgres\0database\0postgres\0\0".to_vec();
    let length = u32::try_from(start.len() + 4).unwrap().to_be_bytes();
    start.splice(..0, length);
    server.write_all(&start).unwrap();
    let statements = [
        "SELECT 1 AS one, NULL AS none, 'text' AS text; UPDATE pg_class SET relname = relname WHERE false",
        "DO $$ BEGIN RAISE NOTICE 'seen'; END $$; SELECT 1/0",
        "CREATE TEMP TABLE t (id int PRIMARY KEY, v text CHECK (v <> '')); INSERT INTO t VALUES (1, 'a'), (1, 'b')",
        "CREATE TEMP TABLE t (id int PRIMARY KEY, v text CHECK (v <> '')); INSERT INTO t VALUES (1, '')",
        "COPY (SELECT g FROM generate_series(1, 5) g) TO STDOUT",
    ];
    for (i, sql) in ["", ""].iter().chain(&statements).enumerate().skip(1) {
        if i > 1 {
            let length = u32::try_from(sql.len() + 5).unwrap().to_be_bytes();
            server.write_all(&[b"Q", &length[..], sql.as_bytes(), b"\0"].concat()).unwrap();
        }
        let mut answer = Vec::new();
        // ReadyForQuery is the last: Z, its length 5, and a status
        while answer.len() < 6 || answer[answer.len() - 6..answer.len() - 1] != *b"Z\0\0\0\x05" {
            let mut piece = [0; 4096];
            let read = server.read(&mut piece).unwrap();
            assert!(read > 0, "the server hung up");
            answer.extend_from_slice(&piece[..read]);
        }
        std::fs::write(corpus("backend").join(format!("session-{i:02}")), answer).unwrap();
    }
}
