//! The hours of a day in which parts of a copy may begin.
//!
//! A time of day is what the clock on that wall shows: in the night in which it is set, the window is an hour longer or shorter.

use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::TimeZone;

/// From one time of day to another, which may be of the next day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    begin: Time,
    end: Time,
    zone: TimeZone,
    text: String,
}

impl Window {
    /// Reads `22:00-05:00 Europe/Berlin`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Window, &'static str> {
        let (hours, zone) = text.trim().split_once(' ').ok_or("no time zone")?;
        let (begin, end) = hours.split_once('-').ok_or("no two times of day")?;
        let (begin, end) = (time(begin)?, time(end)?);
        if begin == end {
            return Err("begins when it ends");
        }
        let zone = TimeZone::get(zone.trim()).map_err(|_| "no such time zone")?;
        Ok(Window { begin, end, zone, text: text.trim().to_owned() })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// May a part begin at this moment?
    pub fn is_open(&self, at: Timestamp) -> bool {
        let now = self.zone.to_datetime(at).time();
        match self.begin < self.end {
            true => (self.begin..self.end).contains(&now),
            false => now >= self.begin || now < self.end,
        }
    }

    /// May one begin now?
    pub fn is_open_now(&self) -> bool {
        self.is_open(Timestamp::now())
    }
}

fn time(text: &str) -> Result<Time, &'static str> {
    let wrong = "not a time of day";
    let (hour, minute) = text.split_once(':').ok_or(wrong)?;
    let number = |digits: &str| match digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit()) {
        true => digits.parse::<i8>().map_err(|_| wrong),
        false => Err(wrong),
    };
    Time::new(number(hour)?, number(minute)?, 0, 0).map_err(|_| wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(window: &str, at: &str) -> bool {
        Window::parse(window).unwrap().is_open(at.parse().unwrap())
    }

    #[test]
    fn a_night_has_two_ends() {
        let night = "22:00-05:00 Europe/Berlin";
        // in summer it is two hours ahead of UTC
        for (at, is) in [
            ("2026-07-01T19:59:59Z", false),
            ("2026-07-01T20:00:00Z", true),
            ("2026-07-02T02:59:59Z", true),
            ("2026-07-02T03:00:00Z", false),
            ("2026-01-01T20:59:59Z", false),
            ("2026-01-01T21:00:00Z", true),
        ] {
            assert_eq!(open(night, at), is, "{at}");
        }
        assert!(open("09:00-17:30 UTC", "2026-01-01T17:29:59Z") && !open("09:00-17:30 UTC", "2026-01-01T17:30:00Z"));
    }

    #[test]
    fn the_clock_on_the_wall_counts() {
        // 02:00 becomes 03:00 on that day: half an hour that is not there is no window
        let gap = "02:00-02:30 Europe/Berlin";
        assert!(!open(gap, "2026-03-29T01:00:00Z") && !open(gap, "2026-03-29T00:59:59Z"));
        // 03:00 becomes 02:00 on that day: it is there twice
        assert!(open(gap, "2026-10-25T00:15:00Z") && open(gap, "2026-10-25T01:15:00Z"));
    }

    #[test]
    fn what_is_no_window_says_why() {
        for (text, why) in [
            ("22:00-05:00", "no time zone"),
            ("22:00 UTC", "no two times of day"),
            ("22-5 UTC", "not a time of day"),
            ("22:00-24:00 UTC", "not a time of day"),
            ("22:00-+5:00 UTC", "not a time of day"),
            ("05:00-05:00 UTC", "begins when it ends"),
            ("22:00-05:00 Europe/Nowhere", "no such time zone"),
        ] {
            assert_eq!(Window::parse(text), Err(why), "{text}");
        }
        assert_eq!(Window::parse(" 22:00-05:00 UTC ").unwrap().text(), "22:00-05:00 UTC");
    }
}
