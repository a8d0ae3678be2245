//! Each check alone: a pipeline of which everything passes, one thing broken, told by its name and by no other; then what it
//! prints is run, and everything passes again.

use std::fs;

use serde_json::Value;
use tokio_postgres::Client;

use super::psql;
use crate::servers::{Cluster, scratch_dir};
use crate::sluice::Sluice;

majors!(each_check_alone);

const CONFIG: &str = "
pipeline: shop
source: { url: \"${SLUICE_SOURCE_URL}\" }
target: { url: \"${SLUICE_TARGET_URL}\" }
masking: { key: \"${SLUICE_MASK_KEY}\" }
tables:
  public.plain: keep
  public.masked: { columns: { born: null, secret: drop } }
protect: { tables: [own.carts] }
";

const BOTH: &str = "CREATE TABLE plain (id serial PRIMARY KEY, a text); CREATE TABLE masked (id int PRIMARY KEY, born date, secret point)";

/// Two servers and a role on each that may do what it must, and no more.
struct World {
    source: Cluster,
    target: Cluster,
    sluice: Sluice,
}

impl World {
    async fn new(major: u32) -> World {
        let (source, target) = (Cluster::start(major), Cluster::start(major));
        for cluster in [&source, &target] {
            let admin = cluster.client("postgres").await;
            psql(&admin, "CREATE ROLE bare LOGIN; CREATE DATABASE shop; REVOKE ALL ON DATABASE shop FROM PUBLIC").await;
            psql(&cluster.client("shop").await, "GRANT CONNECT ON DATABASE shop TO bare").await;
            psql(&cluster.client("shop").await, BOTH).await;
        }
        let own = "CREATE SCHEMA own; CREATE TABLE own.carts (id int PRIMARY KEY, plain_id int REFERENCES plain)";
        psql(&target.client("shop").await, own).await;
        let sluice = Sluice::new(scratch_dir("alone"), CONFIG)
            .env("SLUICE_SOURCE_URL", &source.url_as("bare", "shop"))
            .env("SLUICE_TARGET_URL", &target.url_as("bare", "shop"));
        World { source, target, sluice }
    }

    fn side(&mut self, at: &str) -> &mut Cluster {
        if at == "production" { &mut self.source } else { &mut self.target }
    }

    async fn admin(&self, at: &str) -> Client {
        if at == "production" { self.source.client("shop").await } else { self.target.client("shop").await }
    }

    /// What did not pass: name and mend of each.
    async fn complaints(&self) -> Vec<Value> {
        let output = self.sluice.run(&["check", "--json", "--locked"]).await;
        let report: Value = serde_json::from_str(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", output.stderr));
        let checks = report["checks"].as_array().expect("a list").iter();
        let bad: Vec<Value> = checks.filter(|c| c["state"] == "failed" || c["state"] == "warned").cloned().collect();
        let failed = bad.iter().any(|c| c["state"] == "failed");
        assert_eq!(output.code, if failed { 3 } else { 0 }, "{}{}", output.stdout, output.stderr);
        bad
    }

    /// Runs what a complaint prints.
    async fn mend(&mut self, complaint: &Value) {
        let text = complaint["mend"]["text"].as_str().unwrap_or_else(|| panic!("nothing mends {complaint}"));
        match complaint["mend"]["at"].as_str().expect("a place") {
            at @ ("production" | "target") => {
                psql(&self.admin(at).await, text).await;
                if text.contains("then restart the server") {
                    self.side(at).restart();
                }
            }
            // it asks, and there is nobody; and the role may make nothing there before somebody lets it
            "shell" if text == "sluice schema apply" => {
                psql(&self.admin("target").await, "GRANT CREATE ON SCHEMA public TO bare").await;
                self.sluice.ok(&["schema", "apply", "--yes"]).await;
                psql(&self.admin("target").await, "REVOKE CREATE ON SCHEMA public FROM bare").await;
            }
            "shell" if text.starts_with("sluice ") => {
                self.sluice.ok(&text.split(' ').skip(1).collect::<Vec<_>>()).await;
            }
            "by hand" if text.starts_with("sluice init --lock") => drop(self.sluice.ok(&["init", "--lock"]).await),
            "by hand" if text.starts_with("sluice resync --all") => {
                drop(self.sluice.ok(&["resync", "--all", "--yes"]).await)
            }
            _ => panic!("no statement mends {complaint}"),
        }
    }

    async fn all_pass(&mut self) {
        for _ in 0..6 {
            let bad = self.complaints().await;
            if bad.is_empty() {
                return;
            }
            for complaint in &bad {
                self.mend(complaint).await;
            }
        }
        panic!("it does not end: {:#?}", self.complaints().await);
    }

    /// The complaints have exactly these names; the first is mended, and then there are none.
    async fn told_and_mended(&mut self, broken: &str, names: &[&str]) {
        let bad = self.complaints().await;
        let told: Vec<&str> = bad.iter().map(|c| c["name"].as_str().expect("a name")).collect();
        assert_eq!(told, names, "{broken}\n{bad:#?}");
        self.mend(&bad[0]).await;
        let left = self.complaints().await;
        assert!(left.is_empty(), "{broken}: not mended by {}\n{left:#?}", bad[0]["mend"]);
    }
}

/// Where, what breaks it, and the names under which that is told.
const BROKEN: &[(&str, &str, &[&str])] = &[
    ("production", "ALTER ROLE bare NOREPLICATION", &["REPLICATION"]),
    ("production", "REVOKE SELECT ON plain FROM bare", &["SELECT on production"]),
    ("production", "REVOKE SELECT ON SEQUENCE plain_id_seq FROM bare", &["sequences"]),
    ("target", "REVOKE UPDATE ON SEQUENCE plain_id_seq FROM bare", &["sequences"]),
    ("production", "ALTER TABLE plain ENABLE ROW LEVEL SECURITY", &["row security on production"]),
    (
        "production",
        "ALTER SYSTEM SET max_slot_wal_keep_size = -1; SELECT pg_reload_conf()",
        &["max_slot_wal_keep_size"],
    ),
    ("production", "ALTER PUBLICATION sluice_shop DROP TABLE plain", &["publication sluice_shop"]),
    (
        "production",
        "CREATE TABLE more (id int PRIMARY KEY); ALTER PUBLICATION sluice_shop ADD TABLE more",
        &["publication sluice_shop"],
    ),
    ("production", "ALTER PUBLICATION sluice_shop SET (publish = 'insert')", &["publication sluice_shop"]),
    (
        "production",
        "ALTER PUBLICATION sluice_shop SET (publish_via_partition_root = false)",
        &["publication sluice_shop"],
    ),
    ("production", "ALTER PUBLICATION sluice_shop SET TABLE plain (id), masked", &["publication sluice_shop"]),
    (
        "production",
        "ALTER PUBLICATION sluice_shop SET TABLE plain WHERE (id > 0), masked",
        &["publication sluice_shop"],
    ),
    (
        "production",
        "DROP PUBLICATION sluice_shop; CREATE PUBLICATION sluice_shop FOR ALL TABLES",
        &["publication sluice_shop"],
    ),
    ("production", "DROP PUBLICATION sluice_shop", &["publication sluice_shop"]),
    ("target", "REVOKE TEMPORARY ON DATABASE shop FROM bare", &["temporary tables"]),
    ("target", "REVOKE ALL ON SCHEMA sluice FROM bare", &["schema sluice"]),
    ("target", "REVOKE INSERT ON sluice.pending FROM bare", &["schema sluice"]),
    ("target", "ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf()", &["fsync"]),
    ("target", "REVOKE UPDATE ON plain FROM bare", &["public.plain"]),
    ("target", "ALTER TABLE plain ENABLE ROW LEVEL SECURITY", &["public.plain"]),
    (
        "target",
        "CREATE TRIGGER \"T 1\" BEFORE UPDATE ON plain FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger(); ALTER TABLE plain ENABLE ALWAYS TRIGGER \"T 1\"",
        &["public.plain"],
    ),
    ("target", "DROP TRIGGER \"T 1\" ON plain; ALTER TABLE plain DROP COLUMN a", &["public.plain"]),
    ("target", "ALTER TABLE plain ALTER a TYPE varchar(3)", &["public.plain"]),
    ("target", "ALTER TABLE masked ALTER born SET NOT NULL", &["public.masked"]),
    ("target", "ALTER TABLE masked ALTER secret SET NOT NULL", &["public.masked"]),
    ("target", "ALTER TABLE masked SET UNLOGGED", &["public.masked"]),
    ("target", "ALTER TABLE masked DROP CONSTRAINT masked_pkey", &["public.masked"]),
    ("target", "ALTER TABLE own.carts DROP CONSTRAINT carts_plain_id_fkey; DROP TABLE plain", &["public.plain"]),
];

async fn each_check_alone(major: u32) {
    let mut world = World::new(major).await;
    world.all_pass().await;
    for (at, sql, names) in BROKEN {
        psql(&world.admin(at).await, sql).await;
        world.told_and_mended(sql, names).await;
        if sql.ends_with("; DROP TABLE plain") {
            let reference = "ALTER TABLE own.carts ADD FOREIGN KEY (plain_id) REFERENCES plain";
            psql(&world.admin("target").await, reference).await;
        }
    }
    with_two_names(&mut world).await;
    after_a_restart(&mut world).await;
    by_hand(&mut world).await;
    of_the_lock(&mut world).await;
    of_a_position(&mut world).await;
}

/// What shows at two places.
async fn with_two_names(world: &mut World) {
    let cascade = "ALTER TABLE own.carts ADD CONSTRAINT goes FOREIGN KEY (plain_id) REFERENCES plain ON DELETE CASCADE";
    psql(&world.admin("target").await, cascade).await;
    let bad = world.complaints().await;
    assert!(bad.len() == 1 && bad[0]["name"] == "foreign key cascades" && bad[0]["state"] == "warned", "{bad:#?}");
    psql(&world.admin("target").await, "REVOKE SET ON PARAMETER session_replication_role FROM bare").await;
    let bad = world.complaints().await;
    let told: Vec<_> = bad.iter().map(|c| (c["name"].as_str(), c["state"].as_str())).collect();
    assert_eq!(told, ["session_replication_role", "foreign key cascades"].map(|name| (Some(name), Some("failed"))));
    world.mend(&bad[1]).await;
    psql(&world.admin("target").await, "ALTER TABLE own.carts DROP CONSTRAINT goes").await;
    assert!(world.complaints().await.is_empty());
    let revoke = "REVOKE SET ON PARAMETER session_replication_role FROM bare";
    psql(&world.admin("target").await, revoke).await;
    world.told_and_mended(revoke, &["session_replication_role"]).await;
    let nothing = "ALTER TABLE plain REPLICA IDENTITY NOTHING";
    psql(&world.admin("production").await, nothing).await;
    let bad = world.complaints().await;
    let told = |name: &str| bad.iter().find(|c| c["name"] == name).unwrap_or_else(|| panic!("{name} in {bad:#?}"));
    assert!(
        told("publication sluice_shop")["state"] == "failed"
            && told("publication sluice_shop_inserts")["state"] == "failed"
    );
    world.mend(told("public.plain")).await;
    assert!(world.complaints().await.is_empty());
}

/// Settings that count from the next start on.
async fn after_a_restart(world: &mut World) {
    for (sql, name) in [
        ("ALTER SYSTEM SET wal_level = replica", "wal_level"),
        ("ALTER SYSTEM SET max_replication_slots = 1; SELECT pg_create_physical_replication_slot('others')", "slot"),
        ("ALTER SYSTEM SET max_wal_senders = 0", "REPLICATION"),
    ] {
        psql(&world.admin("production").await, sql).await;
        world.source.restart();
        world.told_and_mended(sql, &[name]).await;
    }
    psql(&world.admin("production").await, "SELECT pg_drop_replication_slot('others')").await;
}

/// What no statement mends says so, and what is to be done.
async fn by_hand(world: &mut World) {
    let name = async |world: &World, name: &str, hint: &str| {
        let bad = world.complaints().await;
        let told = bad
            .iter()
            .find(|c| c["name"] == name && c["state"] == "failed")
            .unwrap_or_else(|| panic!("{name} in {bad:#?}"));
        assert!(
            told["mend"]["at"] == "by hand" && told["mend"]["text"].as_str().is_some_and(|t| t.contains(hint)),
            "{told}"
        );
    };
    psql(&world.admin("target").await, "ALTER TABLE own.carts RENAME TO trolleys").await;
    name(world, "protect.tables own.carts", "mend its name").await;
    psql(&world.admin("target").await, "ALTER TABLE own.trolleys RENAME TO carts").await;
    psql(&world.admin("production").await, "ALTER SYSTEM SET synchronous_standby_names = '*'; SELECT pg_reload_conf()")
        .await;
    name(world, "synchronous_standby_names", "in place of *").await;
    psql(&world.admin("production").await, "ALTER SYSTEM RESET synchronous_standby_names; SELECT pg_reload_conf()")
        .await;
    for (at, check, hint) in [
        ("production", "primary", "name the primary in source.url"),
        ("target", "writable", "name the primary in target.url"),
    ] {
        let cluster = world.side(at);
        cluster.write("standby.signal", "");
        cluster.restart();
        name(world, check, hint).await;
        let cluster = world.side(at);
        fs::remove_file(cluster.dir().join("data/standby.signal")).expect("no standby any more");
        cluster.restart();
    }
    world.sluice.configure(&CONFIG.replace("own.carts", "own.*, odd.*"));
    let bad = world.complaints().await;
    assert!(bad.len() == 1 && bad[0]["name"] == "protect.tables odd.*" && bad[0]["state"] == "warned", "{bad:#?}");
    world.sluice.configure(&CONFIG.replace("protect: { tables: [own.carts] }", ""));
    let bad = world.complaints().await;
    assert!(bad.len() == 1 && bad[0]["name"] == "protect.tables", "{bad:#?}");
    world.sluice.configure(
        &CONFIG
            .replace("public.plain: keep", "\"none.*\": keep\n  public.plain: structure")
            .replace("public.masked", "public.masked: exclude\n  # "),
    );
    name(world, "tables", "sluice init proposes").await;
}

async fn of_the_lock(world: &mut World) {
    world.sluice.configure(CONFIG);
    let migration = "ALTER TABLE plain ADD COLUMN b int";
    for at in ["production", "target"] {
        psql(&world.admin(at).await, migration).await;
    }
    let bad = world.complaints().await;
    let lock =
        bad.iter().find(|c| c["name"] == "sluice.lock" && c["state"] == "failed").unwrap_or_else(|| panic!("{bad:#?}"));
    world.mend(lock).await;
    assert!(world.complaints().await.is_empty());
}

async fn of_a_position(world: &mut World) {
    world.sluice.ok(&["run", "--until-caught-up"]).await;
    assert!(world.complaints().await.is_empty());
    let sql = "SELECT pg_drop_replication_slot('sluice_shop')";
    psql(&world.admin("production").await, sql).await;
    world.told_and_mended(sql, &["continuity"]).await;
}
