//! One Kafka of a test's own: broker and controller in one process (KRaft), started, stopped, killed, paused; or [`Brokers`], three of them.
//!
//! Settings and memory are those of a machine that has little to spare. Topics do not come by themselves: what a broker
//! makes when somebody mistypes a name, or is too early, has the settings of nobody.

mod java;
mod three;

pub use three::Brokers;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use self::java::Archive;
use super::process::{Spawned, spawn_bound};
use super::scratch;
use super::template::{copy, free_port};

/// A start takes 2 s, and 20 on a machine that does something else.
const LIMIT: Duration = Duration::from_secs(120);

/// What a broker says when it takes clients.
const READY: &str = "Kafka Server started";

/// Settings of every broker but its addresses and its directory. One replica of everything; without the last two 140 MB
/// more, and no start within `-Xmx128m`.
const SETTINGS: &[(&str, &str)] = &[
    ("process.roles", "broker,controller"),
    ("controller.listener.names", "CONTROLLER"),
    ("inter.broker.listener.name", "PLAINTEXT"),
    // so long the controller waits for a broker that was killed before it takes the next one of that id; it asks every 2 s
    ("broker.session.timeout.ms", "2000"),
    ("broker.heartbeat.interval.ms", "250"),
    ("auto.create.topics.enable", "false"),
    ("offsets.topic.replication.factor", "1"),
    ("offsets.topic.num.partitions", "1"),
    ("transaction.state.log.replication.factor", "1"),
    ("transaction.state.log.min.isr", "1"),
    ("transaction.state.log.num.partitions", "1"),
    ("group.initial.rebalance.delay.ms", "0"),
    ("log.cleaner.dedupe.buffer.size", "4194304"),
    ("log.cleaner.io.buffer.size", "65536"),
];

/// A running (or stopped) broker with its directory. Dropping it kills the broker and removes the directory.
#[derive(Debug)]
pub struct Broker {
    dir: PathBuf,
    port: u16,
    /// Its number in a cluster, and who votes there; one that is alone is the first, and votes for itself.
    node: usize,
    quorum: Option<Quorum>,
    beside: Vec<Listener>,
    users: Vec<String>,
    settings: Vec<(String, String)>,
    process: Option<Spawned>,
}

/// The ports at which the controllers of a cluster hear each other, in the order of their numbers.
type Quorum = Vec<u16>;

/// A listener beside the plain one.
#[derive(Clone, Debug)]
struct Listener {
    name: String,
    protocol: String,
    port: u16,
    /// What clients are told instead.
    advertised: Option<u16>,
}

/// What is known of one that is starting.
struct Starting {
    process: Spawned,
    /// So much it had said before.
    before: usize,
    began: Instant,
}

impl Broker {
    /// A new broker with the harness' settings, without a topic.
    pub fn start() -> Broker {
        Broker::with(&[])
    }

    /// The same with settings of its own; they win over the harness'.
    pub fn with(settings: &[(&str, &str)]) -> Broker {
        Broker::listening(&[], &[], settings)
    }

    /// The same with listeners beside the plain one, each a name and a protocol such as `SASL_SSL`, and with users as SCRAM knows them:
    /// `SCRAM-SHA-256=[name=…,password=…]`.
    pub fn listening(beside: &[(&str, &str)], users: &[String], settings: &[(&str, &str)]) -> Broker {
        let mut broker = Broker::stopped(settings);
        broker.beside = beside
            .iter()
            .map(|&(name, protocol)| Listener {
                name: name.into(),
                protocol: protocol.into(),
                port: 0,
                advertised: None,
            })
            .collect();
        broker.users = users.to_vec();
        let java::Prepared { data, classes } = java::prepared();
        broker.begin(data, Archive::Read(classes));
        broker
    }

    /// One with a listener beside the plain one of which clients are told another port: a proxy's.
    pub fn behind(listener: &str, advertised: u16) -> Broker {
        let mut broker = Broker::stopped(&[]);
        broker.beside = vec![Listener {
            name: listener.into(),
            protocol: "PLAINTEXT".into(),
            port: 0,
            advertised: Some(advertised),
        }];
        let java::Prepared { data, classes } = java::prepared();
        broker.begin(data, Archive::Read(classes));
        broker
    }

    /// `127.0.0.1:PORT` of a listener beside the plain one.
    pub fn addr_of(&self, listener: &str) -> String {
        let found = self.beside.iter().find(|beside| beside.name == listener).expect("such a listener");
        format!("127.0.0.1:{}", found.port)
    }

