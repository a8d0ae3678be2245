//! Are those there who are to be told? Their names are looked up; nothing is sent, unless somebody asks for it (`check --notify`).

use std::time::Duration;

use tokio::net::lookup_host;

use super::report::{Area, Mend, Report};
use crate::config::Config;
use crate::notify;

/// A name may take so long to be found.
const PATIENCE: Duration = Duration::from_secs(5);

/// Has each of them an address? What the machine cannot resolve a proxy may: a warning.
pub async fn found(report: &mut Report, config: &Config) {
    for told in &config.notify.receivers {
        let (host, port) = told.url.host();
        let found = tokio::time::timeout(PATIENCE, lookup_host((host.as_str(), port))).await;
        if found.is_ok_and(|found| found.is_ok_and(|mut all| all.next().is_some())) {
            report.ok(Area::Configuration, &told.name, "its host has an address; --notify sends it a test");
        } else {
            // the name is not shown: it is part of what is secret
            let mend = Mend::hand("correct its URL; or, where only a proxy finds it, set HTTPS_PROXY");
            report.warn(Area::Configuration, &told.name, "its host has no address here", Some(mend));
        }
    }
}

/// Has each of them taken a test?
pub async fn heard(report: &mut Report, config: &Config) {
    for (name, done) in notify::test(config).await {
        match done {
            Ok(()) => report.ok(Area::Configuration, &name, "it has taken a test"),
            Err(why) => {
                let mend = Mend::hand("correct its URL, or look at the receiver");
                report.fail(Area::Configuration, &name, format!("it has not taken a test: {why}"), Some(mend));
            }
        }
    }
}
