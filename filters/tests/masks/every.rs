//! What all masks promise.

use std::collections::HashSet;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use filters::mask::{ColumnFacts, Empty, Injective, KINDS, MaskError};
use proptest::prelude::*;
use proptest::string::string_regex;

use super::trial::{Apart, BPCHAR, Hides, Made, Trial, VARCHAR, characters, config, key, many, soaks};
use super::trials;

/// Runs `check` on values of any kind and on values like those of the trial.
fn on_values(trial: &Trial, cases: u32, check: impl Fn(&[u8]) -> Result<(), TestCaseError>) {
    let like = string_regex(trial.like).unwrap().prop_map(String::into_bytes);
    let values = prop_oneof![
        2 => proptest::collection::vec(any::<u8>(), 0..200),
        2 => "\\PC{0,60}".prop_map(String::into_bytes),
        1 => "[0-9+() ./x@-]{0,90}".prop_map(String::into_bytes),
        4 => like,
    ];
    let mut runner = proptest::test_runner::TestRunner::new(config(cases));
    if let Err(e) = runner.run(&values, |value| check(&value)) {
        panic!("{}: {e}", trial.spec.describe());
    }
}

/// Holds every trial to `check`, as many at a time as there are processors. It gives the number of values that it looked at.
fn side_by_side(check: impl Fn(&Trial) -> u64 + Sync) {
    let waiting = Mutex::new(trials().into_iter());
    let next = || waiting.lock().unwrap().next();
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(trial) = next() {
                    let began = Instant::now();
                    let count = check(&trial);
                    if soaks() {
                        eprintln!("{count} values in {:.0?}: {}", began.elapsed(), trial.spec.describe());
                    }
                }
            });
        }
    });
}

#[test]
fn every_mask_is_listed_once_and_tried_with_vectors() {
    let listed: HashSet<_> = KINDS.iter().map(|k| k.name).collect();
    assert_eq!(listed.len(), KINDS.len());
    let tried: HashSet<_> = trials().iter().map(|t| t.spec.name()).collect();
    assert_eq!(tried, listed);
    let with_vectors: HashSet<_> = trials().iter().filter(|t| t.golden.is_some()).map(|t| t.spec.name()).collect();
    assert_eq!(with_vectors, listed);
}

#[test]
fn total_and_deterministic() {
    for trial in trials() {
        let (one, other) = (trial.made(), trial.made());
        on_values(&trial, 100, |value| {
            let out = one.outcome(value, 0);
            prop_assert_eq!(&out, &other.outcome(value, 0));
            if let (Ok(_), Some(out)) = (std::str::from_utf8(value), &out) {
                prop_assert!(std::str::from_utf8(out).is_ok(), "text becomes no text");
            }
            Ok(())
        });
    }
}

/// Five megabytes of one thing: no mask may be quadratic, overflow or give up.
#[test]
fn a_value_of_any_length() {
    for trial in trials() {
        let mask = trial.made();
        for part in ["a", "7", "é", " ", "\u{0}", "@", "a@b.c ", "{\"a\":[", "<a>", "{", "1,", "\\"] {
            let value = part.repeat(5_000_000 / part.len());
            let out = mask.outcome(value.as_bytes(), 0);
            assert!(trial.hides == Hides::No || out.as_deref() != Some(value.as_bytes()), "{:?}", trial.spec);
        }
        _ = mask.outcome(&vec![0xff; 5_000_000], 0);
    }
}

#[test]
fn what_cannot_be_read_is_counted_and_never_comes_out_as_it_was() {
    for trial in trials() {
        on_values(&trial, 100, |value| {
            let mask = trial.made();
            let out = mask.outcome(value, 0);
            prop_assert!(mask.unparsable() <= 1);
            prop_assert!(mask.unparsable() == 0 || out.as_deref() != Some(value));
            Ok(())
        });
    }
}

#[test]
fn a_readable_value_is_hidden() {
    for trial in trials() {
        let mask = trial.made();
        let read = |i: &u64| {
            let value = (trial.value)(*i).into_bytes();
            mask.outcome(&value, *i) == Some(value)
        };
        let same = (0..1000).filter(read).count();
        assert_eq!(mask.unparsable(), 0, "{}: these are readable", trial.spec.describe());
        let most = match trial.hides {
            Hides::Always => 0,
            Hides::Mostly => 30,
            Hides::No => 1000,
        };
        assert!(same <= most, "{}: {same} of a thousand stayed", trial.spec.describe());
    }
}

