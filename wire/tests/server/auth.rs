//! Passwords: what is given to whom, and what is refused.

use std::time::{Duration, Instant};

use tokio::{io::AsyncReadExt, net::TcpListener};
use wire::{Connection, Error};

use crate::world::{World, chain, open, try_open};

majors!(passwords, wrong_password, cleartext_only_in_private, sockets, binding);

async fn whoami(mut session: Connection) -> String {
    let rows = session.query("SELECT current_user, current_setting('application_name')", &[]).await.unwrap();
    assert_eq!(rows.get(0, 1), Some("wire-test"));
    session.close().await;
    rows.get(0, 0).unwrap().to_string()
}

async fn passwords(major: u32) {
    let world = World::of(major);
    for user in ["scram", "md5"] {
        for mode in ["disable", "prefer", "require"] {
            let session = open(&world.tcp(user, &format!("password=pencil sslmode={mode}"))).await;
            assert_eq!(session.is_tls(), mode != "disable");
            assert_eq!(session.server_version() / 10_000, major);
            assert_eq!(whoami(session).await, user);
        }
    }
}

async fn wrong_password(major: u32) {
    let world = World::of(major);
    for user in ["scram", "md5"] {
        let e = try_open(&world.tcp(user, "password=brush")).await.unwrap_err();
        assert_eq!(e.sqlstate(), Some("28P01"));
        assert!(!e.is_transient());
        let said = format!("28P01 invalid_password: password authentication failed for user \"{user}\"");
        assert_eq!(chain(&e), said);
        let e = try_open(&world.tcp(user, "passfile=/nowhere")).await.unwrap_err();
        assert_eq!(chain(&e), "the server asks for a password, and none is given");
    }
}

async fn cleartext_only_in_private(major: u32) {
    let world = World::of(major);
    let e = try_open(&world.tcp("clear", "password=pencil sslmode=disable")).await.unwrap_err();
    assert!(matches!(e, Error::Auth(_)), "{e}");
    assert_eq!(whoami(open(&world.tcp("clear", "password=pencil sslmode=require")).await).await, "clear");
    assert_eq!(whoami(open(&world.socket("clear", "password=pencil")).await).await, "clear");
}

async fn sockets(major: u32) {
    let world = World::of(major);
    let session = open(&world.socket("scram", "sslmode=verify-full")).await;
    assert!(!session.is_tls(), "a unix socket has no TLS, whatever sslmode says");
    assert_eq!(whoami(session).await, "scram");
    let e = try_open("host=/nowhere user=a").await.unwrap_err();
    assert_eq!(chain(&e), "connect to /nowhere/.s.PGSQL.5432: No such file or directory (os error 2)");
    assert!(e.is_transient());
}

async fn binding(major: u32) {
    let world = World::of(major);
    let bound = "password=pencil channel_binding=require";
    assert_eq!(whoami(open(&world.tcp("scram", &format!("{bound} sslmode=require"))).await).await, "scram");
    for (user, mode) in [("scram", "disable"), ("md5", "require"), ("clear", "require"), ("postgres", "require")] {
        let e = try_open(&world.tcp(user, &format!("{bound} sslmode={mode}"))).await.unwrap_err();
        assert!(chain(&e).starts_with("channel_binding=require: "), "{user} {mode}: {e}");
    }
    let off = "password=pencil channel_binding=disable sslmode=require";
    assert_eq!(whoami(open(&world.tcp("scram", off)).await).await, "scram");
}

#[tokio::test]
async fn a_host_that_never_answers() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let start = Instant::now();
    let e = try_open(&format!("host=127.0.0.1 port={port} user=a connect_timeout=1")).await.unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(3));
    assert_eq!(chain(&e), format!("connect to 127.0.0.1:{port}: no answer in 1 s"));
    assert!(e.is_transient());
}

#[tokio::test]
async fn a_port_where_nobody_listens() {
    let e = try_open("host=127.0.0.1 port=1 user=a").await.unwrap_err();
    assert_eq!(chain(&e), "connect to 127.0.0.1:1: Connection refused (os error 111)");
}

/// A server that lets us in at once has not proven that it knows the password: it may be no server of ours.
#[tokio::test]
async fn scram_is_not_cut_short() {
    use tokio::io::AsyncWriteExt;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = async {
        let (mut peer, _) = listener.accept().await.unwrap();
        let mut rest = [0; 1024];
        let _ = peer.read(&mut rest).await.unwrap();
        peer.write_all(b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0").await.unwrap();
        let _ = peer.read(&mut rest).await.unwrap();
        peer.write_all(b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I").await.unwrap();
    };
    let text = format!("host=127.0.0.1 port={port} user=a password=b sslmode=disable");
    let (opened, ()) = tokio::join!(try_open(&text), server);
    assert_eq!(chain(&opened.unwrap_err()), "SCRAM: the server let us in without proving that it knows the password");
}
