//! One receiver: what waits for it, how often it is tried, and when it is given up.
//!
//! A receiver that hangs is let go after [`PATIENCE`]. One that refuses the connection, answers 5xx, 408 or 429 is tried again, later and later, and at the
//! hour that it names if that is soon. Any other answer is a verdict and not tried again; a redirect is one: the body is for who was named. Meanwhile what is
//! behind it waits, up to [`ROOM`]; beyond it the newest is given up.
//!
//! Nothing here says a URL: that of a Slack hook is a secret. A receiver is called by its key.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, StatusCode, Url};
use tokio::sync::{mpsc, watch};
use zeroize::Zeroizing;

use super::sign;
use super::tally::{Outcome, Tally};

/// An answer may take so long.
const PATIENCE: Duration = Duration::from_secs(10);
/// A connection may.
const CONNECT: Duration = Duration::from_secs(5);
/// After the first try, and after each further one. Some of it is left to chance.
const WAITS: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(4), Duration::from_secs(15), Duration::from_secs(60)];
/// A receiver that asks for more is asked after this all the same.
const LONGEST: Duration = Duration::from_secs(120);
/// Of a process that ends nobody waits longer between two tries.
const HURRY: Duration = Duration::from_millis(300);
/// So many messages wait.
pub(super) const ROOM: usize = 64;

/// What is sent: the same bytes at each try.
#[derive(Clone, Debug)]
pub(super) struct Message {
    /// Of the event, for whoever gets it twice.
    pub id: String,
    pub body: Vec<u8>,
}

/// To whom.
pub(super) struct Receiver {
    /// Its key in the file.
    pub name: String,
    pub url: Url,
    /// What its bodies are signed with.
    pub key: Option<Zeroizing<Vec<u8>>>,
}

/// The client of all receivers.
///
/// # Errors
/// Why there is none: never with a URL.
pub(super) fn client() -> Result<Client, String> {
    let mut roots = rustls::RootCertStore::empty();
    for found in rustls_native_certs::load_native_certs().certs {
        // one that cannot be read is not trusted
        let _ = roots.add(found);
    }
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT)
        .timeout(PATIENCE)
        .user_agent(concat!("sluice/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|e| e.without_url().to_string())
}

/// What a try has come to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Tried {
    Taken,
    /// Why, and when it wants to be asked again.
    Later(String, Option<Duration>),
    /// It will not be otherwise the next time.
    Never(String),
}

/// Sends what comes, until nothing more can.
pub(super) async fn deliver(
    client: Client,
    to: Receiver,
    mut queue: mpsc::Receiver<Message>,
    mut ending: watch::Receiver<bool>,
    tally: Tally,
) {
    while let Some(message) = queue.recv().await {
        let outcome = one(&client, &to, &message, &mut ending).await;
        tally.count(&to.name, outcome);
    }
}

async fn one(client: &Client, to: &Receiver, message: &Message, ending: &mut watch::Receiver<bool>) -> Outcome {
    let mut waits = WAITS.iter();
    loop {
        let (why, asked) = match attempt(client, to, message).await {
            Tried::Taken => return Outcome::Sent,
            Tried::Never(why) => {
                tracing::warn!(receiver = to.name, id = message.id, why, "a notification is not taken");
                return Outcome::Failed;
            }
            Tried::Later(why, asked) => (why, asked),
        };
        let Some(wait) = waits.next() else {
            tracing::warn!(receiver = to.name, id = message.id, why, "a notification is given up");
            return Outcome::Failed;
        };
        let wait = (*wait).max(asked.unwrap_or_default()).min(LONGEST);
        let wait = wait + wait.mul_f64(0.2 * fastrand::f64());
        tracing::debug!(
            receiver = to.name,
            id = message.id,
            why,
            wait_ms = wait.as_millis() as u64,
            "a notification is tried again"
        );
        let hurry = async {
            // who has gone asks for no hurry
            if ending.wait_for(|ends| *ends).await.is_err() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(HURRY).await;
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = hurry => {}
        }
    }
}

/// One try.
pub(super) async fn attempt(client: &Client, to: &Receiver, message: &Message) -> Tried {
    let mut request =
        client.post(to.url.clone()).header(CONTENT_TYPE, "application/json").header("webhook-id", &message.id);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    request = request.header("webhook-timestamp", now.to_string());
    if let Some(key) = &to.key {
        request = request.header("webhook-signature", sign::signature(key, &message.id, now, &message.body));
    }
    match request.body(message.body.clone()).send().await {
        // what it says is not read: it may be anything, and of any length
        Ok(answer) => judge(answer.status(), answer.headers()),
        Err(e) if e.is_timeout() => Tried::Later("no answer in time".into(), None),
        Err(e) if e.is_connect() => Tried::Later("it cannot be reached, or its certificate is not good".into(), None),
        Err(_) => Tried::Later("the connection broke".into(), None),
    }
}

fn judge(status: StatusCode, headers: &HeaderMap) -> Tried {
    let said = || format!("it answers {}", status.as_u16());
    if status.is_success() {
        return Tried::Taken;
    }
    if status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429) {
        // (a date is not looked at: the clocks may differ)
        let after = headers.get(RETRY_AFTER).and_then(|text| text.to_str().ok()?.trim().parse().ok());
        return Tried::Later(said(), after.map(Duration::from_secs));
    }
    if status.is_redirection() {
        return Tried::Never(format!("{}, and redirects are not followed", said()));
    }
    Tried::Never(said())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_for_what_it_is() {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, "7".parse().unwrap());
        let of = |code: u16| judge(StatusCode::from_u16(code).unwrap(), &headers);
        assert_eq!((of(200), of(204)), (Tried::Taken, Tried::Taken));
        for code in [408, 425, 429, 500, 502, 503] {
            assert_eq!(of(code), Tried::Later(format!("it answers {code}"), Some(Duration::from_secs(7))));
        }
        for code in [301, 302, 307, 308, 400, 401, 403, 404, 410] {
            assert!(matches!(of(code), Tried::Never(_)), "{code}");
        }
        headers.insert(RETRY_AFTER, "Fri, 31 Dec 2027 23:59:59 GMT".parse().unwrap());
        assert_eq!(judge(StatusCode::TOO_MANY_REQUESTS, &headers), Tried::Later("it answers 429".into(), None));
    }
}
