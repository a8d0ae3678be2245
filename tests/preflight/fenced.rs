//! A production that whoever answers for it has set otherwise than most: said by `check`, and nothing is overruled.

use crate::servers::{Cluster, Pair};
use crate::sluice::Sluice;

majors!(what_production_has_set);

async fn what_production_has_set(major: u32) {
    // 18 knows how to take an idle slot away
    let settings = Cluster::with().set("default_transaction_read_only", "on");
    let settings = if major >= 18 { settings.set("idle_replication_slot_timeout", "1h") } else { settings };
    let production = settings.start(major);
    let staging = Pair::get(major).create_db("fenced").await;
    let source = production.client("postgres").await;
    // not in one statement with what follows: that would be of the transaction before
    source.batch_execute("SET default_transaction_read_only = off").await.expect("a setting");
    source.batch_execute("CREATE TABLE t (id int PRIMARY KEY)").await.expect("a table");
    staging.target().await.batch_execute("CREATE TABLE t (id int PRIMARY KEY)").await.expect("a table");
    let rest = "tables: { public.t: keep }";
    let sluice = Sluice::over("fenced", &production.url("postgres"), &staging.target_url(), rest);
    let check = sluice.run(&["check"]).await.stdout;
    let mend = "SET default_transaction_read_only = off; -- it is on here, so run makes none";
    assert!(check.contains(mend) && check.contains("CREATE PUBLICATION \"sluice_fenced\""), "{check}");
    assert_eq!(check.contains("idle_replication_slot_timeout: 1h"), major >= 18, "{check}");
    let run = sluice.run(&["run", "--until-caught-up"]).await;
    assert_eq!(run.code, 5, "{}", run.stderr);
    assert!(run.stderr.contains("run on production, as the owner of the tables:"), "{}", run.stderr);
    let wanted = check.lines().filter(|line| line.trim().starts_with("CREATE PUBLICATION"));
    source.batch_execute(&wanted.collect::<String>()).await.expect("as check says");
    sluice.ok(&["run", "--until-caught-up"]).await;
}
