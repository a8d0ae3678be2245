//! What is read is what was meant.

use std::time::Duration;

use filters::mask::MaskSpec;
use filters::policy::Class;
use filters::predicate::Predicate;
use proptest::prelude::*;

use super::super::effective::quote;
use super::super::{Config, Ddl, OnDivergence, OnError, Rest, Rule, SlotWalLimit, Tls};
use super::{KEY, LEAST, env, parse, with};
use sink_postgres::guard::OnReferenced;

fn config(yaml: &str) -> Config {
    parse(&with(yaml)).unwrap_or_else(|e| panic!("{yaml}\n{e}"))
}

#[test]
fn where_nothing_is_said_the_defaults_hold() {
    let c = parse(LEAST).unwrap();
    assert_eq!((c.slot(), c.publication_inserts()), ("sluice_shop".into(), "sluice_shop_inserts".into()));
    assert_eq!(c.apply.on_divergence, OnDivergence::Heal);
    assert_eq!((c.apply.on_error, c.apply.max_quarantined), (OnError::Stop, 100));
    assert_eq!(c.apply.ddl, Ddl::Off);
    assert_eq!((c.copy.slice, c.copy.readers, c.copy.chunk_rows), (Duration::from_secs(30), 2, 50_000));
    assert_eq!((c.limits.memory, c.limits.logical_decoding_work_mem), (96 << 20, 64 << 20));
    assert_eq!((c.limits.wal_warn, c.limits.lag), (4 << 30, Duration::from_secs(60)));
    assert_eq!(c.limits.max_slot_wal_keep_size, SlotWalLimit::Required);
    assert_eq!(c.serve.listen, None);
    assert!(c.buffer.is_none());
    assert!(c.masking.key.is_none() && c.protect.is_empty() && c.never_write.is_empty());
    assert!(c.source.tls == Tls::Verified && c.source.environment_from.is_none());
}

