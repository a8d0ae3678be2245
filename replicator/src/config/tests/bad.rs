//! A bad value for every key, and what is said of it, word by word.

use std::collections::BTreeSet;

use filters::mask::{KINDS, What};

use super::super::{KEYS, State};
use super::{parse, with};

/// Snippet, and the problems it makes, one a line.
const BAD: &[(&str, &str)] = &[
    // pipeline
    ("pipeline: Shop-1", "pipeline: \"Shop-1\" is not a name (1 to 40 of a-z, 0-9 and _)"),
    ("pipeline:", "pipeline: no value"),
    ("pipeline: [a]", "pipeline: a list, where one value is wanted"),
    ("pipeline: { a: b }", "pipeline: a map, where one value is wanted"),
    ("pipelin: shop", "pipelin: unknown key (did you mean \"pipeline\"?)"),
    // source and target
    ("source:", "source.url: missing"),
    ("source: here", "source: one value or a list, where keys with values are wanted\nsource.url: missing"),
    ("source: { url: \"\" }", "source.url: empty"),
    (
        "source: { url: x, environment: a b }",
        "source.environment: \"a b\" is not a name (1 to 40 of letters, digits, _ and -)",
    ),
    ("source: { url: x, tls: no }", "source.tls: \"no\" is none of verified, unverified"),
    ("target: { url: x, tls: unverified }", "target.tls: unknown key"),
    (
        "source: { url: x, environment_from: { table: public.meta, column: name } }",
        "source.environment_from: says where to look, and nothing what to find there (environment: production)",
    ),
    (
        "source: { url: x, environment: a, environment_from: public.meta }",
        "source.environment_from: one value or a list, where keys with values are wanted",
    ),
    (
        "source: { url: x, environment: a, environment_from: { colum: b } }",
        "source.environment_from.colum: unknown key (did you mean \"column\"?)\n\
         source.environment_from.table: missing\nsource.environment_from.column: missing",
    ),
    (
        "source: { url: x, environment: a, environment_from: { table: \"public.*\", column: \"\" } }",
        "source.environment_from.table: a glob, where one table is wanted\nsource.environment_from.column: empty",
    ),
    (
        "source: { url: x, environment: a, environment_from: { table: meta, column: b, where: now() } }",
        "source.environment_from.table: a table without its schema (public.meta)\n\
         source.environment_from.where: function now(): not in the subset a filter can decide (character 1)",
    ),
    (
        "target: { url: x, environment: a, environment_from: { table: public.cruises, column: [b], where: a = } }",
        "target.environment_from.column: a list, where one value is wanted\n\
         target.environment_from.where: it cannot be read as SQL: Expected: an expression, found: EOF",
    ),
    (
        "target: { url: x, environment: a, environment_from: here }",
        "target.environment_from: one value or a list, where keys with values are wanted",
    ),
    (
        "target: { url: x, environment: a, environment_from: { table: public.cruises, column: b } }",
        "target.environment_from.table: written by tables.public.cruises: it would say what production says \
         (tables.public.cruises: exclude)",
    ),
    ("never_write: prod", "never_write: not a list ([public.users, public.settings])"),
    (
        "never_write: [10.0.0.0/33, \"prod db\", prod-db]",
        "never_write: \"10.0.0.0/33\" is no host (prod-db*, *.prod.example.com:5432, 10.1.0.0/16, db.example.com/shop)\n\
         never_write: \"prod db\" is no host (prod-db*, *.prod.example.com:5432, 10.1.0.0/16, db.example.com/shop)",
    ),
    ("source: { url: x, primary_url: \"\" }", "source.primary_url: empty"),
    (
        "source: { url: x, primary_url: x }",
        "source.primary_url: the same as source.url (only where source.url is a standby; else leave it out)",
    ),
    (
        "source: { url: x, primary_url: y }\ntarget: { url: y }",
        "target.url: the same as source.primary_url (production would be written)",
    ),
    ("target: { url: x, primary_url: y }", "target.primary_url: unknown key"),
    ("source: { url: x, enviroment: y }", "source.enviroment: unknown key (did you mean \"environment\"?)"),
    ("source: { url: \"${NONE}\" }", "source.url: the variable NONE is not set"),
    ("source: { url: \"${NONE:?production}\" }", "source.url: the variable NONE is not set (production)"),
    ("source: { url: \"${EMPTY:?}\" }", "source.url: the variable EMPTY is not set"),
    ("source: { url: \"${EMPTY}\" }", "source.url: empty"),
    ("source: { url: \"${URL\" }", "source.url: a \"${\" without its \"}\" (\"$${\" is a plain \"${\")"),
    ("source: { url: \"${}\" }", "source.url: no name of a variable behind \"${\" (\"$${\" is a plain \"${\")"),
    (
        "source: { url: \"${URL-x}\" }",
        "source.url: cannot read what follows \"${URL\" (${VAR}, ${VAR:-default} or ${VAR:?message})",
    ),
    ("source: { url: x, url: y }", "source.url: named twice, first in line 4"),
    ("target: { environment: staging }", "target.url: missing"),
    ("target: [x]", "target: one value or a list, where keys with values are wanted\ntarget.url: missing"),
    (
        "target: { url: postgres://reader@prod/shop }",
        "target.url: the same as source.url (production would be written)",
    ),
    (
        "source: { url: x, environment: prod }\ntarget: { url: y, environment: prod }",
        "target.environment: the same as source.environment",
    ),
    // masking
    ("masking: email", "masking: one value or a list, where keys with values are wanted"),
    ("masking: { key: short }", "masking.key: fewer than 32 bytes (openssl rand -base64 32)"),
    (
        "masking: { key: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa }",
        "masking.key: the same byte over and over (openssl rand -base64 32)",
    ),
    (
        "masking: { environment: a b }",
        "masking.environment: \"a b\" is not a name (1 to 40 of letters, digits, _ and -)",
    ),
    ("masking: { domains: { person: name } }", "masking.key: missing, and masks need it (openssl rand -base64 32)"),
    ("masking: { domains: [name] }", "masking.domains: one value or a list, where keys with values are wanted"),
    (
        "masking: { key: \"${KEY}\", domains: { email: email } }",
        "masking.domains.email: a domain with a name that has a meaning of its own (name it otherwise)",
    ),
    (
        "masking: { key: \"${KEY}\", domains: { E-Mail: email } }",
        "masking.domains.E-Mail: not a domain's name (lower-case letters, digits and _)",
    ),
    (
        "masking: { key: \"${KEY}\", domains: { person: nmae } }",
        "masking.domains.person: no mask \"nmae\" (did you mean \"name\"?)",
    ),
    (
        "masking: { key: \"${KEY}\", domains: { person: { mask: email, keep_domian: true } } }",
        "masking.domains.person.keep_domian: the mask email has no such parameter (did you mean \"keep_domain\"?)",
    ),
    (
        "masking: { key: \"${KEY}\", domains: { person: { keep_domain: true } } }",
        "masking.domains.person.mask: missing",
    ),
    // tables
    ("tables:", "tables: no table is named (a table that nothing here names never leaves production)"),
    ("tables: keep", "tables: one value or a list, where keys with values are wanted"),
    ("tables: { users: keep }", "tables.users: a table without its schema (public.users)"),
    (
        "tables: { a.b.c: keep }",
        "tables.a.b.c: not a table's name (schema.table; a part that holds a dot in double quotes)",
    ),
    (
        "tables: { public.users: copy }",
        "tables.public.users: \"copy\" is none of keep, structure, exclude (or columns: with a rule for each column that is not kept)",
    ),
    ("tables: { public.users: }", "tables.public.users: no value"),
    (
        "tables: { public.users: keep, '\"public\".users': keep }",
        "tables.\"public\".users: the same table is named twice",
    ),
    (
        "tables: { public.users: { columns: keep } }",
        "tables.public.users.columns: one value or a list, where keys with values are wanted",
    ),
    (
        "tables: { public.users: { columns: { id: kep } } }",
        "tables.public.users.columns.id: no mask \"kep\" and no domain of that name (did you mean \"keep\"?)",
    ),
    ("tables: { public.users: { columns: { id: } } }", "tables.public.users.columns.id: no value"),
    (
        "tables: { public.users: { columns: { prefs: { mask: json, path: { \"$.a\": keep } } } } }",
        "tables.public.users.columns.prefs.path: the mask json has no such parameter (did you mean \"paths\"?)",
    ),
    (
        "tables: { public.users: { columns: { notes: scrubb } } }",
        "tables.public.users.columns.notes: no mask \"scrubb\" and no domain of that name (did you mean \"scrub\"?)",
    ),
    (
        "tables: { public.users: { columns: { a: { mask: constant } } } }",
        "tables.public.users.columns.a.value: missing ({ mask: constant, value: \"[removed]\" })",
    ),
    (
        "tables: { public.users: { columns: { a: { mask: null, length: 8 } } } }",
        "tables.public.users.columns.a.length: the mask null has no such parameter",
    ),
    (
        "masking: { key: \"${KEY}\" }\ntables: { public.users: { columns: { a: { mask: hash, length: 4 } } } }",
        "tables.public.users.columns.a.length: not within 8 and 64",
    ),
    (
        "masking: { key: \"${KEY}\" }\ntables: { public.users: { columns: { a: { mask: digits, keep_prefix: two } } } }",
        "tables.public.users.columns.a.keep_prefix: not a whole number",
    ),
    (
        "masking: { key: \"${KEY}\" }\ntables: { public.users: { columns: { a: { mask: phone, keep_country: yes } } } }",
        "tables.public.users.columns.a.keep_country: \"yes\" is none of true, false",
    ),
    (
        "tables: { public.users: { columns: { a: email } } }",
        "masking.key: missing, and masks need it (openssl rand -base64 32)",
    ),
    ("tables: { public.users: { optional: maybe } }", "tables.public.users.optional: \"maybe\" is none of true, false"),
    ("tables: { public.users: { rest: drop } }", "tables.public.users.rest: \"drop\" is none of keep, withhold"),
    ("tables: { public.users: { where: [a] } }", "tables.public.users.where: a list, where one value is wanted"),
    (
        "tables: { public.users: { where: lower(a) = 'x' } }",
        "tables.public.users.where: function lower(): not in the subset a filter can decide (character 1)",
    ),
    (
        "tables: { public.users: { column: { a: keep } } }",
        "tables.public.users.column: unknown key (did you mean \"columns\"?)",
    ),
    // protect
    ("protect: [public.users]", "protect: one value or a list, where keys with values are wanted"),
    ("protect: { tables: public.users }", "protect.tables: not a list ([public.users, public.settings])"),
    ("protect: { tables: [users] }", "protect.tables: a table without its schema (public.users)"),
    (
        "protect: { tables: [public.cruises] }",
        "tables.public.cruises: protected by protect.tables: public.cruises (a table is either replicated or protected)",
    ),
    (
        "protect: { tables: [\"public.c*\"] }",
        "tables.public.cruises: protected by protect.tables: public.c* (a table is either replicated or protected)",
    ),
    (
        "tables: { \"public.*\": keep }\nprotect: { tables: [public.users] }",
        "tables.public.*: takes in public.users, which protect.tables protects (name it beside the glob: public.users: exclude)",
    ),
    ("overlay: [public.cruises]", "overlay: one value or a list, where keys with values are wanted"),
    ("overlay: { public.cruises: x }", "overlay.public.cruises: not a list ([public.users, public.settings])"),
    ("protect: { rows: [public.cruises] }", "protect.rows: one value or a list, where keys with values are wanted"),
    ("protect: { rows: { cruises: a = 1 } }", "protect.rows.cruises: a table without its schema (public.cruises)"),
    (
        "protect: { rows: { \"public.c*\": a = 1 } }",
        "protect.rows.public.c*: a glob: which rows are staging's own is said of each table by its name",
    ),
    (
        "protect: { rows: { public.cruises: f(a) } }",
        "protect.rows.public.cruises: function f(): not in the subset a filter can decide (character 1)",
    ),
    (
        "protect: { rows: { public.settings: a = 1 } }",
        "protect.rows.public.settings: nothing of this table is replicated, so none of its rows is ever written (take it out; or, to say it aloud, name it in protect.tables)",
    ),
    (
        "protect: { tables: [public.users], rows: { public.users: a = 1 } }",
        "protect.rows.public.users: all of the table is protected already, by protect.tables (take it out of one of them)",
    ),
    (
        "protect: { tables: [public.users], on_referenced: drop }",
        "protect.on_referenced: \"drop\" is none of keep, null, remove",
    ),
    (
        "protect: { tables: [public.users], on_referenced: { public.users: set_null, public.cruises: keep, users: keep } }",
        "protect.on_referenced.public.users: \"set_null\" is none of keep, null, remove\nprotect.on_referenced.public.cruises: nothing of this table is staging's own (it is about tables of protect.tables and protect.rows, named as they are there)\nprotect.on_referenced.users: a table without its schema (public.users)",
    ),
    (
        "protect: { tables: [public.users], on_referenced: [keep] }",
        "protect.on_referenced: one value or a list, where keys with values are wanted",
    ),
    // the rest
    ("buffer: kafka", "buffer: one value or a list, where keys with values are wanted\nbuffer.kafka.brokers: missing"),
    ("buffer:", "buffer.kafka.brokers: missing"),
    (
        "buffer: { kafka: here }",
        "buffer.kafka: one value or a list, where keys with values are wanted\nbuffer.kafka.brokers: missing",
    ),
    (
        "buffer: { kafak: { brokers: k:1 } }",
        "buffer.kafak: unknown key (did you mean \"kafka\"?)\nbuffer.kafka.brokers: missing",
    ),
    (
        "buffer: { kafka: { borkers: k:1 } }",
        "buffer.kafka.borkers: unknown key (did you mean \"brokers\"?)\nbuffer.kafka.brokers: missing",
    ),
    (
        "buffer: { kafka: { brokers: k, topics: a } }",
        "buffer.kafka.topics: unknown key (did you mean \"topic\"?)\n\
         buffer.kafka.brokers: \"k\" is no list of brokers (host:port, with commas between: kafka1:9092,kafka2:9092)",
    ),
    (
        "buffer: { kafka: { brokers: \"k:9092,,k:9093\" } }",
        "buffer.kafka.brokers: \"k:9092,,k:9093\" is no list of brokers (host:port, with commas between: kafka1:9092,kafka2:9092)",
    ),
    (
        "buffer: { kafka: { brokers: \"k:9092\", topic: shop/staging } }",
        "buffer.kafka.topic: \"shop/staging\" is not a name (1 to 240 of letters, digits, \".\", _ and -)",
    ),
    ("buffer: { kafka: { brokers: \"k:9092\", topic: .. } }", "buffer.kafka.topic: \"..\" is not a name"),
    (
        "buffer: { kafka: { brokers: \"k:9092\", properties: linger.ms } }",
        "buffer.kafka.properties: one value or a list, where keys with values are wanted",
    ),
    (
        "buffer: { kafka: { brokers: \"k:9092\", properties: { linger.ms: [5] } } }",
        "buffer.kafka.properties.linger.ms: a list, where one value is wanted",
    ),
    (
        "buffer: { kafka: { brokers: \"k:9092\", properties: { securty.protocol: plaintext } } }",
        "buffer.kafka.properties.securty.protocol: no property of librdkafka (did you mean \"security.protocol\"?)",
    ),
    (
        "buffer: { kafka: { brokers: \"k:9092\", properties: { socket.timeout.ms: soon } } }",
        "buffer.kafka.properties.socket.timeout.ms: librdkafka does not take it (Invalid value for configuration property \"socket.timeout.ms\")",
    ),
    (
        "buffer: { kafka: { brokers: \"k:9092\", properties: { compression.type: \"${URL}\" } } }",
        "buffer.kafka.properties.compression.type: librdkafka does not take the value",
    ),
    (
        "buffer: { kafka: { brokers: \"k:9092\", properties: { acks: 1, group.id: a } } }",
        "buffer.kafka.properties.acks: set by sluice itself (production is told that it may forget what Kafka has on all replicas in sync)\n\
         buffer.kafka.properties.group.id: set by sluice itself (how far a target has come stands on the target, in the transaction of its rows)",
    ),
    ("notify: all", "notify: one value or a list, where keys with values are wanted"),
    ("notify: { slack: hooks.slack.com }", "notify.slack: no URL (https://hooks.slack.com/services/…)"),
    (
        "notify: { slack: \"http://hooks.slack.com/services/T/B/X\" }",
        "notify.slack: http: the URL is a secret, and would be sent in clear (https://hooks.slack.com/services/…)",
    ),
    (
        "notify: { slack: { url: \"${URL}\" } }",
        "notify.slack.url: neither https nor http (https://hooks.slack.com/services/…)",
    ),
    (
        "notify: { slack: { url: \"https://h/\", events: [hold] } }",
        "notify.slack.events: \"hold\" is none of started, caught_up, held, retrying, resumed, quarantined, diverged, wal, drift, finished, failed, stopped",
    ),
    ("notify: { webhooks: \"https://h/\" }", "notify.webhooks: not a list ([public.users, public.settings])"),
    (
        "notify: { webhooks: [\"https://h/\"] }",
        "notify.webhooks: not keys with values (- { url: \"${HOOK_URL}\", secret: \"${HOOK_SECRET}\" })",
    ),
    (
        "notify: { webhooks: [{ secret: abc }] }",
        "notify.webhooks.secret: fewer than 24 bytes (openssl rand -base64 32)\nnotify.webhooks.url: missing",
    ),
    (
        "notify: { webhooks: [{ url: \"https://h/\", event: [held] }] }",
        "notify.webhooks.event: unknown key (did you mean \"events\"?)",
    ),
    (
        "notify: { webhooks: [{ url: \"https://h/\", events: held }] }",
        "notify.webhooks.events: not a list ([public.users, public.settings])",
    ),
    (
        "notify: { repeat: 5 }",
        "notify.repeat: a number without a unit (a whole number with its unit (ms, s, m, h or d): 30s)",
    ),
    ("backup: yes", "backup: one value or a list, where keys with values are wanted"),
    (
        "backup: { directory: \"\", key: short, keep: 5 }",
        "backup.directory: empty\nbackup.key: fewer than 32 bytes (openssl rand -base64 32)\nbackup.keep: a number without a unit (a whole number with its unit (ms, s, m, h or d): 30s)",
    ),
    (
        "backup: { directory: b, key: \"${KEY}\" }\nmasking: { key: \"${KEY}\" }",
        "backup.key: that is the masking key (one of its own: openssl rand -base64 32)",
    ),
    ("audit: yes", "audit: one value or a list, where keys with values are wanted"),
    ("audit: { file: \"\" }", "audit.file: empty"),
    ("apply: stop", "apply: one value or a list, where keys with values are wanted"),
    ("apply: { on_error: skip }", "apply.on_error: \"skip\" is none of stop, quarantine"),
    ("apply: { max_quarantined: 0 }", "apply.max_quarantined: not within 1 and 1000000"),
    ("apply: { on_divergence: ignore }", "apply.on_divergence: \"ignore\" is none of heal, stop"),
    ("apply: { ddl: all }", "apply.ddl: \"all\" is none of off, additive"),
    (
        "buffer: { kafka: { brokers: \"k:9092\" } }\napply: { ddl: additive }",
        "apply.ddl: additive needs production beside the target, and with buffer.kafka a topic stands between (ddl: off; sluice schema diff and sluice schema apply do it by hand)",
    ),
    ("copy: 30s", "copy: one value or a list, where keys with values are wanted"),
    (
        "copy: { slice: 30 }",
        "copy.slice: a number without a unit (a whole number with its unit (ms, s, m, h or d): 30s)",
    ),
    ("copy: { slice: 2h }", "copy.slice: not within 1s and 10m"),
    ("copy: { slice: soon }", "copy.slice: not a time (a whole number with its unit (ms, s, m, h or d): 30s)"),
    ("copy: { readers: 0 }", "copy.readers: not within 1 and 64"),
    ("copy: { chunk_rows: many }", "copy.chunk_rows: not a whole number"),
    ("copy: { window: \"22:00-05:00\" }", "copy.window: no time zone (\"22:00-05:00 Europe/Berlin\")"),
    ("copy: { window: \"22-5 UTC\" }", "copy.window: not a time of day (\"22:00-05:00 Europe/Berlin\")"),
    ("schedule: 6h", "schedule: one value or a list, where keys with values are wanted"),
    ("schedule: { every: 0s }", "schedule.every: not within 1s and 720h"),
    ("schedule: { every: daily }", "schedule.every: not a time (a whole number with its unit (ms, s, m, h or d): 30s)"),
    (
        "buffer: { kafka: { brokers: \"k:9092\" } }\nschedule: { every: 6h }",
        "schedule.every: not with a topic, whose capture goes on all the time (sluice apply --until-caught-up, by cron)",
    ),
    ("sequences: on", "sequences: \"on\" is none of off"),
    ("sequences: [off]", "sequences: one value or a list, where keys with values are wanted"),
    ("sequences: { margin: 5 }", "sequences.margin: not within 100 and 1099511627776"),
    ("sequences: { offset: -1 }", "sequences.offset: not a whole number"),
    ("limits: 96MB", "limits: one value or a list, where keys with values are wanted"),
    (
        "limits: { memory: 96 }",
        "limits.memory: a number without a unit (a whole number with its unit (B, kB, MB, GB or TB): 64MB)",
    ),
    ("limits: { memory: 1kB }", "limits.memory: not within 16MB and 1TB"),
    ("limits: { memory: 99999999999TB }", "limits.memory: too large"),
    (
        "limits: { logical_decoding_work_mem: 64mb }",
        "limits.logical_decoding_work_mem: not a size (a whole number with its unit (B, kB, MB, GB or TB): 64MB)",
    ),
    ("limits: { lag: 1 week }", "limits.lag: not a time (a whole number with its unit (ms, s, m, h or d): 30s)"),
    ("limits: { max_slot_wal_keep_size: -1 }", "limits.max_slot_wal_keep_size: \"-1\" is none of required, ignore"),
    ("limits: { wal: 4GB }", "limits.wal: one value or a list, where keys with values are wanted"),
    (
        "limits: { wal: { warn: 4 } }",
        "limits.wal.warn: a number without a unit (a whole number with its unit (B, kB, MB, GB or TB): 64MB)",
    ),
    ("limits: { source: 4 }", "limits.source: one value or a list, where keys with values are wanted"),
    ("limits: { source: { connections: 3 } }", "limits.source.connections: not within 4 and 1000"),
    ("limits: { source: { idle: 5s } }", "limits.source.idle: not within 10s and 24h"),
    (
        "limits: { source: { idle: 1m, rate: 64kB } }",
        "limits.source.idle: too short for limits.source.rate: a reader that keeps to it would be taken for dead (64s or more)",
    ),
    (
        "limits: { source: { rate: 20 } }",
        "limits.source.rate: a number without a unit (a whole number with its unit (B, kB, MB, GB or TB): 64MB)",
    ),
    ("limits: { wal: { pause_copy: 1kB } }", "limits.wal.pause_copy: not within 1MB and 1024TB"),
    (
        "limits: { wal: { drop_slot: often } }",
        "limits.wal.drop_slot: not a size (a whole number with its unit (B, kB, MB, GB or TB): 64MB)",
    ),
    (
        "limits: { wal: { pause_copy: never, drop_slot: 50GB } }",
        "limits.wal.drop_slot: not above limits.wal.pause_copy: a copy would cost its own slot, and begin anew for ever (twice limits.wal.pause_copy, or more)",
    ),
    ("serve: 9847", "serve: one value or a list, where keys with values are wanted"),
    ("serve: { listen: 9847 }", "serve.listen: \"9847\" is no address with a port (127.0.0.1:9847)"),
    // the file as a whole
    ("serve: &a { listen: 127.0.0.1:1 }", "a YAML anchor: write the value out where it is used"),
    ("serve: !tag { listen: 127.0.0.1:1 }", "a YAML tag: write the value without it"),
    ("---\npipeline: other", "a second document in one file"),
];

