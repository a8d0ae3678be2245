//! `schema diff` and `schema apply`: what staging lacks is told and made, what it has otherwise is told, and what it has more is normal.

use serde_json::Value;

use crate::check;
use crate::servers::Pair;
use crate::shapes::flow::{Flow, number, text};

majors!(
    a_staging_is_made_from_nothing,
    what_must_be_there_first,
    all_of_it_or_nothing,
    differences_have_a_direction,
    partitions_join_a_root_that_is_there,
);

const POLICY: &str = "tables: { \"app.*\": keep, app.secrets: structure, app.users: exclude, app.own: exclude }\nprotect: { tables: [app.own] }";

/// Of everything something.
const PRODUCTION: &str = r#"
CREATE SCHEMA app; CREATE SCHEMA "Ty pes";
CREATE TYPE app.mood AS ENUM ('sad', 'it''s "ok"', 'happy');
CREATE DOMAIN app.short AS varchar(20) DEFAULT 'of secret-domain' CHECK (VALUE <> 'secret-check') CONSTRAINT "not Jane" CHECK (VALUE <> 'Jane');
CREATE TYPE "Ty pes".pair AS (a app.mood, "B b" app.short);
CREATE TYPE app.span AS RANGE (SUBTYPE = int4);
CREATE SEQUENCE app.numbers INCREMENT BY 7 START 700;
CREATE TABLE app.users (id int PRIMARY KEY);
CREATE TABLE app.own (id int PRIMARY KEY);
CREATE TABLE app.secrets (id int PRIMARY KEY, kind app.mood);
CREATE TABLE app.parents (
  id bigserial PRIMARY KEY, number int DEFAULT nextval('app.numbers'), token text DEFAULT 'secret-default' COLLATE "C",
  mood app.mood DEFAULT 'happy', short app.short, pair "Ty pes".pair, span app.span, list app.mood[], price numeric(10, 2) NOT NULL DEFAULT 0,
  double numeric GENERATED ALWAYS AS (price * 2) STORED, at timestamptz(3) DEFAULT now(),
  CONSTRAINT cheap CHECK (price < 4711000), CONSTRAINT once UNIQUE (number), CONSTRAINT spans EXCLUDE USING gist (span WITH &&));
CREATE TABLE app."Chil dren" (
  id int GENERATED ALWAYS AS IDENTITY (START WITH 500 INCREMENT BY 5), "Par ent" bigint REFERENCES app.parents ON DELETE CASCADE,
  user_id int REFERENCES app.users, before int REFERENCES app."Chil dren", PRIMARY KEY (id));
