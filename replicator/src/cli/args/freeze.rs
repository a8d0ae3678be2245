//! What `freeze` takes.

use std::time::Duration;

use clap::Args as ClapArgs;

use crate::config::typed_time;

/// `freeze`.
#[derive(Debug, ClapArgs)]
pub struct Freeze {
    /// It ends by itself then: 18:00, 2026-07-01T18:00, 2026-07-01T18:00:00Z. A time of day is the next one
    #[arg(long, value_name = "TIME", value_parser = moment, conflicts_with = "length")]
    pub until: Option<String>,
    /// It ends by itself after this time (30m, 2h)
    #[arg(long = "for", value_name = "TIME", value_parser = typed_time)]
    pub length: Option<Duration>,
    /// What for, for whoever meets it
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub reason: String,
    /// Wait so long for the running sluice to say that staging stands; then exit code 7, and the freeze holds all the same
    #[arg(long, value_name = "TIME", value_parser = typed_time, default_value = "60s")]
    pub timeout: Duration,
}

/// A moment, as a server reads it. Without an offset it is one of this machine's time zone.
fn moment(text: &str) -> Result<String, String> {
    at(text, &jiff::Zoned::now()).map(|at| at.to_string())
}

fn at(text: &str, now: &jiff::Zoned) -> Result<jiff::Timestamp, String> {
    let wrong = |_| format!("{text} is no moment: 18:00, 2026-07-01T18:00 or 2026-07-01T18:00:00Z is wanted");
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Ok(at);
    }
    if let Ok(at) = text.parse::<jiff::civil::DateTime>()
        && text.contains(':')
    {
        return at.to_zoned(now.time_zone().clone()).map(|at| at.timestamp()).map_err(wrong);
    }
    let time = text.parse::<jiff::civil::Time>().map_err(wrong)?;
    let today = now.date().to_datetime(time).to_zoned(now.time_zone().clone()).map_err(wrong)?;
    if today > *now {
        return Ok(today.timestamp());
    }
    let tomorrow = now.date().tomorrow().map_err(wrong)?.to_datetime(time);
    tomorrow.to_zoned(now.time_zone().clone()).map(|at| at.timestamp()).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_where_it_is_typed() {
        // in summer it is two hours ahead of UTC
        let now: jiff::Zoned = "2026-07-01T17:30[Europe/Berlin]".parse().expect("a time");
        for (text, want) in [
            ("18:00", "2026-07-01T16:00:00Z"),
            ("17:00", "2026-07-02T15:00:00Z"),
            ("17:30:00", "2026-07-02T15:30:00Z"),
            ("2026-12-01T18:00", "2026-12-01T17:00:00Z"),
            ("2026-12-01 18:00", "2026-12-01T17:00:00Z"),
            ("2026-07-01T18:00:00Z", "2026-07-01T18:00:00Z"),
            ("2026-07-01T18:00:00+05:00", "2026-07-01T13:00:00Z"),
        ] {
            assert_eq!(at(text, &now).map(|at| at.to_string()).as_deref(), Ok(want), "{text}");
        }
        for bad in ["", "2h", "25:00", "2026-07-01", "tomorrow", "2026-13-01T00:00"] {
            assert!(at(bad, &now).is_err(), "{bad}");
        }
    }
}
