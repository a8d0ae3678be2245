//! Each of production's two servers says what it is, and each is asked.

use super::super::refusals::refused;
use super::super::world::{LIMIT, NAME, TABLES, run, text};
use super::{behind, through};
use crate::servers::wait_until;
use crate::sluice::Sluice;

on_18_alone!(each_of_the_two_is_asked);

const LABEL: &str = "CREATE SCHEMA sluice; CREATE TABLE sluice.environment (name text); INSERT INTO sluice.environment VALUES ('production')";
const ANOTHER: &str = "source.environment: production: the server says that it is elsewhere";

async fn each_of_the_two_is_asked(major: u32) {
    let (world, standby) = behind(major).await;
    let sluice = through(&standby.url(NAME), &world.source.url(NAME), &world.target.url(NAME), "");
    sluice.configure(&format!(
        "pipeline: {NAME}\nsource: {{ url: \"${{SLUICE_SOURCE_URL}}\", primary_url: \"${{SLUICE_PRIMARY_URL}}\", environment: production }}\n\
         target: {{ url: \"${{SLUICE_TARGET_URL}}\" }}\nmasking: {{ key: \"${{SLUICE_MASK_KEY}}\" }}\n{TABLES}"
    ));
    let (primary, there) = (world.production().await, standby.client(NAME).await);
    let shows = async |label: &str| {
        let asked = "SELECT coalesce((SELECT name FROM sluice.environment), '')";
        wait_until("the standby has it", LIMIT, || async { text(&there, asked).await == label }).await;
    };
    let there_is = "SELECT coalesce(to_regclass('sluice.environment')::text, '')";
    run(&primary, LABEL).await;
    wait_until("the standby has it", LIMIT, || async { !text(&there, there_is).await.is_empty() }).await;
    sluice.ok(&["run", "--until-caught-up"]).await;

    // while replay stands still, the one says what the other says no more
    run(&there, "SELECT pg_wal_replay_pause()").await;
    run(&primary, "UPDATE sluice.environment SET name = 'elsewhere'").await;
    refuses(&sluice, "source.primary_url").await;
    run(&there, "SELECT pg_wal_replay_resume()").await;
    shows("elsewhere").await;
    run(&there, "SELECT pg_wal_replay_pause()").await;
    run(&primary, "UPDATE sluice.environment SET name = 'production'").await;
    refuses(&sluice, "source.url").await;
    run(&there, "SELECT pg_wal_replay_resume()").await;
    shows("production").await;
    sluice.ok(&["run", "--until-caught-up"]).await;
}

/// Whatever would write, and `check` says it; with the key that leads to the wrong one.
async fn refuses(sluice: &Sluice, key: &str) {
    let look = format!("look where {key} leads");
    refused(sluice, ANOTHER, &look).await;
    for verb in [&["resync", "--all", "--yes"][..], &["destroy", "--yes"]] {
        let told = sluice.run(verb).await;
        assert!(told.code != 0 && told.stderr.contains(ANOTHER) && told.stderr.contains(&look), "{verb:?}: {told:?}");
    }
    let told = sluice.run(&["check"]).await;
    assert!(told.code != 0 && told.stdout.contains(ANOTHER) && told.stdout.contains(&look), "{told:?}");
}
