//! What each `sslmode` lets in.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use wire::Error;

use crate::world::{World, chain, open, try_open};

majors!(accepted, refused, client_certificate);

async fn accepted(major: u32) {
    let world = World::of(major);
    for more in [
        "sslmode=require",
        "sslmode=prefer",
        "sslrootcert=%/ca.pem",
        "sslmode=verify-full sslrootcert=%/ca.pem",
        "sslmode=verify-full sslrootcert=%/ca.pem host=db.example",
        "sslmode=verify-ca sslrootcert=%/ca.pem host=wrong.example",
        "sslmode=require sslrootcert=%/ca.pem host=wrong.example",
        "sslmode=prefer sslrootcert=%/other-ca.pem",
    ] {
        let mut session = open(&world.tcp("postgres", more)).await;
        let rows = session.query("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &[]).await.unwrap();
        assert_eq!(rows.by_name(0, "version"), Some("TLSv1.3"), "{more}");
    }
}

async fn refused(major: u32) {
    let world = World::of(major);
    for (more, why) in [
        ("sslmode=verify-full sslrootcert=%/ca.pem host=wrong.example", "not valid for name"),
        ("sslmode=verify-full sslrootcert=%/ca.pem host=127.0.0.1", "not valid for name"),
        ("sslmode=verify-full sslrootcert=%/other-ca.pem", "UnknownIssuer"),
        ("sslmode=verify-ca sslrootcert=%/other-ca.pem", "UnknownIssuer"),
        ("sslmode=require sslrootcert=%/other-ca.pem", "UnknownIssuer"),
        ("sslmode=verify-full sslrootcert=system", "UnknownIssuer"),
        ("sslmode=verify-full", "UnknownIssuer"),
        ("sslmode=verify-full sslrootcert=%/nothing.pem", "No such file"),
        ("sslmode=verify-full sslrootcert=%/client.key", "no certificate in it"),
    ] {
        let e = try_open(&world.tcp("postgres", more)).await.expect_err(more);
        assert!(matches!(e, Error::Tls { .. }) && !e.is_transient(), "{more}: {e:?}");
        assert!(chain(&e).contains(why), "{more}: {}", chain(&e));
    }
}

async fn client_certificate(major: u32) {
    let world = World::of(major);
    let with = "sslmode=verify-full sslrootcert=%/ca.pem sslcert=%/client.pem sslkey=%/client.key";
    let mut session = open(&world.tcp("cert", with)).await;
    let rows = session.query("SELECT current_user", &[]).await.unwrap();
    assert_eq!(rows.get(0, 0), Some("cert"));
    let e = try_open(&world.tcp("cert", "sslmode=require")).await.unwrap_err();
    assert_eq!(e.sqlstate(), Some("28000"), "{e}");
    let e = try_open(&world.tcp("cert", &with.replace("client.", "stranger."))).await.unwrap_err();
    assert!(matches!(e, Error::Tls { .. }) && !e.is_transient(), "{e:?}");
    let e = try_open(&world.tcp("cert", &with.replace("client.key", "ca.pem"))).await.unwrap_err();
    assert!(chain(&e).starts_with("read sslkey "), "{}", chain(&e));
}

#[tokio::test]
async fn a_server_without_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = async {
        let (mut peer, _) = listener.accept().await.unwrap();
        let mut request = [0; 8];
        peer.read_exact(&mut request).await.unwrap();
        peer.write_all(b"N").await.unwrap();
        assert_eq!(peer.read(&mut request).await.unwrap_or(0), 0, "we went on without TLS");
    };
    let text = format!("host=127.0.0.1 port={port} user=a sslmode=require");
    let (opened, ()) = tokio::join!(try_open(&text), server);
    let expect = format!("connect to 127.0.0.1:{port} with sslmode=require: the server does not support TLS");
    let e = opened.unwrap_err();
    assert_eq!(chain(&e), expect);
    assert!(e.is_denied() && e.hint().is_some_and(|h| h.starts_with("ssl = on ")));
}
