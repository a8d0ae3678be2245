//! A table that has no key gets one, one that had a key loses it, and one without comes later: it moves between the two
//! publications, and production's own statements work.

use super::flow::{Flow, number};
use super::followed::{SOON, beat, becomes_equal, ends, followed, is_held, nothing_raw};
use crate::check;
use crate::servers::wait_until;
use crate::sluice::Sluice;
use crate::verbs::serve::free_port;

majors!(
    one_without_a_key_comes_later,
    one_gets_a_key,
    one_loses_its_key_while_followed,
    one_loses_it_and_the_publication_is_not_ours
);

/// The second publication is younger than the slot then: what was written before it was made must not need it.
async fn one_without_a_key_comes_later(major: u32) {
    let flow = Flow::new(major, "keyless_later").await;
    flow.both("CREATE TABLE t (id int PRIMARY KEY, v int)").await;
    flow.source("INSERT INTO t SELECT g, g FROM generate_series(1, 10) g").await;
    flow.equal().await;
    flow.source("UPDATE t SET v = 0 WHERE id = 1").await;
    flow.both("CREATE TABLE late (v int)").await;
    flow.source("UPDATE t SET v = 0 WHERE id = 2; INSERT INTO late VALUES (1)").await;
    flow.equal().await;
    flow.source("UPDATE t SET v = 0 WHERE id = 3; INSERT INTO late VALUES (2); UPDATE late SET v = 3").await;
    flow.catch_up().await;
    check::equal(&flow.s, &flow.t, "t").await;
    assert_eq!(number(&flow.t, "SELECT sum(v) FROM late").await, 3, "inserts come, updates do not");
}

async fn one_gets_a_key(major: u32) {
    let flow = Flow::new(major, "keyless_gets").await;
    flow.both("CREATE TABLE t (id int PRIMARY KEY, v int); CREATE TABLE late (id int, v int)").await;
    flow.source("INSERT INTO late VALUES (1, 1), (2, 2); UPDATE late SET v = 3").await;
    flow.equal().await;
    flow.both("ALTER TABLE late ADD PRIMARY KEY (id)").await;
    flow.source("UPDATE late SET v = 4; INSERT INTO t VALUES (1, 1)").await;
    flow.equal().await;
    flow.source("UPDATE late SET v = 5; DELETE FROM late WHERE id = 1").await;
    flow.equal().await;
}

/// Production's own updates fail from that moment until it is noticed, as those of any table that is published with them.
async fn one_loses_its_key_while_followed(major: u32) {
    let (flow, running) = followed(major, "keyless_loses", "tables: { \"public.*\": keep }", false).await;
    let key = ("ALTER TABLE t DROP CONSTRAINT t_pkey", "ALTER TABLE t ADD PRIMARY KEY (id)");
    let nothing = ("ALTER TABLE t REPLICA IDENTITY NOTHING", "ALTER TABLE t REPLICA IDENTITY DEFAULT");
    let full = ("ALTER TABLE t DROP CONSTRAINT t_pkey", "ALTER TABLE t REPLICA IDENTITY FULL");
    for (n, ((lose, gain), behind)) in [(key, true), (nothing, false), (full, false)].into_iter().enumerate() {
        let insert = |id: usize| format!("INSERT INTO t VALUES ({}, 'x', 'y')", 100 * (n + 1) + id);
        let behind = if behind { insert(1) } else { "SELECT 1".into() };
        flow.source(&format!("BEGIN; UPDATE t SET note = 'before {n}'; {lose}; {behind}; COMMIT")).await;
        let update = format!("UPDATE t SET note = 'unseen {n}' WHERE id = 7");
        wait_until("production can update it", SOON, || async { flow.s.batch_execute(&update).await.is_ok() }).await;
        flow.source(&insert(2)).await;
        let there = format!("SELECT count(*) FROM t WHERE id = {}", 100 * (n + 1) + 2);
        wait_until("its inserts come", SOON, || async { number(&flow.t, &there).await == 1 }).await;
        let mends = "ALTER TABLE public.t REPLICA IDENTITY FULL";
        let status = flow.sluice.ok(&["status"]).await.stdout;
        assert!(status.contains(&format!("updates and deletes do not arrive: {mends}")), "{status}");
        let check = flow.sluice.run(&["check"]).await.stdout;
        assert!(check.contains("updates and deletes do not") && check.contains("REPLICA IDENTITY FULL"), "{check}");
        flow.source(gain).await;
        becomes_equal(&flow, "t").await;
        flow.source(&format!("UPDATE t SET note = 'seen {n}' WHERE id < 5; DELETE FROM t WHERE id = {}", 10 + n)).await;
        becomes_equal(&flow, "t").await;
        beat(&flow).await;
    }
    assert_eq!(flow.divergences().await, 0);
    ends(running).await;
}

/// Whoever owns the tables has to move it: held until then, with the SQL, and it goes on by itself.
async fn one_loses_it_and_the_publication_is_not_ours(major: u32) {
    let port = free_port();
    let rest = format!(
        "tables: {{ public.t: {{ columns: {{ email: email }} }}, public.other: keep }}\nserve: {{ listen: \"127.0.0.1:{port}\" }}"
    );
    let mut flow = Flow::with(major, "keyless_theirs", &rest).await;
    let name = "keyless_theirs";
    flow.both("CREATE TABLE t (id int PRIMARY KEY, email text, note text); CREATE TABLE other (id int PRIMARY KEY)")
        .await;
    flow.source(&format!(
        "INSERT INTO t SELECT g, 'raw' || g || '@secret.example', 'note' FROM generate_series(1, 20) g;
         CREATE ROLE {name} LOGIN REPLICATION; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name};
         CREATE PUBLICATION sluice_{name} FOR TABLE t, other WITH (publish_via_partition_root = true);
         CREATE PUBLICATION sluice_{name}_inserts WITH (publish = 'insert, truncate', publish_via_partition_root = true)"
    ))
    .await;
    let theirs = flow
        .db
        .source_url()
        .replace("user=postgres", &format!("user={name}"))
        .replace("postgres@", &format!("{name}@"));
    flow.sluice = Sluice::over(name, &theirs, &flow.db.target_url(), &rest);
    flow.catch_up().await;
    let mut running = flow.sluice.spawn(&["run"]);
    beat(&flow).await;
    flow.source("ALTER TABLE t DROP CONSTRAINT t_pkey; INSERT INTO t VALUES (21, 'a@secret.example', 'x')").await;
    let sql = format!("ALTER PUBLICATION \"sluice_{name}\" DROP TABLE");
    is_held(&flow, &mut running, port, &["hint: run on production, as the owner of the tables", &sql]).await;
    flow.source(&format!(
        "ALTER PUBLICATION sluice_{name} DROP TABLE t; ALTER PUBLICATION sluice_{name}_inserts ADD TABLE t"
    ))
    .await;
    beat(&flow).await;
    becomes_equal(&flow, check::Table::named("t").without(&["email"])).await;
    nothing_raw(&flow, "t").await;
    ends(running).await;
    flow.source(&format!("DROP PUBLICATION sluice_{name}, sluice_{name}_inserts; REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {name}; DROP ROLE {name}")).await;
}