    /// One for all tests of the process. A test must neither stop it nor pause it, and has topics of its own.
    pub fn shared() -> &'static Broker {
        static SHARED: OnceLock<Broker> = OnceLock::new();
        SHARED.get_or_init(Broker::start)
    }

    /// `127.0.0.1:PORT`, the same after every restart.
    pub fn addr(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Its TCP port on 127.0.0.1, for a proxy; clients go on to [`Broker::addr`] whatever they came by.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where the records are: a directory for each partition.
    pub fn log_dir(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// Everything that the broker has said.
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.join("kafka.log")).unwrap_or_default()
    }

    /// SIGKILL: nothing is written any more, nobody is told.
    pub fn kill9(&mut self) {
        self.end(libc::SIGKILL);
    }

    /// SIGTERM: clients are told, logs are closed.
    pub fn stop(&mut self) {
        self.resume(); // a paused one would hear it later
        self.end(libc::SIGTERM);
    }

    /// Starts it again, after a stop if it still runs. Same port, same data.
    pub fn start_again(&mut self) {
        self.stop();
        let started = self.launch(Archive::Read(&java::prepared().classes));
        started.unwrap_or_else(|why| panic!("the broker does not come up again: {why}\n{}", self.tail()));
    }

    /// SIGSTOP: it neither answers nor hangs up.
    pub fn pause(&mut self) {
        self.signal(libc::SIGSTOP);
    }

    /// Lets a paused broker go on.
    pub fn resume(&mut self) {
        self.signal(libc::SIGCONT);
    }

    fn signal(&mut self, signal: i32) {
        if let Some(process) = &mut self.process {
            process.signal(signal);
        }
    }

    fn end(&mut self, signal: i32) {
        self.signal(signal);
        if let Some(mut process) = self.process.take() {
            assert!(process.wait(LIMIT).is_some(), "the broker did not end on signal {signal}\n{}", self.tail());
        }
    }

    /// One that has never run, and has neither ports nor data.
    fn stopped(settings: &[(&str, &str)]) -> Broker {
        let settings = settings.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let dir = scratch::scratch_dir("kafka");
        Broker { dir, port: 0, node: 1, quorum: None, beside: Vec::new(), users: Vec::new(), settings, process: None }
    }

    /// The first start: on free ports, from a copy of a formatted directory.
    fn begin(&mut self, formatted: &Path, archive: Archive<'_>) {
        for _ in 0..20 {
            let _ = fs::remove_dir_all(self.log_dir());
            self.configure();
            if self.users.is_empty() {
                copy(formatted, &self.log_dir());
            } else {
                java::format(self, &self.users);
            }
            match self.launch(archive) {
                Ok(()) => return,
                Err(_) if self.log().contains("Address already in use") => {}
                Err(why) => panic!("the broker does not come up: {why}\n{}", self.tail()),
            }
        }
        panic!("no free port found");
    }

    /// Ports that are free now; later settings win over earlier ones.
    fn configure(&mut self) {
        self.port = free_port();
        self.beside.iter_mut().for_each(|beside| beside.port = free_port());
        let quorum = self.quorum.clone().unwrap_or_else(|| vec![free_port()]);
        let beside = |at: fn(&Listener) -> String| self.beside.iter().map(at).collect::<String>();
        let plain = format!("PLAINTEXT://127.0.0.1:{}", self.port);
        let told = beside(|b| format!(",{}://127.0.0.1:{}", b.name, b.advertised.unwrap_or(b.port)));
        let at = beside(|b| format!(",{}://127.0.0.1:{}", b.name, b.port));
        let harness = SETTINGS.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
        let voters = quorum.iter().enumerate().map(|(n, port)| format!("{}@127.0.0.1:{port}", n + 1));
        let own = [
            ("node.id", self.node.to_string()),
            ("listeners", format!("{plain}{at},CONTROLLER://127.0.0.1:{}", quorum[self.node - 1])),
            ("advertised.listeners", format!("{plain}{told}")),
            (
                "listener.security.protocol.map",
                format!(
                    "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT{}",
                    beside(|b| format!(",{}:{}", b.name, b.protocol))
                ),
            ),
            ("controller.quorum.voters", voters.collect::<Vec<_>>().join(",")),
            ("log.dirs", self.log_dir().display().to_string()),
        ];
        let own = own.into_iter().map(|(name, value)| (name.to_owned(), value));
        let lines: Vec<String> =
            harness.chain(own).chain(self.settings.clone()).map(|(name, value)| format!("{name}={value}\n")).collect();
        fs::write(self.properties(), lines.concat()).expect("write server.properties");
    }

    fn launch(&mut self, archive: Archive<'_>) -> Result<(), String> {
        let starting = self.spawn(archive)?;
        self.ready(starting)
    }

    fn spawn(&self, archive: Archive<'_>) -> Result<Starting, String> {
        let before = self.log().len();
        let log = fs::OpenOptions::new().create(true).append(true).open(self.dir.join("kafka.log"));
        let log = log.map_err(|error| error.to_string())?;
        let mut server = java::command("kafka.Kafka", Some(archive));
        server.arg(self.properties()).stdout(log.try_clone().map_err(|error| error.to_string())?).stderr(log);
        let process = spawn_bound(server, libc::SIGKILL).map_err(|error| error.to_string())?;
        Ok(Starting { process, before, began: Instant::now() })
    }

    /// Waits until it takes clients.
    fn ready(&mut self, Starting { mut process, before, began }: Starting) -> Result<(), String> {
        while !self.log().get(before..).is_some_and(|said| said.contains(READY)) {
            if let Some(status) = process.ended() {
                return Err(format!("ended with {status}"));
            }
            if began.elapsed() > LIMIT {
                return Err(format!("not ready after {LIMIT:?}"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.process = Some(process);
        Ok(())
    }

    fn properties(&self) -> PathBuf {
        self.dir.join("server.properties")
    }

    fn tail(&self) -> String {
        let log = self.log();
        let skip = log.lines().count().saturating_sub(40);
        log.lines().skip(skip).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("log of the broker on port {}:\n{}", self.port, self.tail());
        }
        self.process = None;
        if !scratch::keep() {
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}
