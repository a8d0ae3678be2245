//! The configuration as it is in force, defaults and all, secrets as `***`: what `plan` prints.

use std::fmt::Write;

use filters::mask::{MaskSpec, Setting};
use filters::policy::Class;

use super::buffer::Buffer;
use super::notify::{Notify, Told};
use super::overlay::Overlay;
use super::protect::{References, WORDS};
use super::sections::{Ddl, OnDivergence, OnError, SlotWalLimit};
use super::server::{Server, Tls};
use super::tables::{Rest, Rule, TableEntry};
use super::{Backup, Config, table_name, units};

impl Config {
    /// The configuration in force, as YAML. The connection strings and the masking key read `***`.
    pub fn effective(&self) -> String {
        let mut out = format!("pipeline: {}\n", self.pipeline);
        server(&mut out, "source", &self.source);
        server(&mut out, "target", &self.target);
        if !self.never_write.is_empty() {
            out.push_str("never_write:\n");
            self.never_write.iter().for_each(|never| _ = writeln!(out, "  - {}", quote(&never.to_string())));
        }
        let masking = &self.masking;
        if masking.key.is_some() || masking.said.is_some() || !masking.domains.is_empty() {
            out.push_str("masking:\n");
            if masking.key.is_some() {
                out.push_str("  key: \"***\"\n");
            }
            if let Some(said) = &masking.said {
                _ = writeln!(out, "  environment: {}", quote(said));
            }
            if !self.masking.domains.is_empty() {
                out.push_str("  domains:\n");
                for (name, spec) in &self.masking.domains {
                    _ = writeln!(out, "    {name}: {}", mask_text(spec));
                }
            }
        }
        out.push_str("tables:\n");
        self.tables.iter().for_each(|t| table(&mut out, t));
        if !self.protect.is_empty() || !self.protect_rows.is_empty() {
            out.push_str("protect:\n");
            references_to(&mut out, &self.on_referenced);
        }
        if !self.protect_rows.is_empty() {
            out.push_str("  rows:\n");
            for ((schema, name), own) in &self.protect_rows {
                _ = writeln!(out, "    {}: {}", quote(&table_name(schema, name)), quote(&own.sql()));
            }
        }
        if !self.protect.is_empty() {
            out.push_str("  tables:\n");
            self.protect.iter().for_each(|p| _ = writeln!(out, "    - {}", quote(&p.to_string())));
        }
        if !self.overlay.is_empty() {
            out.push_str("overlay:\n");
            self.overlay.iter().for_each(|((schema, name), all)| overlays(&mut out, &table_name(schema, name), all));
        }
        if let Some(buffer) = &self.buffer {
            kafka(&mut out, buffer);
        }
        let divergence = match self.apply.on_divergence {
            OnDivergence::Heal => "heal",
            OnDivergence::Stop => "stop",
        };
        let error = match self.apply.on_error {
            OnError::Stop => "stop",
            OnError::Quarantine => "quarantine",
        };
        _ = writeln!(out, "apply:\n  on_error: {error}\n  max_quarantined: {}", self.apply.max_quarantined);
        let ddl = match self.apply.ddl {
            Ddl::Off => "off",
            Ddl::Additive => "additive",
        };
        _ = writeln!(out, "  on_divergence: {divergence}\n  ddl: {ddl}");
        let copy = &self.copy;
        let slice = units::show_time(copy.slice);
        _ = writeln!(out, "copy:\n  slice: {slice}\n  readers: {}\n  chunk_rows: {}", copy.readers, copy.chunk_rows);
        if let Some(window) = &copy.window {
            _ = writeln!(out, "  window: {}", quote(window.text()));
        }
        if let Some(every) = self.every {
            _ = writeln!(out, "schedule:\n  every: {}", units::show_time(every));
        }
        match self.sequences {
            Some(s) => _ = writeln!(out, "sequences:\n  margin: {}\n  offset: {}", s.margin, s.offset),
            None => out.push_str("sequences: off\n"),
        }
        let limits = &self.limits;
        let slot = match limits.max_slot_wal_keep_size {
            SlotWalLimit::Required => "required",
            SlotWalLimit::Ignore => "ignore",
        };
        _ = writeln!(out, "limits:\n  memory: {}", units::show_size(limits.memory));
        _ = writeln!(out, "  logical_decoding_work_mem: {}", units::show_size(limits.logical_decoding_work_mem));
        let or_never = |size: Option<u64>| size.map_or_else(|| "never".to_owned(), units::show_size);
        let rate = limits.source_rate.map_or_else(|| "unlimited".to_owned(), units::show_size);
        _ = writeln!(out, "  source:");
        if let Some(connections) = limits.source_connections {
            _ = writeln!(out, "    connections: {connections}");
        }
        _ = writeln!(out, "    idle: {}\n    rate: {rate}", units::show_time(limits.source_idle));
        _ = writeln!(out, "  wal:\n    warn: {}", units::show_size(limits.wal_warn));
        _ = writeln!(out, "    pause_copy: {}", or_never(limits.wal_pause_copy));
        _ = writeln!(out, "    drop_slot: {}", or_never(limits.wal_drop_slot));
        _ = writeln!(out, "  lag: {}\n  max_slot_wal_keep_size: {slot}", units::show_time(limits.lag));
        told(&mut out, &self.notify);
        if let Some(Backup { directory, keep, .. }) = &self.backup {
            let directory = quote(&directory.to_string_lossy());
            _ = writeln!(out, "backup:\n  directory: {directory}\n  key: \"***\"\n  keep: {}", units::show_time(*keep));
        }
        if let Some(file) = &self.audit.file {
            _ = writeln!(out, "audit:\n  file: {}", quote(file));
        }
        if let Some(listen) = self.serve.listen {
            _ = writeln!(out, "serve:\n  listen: {}", quote(&listen.to_string()));
        }
        out
    }
}

