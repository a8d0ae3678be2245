//! One server per major for all tests, with accounts of every kind of authentication and a certificate of its own CA.

use std::{error::Error as _, fs, path::PathBuf, sync::OnceLock};

use wire::{Connection, Conninfo, Error, Startup};

use crate::servers::{Authority, Cluster, MAJORS, scratch_dir};

const HBA: &str = "
local   all clear           password
local   all all             trust
host    all scram all       scram-sha-256
host    all md5   all       md5
host    all clear all       password
hostssl all cert  all       cert
host    all all   all       trust
";

const ROLES: &str = "
CREATE ROLE scram LOGIN PASSWORD 'pencil';
CREATE ROLE clear LOGIN PASSWORD 'pencil';
CREATE ROLE cert LOGIN;
SET password_encryption = 'md5';
CREATE ROLE md5 LOGIN PASSWORD 'pencil';
";

/// A running server, and the files that a client of it has.
pub struct World {
    pub cluster: Cluster,
    files: PathBuf,
}

impl World {
    /// The server of that major, started at its first use.
    pub fn of(major: u32) -> &'static World {
        static WORLDS: [OnceLock<World>; 2] = [OnceLock::new(), OnceLock::new()];
        let at = MAJORS.iter().position(|&tested| tested == major).expect("a major under test");
        WORLDS[at].get_or_init(|| std::thread::spawn(move || World::make(major)).join().expect("start a server"))
    }

    fn make(major: u32) -> World {
        let mut cluster = Cluster::start(major);
        let files = scratch_dir("client");
        let ca = Authority::new("sluice test CA");
        let server = ca.server(&["localhost", "db.example"]);
        let client = ca.client("cert");
        let other = Authority::new("another CA");
        let stranger = other.client("cert");
        for (name, contents) in [
            ("stranger.pem", stranger.0.as_str()),
            ("stranger.key", stranger.1.as_str()),
            ("ca.pem", ca.pem.as_str()),
            ("other-ca.pem", other.pem.as_str()),
            ("client.pem", client.0.as_str()),
            ("client.key", client.1.as_str()),
        ] {
            fs::write(files.join(name), contents).expect("write a client's file");
        }
        for (name, contents) in [
            ("server.crt", &server.0),
            ("server.key", &server.1),
            ("ca.crt", &ca.pem),
            ("pg_hba.conf", &HBA.to_string()),
        ] {
            cluster.write(name, contents);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut admin = open(&cluster.socket_url("postgres")).await;
            admin.simple(ROLES).await.expect("create roles");
            admin.close().await;
        });
        cluster.configure([("ssl", "on"), ("ssl_ca_file", "ca.crt"), ("ssl_min_protocol_version", "TLSv1.3")]);
        cluster.restart();
        World { cluster, files }
    }

    /// Key=value string over TCP for a role, and more parameters; `%` in it is the directory of the client's files.
    pub fn tcp(&self, user: &str, more: &str) -> String {
        let more = more.replace('%', &self.files.display().to_string());
        format!("host=localhost hostaddr=127.0.0.1 port={} user={user} dbname=postgres {more}", self.cluster.port())
    }

    /// The same over the unix socket.
    pub fn socket(&self, user: &str, more: &str) -> String {
        let dir = self.cluster.dir().display();
        format!("host={dir} port={} user={user} dbname=postgres {more}", self.cluster.port())
    }

    /// A session of the superuser.
    pub async fn session(&self) -> Connection {
        open(&self.cluster.socket_url("postgres")).await
    }
}

pub async fn try_open(conninfo: &str) -> Result<Connection, Error> {
    let info = Conninfo::parse(conninfo).unwrap_or_else(|e| panic!("{e}"));
    Connection::connect(&info, &Startup { application_name: "wire-test", ..Startup::default() }).await
}

pub async fn open(conninfo: &str) -> Connection {
    try_open(conninfo).await.unwrap_or_else(|e| panic!("{conninfo}: {}", chain(&e)))
}

/// The error with its causes, each once.
pub fn chain(e: &Error) -> String {
    let mut text = e.to_string();
    let mut cause = e.source();
    while let Some(e) = cause {
        text = format!("{text}: {e}");
        cause = e.source();
    }
    text
}