#[test]
fn every_key_means_what_it_says() {
    let c = config(
        "source:
  url: \"${URL}\"
  primary_url: postgres://u:hunter2@primary/shop
  environment: production
  environment_from: { table: public.meta, column: value, where: key = 'environment' }
  tls: unverified
never_write: [\"*.prod.example.com\", 10.1.0.0/16, db:5433/shop]
masking:
  key: ${KEY:?a key}
  domains: { ref: { mask: digits, keep_prefix: 2, keep_suffix: 1 }, mail: { mask: email, keep_domain: true } }
tables:
  public.c:
    optional: true
    rest: withhold
    columns:
      a: keep
      b: drop
      c: ref
      d: null
      e: { mask: constant, value: \"x: $${y}\" }
      f: { mask: hash, length: 12 }
      g: { mask: phone, keep_country: true }
      h: uuid
      i: name
  \"public.ref_*\": keep
  public.s: structure
  public.x: exclude
protect: { tables: [public.users, \"audit.*\"], on_referenced: { public.users: null, \"audit.*\": remove } }
apply: { on_error: quarantine, max_quarantined: 7, on_divergence: stop, ddl: additive }
copy: { slice: 500ms, readers: 4, chunk_rows: 1000 }
limits: { memory: 128MB, logical_decoding_work_mem: 1 GB, wal: { warn: 8GB }, lag: 5m, max_slot_wal_keep_size: ignore }
serve: { listen: \"127.0.0.1:9847\" }
"
        .replace("500ms", "1500ms")
        .as_str(),
    );
    assert_eq!(c.source.url.expose(), "postgres://u:hunter2@prod/shop");
    let primary = c.source.primary.as_ref().map(|url| url.expose());
    assert_eq!(primary, Some("postgres://u:hunter2@primary/shop"));
    assert_eq!(c.source.environment.as_deref(), Some("production"));
    let from = c.source.environment_from.as_ref().unwrap();
    assert_eq!((&from.table, from.column.as_str()), (&("public".to_owned(), "meta".to_owned()), "value"));
    assert_eq!(from.only.as_ref().map(Predicate::sql).as_deref(), Some("(\"key\" = 'environment')"));
    assert_eq!((c.source.tls, c.target.tls), (Tls::Unverified, Tls::Verified));
    let never: Vec<String> = c.never_write.iter().map(ToString::to_string).collect();
    assert_eq!(never, ["*.prod.example.com", "10.1.0.0/16", "db:5433/shop"]);
    let mask = |spec: MaskSpec, domain: Option<&str>| Class::Mask { spec, domain: domain.map(str::to_owned) };
    let reference = MaskSpec::of("digits", &[("keep_prefix", 2.into()), ("keep_suffix", 1.into())]);
    assert_eq!(c.masking.domains["mail"], MaskSpec::of("email", &[("keep_domain", true.into())]));
    let Rule::Copy { columns, rest: Rest::Withhold, .. } = &c.tables[0].rule else { panic!() };
    let expected = [
        ("a", Class::Keep),
        ("b", Class::Drop),
        ("c", mask(reference, Some("ref"))),
        ("d", mask(MaskSpec::of("null", &[]), None)),
        ("e", mask(MaskSpec::of("constant", &[("value", "x: ${y}".into())]), None)),
        ("f", mask(MaskSpec::of("hash", &[("length", 12.into())]), None)),
        ("g", mask(MaskSpec::of("phone", &[("keep_country", true.into())]), None)),
        ("h", mask(MaskSpec::of("uuid", &[]), None)),
        ("i", mask(MaskSpec::of("name", &[]), None)),
    ];
    assert_eq!(columns.iter().map(|(n, c)| (n.as_str(), c.clone())).collect::<Vec<_>>(), expected);
    assert!(c.tables[0].optional);
    assert!(c.tables[1].pattern.matches("public", "ref_ports") && c.tables[1].pattern.exact().is_none());
    assert_eq!((&c.tables[2].rule, &c.tables[3].rule), (&Rule::Structure, &Rule::Exclude));
    assert!(c.is_protected("public", "users") && c.is_protected("audit", "log") && !c.is_protected("public", "c"));
    assert_eq!(c.on_referenced.of("public", "users"), OnReferenced::Null, "the word, not an empty value");
    assert_eq!(c.on_referenced.of("audit", "log"), OnReferenced::Remove);
    assert_eq!(c.on_referenced.of("public", "c"), OnReferenced::Keep);
    assert_eq!(c.apply.on_divergence, OnDivergence::Stop);
    assert_eq!((c.apply.on_error, c.apply.max_quarantined), (OnError::Quarantine, 7));
    assert_eq!(c.apply.ddl, Ddl::Additive);
    assert_eq!((c.copy.slice, c.copy.readers, c.copy.chunk_rows), (Duration::from_millis(1500), 4, 1000));
    assert_eq!((c.limits.memory, c.limits.logical_decoding_work_mem, c.limits.wal_warn), (128 << 20, 1 << 30, 8 << 30));
    assert_eq!((c.limits.lag, c.limits.max_slot_wal_keep_size), (Duration::from_secs(300), SlotWalLimit::Ignore));
    assert_eq!(c.serve.listen.unwrap().port(), 9847);
}

#[test]
fn every_unit_counts_as_postgresql_counts_it() {
    let memory = |text: &str| config(&format!("limits: {{ memory: {text} }}")).limits.memory;
    for text in ["16777216B", "16384kB", "16384 KB", "16384KiB", "16MB", "16 MiB"] {
        assert_eq!(memory(text), 16 << 20, "{text}");
    }
    assert_eq!(["1GB", "1GiB", "1TB", "1TiB"].map(memory), [1 << 30, 1 << 30, 1 << 40, 1 << 40]);
    let lag = |text: &str| config(&format!("limits: {{ lag: {text} }}")).limits.lag.as_millis();
    assert_eq!(
        ["250ms", "2s", "3m", "3 min", "4h", "5d"].map(lag),
        [250, 2000, 180_000, 180_000, 14_400_000, 432_000_000]
    );
}

#[test]
fn a_variable_can_say_nothing_but_a_value() {
    let c = config("source: { url: \"${TRICKY}\" }");
    assert_eq!(c.source.url.expose(), "a: b\n\"c\"#${KEY}");
    let c = config("source: { url: \"${NONE:-postgres://x}/${EMPTY:-y}$${z}$\" }");
    assert_eq!(c.source.url.expose(), "postgres://x/y${z}$");
}

#[test]
fn a_key_is_the_same_key_however_it_is_written() {
    let id = |key: &str| config(&format!("masking: {{ key: \"{key}\" }}")).masking.key.unwrap().id();
    let hex: String = (0..32).map(|b| format!("{b:02x}")).collect();
    assert_eq!(id(KEY), id(&hex));
    assert_eq!(id(KEY), id(KEY.trim_end_matches('=')));
    assert_eq!(
        id("+/+/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
        id("-_-_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
    );
    assert_ne!(id(KEY), id("correct horse battery staple, and more"));
}

/// One secret, a key for each environment; the name may be said for the key alone, or taken away.
#[test]
fn each_environment_has_its_own_key() {
    let masking = |target: &str, masking: &str| {
        let yaml = format!("target: {{ url: \"y\"{target} }}\nmasking: {{ key: \"${{KEY}}\"{masking} }}");
        config(&yaml).masking
    };
    let id = |target: &str, more: &str| masking(target, more).key.unwrap().id();
    let (none, staging, dev) = (id("", ""), id(", environment: staging", ""), id(", environment: dev", ""));
    assert!(none != staging && staging != dev && dev != none);
    assert_eq!(id(", environment: dev", ", environment: staging"), staging, "dev joins with staging");
    assert_eq!(id(", environment: dev", ", environment: ''"), none);
    assert_eq!(id("", ", environment: dev"), dev);
    let said = masking(", environment: dev", ", environment: staging");
    assert_eq!((said.environment.as_deref(), said.bare), (Some("staging"), Some(none)));
}

#[test]
fn no_secret_is_printed() {
    let c = config("source: { url: \"${URL}\", primary_url: \"${URL}&x\" }\nmasking: { key: \"${KEY}\" }");
    for text in [format!("{c:?}"), format!("{c:#?}"), c.effective()] {
        assert!(!text.contains("hunter2") && !text.contains(KEY) && !text.contains("reader@"), "{text}");
    }
    assert!(
        c.effective().contains("primary_url: \"***\"")
            && c.effective().contains("  url: \"***\"")
            && c.effective().contains("key: \"***\"")
    );
}

#[test]
fn the_effective_configuration_reads_as_the_same_configuration() {
    let c = config(
        "masking: { key: \"${KEY}\", environment: '', domains: { ref: { mask: digits, keep_prefix: 2 } } }
tables:
  public.c: { optional: true, columns: { a: ref, \"b c\": { mask: constant, value: \"${KEY}$${x}\\\"\\n\" } } }
  '\"my.schema\".\"t*\"': { rest: withhold, columns: { a: null } }
  \"public.ref_*\": keep
  public.s: structure
protect: { tables: [\"audit.*\"] }
copy: { slice: 1500ms }
serve: { listen: \"[::1]:9847\" }",
    );
    let text = c.effective();
    // only the secrets are gone
    let mut readable = text.replacen("\"***\"", "x", 1).replacen("\"***\"", "y", 1);
    readable = readable.replacen("\"***\"", "\"${KEY}\"", 1);
    let again = Config::parse(&readable, &env).unwrap_or_else(|e| panic!("{text}\n{e}"));
    assert_eq!(again.effective(), text);
    assert_eq!(
        again.tables.iter().map(|t| (&t.pattern, &t.rule, t.optional)).collect::<Vec<_>>(),
        c.tables.iter().map(|t| (&t.pattern, &t.rule, t.optional)).collect::<Vec<_>>()
    );
}

#[test]
fn who_is_told_is_shown_without_his_secrets() {
    let hook = "https://hooks.slack.com/services/T0/B0/hunter2";
    let yaml = format!(
        "notify: {{ slack: \"{hook}\", webhooks: [{{ url: \"http://in.cluster:81/x?token=hunter2\", secret: hunter2hunter2hunter2hunter2, events: [held, wal] }}], repeat: 10m }}\naudit: {{ file: a.jsonl }}"
    );
    let c = config(&yaml);
    let [slack, webhook] = c.notify.receivers.as_slice() else { panic!("{:?}", c.notify) };
    assert!(slack.slack && slack.events.is_empty() && slack.key.is_none());
    assert_eq!((slack.name.as_str(), webhook.name.as_str()), ("notify.slack", "notify.webhooks[0]"));
    assert_eq!(webhook.url.host(), ("in.cluster".to_owned(), 81));
    let shown = c.effective();
    let expected = "notify:
  slack: { url: \"***\" }
  webhooks:
    - { url: \"***\", secret: \"***\", events: [held, wal] }
  repeat: 10m
audit:
  file: a.jsonl
";
    assert!(shown.contains(expected), "{shown}");
    assert!(!shown.contains("hunter2") && !format!("{c:?}").contains("hunter2"));
    // of an environment that has none
    let c = config("notify: { slack: \"${EMPTY}\", webhooks: [{ url: \"${NONE:-}\", secret: \"${NONE:-}\" }] }");
    assert!(c.notify.receivers.is_empty() && !c.effective().contains("notify"));
    let here = config("notify: { slack: \"http://127.0.0.1:1/x\" }");
    assert_eq!(here.notify.receivers.len(), 1);
}

#[test]
#[cfg(feature = "kafka")]
fn a_buffer_has_a_topic_of_the_pipelines_name() {
    let buffer = |yaml: &str| config(&format!("pipeline: a_1\nbuffer: {{ kafka: {{ {yaml} }} }}")).buffer.unwrap();
    let least = buffer("brokers: \"k:9092\"");
    assert_eq!((least.brokers.as_str(), least.topic.as_str()), ("k:9092", "sluice.a_1"));
    assert!(least.properties.is_empty());
    assert_eq!(buffer("brokers: \"a-1.b_2:1, [::1]:65535 ,10.0.0.1:3\"").brokers, "a-1.b_2:1,[::1]:65535,10.0.0.1:3");
    assert_eq!(buffer("brokers: \"k:1\", topic: A.b_c-1").topic, "A.b_c-1");
}

#[test]
#[cfg(feature = "kafka")]
fn properties_reach_librdkafka_as_they_are_written() {
    let yaml = "buffer: { kafka: { brokers: \"k:1\", properties:
  { security.protocol: SASL_PLAINTEXT, linger.ms: 0, socket.keepalive.enable: true, sasl.username: \"${URL}\", sasl.password: typed } } }";
    let c = config(yaml);
    let properties: Vec<_> = c.buffer.iter().flat_map(|b| &b.properties).collect();
    let given: Vec<_> = properties.iter().map(|p| (p.name.as_str(), p.value.expose())).collect();
    let expected = [
        ("security.protocol", "SASL_PLAINTEXT"),
        ("linger.ms", "0"),
        ("socket.keepalive.enable", "true"),
        ("sasl.username", "postgres://u:hunter2@prod/shop"),
        ("sasl.password", "typed"),
    ];
    assert_eq!(given, expected);
    let shown = c.effective();
    assert!(!format!("{c:?}{shown}").contains("hunter2") && !format!("{c:?}{shown}").contains("typed"), "{shown}");
    let expected = "buffer:
  kafka:
    brokers: \"k:1\"
    topic: sluice.shop
    properties:
      security.protocol: SASL_PLAINTEXT
      linger.ms: 0
      socket.keepalive.enable: true
      sasl.username: \"***\"
      sasl.password: \"***\"
";
    assert!(shown.contains(expected), "{shown}");
    let readable = shown.replacen("\"***\"", "x", 1).replacen("\"***\"", "y", 1);
    assert_eq!(Config::parse(&readable, &env).unwrap().effective(), shown);
}

proptest! {
    #[test]
    fn what_is_quoted_reads_as_itself(text in "\\PC*|[ -~\n\t\r\u{0}\u{85}\u{2028}]*") {
        let yaml = with(&format!("tables:\n  public.c: {{ columns: {{ a: {{ mask: constant, value: {} }} }} }}", quote(&text)));
        let config = parse(&yaml).unwrap();
        let Rule::Copy { columns, .. } = &config.tables[0].rule else { unreachable!() };
        prop_assert_eq!(&columns["a"], &Class::Mask { spec: MaskSpec::of("constant", &[("value", text.as_str().into())]), domain: None });
    }

    #[test]
    fn no_text_makes_a_panic(tokens in prop::collection::vec(prop::sample::select(TOKENS), 0..30), text in "\\PC*") {
        let _ = parse(&tokens.concat());
        let _ = parse(&text);
        let _ = parse(&with(&format!("tables: {{ public.a: {{ columns: {{ a: {} }} }} }}", tokens.concat())));
    }
}

/// What YAML and this file are made of.
const TOKENS: &[&str] = &[
    "\n",
    "\n  ",
    "\n    ",
    " ",
    ": ",
    "- ",
    "? ",
    "*a",
    "&a ",
    "!t ",
    "{",
    "}",
    "[",
    "]",
    ", ",
    "\"",
    "'",
    "|",
    ">",
    "#",
    "<<: ",
    "~",
    "---\n",
    "%YAML 1.2\n",
    "${",
    "${KEY}",
    "${:?",
    "$${",
    "}",
    "tables",
    "public.a",
    "\"public\".\"*\"",
    "columns",
    "mask",
    "constant",
    "digits",
    "keep_prefix",
    "limits",
    "memory",
    "64MB",
    "99999999999999999999",
    "é",
    "\u{0}",
    "\\x",
    "protect",
    "masking",
    "domains",
    "key",
];

#[test]
fn backups_have_a_key_of_their_own() {
    assert!(config("").backup.is_none());
    let c = config("backup: { directory: /b, key: hunter2hunter2hunter2hunter2hunter2 }");
    assert_eq!(c.backup.as_ref().unwrap().keep.as_secs(), 14 * 86_400);
    let shown = c.effective();
    assert!(shown.contains("backup:\n  directory: \"/b\"\n  key: \"***\"\n  keep: 336h\n"), "{shown}");
    assert!(!format!("{c:?}").contains("hunter2"));
}
