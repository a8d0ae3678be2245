//! What does not come and must be something on staging: the type's empty value, in a unique column a keyed one.

use crate::check::{self, Table};
use crate::shapes::Flow;
use crate::shapes::flow::{number, text};

majors!(something_stands_in);

const AWAY: [&str; 9] = ["secret", "code", "serial", "age", "flag", "tags", "mood", "doc", "at"];

async fn something_stands_in(major: u32) {
    let yaml = "tables:
  public.t: { columns: { id: keep, note: keep, secret: drop, long: keep }, rest: withhold }
  public.whole: { columns: { id: keep, note: keep, secret: drop, long: keep }, rest: withhold }
";
    let flow = Flow::with(major, "stands_in", yaml).await;
    flow.both("CREATE TYPE feeling AS ENUM ('none', 'glad')").await;
    for t in ["t", "whole"] {
        flow.both(&format!(
            "CREATE TABLE {t} (id int PRIMARY KEY, secret text NOT NULL, note text, code varchar(40) NOT NULL UNIQUE, serial bigint NOT NULL UNIQUE, age int NOT NULL,
               flag boolean NOT NULL, tags text[] NOT NULL, mood feeling NOT NULL, doc jsonb NOT NULL, at timestamptz NOT NULL, hint text NOT NULL DEFAULT 'staging', long text);
             ALTER TABLE {t} ALTER long SET STORAGE EXTERNAL"
        ))
        .await;
        flow.source(&format!(
            "INSERT INTO {t} SELECT g, 'secret' || g, 'n', 'secret' || g, g + 1000000, 40, true, '{{secret}}', 'glad', '{{\"a\": \"secret\"}}', now(), 'secret', repeat('x', 3000) FROM generate_series(1, 50) g"
        ))
        .await;
    }
    flow.source("ALTER TABLE whole REPLICA IDENTITY FULL").await;
    // an older script has left what it found
    flow.target("INSERT INTO t SELECT g, 'secret', 'n', 'secret' || g, g, 40, true, '{secret}', 'glad', '{}', now(), 'secret' FROM generate_series(20, 30) g").await;
    let check = flow.sluice.run(&["check"]).await.stdout;
    assert!(!check.contains("does not come"), "{check}");
    for change in [
        "SELECT 1",
        "UPDATE t SET note = 'm', secret = 'secret!', age = 41 WHERE id < 9; UPDATE whole SET note = 'm', age = 41 WHERE id < 9",
        "INSERT INTO t SELECT 100, 'secret', 'n', 'secret100', 7, 1, true, '{}', 'glad', '{}', now(); DELETE FROM t WHERE id = 10; DELETE FROM whole WHERE id = 10; UPDATE whole SET id = -id WHERE id = 11",
    ] {
        flow.source(change).await;
        flow.catch_up().await;
        for t in ["t", "whole"] {
            let known = Table::named(t).without(&AWAY).without(&["hint"]);
            check::equal(&flow.s, &flow.t, known).await;
            let empty = format!(
                "SELECT string_agg(DISTINCT concat_ws('|', secret, age, flag, tags, mood, doc, at AT TIME ZONE 'UTC', hint), ' ') FROM {t}"
            );
            assert_eq!(
                text(&flow.t, &empty).await,
                "|0|f|{}|none|{}|1970-01-01 00:00:00|staging",
                "{t} after {change}"
            );
            let raw = format!("SELECT count(*) FROM {t} WHERE ({t}.*)::text LIKE '%secret%'");
            assert_eq!(number(&flow.t, &raw).await, 0);
        }
        assert_eq!(flow.divergences().await, 0, "{change}");
    }
    let plan = flow.sluice.ok(&["plan", "--sample", "3"]).await.stdout;
    assert!(plan.contains("public.t   as staging would see it"), "{plan}");
    assert!(plan.contains("1970-01-01 00:00:00+00") && !plan.contains("secret1"), "{plan}");
    let status = flow.sluice.ok(&["status"]).await.stdout;
    assert!(status.contains("1 dropped, 9 withheld: "), "{status}");
}
