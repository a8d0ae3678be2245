//! The role on production: what it can do, what of it it need not, and that a pipeline runs from end to end with each.

use std::fs;

use super::{number, run};
use crate::preflight::psql;
use crate::servers::{Cluster, scratch_dir};
use crate::sluice::Sluice;

majors!(a_superuser, an_owner, the_least_that_init_prints, what_is_too_much_is_named_and_taken_away);

const SHOP: &str = "
    CREATE TABLE cruises (id int PRIMARY KEY, name text);
    CREATE TABLE clicks (at int)";

/// Two servers, each with a database of its own tables, and what `init` has written and printed for them.
struct World {
    source: Cluster,
    target: Cluster,
    sluice: Sluice,
    for_production: String,
    for_target: String,
}

impl World {
    async fn new(major: u32) -> World {
        let (source, target) = (Cluster::start(major), Cluster::start(major));
        for cluster in [&source, &target] {
            psql(&cluster.client("postgres").await, "CREATE DATABASE shop").await;
            psql(&cluster.client("shop").await, SHOP).await;
        }
        let rows = "INSERT INTO cruises SELECT g, 'cruise ' || g FROM generate_series(1, 100) g; INSERT INTO clicks SELECT generate_series(1, 10)";
        run(&source.client("shop").await, rows).await;
        run(&target.client("shop").await, "CREATE TABLE users (id int PRIMARY KEY)").await;
        let sluice = Sluice::new(scratch_dir("roles"), "");
        fs::remove_file(sluice.dir.join("sluice.yaml")).expect("remove it");
        let said = sluice.ok(&["init", "--source", &source.url("shop"), "--target", &target.url("shop")]).await.stdout;
        let (for_production, for_target) = said.split_once("-- TARGET").expect("two parts");
        let yaml = fs::read_to_string(sluice.dir.join("sluice.yaml")).expect("it is written");
        sluice.configure(&yaml.replace("  tables: []\n", "  tables: [public.users]\n"));
        // came later, and is nobody's business
        for cluster in [&source, &target] {
            run(&cluster.client("shop").await, "CREATE TABLE payroll (id int PRIMARY KEY)").await;
        }
        let sluice = sluice.env("SLUICE_TARGET_URL", &target.url_as("sluice_writer", "shop"));
        let for_target = format!("-- {for_target}");
        World { for_production: for_production.to_owned(), for_target, source, target, sluice }
    }

    /// By which role production is read.
    fn reads_as(self, role: &str) -> World {
        let sluice = self.sluice.env("SLUICE_SOURCE_URL", &self.source.url_as(role, "shop"));
        World { sluice, ..self }
    }

    /// What `check` says of the role: its line, and nothing fails.
    async fn role(&self) -> String {
        let checked = self.sluice.ok(&["check"]).await.stdout;
        let line = checked.lines().find(|line| line.contains(" role: "));
        line.unwrap_or_else(|| panic!("{checked}")).trim().trim_start_matches(['✓', '!', ' ']).to_owned()
    }

    /// From an empty staging to one that follows, is resynced, and is left.
    async fn end_to_end(&self) {
        let (production, staging) = (self.source.client("shop").await, self.target.client("shop").await);
        let same = async |of: &str| {
            let (a, b) = (number(&production, of).await, number(&staging, of).await);
            assert_eq!(a, b, "{of}");
            a
        };
        self.sluice.ok(&["run", "--until-caught-up"]).await;
        assert_eq!(same("SELECT count(*) FROM cruises").await, 100);
        run(&production, "INSERT INTO cruises VALUES (1000, 'after'); DELETE FROM cruises WHERE id < 11; INSERT INTO clicks VALUES (11)").await;
        self.sluice.ok(&["run", "--until-caught-up"]).await;
        assert_eq!((same("SELECT count(*) FROM cruises").await, same("SELECT count(*) FROM clicks").await), (91, 11));
        self.sluice.ok(&["resync", "--all", "--yes"]).await;
        let slots = "SELECT count(*) FROM pg_replication_slots";
        assert_eq!(number(&production, slots).await, 0, "the slot is dropped");
        self.sluice.ok(&["run", "--until-caught-up"]).await;
        same("SELECT sum(id) FROM cruises").await;
        self.sluice.ok(&["check", "--locked"]).await;
    }

    async fn gone(&self) {
        let left = "SELECT (SELECT count(*) FROM pg_replication_slots) + (SELECT count(*) FROM pg_publication)";
        assert_eq!(number(&self.source.client("shop").await, left).await, 0);
    }
}

async fn a_superuser(major: u32) {
    let world = World::new(major).await.reads_as("postgres");
    psql(&world.target.client("shop").await, &world.for_target).await;
    let says = "CREATE SCHEMA sluice; CREATE TABLE sluice.environment AS SELECT 'production' AS name";
    run(&world.source.client("shop").await, says).await;
    let role = world.role().await;
    assert!(role.starts_with("warn   role: \"postgres\" can do what it need not: superuser"), "{role}");
    world.end_to_end().await;
    world.sluice.ok(&["destroy", "--yes"]).await;
    world.gone().await;
}

