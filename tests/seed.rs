//! Random runs that can be repeated: fixed seeds by default, `SEED=` for any other, printed when a test fails.
#![allow(dead_code, reason = "a harness offers more than the tests of any one day use")]

/// The seed of one test; says how to repeat it when the test panics.
#[derive(Debug)]
pub struct Seed(u64);

impl Seed {
    /// `SEED` of the environment, else `usual`.
    pub fn or(usual: u64) -> Seed {
        Seed(match std::env::var("SEED") {
            Ok(seed) => seed.parse().unwrap_or_else(|_| panic!("SEED={seed} is not a number")),
            Err(_) => usual,
        })
    }

    /// A generator. `stream` tells apart several in one test, so that they do not depend on each other's progress.
    pub fn rng(&self, stream: u64) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.0.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(stream))
    }
}

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let test = std::thread::current().name().unwrap_or("").to_owned();
            eprintln!("to repeat: SEED={} cargo test --test it -- --exact {test}", self.0);
        }
    }
}
