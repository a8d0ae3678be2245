use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use filters::change::{Change, Column, Identity, Op, RowBuilder, Table, Value};
use filters::filter::{Filter, Verdict};
use filters::mask::{Mask, MaskSpec};
use filters::policy::{Class, Policy, TableRule, TableRules};
use proptest::prelude::*;

use super::trial::{Hides, Made, TEXT, Trial, VARCHAR, config, key, mask_of, masked};

const DATE: u32 = 1082;
const TIMESTAMP: u32 = 1114;
const TIMESTAMPTZ: u32 = 1184;

pub fn trials() -> Vec<Trial> {
    let trial = |settings| {
        let like = "[0-9]{4}-(0[1-9]|1[0-3])-[0-3][0-9]( 12:34:56([.]789)?([+]00)?)?( BC)?";
        // under two keys a day may move alike; that none stays is tested below
        Trial::new("date_shift", settings, day, like).hides(Hides::Mostly)
    };
    let zoned: fn(u64) -> String = |i| format!("{} 12:34:56.789+00", day(i));
    vec![
        trial(&[]).golden("date_shift"),
        trial(&[("days", 3650.into())]).golden("date_shift_date").on(DATE, -1),
        trial(&[("by", "customer".into())])
            .beside("customer", Class::Drop, |i| (i % 9).to_string())
            .golden("date_shift_by")
            .on(DATE, -1),
        Trial { value: zoned, ..trial(&[]) }.golden("date_shift_timestamptz").on(TIMESTAMPTZ, -1),
    ]
}

fn day(i: u64) -> String {
    format!("{:04}-{:02}-{:02}", 1900 + i % 200, 1 + i % 12, 1 + i % 28)
}

/// Days since 0000-03-01, counted another way than the mask does.
fn number(date: &str) -> i64 {
    let (date, bc) = (date.trim_end_matches(" BC"), date.ends_with(" BC"));
    let parts: Vec<i64> =
        date.get(..date.find(' ').unwrap_or(date.len())).unwrap().split('-').map(|p| p.parse().unwrap()).collect();
    let year = if bc { 1 - parts[0] } else { parts[0] };
    let (year, month) = if parts[1] > 2 { (year, parts[1] - 3) } else { (year - 1, parts[1] + 9) };
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + (153 * month + 2) / 5 + parts[2] - 1
}

fn on(oid: u32, days: i64) -> Mask {
    mask_of(&MaskSpec::of("date_shift", &[("days", days.into())]), oid, -1)
}

fn moved(mask: &Mask, value: &str) -> (String, i64) {
    let out = String::from_utf8(masked(mask, value.as_bytes())).unwrap();
    let by = number(&out) - number(value);
    (out, by)
}

#[test]
fn the_ends_of_the_types_are_not_left() {
    for (oid, last) in [(DATE, "5874897-12-31"), (TIMESTAMP, "294276-12-31 23:59:59.999999")] {
        for days in 1..20 {
            let mask = on(oid, days);
            assert!(moved(&mask, last).1 < 0);
            assert!(moved(&mask, "4714-11-24 BC").1 > 0);
            for never in ["infinity", "-infinity"] {
                assert_eq!(masked(&mask, never.as_bytes()), never.as_bytes());
            }
            assert_eq!(mask.unparsable(), 0);
        }
    }
}

/// Days of one customer move together, in whatever type they are; those of another by themselves.
#[test]
fn intervals_of_an_entity_survive() {
    let made = |oid, days: i64| {
        let settings = [("by", "customer".into()), ("days", days.into())];
        let trial = Trial::new("date_shift", &settings, day, "x").on(oid, -1);
        trial.beside("customer", Class::Drop, |i| i.to_string()).made()
    };
    let by = |made: &Made, value: &str, customer| {
        number(&String::from_utf8(made.outcome(value.as_bytes(), customer).unwrap()).unwrap()) - number(value)
    };
    let (dates, times) = (made(DATE, 365), made(TIMESTAMPTZ, 365));
    let shifts: HashSet<_> = (0..50)
        .map(|customer| {
            let shift = by(&dates, "2024-02-29", customer);
            for value in ["1970-01-01", "2023-12-31", "0044-03-15 BC"] {
                assert_eq!(by(&dates, value, customer), shift);
            }
            assert_eq!(by(&times, "2024-03-10 12:00:00+00", customer), shift);
            shift
        })
        .collect();
    assert!(shifts.len() > 40);
}