fn overlays(out: &mut String, table: &str, all: &[Overlay]) {
    _ = writeln!(out, "  {}:", quote(table));
    for Overlay { rows, set } in all {
        _ = writeln!(out, "    - where: {}\n      set:", quote(&rows.sql()));
        set.iter().for_each(|(column, value)| _ = writeln!(out, "        {}: {}", quote(column), quote(value)));
    }
}

fn kafka(out: &mut String, buffer: &Buffer) {
    let Buffer { brokers, topic, properties } = buffer;
    _ = writeln!(out, "buffer:\n  kafka:\n    brokers: {}\n    topic: {}", quote(brokers), quote(topic));
    if !properties.is_empty() {
        out.push_str("    properties:\n");
    }
    for property in properties {
        let value = if property.shown { property.value.expose() } else { "***" };
        _ = writeln!(out, "      {}: {}", quote(&property.name), quote(value));
    }
}

/// URLs and secrets read `***`: that of a Slack hook is one.
fn told(out: &mut String, notify: &Notify) {
    if notify.receivers.is_empty() {
        return;
    }
    out.push_str("notify:\n");
    let events = |told: &Told| match told.events.as_slice() {
        [] => String::new(),
        some => format!(", events: [{}]", some.iter().map(|kind| kind.word()).collect::<Vec<_>>().join(", ")),
    };
    let (slack, webhooks): (Vec<&Told>, Vec<&Told>) = notify.receivers.iter().partition(|told| told.slack);
    for told in slack {
        _ = writeln!(out, "  slack: {{ url: \"***\"{} }}", events(told));
    }
    if !webhooks.is_empty() {
        out.push_str("  webhooks:\n");
    }
    for told in webhooks {
        let secret = if told.key.is_some() { ", secret: \"***\"" } else { "" };
        _ = writeln!(out, "    - {{ url: \"***\"{secret}{} }}", events(told));
    }
    _ = writeln!(out, "  repeat: {}", units::show_time(notify.repeat));
}

/// `protect.on_referenced`: one word, or one for each table that is named.
fn references_to(out: &mut String, references: &References) {
    let word = |how| WORDS.iter().find(|(_, h)| *h == how).map_or("keep", |(word, _)| *word);
    if references.tables.is_empty() {
        _ = writeln!(out, "  on_referenced: {}", word(references.otherwise));
        return;
    }
    out.push_str("  on_referenced:\n");
    for (table, how) in &references.tables {
        _ = writeln!(out, "    {}: {}", quote(&table.to_string()), word(*how));
    }
}

