//! Values that would be known again wherever they turned up, and a failure provoked at every place that has a row in its
//! hands: none of them is in what sluice says, at its most verbose, nor in what it keeps. What is masked or dropped is not
//! even in a log of the target that logs every statement.

use std::time::Duration;

use serde_json::Value;

use crate::operations::receiver::{Answer, Receiver};
use crate::servers::{Pair, wait_until};
use crate::shapes::Flow;
use crate::shapes::flow::{CATCH_UP, number, text};
use crate::sluice::Running;
use crate::verbs::serve::{free_port, get};

majors!(no_value_is_told);

/// In every text value, each with a letter before it that tells which: K key, N kept, M masked, D dropped.
const MARK: &str = "zQ7canary";
/// In every whole number. Long, since the log has times and positions with digits of their own.
const DIGITS: &str = "1730190";

const NAME: &str = "canary";

const BOTH: &str = "
CREATE TABLE t (id text COLLATE \"C\" PRIMARY KEY, mail text UNIQUE, note text, secret text);
CREATE TABLE n (id int PRIMARY KEY, note text);
CREATE TABLE m (id text PRIMARY KEY, note text)";

/// A trap: statements that look like `pattern` fail with the row in every text of the error, or sleep.
const TRAPS: &str = "
CREATE SCHEMA trap;
CREATE TABLE trap.set (pattern text, sleep boolean NOT NULL DEFAULT false);
CREATE FUNCTION trap.vet(v text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
  IF EXISTS (SELECT FROM trap.set WHERE sleep AND current_query() LIKE pattern) THEN PERFORM pg_sleep(60);
  ELSIF EXISTS (SELECT FROM trap.set WHERE current_query() LIKE pattern) THEN
    RAISE 'refused: %', v USING DETAIL = v, HINT = v, CONSTRAINT = 'trap';
  END IF; RETURN true; END $$;
CREATE FUNCTION trap.fire() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  RAISE 'refused: % %', OLD, NEW USING DETAIL = concat(OLD, NEW), HINT = concat(OLD, NEW), CONSTRAINT = 'trap'; END $$";

struct Canary {
    flow: Flow,
    port: u16,
    /// Whoever is told what happens.
    told: Receiver,
}

impl Canary {
    async fn new(major: u32) -> Canary {
        let port = free_port();
        let told = Receiver::new(&[Answer::Code(200)]).await;
        let hook = told.url();
        let rest = format!(
            "tables:
  public.t: {{ columns: {{ mail: email, secret: drop }} }}
  public.n: keep
  public.m: {{ columns: {{ id: hash }} }}
  public.d: keep
copy: {{ chunk_rows: 100 }}
notify: {{ webhooks: [{{ url: \"{hook}\" }}], repeat: 1s }}
audit: {{ file: audit.jsonl }}
serve: {{ listen: \"127.0.0.1:{port}\" }}"
        );
        let flow = Flow::with(major, NAME, &rest).await;
        let flow = Flow { sluice: flow.sluice.env("SLUICE_LOG", "trace"), ..flow };
        flow.target(&format!("ALTER DATABASE {NAME} SET log_statement = 'all'")).await;
        flow.both(BOTH).await;
        flow.both(TRAPS).await;
        flow.source("CREATE DOMAIN trap.code AS text CHECK (trap.vet(VALUE)); CREATE TABLE d (id trap.code PRIMARY KEY, note text)").await;
        flow.target("CREATE TABLE d (id text PRIMARY KEY, note text); ALTER TABLE t ADD CHECK (trap.vet(note))").await;
        flow.source(&format!(
            "INSERT INTO t SELECT 'K{MARK}' || g, 'M{MARK}' || g || '@M{MARK}.org', 'N{MARK}' || g, 'D{MARK}' || g FROM generate_series(1, 250) g;
             INSERT INTO n SELECT {DIGITS}000 + g, 'N{MARK}' || g FROM generate_series(1, 250) g;
             INSERT INTO m SELECT 'M{MARK}' || g, 'N{MARK}' || g FROM generate_series(1, 20) g;
             INSERT INTO d SELECT 'K{MARK}' || g, 'N{MARK}' || g FROM generate_series(1, 20) g"
        ))
        .await;
        Canary { flow, port, told }
    }

    /// Runs until it has caught up or fails: `code`, and each of `says` is in its log.
    async fn run(&self, code: i32, says: &[&str]) {
        let mut running = self.spawn();
        self.ends(&mut running, code, says).await;
    }

    fn spawn(&self) -> Running {
        self.flow.sluice.spawn(&[CATCH_UP[0], CATCH_UP[1], CATCH_UP[2], "-vv"])
    }

    async fn ends(&self, running: &mut Running, code: i32, says: &[&str]) {
        let status = running.wait(Duration::from_secs(60)).await;
        let log = running.log();
        assert_eq!(status.code(), Some(code), "{says:?} expected:\n{log}");
        for text in says {
            assert!(log.contains(text), "{text} expected:\n{log}");
        }
        self.told_nothing();
    }

    /// Starts one that goes on until it fails, and waits until it streams.
    async fn streaming(&self) -> Running {
        let running = self.flow.sluice.spawn(&["run", "--exit-on-stop", "-vv"]);
        wait_until("it streams", Duration::from_secs(30), || async { get(self.port, "/readyz").0 == 200 }).await;
        self.applies().await;
        running
    }

    /// With the first change of a table it looks at what the target has, and not again.
    async fn applies(&self) {
        self.flow.source("UPDATE t SET note = note || '.' WHERE id LIKE '%6'").await;
        // not by its metrics: a batch is counted when it is handed over, before the target is looked at
        let lengths = "SELECT sum(length(note)) FROM t WHERE id LIKE '%6'";
        let on_source = number(&self.flow.s, lengths).await;
        let applied = || async { number(&self.flow.t, lengths).await == on_source };
        wait_until("it has applied something", Duration::from_secs(30), applied).await;
    }

    /// A trap on the target, for as long as the work takes.
    async fn trapped(&self, pattern: &str, code: i32, says: &[&str]) {
        self.flow.target(&format!("INSERT INTO trap.set VALUES ('{pattern}')")).await;
        self.run(code, says).await;
        self.flow.target("DELETE FROM trap.set").await;
        self.run(0, &[]).await;
    }

    async fn due(&self, table: &str) {
        self.flow.sluice.ok(&["resync", table]).await;
    }

    /// All that was said to anybody so far.
    fn told_nothing(&self) {
        for entry in std::fs::read_dir(&self.flow.sluice.dir).expect("the pipeline's directory") {
            let path = entry.expect("a file").path();
            clean(&path.display().to_string(), &std::fs::read_to_string(&path).expect("text"));
        }
        for sent in self.told.sent() {
            clean("a notification", &String::from_utf8_lossy(&sent.body));
        }
    }
}

/// Has no value in it, in no writing.
fn clean(what: &str, text: &str) {
    let hex: String = MARK.bytes().map(|b| format!("{b:02x}")).collect();
    for mark in [MARK, DIGITS, &hex].map(str::to_lowercase) {
        let line = text.lines().find(|line| line.to_lowercase().contains(&mark));
        assert!(line.is_none(), "{what} tells a value: {}", line.unwrap_or_default());
    }
}

async fn no_value_is_told(major: u32) {
    let canary = Canary::new(major).await;
    canary.run(0, &["DEBUG", "slice"]).await;
    while_copying(&canary).await;
    while_streaming(&canary).await;
    with_a_trigger(&canary).await;
    while_held(&canary).await;
    while_aside(&canary).await;
    let (from, to) = (canary.flow.db.source_url(), canary.flow.db.target_url());
    let init = ["init", "--force", "--source", &from, "--target", &to, "-vv"];
    for args in [
        &["check", "-vv"][..],
        &["check", "--json", "--locked"],
        &["plan"],
        &["plan", "--json"],
        &["approve", "public.t.nothing", "--as", "keep"],
        &["status"],
        &init,
    ] {
        canary.flow.sluice.run(args).await;
    }
    canary.told_nothing();
    let kinds = canary.told.kinds();
    for kind in ["started", "held", "failed", "quarantined", "finished"] {
        assert!(kinds.iter().any(|k| k == kind), "{kind} was never told: {kinds:?}");
    }
    kept_nothing(&canary).await;
    sent_nothing_raw(&Pair::get(major).target.log());
}

async fn while_copying(canary: &Canary) {
    let flow = &canary.flow;
    let pending = |what: &str, value: &str| {
        format!(
            "INSERT INTO sluice.pending (pipeline, schema, name, {what}) VALUES ('{NAME}', 'public', '{}', ARRAY['K{MARK}1'])",
            value
        )
    };
    let forget = "DELETE FROM sluice.pending";
    // production cannot read the bound that it is asked from
    flow.target(&pending("lo", "n")).await;
    canary.run(6, &["production: cut a range of public.n: 22P02 invalid_text_representation\n"]).await;
    flow.target(forget).await;
    flow.target(&pending("point", "n")).await;
    canary.run(6, &["production: read a chunk of public.n: 22P02 invalid_text_representation\n"]).await;
    flow.target(forget).await;
    // a domain of production refuses, and then is cancelled
    flow.target(&pending("point", "d")).await;
    flow.source("INSERT INTO trap.set VALUES ('%COPY (SELECT%')").await;
    canary.run(6, &["production: read a chunk of public.d: P0001 raise_exception constraint \"trap\"\n"]).await;
    flow.source("UPDATE trap.set SET sleep = true").await;
    let mut running = canary.spawn();
    let sleeping = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND application_name = 'sluice/canary/copy'";
    wait_until("production sleeps", Duration::from_secs(30), || async { number(&flow.s, sleeping).await == 1 }).await;
    flow.source("DELETE FROM trap.set").await;
    flow.source("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'sluice/canary/copy'")
        .await;
    canary.ends(&mut running, 0, &["production: read a chunk of public.d: 57014 query_canceled"]).await;

    // the target cannot read the bound, nor a value
    flow.target("TRUNCATE n; ALTER TABLE n ALTER id TYPE smallint").await;
    canary.due("n").await;
    canary.run(6, &["copy on public.n", "cannot be applied: 22003 numeric_value_out_of_range\n"]).await;
    flow.target("ALTER TABLE n ALTER id TYPE int").await;
    canary.run(0, &[]).await;
    flow.target("TRUNCATE t; ALTER TABLE t DROP CONSTRAINT t_note_check, ALTER note TYPE int USING NULL").await;
    canary.due("t").await;
    canary.run(6, &["copy on public.t", "22P02 invalid_text_representation"]).await;
    let text = "ALTER TABLE t ALTER note TYPE text, ADD CONSTRAINT t_note_check CHECK (trap.vet(note))";
    flow.target(text).await;
    // constraints, with rows that come by COPY, and by way of the stage
    canary.trapped("COPY %", 6, &["copy on public.t", "P0001 raise_exception constraint \"trap\"\n"]).await;
    flow.target("UPDATE t SET note = NULL; ALTER TABLE t ADD CHECK (length(note) > 900) NOT VALID").await;
    canary.due("t").await;
    canary.run(6, &["copy on public.t", "23514 check_violation schema \"public\" table \"t\""]).await;
    flow.target("ALTER TABLE t DROP CONSTRAINT t_note_check1").await;
    canary.trapped("INSERT INTO %", 6, &["copy on public.t", "P0001 raise_exception constraint \"trap\"\n"]).await;
    // a row elsewhere has a unique value of one that comes, and what is sluice's own refuses
    flow.target("UPDATE t SET mail = NULL; UPDATE t SET mail = (SELECT mail FROM t LIMIT 1)").await;
    for when in ["UPDATE", "DELETE"] {
        canary.due("t").await;
        flow.target(&format!("CREATE TRIGGER trap BEFORE {when} ON sluice.pending FOR EACH ROW EXECUTE FUNCTION trap.fire(); ALTER TABLE sluice.pending ENABLE ALWAYS TRIGGER trap")).await;
        canary.run(6, &["target: P0001 raise_exception constraint \"trap\"\n"]).await;
        flow.target("DROP TRIGGER trap ON sluice.pending").await;
    }
    canary.run(0, &[]).await;
}

async fn while_streaming(canary: &Canary) {
    let flow = &canary.flow;
    let one = format!("INSERT INTO t VALUES ('K{MARK}', 'M{MARK}', 'N{MARK}', 'D{MARK}')");
    flow.source(&one).await;
    canary
        .trapped("%", 6, &["insert on public.t in the transaction", "P0001 raise_exception constraint \"trap\"\n"])
        .await;
    flow.source("UPDATE t SET note = note || '.' WHERE id LIKE '%1'").await;
    canary
        .trapped("%", 6, &["update on public.t in the transaction", "P0001 raise_exception constraint \"trap\"\n"])
        .await;
    flow.target("ALTER TABLE t DROP CONSTRAINT t_note_check, ALTER note TYPE int USING NULL").await;
    flow.source("UPDATE t SET note = note || '.' WHERE id LIKE '%2'").await;
    canary.run(6, &["update on public.t in the transaction", "22P02 invalid_text_representation\n"]).await;
    flow.target("ALTER TABLE t ALTER note TYPE text, ADD CONSTRAINT t_note_check CHECK (trap.vet(note))").await;
    canary.run(0, &[]).await;
    // edits of a tester: a row that is gone, a unique value that is taken
    flow.target("DELETE FROM t WHERE id IN (SELECT id FROM t LIMIT 3); UPDATE t SET mail = 'taken' WHERE id IN (SELECT id FROM t LIMIT 1)").await;
    flow.target("UPDATE t SET mail = (SELECT max(mail) FROM t) || 'x' WHERE mail = 'taken'").await;
    flow.source("UPDATE t SET note = note || '.', mail = mail || 'm'").await;
    canary.run(0, &["divergence: a row on the target is not as expected", "public.t"]).await;
    // somebody cancels what we do
    flow.target("INSERT INTO trap.set VALUES ('UPDATE%', true)").await;
    flow.source("UPDATE t SET note = note || '.' WHERE id LIKE '%3'").await;
    let mut running = canary.spawn();
    let sleeping = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND application_name = 'sluice/canary/apply'";
    wait_until("the target sleeps", Duration::from_secs(30), || async { number(&flow.t, sleeping).await == 1 }).await;
    flow.target("DELETE FROM trap.set").await;
    flow.target("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'sluice/canary/apply'")
        .await;
    canary.ends(&mut running, 0, &["target is busy", "57014"]).await;
}

/// A trigger that comes while it runs: before that, a table with one is refused.
async fn with_a_trigger(canary: &Canary) {
    let flow = &canary.flow;
    let on_delete = "TRIGGER trap BEFORE DELETE ON t FOR EACH ROW EXECUTE FUNCTION trap.fire()";
    let at_commit = "CONSTRAINT TRIGGER trap AFTER INSERT OR UPDATE ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION trap.fire()";
    let update = "UPDATE t SET note = note || '.' WHERE id LIKE '%7'";
    let delete = "DELETE FROM t WHERE id LIKE '%8'";
    let edit = "UPDATE t SET note = NULL WHERE id LIKE '%9'";
    let apply = |what: &str| {
        [format!("{what} on public.t in the transaction"), "P0001 raise_exception constraint \"trap\"\n".into()]
    };
    let copy = ["copy on public.t".to_owned(), "P0001 raise_exception".into()];
    for (trigger, production, staging, says) in [
        (on_delete, delete, "SELECT 1", apply("delete")),
        (at_commit, update, "SELECT 1", apply("a deferred check")),
        (on_delete, "SELECT 1", edit, copy.clone()),
        (at_commit, "SELECT 1", edit, copy.clone()),
    ] {
        let mut running = canary.streaming().await;
        flow.target(staging).await;
        flow.target(&format!("CREATE {trigger}; ALTER TABLE t ENABLE ALWAYS TRIGGER trap")).await;
        flow.source(production).await;
        if staging == edit {
            canary.due("t").await;
        }
        canary.ends(&mut running, 6, &says.each_ref().map(String::as_str)).await;
        flow.target("DROP TRIGGER trap ON t").await;
        canary.run(0, &[]).await;
    }
    // an old row that may go is in the way of a new one, and does not go
    let mut running = canary.streaming().await;
    flow.target(&format!(
        "UPDATE sluice.tables SET wait_xid = 1::bigint << 60 WHERE name = 't';
         INSERT INTO sluice.pending (pipeline, schema, name, point) VALUES ('{NAME}', 'public', 't', ARRAY['K{MARK}5'])"
    ))
    .await;
    running.term();
    canary.ends(&mut running, 0, &[]).await;
    let mut running = canary.flow.sluice.spawn(&["run", "--exit-on-stop", "-vv"]);
    wait_until("it waits", Duration::from_secs(30), || async { running.log().contains("waits for the transactions") })
        .await;
    canary.applies().await;
    flow.target(&format!("CREATE {on_delete}; ALTER TABLE t ENABLE ALWAYS TRIGGER trap")).await;
    flow.source(&format!(
        "BEGIN; CREATE TEMP TABLE was ON COMMIT DROP AS SELECT mail FROM t WHERE id = 'K{MARK}5';
         UPDATE t SET mail = NULL WHERE id = 'K{MARK}5'; INSERT INTO t SELECT 'K{MARK}new', mail FROM was; COMMIT"
    ))
    .await;
    let [first, second] = apply("insert");
    canary.ends(&mut running, 6, &[&first, &second]).await;
    flow.target("DROP TRIGGER trap ON t; UPDATE sluice.tables SET wait_xid = NULL").await;
    canary.run(0, &[]).await;
}

/// What others can ask while it stands still.
async fn while_held(canary: &Canary) {
    let flow = &canary.flow;
    flow.target("INSERT INTO trap.set VALUES ('%')").await;
    flow.source("UPDATE t SET note = note || '.' WHERE id LIKE '%4'").await;
    let mut running = flow.sluice.spawn(&["run", "-vv"]);
    wait_until("it is held", Duration::from_secs(30), || async {
        get(canary.port, "/readyz").1.contains("held: update on public.t")
    })
    .await;
    wait_until("it is noted", Duration::from_secs(30), || async {
        flow.sluice.ok(&["status"]).await.stdout.contains("\nhold ")
    })
    .await;
    let state: Value = serde_json::from_str(&flow.sluice.ok(&["status", "--json"]).await.stdout).expect("one object");
    assert!(
        state["hold"].as_str().is_some_and(|why| why.contains("P0001 raise_exception constraint \"trap\"")),
        "{state}"
    );
    for path in ["/metrics", "/readyz"] {
        clean(path, &get(canary.port, path).1);
    }
    kept_nothing(canary).await;
    running.term();
    canary.ends(&mut running, 0, &["held"]).await;
    flow.target("DELETE FROM trap.set").await;
    canary.run(0, &[]).await;
}

/// With rows in quarantine: in a record stands what staging would have, and nobody is told.
async fn while_aside(canary: &Canary) {
    let flow = &canary.flow;
    let file = std::fs::read_to_string(flow.sluice.dir.join("sluice.yaml")).expect("the file");
    flow.sluice.configure(&format!("{file}\napply: {{ on_error: quarantine, max_quarantined: 1000 }}"));
    flow.target("INSERT INTO trap.set VALUES ('%'); ALTER TABLE m ADD CHECK (trap.vet(note)) NOT VALID").await;
    flow.source(&format!("INSERT INTO t VALUES ('K{MARK}a', 'M{MARK}a', 'N{MARK}a', 'D{MARK}a')")).await;
    flow.source("UPDATE t SET note = note || '.' WHERE id LIKE '%14'; UPDATE m SET note = note || '.'").await;
    canary
        .run(0, &["a row cannot be applied", "P0001 raise_exception constraint \"trap\"", "rows are in quarantine"])
        .await;
    canary.due("t").await;
    canary.due("m").await;
    canary.run(0, &["a row cannot be loaded", "P0001 raise_exception constraint \"trap\""]).await;
    let records = "SELECT string_agg(q::text, E'\\n') FROM sluice.quarantine q";
    let told = text(&flow.t, records).await;
    assert!(told.contains(&format!("N{MARK}")) && !told.contains(&format!("M{MARK}")), "a raw value is written down");
    assert!(!told.contains(&format!("D{MARK}")), "a dropped value is written down");
    for args in [&["status"][..], &["quarantine", "skip", "--table", "m", "--yes"], &["quarantine", "retry", "--all"]] {
        flow.sluice.ok(args).await;
    }
    flow.target("DELETE FROM trap.set").await;
    canary.run(0, &[]).await;
    assert_eq!(text(&flow.t, records).await, "NULL", "all of it is there");
    flow.sluice.configure(&file);
}

/// What sluice has written down on staging.
async fn kept_nothing(canary: &Canary) {
    for table in ["checkpoint", "tables", "pending", "quarantine"] {
        let all = format!("SELECT string_agg(t::text, E'\\n') FROM sluice.{table} t");
        clean(table, &text(&canary.flow.t, &all).await);
    }
}

/// What the target was asked to do: it knows keys and kept values, and nothing else.
fn sent_nothing_raw(log: &str) {
    let says = |letter: char| log.contains(&format!("{letter}{MARK}"));
    assert!(log.contains("sluice_stage") && says('K'), "it logs what is sent");
    assert!(!says('M') && !says('D'), "a masked or dropped value reached the target");
}
