//! Tables as people make them: inheritance, partitions, other orders, odd names, truncated.

use super::flow::{Flow, living, number, text};
use crate::check;

majors!(
    inheritance,
    partitions,
    other_columns,
    odd_names,
    truncates,
    what_fires_on_the_target,
    large_values,
    a_dropped_column_is_blanked
);

/// The publication names each table alone: a child without a key in it would make production's own updates fail.
async fn inheritance(major: u32) {
    let flow = Flow::with(major, "inheritance", "tables: { public.parent: keep, public.second: keep }").await;
    flow.both(
        "CREATE TABLE parent (id int PRIMARY KEY, v text); CREATE TABLE child (w int) INHERITS (parent);
         CREATE TABLE second (id int PRIMARY KEY, v text); CREATE TABLE second_child () INHERITS (second);",
    )
    .await;
    flow.source("INSERT INTO parent VALUES (1, 'p'), (2, 'p'); INSERT INTO child VALUES (1, 'c', 1)").await;
    flow.target("INSERT INTO child VALUES (7, 'of staging', 1)").await;
    flow.catch_up().await;
    flow.source("UPDATE parent SET v = v || '!'; UPDATE child SET w = 2; DELETE FROM parent WHERE id = 2; INSERT INTO child VALUES (9, 'c', 9)").await;
    flow.catch_up().await;
    assert_eq!(text(&flow.t, "SELECT string_agg(id || v, ',' ORDER BY id) FROM ONLY parent").await, "1p!");
    assert_eq!(text(&flow.t, "SELECT string_agg(id || v, ',' ORDER BY id) FROM child").await, "7of staging");
    flow.source("TRUNCATE ONLY parent").await;
    flow.catch_up().await;
    assert_eq!(number(&flow.t, "SELECT count(*) FROM parent").await, 1, "the child's row stays");
    assert_eq!(flow.divergences().await, 0);
}

