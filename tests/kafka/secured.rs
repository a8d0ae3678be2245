//! A broker that lets in only whom it knows, and that only to what he may: each way of proving oneself, with the rights that docs/kafka.md lists and
//! no others. Who is not let in hears what is wrong and what mends it, and no word of what he tried it with.
#![allow(clippy::disallowed_methods, reason = "a test may block its own thread")]

mod acls;

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use self::acls::{May, Of, allow};
use super::client::create_topic;
use super::followed::{ENDS, says};
use super::walk;
use crate::servers::{Authority, Broker, Db, Pair, scratch_dir};
use crate::shapes::flow::number;
use crate::sluice::{Running, Sluice};

eighteen!(plain, scram_256, scram_512, bearer, certificates, who_is_not_let_in, what_one_may_not_do);

/// Of those that are let in by one.
const PASSWORD: &str = "pencil-of-kafka";

struct Secured {
    broker: Broker,
    files: PathBuf,
}

impl Secured {
    fn file(&self, name: &str) -> String {
        self.files.join(name).display().to_string()
    }
}

/// Everybody who may come in by a password.
const USERS: &[&str] = &["capture", "apply", "stranger", "sender", "reader"];

/// One for all tests of this file. Who comes by its plain listener may do anything.
fn secured() -> &'static Secured {
    static SECURED: OnceLock<Secured> = OnceLock::new();
    SECURED.get_or_init(|| {
        let files = scratch_dir("kafka-tls");
        let (ca, other) = (Authority::new("sluice test CA"), Authority::new("another CA"));
        let (certificate, key) = ca.server(&["127.0.0.1"]);
        let (capture, apply) = (ca.client("capture"), ca.client("apply"));
        for (name, text) in [
            ("server.pem", &format!("{key}{certificate}")),
            ("ca.pem", &ca.pem),
            ("other-ca.pem", &other.pem),
            ("capture.pem", &capture.0),
            ("capture.key", &capture.1),
            ("apply.pem", &apply.0),
            ("apply.key", &apply.1),
        ] {
            fs::write(files.join(name), text).expect("write a file of the broker's");
        }
        let scram = |user: &&str| {
            ["SCRAM-SHA-256", "SCRAM-SHA-512"].map(|kind| format!("{kind}=[name={user},password={PASSWORD}]"))
        };
        let users: Vec<String> = USERS.iter().flat_map(scram).collect();
        let plain: String = USERS.iter().map(|user| format!(" user_{user}=\"{PASSWORD}\"")).collect();
        let module = "org.apache.kafka.common.security";
        let at = |name: &str| files.join(name).display().to_string();
        let broker = Broker::listening(
            &[("SECURE", "SASL_SSL"), ("MUTUAL", "SSL")],
            &users,
            &[
                ("ssl.keystore.type", "PEM"),
                ("ssl.keystore.location", &at("server.pem")),
                ("ssl.truststore.type", "PEM"),
                ("ssl.truststore.location", &at("ca.pem")),
                ("listener.name.mutual.ssl.client.auth", "required"),
                ("sasl.enabled.mechanisms", "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER"),
                (
                    "listener.name.secure.plain.sasl.jaas.config",
                    &format!("{module}.plain.PlainLoginModule required{plain};"),
                ),
                (
                    "listener.name.secure.scram-sha-256.sasl.jaas.config",
                    &format!("{module}.scram.ScramLoginModule required;"),
                ),
                (
                    "listener.name.secure.scram-sha-512.sasl.jaas.config",
                    &format!("{module}.scram.ScramLoginModule required;"),
                ),
                (
                    "listener.name.secure.oauthbearer.sasl.jaas.config",
                    &format!("{module}.oauthbearer.OAuthBearerLoginModule required;"),
                ),
                ("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
                ("super.users", "User:ANONYMOUS"),
                ("allow.everyone.if.no.acl.found", "false"),
            ],
        );
        Secured { broker, files }
    })
}

/// How one proves who one is: `kafka.properties`, where `$USER` is who.
struct Way {
    listener: &'static str,
    properties: String,
    /// What the broker calls him.
    called: &'static str,
}

fn sasl(mechanism: &str, more: &str) -> Way {
    let ca = secured().file("ca.pem");
    let properties =
        format!("security.protocol: SASL_SSL, ssl.ca.location: \"{ca}\", sasl.mechanism: {mechanism}, {more}");
    Way { listener: "SECURE", properties, called: "" }
}

fn password(mechanism: &str) -> Way {
    sasl(mechanism, "sasl.username: $USER, sasl.password: \"${KAFKA_PASSWORD}\"")
}

