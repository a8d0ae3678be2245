//! Somebody who is told: a small HTTP server that answers as a test wants it to, and keeps what it was sent.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::IntoResponse;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::servers::wait_until;

/// How it answers.
#[derive(Clone, Debug)]
pub enum Answer {
    Code(u16),
    /// With `Retry-After`, in seconds.
    Wait(u16, u64),
    /// `Location`.
    Elsewhere(String),
    Never,
}

/// What it was sent.
#[derive(Clone, Debug)]
pub struct Sent {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub at: Instant,
}

impl Sent {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    pub fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap_or_default().to_owned()
    }
}

#[derive(Default)]
struct Desk {
    answers: Vec<Answer>,
    sent: Vec<Sent>,
}

/// The server; it ends with the test.
pub struct Receiver {
    pub port: u16,
    desk: Arc<Mutex<Desk>>,
}

impl Receiver {
    /// Answers so, in this order, and from then on as the last of them.
    pub async fn new(answers: &[Answer]) -> Receiver {
        let desk = Arc::new(Mutex::new(Desk { answers: answers.to_vec(), sent: Vec::new() }));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
        let port = listener.local_addr().expect("an address").port();
        let shared = desk.clone();
        let take = move |uri: Uri, headers: HeaderMap, body: Bytes| {
            let desk = shared.clone();
            async move {
                let answer = {
                    let mut desk = desk.lock().expect("lock");
                    desk.sent.push(Sent { path: uri.path().to_owned(), headers, body, at: Instant::now() });
                    if desk.answers.len() > 1 { desk.answers.remove(0) } else { desk.answers[0].clone() }
                };
                let code = |code| StatusCode::from_u16(code).expect("a status");
                match answer {
                    Answer::Code(n) => code(n).into_response(),
                    Answer::Wait(n, s) => (code(n), [(header::RETRY_AFTER, s.to_string())]).into_response(),
                    Answer::Elsewhere(url) => (code(307), [(header::LOCATION, url)]).into_response(),
                    Answer::Never => std::future::pending().await,
                }
            }
        };
        tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(take)).await });
        Receiver { port, desk }
    }

    /// Where it listens. The path is a secret.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hunter2/hook", self.port)
    }

    /// All so far.
    pub fn sent(&self) -> Vec<Sent> {
        self.desk.lock().expect("lock").sent.clone()
    }

    /// The kinds of it.
    pub fn kinds(&self) -> Vec<String> {
        self.sent().iter().map(Sent::kind).collect()
    }

    /// Waits for one of a kind, and gives the last of it.
    pub async fn hears(&self, kind: &str) -> Sent {
        let last = || self.sent().into_iter().rev().find(|sent| sent.kind() == kind);
        wait_until(&format!("{kind} is told"), Duration::from_secs(60), || async { last().is_some() }).await;
        last().expect("it was told")
    }
}
