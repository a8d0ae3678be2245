//! Servers that are never written, by every name and address that they go by.

use super::{TABLES, WRITING, all_refused, made, pipeline, run, shop, yaml};
use crate::servers::Proxy;
use crate::sluice::Sluice;

majors!(by_what_the_url_says, by_what_it_leads_to, a_tunnel_hides_nothing);

async fn by_what_the_url_says(major: u32) {
    let db = shop(major, "safety_never").await;
    let sluice = pipeline(&db, "", "", "");
    sluice.ok(&["run", "--until-caught-up"]).await;
    sluice.ok(&["init", "--lock"]).await;
    db.on_both("ALTER TABLE guests ADD extra text").await;
    let port = db.target_port();
    for never in ["127.0.0.1", "127.*", "127.0.0.0/8", "\"*/safety_never\"", &format!("127.0.0.1:{port}/safety_n*")] {
        sluice.configure(&yaml(&db.name, "", "", &format!("never_write: [elsewhere.invalid, {never}]")));
        let says = format!("never_write: {}: it means the target: target.url is 127.0.0.1", never.trim_matches('"'));
        let verbs = if never == "127.0.0.1" { WRITING } else { &WRITING[..1] };
        all_refused(&db, &sluice, verbs, &says).await;
        let checked = sluice.run(&["check"]).await;
        assert!(checked.code == 3 && checked.stdout.contains(&says), "{}", checked.stdout);
        assert_eq!(sluice.run(&["plan"]).await.code, 5);
    }
    // and what means another server is no hindrance
    let others = format!(
        "never_write: [elsewhere.invalid, 127.0.0.1/other, \"127.0.0.1:{}\", 10.0.0.0/8, \"*.prod.example.com\"]",
        port ^ 1
    );
    sluice.configure(&yaml(&db.name, "", "", &others));
    sluice.ok(&["run", "--until-caught-up"]).await;
    assert!(sluice.ok(&["check"]).await.stdout.contains("never_write: means another server"));
}

/// The URL has an address, or another name, and the list the name of the same machine.
async fn by_what_it_leads_to(major: u32) {
    let db = shop(major, "safety_leads").await;
    let sluice = pipeline(&db, "", "", "");
    sluice.ok(&["run", "--until-caught-up"]).await;
    sluice.configure(&yaml(&db.name, "", "", "never_write: [LocalHost]"));
    all_refused(
        &db,
        &sluice,
        &WRITING[..2],
        "never_write: LocalHost: it means the target: target.url (127.0.0.1) leads to",
    )
    .await;
    let named = db.target_url().replace("127.0.0.1", "localhost");
    let sluice = sluice.env("SLUICE_TARGET_URL", &named);
    sluice.configure(&yaml(&db.name, "", "", "never_write: [127.0.0.1]"));
    all_refused(
        &db,
        &sluice,
        &WRITING[..2],
        "never_write: 127.0.0.1: it means the target: target.url (localhost) leads to",
    )
    .await;
    let checked = sluice.run(&["check"]).await;
    assert!(checked.code == 3 && checked.stdout.contains("target.url (localhost) leads to"), "{}", checked.stdout);
}

/// What stands at the far end says its own address, port and database.
async fn a_tunnel_hides_nothing(major: u32) {
    let db = shop(major, "safety_tunnel").await;
    let tunnel = Proxy::start(db.target_port()).await;
    let sluice = Sluice::over(&db.name, &db.source_url(), &tunnel.url(&db.name), TABLES);
    let never = format!("never_write: [\"127.0.0.1:{}\"]", db.target_port());
    sluice.configure(&yaml(&db.name, "", "", &never));
    let refused = sluice.run(&["run", "--until-caught-up"]).await;
    assert!(refused.code == 5 && refused.stderr.contains("leads to 127.0.0.1"), "{}", refused.stderr);
    assert_eq!(made(&db.source().await).await, 0);
    run(&db.target().await, "SELECT 1 FROM cruises").await;
    sluice.configure(&yaml(&db.name, "", "", ""));
    sluice.ok(&["run", "--until-caught-up"]).await;
}
