//! The buffer, against a real broker.

/// Runs each named `async fn(major: u32)` where PostgreSQL's major makes no difference: on the newest, with a time limit.
macro_rules! eighteen {
    ($($name:ident),+ $(,)?) => {
        mod on_18 { $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { crate::servers::within(crate::servers::test_limit(), super::$name(18)).await })+ }
    };
}

mod anew;
mod broker;
mod canary;
mod client;
mod clients;
mod cut;
mod ending;
mod followed;
mod foreign;
mod frozen;
mod huge;
mod kills;
mod lost;
mod migrations;
mod outages;
mod own_masks;
pub mod points;
mod secured;
mod seen;
mod sequences;
mod targets;
mod three;
mod told;
mod topics;
mod two;
mod unheard;
mod void;
mod walk;