/// One half as that user.
fn half(db: &Db, topic: &str, way: &Way, user: &str) -> Sluice {
    let rules = walk::rules(topic, &secured().broker.addr_of(way.listener));
    let properties = way.properties.replace("$USER", user);
    let topic = format!("topic: {topic}");
    let rules = rules.replace(&topic, &format!("{topic}, properties: {{ {properties} }}"));
    Sluice::between(db, &rules).env("KAFKA_PASSWORD", PASSWORD)
}

const ALL: &[May] = &[May::Read, May::Write, May::Describe, May::DescribeConfigs];

/// What docs/kafka.md says that a capture has to be allowed; with `Create` it makes the topics itself.
fn captures(user: &str, topic: &str, creates: bool) {
    let broker = &secured().broker;
    for of in ["", ".requests", ".state"] {
        allow(broker, user, &[(Of::Topic, &format!("{topic}{of}"), ALL)]);
        if creates {
            allow(broker, user, &[(Of::Topic, &format!("{topic}{of}"), &[May::Create])]);
        }
    }
    for id in [topic, &format!("{topic}/2")] {
        allow(broker, user, &[(Of::TransactionalId, id, &[May::Write, May::Describe])]);
    }
}

/// The same of an apply.
fn applies(user: &str, topic: &str) {
    allow(
        &secured().broker,
        user,
        &[
            (Of::Topic, topic, &[May::Read, May::Describe]),
            (Of::Topic, &format!("{topic}.state"), &[May::Read, May::Describe]),
            (Of::Topic, &format!("{topic}.requests"), &[May::Write, May::Describe]),
            (Of::TransactionalId, &format!("{topic}.*"), &[May::Write, May::Describe]),
        ],
    );
}

/// Makes the three topics as docs/kafka.md has them.
async fn by_hand(topic: &str) {
    let broker = &secured().broker;
    let large = ("max.message.bytes", "8388608");
    create_topic(broker, topic, &[("cleanup.policy", "delete"), large]).await;
    create_topic(broker, &format!("{topic}.requests"), &[("cleanup.policy", "delete")]).await;
    create_topic(broker, &format!("{topic}.state"), &[("cleanup.policy", "compact"), large]).await;
}

/// Copied, followed, joined anew, by two users that have their rights and no more.
async fn lets_in(major: u32, name: &str, way: &Way, creates: bool) {
    let (db, s, t) = walk::shop(major, name).await;
    let topic = &db.name;
    captures(&format!("{}capture", way.called), topic, creates);
    applies(&format!("{}apply", way.called), topic);
    if !creates {
        by_hand(topic).await;
    }
    let mut capture = half(&db, topic, way, "capture").spawn(&["capture"]);
    says(&capture, "INFO running").await;
    let applies = half(&db, topic, way, "apply");
    let mut apply = applies.spawn(&["apply"]);
    says(&apply, "INFO running").await;
    walk::shows(&s, &t, 20_001, &[&capture, &apply]).await;
    walk::run(&s, walk::CHANGES).await;
    apply.kill9();
    let before = apply.log();
    apply = applies.spawn(&["apply"]);
    walk::shows(&s, &t, 20_002, &[&capture, &apply]).await;
    walk::equal(&s, &t).await;
    for half in [&mut capture, &mut apply] {
        half.term();
        assert!(half.wait(ENDS).await.success(), "{}", half.log());
    }
    for log in [before, capture.log(), apply.log()] {
        assert!(!log.contains(PASSWORD), "{log}");
        assert!(!log.contains("trying again") && !log.contains("could not be asked"), "{log}");
    }
}

async fn plain(major: u32) {
    lets_in(major, "kafka_plain", &password("PLAIN"), true).await;
}

async fn scram_256(major: u32) {
    lets_in(major, "kafka_scram_256", &password("SCRAM-SHA-256"), false).await;
}

async fn scram_512(major: u32) {
    lets_in(major, "kafka_scram_512", &password("SCRAM-SHA-512"), true).await;
}

/// The token is nobody's word but ours: what a broker of a test takes.
async fn bearer(major: u32) {
    let token = "enable.sasl.oauthbearer.unsecure.jwt: true, sasl.oauthbearer.config: \"principal=$USER\"";
    lets_in(major, "kafka_bearer", &sasl("OAUTHBEARER", token), true).await;
}

async fn certificates(major: u32) {
    let files = &secured().files.display();
    let properties = format!(
        "security.protocol: ssl, ssl.ca.location: \"{files}/ca.pem\", ssl.certificate.location: \"{files}/$USER.pem\", ssl.key.location: \"{files}/$USER.key\""
    );
    lets_in(major, "kafka_certificates", &Way { listener: "MUTUAL", properties, called: "CN=" }, true).await;
}

