//! A newcomer's walk: `init`, its SQL, `check`, `plan`, `run`, with the two roles that the SQL makes and no other right.

use std::fs;
use std::time::Duration;

use serde_json::Value;

use super::psql;
use crate::servers::{Cluster, scratch_dir, wait_until};
use crate::sluice::Sluice;

majors!(a_newcomer_gets_from_init_to_a_full_staging);

const SHOP: &str = "
    CREATE TABLE customers (id bigint PRIMARY KEY, full_name text, email varchar(80), notes text, password_hash text);
    CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer_id bigint REFERENCES customers ON DELETE CASCADE);
    CREATE TABLE clicks (at timestamptz, url text);
    CREATE TABLE sessions (token text PRIMARY KEY)";

async fn a_newcomer_gets_from_init_to_a_full_staging(major: u32) {
    let (source, target) = (Cluster::start(major), Cluster::start(major));
    for cluster in [&source, &target] {
        cluster.client("postgres").await.batch_execute("CREATE DATABASE shop").await.expect("create a database");
        cluster.client("shop").await.batch_execute(SHOP).await.expect("create the shop");
    }
    let (production, staging) = (source.client("shop").await, target.client("shop").await);
    let rows = "INSERT INTO customers SELECT g, 'Zelda Quux', 'zelda' || g || '@quux.org', 'n', 'h' FROM generate_series(1, 100) g;
        INSERT INTO orders (customer_id) SELECT g FROM generate_series(1, 100) g; INSERT INTO clicks SELECT now(), '/' FROM generate_series(1, 10)";
    production.batch_execute(rows).await.expect("fill production");
    let own =
        "CREATE TABLE saved_carts (id int PRIMARY KEY, customer_id bigint REFERENCES customers ON DELETE CASCADE);
        CREATE TABLE bugs (id int); INSERT INTO bugs VALUES (1);
        INSERT INTO customers SELECT 0, 'old', 'old@old.example', 'n', 'h';
        ALTER TABLE customers ADD tester text DEFAULT 'somebody', ADD nobody text; ANALYZE";
    staging.batch_execute(own).await.expect("staging's own");

    let sluice = Sluice::new(scratch_dir("newcomer"), "");
    let (from, to) = (source.url("shop"), target.url("shop"));
    let init = ["init", "--source", from.as_str(), "--target", to.as_str()];
    let refused = sluice.run(&init).await;
    assert_eq!(refused.code, 2, "a file is there already: {}", refused.stderr);
    fs::remove_file(sluice.dir.join("sluice.yaml")).expect("remove it");
    let said = sluice.ok(&init).await;
    assert!(said.stderr.contains("public.customers.notes   drop      free text"), "{}", said.stderr);
    assert!(said.stderr.contains("export SLUICE_SOURCE_URL='postgres://sluice_reader@"), "{}", said.stderr);
    assert!(!said.stderr.contains("Quux"), "no value is shown");
    let yaml = fs::read_to_string(sluice.dir.join("sluice.yaml")).expect("it is written");
    assert!(yaml.contains("# tables: [public.bugs, public.saved_carts]") && !yaml.contains("127.0.0.1:2"), "{yaml}");
    assert_eq!(sluice.run(&init).await.code, 2, "never over a file without --force");

    let (for_production, for_target) = said.stdout.split_once("-- TARGET").expect("two parts");
    psql(&production, for_production).await;
    psql(&staging, &format!("-- {for_target}")).await;
    let protected = yaml.replace("  tables: []\n", "  tables: [public.saved_carts]\n");
    sluice.configure(&protected);
    let sluice = sluice
        .env("SLUICE_SOURCE_URL", &source.url_as("sluice_reader", "shop"))
        .env("SLUICE_TARGET_URL", &target.url_as("sluice_writer", "shop"));
    let checked = sluice.ok(&["check", "--locked"]).await;
    assert!(checked.stdout.contains("0 failed"), "{}", checked.stdout);
    assert!(checked.stdout.contains("sequences: 1 follow production's"), "{}", checked.stdout);
    assert!(checked.stdout.contains("! warn   public.clicks: no primary key"), "{}", checked.stdout);

    let plan = sluice.ok(&["plan"]).await.stdout;
    for line in [
        "PROTECTED on the target: never written\n  public.saved_carts",
        "UNGOVERNED on the target: hold rows, and nothing in sluice.yaml is about them; never written\n  public.bugs",
        "UNGOVERNED COLUMNS on the target: production has none of that name; what they hold stays\n  public.customers.tester\n",
        "STRUCTURE ONLY on the target\n  public.sessions",
        "public.saved_carts (protected) refers to public.customers, which is written",
        "public.clicks: no key; the stream is held for under 1 s",
    ] {
        assert!(plan.contains(line), "{line}\n{plan}");
    }
    assert!(!plan.contains("sluice_reader") && !plan.contains("c2x1"), "no secret: {plan}");
    // a tester who holds a table of staging's own keeps nobody from looking
    psql(&staging, "BEGIN; LOCK TABLE bugs IN ACCESS EXCLUSIVE MODE").await;
    let mut looking = sluice.spawn(&["plan"]);
    let looked = looking.wait(Duration::from_secs(30)).await;
    assert!(looked.success() && looking.stdout().contains("\n  public.bugs"), "{}{}", looking.stdout(), looking.log());
    psql(&staging, "COMMIT").await;

    sluice.ok(&["run", "--until-caught-up"]).await;
    let count = "SELECT (SELECT count(*) FROM customers WHERE full_name <> 'Zelda Quux' AND email LIKE '%@example.com' AND notes IS NULL),
        (SELECT count(*) FROM orders), (SELECT count(*) FROM clicks)";
    let row = staging.query_one(count, &[]).await.expect("count");
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1), row.get::<_, i64>(2)), (100, 100, 10));
    // with the rights of these roles staging's sequences follow: what its own people insert is in nobody's way
    let own =
        staging.query_one("INSERT INTO orders (customer_id) VALUES (1) RETURNING id", &[]).await.expect("an insert");
    assert!(own.get::<_, i64>(0) > 1100, "production's orders come up to 100");
    psql(&staging, "DELETE FROM orders WHERE id > 1000").await;
    // a role that sees no other's sessions is told all the same how late staging is
    let mut running = sluice.spawn(&["run"]);
    wait_until("it says how late it is", Duration::from_secs(30), || async {
        let state: Value = serde_json::from_str(&sluice.ok(&["status", "--json"]).await.stdout).expect("one object");
        state["state"] == "streaming" && state["lag"]["seconds"].as_f64().is_some_and(|late| late < 1.0)
    })
    .await;
    running.term();
    running.wait(Duration::from_secs(20)).await;
    let again = sluice.ok(&["check", "--locked"]).await;
    assert!(again.stdout.contains("continuity: slot and checkpoint belong together"), "{}", again.stdout);

    production.batch_execute("ALTER TABLE customers ADD nickname text").await.expect("a migration");
    let drifted = sluice.run(&["check", "--locked"]).await;
    assert_eq!(drifted.code, 3, "{}", drifted.stdout);
    assert!(drifted.stdout.contains("public.customers\n             + nickname: text, keep"), "{}", drifted.stdout);
}