/// In every width in which the mask can be made at all.
#[test]
fn what_comes_out_fits_in_the_column() {
    for trial in trials().into_iter().filter(Trial::is_on_text) {
        for n in (1..48).chain([64, 200]) {
            for oid in [VARCHAR, BPCHAR] {
                let facts = ColumnFacts::new(oid, n + 4);
                let mask = match trial.made_for(&facts, &key(1), trial.domain) {
                    Ok(mask) => mask,
                    Err(MaskError::Narrow { needs, holds, .. }) => {
                        assert!(needs > holds && holds == n as usize, "{:?}", trial.spec);
                        continue;
                    }
                    Err(e) => panic!("{}: {e}", trial.spec.describe()),
                };
                on_values(&trial, 12, |value| {
                    let Ok(text) = std::str::from_utf8(value) else { return Ok(()) };
                    // what the column can hold to begin with
                    let value: String = text.chars().take(n as usize).collect();
                    let Some(out) = mask.outcome(value.as_bytes(), 0) else { return Ok(()) };
                    prop_assert!(characters(&out) <= n as usize, "{} characters in {}", characters(&out), n);
                    prop_assert!(!out.is_empty() || value.trim_end_matches(' ').is_empty());
                    Ok(())
                });
            }
        }
    }
}

#[test]
fn what_a_mask_promises_to_write_it_writes() {
    let mut promising = 0;
    for trial in trials() {
        let mask = trial.made();
        let Some(promised) = mask.writes() else { continue };
        promising += u32::from(promised != Default::default());
        on_values(&trial, 48, |value| {
            let before = mask.unparsable();
            let Some(out) = mask.outcome(value, 0) else { return Ok(()) };
            let read = mask.unparsable() == before;
            prop_assert!(!promised.small || !out.iter().any(u8::is_ascii_uppercase));
            prop_assert!(promised.longest.is_none_or(|n| characters(&out) <= n));
            prop_assert!(!promised.folds || !read || mask.outcome(&value.to_ascii_uppercase(), 0) == Some(out));
            Ok(())
        });
    }
    assert!(promising > 6);
}

#[test]
fn different_values_stay_different_where_the_mask_says_so() {
    side_by_side(|trial| {
        let mask = trial.made();
        if mask.injective() == Injective::No || trial.spec.name() == "null" {
            return 0;
        }
        let count = many(trial.apart).min(trial.whole);
        let mut apart = Apart::default();
        for i in 0..count {
            apart.add(i, &mask.outcome((trial.value)(i).as_bytes(), i));
        }
        assert_eq!(apart.meet(trial.value), None, "{}: two values became one", trial.spec.describe());
        assert_eq!(mask.unparsable(), 0, "{}", trial.spec.describe());
        count
    });
}

/// As made anew, value by value: nothing is carried from one to the next.
#[test]
fn many_values_come_out_as_they_did() {
    side_by_side(|trial| {
        let (one, other) = (trial.made(), trial.made());
        _ = other.outcome(b"something before", 0);
        let count = many(500).min(trial.whole);
        for i in 0..count {
            let value = (trial.value)(i);
            let of = |mask: &Made| mask.outcome(value.as_bytes(), i);
            assert_eq!(of(&one), of(&other), "{}: {value}", trial.spec.describe());
        }
        count
    });
}

#[test]
fn keys_and_domains_are_apart() {
    for trial in trials() {
        let of = |seed, domain| {
            let mask = trial.made_for(&trial.column, &key(seed), domain).unwrap();
            (0..50).map(|i| mask.outcome((trial.value)(i).as_bytes(), i)).collect::<Vec<_>>()
        };
        let own = format!("mask:{}", trial.spec.name());
        let one = of(1, None);
        assert_eq!(one, of(1, Some(&own)));
        // what other columns and masks within it give is of their domains
        for (other, keyed) in [(of(2, None), trial.is_keyed()), (of(1, Some("other")), trial.spec.kind().keyed)] {
            let equal = one.iter().zip(&other).filter(|(a, b)| a == b).count();
            match (keyed, trial.hides) {
                (false, _) => assert_eq!(equal, 50, "{}", trial.spec.describe()),
                (true, Hides::Always) => assert_eq!(equal, 0, "{}", trial.spec.describe()),
                (true, _) => assert!(equal < 25, "{}: {equal} of 50 alike", trial.spec.describe()),
            }
        }
    }
}

#[test]
fn empty_stays_empty_unless_the_mask_says_otherwise() {
    for trial in trials() {
        let mask = trial.made();
        if trial.spec.kind().empty == Empty::Stays {
            assert_eq!(mask.outcome(b"", 0), Some(Vec::new()), "{:?}", trial.spec);
        }
    }
}

#[test]
fn padding_is_no_part_of_the_value() {
    for trial in trials().into_iter().filter(Trial::is_on_text) {
        let mask = trial.made_for(&ColumnFacts::new(BPCHAR, 204), &key(1), trial.domain).unwrap();
        for i in 0..20 {
            let value = (trial.value)(i);
            let padded = format!("{value}{}", " ".repeat(i as usize));
            let of = |value: &str| mask.outcome(value.as_bytes(), i);
            assert_eq!(of(&value), of(&padded), "{:?}", trial.spec);
        }
    }
}

#[test]
fn a_column_of_another_type_is_refused() {
    const BYTEA: u32 = 17;
    for trial in trials() {
        let refused =
            matches!(trial.made_for(&ColumnFacts::new(BYTEA, -1), &key(1), None), Err(MaskError::Type { .. }));
        assert_eq!(refused, !trial.spec.kind().types.starts_with("any"), "{:?}", trial.spec);
    }
}
