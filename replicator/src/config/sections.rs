//! The sections of the file, what each means, and what holds where nothing is said.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use filters::key::MaskKey;
use filters::mask::MaskSpec;
use filters::policy::Class;

use super::Config;
use super::backup::backup;
use super::buffer::{Buffer, buffer};
use super::masks::{self, Domains};
use super::never::never_write;
use super::notify::notify;
use super::overlay;
use super::problem::{Fault, Problems};
use super::protect;
use super::read::At;
use super::secret::mask_key;
use super::server::{distinct, environment, server, spoken_for};
use super::tables::{self, Rule, TableEntry};
use super::tree::Scalar;
use super::units;
use crate::pace;
use crate::window::Window;

/// The `masking` section.
#[derive(Clone, Debug)]
pub struct Masking {
    /// There wherever a mask needs it: that of the environment, if there is one.
    pub key: Option<MaskKey>,
    /// Whose key it is: `masking.environment`, else `target.environment`.
    pub environment: Option<String>,
    /// `masking.environment` as it stands in the file; empty for a key that is no environment's.
    pub(super) said: Option<String>,
    /// Id of the key as it stands in the file.
    pub bare: Option<String>,
    /// The masks with a name.
    pub domains: Domains,
}

/// What becomes of a row that is on the target otherwise than it should be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnDivergence {
    /// It is brought anew from production, counted and reported.
    Heal,
    /// The stream is held.
    Stop,
}

/// What becomes of a row that the target refuses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnError {
    /// The stream is held.
    Stop,
    /// It is kept aside, and its key is held.
    Quarantine,
}

/// What sluice may change of the target's tables while it follows production.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ddl {
    /// Nothing.
    Off,
    /// What takes more than before: a column, a wider type, a label of an enum.
    Additive,
}

/// The `apply` section.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Apply {
    /// A row that the target refuses.
    pub on_error: OnError,
    /// So many rows may be in quarantine; beyond it the stream is held.
    pub max_quarantined: u64,
    /// A row that is not as expected.
    pub on_divergence: OnDivergence,
    /// Tables that are not as production's are.
    pub ddl: Ddl,
}

/// The `copy` section.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Copying {
    /// The longest that a transaction on production lives.
    pub slice: Duration,
    /// Sessions that read at the same time.
    pub readers: usize,
    /// Rows of a chunk, about.
    pub chunk_rows: u64,
    /// The hours in which slices may begin; `None`: all.
    pub window: Option<Window>,
}

/// The `sequences` section: the target's follow production's, so far ahead.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sequences {
    /// Numbers that production may draw before sluice looks again.
    pub margin: u64,
    /// Distance to a range of staging's own; 0: there is none.
    pub offset: u64,
}

/// Must production bound what a slot may hold of its WAL?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SlotWalLimit {
    /// `check` fails where `max_slot_wal_keep_size` is -1.
    Required,
    /// Whoever writes this watches production's disk by other means.
    Ignore,
}

/// The `limits` section.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Bytes of changes held in memory.
    pub memory: u64,
    /// Bytes that our WAL sender on production may take before it spills: `logical_decoding_work_mem` of our session.
    pub logical_decoding_work_mem: u64,
    /// Bytes of WAL held by the slot, beyond which we warn.
    pub wal_warn: u64,
    /// The same, beyond which no slice of the copy begins; `None`: never.
    pub wal_pause_copy: Option<u64>,
    /// The same, beyond which our slot is dropped; `None`: never.
    pub wal_drop_slot: Option<u64>,
    /// Sessions on production at the same time, at most; `None`: as many as the copy's readers ask for.
    pub source_connections: Option<usize>,
    /// How long production waits for a sign of us in a transaction of ours.
    pub source_idle: Duration,
    /// Bytes a second that the copy reads of production; `None`: as fast as it can.
    pub source_rate: Option<u64>,
    /// Behind by more than this is not ready.
    pub lag: Duration,
    /// What `check` wants of production.
    pub max_slot_wal_keep_size: SlotWalLimit,
}

