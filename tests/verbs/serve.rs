//! `/metrics`, `/healthz`, `/readyz` of a running pipeline.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use super::shop;
use crate::servers::wait_until;

majors!(says_how_it_is, does_not_share_its_port);

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port()
}

/// Status and body; status 0 where nobody listens.
pub fn get(port: u16, path: &str) -> (u16, String) {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return (0, String::new()) };
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").expect("ask");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let status = answer.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
    (status, answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}

async fn says_how_it_is(major: u32) {
    let port = free_port();
    let (db, sluice) = shop(major, "verbs_serve", &format!("serve: {{ listen: \"127.0.0.1:{port}\" }}\n")).await;
    let target = db.target().await;
    // somebody on staging holds up the copy: alive, not ready
    target.batch_execute("BEGIN; LOCK TABLE cruises").await.expect("lock");
    let mut running = sluice.spawn(&["run"]);
    wait_until("it listens", Duration::from_secs(30), || async { get(port, "/healthz") == (200, "alive\n".into()) })
        .await;
    wait_until("it copies", Duration::from_secs(30), || async {
        let (status, why) = get(port, "/readyz");
        status == 503 && why.starts_with("not ready: copying")
    })
    .await;
    // the other table is done as soon as it is, though the slice goes on
    wait_until("one of two is done amid the first slice", Duration::from_secs(30), || async {
        let (_, text) = get(port, "/metrics");
        let says = |line: &str| text.lines().any(|l| l == line);
        says("sluice_pending_tables{pipeline=\"verbs_serve\"} 1")
            && says("sluice_slices_total{pipeline=\"verbs_serve\"} 0")
    })
    .await;
    target.batch_execute("ROLLBACK").await.expect("rollback");
    wait_until("it is ready", Duration::from_secs(60), || async { get(port, "/readyz") == (200, "ready\n".into()) })
        .await;
    db.source().await.batch_execute("UPDATE cruises SET name = 'x' WHERE id <= 7").await.expect("update");
    wait_until("seven changes are counted", Duration::from_secs(30), || async {
        get(port, "/metrics").1.contains("sluice_changes_total{pipeline=\"verbs_serve\"} 7\n")
    })
    .await;
    let (_, text) = get(port, "/metrics");
    for line in [
        "sluice_up{pipeline=\"verbs_serve\"} 1",
        "sluice_copy_rows_total{pipeline=\"verbs_serve\",table=\"public.cruises\"} 200",
        "sluice_pending_tables{pipeline=\"verbs_serve\"} 0",
        "sluice_divergences_total{pipeline=\"verbs_serve\"} 0",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }
    assert!(!text.contains("example.com"), "no value");
    running.term();
    running.wait(Duration::from_secs(20)).await;
}

async fn does_not_share_its_port(major: u32) {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let (_db, sluice) = shop(major, "verbs_serve_port", &format!("serve: {{ listen: \"127.0.0.1:{port}\" }}\n")).await;
    let output = sluice.run(&["run", "--until-caught-up"]).await;
    assert_eq!(output.code, 2, "{}", output.stderr);
    assert!(
        output.stderr.contains(&format!("serve.listen: cannot listen on 127.0.0.1:{port}: address already in use")),
        "{}",
        output.stderr
    );
}
