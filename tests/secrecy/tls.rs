//! Who is let in, and whom we trust: every `sslmode` and every way of proving oneself, through the binary. What is refused
//! says why and what mends it, in `check`, in `run`, and with an exit code of its own kind.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::servers::{Authority, Cluster, scratch_dir, wait_until};
use crate::sluice::Sluice;

majors!(a_pipeline_runs_over_tls, what_is_refused_says_why, less_than_verify_full_is_said_aloud);

const LIMIT: Duration = Duration::from_secs(90);

/// Who may come in, and how.
const HBA: &str = "
local   all postgres                 trust
host    all postgres    all          trust
hostssl all certified   all          cert
host    all clear       all          password
hostssl all scram       all          scram-sha-256
hostssl all all         all          scram-sha-256
";

/// A server with TLS, two databases on it, and the files that a client of it has.
struct World {
    cluster: Cluster,
    files: PathBuf,
    sluice: Sluice,
}

impl World {
    /// `expired`: the server's certificate was good once.
    async fn new(major: u32, expired: bool) -> World {
        let mut cluster = Cluster::start(major);
        let files = scratch_dir("client");
        let (ca, other) = (Authority::new("sluice test CA"), Authority::new("another CA"));
        let names = &["localhost", "db.example"];
        let server = if expired { ca.expired_server(names) } else { ca.server(names) };
        let (client, stranger) = (ca.client("certified"), other.client("certified"));
        for (name, text) in [
            ("ca.pem", &ca.pem),
            ("other-ca.pem", &other.pem),
            ("client.pem", &client.0),
            ("client.key", &client.1),
            ("stranger.pem", &stranger.0),
            ("stranger.key", &stranger.1),
        ] {
            fs::write(files.join(name), text).expect("write a client's file");
        }
        let admin = cluster.client("postgres").await;
        let roles = "CREATE ROLE certified SUPERUSER LOGIN; CREATE ROLE scram SUPERUSER LOGIN PASSWORD 'pencil';
            CREATE ROLE clear SUPERUSER LOGIN PASSWORD 'pencil'";
        for sql in [roles, "CREATE DATABASE production", "CREATE DATABASE staging"] {
            admin.batch_execute(sql).await.unwrap_or_else(|e| panic!("{e:?} in: {sql}"));
        }
        for database in ["production", "staging"] {
            let table = "CREATE TABLE t (id int PRIMARY KEY, name text)";
            cluster.client(database).await.batch_execute(table).await.expect("create");
        }
        for (name, text) in [
            ("server.crt", &server.0),
            ("server.key", &server.1),
            ("ca.crt", &ca.pem),
            ("pg_hba.conf", &HBA.to_owned()),
        ] {
            cluster.write(name, text);
        }
        cluster.configure([("ssl", "on"), ("ssl_ca_file", "ca.crt")]);
        cluster.restart();
        let sluice = Sluice::over("tls", "", "", "tables: { public.t: keep }");
        World { cluster, files, sluice }
    }

    /// Of a database; `%` in `how` is the directory of the client's files.
    fn url(&self, database: &str, how: &str) -> String {
        let how = how.replace('%', &self.files.display().to_string());
        format!("host=localhost hostaddr=127.0.0.1 port={} dbname={database} {how}", self.cluster.port())
    }

    fn with(self, source: &str, target: &str) -> World {
        let (source, target) = (self.url("production", source), self.url("staging", target));
        let sluice = self.sluice.env("SLUICE_SOURCE_URL", &source).env("SLUICE_TARGET_URL", &target);
        World { sluice, ..self }
    }
}

const CERTIFIED: &str =
    "user=certified sslmode=verify-full sslrootcert=%/ca.pem sslcert=%/client.pem sslkey=%/client.key";