/// The `audit` section.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Audit {
    /// Each entry is appended to this file as a line of JSON, too.
    pub file: Option<String>,
}

/// The `serve` section.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Serve {
    /// Where `/metrics`, `/healthz` and `/readyz` are served; nowhere unless said.
    pub listen: Option<SocketAddr>,
}

const MB: u64 = 1 << 20;

/// Reads the whole file. `None` only where a problem was written down.
pub(super) fn config(root: &At<'_>, problems: &mut Problems) -> Option<Config> {
    if !root.is_map() {
        root.problem(
            Fault::new("no configuration: keys with values are wanted").hint("sluice init writes one"),
            problems,
        );
        return None;
    }
    let pipeline = root
        .get("pipeline")
        .require(problems, |s| label(s, 40, "a-z, 0-9 and _", |c| matches!(c, 'a'..='z' | '0'..='9' | '_')));
    let source = server(&root.get("source"), problems);
    let target = server(&root.get("target"), problems);
    if let (Some(source), Some(target)) = (&source, &target) {
        distinct(root, source, target, problems);
    }
    let key = root.get("masking").get("key");
    let domains = masks::domains(&root.get("masking").get("domains"), problems);
    let said = root.get("masking").get("environment").read(problems, |s| match s.text.as_str() {
        "" => Ok(String::new()),
        _ => environment(s),
    });
    let whose = said.clone().or_else(|| target.as_ref()?.environment.clone()).filter(|name| !name.is_empty());
    let bare = key.read(problems, |s| mask_key(&s.text));
    let masking = Masking {
        domains,
        bare: bare.as_ref().map(MaskKey::id),
        key: bare.map(|key| whose.as_ref().map_or_else(|| key.clone(), |name| key.for_environment(name))),
        environment: whose,
        said,
    };
    let tables_at = root.get("tables");
    let tables = tables::tables(&tables_at, &masking.domains, problems);
    let protect = protect::tables(&root.get("protect").get("tables"), problems);
    protect::contradictions(&tables_at, &tables, &protect, problems);
    let rows_at = root.get("protect").get("rows");
    let protect_rows = protect::rows(&rows_at, problems);
    protect::pointless(&rows_at, &protect_rows, &tables, &protect, problems);
    let references_at = root.get("protect").get("on_referenced");
    let on_referenced = protect::references(&references_at, &protect_rows, &protect, problems);
    if let Some(target) = &target {
        spoken_for(root, target, &tables, problems);
    }
    let overlay_at = root.get("overlay");
    let overlay = overlay::overlays(&overlay_at, problems);
    overlay::pointless(&overlay_at, &overlay, &tables, &protect, problems);
    let never_write = never_write(&root.get("never_write"), problems);
    if !key.is_there() && needs_key(&masking.domains, &tables) {
        key.problem(Fault::new("missing, and masks need it").hint("openssl rand -base64 32"), problems);
    }
    let buffer = buffer(&root.get("buffer"), pipeline.as_deref(), problems);
    let apply_at = root.get("apply");
    let apply = apply(&apply_at, problems);
    ddl_needs_production(&apply_at, &apply, buffer.as_ref(), problems);
    let copy = copying(&root.get("copy"), problems);
    let every_at = root.get("schedule").get("every");
    let every = time(&every_at, problems, Duration::from_secs(1)..=Duration::from_secs(30 * 86_400));
    if every.is_some() && buffer.is_some() {
        let fault = Fault::new("not with a topic, whose capture goes on all the time");
        every_at.problem(fault.hint("sluice apply --until-caught-up, by cron"), problems);
    }
    let sequences = sequences(&root.get("sequences"), problems);
    let limits = limits(&root.get("limits"), problems);
    let listen = root.get("serve").get("listen").read(problems, |s| {
        s.text
            .parse()
            .map_err(|_| Fault::new(format!("{} is no address with a port", s.shown())).hint("127.0.0.1:9847"))
    });
    let notify = notify(&root.get("notify"), problems);
    let backup = backup(&root.get("backup"), masking.bare.as_deref(), problems);
    let audit = root.get("audit").get("file").read(problems, |s| match s.text.as_str() {
        "" => Err(Fault::new("empty")),
        path => Ok(path.to_owned()),
    });
    for section in ["audit", "source", "target", "masking", "protect", "apply", "copy", "schedule", "limits", "serve"] {
        root.get(section).entries(problems);
    }
    root.get("limits").get("wal").entries(problems);
    Some(Config {
        pipeline: pipeline?,
        source: source?,
        target: target?,
        never_write,
        masking,
        tables,
        protect,
        protect_rows,
        on_referenced,
        overlay,
        buffer,
        apply,
        copy,
        every,
        sequences,
        limits,
        notify,
        backup,
        audit: Audit { file: audit },
        serve: Serve { listen },
    })
}