/// A value that the stream did not send is not guessed; a NULL has no entity, and goes by itself.
#[test]
fn an_entity_that_was_not_sent_is_fetched() {
    for (name, type_oid, value) in [("date_shift", DATE, "2024-02-29"), ("noise", 23, "1000000")] {
        let columns = [("own", type_oid), ("entity", TEXT)].map(|(name, type_oid)| Column {
            name: name.into(),
            type_oid,
            type_modifier: -1,
            key: false,
        });
        let identity = Identity::Full;
        let table = Arc::new(Table { oid: 1, schema: "s".into(), name: "t".into(), identity, columns: columns.into() });
        let class = |settings: &[_]| Class::Mask { spec: MaskSpec::of(name, settings), domain: None };
        let of = |class: Class, entity: Value<'_>| {
            let rule = TableRule::Copy(TableRules::new(BTreeMap::from([("own".to_owned(), class)]), Class::Keep));
            let policy = Policy { tables: BTreeMap::from([(("s".to_owned(), "t".to_owned()), rule)]) };
            let mut b = RowBuilder::new();
            [Value::Text(value.as_bytes()), entity].into_iter().for_each(|value| b.push(value));
            let op = Op::Update { old: None, new: b.finish() };
            match Filter::new(policy, key(1)).apply(Change { table: Arc::clone(&table), op }).unwrap() {
                Verdict::Keep(Change { op: Op::Update { new, .. }, .. }) => match new.get(0) {
                    Value::Text(text) => Some(text.to_vec()),
                    other => panic!("{other:?}"),
                },
                Verdict::NeedsRow { .. } => None,
                other => panic!("{other:?}"),
            }
        };
        let by = || class(&[("by", "entity".into())]);
        assert_eq!(of(by(), Value::Unchanged), None, "{name}");
        let alone = of(class(&[]), Value::Unchanged);
        assert!(alone.is_some());
        assert_eq!(of(by(), Value::Null), alone, "{name}");
        assert_ne!(of(by(), Value::Text(b"7")), alone, "{name}");
    }
}

#[test]
fn one_day_moves_as_one() {
    let mask = on(DATE, 1);
    let shifts: HashSet<_> = (0..40).map(|i| moved(&mask, &day(i)).1).collect();
    assert_eq!(shifts, HashSet::from([-1, 1]));
    let of = |oid, value| moved(&on(oid, 90), value).1;
    assert_eq!(of(DATE, "2024-02-29"), of(TIMESTAMPTZ, "2024-02-29 23:59:59+00"));
    assert_eq!(of(TEXT, "2024-02-29"), of(TIMESTAMP, "2024-02-29 00:00:00"));
}

#[test]
fn what_has_no_room_is_redacted() {
    let mask = mask_of(&MaskSpec::of("date_shift", &[("days", 36_500.into())]), VARCHAR, 10 + 4);
    for year in 9_900..10_000 {
        assert!(masked(&mask, format!("{year}-12-31").as_bytes()).len() <= 10);
    }
    assert!(mask.unparsable() > 10);
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn every_day_moves_and_not_too_far(year in 1i64..9999, month in 1u32..=12, day in 1u32..=28, bc in any::<bool>(), days in 1i64..=36_500) {
        let value = format!("{year:04}-{month:02}-{day:02} 01:02:03{}", if bc { " BC" } else { "" });
        prop_assume!(!bc || year < 4600);
        let (out, by) = moved(&on(TIMESTAMP, days), &value);
        prop_assert!(by != 0 && by.abs() <= days, "{} {}", value, out);
        prop_assert!(out.contains(" 01:02:03"));
    }
}
