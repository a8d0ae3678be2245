//! Two servers of a test's own, a table of each kind, and the question whether both sides are equal.

use std::time::Duration;

use base64::Engine as _;
use bytes::BytesMut;
use filters::key::MaskKey;
use filters::mask::{ColumnFacts, Mask, MaskSpec};
use filters::raw::RawRow;
use tokio_postgres::Client;

use crate::check::{self, Table};
use crate::servers::{Cluster, wait_until};
use crate::sluice::{MASK_KEY, Output, Running, Sluice};

/// The database on both servers, and the pipeline.
pub const NAME: &str = "world";

/// How long a run to the end may take.
pub const LIMIT: Duration = Duration::from_secs(150);

const SCHEMA: &str = "
CREATE TABLE big (id bigint PRIMARY KEY, n int NOT NULL, uniq int UNIQUE, body text);
ALTER TABLE big ALTER body SET STORAGE EXTERNAL;
CREATE TABLE comp (a int, b text COLLATE \"C\", v int, body text, PRIMARY KEY (a, b));
ALTER TABLE comp ALTER body SET STORAGE EXTERNAL;
CREATE TABLE uid (id uuid PRIMARY KEY, v int);
CREATE TABLE txt (id text PRIMARY KEY, v text);
CREATE TABLE log (at int, what text);
CREATE TABLE fulls (a int, b text);
ALTER TABLE fulls REPLICA IDENTITY FULL;
CREATE TABLE ident (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v int, body text);
ALTER TABLE ident ALTER body SET STORAGE EXTERNAL;
CREATE TABLE people (id int PRIMARY KEY, email text UNIQUE, v int);
CREATE TABLE handles (handle text PRIMARY KEY, v int, body text);
ALTER TABLE handles ALTER body SET STORAGE EXTERNAL;
";

/// Rows to begin with; on staging they are the rows of an old day, wrong in every way.
fn rows(old: bool) -> String {
    let body = "repeat(md5(g::text), 90)";
    let (shift, turn) = if old { (400, "3000 - ") } else { (0, "") };
    format!(
        "INSERT INTO big SELECT g, g % 7, {turn}g, {body} FROM generate_series(1 + {shift}, 1500 + {shift}) g;
         INSERT INTO comp SELECT g % 20, 'k' || g, g, {body} FROM generate_series(1 + {shift}, 600 + {shift}) g;
         INSERT INTO uid SELECT md5(g::text)::uuid, g + {shift} FROM generate_series(1 + {shift}, 600 + {shift}) g;
         INSERT INTO txt SELECT 't' || g, {shift} FROM generate_series(1 + {shift}, 600 + {shift}) g;
         INSERT INTO log SELECT g + {shift}, 'first' FROM generate_series(1, 300) g;
         INSERT INTO fulls SELECT g % 50, 'f' || g % 60 + {shift} FROM generate_series(1, 300) g;
         INSERT INTO ident (v, body) SELECT g + {shift}, {body} FROM generate_series(1, 300) g;
         INSERT INTO people SELECT g, 'user' || {turn}g || '@shop.test', g FROM generate_series(1 + {shift}, 600 + {shift}) g;
         INSERT INTO handles SELECT 'h' || g, g, {body} FROM generate_series(1 + {shift}, 300 + {shift}) g;"
    )
}

/// What of the world is replicated, and how.
pub const TABLES: &str = "tables:
  \"public.*\": keep
  public.people: { columns: { email: email } }
  public.handles: { columns: { handle: { mask: hash, length: 32 } } }
copy: { slice: 2s, readers: 2, chunk_rows: 100 }
";

/// Production, staging, and a pipeline between them.
#[derive(Debug)]
pub struct World {
    pub source: Cluster,
    pub target: Cluster,
    pub sluice: Sluice,
}

impl World {
    /// Both with the schema; production with rows, staging with old ones if `full`.
    pub async fn new(major: u32, full: bool) -> World {
        let source = Cluster::start(major);
        // honest crash recovery where commits are promised to be on disk
        let target = Cluster::with().set("fsync", "on").start(major);
        World::over(source, target, full).await
    }

    /// The same over servers of one's own.
    pub async fn over(source: Cluster, target: Cluster, full: bool) -> World {
        for cluster in [&source, &target] {
            run(&cluster.client("postgres").await, &format!("CREATE DATABASE {NAME}")).await;
            run(&cluster.client(NAME).await, SCHEMA).await;
        }
        run(&source.client(NAME).await, &rows(false)).await;
        if full {
            run(&target.client(NAME).await, &rows(true)).await;
        }
        let sluice = Sluice::over(NAME, &source.url(NAME), &target.url(NAME), TABLES);
        World { source, target, sluice }
    }

    /// The same pipeline with other URLs, variables and tables.
    pub fn pipeline(&self, source: &str, target: &str) -> Sluice {
        Sluice::over(NAME, source, target, TABLES)
    }

    /// The same pipeline with other URLs and more in its file.
    pub fn pipeline_with(&self, source: &str, target: &str, rest: &str) -> Sluice {
        Sluice::over(NAME, source, target, &format!("{TABLES}{rest}"))
    }

    /// The same pipeline with more in its file.
    pub fn also(&self, rest: &str) -> Sluice {
        self.pipeline_with(&self.source.url(NAME), &self.target.url(NAME), rest)
    }

    /// The same pipeline with a variable more.
    pub fn with_env(&self, name: &str, value: &str) -> Sluice {
        self.pipeline(&self.source.url(NAME), &self.target.url(NAME)).env(name, value)
    }

    /// A client of production.
    pub async fn production(&self) -> Client {
        self.source.client(NAME).await
    }

    /// A client of staging.
    pub async fn staging(&self) -> Client {
        self.target.client(NAME).await
    }

    /// Runs until caught up, which must work.
    pub async fn catch_up(&self) -> Output {
        self.sluice.ok(&["run", "--until-caught-up"]).await
    }

    /// Waits until nothing is pending, ends it, and runs until caught up.
    pub async fn settles(&self, running: &mut Running) {
        let staging = self.staging().await;
        let pending = "SELECT count(*) FROM sluice.pending";
        wait_until("nothing is pending", LIMIT, || async { number(&staging, pending).await == 0 }).await;
        running.term();
        running.wait(Duration::from_secs(10)).await;
        self.catch_up().await;
    }

    /// What both servers do at this moment, for a test that waits in vain.
    pub async fn scene(&self) -> String {
        let sessions = "SELECT concat_ws(' ', pid, application_name, backend_type, state, wait_event_type, wait_event, 'for', now() - xact_start, 'blocked by', pg_blocking_pids(pid), query)
            FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type IN ('client backend', 'walsender') ORDER BY 1";
        let asked = [
            ("production", &self.source, sessions),
            ("production's slots", &self.source, "SELECT s::text FROM pg_replication_slots s"),
            ("staging", &self.target, sessions),
            ("checkpoint", &self.target, "SELECT c::text FROM sluice.checkpoint c"),
            ("pending", &self.target, "SELECT p::text FROM sluice.pending p"),
        ];
        let mut scene = String::new();
        for (what, server, sql) in asked {
            scene += &format!("== {what}\n");
            for row in server.client(NAME).await.query(sql, &[]).await.unwrap() {
                scene += &format!("{}\n", row.get::<_, Option<String>>(0).unwrap_or_default());
            }
        }
        for line in self.source.log().lines().filter(|line| line.contains("sluice/")) {
            scene += &format!("{line}\n");
        }
        scene
    }

    /// Every table equal, masked columns by the mask itself, and nothing was out of place on the way.
    pub async fn equal(&self) {
        let (production, staging) = (self.production().await, self.staging().await);
        equal(&production, &staging).await;
        let divergences = "SELECT coalesce(sum(divergences), 0)::bigint FROM sluice.tables";
        assert_eq!(number(&staging, divergences).await, 0, "divergences, and nobody else wrote to staging");
        assert_eq!(number(&staging, "SELECT count(*) FROM sluice.pending").await, 0, "parts still pending");
    }
}

/// Every table equal, masked columns by the mask itself.
pub async fn equal(production: &Client, staging: &Client) {
    for table in ["big", "comp", "uid", "txt", "log", "fulls", "ident", "people", "handles"] {
        check::equal(production, staging, compared(production, table).await).await;
    }
}

/// A table as it is compared: masked columns by the mask itself, which from now on this session of production knows.
pub async fn compared(production: &Client, table: &str) -> Table {
    let (column, spec) = match table {
        "people" => ("email", MaskSpec::of("email", &[])),
        "handles" => ("handle", MaskSpec::of("hash", &[("length", 32.into())])),
        _ => return Table::named(table),
    };
    masked(production, table, column, &spec).await;
    Table::named(table).without(&[column]).computed(&known(table, column), column)
}

/// What the mask makes of a column, in a session that [`compared`] the table.
pub fn known(table: &str, column: &str) -> String {
    format!("(SELECT m FROM masks_of_{table} WHERE raw = {column})")
}

/// Writes beside production's table (for this session) what the mask makes of each value.
async fn masked(production: &Client, table: &str, column: &str, spec: &MaskSpec) {
    let key = base64::engine::general_purpose::STANDARD.decode(MASK_KEY).expect("base64");
    let key = MaskKey::new(&key).expect("a key");
    let mask = Mask::new(spec, &key, None, &ColumnFacts::TEXT).expect("a mask");
    let rows = production.query(&format!("SELECT {column} FROM {table}"), &[]).await.expect("read");
    let raw: Vec<String> = rows.iter().filter_map(|row| row.get::<_, Option<String>>(0)).collect();
    let made = raw.iter().map(|raw| {
        let mut out = BytesMut::new();
        _ = mask.apply(raw.as_bytes(), &RawRow::ALONE, &mut out);
        String::from_utf8(out.to_vec()).expect("text")
    });
    let made: Vec<String> = made.collect();
    let name = format!("masks_of_{table}");
    run(
        production,
        &format!("DROP TABLE IF EXISTS pg_temp.{name}; CREATE TEMP TABLE {name} (raw text PRIMARY KEY, m text)"),
    )
    .await;
    let fill = format!("INSERT INTO {name} SELECT DISTINCT * FROM unnest($1::text[], $2::text[])");
    production.execute(&fill, &[&raw, &made]).await.expect("fill");
}

/// Runs SQL that must work.
pub async fn run(client: &Client, sql: &str) {
    client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{error:?} in: {sql}"));
}

/// One number.
pub async fn number(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}")).get(0)
}

/// One text.
pub async fn text(client: &Client, sql: &str) -> String {
    let row = client.query_one(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    row.get::<_, Option<String>>(0).unwrap_or_default()
}

/// Makes the next COMMIT of whoever moves the checkpoint (`checkpoint`) or finishes a chunk (`pending`) take three
/// seconds: until `DELETE FROM slow`.
pub async fn slow_commits(staging: &Client, table: &str) {
    let event = if table == "pending" { "DELETE" } else { "UPDATE OF lsn" };
    let sql = format!(
        "CREATE TABLE slow AS SELECT 1 AS flag;
         CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
           'BEGIN IF EXISTS (SELECT FROM public.slow) THEN PERFORM pg_catalog.pg_sleep(3); END IF; RETURN NULL; END';
         CREATE CONSTRAINT TRIGGER slow AFTER {event} ON sluice.{table} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow();
         ALTER TABLE sluice.{table} ENABLE ALWAYS TRIGGER slow"
    );
    run(staging, &sql).await;
}