/// A name of a kind of which `good` says what it is made of.
pub(super) fn label(scalar: &Scalar, most: usize, of: &str, good: impl Fn(char) -> bool) -> Result<String, Fault> {
    let text = scalar.text.as_str();
    if !text.is_empty() && text.len() <= most && text.chars().all(good) {
        return Ok(text.to_owned());
    }
    Err(Fault::new(format!("{} is not a name", scalar.shown())).hint(format!("1 to {most} of {of}")))
}

fn needs_key(domains: &Domains, tables: &[TableEntry]) -> bool {
    let keyed = |class: &Class| matches!(class, Class::Mask { spec, .. } if spec.is_keyed());
    domains.values().any(MaskSpec::is_keyed)
        || tables.iter().any(|t| matches!(&t.rule, Rule::Copy { columns, .. } if columns.values().any(keyed)))
}

fn apply(at: &At<'_>, problems: &mut Problems) -> Apply {
    let error = [("stop", OnError::Stop), ("quarantine", OnError::Quarantine)];
    let divergence = [("heal", OnDivergence::Heal), ("stop", OnDivergence::Stop)];
    Apply {
        on_error: at.get("on_error").word(problems, &error).unwrap_or(OnError::Stop),
        max_quarantined: at.get("max_quarantined").number(problems, 1..=1_000_000).unwrap_or(100),
        on_divergence: at.get("on_divergence").word(problems, &divergence).unwrap_or(OnDivergence::Heal),
        ddl: at.get("ddl").word(problems, &[("off", Ddl::Off), ("additive", Ddl::Additive)]).unwrap_or(Ddl::Off),
    }
}

/// A topic says which columns a table has, and not what their types are made of; and who applies it may have no way to production.
fn ddl_needs_production(at: &At<'_>, apply: &Apply, buffer: Option<&Buffer>, problems: &mut Problems) {
    if apply.ddl == Ddl::Additive && buffer.is_some() {
        let fault =
            Fault::new("additive needs production beside the target, and with buffer.kafka a topic stands between");
        at.get("ddl")
            .problem(fault.hint("ddl: off; sluice schema diff and sluice schema apply do it by hand"), problems);
    }
}

fn copying(at: &At<'_>, problems: &mut Problems) -> Copying {
    Copying {
        slice: time(&at.get("slice"), problems, Duration::from_secs(1)..=Duration::from_secs(600))
            .unwrap_or(Duration::from_secs(30)),
        readers: at.get("readers").number(problems, 1..=64).unwrap_or(2) as usize,
        chunk_rows: at.get("chunk_rows").number(problems, 100..=10_000_000).unwrap_or(50_000),
        window: at.get("window").read(problems, |s| {
            Window::parse(&s.text).map_err(|why| Fault::new(why).hint("\"22:00-05:00 Europe/Berlin\""))
        }),
    }
}

/// `off`, or how far ahead.
fn sequences(at: &At<'_>, problems: &mut Problems) -> Option<Sequences> {
    if at.is_scalar() {
        at.word(problems, &[("off", ())]);
        return None;
    }
    at.entries(problems);
    Some(Sequences {
        // fewer, and one that others draw from could be set back
        margin: at.get("margin").number(problems, 100..=1 << 40).unwrap_or(1000),
        offset: at.get("offset").number(problems, 0..=1 << 62).unwrap_or(0),
    })
}

