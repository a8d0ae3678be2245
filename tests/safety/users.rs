//! Staging's users write what is theirs, and what is not, while production is at work and everything that can be killed is killed:
//! what is theirs stands as they wrote it, and the rest becomes what production is.

mod ledger;
mod sessions;
mod sides;
mod statements;

use self::sessions::Users;
use crate::faults::killer::{self, Killer};
use crate::faults::traffic::Traffic;
use crate::faults::world::{NAME, World, run};
use crate::seed::Seed;

majors!(their_own_amid_everything);

/// Kills on each major.
const KILLS: u32 = 24;

/// Tables that somebody writes.
const TABLES: [&str; 9] = ["big", "comp", "uid", "txt", "log", "fulls", "ident", "people", "handles"];

async fn their_own_amid_everything(major: u32) {
    let seed = Seed::or(60);
    let mut rng = seed.rng(0);
    let full = rng.bool() ^ (major == 18);
    let kills = if std::env::var_os("SLUICE_SOAK").is_some() { KILLS * 20 } else { KILLS };
    let mut world = World::new(major, full).await;
    run(&world.staging().await, &ledger::sql()).await;
    world.sluice = world.also(&ledger::protect());
    let traffic = Traffic::paced(&world.source.url(NAME), vec![seed.rng(1), seed.rng(2)], 30);
    let users = Users::start(&world.target.url(NAME), (3..10).map(|n| seed.rng(n)).collect());
    let mut killer = Killer::default();
    let mut running = world.sluice.spawn(&["run"]);
    let (mut resyncs, mut waited) = (0, Vec::new());
    for kill in 0..kills {
        if kill % 8 == 6 {
            // what is edited goes on being due while they are at it
            users.rest(true);
            waited.push(match killer::copies(&world, &traffic).await {
                Ok(waited) => waited,
                Err(scene) => panic!("not copied, kills {:?}:\n{}\n{scene}", killer.counts, running.log()),
            });
            users.rest(false);
        }
        if rng.u8(..6) == 0 {
            let table = format!("public.{}", TABLES[rng.usize(..TABLES.len())]);
            resyncs += u32::from(world.sluice.run(&["resync", &table]).await.code == 0);
        }
        killer.kill(&mut world, &mut running, &mut rng).await;
        users.content();
        ledger::stands(&world.staging().await).await;
    }
    let transactions = traffic.end().await;
    let done = users.end().await;
    assert!(done.amiss.is_empty(), "{}", done.amiss.join("\n"));
    running.kill9();
    let mut logs = killer.logs + &running.log();
    ledger::stands(&world.staging().await).await;
    logs += &world.catch_up().await.stderr;
    ledger::stands(&world.staging().await).await;
    let untouched = sides::untouched(&world).await;
    let mut resync = vec!["resync"];
    resync.extend(TABLES);
    world.sluice.ok(&resync).await;
    logs += &world.catch_up().await.stderr;
    let rows = ledger::stands(&world.staging().await).await;
    let away = sides::equal(&world).await;
    eprintln!(
        "{major}: full {full}, kills {:?}, {resyncs} resyncs, {transactions} transactions, users {done:?}, {rows} rows of theirs, {untouched} untouched, {away:?}, copied after {waited:?}",
        killer.counts
    );
    if let Some(line) = logs.lines().find(|line| line.contains("ERROR")) {
        panic!("in a log: {line}");
    }
    assert!(transactions > 100 && done.committed > 200, "{transactions} transactions, {done:?}");
    assert!(rows > 50 && away.shadowed > 10, "{rows} rows of theirs, {away:?}");
    assert!(untouched > 1000, "{untouched} rows that nobody has touched");
}
