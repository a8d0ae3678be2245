//! The `notify` section: who is told, and of what.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use reqwest::Url;
use zeroize::Zeroizing;

use super::problem::{Fault, Problems};
use super::read::{At, one_of};
use super::secret::Secret;
use super::sections::time;
use super::tree::Scalar;
use crate::notify::event::Kind;
use crate::notify::sign;

/// The section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notify {
    /// In the file's order.
    pub receivers: Vec<Told>,
    /// What is told again and again of the same kind is told once in so long.
    pub repeat: Duration,
}

/// One who is told. `Debug` shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Told {
    /// Its key in the file: `notify.slack`, `notify.webhooks[0]`.
    pub name: String,
    /// Where it listens.
    pub url: Address,
    /// Does it want what Slack wants? Else the body of docs/operations.md.
    pub slack: bool,
    /// What bodies are signed with.
    pub key: Option<Zeroizing<Vec<u8>>>,
    /// Of what it is told; empty: of everything.
    pub events: Vec<Kind>,
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Told").field("name", &self.name).field("events", &self.events).finish_non_exhaustive()
    }
}

/// A URL that is a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(Secret, Url);

impl Address {
    /// For who sends there.
    pub fn url(&self) -> Url {
        self.1.clone()
    }

    /// Host and port, to see whether there is such a host.
    pub fn host(&self) -> (String, u16) {
        let host = self.1.host_str().unwrap_or_default().trim_matches(['[', ']']);
        (host.to_owned(), self.1.port_or_known_default().unwrap_or(443))
    }
}

pub(super) fn notify(at: &At<'_>, problems: &mut Problems) -> Notify {
    at.entries(problems);
    let mut receivers = Vec::new();
    let slack = at.get("slack");
    if slack.is_map() {
        receivers.extend(told(&slack, "notify.slack".into(), true, problems));
    } else if let Some(Some(url)) = slack.read(problems, |s| address(s, true)) {
        let name = "notify.slack".to_owned();
        receivers.push(Told { name, url, slack: true, key: None, events: Vec::new() });
    }
    for (i, webhook) in at.get("webhooks").list(problems).iter().enumerate() {
        receivers.extend(told(webhook, format!("notify.webhooks[{i}]"), false, problems));
    }
    let repeat = time(&at.get("repeat"), problems, Duration::from_secs(1)..=Duration::from_secs(86_400));
    Notify { receivers, repeat: repeat.unwrap_or(Duration::from_secs(300)) }
}

/// `None` too where the URL is empty: of an environment that has none.
fn told(at: &At<'_>, name: String, slack: bool, problems: &mut Problems) -> Option<Told> {
    if !at.is_map() {
        at.problem(
            Fault::new("not keys with values").hint("- { url: \"${HOOK_URL}\", secret: \"${HOOK_SECRET}\" }"),
            problems,
        );
        return None;
    }
    let url = at.get("url").require(problems, |s| address(s, slack));
    let secret = at.get("secret");
    let key = secret.read(problems, |s| match s.text.as_str() {
        "" => Ok(None),
        text => sign::key(text).map(Some).map_err(|why| Fault::new(why).hint("openssl rand -base64 32")),
    });
    let events = at.get("events").list(problems);
    let words: Vec<(&str, Kind)> = Kind::ALL.iter().filter(|k| **k != Kind::Test).map(|k| (k.word(), *k)).collect();
    let events = events.iter().filter_map(|at| at.read(problems, |s| one_of(s, &words))).collect();
    Some(Told { name, url: url??, slack, key: key.flatten(), events })
}

/// What it says is not shown: it may be a secret all by itself.
fn address(scalar: &Scalar, slack: bool) -> Result<Option<Address>, Fault> {
    let text = scalar.text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let no = |what: &str| Fault::new(what).hint("https://hooks.slack.com/services/…");
    let url = Url::parse(text).map_err(|_| no("no URL"))?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    match url.scheme() {
        _ if host.is_empty() => Err(no("no URL with a host")),
        "https" => Ok(()),
        "http" if here || !slack => Ok(()),
        "http" => Err(no("http: the URL is a secret, and would be sent in clear")),
        _ => Err(no("neither https nor http")),
    }?;
    Ok(Some(Address(Secret::new(text), url)))
}
