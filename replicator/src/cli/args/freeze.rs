//! What `freeze` takes.

use std::time::Duration;

use clap::Args as ClapArgs;
use jiff::Timestamp;
use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;

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
    at(text, Timestamp::now(), &TimeZone::system()).map(|at| at.to_string())
}

fn at(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, String> {
    let wrong = |_| format!("{text} is no moment: 18:00, 2026-07-01T18:00 or 2026-07-01T18:00:00Z is wanted");
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    if let Ok(at) = text.parse::<DateTime>()
        && text.contains(':')
    {
        return zone.to_timestamp(at).map_err(wrong);
    }
    let time = text.parse::<Time>().map_err(wrong)?;
    let day = zone.to_datetime(now).date();
    let today = zone.to_timestamp(day.to_datetime(time)).map_err(wrong)?;
    if today > now {
        return Ok(today);
    }
    let tomorrow = day.tomorrow().map_err(wrong)?;
    zone.to_timestamp(tomorrow.to_datetime(time)).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_where_it_is_typed() {
        // in summer it is two hours ahead of UTC
        let now: Timestamp = "2026-07-01T15:30:00Z".parse().expect("a time");
        let zone = TimeZone::get("Europe/Berlin").expect("a zone");
        let at = |text| at(text, now, &zone);
        for (text, want) in [
            ("18:00", "2026-07-01T16:00:00Z"),
            ("17:00", "2026-07-02T15:00:00Z"),
            ("17:30:00", "2026-07-02T15:30:00Z"),
            ("2026-12-01T18:00", "2026-12-01T17:00:00Z"),
            ("2026-12-01 18:00", "2026-12-01T17:00:00Z"),
            ("2026-07-01T18:00:00Z", "2026-07-01T18:00:00Z"),
            ("2026-07-01T18:00:00+05:00", "2026-07-01T13:00:00Z"),
        ] {
            assert_eq!(at(text).map(|at| at.to_string()).as_deref(), Ok(want), "{text}");
        }
        for bad in ["", "2h", "25:00", "2026-07-01", "tomorrow", "2026-13-01T00:00"] {
            assert!(at(bad).is_err(), "{bad}");
        }
    }
}
