//! From text to pairs (two grammars), and from pairs to a [`Conninfo`] with all problems at once.

use std::{collections::BTreeMap, path::PathBuf, str::FromStr, time::Duration};

use super::{ChannelBinding, Conninfo, ConninfoError, Place, RootCert, SslMode};

const KNOWN: &[&str] = &[
    "application_name",
    "channel_binding",
    "connect_timeout",
    "dbname",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "options",
    "passfile",
    "password",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "target_session_attrs",
    "user",
];

/// What was typed: the last of equal names counts, as in libpq.
#[derive(Default)]
struct Typed {
    pairs: BTreeMap<&'static str, String>,
    problems: Vec<String>,
}

pub(super) fn conninfo(text: &str) -> Result<Conninfo, ConninfoError> {
    let mut typed = Typed::default();
    match text.strip_prefix("postgresql://").or_else(|| text.strip_prefix("postgres://")) {
        Some(rest) => typed.url(rest),
        None => typed.key_values(text),
    }
    let info = typed.meaning();
    if typed.problems.is_empty() { Ok(info) } else { Err(ConninfoError { problems: typed.problems }) }
}

impl Typed {
    fn problem(&mut self, text: impl Into<String>) {
        self.problems.push(text.into());
    }

    /// Text that is no name is a slip in the quoting, and may be a piece of a password: not shown.
    fn set(&mut self, name: &str, value: String) {
        if let Some(known) = KNOWN.iter().find(|known| **known == name) {
            self.pairs.insert(known, value);
        } else if name.len() <= 40 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') {
            self.problem(format!("unknown parameter \"{name}\""));
        } else {
            self.problem("a parameter's name is no name (quote values; in a URL write @ / ? & as %40 %2F %3F %26)");
        }
    }

    /// `[user[:password]@][host][:port][,…][/database][?name=value&…]`
    fn url(&mut self, rest: &str) {
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (account, place) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = account.split_once(':').map_or((account, None), |(u, p)| (u, Some(p)));
        let one = |place: &str| -> (String, String) {
            let (host, port) = match place.strip_prefix('[').and_then(|p| p.split_once(']')) {
                Some((host, rest)) => (host, rest.strip_prefix(':').unwrap_or(rest)),
                None => place.split_once(':').unwrap_or((place, "")),
            };
            (host.to_owned(), port.to_owned())
        };
        let (hosts, ports): (Vec<String>, Vec<String>) = place.split(',').map(one).unzip();
        let ports = if ports.iter().all(String::is_empty) { String::new() } else { ports.join(",") };
        for (name, text) in [("user", user), ("host", &hosts.join(",")), ("port", &ports), ("dbname", database)] {
            self.set_decoded(name, text);
        }
        if let Some(password) = password {
            self.set_decoded("password", password);
        }
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("ssl", "true")) => self.set("sslmode", "require".to_string()),
                Some((name, value)) => self.set_decoded(name, value),
                None => self.problem("a parameter of the URL has no \"=\""),
            }
        }
    }

    fn set_decoded(&mut self, name: &str, text: &str) {
        match percent_decode(text) {
            Some(value) if value.is_empty() => {}
            Some(value) => self.set(name, value),
            None => self.problem(format!("{name}: not percent-encoded UTF-8 (write a % as %25)")),
        }
    }

    /// `name = value name = 'it\'s'`
    fn key_values(&mut self, text: &str) {
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let Some((name, after)) = rest.split_once('=') else {
                return self.problem("text without \"=\" at the end (quote values with spaces: 'a b')");
            };
            let after = after.trim_start();
            let (value, after) = match after.strip_prefix('\'') {
                Some(quoted) => match take(quoted, |c| c == '\'') {
                    (value, Some(after)) => (value, after),
                    (_, None) => return self.problem("a quoted value has no end"),
                },
                None => {
                    let (value, after) = take(after, char::is_whitespace);
                    (value, after.unwrap_or(""))
                }
            };
            let name = name.trim_end();
            if !value.is_empty() {
                self.set(name, value);
            } else if !KNOWN.contains(&name) {
                self.set(name, String::new());
            }
            rest = after.trim_start();
        }
    }

    fn meaning(&mut self) -> Conninfo {
        let user = self.text("user").or_else(|| std::env::var("USER").ok()).unwrap_or_default();
        if user.is_empty() {
            self.problem("user: not given, and $USER is not set");
        }
        let root_cert = self.text("sslrootcert").map(|text| match text.as_str() {
            "system" => RootCert::System,
            path => RootCert::File(PathBuf::from(path)),
        });
        let modes = [SslMode::Disable, SslMode::Prefer, SslMode::Require, SslMode::VerifyCa, SslMode::VerifyFull];
        let default = if root_cert.is_some() { SslMode::VerifyFull } else { SslMode::Prefer };
        let bindings = [
            ("disable", ChannelBinding::Disable),
            ("prefer", ChannelBinding::Prefer),
            ("require", ChannelBinding::Require),
        ];
        let client_cert = match (self.text("sslcert"), self.text("sslkey")) {
            (Some(cert), Some(key)) => Some((PathBuf::from(cert), PathBuf::from(key))),
            (None, None) => None,
            (Some(_), None) => {
                self.problem("sslkey: missing, as sslcert is given");
                None
            }
            (None, Some(_)) => {
                self.problem("sslcert: missing, as sslkey is given");
                None
            }
        };
        let timeout = self.number("connect_timeout", 10_u64);
        let on = self.choice("keepalives", &[("1", true), ("0", false)], true);
        let keepalives = (
            self.number("keepalives_idle", 30_u64),
            self.number("keepalives_interval", 10_u64),
            self.number("keepalives_count", 3_u32),
        );
        let mut places = self.places().into_iter();
        let place = places.next().unwrap_or(Place { host: String::new(), hostaddr: None, port: 0 });
        let others: Vec<Place> = places.collect();
        // of several the one is meant that can be written: which it is changes
        let attrs = [("any", false), ("read-write", true), ("primary", true)];
        Conninfo {
            password: self.text("password"),
            database: self.text("dbname").unwrap_or_else(|| user.clone()),
            passfile: self.text("passfile").map(PathBuf::from),
            ssl_mode: self.choice("sslmode", &modes.map(|mode| (mode.as_str(), mode)), default),
            root_cert,
            client_cert,
            connect_timeout: (timeout > 0).then(|| Duration::from_secs(timeout)),
            keepalives: on.then_some(keepalives),
            options: self.text("options"),
            read_write: self.choice("target_session_attrs", &attrs, !others.is_empty()),
            channel_binding: self.choice("channel_binding", &bindings, ChannelBinding::Prefer),
            place,
            others,
            user,
        }
    }

    /// One at least. As in libpq there are as many ports as hosts, or one for all.
    fn places(&mut self) -> Vec<Place> {
        let (hosts, ports, addresses) = (self.list("host"), self.list("port"), self.list("hostaddr"));
        let many = hosts.len().max(addresses.len()).max(1);
        if ports.len() > 1 && ports.len() != many {
            self.problem("port: one for all hosts, or one for each");
        }
        if addresses.len() > 1 && !hosts.is_empty() && hosts.len() != many {
            self.problem("hostaddr: as many as hosts, or none");
        }
        let nth = |list: &[String], i: usize| list.get(i).filter(|text| !text.is_empty()).cloned();
        let all = (0..many).map(|i| Place {
            host: nth(&hosts, i).unwrap_or_else(|| "localhost".to_owned()),
            port: match nth(&ports, if ports.len() == 1 { 0 } else { i }) {
                Some(text) => self.value("port", &text, "a number in range").unwrap_or(5432),
                None => 5432,
            },
            hostaddr: nth(&addresses, i).and_then(|text| self.value("hostaddr", &text, "an IP address")),
        });
        let all: Vec<Place> = all.collect();
        if all.iter().any(|place| place.port == 0) {
            self.problem("port: must be 1 to 65535");
        }
        all
    }

    fn list(&self, name: &str) -> Vec<String> {
        self.text(name).map_or_else(Vec::new, |text| text.split(',').map(|one| one.trim().to_owned()).collect())
    }

    fn text(&self, name: &str) -> Option<String> {
        self.pairs.get(name).cloned()
    }

    fn parsed<T: FromStr>(&mut self, name: &str, what: &str) -> Option<T> {
        let text = self.text(name)?;
        self.value(name, &text, what)
    }

    fn value<T: FromStr>(&mut self, name: &str, text: &str, what: &str) -> Option<T> {
        let value = text.trim().parse().ok();
        if value.is_none() {
            self.problem(format!("{name}: must be {what}"));
        }
        value
    }

    fn number<T: FromStr>(&mut self, name: &str, default: T) -> T {
        self.parsed(name, "a number in range").unwrap_or(default)
    }

    fn choice<T: Copy>(&mut self, name: &str, choices: &[(&str, T)], default: T) -> T {
        let Some(text) = self.text(name) else { return default };
        match choices.iter().find(|(word, _)| *word == text) {
            Some((_, value)) => *value,
            None => {
                let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
                self.problem(format!("{name}: must be one of {}", words.join(", ")));
                default
            }
        }
    }
}

/// Takes up to the first unescaped char for which `end` holds: what was taken, and what follows that char if it came.
fn take(text: &str, end: impl Fn(char) -> bool) -> (String, Option<&str>) {
    let mut value = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => value.extend(chars.next()),
            c if end(c) => return (value, Some(chars.as_str())),
            c => value.push(c),
        }
    }
    (value, None)
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(b) = rest.next() {
        if b == b'%' {
            let hex = |b: u8| char::from(b).to_digit(16);
            let (high, low) = (hex(rest.next()?)?, hex(rest.next()?)?);
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(b);
        }
    }
    String::from_utf8(bytes).ok().filter(|s| !s.contains('\0'))
}