ALTER TABLE app."Chil dren" ADD UNIQUE (before);
CREATE INDEX "In dex" ON app."Chil dren" ("Par ent" DESC) WHERE "Par ent" > 3;
CREATE UNIQUE INDEX lowered ON app.parents (lower(token)) INCLUDE (id);
CREATE TABLE app.events (id int, day date, kind app.mood, note text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE INDEX by_kind ON app.events (kind);
CREATE TABLE app.events_1 PARTITION OF app.events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE app.events_2 PARTITION OF app.events FOR VALUES FROM ('2026-02-01') TO ('2026-03-01') PARTITION BY HASH (id);
CREATE TABLE app.events_2a PARTITION OF app.events_2 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE app.events_2b PARTITION OF app.events_2 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE INDEX of_one_leaf ON app.events_1 (note);
CREATE TABLE app.events_rest PARTITION OF app.events DEFAULT;
CREATE TABLE app.refers (id int PRIMARY KEY, event int, day date, FOREIGN KEY (event, day) REFERENCES app.events);
COMMENT ON TABLE app.parents IS 'secret-comment'; GRANT SELECT ON app.parents TO PUBLIC;
CREATE FUNCTION app.t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER t BEFORE INSERT ON app.parents FOR EACH ROW EXECUTE FUNCTION app.t();
INSERT INTO app.parents (token, mood, short, pair, span, list) SELECT 't' || g, 'sad', 's' || g, '(sad,x)'::"Ty pes".pair, int4range(g, g + 1)::text::app.span, '{happy}' FROM generate_series(1, 20) g;
INSERT INTO app."Chil dren" ("Par ent") SELECT g FROM generate_series(1, 20) g;
INSERT INTO app.events SELECT g, '2026-01-01'::date + g, 'happy', 'n' FROM generate_series(1, 80) g;
INSERT INTO app.refers SELECT g, g, '2026-01-01'::date + g FROM generate_series(1, 80) g;
INSERT INTO app.secrets VALUES (1, 'sad');
"#;

/// Everything that a catalog says of the tables that are made, in words.
const CATALOG: &str = "SELECT string_agg(line, E'\\n' ORDER BY line) FROM (
  SELECT concat_ws(' ', 'column', a.attrelid::regclass, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,
      a.attcollation::regcollation, pg_get_expr(d.adbin, d.adrelid)) AS line
    FROM pg_attribute a JOIN made m ON m.oid = a.attrelid LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attnum > 0 AND NOT a.attisdropped
  UNION ALL SELECT concat_ws(' ', 'constraint', conrelid::regclass, conname, pg_get_constraintdef(k.oid), conislocal, coninhcount)
    FROM pg_constraint k JOIN made m ON m.oid = k.conrelid WHERE conname <> 'Chil dren_user_id_fkey'
  UNION ALL SELECT concat_ws(' ', 'index', pg_get_indexdef(indexrelid), indisvalid) FROM pg_index JOIN made m ON m.oid = indrelid
  UNION ALL SELECT concat_ws(' ', 'partition', m.oid::regclass, pg_get_expr(c.relpartbound, c.oid), pg_get_partkeydef(c.oid)) FROM pg_class c JOIN made m ON m.oid = c.oid
  UNION ALL SELECT concat_ws(' ', 'sequence', seqrelid::regclass, seqtypid::regtype, seqstart, seqincrement, seqmin, seqmax, seqcache, seqcycle,
      pg_get_serial_sequence('app.parents', 'id')) FROM pg_sequence
  UNION ALL SELECT concat_ws(' ', 'enum', enumtypid::regtype, string_agg(enumlabel, ',' ORDER BY enumsortorder)) FROM pg_enum GROUP BY enumtypid
  UNION ALL SELECT concat_ws(' ', 'domain', t.oid::regtype, format_type(typbasetype, typtypmod), typnotnull, typdefault,
      (SELECT string_agg(conname || pg_get_constraintdef(oid), ',' ORDER BY conname) FROM pg_constraint WHERE contypid = t.oid))
    FROM pg_type t WHERE typtype = 'd' AND typnamespace = 'app'::regnamespace) x";

async fn catalog(client: &tokio_postgres::Client) -> String {
    let made = "CREATE TEMP VIEW made AS SELECT c.oid FROM pg_class c WHERE c.relnamespace = 'app'::regnamespace AND c.relkind IN ('r', 'p')
        AND c.relname NOT IN ('users', 'own')";
    client.batch_execute(made).await.expect("a view");
    let told = text(client, CATALOG).await;
    client.batch_execute("DROP VIEW made").await.expect("no view");
    told
}

