//! A TCP connection that fails as networks do: cut, stalled, slow, losing exactly the answer, or lying.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Listens on a port of its own and passes bytes to a server until told otherwise. Ends when dropped.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    weather: watch::Sender<Weather>,
    /// What the first packet of a connection holds, and the port that it leads to then.
    astray: Mutex<Option<(Vec<u8>, u16)>>,
    /// Bytes of a request after which the answer is to be swallowed, once.
    trigger: Mutex<Option<Vec<u8>>>,
    /// What clients say, and what the server hears instead.
    lies: Mutex<Vec<(Vec<u8>, Vec<u8>)>>,
    swallowed: AtomicUsize,
    open: AtomicUsize,
}

#[derive(Clone, Debug, Default)]
struct Weather {
    /// The port that new connections lead to.
    upstream: u16,
    /// Connections of an older storm are dead.
    storm: u64,
    refusing: bool,
    stalled: bool,
    delay: Duration,
}

impl Proxy {
    /// A proxy in front of a port of 127.0.0.1.
    pub async fn start(upstream: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
        let port = listener.local_addr().expect("a bound listener has an address").port();
        let shared = Arc::new(Shared {
            weather: watch::Sender::new(Weather { upstream, ..Weather::default() }),
            astray: Mutex::new(None),
            trigger: Mutex::new(None),
            lies: Mutex::new(Vec::new()),
            swallowed: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
        });
        let accepting = tokio::spawn(accept(listener, shared.clone()));
        Proxy { port, shared, accepting }
    }

    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The connection string of a database behind it.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }

    /// Resets every open connection; new ones are welcome.
    pub fn cut(&self) {
        self.shared.weather.send_modify(|weather| weather.storm += 1);
    }

    /// New connections lead to another port of 127.0.0.1; the open ones stay where they are.
    pub fn lead_to(&self, port: u16) {
        self.shared.weather.send_modify(|weather| weather.upstream = port);
    }

    /// New connections of whoever says `said` in his first packet lead to another port; those of others lead where they did.
    pub fn lead_astray(&self, said: &str, port: u16) {
        *self.shared.astray.lock().expect("not poisoned") = Some((said.as_bytes().to_vec(), port));
    }

    /// Nobody is led astray any more.
    pub fn lead_home(&self) {
        *self.shared.astray.lock().expect("not poisoned") = None;
    }

    /// Whether new connections are hung up at once.
    pub fn refuse(&self, refusing: bool) {
        self.shared.weather.send_modify(|weather| weather.refusing = refusing);
    }

    /// Nothing moves in either direction, and nobody hears of it.
    pub fn stall(&self) {
        self.shared.weather.send_modify(|weather| weather.stalled = true);
    }

    /// Ends a stall.
    pub fn flow(&self) {
        self.shared.weather.send_modify(|weather| weather.stalled = false);
    }

    /// Each read of up to 16 kB waits this long, in both directions.
    pub fn delay(&self, delay: Duration) {
        self.shared.weather.send_modify(|weather| weather.delay = delay);
    }

    /// The next request that contains `trigger` reaches the server, but of its connection no answer comes back any
    /// more: it happened, and the client never hears of it. `cut` then ends the wait.
    pub fn swallow_answer_to(&self, trigger: &str) {
        *self.shared.trigger.lock().expect("not poisoned") = Some(trigger.as_bytes().to_vec());
    }

    /// Where a client says `said` (in one packet), the server hears `heard`, of the same length.
    pub fn replace(&self, said: &str, heard: &str) {
        assert_eq!(said.len(), heard.len(), "the packet says how long it is");
        self.shared.lies.lock().expect("not poisoned").push((said.into(), heard.into()));
    }

    /// Bytes of answers that were swallowed so far.
    pub fn swallowed(&self) -> usize {
        self.shared.swallowed.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        let shared = shared.clone();
        tokio::spawn(async move {
            if !shared.weather.borrow().refusing {
                shared.open.fetch_add(1, Ordering::SeqCst);
                let _ = connect(client, &shared).await;
                shared.open.fetch_sub(1, Ordering::SeqCst);
            }
        });
    }
}

/// The port for this connection: it may hang on who it is, which the client says first.
async fn upstream(client: &TcpStream, shared: &Shared) -> io::Result<u16> {
    let usual = shared.weather.borrow().upstream;
    let Some((said, port)) = shared.astray.lock().expect("not poisoned").clone() else { return Ok(usual) };
    let mut first = vec![0; 1024];
    let count = client.peek(&mut first).await?;
    Ok(if first[..count].windows(said.len()).any(|at| at == said) { port } else { usual })
}

async fn connect(client: TcpStream, shared: &Shared) -> io::Result<()> {
    let mut weather = shared.weather.subscribe();
    let born = weather.borrow().storm;
    let upstream = upstream(&client, shared).await?;
    let server = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], upstream))).await?;
    for socket in [&client, &server] {
        socket.set_nodelay(true)?;
        socket.set_zero_linger()?; // closing is a reset, not a goodbye
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let deaf = watch::Sender::new(false);
    tokio::select! {
        end = requests(from_client, to_server, shared, &deaf) => end,
        end = answers(from_server, to_client, shared, &deaf) => end,
        _ = weather.wait_for(|now| now.storm != born) => Ok(()),
    }
}

async fn requests(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    shared: &Shared,
    deaf: &watch::Sender<bool>,
) -> io::Result<()> {
    let mut chunk = vec![0; 16 * 1024];
    let mut seen: Vec<u8> = Vec::new(); // the end of what went before: a trigger may lie across two reads
    loop {
        let bytes = read(&mut from, &mut chunk, shared).await?;
        let Some(bytes) = bytes else { return Ok(()) };
        for (said, heard) in shared.lies.lock().expect("not poisoned").iter() {
            while let Some(at) = bytes.windows(said.len()).position(|at| at == said) {
                bytes[at..at + heard.len()].copy_from_slice(heard);
            }
        }
        seen.extend_from_slice(bytes);
        {
            let mut trigger = shared.trigger.lock().expect("not poisoned");
            if let Some(found) = trigger.take_if(|trigger| seen.windows(trigger.len()).any(|at| at == trigger)) {
                drop(found);
                deaf.send_replace(true); // before the server hears the request
            }
        }
        let keep = seen.len().saturating_sub(256);
        seen.drain(..keep);
        to.write_all(bytes).await?;
    }
}

async fn answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    shared: &Shared,
    deaf: &watch::Sender<bool>,
) -> io::Result<()> {
    let mut chunk = vec![0; 16 * 1024];
    while let Some(bytes) = read(&mut from, &mut chunk, shared).await? {
        if *deaf.borrow() {
            shared.swallowed.fetch_add(bytes.len(), Ordering::SeqCst);
        } else {
            to.write_all(bytes).await?;
        }
    }
    if *deaf.borrow() {
        std::future::pending::<()>().await; // the server's goodbye is an answer too
    }
    Ok(())
}

/// One read, held up as the weather wants; `None` at the end of the stream.
async fn read<'a>(from: &mut OwnedReadHalf, chunk: &'a mut [u8], shared: &Shared) -> io::Result<Option<&'a mut [u8]>> {
    let count = from.read(chunk).await?;
    let mut weather = shared.weather.subscribe();
    let delay = weather.borrow().delay;
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    let _ = weather.wait_for(|now| !now.stalled).await;
    Ok((count > 0).then_some(&mut chunk[..count]))
}
