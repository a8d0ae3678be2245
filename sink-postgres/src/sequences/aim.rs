//! How far a sequence of the target has to go, given how far production's is. Pure.
//!
//! Numbers are reckoned in `i128`, and mirrored where a sequence goes down: then "ahead" is always "more".

/// How far ahead of production the target's sequences are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Numbers that production may draw until the next look.
    pub margin: u64,
    /// Distance to a range of staging's own.
    pub offset: u64,
}

/// How far a sequence is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// The last number that it gave.
    pub last: i128,
    /// Its increment.
    pub step: i64,
}

impl Drawn {
    /// One number before: `last` was not given yet.
    pub fn before(self) -> Drawn {
        Drawn { last: self.last - i128::from(self.step), ..self }
    }
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// Nothing: it is far enough ahead.
    Stays,
    /// It is to be set to this number.
    To(i64),
    /// What was asked for does not fit below its end: so far is it to be set, if it is not there.
    Short(Option<i64>),
    /// Production's last number is beyond its end.
    Beyond,
    /// The two go in opposite directions.
    Opposed,
}

/// `here` is the target's, `there` production's, `bounds` the least and the greatest number that the target's column can take.
pub fn aim(here: &Drawn, there: &Drawn, bounds: (i64, i64), rule: &Rule) -> Aim {
    let down = here.step < 0;
    if down != (there.step < 0) {
        return Aim::Opposed;
    }
    let mirrored = |n: i128| if down { -n } else { n };
    let (first, end) = if down { (bounds.1, bounds.0) } else { bounds };
    let (first, end) = (mirrored(first.into()), mirrored(end.into()));
    let (here, last) = (mirrored(here.last), mirrored(there.last));
    let step = i128::from(there.step.unsigned_abs());
    let margin = i128::from(rule.margin).saturating_mul(step);
    // production's numbers, and staging's own, lie on one grid: who hands out blocks of fifty counts on that
    let offset = (i128::from(rule.offset) + step - 1).div_euclid(step) * step;
    let asked = offset.max(margin);
    for distance in [asked, margin, 0] {
        let least = last + distance;
        // the last number of all leaves none to draw
        if least > end || distance > 0 && least == end {
            continue;
        }
        let to = if least + margin < end { least + margin } else { least }.max(first);
        let to = (here < least && here < to).then(|| i64::try_from(mirrored(to)).ok()).flatten();
        return match (distance == asked, to) {
            (true, None) => Aim::Stays,
            (true, Some(to)) => Aim::To(to),
            (false, to) => Aim::Short(to),
        };
    }
    Aim::Beyond
}

#[cfg(test)]
mod tests {
    use super::*;

    const BIG: (i64, i64) = (1, i64::MAX);
    const RULE: Rule = Rule { margin: 1000, offset: 0 };

    fn up(last: i128) -> Drawn {
        Drawn { last, step: 1 }
    }

    #[test]
    fn it_is_kept_ahead_and_never_set_back() {
        assert_eq!(aim(&up(0), &up(500), BIG, &RULE), Aim::To(2500), "twice the margin, so that it is rarely moved");
        assert_eq!(aim(&up(2500), &up(1500), BIG, &RULE), Aim::Stays);
        assert_eq!(aim(&up(2500), &up(1501), BIG, &RULE), Aim::To(3501));
        for here in [2501, 1_000_000, i64::MAX.into()] {
            assert_eq!(aim(&up(here), &up(1501), BIG, &RULE), Aim::Stays, "{here}");
        }
    }

    #[test]
    fn one_that_gave_nothing_stands_before_its_first() {
        assert_eq!(up(1).before(), up(0));
        assert_eq!(Drawn { last: -1, step: -1 }.before(), Drawn { last: 0, step: -1 });
    }

    #[test]
    fn steps_and_directions() {
        let by = |step, last| Drawn { last, step };
        assert_eq!(aim(&by(50, 0), &by(50, 101), BIG, &RULE), Aim::To(101 + 2 * 50 * 1000), "on production's grid");
        let down = (i64::MIN, -1);
        assert_eq!(aim(&by(-1, 0), &by(-1, -7), down, &RULE), Aim::To(-2007));
        assert_eq!(aim(&by(-1, -3000), &by(-1, -7), down, &RULE), Aim::Stays);
        assert_eq!(aim(&by(-1, 0), &by(1, 7), down, &RULE), Aim::Opposed);
        // the target counts otherwise than production: production's steps are what comes
        assert_eq!(aim(&by(1, 0), &by(10, 5), BIG, &RULE), Aim::To(5 + 2 * 10 * 1000));
    }

    #[test]
    fn a_range_of_its_own() {
        let own = Rule { margin: 1000, offset: 1_000_000_000 };
        assert_eq!(aim(&up(0), &up(5), BIG, &own), Aim::To(1_000_001_005));
        let by = |step, last| Drawn { last, step };
        let Aim::To(to) = aim(&by(7, 0), &by(7, 5), BIG, &own) else { panic!("it is set") };
        assert_eq!((to - 5) % 7, 0, "on production's grid: {to}");
        assert!(to - 5 >= 1_000_000_000);
    }

    #[test]
    fn never_beyond_the_end() {
        let int = (1, i64::from(i32::MAX));
        let own = Rule { margin: 1000, offset: 2_000_000_000 };
        assert_eq!(
            aim(&up(0), &up(1_000_000_000), int, &own),
            Aim::Short(Some(1_000_002_000)),
            "the range has no room"
        );
        assert_eq!(aim(&up(1_000_002_000), &up(1_000_000_500), int, &own), Aim::Short(None));
        let small = (1, i64::from(i16::MAX));
        assert_eq!(aim(&up(0), &up(31_500), small, &RULE), Aim::To(32_500), "once the margin, where twice has no room");
        assert_eq!(aim(&up(0), &up(32_000), small, &RULE), Aim::Short(Some(32_000)));
        assert_eq!(aim(&up(32_300), &up(32_000), small, &RULE), Aim::Short(None));
        assert_eq!(aim(&up(0), &up(32_767), small, &RULE), Aim::Short(Some(32_767)), "spent, as production's is");
        assert_eq!(aim(&up(0), &up(32_768), small, &RULE), Aim::Beyond);
        assert_eq!(aim(&up(0), &up(i64::MAX.into()), BIG, &RULE), Aim::Short(Some(i64::MAX)));
        let huge = Rule { margin: u64::MAX, offset: u64::MAX };
        assert_eq!(aim(&up(0), &up(5), BIG, &huge), Aim::Short(Some(5)));
    }

    #[test]
    fn a_target_that_begins_later() {
        let late = (5_000, i64::MAX);
        let here = Drawn { last: 5_000, step: 1 }.before();
        assert_eq!(aim(&here, &up(10), late, &RULE), Aim::Stays);
        let by = |step, last| Drawn { last, step };
        assert_eq!(aim(&by(10_000, -5_000), &by(1, 10), late, &RULE), Aim::To(5_000), "not below its first");
    }
}
