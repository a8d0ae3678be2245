//! `sluice adopt`: goes on from another's slot and publication, and copies nothing.

use super::{number, shop};

majors!(goes_on_from_anothers_slot);

async fn goes_on_from_anothers_slot(major: u32) {
    let (db, sluice) = shop(major, "verbs_adopt", "").await;
    let (source, target) = (db.source().await, db.target().await);
    let adopt = ["adopt", "--slot", "sluice_verbs_adopt", "--publication", "theirs"];
    source.batch_execute("CREATE PUBLICATION theirs FOR TABLE cruises").await.expect("publish");
    let slot = "SELECT pg_create_logical_replication_slot('sluice_verbs_adopt', 'pgoutput')";
    source.batch_execute(slot).await.expect("make a slot");
    let output = sluice.run(&adopt).await;
    assert_eq!(output.code, 5, "{}", output.stderr);
    assert!(output.stderr.contains("lacks \"public\".\"customers\""), "{}", output.stderr);
    source.batch_execute("ALTER PUBLICATION theirs ADD TABLE customers").await.expect("add");
    let said = sluice.ok(&adopt).await.stderr;
    assert!(said.contains("note: public.customers has masked or dropped columns"), "{said}");
    assert_eq!(sluice.run(&adopt).await.code, 5, "not twice");
    source.batch_execute("INSERT INTO cruises VALUES (1000, 'after')").await.expect("insert");
    sluice.ok(&["run", "--until-caught-up"]).await;
    assert_eq!(number(&target, "SELECT count(*) FROM cruises").await, 1, "what came since, and no copy");
    let names = "SELECT count(*) FROM pg_publication WHERE pubname <> 'theirs'";
    assert_eq!(number(&source, names).await, 0, "none of our own");
}
