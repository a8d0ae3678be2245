//! Real servers for the tests: started in under half a second, broken on purpose, gone afterwards.
//!
//! - [`Cluster`]: one server of its own, for a test that crashes or restarts it.
//! - [`Pair`]: a source and a target shared by many tests, each with a database of its own.
//! - [`Broker`]: one Kafka, for a test that breaks it; [`Broker::shared`] for those that do not; [`Brokers`]: three that are one.
//! - [`Disk`]: a server's disk that is full when it is wanted so.
//! - [`Proxy`]: a TCP connection that can be cut, stalled, delayed or robbed of an answer.
//! - [`Authority`]: certificates, good and bad.
//!
//! A test is written once and runs on both majors: `majors!(name)` over `async fn name(major: u32)`.
#![allow(clippy::disallowed_methods, reason = "a test may block its own thread")]
#![allow(dead_code, unused_imports, reason = "a harness offers more than the tests of any one day use")]

mod authority;
mod binaries;
mod broker;
mod cluster;
mod disk;
mod pair;
mod process;
mod proxy;
mod scratch;
mod template;
mod wait;

pub use authority::Authority;
pub use broker::{Broker, Brokers};
pub use cluster::{Builder, Cluster, Saved, client};
pub use disk::Disk;
pub use pair::{Db, Pair};
pub use process::{Spawned, spawn_bound};
pub use proxy::Proxy;
pub use scratch::scratch_dir;
pub use wait::{test_limit, wait_until, within};

/// The oldest and the newest major that sluice is tested with.
pub const MAJORS: [u32; 2] = [15, 18];

/// Runs each named `async fn(major: u32)` on both majors, each with a time limit: `on_15::name`, `on_18::name`.
macro_rules! majors {
    ($($name:ident),+ $(,)?) => {
        mod on_15 { $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { crate::servers::within(crate::servers::test_limit(), super::$name(15)).await })+ }
        mod on_18 { $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { crate::servers::within(crate::servers::test_limit(), super::$name(18)).await })+ }
    };
}