#[test]
fn every_bad_value_is_told_with_its_key_path() {
    let told = |yaml: &str| match parse(&with(yaml)) {
        Ok(_) => String::new(),
        Err(problems) => problems.0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
    };
    let built = |yaml: &str| cfg!(feature = "kafka") || !yaml.starts_with("buffer");
    let other: Vec<String> = BAD
        .iter()
        .filter(|(yaml, _)| built(yaml))
        .filter(|(yaml, expected)| told(yaml) != *expected)
        .map(|(yaml, expected)| format!("{yaml}\n  expected {expected}\n  told     {}", told(yaml)))
        .collect();
    assert!(other.is_empty(), "{}", other.join("\n"));
}

#[test]
#[cfg(feature = "kafka")]
fn what_sluice_tells_kafka_itself_is_refused() {
    let names = "bootstrap.servers metadata.broker.list transactional.id enable.idempotence acks request.required.acks \
                 isolation.level enable.auto.commit auto.commit.enable group.id auto.offset.reset enable.partition.eof \
                 plugin.library.paths";
    for name in names.split_whitespace() {
        let yaml = format!("buffer: {{ kafka: {{ brokers: \"k:9092\", properties: {{ {name}: \"1\" }} }} }}");
        let told = parse(&with(&yaml)).unwrap_err().to_string();
        assert!(told.contains(&format!("buffer.kafka.properties.{name}: set by sluice itself (")), "{told}");
    }
}

