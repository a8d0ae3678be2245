//! `masks try`: under a throw-away key, under the real one, and in a row.

use super::{number, shop};
use crate::sluice::Sluice;

majors!(tries_masks);

const RAW: &str = "7@example.com";

async fn tries_masks(major: u32) {
    let (db, sluice) = shop(major, "verbs_masks", "").await;
    let target = db.target().await;
    in_a_row(&sluice).await;
    // nothing is masked there as yet, and there is nowhere to write it down: no answer
    let real = ["masks", "try", "email", RAW, "--real-key"];
    let output = sluice.run(&real).await;
    assert_eq!((output.code, output.stdout.as_str()), (5, ""), "{}", output.stderr);
    assert!(output.stderr.contains("no schema sluice to keep the audit in"), "{}", output.stderr);

    sluice.ok(&["run", "--until-caught-up"]).await;
    let masked: String = target.query_one("SELECT email FROM customers WHERE id = 7", &[]).await.expect("read").get(0);
    let output = sluice.ok(&real).await;
    assert_eq!(output.stdout.trim(), masked);
    assert!(output.stderr.contains("stands in sluice.audit"), "{}", output.stderr);
    assert_ne!(sluice.ok(&["masks", "try", "email", RAW]).await.stdout.trim(), masked, "a throw-away key");
    let domain = ["masks", "try", "email", RAW, "--real-key", "--domain", "others", "--param", "keep_domain=true"];
    let output = sluice.run(&domain).await;
    assert_eq!(output.code, 2, "{}", output.stderr);
    assert!(output.stderr.contains("there is no domain others"), "{}", output.stderr);

    let entries = "SELECT count(*) FROM sluice.audit WHERE verb LIKE 'masks%'";
    assert_eq!(number(&target, entries).await, 1);
    let row = target
        .query_one(
            "SELECT pipeline || ' ' || verb, os_user, host, db_user = session_user, what->>'mask', what->>'key' = c.mask_key,
                 a::text FROM sluice.audit a JOIN sluice.checkpoint c USING (pipeline) WHERE verb LIKE 'masks%'",
            &[],
        )
        .await
        .expect("the entry");
    let text = |i: usize| row.get::<_, String>(i);
    assert_eq!(text(0), format!("{} masks try --real-key", db.name));
    assert!(!text(1).is_empty() && !text(2).is_empty());
    assert!(row.get::<_, bool>(3) && row.get::<_, bool>(5), "who on the target, and under which key");
    assert_eq!(text(4), "email");
    assert!(!text(6).contains(RAW) && !text(6).contains(&masked), "{}", text(6));

    // where it cannot be written down, no answer
    target.batch_execute("ALTER TABLE sluice.audit ADD CHECK (verb IS NULL) NOT VALID").await.expect("close it");
    let output = sluice.run(&real).await;
    assert!(output.code != 0 && output.stdout.is_empty(), "{output:?}");
    assert!(!output.stderr.contains(RAW) && !output.stderr.contains(&masked), "{}", output.stderr);
    target.batch_execute("ALTER TABLE sluice.audit DROP CONSTRAINT audit_verb_check").await.expect("open it");
    // it outlives the pipeline
    sluice.ok(&["destroy", "--yes"]).await;
    assert_eq!(number(&target, entries).await, 1);
}

/// Masks that look at their row get one, and types that are no text are found.
async fn in_a_row(sluice: &Sluice) {
    let try_it = async |args: &[&str]| {
        let output = sluice.ok(&[&["masks", "try"], args].concat()).await;
        assert!(output.stderr.contains("throw-away"), "{}", output.stderr);
        output.stdout.trim_end_matches('\n').to_owned()
    };
    let compose = ["compose", "x", "--param", "template={first} {last}", "--with", "first=Ann", "--with", "last=Smith"];
    assert_eq!(try_it(&compose).await, "Ann Smith");
    let when = "{ mask: constant, value: gone, when: \"country = 'DE' AND id < 10\", else: keep }";
    for (country, id, want) in [("DE", "7", "gone"), ("DE", "17", "x"), ("FR", "7", "x")] {
        let (country, id) = (format!("country={country}"), format!("id={id}"));
        assert_eq!(try_it(&[when, "x", "--with", &country, "--with", &id]).await, want, "{country} {id}");
    }
    let shift = ["date_shift", "2026-01-31", "--param", "by=customer_id", "--with", "customer_id=7"];
    let shifted = try_it(&shift).await;
    assert!(shifted.len() == 10 && shifted != "2026-01-31", "{shifted}");
    let scrub = ["scrub", "Dear Ann!", "--param", "names=[first]", "--with", "first=Ann"];
    assert_eq!(try_it(&scrub).await, "Dear [name]!");
    assert_eq!(try_it(&["hstore", "\"a\"=>\"1\", \"b\"=>\"2\"", "--param", "keys={ a: keep }"]).await, "\"a\"=>\"1\"");
    let noise = try_it(&["noise", "1000"]).await;
    assert!(noise.parse::<i64>().is_ok_and(|n| n != 1000), "{noise}");
    let output = sluice.run(&["masks", "try", "compose", "x", "--param", "template={first}"]).await;
    assert_eq!(output.code, 2, "{}", output.stderr);
    assert!(
        output.stderr.contains("hint: say it: --with COLUMN=VALUE")
            || output.stderr.contains("(say it: --with COLUMN=VALUE)"),
        "{}",
        output.stderr
    );
    let output = sluice.run(&["masks", "try", "keep", "x"]).await;
    assert_eq!(output.code, 2, "{}", output.stderr);
}
