//! What of staging's own could fire: `plan` tells it all, `check` and `run` refuse what would.

use crate::servers::Pair;
use crate::shapes::{Flow, flow::number};

majors!(plan_tells_what_would_fire, what_fires_always_is_refused);

const RULES: &str = "tables: { \"public.*\": keep }\nprotect: { tables: [own.testers] }\n";

const TABLES: &str = "CREATE TABLE p (id int PRIMARY KEY, v text); CREATE TABLE q (id int PRIMARY KEY, p int REFERENCES p);
    CREATE TABLE parts (id int PRIMARY KEY, v text) PARTITION BY RANGE (id); CREATE TABLE leaf PARTITION OF parts DEFAULT;";

/// Staging's own: a log, a function that fills it, and a table that refers to what is written.
const OWN: &str = "CREATE TABLE log (t text); CREATE SCHEMA own; CREATE TABLE own.testers (id int, p int REFERENCES public.p ON DELETE CASCADE);
    CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.log VALUES (TG_NAME); RETURN NULL; END $$;";

fn trigger(name: &str, on: &str) -> String {
    format!("CREATE TRIGGER {name} AFTER INSERT ON {on} FOR EACH ROW EXECUTE FUNCTION fire();")
}

/// The paragraph of `plan`.
async fn told(flow: &Flow) -> String {
    let plan = flow.sluice.run(&["plan"]).await.stdout;
    let from = plan.find("TRIGGERS, RULES AND CASCADES").unwrap_or_else(|| panic!("{plan}"));
    plan[from..].split("\n\n").next().unwrap_or_default().to_owned()
}

async fn plan_tells_what_would_fire(major: u32) {
    let flow = Flow::with(major, "fires_plan", RULES).await;
    flow.both(TABLES).await;
    flow.target(OWN).await;
    let many: String = (0..300).map(|i| trigger(&format!("t{i:03}"), "p")).collect();
    flow.target(&many).await;
    flow.target(&[trigger("of_leaf", "leaf"), trigger("of_root", "parts"), trigger("off", "q")].concat()).await;
    flow.target(
        "ALTER TABLE q DISABLE TRIGGER off; CREATE RULE r AS ON UPDATE TO q DO ALSO INSERT INTO log VALUES ('rule')",
    )
    .await;
    let quiet = told(&flow).await;
    for line in [
        "public.p   quiet for our writes: triggers t000, t001, t002, t003, t004, t005, t006, t007 and 292 more\n",
        "public.parts   quiet for our writes: triggers of_leaf of public.leaf, of_root\n",
        "public.q   quiet for our writes: rule r\n",
        "public.q   disabled, and stays so: trigger off\n",
        "public.p   cascades into own.testers, which is protected: quiet for our writes",
    ] {
        assert!(quiet.contains(line), "{line} in: {quiet}");
    }
    assert!(quiet.lines().count() < 10 && !quiet.contains("RI_") && !quiet.contains("REFUSED"), "{quiet}");

    // what is made to fire always
    flow.target("ALTER TABLE leaf ENABLE ALWAYS TRIGGER of_leaf; ALTER TABLE q ENABLE REPLICA RULE r").await;
    let loud = told(&flow).await;
    for line in [
        "public.parts   REFUSED: trigger of_leaf of public.leaf fires even in replica role\n    ALTER TABLE public.leaf ENABLE TRIGGER of_leaf;",
        "public.q   REFUSED: rule r fires even in replica role\n    ALTER TABLE public.q ENABLE RULE r;",
    ] {
        assert!(loud.contains(line), "{line} in: {loud}");
    }
    let json = flow.sluice.run(&["plan", "--json"]).await.stdout;
    for part in [
        r#""replica_role":true"#,
        r#""kind":"rule","name":"r","fate":"refused","mend":"ALTER TABLE public.q ENABLE RULE r;""#,
    ] {
        assert!(json.contains(part), "{part} in: {json}");
    }

    // a role that may not quiet anything
    let role = format!("loud_{major}");
    flow.target(&format!("CREATE ROLE {role} LOGIN; GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}; GRANT CREATE ON DATABASE {0} TO {role}; GRANT TEMPORARY ON DATABASE {0} TO {role}", flow.db.name)).await;
    let url = Pair::get(major).target.url_as(&role, &flow.db.name);
    let bare = Flow { sluice: flow.sluice.clone().env("SLUICE_TARGET_URL", &url), ..flow };
    let fires = told(&bare).await;
    for line in [
        "REFUSED: without replica role foreign keys, triggers and rules fire: public.p, public.parts, public.q\n",
        &format!("GRANT SET ON PARAMETER session_replication_role TO {role};"),
        "public.p   REFUSED: would fire: triggers t000,",
        "cascades into own.testers, which is protected: REFUSED",
    ] {
        assert!(fires.contains(line), "{line} in: {fires}");
    }
    bare.target(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
}

/// By `check` with the statement that mends it, and by `run` before anything is written.
async fn what_fires_always_is_refused(major: u32) {
    let flow = Flow::with(major, "fires_always", RULES).await;
    flow.both(TABLES).await;
    flow.target(OWN).await;
    flow.source("INSERT INTO p VALUES (1, 'a'); INSERT INTO q VALUES (1, 1); INSERT INTO parts VALUES (1, 'a')").await;
    flow.target(&[trigger("of_leaf", "leaf"), trigger("of_p", "p")].concat()).await;
    flow.target("CREATE RULE r AS ON INSERT TO q DO ALSO INSERT INTO log VALUES ('rule')").await;
    for (loud, quiet) in [
        ("ALTER TABLE q ENABLE ALWAYS RULE r", "ALTER TABLE public.q ENABLE RULE r;"),
        ("ALTER TABLE q ENABLE REPLICA RULE r", "ALTER TABLE public.q ENABLE RULE r;"),
        ("ALTER TABLE p ENABLE REPLICA TRIGGER of_p", "ALTER TABLE public.p ENABLE TRIGGER of_p;"),
        ("ALTER TABLE leaf ENABLE ALWAYS TRIGGER of_leaf", "ALTER TABLE public.leaf ENABLE TRIGGER of_leaf;"),
    ] {
        flow.target(loud).await;
        let check = flow.sluice.run(&["check"]).await;
        assert!(check.code != 0 && check.stdout.contains(quiet), "{loud}: {check:?}");
        let run = flow.sluice.run(&["run", "--until-caught-up", "--exit-on-stop"]).await;
        assert!(run.code == 5 && run.stderr.contains(quiet), "{loud}: {run:?}");
        flow.target(quiet).await;
    }
    flow.catch_up().await;
    let all = "SELECT (SELECT count(*) FROM p) + (SELECT count(*) FROM q) + (SELECT count(*) FROM parts)";
    assert_eq!(number(&flow.t, all).await, 3);
    assert_eq!(number(&flow.t, "SELECT count(*) FROM log").await, 0);
}