#[test]
#[cfg(not(feature = "kafka"))]
fn a_build_without_kafka_says_so() {
    let told = parse(&with("buffer: { kafka: { brokers: \"k:9092\" } }")).unwrap_err().to_string();
    let expected = "line 5: buffer.kafka: this sluice was built without Kafka (build it with the feature kafka, or take the section out)";
    assert_eq!(told, expected);
}

/// The key that a path is of: of those that fit it, the one that says most of it. A name may have dots of its own.
fn key_of(path: &str) -> Option<&'static str> {
    fn fits(pattern: &[&str], path: &[&str]) -> bool {
        match pattern.split_first() {
            None => path.is_empty(),
            Some((&"*", rest)) => (1..=path.len()).any(|taken| fits(rest, &path[taken..])),
            Some((name, rest)) => path.first() == Some(name) && fits(rest, &path[1..]),
        }
    }
    let path: Vec<&str> = path.split('.').collect();
    let parts = |key: &str| key.split('.').count();
    let fitting = KEYS.iter().map(|(key, _)| *key).filter(|key| fits(&key.split('.').collect::<Vec<_>>(), &path));
    fitting.max_by_key(|key| (parts(key), !key.ends_with('*')))
}

#[test]
fn there_is_a_bad_value_for_every_key() {
    let paths = BAD.iter().flat_map(|(_, told)| told.lines()).filter_map(|line| line.split_once(": "));
    let tried: BTreeSet<&str> = paths.filter_map(|(path, _)| key_of(path)).collect();
    // `notify` is told with the key below it, which is no key of ours yet
    let below = |key: &str| BAD.iter().any(|(_, told)| told.starts_with(&format!("{key}.")));
    let untried: Vec<_> =
        KEYS.iter().filter(|(key, state)| !(tried.contains(key) || *state == State::NotYet && below(key))).collect();
    assert!(untried.is_empty(), "no bad value for {untried:?}");
}

