//! The network between: cut and stalled, between capture and broker and between broker and apply, amid traffic. It goes on by itself.

use std::net::TcpListener;
use std::time::Duration;

use super::followed::Followed;
use super::walk;
use crate::seed::Seed;
use crate::servers::{Broker, Proxy};

eighteen!(it_goes_on_by_itself);

async fn it_goes_on_by_itself(major: u32) {
    let seed = Seed::or(80);
    let mut rng = seed.rng(0);
    // all at once, so that each is another
    let free: Vec<TcpListener> = (0..4).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
    let [plain, one, two, control] = [0, 1, 2, 3].map(|n: usize| free[n].local_addr().expect("an address").port());
    drop(free);
    let (to_capture, to_apply) = (Proxy::start(one).await, Proxy::start(two).await);
    let at = |plain, one, two| format!("PLAINTEXT://127.0.0.1:{plain},ONE://127.0.0.1:{one},TWO://127.0.0.1:{two}");
    let listens = format!("{},CONTROLLER://127.0.0.1:{control}", at(plain, one, two));
    // who comes by a proxy is told to go on by it
    let _broker = Broker::with(&[
        ("listeners", &listens),
        ("advertised.listeners", &at(plain, to_capture.port(), to_apply.port())),
        ("controller.quorum.voters", &format!("1@127.0.0.1:{control}")),
        ("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,ONE:PLAINTEXT,TWO:PLAINTEXT,CONTROLLER:PLAINTEXT"),
    ]);
    let mut f = Followed::by(major, "kafka_cut", &format!("127.0.0.1:{}", to_capture.port()), "").await;
    f.apply.term();
    f.apply.wait(walk::SOON).await;
    let by_two = walk::rules(&f.db.name, &format!("127.0.0.1:{}", to_apply.port()));
    let applies = crate::sluice::Sluice::between(&f.db, &by_two);
    f.apply = applies.spawn(&["apply"]);
    f.shows().await;
    let traffic = f.traffic();
    for turn in 0..8 {
        let proxy = if turn % 2 == 0 { &to_capture } else { &to_apply };
        assert!(proxy.connections() > 0, "nobody comes by it");
        tokio::time::sleep(Duration::from_millis(rng.u64(100..500))).await;
        match turn / 2 {
            0 => proxy.cut(),
            1 => {
                proxy.refuse(true);
                proxy.cut();
                tokio::time::sleep(Duration::from_millis(rng.u64(300..1500))).await;
                proxy.refuse(false);
            }
            2 => {
                proxy.stall();
                tokio::time::sleep(Duration::from_millis(rng.u64(500..1500))).await;
                proxy.flow();
            }
            _ => {
                // what was on its way is lost with it, and nobody hears whether it came
                proxy.stall();
                tokio::time::sleep(Duration::from_millis(rng.u64(100..300))).await;
                proxy.cut();
                proxy.flow();
            }
        }
        if turn % 4 == 3 {
            f.shows().await;
        }
    }
    assert!(traffic.end().await > 20);
    walk::run(&f.s, walk::CHANGES).await;
    f.ends_equal().await;
}