async fn partitions(major: u32) {
    let flow = Flow::new(major, "partitions").await;
    let by_range = |t: &str| {
        format!("CREATE TABLE {t} (id int, at date, v text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at); CREATE TABLE {t}_1 PARTITION OF {t} FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
            CREATE TABLE {t}_2 PARTITION OF {t} FOR VALUES FROM ('2025-01-01') TO ('2026-01-01') PARTITION BY HASH (id); CREATE TABLE {t}_2a PARTITION OF {t}_2 FOR VALUES WITH (MODULUS 2, REMAINDER 0); CREATE TABLE {t}_2b PARTITION OF {t}_2 FOR VALUES WITH (MODULUS 2, REMAINDER 1);")
    };
    let by_hash = |t: &str| {
        format!(
            "CREATE TABLE {t} (v text, id int, at date, PRIMARY KEY (id, at)) PARTITION BY HASH (id); CREATE TABLE {t}_x PARTITION OF {t} FOR VALUES WITH (MODULUS 2, REMAINDER 0); CREATE TABLE {t}_y PARTITION OF {t} FOR VALUES WITH (MODULUS 2, REMAINDER 1);"
        )
    };
    let plain = |t: &str| format!("CREATE TABLE {t} (id int, at date, v text, PRIMARY KEY (id, at));");
    flow.source(
        &[
            by_range("same"),
            by_range("other"),
            by_range("source_only"),
            plain("target_only"),
            by_range("full_identity"),
        ]
        .concat(),
    )
    .await;
    flow.target(
        &[by_range("same"), by_hash("other"), plain("source_only"), by_hash("target_only"), by_range("full_identity")]
            .concat(),
    )
    .await;
    let tables = ["same", "other", "source_only", "target_only", "full_identity"];
    flow.source("ALTER TABLE full_identity REPLICA IDENTITY FULL; ALTER TABLE full_identity_1 REPLICA IDENTITY FULL; ALTER TABLE full_identity_2a REPLICA IDENTITY FULL; ALTER TABLE full_identity_2b REPLICA IDENTITY FULL").await;
    for t in tables {
        flow.source(&format!(
            "INSERT INTO {t} (id, at, v) SELECT g, '2024-06-01'::date + g, 'v' FROM generate_series(1, 400) g"
        ))
        .await;
    }
    flow.equal().await;
    for t in tables {
        flow.source(&format!("UPDATE {t} SET v = 'w' WHERE id < 50; UPDATE {t} SET at = at + 365 WHERE id < 20; UPDATE {t} SET id = id + 1000 WHERE id > 390; DELETE FROM {t} WHERE id IN (60, 300);")).await;
    }
    flow.equal().await;
    flow.source("TRUNCATE same, target_only; INSERT INTO same VALUES (1, '2024-01-01', 'after')").await;
    flow.equal().await;
}

/// Another order, and columns of staging's own: their values survive updates and the copy into a full table.
async fn other_columns(major: u32) {
    let flow = Flow::new(major, "other_columns").await;
    flow.source("CREATE TABLE t (id int PRIMARY KEY, a text, b int, u int UNIQUE); INSERT INTO t SELECT g, 'a', g, g FROM generate_series(1, 20) g").await;
    flow.target(
        "CREATE TABLE t (note text DEFAULT 'default', u int UNIQUE, b int, seen timestamptz DEFAULT now(), must int NOT NULL DEFAULT 7, id int PRIMARY KEY, a text, n bigint GENERATED ALWAYS AS IDENTITY);
         INSERT INTO t (id, a, b, u, note, must) VALUES (1, 'a', 1, 1, 'mine', 1), (2, 'old', 2, 3, 'mine', 2), (3, 'a', 3, 2, 'mine', 3), (99, 'gone', 9, 20, 'mine', 9)",
    )
    .await;
    flow.catch_up().await;
    check::schema_equal(&flow.s, &flow.t, "public").await;
    let mine = "SELECT string_agg(id || note || must, ',' ORDER BY id) FROM t WHERE id < 5";
    assert_eq!(text(&flow.t, mine).await, "1mine1,2mine2,3mine3,4default7");
    flow.source("UPDATE t SET a = 'b', u = -u; UPDATE t SET id = 50 WHERE id = 20; INSERT INTO t VALUES (21, 'c', 1, 1); UPDATE t SET id = 0 WHERE id = 1").await;
    flow.equal().await;
    assert_eq!(text(&flow.t, mine).await, "0mine1,2mine2,3mine3,4default7");
}

async fn odd_names(major: u32) {
    let flow = Flow::with(major, "odd_names", "tables: { \"*.*\": keep }").await;
    flow.both(
        r#"CREATE SCHEMA "My ""schema"""; CREATE SCHEMA "select"; CREATE TYPE "select"."The Type" AS ENUM ('a', 'b');
         CREATE TABLE "My ""schema"""."Tä.ble 'x'" ("Id %s" int, "sel""ect" text, "ünï $1" "select"."The Type", "{a,b}" int[], "u\n" text, "select" int GENERATED ALWAYS AS IDENTITY, PRIMARY KEY ("sel""ect", "Id %s"));
         CREATE TABLE "select"."table" ("NULL" int PRIMARY KEY, "order" text UNIQUE);"#,
    )
    .await;
    flow.source(r#"INSERT INTO "My ""schema"""."Tä.ble 'x'" SELECT g, 'k' || g, 'a', '{1}' FROM generate_series(1, 9) g; INSERT INTO "select"."table" SELECT g, g FROM generate_series(1, 9) g"#).await;
    flow.target(r#"INSERT INTO "select"."table" SELECT g, g + 1 FROM generate_series(1, 9) g"#).await;
    flow.catch_up().await;
    flow.source(r#"UPDATE "My ""schema"""."Tä.ble 'x'" SET "ünï $1" = 'b'; UPDATE "My ""schema"""."Tä.ble 'x'" SET "sel""ect" = 'moved' WHERE "Id %s" = 3; UPDATE "select"."table" SET "order" = 'x' || "order"; DELETE FROM "select"."table" WHERE "NULL" = 4"#).await;
    flow.target(r#"DELETE FROM "My ""schema"""."Tä.ble 'x'" WHERE "Id %s" = 5"#).await;
    flow.catch_up().await;
    check::schema_equal(&flow.s, &flow.t, "select").await;
    check::schema_equal(&flow.s, &flow.t, "My \"schema\"").await;
    assert_eq!(flow.divergences().await, 1);
}

async fn truncates(major: u32) {
    let flow = Flow::new(major, "truncates").await;
    flow.both(
        "CREATE TABLE a (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, v text); CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a); CREATE TABLE c (id int PRIMARY KEY);",
    )
    .await;
    let fill = "INSERT INTO a (v) SELECT 'v' FROM generate_series(1, 10); INSERT INTO b SELECT id, id FROM a; INSERT INTO c SELECT id FROM a;";
    flow.source(fill).await;
    flow.equal().await;
    flow.source("TRUNCATE c").await;
    flow.equal().await;
    flow.source("TRUNCATE a, b, c RESTART IDENTITY").await;
    flow.source(fill).await;
    flow.source("BEGIN; DELETE FROM b; TRUNCATE a CASCADE; INSERT INTO a VALUES (5, 'x'); TRUNCATE a, b; INSERT INTO a VALUES (6, 'y'); COMMIT").await;
    flow.equal().await;
    flow.source("BEGIN; INSERT INTO c VALUES (100); TRUNCATE c; INSERT INTO c VALUES (100); SAVEPOINT s; TRUNCATE c; ROLLBACK TO s; COMMIT").await;
    flow.equal().await;
}

/// Foreign keys, triggers and rules of staging stay quiet.
async fn what_fires_on_the_target(major: u32) {
    let flow = Flow::new(major, "fires").await;
    flow.source("CREATE TABLE p (id int PRIMARY KEY, v text); CREATE TABLE q (id int PRIMARY KEY, p int)").await;
    flow.target(
        "CREATE TABLE p (id int PRIMARY KEY, v text); CREATE TABLE q (id int PRIMARY KEY, p int REFERENCES p ON DELETE CASCADE ON UPDATE CASCADE); CREATE TABLE log (t text); CREATE TABLE testers (id int, p int REFERENCES p ON DELETE CASCADE);
         CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.log VALUES (TG_OP); IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; NEW.v := 'fired'; RETURN NEW; END $$;
         CREATE TRIGGER fire BEFORE INSERT OR UPDATE OR DELETE ON p FOR EACH ROW EXECUTE FUNCTION fire(); CREATE TRIGGER once AFTER TRUNCATE ON p EXECUTE FUNCTION fire();
         CREATE RULE r AS ON UPDATE TO q DO ALSO INSERT INTO log VALUES ('rule')",
    )
    .await;
    flow.source("INSERT INTO q VALUES (1, 1), (2, 2), (3, 77); INSERT INTO p VALUES (1, 'a'), (2, 'b')").await;
    flow.equal().await;
    flow.target("INSERT INTO testers VALUES (1, 1), (2, 2)").await;
    flow.source("UPDATE p SET id = 10 WHERE id = 1; DELETE FROM p WHERE id = 2; UPDATE q SET p = 5 WHERE id = 2; INSERT INTO p VALUES (3, 'c')").await;
    flow.catch_up().await;
    check::equal(&flow.s, &flow.t, living("p", "id")).await;
    check::equal(&flow.s, &flow.t, "q").await;
    flow.source("TRUNCATE p").await;
    flow.catch_up().await;
    assert_eq!(number(&flow.t, "SELECT sum(id) FROM p").await, 3, "the testers' two");
    assert_eq!(flow.divergences().await, 0);
    assert_eq!(number(&flow.t, "SELECT count(*) FROM log").await, 0);
    assert_eq!(number(&flow.t, "SELECT count(*) FROM testers").await, 2, "no cascade fired");
}

async fn large_values(major: u32) {
    let flow = Flow::new(major, "large").await;
    flow.both("CREATE TABLE t (id int PRIMARY KEY, n int, a text, b bytea)").await;
    let mega = "(SELECT string_agg(md5(i::text || g), '') FROM generate_series(1, 33000) i)";
    flow.source(&format!("INSERT INTO t SELECT g, 0, {mega}, decode({mega}, 'hex') FROM generate_series(1, 3) g"))
        .await;
    flow.equal().await;
    flow.source(&format!("UPDATE t SET n = 1; BEGIN; UPDATE t SET n = 2 WHERE id = 1; UPDATE t SET b = 'x' WHERE id = 1; UPDATE t SET n = 3 WHERE id = 1; COMMIT; INSERT INTO t SELECT g, 0, {mega}, NULL FROM generate_series(4, 5) g; UPDATE t SET n = 4, id = id + 10")).await;
    flow.equal().await;
}

/// Staging was filled by an older script: what may not come any more goes.
async fn a_dropped_column_is_blanked(major: u32) {
    let flow =
        Flow::with(major, "blanked", "tables: { public.t: { columns: { raw: drop, kept_default: drop } } }").await;
    flow.both("CREATE TABLE t (id int PRIMARY KEY, raw text, kept_default text NOT NULL DEFAULT 'none', v int)").await;
    flow.source("INSERT INTO t SELECT g, 'secret' || g, 'secret', g FROM generate_series(1, 10) g").await;
    flow.target("INSERT INTO t SELECT g, 'secret' || g, 'secret', CASE WHEN g < 5 THEN g ELSE -1 END FROM generate_series(1, 12) g").await;
    flow.catch_up().await;
    flow.source("UPDATE t SET raw = 'secret!', v = v + 1; INSERT INTO t VALUES (20, 'secret', 'secret', 1)").await;
    flow.catch_up().await;
    check::equal(&flow.s, &flow.t, check::Table::named("t").without(&["raw", "kept_default"])).await;
    assert_eq!(number(&flow.t, "SELECT count(*) FROM t WHERE t::text LIKE '%secret%'").await, 0);
}