#[test]
fn there_is_a_bad_value_for_every_parameter_of_every_mask() {
    let mut tried = 0;
    for (kind, parameter) in KINDS.iter().flat_map(|kind| kind.parameters.iter().map(move |p| (kind, p))) {
        let bad = match &parameter.what {
            What::Flag | What::Number { .. } | What::Decimal { .. } | What::Time { .. } | What::Word { .. } => {
                &["no_such_thing", "[1]"][..]
            }
            What::Text { .. } => &["[1]", "{ a: b }"],
            What::Class { .. } => &["no_such_mask", "[1]"],
            What::Texts => &["one", "{ a: b }"],
            What::Classes => &["one", "[1]", "{ a: no_such_mask }"],
        };
        for bad in bad {
            let mask = format!("{{ mask: {}, {}: {bad} }}", kind.name, parameter.name);
            for (path, yaml) in [
                ("masking.domains.d", format!("masking: {{ key: \"${{KEY}}\", domains: {{ d: {mask} }} }}")),
                (
                    "tables.public.users.columns.a",
                    format!(
                        "masking: {{ key: \"${{KEY}}\" }}\ntables: {{ public.users: {{ columns: {{ a: {mask} }} }} }}"
                    ),
                ),
            ] {
                let told = parse(&with(&yaml)).map_or_else(|problems| problems.to_string(), |_| String::new());
                let path = format!("{path}.{}", parameter.name);
                assert!(told.contains(&path), "{mask} is told as: {told}");
                tried += 1;
            }
        }
    }
    assert!(tried > 20, "there are parameters: {tried}");
}

