//! Where a server may be. Several places are one server that moves: after a failover it is at another of them.

use std::{net::IpAddr, path::PathBuf};

use super::Conninfo;

/// A host and its port, or the directory of a unix socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) host: String,
    pub(crate) hostaddr: Option<IpAddr>,
    pub(crate) port: u16,
}

impl Place {
    /// Whether it is on this machine.
    pub(super) fn is_local(&self) -> bool {
        let loopback = |host: &str| host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        self.socket_path().is_some() || self.hostaddr.map_or_else(|| loopback(&self.host), |ip| ip.is_loopback())
    }

    /// The unix socket, if the host is a directory.
    pub(crate) fn socket_path(&self) -> Option<PathBuf> {
        let is_path = self.hostaddr.is_none() && self.host.starts_with('/');
        is_path.then(|| PathBuf::from(&self.host).join(format!(".s.PGSQL.{}", self.port)))
    }
}

impl Conninfo {
    /// All places, in the order in which they are tried.
    pub(super) fn places(&self) -> impl Iterator<Item = &Place> {
        std::iter::once(&self.place).chain(&self.others)
    }

    /// Host and port of each place, in the order in which they are tried.
    pub fn hosts(&self) -> impl Iterator<Item = (&str, u16)> {
        self.places().map(|place| (place.host.as_str(), place.port))
    }

    /// The same for each place by itself, in the order in which they are tried.
    pub fn each(&self) -> impl Iterator<Item = Conninfo> {
        self.places().map(|place| Conninfo { place: place.clone(), others: Vec::new(), ..self.clone() })
    }

    /// The unix socket, if the host is a directory.
    pub(crate) fn socket_path(&self) -> Option<PathBuf> {
        self.place.socket_path()
    }

    /// What is given to the resolver.
    pub(crate) fn address(&self) -> String {
        self.place.hostaddr.map_or_else(|| self.place.host.clone(), |ip| ip.to_string())
    }

    /// Host and port, for messages.
    pub(crate) fn endpoint(&self) -> String {
        let (host, port) = (self.host(), self.port());
        match self.socket_path() {
            Some(path) => path.display().to_string(),
            None if host.contains(':') => format!("[{host}]:{port}"),
            None => format!("{host}:{port}"),
        }
    }
}