/// Who owns the tables has `run` make the publications, and can do much more.
async fn an_owner(major: u32) {
    let world = World::new(major).await.reads_as("owner");
    psql(&world.target.client("shop").await, &world.for_target).await;
    let production = world.source.client("shop").await;
    psql(&production, "CREATE ROLE owner LOGIN REPLICATION; ALTER TABLE cruises OWNER TO owner; ALTER TABLE clicks OWNER TO owner;
        GRANT CREATE ON DATABASE shop TO owner; CREATE SCHEMA sluice; CREATE TABLE sluice.environment AS SELECT 'production' AS name;
        GRANT USAGE ON SCHEMA sluice TO owner; GRANT SELECT ON sluice.environment TO owner").await;
    let role = world.role().await;
    assert!(
        role.contains("owner of \"public\".\"clicks\", \"public\".\"cruises\", so it can change and drop them"),
        "{role}"
    );
    assert!(role.contains("its transactions are not read-only by default"), "{role}");
    world.end_to_end().await;
    // read-only by default, it makes no publication any more, and takes away its own all the same
    psql(&production, "ALTER ROLE owner SET default_transaction_read_only = on").await;
    world.sluice.ok(&["run", "--until-caught-up"]).await;
    world.sluice.ok(&["destroy", "--yes"]).await;
    world.gone().await;
    let refused = world.sluice.run(&["run", "--until-caught-up"]).await;
    assert!(
        refused.code == 5 && refused.stderr.contains("run on production, as the owner of the tables:"),
        "{}",
        refused.stderr
    );
}

/// By the very SQL that `init` prints, and nothing beside.
async fn the_least_that_init_prints(major: u32) {
    let world = World::new(major).await.reads_as("sluice_reader");
    let (production, staging) = (world.source.client("shop").await, world.target.client("shop").await);
    psql(&production, &world.for_production).await;
    psql(&staging, &world.for_target).await;
    let role = world.role().await;
    assert_eq!(
        role,
        "ok     role: \"sluice_reader\" streams, reads the tables that are replicated and no other, and is read-only by default"
    );
    world.end_to_end().await;

    // what neither can do, whatever it says of its transactions
    let reader = crate::servers::client(&world.source.url_as("sluice_reader", "shop")).await;
    let read_only: String = reader.query_one("SHOW transaction_read_only", &[]).await.expect("a setting").get(0);
    assert_eq!(read_only, "on");
    run(&reader, "SET default_transaction_read_only = off").await;
    let writer = crate::servers::client(&world.target.url_as("sluice_writer", "shop")).await;
    for (client, sql) in [
        (&reader, "INSERT INTO cruises VALUES (-1, '')"),
        (&reader, "TRUNCATE cruises"),
        (&reader, "SELECT FROM payroll"),
        (&reader, "CREATE TABLE public.mine (id int)"),
        (&reader, "UPDATE sluice.environment SET name = 'staging'"),
        (&reader, "DROP TABLE sluice.environment"),
        (&reader, "CREATE PUBLICATION mine"),
        (&writer, "UPDATE sluice.environment SET name = 'production'"),
        (&writer, "TRUNCATE sluice.environment"),
        (&writer, "INSERT INTO users VALUES (1)"),
        (&writer, "DELETE FROM users"),
        (&writer, "INSERT INTO payroll VALUES (1)"),
    ] {
        let refused = client.batch_execute(sql).await.expect_err(sql);
        assert_eq!(refused.code().map(|c| c.code()), Some("42501"), "{sql}: {refused:?}");
    }
    // the publications are the owner's to drop, and the statements are printed
    let left = world.sluice.run(&["destroy", "--yes"]).await;
    assert_eq!(left.code, 5, "{}", left.stderr);
    let statements: String = left.stderr.lines().filter(|l| l.starts_with("DROP PUBLICATION")).collect();
    psql(&production, &statements).await;
    world.gone().await;
}

async fn what_is_too_much_is_named_and_taken_away(major: u32) {
    let world = World::new(major).await.reads_as("sluice_reader");
    let production = world.source.client("shop").await;
    psql(&production, &world.for_production).await;
    psql(&world.target.client("shop").await, &world.for_target).await;
    let least = world.role().await;
    assert!(least.starts_with("ok "), "{least}");
    for (sql, says) in [
        ("ALTER ROLE sluice_reader CREATEROLE CREATEDB", "CREATEROLE, CREATEDB"),
        ("ALTER ROLE sluice_reader BYPASSRLS", "BYPASSRLS"),
        ("GRANT pg_write_all_data TO sluice_reader", "member of pg_write_all_data"),
        ("GRANT pg_execute_server_program TO sluice_reader", "member of pg_execute_server_program"),
        ("GRANT INSERT ON cruises TO sluice_reader", "may write \"public\".\"cruises\""),
        ("GRANT TRUNCATE ON payroll TO sluice_reader", "may write \"public\".\"payroll\""),
        ("GRANT UPDATE ON sluice.environment TO sluice_reader", "may write \"sluice\".\"environment\""),
        (
            "ALTER ROLE sluice_reader RESET default_transaction_read_only",
            "its transactions are not read-only by default",
        ),
    ] {
        psql(&production, sql).await;
        let checked = world.sluice.ok(&["check", "--json"]).await.stdout;
        let report: serde_json::Value = serde_json::from_str(&checked).expect("one object");
        let role = report["checks"].as_array().and_then(|c| c.iter().find(|c| c["name"] == "role")).expect("the role");
        assert!(role["state"] == "warned" && role["says"].as_str().is_some_and(|s| s.contains(says)), "{sql}: {role}");
        psql(&production, role["mend"]["text"].as_str().expect("SQL")).await;
        assert_eq!(world.role().await, least, "{sql}: mended by {}", role["mend"]);
    }
}