#[test]
fn all_problems_come_at_once_and_in_the_order_of_the_file() {
    let yaml = "pipeline: NO\nsource: {}\ntargets: x\ntables: { users: keep }\nlimits: { memory: 1, lag: 1 }\n";
    let told = parse(yaml).unwrap_err().to_string();
    let expected = "\
line 1: pipeline: \"NO\" is not a name (1 to 40 of a-z, 0-9 and _)
line 3: targets: unknown key (did you mean \"target\"?)
line 4: tables.users: a table without its schema (public.users)
line 5: limits.memory: a number without a unit (a whole number with its unit (B, kB, MB, GB or TB): 64MB)
line 5: limits.lag: a number without a unit (a whole number with its unit (ms, s, m, h or d): 30s)
source.url: missing
target.url: missing";
    assert_eq!(told, expected);
}

#[test]
fn a_file_that_is_no_yaml_says_where() {
    let told = parse("pipeline: shop\n  source: x").unwrap_err().to_string();
    assert!(told.starts_with("line 2: no valid YAML: "), "{told}");
    for nothing in ["", "# nothing\n", "shop", "[shop]"] {
        let told = parse(nothing).unwrap_err().to_string();
        assert!(told.contains("no configuration: keys with values are wanted (sluice init writes one)"), "{told}");
    }
}

#[test]
fn a_value_from_the_environment_is_never_told() {
    let keys = [
        "pipeline",
        "apply.on_error",
        "copy.readers",
        "limits.memory",
        "limits.lag",
        "serve.listen",
        "buffer.kafka",
        "notify.slack",
        "notify.webhooks",
        "tables.public.a",
        "masking.domains.d",
    ];
    for key in keys {
        let (section, below) = key.split_once('.').map_or((key, None), |(s, b)| (s, Some(b)));
        let value = "\"${URL}\"";
        let yaml = below.map_or(format!("{section}: {value}"), |b| format!("{section}: {{ {b}: {value} }}"));
        let told = parse(&with(&yaml)).unwrap_err().to_string();
        assert!(told.contains(key) && !told.contains("hunter2"), "{told}");
    }
}

#[test]
fn deep_and_wild_files_are_refused_without_a_panic() {
    let deep = "a: ".to_owned() + &"{ a: ".repeat(100) + &"}".repeat(100);
    assert!(parse(&deep).unwrap_err().to_string().contains("nested too deeply"));
    for text in ["*a", "? [a]\n: b", "\u{0}", "a: \"\\ud800\"", "%YAML 9.9\n---\na: b", "- - - -", "{", "}", "\t"] {
        assert!(parse(text).is_err(), "{text:?}");
    }
}
