//! `never_write`: servers that must not be written, whatever else is said, by the names and addresses that they go by.
//!
//! An entry is `host`, `host:port`, `host/database` or both; host and database may be globs (`*.prod.example.com`), the host
//! an address or a network (`10.1.0.0/16`), or the directory of a unix socket.

use std::fmt;
use std::net::IpAddr;

use super::pattern::glob;
use super::problem::{Fault, Problems};
use super::read::At;
use super::tree::Scalar;

/// One entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Never {
    text: String,
    host: Host,
    port: Option<u16>,
    database: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Host {
    /// A name or a glob over names, in lower case.
    Named(String),
    /// Addresses that begin with so many bits of this one.
    Network(IpAddr, u8),
}

/// By what a server is known. One of each is enough for an entry to mean it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// As it was asked for, in lower case.
    pub names: Vec<String>,
    /// Those that its name has, and its own.
    pub addresses: Vec<IpAddr>,
    /// As it was asked for, and its own.
    pub ports: Vec<u16>,
    /// As it was asked for, and as it says.
    pub databases: Vec<String>,
}

impl Never {
    fn read(text: &str) -> Option<Never> {
        let never = |host, port, database: Option<&str>| {
            Some(Never { text: text.to_owned(), host, port, database: database.map(str::to_owned) })
        };
        if text.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return None;
        }
        if text.starts_with('/') {
            return never(Host::Named(text.to_lowercase()), None, None);
        }
        let (place, database) = text.split_once('/').map_or((text, None), |(place, rest)| (place, Some(rest)));
        let (host, port) = match place.strip_prefix('[') {
            Some(rest) => match rest.split_once(']')? {
                (host, "") => (host, None),
                (host, rest) => (host, Some(rest.strip_prefix(':')?)),
            },
            // several colons are an address
            None if place.matches(':').count() == 1 => {
                place.split_once(':').map_or((place, None), |(h, p)| (h, Some(p)))
            }
            None => (place, None),
        };
        let port = match port {
            Some(port) => Some(port.parse::<u16>().ok()?),
            None => None,
        };
        if database == Some("") {
            return None;
        }
        let Ok(address) = host.parse::<IpAddr>() else {
            let host = host.trim_end_matches('.').to_lowercase();
            let good = |c: char| c.is_alphanumeric() || "-_.*?".contains(c);
            // what was to be an address must not become a name that nothing has
            let numbers = |c: char| c.is_ascii_digit() || c == '.';
            let is_name = !host.is_empty() && host.chars().all(good) && !host.chars().all(numbers);
            return if is_name { never(Host::Named(host), port, database) } else { None };
        };
        let all = if address.is_ipv4() { 32 } else { 128 };
        match database {
            Some(bits) if bits.bytes().all(|b| b.is_ascii_digit()) => {
                let bits = bits.parse::<u8>().ok().filter(|bits| *bits <= all)?;
                never(Host::Network(address, bits), port, None)
            }
            _ => never(Host::Network(plain(address), if plain(address).is_ipv4() { 32 } else { 128 }), port, database),
        }
    }

    /// Does it mean this server?
    pub fn means(&self, place: &Place) -> bool {
        let host = match &self.host {
            Host::Named(name) => place.names.iter().any(|n| glob(name, n)),
            Host::Network(net, bits) => place.addresses.iter().any(|a| within(plain(*a), plain(*net), *bits)),
        };
        host && self.means_there(place)
    }

    /// The name that it has addresses by, if it is no glob.
    pub fn name(&self) -> Option<&str> {
        match &self.host {
            Host::Named(name) if !name.contains(['*', '?', '/']) => Some(name),
            _ => None,
        }
    }

    /// Does it mean this server, if its name has one of these addresses?
    pub fn means_by(&self, addresses: &[IpAddr], place: &Place) -> bool {
        let known = |a: &IpAddr| place.addresses.iter().any(|b| plain(*a) == plain(*b));
        addresses.iter().any(known) && self.means_there(place)
    }

    fn means_there(&self, place: &Place) -> bool {
        self.port.is_none_or(|port| place.ports.contains(&port))
            && self.database.as_ref().is_none_or(|of| place.databases.iter().any(|d| glob(of, d)))
    }
}

