//! How numbers are shown to a person, wherever they are: counts, sizes, times.

use std::time::Duration;

/// `12,481,220`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `41 kB`, `1.2 MB`: powers of 1024, as PostgreSQL has them.
pub fn size(bytes: u64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB", "PB"];
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 1000.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    let name = units.get(unit).unwrap_or(&"B");
    if unit == 0 || value >= 9.95 { format!("{value:.0} {name}") } else { format!("{value:.1} {name}") }
}

/// `0.3 s`, `41 s`, `12 min`, `3 h`, `2 days`.
pub fn time(seconds: f64) -> String {
    match seconds.max(0.0) {
        s if s < 9.95 => format!("{s:.1} s"),
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.0} h", s / 3600.0),
        s => format!("{:.0} days", s / 86_400.0),
    }
}

/// The same in whole seconds: of what is set in seconds, or longer.
pub fn whole_time(seconds: f64) -> String {
    time(seconds.max(0.0).round()).replace(".0 ", " ")
}

/// `now`, `2 s ago`.
pub fn ago(seconds: f64) -> String {
    if seconds < 1.0 { "now".into() } else { format!("{} ago", whole_time(seconds)) }
}

/// How long something took: `0.4 s`, `1 min 12 s`.
pub fn took(time: Duration) -> String {
    match time.as_secs_f64() {
        s if s < 59.95 => format!("{s:.1} s"),
        s => format!("{} min {} s", (s.round() as u64) / 60, (s.round() as u64) % 60),
    }
}

/// `1 row`, `2 rows`.
pub fn some(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_at_a_glance() {
        for (n, want) in [(0, "0"), (999, "999"), (1000, "1,000"), (12_481_220, "12,481,220")] {
            assert_eq!(count(n), want);
        }
        for (n, want) in
            [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (42_000, "41 kB"), (4 << 30, "4.0 GB"), (12 << 20, "12 MB")]
        {
            assert_eq!(size(n), want);
        }
        for (s, want) in [(0.31, "0.3 s"), (41.0, "41 s"), (720.0, "12 min"), (10_800.0, "3 h"), (200_000.0, "2 days")]
        {
            assert_eq!(time(s), want);
        }
        for (s, want) in [(0.2, "now"), (2.4, "2 s ago"), (300.0, "5 min ago")] {
            assert_eq!(ago(s), want);
        }
        assert_eq!(took(Duration::from_millis(72_300)), "1 min 12 s");
        assert_eq!((some(1, "row", "rows"), some(2, "row", "rows")), ("1 row".into(), "2 rows".into()));
    }
}