fn server(out: &mut String, name: &str, server: &Server) {
    _ = writeln!(out, "{name}:\n  url: \"***\"");
    if server.primary.is_some() {
        out.push_str("  primary_url: \"***\"\n");
    }
    if let Some(environment) = &server.environment {
        _ = writeln!(out, "  environment: {environment}");
    }
    if let Some(from) = &server.environment_from {
        let table = quote(&table_name(&from.table.0, &from.table.1));
        _ = writeln!(out, "  environment_from:\n    table: {table}\n    column: {}", quote(&from.column));
        if let Some(only) = &from.only {
            _ = writeln!(out, "    where: {}", quote(&only.sql()));
        }
    }
    if server.tls == Tls::Unverified {
        out.push_str("  tls: unverified\n");
    }
}

fn table(out: &mut String, entry: &TableEntry) {
    let name = quote(&entry.pattern.to_string());
    let word = match &entry.rule {
        Rule::Structure => Some("structure"),
        Rule::Exclude => Some("exclude"),
        rule if *rule == Rule::KEEP && !entry.optional => Some("keep"),
        Rule::Copy { .. } => None,
    };
    if let Some(word) = word {
        _ = writeln!(out, "  {name}: {word}");
    }
    let (Rule::Copy { columns, rest, only }, None) = (&entry.rule, word) else { return };
    let rest = if *rest == Rest::Keep { "keep" } else { "withhold" };
    _ = writeln!(out, "  {name}:\n    rest: {rest}");
    if entry.optional {
        out.push_str("    optional: true\n");
    }
    if let Some(only) = only {
        _ = writeln!(out, "    where: {}", quote(&only.sql()));
    }
    if !columns.is_empty() {
        out.push_str("    columns:\n");
        for (column, class) in columns {
            _ = writeln!(out, "      {}: {}", quote(column), class_text(class));
        }
    }
}

/// A class as the file writes it.
pub(crate) fn class_text(class: &Class) -> String {
    match class {
        Class::Keep => "keep".to_owned(),
        Class::Drop => "drop".to_owned(),
        Class::Withheld => "withheld".to_owned(),
        Class::Mask { domain: Some(domain), .. } => domain.clone(),
        Class::Mask { spec, domain: None } => mask_text(spec),
    }
}

/// A mask as the file writes it: its name where no parameter is set.
pub(crate) fn mask_text(spec: &MaskSpec) -> String {
    mask_text_with(spec, None)
}

fn mask_text_with(spec: &MaskSpec, domain: Option<&str>) -> String {
    let mut given: Vec<String> = spec.given().map(|(key, value)| format!("{key}: {}", setting_text(value))).collect();
    if let Some(when) = spec.when() {
        given.push(format!("when: {}, else: {}", quote(&when.predicate.sql()), inner_text(&when.otherwise)));
    }
    given.extend(domain.map(|domain| format!("domain: {domain}")));
    if given.is_empty() {
        return spec.name().to_owned();
    }
    format!("{{ mask: {}, {} }}", spec.name(), given.join(", "))
}

fn setting_text(setting: &Setting) -> String {
    match setting {
        Setting::Flag(flag) => flag.to_string(),
        Setting::Number(n) => n.to_string(),
        Setting::Decimal(n) => n.to_string(),
        Setting::Time(time) => units::show_time(*time),
        Setting::Text(text) => quote(text),
        Setting::Texts(texts) => format!("[{}]", texts.iter().map(|t| quote(t)).collect::<Vec<_>>().join(", ")),
        Setting::Class(class) => inner_text(class),
        Setting::Classes(classes) if classes.is_empty() => "{}".to_owned(),
        Setting::Classes(classes) => {
            let each = classes.iter().map(|(name, class)| format!("{}: {}", quote(name), inner_text(class)));
            format!("{{ {} }}", each.collect::<Vec<_>>().join(", "))
        }
    }
}

/// With its domain beside it, because the lock holds no domains to look it up in.
fn inner_text(class: &Class) -> String {
    match class {
        Class::Mask { spec, domain } => mask_text_with(spec, domain.as_deref()),
        class => class_text(class),
    }
}

/// A YAML scalar that reads as this text: plain where that is safe, else in double quotes.
pub(crate) fn quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_.-/ ()".contains(c);
    if text.chars().all(plain)
        && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && !text.ends_with(' ')
    {
        return text.to_owned();
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => _ = write!(out, "\\u{:04x}", c as u32),
            c => out.push(c),
        }
    }
    out.push('"');
    // a `${` is written so that reading it back does not expand it
    out.replace("${", "$${")
}