impl fmt::Display for Never {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// An IPv4 address in the dress of IPv6 is one of IPv4.
fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

fn within(address: IpAddr, net: IpAddr, bits: u8) -> bool {
    let shift = |width: u32| width - u32::from(bits).min(width);
    match (address, net) {
        (IpAddr::V4(a), IpAddr::V4(n)) => {
            let by = shift(32);
            u32::from(a).checked_shr(by) == u32::from(n).checked_shr(by)
        }
        (IpAddr::V6(a), IpAddr::V6(n)) => {
            let by = shift(128);
            u128::from(a).checked_shr(by) == u128::from(n).checked_shr(by)
        }
        _ => false,
    }
}

/// Reads the list.
pub(super) fn never_write(at: &At<'_>, problems: &mut Problems) -> Vec<Never> {
    let read = |s: &Scalar| {
        let fault = || {
            Fault::new(format!("{} is no host", s.shown()))
                .hint("prod-db*, *.prod.example.com:5432, 10.1.0.0/16, db.example.com/shop")
        };
        Never::read(&s.text).ok_or_else(fault)
    };
    at.list(problems).into_iter().filter_map(|at| at.require(problems, read)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str, address: &str) -> Place {
        Place {
            names: vec![name.to_owned()],
            addresses: vec![address.parse().unwrap()],
            ports: vec![5432],
            databases: vec!["shop".to_owned()],
        }
    }

    #[test]
    fn an_entry_means_a_server_by_name_address_port_and_database() {
        let at = place("db1.prod.example.com", "10.1.2.3");
        for means in [
            "db1.prod.example.com",
            "DB1.Prod.example.com.",
            "*.prod.example.com",
            "db?.prod*",
            "*",
            "10.1.2.3",
            "10.1.0.0/16",
            "10.0.0.0/8",
            "0.0.0.0/0",
            "::ffff:10.1.2.3",
            "*.prod.example.com:5432",
            "db1.prod.example.com/shop",
            "*:5432/sh*",
            "10.1.2.3:5432/shop",
        ] {
            assert!(Never::read(means).unwrap().means(&at), "{means}");
        }
        for other in [
            "prod.example.com",
            "*.prod.example.org",
            "10.1.2.4",
            "10.2.0.0/16",
            "10.1.2.3/other",
            "*.prod.example.com:5433",
            "db1.prod.example.com/shop2",
            "::1",
            "/run/postgresql",
        ] {
            assert!(!Never::read(other).unwrap().means(&at), "{other}");
        }
        let six = place("db", "2001:db8::7");
        for means in ["2001:db8::7", "[2001:db8::7]:5432", "2001:db8::/32", "[2001:db8::7]/shop"] {
            assert!(Never::read(means).unwrap().means(&six), "{means}");
        }
        assert!(!Never::read("[2001:db8::7]:5433").unwrap().means(&six));
        let socket = Place { names: vec!["/run/postgresql".to_owned()], ..Place::default() };
        assert!(Never::read("/run/*").unwrap().means(&socket));
    }

    /// Whoever asks by another name, or by an address, or through a tunnel, asks the same server.
    #[test]
    fn a_name_means_whoever_has_its_address() {
        let never = Never::read("db.prod.example.com/shop").unwrap();
        let at = place("alias", "10.1.2.3");
        assert_eq!(never.name(), Some("db.prod.example.com"));
        let by = |address: &str| never.means_by(&[address.parse().unwrap()], &at);
        assert!(by("10.1.2.3") && by("::ffff:10.1.2.3") && !by("10.1.2.4"));
        assert!(!Never::read("db.prod.example.com/other").unwrap().means_by(&at.addresses, &at));
        assert_eq!(Never::read("*.example.com").unwrap().name(), None);
    }

    #[test]
    fn what_could_mean_nothing_is_no_entry() {
        for bad in ["", "a b", "db:port", "db/", "10.1.0.0/33", "10.1.0", "[::1", "[::1]x", "a,b", "db:5432:1/x y"] {
            assert!(Never::read(bad).is_none(), "{bad}");
        }
    }
}