/// Ends at once with what is wrong and what mends it; without `--exit-on-stop` it holds and says the same.
async fn denied(sluice: &Sluice, verb: &str, words: &[&str]) {
    let once = sluice.run(&[verb, "--exit-on-stop"]).await;
    eprintln!("{verb}: {}", once.stderr.lines().last().unwrap_or_default());
    let held = sluice.spawn(&[verb]);
    says(&held, "ERROR held").await;
    assert_eq!(once.code, 4, "{}", once.stderr);
    for said in [once.stderr, held.log()] {
        for words in words {
            assert!(said.contains(words), "it does not say {words:?}:\n{said}");
        }
        assert!(!said.contains(PASSWORD) && !said.contains("s3cret"), "{said}");
    }
}

async fn who_is_not_let_in(major: u32) {
    let db = Pair::get(major).create_db(&format!("kafka_denied_{major}")).await;
    db.on_both(walk::SCHEMA).await;
    let topic = &db.name;
    captures("capture", topic, true);
    let credentials = "kafka.properties has the credentials";
    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
        let wrong = half(&db, topic, &password(mechanism), "capture").env("KAFKA_PASSWORD", "s3cret-of-another");
        for verb in [&["capture", "apply", "run"][..], &["capture"]][usize::from(mechanism != "PLAIN")] {
            denied(&wrong, verb, &["Authentication", credentials]).await;
        }
    }
    let trusts = "ssl.ca.location";
    let mut way = password("PLAIN");
    way.properties = way.properties.replace("ca.pem", "other-ca.pem");
    denied(&half(&db, topic, &way, "capture"), "capture", &["SSL", trusts]).await;
    denied(&half(&db, topic, &way, "apply"), "apply", &["SSL", trusts]).await;
}

/// Rights that are missing, one after the other, of a capture and of an apply.
async fn what_one_may_not_do(major: u32) {
    let (db, s, t) = walk::shop(major, "kafka_rights").await;
    let (topic, way) = (&db.name, &password("SCRAM-SHA-256"));
    let hint = "docs/kafka.md lists what they must be allowed to do";
    let broker = &secured().broker;
    let sends = half(&db, topic, way, "sender");
    denied(&sends, "capture", &["Topic authorization failed", topic, hint]).await;
    let state = format!("{topic}.state");
    let requests = format!("{topic}.requests");
    by_hand(topic).await;
    let rights = [&[May::Describe][..], &[May::DescribeConfigs]];
    for may in rights {
        denied(&sends, "capture", &["authorization failed", topic, hint]).await;
        for name in [topic, &state, &requests] {
            allow(broker, "sender", &[(Of::Topic, name, may)]);
        }
    }
    // of a state that is empty nothing is read
    for name in [topic, &state, &requests] {
        allow(broker, "sender", &[(Of::Topic, name, &[May::Read])]);
    }
    for id in [&format!("{topic}/2"), topic] {
        denied(
            &sends,
            "capture",
            &[&format!("open the producer {id}: "), "Transactional Id authorization failed", hint],
        )
        .await;
        allow(broker, "sender", &[(Of::TransactionalId, id, &[May::Describe, May::Write])]);
    }
    denied(&sends, "capture", &["Topic authorization failed", hint]).await;
    for name in [topic, &state] {
        allow(broker, "sender", &[(Of::Topic, name, &[May::Write])]);
    }
    let capture = sends.spawn(&["capture"]);
    says(&capture, "INFO running").await;

    let reads = half(&db, topic, way, "reader");
    denied(&reads, "apply", &["Topic authorization failed", hint]).await;
    allow(broker, "reader", &[(Of::Topic, &state, &[May::Read, May::Describe])]);
    denied(&reads, "apply", &["Topic authorization failed", topic, hint]).await;
    allow(broker, "reader", &[(Of::Topic, topic, &[May::Describe])]);
    denied(&reads, "apply", &["Topic authorization failed", topic, hint]).await;
    allow(broker, "reader", &[(Of::Topic, topic, &[May::Read])]);
    // it may follow and may not ask: that is told, and it goes on to try
    let mut apply: Running = reads.spawn(&["apply"]);
    says(&apply, "what is pending could not be asked for").await;
    assert!(apply.log().contains(hint) && !apply.log().contains(PASSWORD), "{}", apply.log());
    assert!(number(&t, "SELECT count(*) FROM sluice.pending").await > 0);
    applies("reader", topic);
    walk::shows(&s, &t, 20_003, &[&capture, &apply]).await;
    walk::equal(&s, &t).await;
    apply.term();
    assert!(apply.wait(Duration::from_secs(20)).await.success(), "{}", apply.log());
}
