//! Staging is full, whatever becomes of production: somebody counts its rows all the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_postgres::{Client, NoTls};

use super::world::NAME;
use crate::servers::Cluster;

/// What random traffic on production never empties; and what it does, and others do not.
const TABLES: [&str; 9] = ["big", "comp", "uid", "txt", "ident", "people", "handles", "log", "fulls"];
const EMPTIED_BY_TRAFFIC: usize = 2;

/// Rows of each.
type Counts = [i64; TABLES.len()];

/// The fewest rows that anybody has seen in each table. It has a session with staging, and comes back when that does.
pub struct Full {
    looking: JoinHandle<(Counts, Counts)>,
    over: Arc<AtomicBool>,
    first: Counts,
    tables: usize,
}

impl Full {
    /// From now on, with nobody writing to production but as the test does.
    pub async fn of(target: &Cluster) -> Full {
        Full::over(target, TABLES.len()).await
    }

    /// From now on, while random traffic goes on.
    pub async fn amid_traffic(target: &Cluster) -> Full {
        Full::over(target, TABLES.len() - EMPTIED_BY_TRAFFIC).await
    }

    async fn over(target: &Cluster, tables: usize) -> Full {
        let url = target.url(NAME);
        let first = counted(&connected(&url).await).await.expect("count the rows");
        let over = Arc::new(AtomicBool::new(false));
        let looking = tokio::spawn(looks(url, first, over.clone()));
        Full { looking, over, first, tables }
    }

    /// No table had ever less than half of what it had in the beginning and has now: rows that are not production's go in the transactions in
    /// which others come, a chunk at a time.
    pub async fn stayed(self) {
        self.over.store(true, Ordering::Relaxed);
        let (least, last) = self.looking.await.expect("no panic");
        for (n, table) in TABLES[..self.tables].iter().enumerate() {
            let (first, least, last) = (self.first[n], least[n], last[n]);
            assert!(least >= first.min(last) / 2, "{table}: {first} rows, then {least}, in the end {last}");
        }
    }
}

async fn looks(url: String, first: Counts, over: Arc<AtomicBool>) -> (Counts, Counts) {
    let (mut least, mut client) = (first, connected(&url).await);
    loop {
        // asked before the look, so that one comes after what it ends with
        let end = over.load(Ordering::Relaxed);
        match counted(&client).await {
            Ok(now) => {
                for (least, now) in least.iter_mut().zip(now) {
                    *least = now.min(*least);
                }
                if end {
                    return (least, now);
                }
            }
            Err(_) => client = connected(&url).await,
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn connected(url: &str) -> Client {
    loop {
        if let Ok((client, connection)) = tokio_postgres::connect(url, NoTls).await {
            tokio::spawn(connection);
            return client;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn counted(client: &Client) -> Result<Counts, tokio_postgres::Error> {
    let each = TABLES.map(|table| format!("(SELECT count(*) FROM {table})"));
    let row = client.query_one(&format!("SELECT {}", each.join(", ")), &[]).await?;
    Ok(std::array::from_fn(|n| row.get(n)))
}