fn limits(at: &At<'_>, problems: &mut Problems) -> Limits {
    let words = [("required", SlotWalLimit::Required), ("ignore", SlotWalLimit::Ignore)];
    let wal = at.get("wal");
    let source = at.get("source");
    source.entries(problems);
    // the stream, who looks around, who holds the snapshot, and one reader
    let connections = source.get("connections").number(problems, 4..=1000);
    let drop = size_or(&wal.get("drop_slot"), "never", problems, MB..=1 << 50).flatten();
    let pause = size_or(&wal.get("pause_copy"), "never", problems, MB..=1 << 50);
    let pause = pause.unwrap_or_else(|| Some(drop.map_or(8192 * MB, |drop| (drop / 2).min(8192 * MB))));
    if drop.is_some_and(|drop| pause.is_none_or(|pause| pause >= drop)) {
        let fault =
            Fault::new("not above limits.wal.pause_copy: a copy would cost its own slot, and begin anew for ever");
        wal.get("drop_slot").problem(fault.hint("twice limits.wal.pause_copy, or more"), problems);
    }
    let rate = size_or(&source.get("rate"), "unlimited", problems, 64 << 10..=1 << 40).flatten();
    let idle = time(&source.get("idle"), problems, Duration::from_secs(10)..=Duration::from_secs(86_400))
        .unwrap_or(Duration::from_secs(300));
    if let Some(least) = rate.map(pace::least_idle).filter(|least| idle < *least) {
        let fault = Fault::new("too short for limits.source.rate: a reader that keeps to it would be taken for dead");
        source.get("idle").problem(fault.hint(format!("{} or more", units::show_time(least))), problems);
    }
    Limits {
        memory: size(&at.get("memory"), problems, 16 * MB..=1 << 40).unwrap_or(96 * MB),
        // PostgreSQL's own bounds
        logical_decoding_work_mem: size(&at.get("logical_decoding_work_mem"), problems, 64 << 10..=2047 << 30)
            .unwrap_or(64 * MB),
        wal_warn: size(&wal.get("warn"), problems, MB..=1 << 50).unwrap_or(4096 * MB),
        source_connections: connections.map(|n| n as usize),
        source_idle: idle,
        source_rate: rate,
        wal_pause_copy: pause,
        wal_drop_slot: drop,
        lag: time(&at.get("lag"), problems, Duration::from_millis(100)..=Duration::from_secs(7 * 86_400))
            .unwrap_or(Duration::from_secs(60)),
        max_slot_wal_keep_size: at
            .get("max_slot_wal_keep_size")
            .word(problems, &words)
            .unwrap_or(SlotWalLimit::Required),
    }
}

fn size(at: &At<'_>, problems: &mut Problems, range: RangeInclusive<u64>) -> Option<u64> {
    at.read(problems, |s| within(units::size(&s.text)?, range, units::show_size))
}

/// `Some(None)`: the word for none.
fn size_or(at: &At<'_>, none: &str, problems: &mut Problems, range: RangeInclusive<u64>) -> Option<Option<u64>> {
    at.read(problems, |s| match s.text.as_str() {
        word if word == none => Ok(None),
        text => within(units::size(text)?, range, units::show_size).map(Some),
    })
}

pub(super) fn time(at: &At<'_>, problems: &mut Problems, range: RangeInclusive<Duration>) -> Option<Duration> {
    at.read(problems, |s| within(units::time(&s.text)?, range, units::show_time))
}

fn within<T: PartialOrd + Copy>(value: T, range: RangeInclusive<T>, show: impl Fn(T) -> String) -> Result<T, Fault> {
    if range.contains(&value) {
        return Ok(value);
    }
    Err(Fault::new(format!("not within {} and {}", show(*range.start()), show(*range.end()))))
}
