//! The five minutes of the README, to the letter: its lines, by a shell, in an empty directory.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::psql;
use crate::servers::{Pair, scratch_dir, spawn_bound, wait_until};
use crate::shapes::flow::number;

majors!(its_lines_do_what_it_says);

const README: &str = include_str!("../../README.md");
const LIMIT: Duration = Duration::from_secs(60);

/// The indented lines of "On your own database", without what is said of them.
fn lines() -> Vec<&'static str> {
    let (_, section) = README.split_once("\n## On your own database").expect("the section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let lines = section.lines().filter_map(|line| line.strip_prefix("    "));
    lines.map(|line| line.split("    #").next().unwrap_or_default().trim_end()).collect()
}

/// A shell that has set what the README sets, and runs one line more.
fn shell(dir: &Path, exports: &[String], line: &str) -> Command {
    let sluice = PathBuf::from(env!("CARGO_BIN_EXE_sluice"));
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("bash");
    command.arg("-c").arg(format!("{}\nexec {line}", exports.join("\n"))).current_dir(dir).env_clear();
    command.env("PATH", format!("{}:{path}", sluice.parent().expect("a directory").display()));
    command.stdin(Stdio::null());
    command
}

async fn its_lines_do_what_it_says(major: u32) {
    let db = Pair::get(major).create_db("readme").await;
    db.on_both("CREATE TABLE cruises (id int PRIMARY KEY, name text, contact_email text)").await;
    let (source, target) = (db.source().await, db.target().await);
    let rows = "INSERT INTO cruises SELECT g, 'cruise ' || g, g || '@quux.org' FROM generate_series(1, 50) g";
    source.batch_execute(rows).await.expect("insert");
    let dir = scratch_dir("readme");
    let (exports, verbs): (Vec<&str>, Vec<&str>) =
        lines().into_iter().filter(|line| !line.is_empty()).partition(|line| line.starts_with("export "));
    // the URLs are left out there, and not every machine has openssl
    let mut set = vec!["openssl() { [ \"$*\" = 'rand -base64 32' ] && head -c 32 /dev/urandom | base64; }".to_owned()];
    for (export, url) in exports.iter().zip([db.source_url(), db.target_url()]) {
        let (name, _) = export.split_once("='postgres://…").unwrap_or_else(|| panic!("{export} leaves out no URL"));
        set.push(format!("{name}='{url}'"));
    }
    // one key for all lines, as in one shell
    let key = exports.get(2).and_then(|e| e.strip_prefix("export SLUICE_MASK_KEY=")).expect("the key's line");
    let made = shell(&dir, &set, &format!("echo {key}")).output().expect("a shell").stdout;
    set.push(format!("export SLUICE_MASK_KEY={}", String::from_utf8_lossy(&made).trim()));
    assert!(made.len() > 40, "no key is made by {key}");

    // what the SQL made for the administrators is not sluice's: what each server says, and the publications
    let made_there = "SELECT (SELECT count(*) FROM pg_replication_slots WHERE database = 'readme')";
    let kept = "SELECT count(*) FROM sluice.checkpoint";
    let stays = "SELECT count(*) FROM pg_class WHERE relnamespace = 'sluice'::regnamespace AND relkind = 'r'";
    let mut done = Vec::new();
    for line in verbs {
        let verb = line.split(' ').nth(1).unwrap_or_default();
        let run = |line: &str| {
            let output = shell(&dir, &set, line).output().expect("a shell");
            let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
            (output.status.code(), said.join("\n"))
        };
        match line {
            "sluice run" => {
                assert_eq!(number(&source, made_there).await + number(&target, kept).await, 0, "nothing is written");
                let mut command = shell(&dir, &set, line);
                command.stdout(Stdio::null()).stderr(Stdio::null());
                let mut running = spawn_bound(command, libc::SIGKILL).expect("a shell");
                wait_until("it streams", LIMIT, async || run("sluice status").1.contains("streaming   consistent"))
                    .await;
                running.signal(libc::SIGTERM);
                assert_eq!(running.wait(LIMIT).and_then(|status| status.code()), Some(0));
                let masked = "SELECT count(*) FROM cruises WHERE contact_email NOT LIKE '%quux%'";
                assert_eq!(number(&target, masked).await, 50);
            }
            "sluice destroy" => {
                let (code, said) = run(line);
                assert!(code == Some(5) && said.contains("--yes goes on"), "it asks first: {code:?} {said}");
                assert_eq!(run(&format!("{line} --yes")).0, Some(0));
                let left = "SELECT count(*) FROM pg_publication";
                assert_eq!(number(&source, made_there).await + number(&source, left).await, 0, "nothing stays");
                assert_eq!((number(&source, stays).await, number(&target, stays).await), (1, 1), "but what they say");
            }
            line => {
                let (code, said) = run(line);
                assert_eq!(code, Some(0), "{line}\n{said}");
                if verb == "init" {
                    let sql = std::fs::read_to_string(dir.join("servers.sql")).expect("what it printed");
                    let (for_production, for_target) = sql.split_once("-- TARGET").expect("two parts");
                    psql(&source, for_production).await;
                    psql(&target, &format!("-- {for_target}")).await;
                }
            }
        }
        done.push(verb);
    }
    assert_eq!(
        done,
        ["init", "check", "plan", "run", "run", "status", "freeze", "destroy"],
        "every line, in its order"
    );
}
