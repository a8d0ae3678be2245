//! Row filters: what enters or leaves the set is there or gone on staging, whatever the replica identity, and production is
//! not hindered. Staging may be full of rows that are not in the set.

use crate::check::{self, Table};
use crate::shapes::Flow;
use crate::shapes::flow::{number, text};

majors!(
    rows_enter_and_leave_the_set,
    a_predicate_over_what_was_not_sent,
    another_condition,
    killed_while_it_copies,
    what_cannot_be_decided,
);

const IN: &str = "status <> 'gone' AND region IN (1, 2)";
const YAML: &str = "tables:
  public.plain: { where: \"status <> 'gone' AND region IN (1, 2)\" }
  public.whole: { where: \"status <> 'gone' AND region IN (1, 2)\" }
  public.keyed: { where: \"status <> 'gone' AND region IN (1, 2)\", columns: { id: hash, note: hash } }
  public.keyless: { where: \"status <> 'gone' AND region IN (1, 2)\" }
";

const COLUMNS: &str = "id text NOT NULL, status text, region int, note text, long text";

/// Four tables, and a staging that an older script has filled with everything.
async fn filled(major: u32, name: &str, rest: &str) -> Flow {
    let flow = Flow::with(major, name, &format!("{YAML}{rest}")).await;
    for table in ["plain", "whole", "keyed", "keyless"] {
        let key = if table == "keyless" { "" } else { ", PRIMARY KEY (id)" };
        flow.both(&format!(
            "CREATE TABLE {table} ({COLUMNS}{key}); ALTER TABLE {table} ALTER long SET STORAGE EXTERNAL"
        ))
        .await;
        flow.source(&format!(
            "INSERT INTO {table} SELECT 'k' || g, (ARRAY['new','paid','gone',NULL])[1 + g % 4], g % 5, 'n' || g, repeat('l' || g, 800) FROM generate_series(1, 400) g"
        ))
        .await;
    }
    flow.source("ALTER TABLE whole REPLICA IDENTITY FULL").await;
    flow.target("INSERT INTO plain SELECT 'k' || g, 'gone', 1, 'old', 'old' FROM generate_series(300, 600) g; INSERT INTO whole SELECT * FROM plain").await;
    flow
}

/// The set, as production's own WHERE has it, is on staging; masked tables by their numbers.
async fn equal(flow: &Flow) {
    flow.catch_up().await;
    for table in ["plain", "whole", "keyless"] {
        check::equal(&flow.s, &flow.t, Table::named(table).source_rows(IN)).await;
    }
    let sum = |which: &str| {
        format!(
            "SELECT count(*) || ' ' || coalesce(string_agg(status || region || md5(long), ' ' ORDER BY status, region, md5(long)), '') FROM keyed WHERE {which}"
        )
    };
    assert_eq!(text(&flow.t, &sum("true")).await, text(&flow.s, &sum(IN)).await);
    assert_eq!(number(&flow.t, "SELECT count(*) FROM keyed WHERE id LIKE 'k%' OR note LIKE 'n%'").await, 0);
    assert_eq!(flow.divergences().await, 0, "nobody else wrote staging");
}

async fn rows_enter_and_leave_the_set(major: u32) {
    let flow = filled(major, "filtered", "").await;
    flow.source("ANALYZE keyed").await;
    let plan = flow.sluice.ok(&["plan", "--sample", "2"]).await.stdout;
    let keyed = plan.lines().find(|l| l.starts_with("public.keyed.id ")).expect("its mask");
    assert!(keyed.contains("~400"), "{keyed}");
    let sampled = plan.split("public.keyed   as staging would see it").nth(1).expect("its rows");
    assert!(!sampled.lines().take(4).any(|l| l.starts_with('k') || l.contains("gone")), "{sampled}");
    assert!(plan.contains("decided alike on 400 rows that were looked at"), "{plan}");
    let check = flow.sluice.run(&["check"]).await.stdout;
    assert!(check.contains("production and sluice decide alike on 400 of them"), "{check}");
    equal(&flow).await;
    flow.target("ALTER TABLE plain ADD own text; UPDATE plain SET own = id").await;
    flow.source(&format!(
        "UPDATE plain SET long = 'short' WHERE {IN}; INSERT INTO plain VALUES ('k1000', NULL, 1, 'n', 'l')"
    ))
    .await;
    equal(&flow).await;
    assert_eq!(
        number(&flow.t, "SELECT count(*) FROM plain WHERE own IS DISTINCT FROM id").await,
        0,
        "changed, not made anew"
    );
    for round in 0..4 {
        flow.source(&format!(
            "INSERT INTO keyless SELECT 'r{round}' || g, 'new', g % 5, 'n', 'l' FROM generate_series(1, 20) g"
        ))
        .await;
        for t in ["plain", "whole", "keyed"] {
            flow.source(&format!(
                "BEGIN;
                 UPDATE {t} SET region = (region + 1) % 5 WHERE substr(id, 2)::numeric % 7 = {round};
                 UPDATE {t} SET status = 'gone' WHERE substr(id, 2)::numeric % 11 = {round};
                 UPDATE {t} SET note = note || '!' WHERE substr(id, 2)::numeric % 3 = 0;
                 COMMIT; BEGIN;
                 UPDATE {t} SET status = 'back', long = repeat('again', 1000) WHERE substr(id, 2)::numeric % 22 = {round};
                 UPDATE {t} SET id = id || '00000{round}', region = region % 3 WHERE substr(id, 2)::numeric % 13 = {round};
                 DELETE FROM {t} WHERE substr(id, 2)::numeric % 29 = {round};
                 COMMIT; BEGIN;
                 INSERT INTO {t} SELECT 'k9{round}' || g, 'new', 1, 'n', 'l' FROM generate_series(1, 10) g;
                 UPDATE {t} SET region = 4 WHERE id LIKE 'k9{round}%'; UPDATE {t} SET region = 2 WHERE id LIKE 'k9{round}_';
                 DELETE FROM {t} WHERE id = 'k9{round}3'; INSERT INTO {t} VALUES ('k9{round}3', 'new', 1, 'n', 'l');
                 COMMIT"
            ))
            .await;
        }
        equal(&flow).await;
    }
    assert!(
        number(&flow.t, "SELECT count(*) FROM plain WHERE own = id").await >= 15,
        "rows that stayed in the set were not made anew"
    );
    flow.source(
        "TRUNCATE plain, whole, keyed; INSERT INTO plain VALUES ('k1', 'new', 1, 'n', 'l'), ('k2', 'new', 3, 'n', 'l')",
    )
    .await;
    equal(&flow).await;
    // production is asked for nothing that it would not have without us
    let filters = "SELECT count(*) FROM pg_publication_rel WHERE prqual IS NOT NULL OR prattrs IS NOT NULL";
    assert_eq!(number(&flow.s, filters).await, 0);
}

/// The row is fetched: whether it is in the set, production says.
async fn a_predicate_over_what_was_not_sent(major: u32) {
    let flow = Flow::with(major, "filtered_toast", "tables: { public.t: { where: \"long LIKE 'in%'\" } }").await;
    flow.both("CREATE TABLE t (id int PRIMARY KEY, n int, long text); ALTER TABLE t ALTER long SET STORAGE EXTERNAL")
        .await;
    flow.source("INSERT INTO t SELECT g, 0, CASE WHEN g % 2 = 0 THEN 'in' ELSE 'out' END || repeat('x', 3000) FROM generate_series(1, 40) g").await;
    let same = || Table::named("t").source_rows("long LIKE 'in%'");
    for change in [
        "SELECT 1",
        "UPDATE t SET n = n + 1",
        "UPDATE t SET id = id + 100 WHERE id % 4 < 2",
        "BEGIN; UPDATE t SET long = 'in' || long WHERE id % 3 = 0; UPDATE t SET n = n + 1; UPDATE t SET id = -id WHERE id % 5 = 0; COMMIT",
        "DELETE FROM t WHERE id % 6 = 0",
    ] {
        flow.source(change).await;
        flow.catch_up().await;
        check::equal(&flow.s, &flow.t, same()).await;
        assert_eq!(flow.divergences().await, 0, "after {change}");
    }
}

/// The table is due as a whole, and staging stays full.
async fn another_condition(major: u32) {
    let flow = filled(major, "filtered_anew", "").await;
    equal(&flow).await;
    let yaml = std::fs::read_to_string(flow.sluice.dir.join("sluice.yaml")).expect("the file");
    flow.sluice.configure(&yaml.replace("region IN (1, 2)", "region IN (2, 3)"));
    flow.catch_up().await;
    check::equal(&flow.s, &flow.t, Table::named("plain").source_rows("status <> 'gone' AND region IN (2, 3)")).await;
    flow.sluice.configure(&yaml.replace(" where: \"status <> 'gone' AND region IN (1, 2)\" ", " rest: keep "));
    flow.catch_up().await;
    check::equal(&flow.s, &flow.t, "plain").await;
    check::equal(&flow.s, &flow.t, "whole").await;
    assert_eq!(flow.divergences().await, 0);
}

async fn killed_while_it_copies(major: u32) {
    let mut flow = filled(major, "filtered_kill", "copy: { chunk_rows: 100, readers: 1 }\n").await;
    for place in ["chunk.done:2", "chunk.cut:3", "apply.committed:3"] {
        flow.sluice = flow.sluice.env("SLUICE_FAILPOINT", place);
        flow.sluice.spawn(&crate::shapes::flow::CATCH_UP).wait(crate::servers::test_limit()).await;
        for t in ["plain", "whole", "keyed"] {
            flow.source(&format!(
                "UPDATE {t} SET region = (region + 1) % 5 WHERE substr(id, 2)::numeric % 3 = 0; UPDATE {t} SET status = 'new' WHERE status = 'gone' AND region = 2;
                 UPDATE {t} SET id = id || '00000' WHERE substr(id, 2)::numeric % 17 = 1"
            ))
            .await;
        }
    }
    flow.sluice = flow.sluice.env("SLUICE_FAILPOINT", "");
    equal(&flow).await;
}

async fn what_cannot_be_decided(major: u32) {
    let yaml = "tables:
  public.t: { where: \"lower(note) = 'x' AND n > 'y'\" }
  public.u: { where: \"colour = 'red' AND note < 'b'\" }
";
    let flow = Flow::with(major, "filtered_not", yaml).await;
    flow.both(
        "CREATE TABLE t (id int PRIMARY KEY, n int, note text); CREATE TABLE u (id int PRIMARY KEY, n int, note text)",
    )
    .await;
    let said = flow.sluice.run(&["run", "--until-caught-up"]).await;
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.stderr.contains("tables.public.t.where: "), "{said:?}");
    flow.sluice.configure(
        &std::fs::read_to_string(flow.sluice.dir.join("sluice.yaml"))
            .expect("it")
            .replace("lower(note) = 'x' AND n > 'y'", "n > 3"),
    );
    let said = flow.sluice.run(&["run", "--until-caught-up"]).await;
    assert_eq!(said.code, 2, "{said:?}");
    for part in ["tables.public.u.where: public.u: ", "colour", "note"] {
        assert!(said.stderr.contains(part), "{part}: {said:?}");
    }
    assert_eq!(
        number(&flow.s, "SELECT count(*) FROM pg_replication_slots WHERE database = current_database()").await,
        0
    );
}