async fn diff(flow: &Flow) -> Vec<Value> {
    let output = flow.sluice.run(&["schema", "diff", "--json"]).await;
    let list: Value = serde_json::from_str(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", output.stderr));
    let list = list.as_array().expect("a list").clone();
    let needed = list.iter().any(|d| d["level"] == "needed");
    assert_eq!(output.code, if needed { 3 } else { 0 }, "{}{}", output.stdout, output.stderr);
    list
}

/// `level table kind object`.
fn lines(list: &[Value]) -> Vec<String> {
    let word = |d: &Value, key: &str| d[key].as_str().unwrap_or_default().to_owned();
    list.iter().map(|d| ["level", "table", "kind", "object"].map(|k| word(d, k)).join(" ").trim().to_owned()).collect()
}

async fn a_staging_is_made_from_nothing(major: u32) {
    let flow = Flow::with(major, "schema_made", POLICY).await;
    flow.source(PRODUCTION).await;
    flow.target("CREATE SCHEMA app; CREATE TABLE app.own (own text); INSERT INTO app.own VALUES ('own')").await;
    let missing = ["\"Chil dren\"", "events", "parents", "refers", "secrets"];
    let told = lines(&diff(&flow).await);
    let want: Vec<String> = missing.iter().map(|t| format!("needed app.{} table", t.trim_matches('"'))).collect();
    assert_eq!(told, want);

    // to read, and nothing is made
    let dry = flow.sluice.ok(&["schema", "apply", "--dry-run"]).await;
    let review = dry.stdout.split("BEGIN;").next().expect("a review");
    for literal in ["secret-default", "secret-domain", "secret-check", "Jane", "4711000", "it''s \"ok\"", "2026-02-01"]
    {
        assert!(review.contains(literal), "{literal} is to be read: {review}");
    }
    let not = ["secret-comment", "GRANT", "COMMENT ON", "TRIGGER", "app.users", "app.own", "OWNER TO"];
    not.iter().for_each(|word| assert!(!dry.stdout.contains(word), "{word}: {}", dry.stdout));
    assert!(dry.stderr.contains("it refers to app.users, which is not replicated"), "{}", dry.stderr);
    let asked = flow.sluice.run(&["schema", "apply"]).await;
    assert_eq!(asked.code, 5, "{}", asked.stderr);
    assert!(asked.stderr.contains("there is no terminal to ask on"), "{}", asked.stderr);
    assert_eq!(
        number(
            &flow.t,
            "SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'app'::regnamespace"
        )
        .await,
        1
    );

    // nobody reads it, so nothing of it is printed
    let made = flow.sluice.ok(&["schema", "apply", "--yes"]).await;
    let said = format!("{}{}", made.stdout, made.stderr);
    assert!(!said.contains("secret-") && said.contains("table app.parents"), "{said}");
    assert_eq!(catalog(&flow.t).await, catalog(&flow.s).await);
    assert_eq!(text(&flow.t, "SELECT string_agg(own, ',') FROM app.own").await, "own");
    assert_eq!(number(&flow.t, "SELECT count(*) FROM pg_description WHERE description LIKE 'secret%'").await, 0);
    assert!(diff(&flow).await.iter().all(|d| d["level"] != "needed"));
    let again = flow.sluice.ok(&["schema", "apply", "--yes"]).await;
    assert!(again.stderr.contains("nothing is missing"), "{}", again.stderr);

    // and what dry has printed is the same
    flow.target("DROP SCHEMA app CASCADE; DROP SCHEMA \"Ty pes\" CASCADE; CREATE SCHEMA app").await;
    flow.target(&dry.stdout).await;
    flow.target("SET search_path = public").await;
    assert_eq!(catalog(&flow.t).await, catalog(&flow.s).await);

    flow.catch_up().await;
    for table in ["app.parents", "app.\"Chil dren\"", "app.events", "app.refers"] {
        check::equal(&flow.s, &flow.t, check::Table::named(table)).await;
    }
    assert_eq!(number(&flow.t, "SELECT count(*) FROM app.secrets").await, 0, "structure only");
    flow.source(
        "INSERT INTO app.events VALUES (900, '2026-01-15', 'sad', 'x'); INSERT INTO app.parents (price) VALUES (3)",
    )
    .await;
    flow.catch_up().await;
    check::equal(&flow.s, &flow.t, check::Table::named("app.events")).await;
    assert_eq!(flow.divergences().await, 0);
}

/// A function and an extension are for somebody else to make; nothing is made without them.
async fn what_must_be_there_first(major: u32) {
    let flow = Flow::new(major, "schema_first").await;
    let function = "CREATE FUNCTION public.short(text) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT length($1) < 5'";
    flow.source(&format!(
        "{function}; CREATE TABLE t (id int PRIMARY KEY, a text CHECK (short(a))); CREATE TABLE u (id int PRIMARY KEY)"
    ))
    .await;
    let refused = flow.sluice.run(&["schema", "apply", "--yes"]).await;
    assert_eq!(refused.code, 5, "{}", refused.stderr);
    assert!(refused.stderr.contains("need function public.short(text), and staging has none"), "{}", refused.stderr);
    assert!(refused.stderr.contains("pg_get_functiondef"), "{}", refused.stderr);
    assert_eq!(number(&flow.t, "SELECT count(*) FROM pg_class WHERE relname IN ('t', 'u')").await, 0);
    flow.target(function).await;
    flow.sluice.ok(&["schema", "apply", "--yes"]).await;
    assert_eq!(lines(&diff(&flow).await), Vec::<String>::new());
    flow.equal().await;
}

/// One that may not make one of them makes none, and says which.
async fn all_of_it_or_nothing(major: u32) {
    let flow = Flow::with(major, "schema_all", "tables: { \"*.*\": keep }").await;
    flow.source("CREATE TABLE a (id int PRIMARY KEY); CREATE SCHEMA shut; CREATE TABLE shut.b (id int PRIMARY KEY, a int REFERENCES a)").await;
    let role = format!("bare_schema_all_{major}");
    let (target, admin) = (Pair::get(major), flow.db.target().await);
    admin.batch_execute(&format!("CREATE ROLE {role} LOGIN; CREATE SCHEMA shut; GRANT USAGE ON SCHEMA shut TO {role}; GRANT CREATE ON SCHEMA public TO {role}")).await.expect("a role");
    let bare = flow.sluice.clone().env("SLUICE_TARGET_URL", &target.target.url_as(&role, &flow.db.name));
    let refused = bare.run(&["schema", "apply", "--yes"]).await;
    assert_eq!(refused.code, 5, "{}", refused.stderr);
    assert!(refused.stderr.contains("staging does not make table shut.b: 42501"), "{}", refused.stderr);
    assert!(refused.stderr.contains("GRANT CREATE ON SCHEMA"), "{}", refused.stderr);
    assert_eq!(number(&flow.t, "SELECT count(*) FROM pg_class WHERE relname IN ('a', 'b')").await, 0);
    admin.batch_execute(&format!("GRANT CREATE ON SCHEMA shut TO {role}")).await.expect("a right");
    bare.ok(&["schema", "apply", "--yes"]).await;
    admin
        .batch_execute(&format!("REASSIGN OWNED BY {role} TO postgres; DROP OWNED BY {role}; DROP ROLE {role}"))
        .await
        .expect("no role");
    flow.catch_up().await;
}

async fn differences_have_a_direction(major: u32) {
    let rest = "tables: { public.t: { columns: { dropped: drop, masked: name } }, public.same: keep }";
    let flow = Flow::with(major, "schema_diff", rest).await;
    flow.both(
        "CREATE TABLE same (id serial PRIMARY KEY, a text DEFAULT 'x', CHECK (a <> 'y')); CREATE INDEX ON same (a)",
    )
    .await;
    flow.source("CREATE TYPE mood AS ENUM ('a', 'new', 'b'); CREATE TYPE name_of AS ENUM ('now'); CREATE TABLE t (id bigint, key int, dropped text, masked text, gone text, narrow varchar(40), wide int, null_here text, money numeric(12, 2), other uuid, m mood, n name_of, PRIMARY KEY (id, key)); CREATE INDEX missing ON t (gone)").await;
    flow.target("CREATE TYPE mood AS ENUM ('a', 'b'); CREATE TYPE name_of AS ENUM ('before'); CREATE TABLE t (id bigint PRIMARY KEY, key int, masked text, narrow varchar(20), wide bigint, null_here text NOT NULL, money numeric(10, 2), other text, m mood, n name_of, own text, must text NOT NULL); CREATE INDEX ours ON t (own)").await;
    let found = diff(&flow).await;
    let want = [
        "needed public.mood enum",
        "needed public.name_of enum",
        "needed public.t column gone",
        "needed public.t type narrow",
        "needed public.t column null_here",
        "needed public.t type money",
        "needed public.t column must",
        "needed public.t key id, key",
        "harmless public.t column dropped",
        "harmless public.t column key",
        "harmless public.t type other",
        "harmless public.t constraint t_pkey",
        "harmless public.t index missing",
        "ahead public.t type wide",
        "ahead public.t column own",
        "ahead public.t constraint t_pkey",
        "ahead public.t index ours",
    ];
    let mut told = lines(&found);
    let mut wanted: Vec<String> = want.iter().map(|w| (*w).to_owned()).collect();
    told.sort();
    wanted.sort();
    assert_eq!(told, wanted);

    // what is printed mends it
    let sql: Vec<&str> = found
        .iter()
        .filter(|d| d["level"] == "needed")
        .flat_map(|d| d["sql"].as_array().expect("a list"))
        .filter_map(Value::as_str)
        .collect();
    assert!(sql.contains(&"ALTER TYPE \"public\".\"name_of\" RENAME VALUE 'before' TO 'now';"), "{sql:?}");
    assert!(sql.contains(&"ALTER TYPE \"public\".\"mood\" ADD VALUE IF NOT EXISTS 'new' AFTER 'a';"), "{sql:?}");
    for statement in &sql {
        flow.target(statement).await;
    }
    let left: Vec<String> = lines(&diff(&flow).await).into_iter().filter(|l| l.starts_with("needed")).collect();
    assert!(left.is_empty(), "{left:?}");
    let shown = flow.sluice.ok(&["schema", "diff"]).await;
    assert!(
        shown.stdout.contains("ahead") && shown.stderr.contains("2 tables compared: rows of production fit"),
        "{shown:?}"
    );
    flow.source("INSERT INTO t SELECT g, g, 'd', 'Jane', 'g', 'n', 1, 'x', 1.50, gen_random_uuid(), 'new', 'now' FROM generate_series(1, 10) g").await;
    flow.catch_up().await;
    check::equal(&flow.s, &flow.t, check::Table::named("t").without(&["masked", "dropped", "other"])).await;
}

/// Rows come by their root: what counts is whether there is a place for each.
async fn partitions_join_a_root_that_is_there(major: u32) {
    let flow = Flow::new(major, "schema_parts").await;
    flow.both("CREATE TABLE t (id int PRIMARY KEY, a text) PARTITION BY RANGE (id); CREATE TABLE u (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE u_rest PARTITION OF u DEFAULT").await;
    flow.source("CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (0) TO (10); CREATE TABLE t_2 PARTITION OF t FOR VALUES FROM (10) TO (20); CREATE TABLE u_1 PARTITION OF u FOR VALUES FROM (0) TO (10); INSERT INTO t SELECT g, 'x' FROM generate_series(0, 19) g; INSERT INTO u SELECT g FROM generate_series(0, 19) g").await;
    flow.target("CREATE TABLE of_another_name PARTITION OF t FOR VALUES FROM (0) TO (10); CREATE TABLE t_own PARTITION OF t FOR VALUES FROM (100) TO (110)").await;
    let told = lines(&diff(&flow).await);
    assert!(told.contains(&"needed public.t partition public.t_2".to_owned()), "{told:?}");
    assert!(told.contains(&"harmless public.u partition public.u_1".to_owned()), "{told:?}");
    assert!(told.contains(&"ahead public.t partition public.t_own".to_owned()), "{told:?}");
    assert!(!told.iter().any(|l| l.contains("t_1")), "{told:?}");
    let made = flow.sluice.ok(&["schema", "apply", "--yes"]).await;
    assert!(made.stderr.contains("partition public.t_2") && !made.stderr.contains("u_1"), "{}", made.stderr);
    flow.catch_up().await;
    for table in ["t", "u"] {
        check::equal(&flow.s, &flow.t, check::Table::named(table)).await;
    }
}
