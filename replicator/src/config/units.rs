//! Sizes and times, each with its unit: `64MB`, `500ms`. A bare number is refused: nobody remembers what it counts.

use std::time::Duration;

use super::problem::Fault;

/// As PostgreSQL has them: powers of 1024, whatever the name.
const SIZES: &[(&str, u64)] = &[
    ("B", 1),
    ("kB", 1 << 10),
    ("KB", 1 << 10),
    ("KiB", 1 << 10),
    ("MB", 1 << 20),
    ("MiB", 1 << 20),
    ("GB", 1 << 30),
    ("GiB", 1 << 30),
    ("TB", 1 << 40),
    ("TiB", 1 << 40),
];

/// In milliseconds.
const TIMES: &[(&str, u64)] =
    &[("ms", 1), ("s", 1_000), ("m", 60_000), ("min", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Bytes of `64MB`.
pub(super) fn size(text: &str) -> Result<u64, Fault> {
    number(text, SIZES, "a size", "64MB", "B, kB, MB, GB or TB")
}

/// The duration of `30m`.
pub(super) fn time(text: &str) -> Result<Duration, Fault> {
    number(text, TIMES, "a time", "30s", "ms, s, m, h or d").map(Duration::from_millis)
}

/// The same as somebody types it behind a flag.
pub(crate) fn typed_time(text: &str) -> Result<Duration, String> {
    time(text).map_err(|fault| match fault.hint {
        Some(hint) => format!("{} ({hint})", fault.what),
        None => fault.what,
    })
}

fn number(text: &str, units: &[(&str, u64)], a: &str, example: &str, names: &str) -> Result<u64, Fault> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let bad = |what: String| Err(Fault::new(what).hint(format!("a whole number with its unit ({names}): {example}")));
    if digits.is_empty() {
        return bad(format!("not {a}"));
    }
    match units.iter().find(|(name, _)| *name == unit.trim_start()) {
        Some((_, factor)) => match digits.parse::<u64>().ok().and_then(|n| n.checked_mul(*factor)) {
            Some(n) => Ok(n),
            None => Err(Fault::new("too large")),
        },
        None if unit.is_empty() => bad("a number without a unit".to_owned()),
        None => bad(format!("not {a}")),
    }
}

/// `96MB`: with the largest unit that divides it.
pub(super) fn show_size(bytes: u64) -> String {
    let (unit, factor) = [("TB", 1 << 40), ("GB", 1 << 30), ("MB", 1 << 20), ("kB", 1 << 10), ("B", 1u64)]
        .into_iter()
        .find(|(_, factor)| bytes >= *factor && bytes.is_multiple_of(*factor))
        .unwrap_or(("B", 1));
    format!("{}{unit}", bytes / factor)
}

/// `30s`: with the largest unit that divides it.
pub(crate) fn show_time(time: Duration) -> String {
    let millis = time.as_millis();
    let (unit, factor) = [("h", 3_600_000), ("m", 60_000), ("s", 1_000)]
        .into_iter()
        .find(|(_, factor)| millis >= *factor && millis.is_multiple_of(*factor))
        .unwrap_or(("ms", 1));
    format!("{}{unit}", millis / factor)
}
