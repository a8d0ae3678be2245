//! A table that staging has as a structure only holds no row: not of an older script, not of an older policy, and whoever
//! refers to it is not touched.

use crate::servers::Pair;
use crate::shapes::Flow;
use crate::shapes::flow::number;

majors!(a_structure_is_emptied, a_table_without_a_column_that_comes);

const TABLES: &str = "
CREATE TABLE accounts (id int PRIMARY KEY, note text);
CREATE TABLE sessions (token text PRIMARY KEY, account int REFERENCES accounts);
CREATE TABLE log (at timestamptz NOT NULL, token text) PARTITION BY RANGE (at);
CREATE TABLE log_2026 PARTITION OF log FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE mine (id int PRIMARY KEY, account int REFERENCES accounts ON DELETE CASCADE);
";

async fn a_structure_is_emptied(major: u32) {
    let yaml = |accounts: &str| {
        format!(
            "tables: {{ public.accounts: {accounts}, public.sessions: structure, public.log: structure }}\nprotect: {{ tables: [public.mine] }}"
        )
    };
    let flow = Flow::with(major, "structures", &yaml("keep")).await;
    flow.both(TABLES).await;
    let rows = "INSERT INTO accounts SELECT g, 'raw' FROM generate_series(1, 10) g;
        INSERT INTO sessions SELECT 'raw' || g, g FROM generate_series(1, 10) g; INSERT INTO log VALUES ('2026-05-01', 'raw')";
    flow.both(rows).await;
    flow.target("INSERT INTO mine VALUES (1, 1)").await;
    let plan = flow.sluice.ok(&["plan"]).await.stdout;
    assert!(plan.contains("public.sessions   ? rows: run empties it"), "{plan}");
    let check = flow.sluice.run(&["check"]).await.stdout;
    assert!(check.contains("public.sessions: structure only, and it may hold rows"), "{check}");
    let said = flow.catch_up().await.stderr;
    assert!(said.contains("structure only, and it held rows") && said.contains("public.log"), "{said}");
    let left = "SELECT (SELECT count(*) FROM sessions) + (SELECT count(*) FROM log)";
    assert_eq!(number(&flow.t, left).await, 0);
    assert_eq!(number(&flow.s, left).await, 11, "production keeps its own");

    // a stricter rule works backwards; what refers to it is staging's own, and fires nothing
    let stricter = yaml("structure").replace("public.log: structure", "public.log: keep");
    flow.sluice.lay("structures", &stricter);
    flow.source("ALTER PUBLICATION sluice_structures DROP TABLE ONLY accounts; ALTER PUBLICATION sluice_structures_inserts ADD TABLE ONLY log").await;
    flow.catch_up().await;
    assert_eq!(number(&flow.t, "SELECT count(*) FROM accounts").await, 0);
    assert_eq!(number(&flow.t, "SELECT count(*) FROM mine").await, 1, "a protected row is not deleted by a cascade");
    assert_eq!(number(&flow.t, "SELECT count(*) FROM log").await, 1, "it is copied now");
    let said = flow.catch_up().await.stderr;
    assert!(!said.contains("it held rows"), "there is nothing to take away: {said}");

    // a role that may not: said before anything moves, and by whom it is mended
    flow.target("INSERT INTO accounts VALUES (1, 'raw')").await;
    let pair = Pair::get(major);
    let role = format!("emptier_{major}");
    flow.target(&format!(
        "CREATE ROLE {role} LOGIN; GRANT ALL ON SCHEMA sluice TO {role}; GRANT ALL ON ALL TABLES IN SCHEMA sluice TO {role};
         GRANT ALL ON ALL SEQUENCES IN SCHEMA sluice TO {role}; GRANT ALL ON log, log_2026, sessions TO {role}; GRANT SET ON PARAMETER session_replication_role TO {role}"
    ))
    .await;
    let as_role = flow.sluice.clone().env("SLUICE_TARGET_URL", &pair.target.url_as(&role, &flow.db.name));
    let refused = as_role.run(&["run", "--until-caught-up", "--exit-on-stop"]).await;
    assert!(
        refused
            .stderr
            .contains("public.accounts is structure only, may hold rows, and the target role may not empty it"),
        "{}",
        refused.stderr
    );
    assert_ne!(refused.code, 0);
    let check = as_role.run(&["check"]).await.stdout;
    assert!(
        check.contains(&format!(
            "GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON \"public\".\"accounts\" TO \"{role}\""
        )),
        "{check}"
    );
    flow.target(&format!(
        "DROP OWNED BY {role}; REVOKE SET ON PARAMETER session_replication_role FROM {role}; DROP ROLE {role}"
    ))
    .await;
}

/// Nothing of it comes any more, so nothing of it stays: not what came under another policy, nor what an older script has left. But a
/// table of which nothing was ever said is left alone.
async fn a_table_without_a_column_that_comes(major: u32) {
    let rest = |columns: &str| {
        format!(
            "tables:\n  public.a: keep\n  public.b: {{ rest: withhold{columns} }}\n  public.c: {{ columns: {{ x: drop }} }}\n  public.d: {{ rest: withhold }}"
        )
    };
    let flow = Flow::with(major, "hollow", &rest(", columns: { y: keep }")).await;
    flow.both("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (x text, y text); CREATE TABLE c (x text); CREATE TABLE d (x text)").await;
    flow.both("INSERT INTO a VALUES (1); INSERT INTO b SELECT 'raw', 'raw' FROM generate_series(1, 9); INSERT INTO c VALUES ('raw'); INSERT INTO d VALUES ('its own')").await;
    let said = flow.catch_up().await.stderr;
    assert!(said.contains("no column of it comes, and it held rows") && said.contains("table=public.c"), "{said}");
    assert_eq!(number(&flow.t, "SELECT count(*) FROM c").await, 0);
    assert_eq!(number(&flow.t, "SELECT count(*) FROM b WHERE y = 'raw'").await, 9);
    flow.sluice.lay("hollow", &rest(""));
    flow.source("ALTER PUBLICATION sluice_hollow_inserts DROP TABLE ONLY b").await;
    flow.catch_up().await;
    assert_eq!(number(&flow.t, "SELECT count(*) FROM b").await, 0, "what came under the other policy");
    assert_eq!(number(&flow.s, "SELECT count(*) FROM b").await, 9, "production keeps its own");
    assert_eq!(number(&flow.t, "SELECT count(*) FROM d").await, 1, "nobody has said a word of it");
}