async fn a_pipeline_runs_over_tls(major: u32) {
    let mut world = World::new(major, false).await;
    let rows = |from: u32| format!("INSERT INTO t SELECT g, 'name' FROM generate_series({from}, {from} + 9) g");
    for (at, (source, target)) in [
        (CERTIFIED, "user=scram password=pencil sslmode=verify-ca sslrootcert=%/ca.pem"),
        ("user=scram password=pencil sslmode=prefer", CERTIFIED),
        (
            "user=clear password=pencil sslmode=require",
            "user=scram password=pencil sslrootcert=%/ca.pem host=db.example",
        ),
        (
            "user=scram password=pencil sslmode=verify-ca sslrootcert=%/ca.pem host=wrong.example",
            "user=postgres sslmode=disable",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        world = world.with(source, target);
        let production = world.cluster.client("production").await;
        production.batch_execute(&rows(at as u32 * 10)).await.expect("insert");
        let mut running = world.sluice.spawn(&["run"]);
        let staging = world.cluster.client("staging").await;
        let count = async || staging.query_one("SELECT count(*) FROM t", &[]).await.expect("count").get::<_, i64>(0);
        wait_until("the rows are there", LIMIT, async || count().await == (at as i64 + 1) * 10).await;
        let sessions = "SELECT a.datname, s.ssl FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.application_name LIKE 'sluice/%'";
        for row in staging.query(sessions, &[]).await.expect("sessions") {
            let how = if row.get::<_, &str>(0) == "production" { source } else { target };
            assert_eq!(row.get::<_, bool>(1), !how.contains("disable"), "{how}");
        }
        running.term();
        running.wait(LIMIT).await;
    }
}

/// How production is asked for, what is told of it, and what mends it.
const REFUSED: &[(&str, &str, &str)] = &[
    // whom we do not trust
    ("user=scram password=pencil sslrootcert=%/other-ca.pem", "UnknownIssuer", "sslrootcert must name"),
    (
        "user=scram password=pencil sslmode=verify-ca sslrootcert=%/other-ca.pem",
        "UnknownIssuer",
        "sslrootcert must name",
    ),
    ("user=scram password=pencil sslmode=require sslrootcert=%/other-ca.pem", "UnknownIssuer", "sslrootcert must name"),
    (
        "user=scram password=pencil sslrootcert=%/ca.pem host=wrong.example",
        "not valid for name \"wrong.example\"",
        "host must be a name",
    ),
    ("user=scram password=pencil sslrootcert=%/nothing.pem", "read sslrootcert %/nothing.pem: ", "a file in PEM form"),
    (
        "user=certified sslmode=require sslcert=%/client.pem sslkey=%/ca.pem",
        "read sslkey %/ca.pem: ",
        "a file in PEM form",
    ),
    (
        "user=certified sslmode=require sslcert=%/client.pem sslkey=%/stranger.key",
        "use sslcert with sslkey: ",
        "sslkey must be the key",
    ),
    // who does not let us in
    ("user=scram password=pencil sslmode=disable", "no pg_hba.conf entry", "pg_hba.conf on the server"),
    ("user=certified sslmode=require", "requires a valid client certificate", "pg_hba.conf on the server"),
    (
        "user=certified sslmode=require sslcert=%/stranger.pem sslkey=%/stranger.key",
        "received fatal alert: ",
        "its ssl_ca_file",
    ),
    ("user=scram password=brush sslmode=require", "28P01 invalid_password", "another password"),
    (
        "user=scram passfile=/nowhere sslmode=require",
        "the server asks for a password, and none is given",
        "host:port:database:role:password",
    ),
    (
        "user=clear password=pencil sslmode=disable",
        "the server asks for the password in clear, and this connection has no TLS",
        "sslmode=require",
    ),
    (
        "user=postgres dbname=nothing",
        "3D000 invalid_catalog_name: database \"nothing\" does not exist",
        "the name of a database",
    ),
];

async fn what_is_refused_says_why(major: u32) {
    let mut world = World::new(major, false).await;
    let other = "user=postgres sslmode=disable";
    for (how, says, mends) in REFUSED {
        let says = says.replace('%', &world.files.display().to_string());
        for (area, source, target) in [("production", *how, other), ("target", other, *how)] {
            world = world.with(source, target);
            let (found, hint) = unreachable(&world.sluice, area).await;
            assert!(found.contains(&says) && hint.contains(mends), "{area} {how}\n  {found}\n  {hint}");
        }
        // as it was asked for last: of the target
        let output = world.sluice.run(&["run", "--until-caught-up"]).await;
        assert_eq!(output.code, 4, "{how}: {}", output.stderr);
        let hint = output.stderr.lines().find_map(|l| l.strip_prefix("hint: ")).unwrap_or_default();
        assert!(output.stderr.contains(&says) && hint.contains(mends), "{how}\n{}", output.stderr);
        assert!(!output.stderr.contains("pencil") && !output.stderr.contains("brush"), "{}", output.stderr);
    }
    let expired = World::new(major, true).await.with("user=scram password=pencil sslrootcert=%/ca.pem", other);
    let (found, hint) = unreachable(&expired.sluice, "production").await;
    assert!(found.contains("certificate expired") && hint.contains("a new certificate"), "{found}\n{hint}");
    // a service does not end of it: it is held until somebody mends it
    world = world.with(REFUSED[0].0, other);
    let mut running = world.sluice.spawn(&["run"]);
    wait_until("it is held", LIMIT, async || running.log().contains("held")).await;
    running.term();
    assert_eq!(running.wait(LIMIT).await.code(), Some(0));
}

/// What `check` says of the server that is out of reach, and what mends it.
async fn unreachable(sluice: &Sluice, area: &str) -> (String, String) {
    let output = sluice.run(&["check", "--json"]).await;
    assert_eq!(output.code, 3, "{}{}", output.stdout, output.stderr);
    let report: Value = serde_json::from_str(&output.stdout).expect("one object");
    let failed = |c: &&Value| c["name"] == "reachable" && c["area"] == area && c["state"] == "failed";
    let check = report["checks"].as_array().and_then(|c| c.iter().find(failed)).unwrap_or_else(|| panic!("{report}"));
    let text = |at: &str| check.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned();
    (text("/says"), text("/mend/text"))
}

/// Off this machine (which 0.0.0.0 is not, by its name) production's certificate is looked at, or the file says that it is not.
async fn less_than_verify_full_is_said_aloud(major: u32) {
    let mut world = World::new(major, false).await;
    let production = world.cluster.client("production").await;
    production.batch_execute("INSERT INTO t VALUES (1, 'name')").await.expect("insert");
    let there = " host=db.example hostaddr=0.0.0.0";
    let other = "user=postgres sslmode=disable";
    let file = |tls: &str| {
        format!(
            "pipeline: tls\nsource: {{ url: \"${{SLUICE_SOURCE_URL}}\"{tls} }}\ntarget: {{ url: \"${{SLUICE_TARGET_URL}}\" }}\ntables: {{ public.t: keep }}"
        )
    };
    for less in ["sslmode=require", "sslmode=prefer", "sslmode=disable", "sslmode=verify-ca sslrootcert=%/ca.pem"] {
        world = world.with(&format!("user=postgres {less}{there}"), other);
        world.sluice.configure(&file(""));
        let mode = less.split([' ', '=']).nth(1).expect("a mode");
        let says = format!("source.url: sslmode is {mode}: whoever stands between could read production's rows");
        for verb in [&["run", "--until-caught-up"][..], &["plan"], &["status"], &["destroy", "--yes"]] {
            let output = world.sluice.run(verb).await;
            assert_eq!(output.code, 5, "{verb:?} {less}\n{}{}", output.stdout, output.stderr);
            let hint = output.stderr.lines().find_map(|l| l.strip_prefix("hint: ")).unwrap_or_default();
            let ways =
                hint.contains("sslmode=verify-full&sslrootcert=ca.pem") && hint.contains("source.tls: unverified");
            assert!(output.stderr.contains(&says) && ways, "{less}\n{}", output.stderr);
        }
        let check = world.sluice.run(&["check"]).await;
        assert!(check.code == 3 && check.stdout.contains(&format!("TLS: {says}")), "{}", check.stdout);
        // said aloud
        world.sluice.configure(&file(", tls: unverified"));
        let check = world.sluice.run(&["check"]).await;
        let aloud = format!("TLS: sslmode {mode}, and sluice.yaml says aloud that it takes it");
        assert!(check.stdout.contains(&aloud), "{}", check.stdout);
        world.sluice.ok(&["run", "--until-caught-up"]).await;
    }
    world = world.with(&format!("user=scram password=pencil sslrootcert=%/ca.pem{there}"), other);
    world.sluice.configure(&file(""));
    world.sluice.ok(&["run", "--until-caught-up"]).await;
    let check = world.sluice.run(&["check"]).await;
    assert!(check.stdout.contains("TLS: sslmode verify-full"), "{}", check.stdout);
}
