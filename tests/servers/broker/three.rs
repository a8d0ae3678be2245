//! Three brokers that are one Kafka: each has a copy of everything, and what is acknowledged is on two of them.
//!
//! Any one of them may be killed and the two others go on; of two that are killed the third hears nothing, since two must vote.

use std::fs;

use super::java::{self, Archive};
use super::{Broker, free_port};
use crate::servers::template::copy;

/// Instead of those of one that is alone.
const SETTINGS: &[(&str, &str)] = &[
    ("offsets.topic.replication.factor", "3"),
    ("transaction.state.log.replication.factor", "3"),
    ("transaction.state.log.min.isr", "2"),
    ("min.insync.replicas", "2"),
    // who was killed, or does nothing, is not waited for
    ("replica.lag.time.max.ms", "3000"),
    ("controller.quorum.election.timeout.ms", "500"),
    ("controller.quorum.fetch.timeout.ms", "1500"),
];

/// Three running brokers, with the numbers 1 to 3. Dropping them kills them.
#[derive(Debug)]
pub struct Brokers {
    nodes: Vec<Broker>,
}

impl Brokers {
    /// A new cluster without a topic; settings win over the harness'.
    pub fn start(settings: &[(&str, &str)]) -> Brokers {
        let settings = [SETTINGS, settings].concat();
        let quorum: Vec<u16> = (0..3).map(|_| free_port()).collect();
        let nodes = (1..=3).map(|node| {
            let mut broker = Broker::stopped(&settings);
            (broker.node, broker.quorum) = (node, Some(quorum.clone()));
            copy(&java::prepared().data, &broker.log_dir());
            number(&broker);
            broker.configure();
            broker
        });
        let mut brokers = Brokers { nodes: nodes.collect() };
        brokers.start_again(&[1, 2, 3]);
        brokers
    }

    /// The addresses of all.
    pub fn addr(&self) -> String {
        self.nodes.iter().map(Broker::addr).collect::<Vec<_>>().join(",")
    }

    /// The one of that number.
    pub fn node(&mut self, number: i32) -> &mut Broker {
        &mut self.nodes[number as usize - 1]
    }

    /// Starts those that were killed, at the same time: alone none of them might come up.
    pub fn start_again(&mut self, numbers: &[i32]) {
        let classes = &java::prepared().classes;
        let starting: Vec<_> = numbers
            .iter()
            .map(|&number| (number, self.node(number).spawn(Archive::Read(classes)).expect("start java")))
            .collect();
        for (number, starting) in starting {
            let broker = self.node(number);
            broker.ready(starting).unwrap_or_else(|why| panic!("broker {number}: {why}\n{}", broker.tail()));
        }
    }
}

/// The directory of this one: of a cluster there are no two with one id.
fn number(broker: &Broker) {
    let path = broker.log_dir().join("meta.properties");
    let is_kept = |line: &&str| !line.starts_with("node.id=") && !line.starts_with("directory.id=");
    let meta = fs::read_to_string(&path).expect("a formatted directory");
    let mut lines: Vec<String> = meta.lines().filter(is_kept).map(str::to_owned).collect();
    // 16 bytes in base64: the last letter has two bits
    let id: String = (0..21).map(|_| fastrand::alphanumeric()).chain(['A']).collect();
    lines.push(format!("node.id={}", broker.node));
    lines.push(format!("directory.id={id}"));
    fs::write(path, lines.join("\n") + "\n").expect("write meta.properties");
}
