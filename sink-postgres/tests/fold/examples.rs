//! What folds into what, one by one, in a notation that can be read.

use filters::change::{Old, Op, Row};
use sink_postgres::plan::{Act, Item, Step, fold};

use crate::tables::{KINDS, Sent, maps, row, sent};

/// `keyed: insert 1,a,-; delete 2,-,-`; `-` is null, `?` was not sent.
pub fn show_all(steps: &[Step<'_>]) -> String {
    steps.iter().map(show).collect::<Vec<_>>().join("; ")
}

pub fn show_items(items: &[Item<'_>]) -> String {
    let item = |i: &Item<'_>| format!("{} {}", name(i.map), act(&i.act));
    items.iter().map(item).collect::<Vec<_>>().join("; ")
}

fn name(map: usize) -> &'static str {
    KINDS.get(map).map_or("nobody", |k| k.name)
}

fn show(step: &Step<'_>) -> String {
    let all = |rows: &mut dyn Iterator<Item = &Row>| rows.map(values).collect::<Vec<_>>().join(" ");
    match step {
        Step::Delete(map, rows) => format!("{} delete {}", name(*map), all(&mut rows.iter().copied())),
        Step::Absent(map, rows) => format!("{} absent {}", name(*map), all(&mut rows.iter().copied())),
        Step::Update(map, _, rows) => format!("{} update {}", name(*map), all(&mut rows.iter().map(|r| &**r))),
        Step::Remove(map, rows) => format!("{} remove {}", name(*map), all(&mut rows.iter().copied())),
        Step::Put(map, rows) => format!("{} put {}", name(*map), all(&mut rows.iter().map(|r| &**r))),
        Step::Insert(map, rows) => format!("{} insert {}", name(*map), all(&mut rows.iter().map(|r| &**r))),
        Step::Single(map, one) => format!("{} alone {}", name(*map), act(one)),
    }
}

fn act(act: &Act<'_>) -> String {
    match act {
        Act::Insert(row) => format!("insert {}", values(row)),
        Act::Update { old: None, new } => format!("update {}", values(new)),
        Act::Update { old: Some(old), new } => format!("update {}>{}", values(old), values(new)),
        Act::Delete(row) => format!("delete {}", values(row)),
        Act::Truncate => "truncate".into(),
    }
}

fn values(row: &Row) -> String {
    let value = |i| match sent(row, i) {
        Sent::Null => "-".into(),
        Sent::Unchanged => "?".into(),
        Sent::Text(v) => v,
    };
    (0..row.len()).map(value).collect::<Vec<_>>().join(",")
}

/// Reads what [`show_items`] writes.
fn read(notation: &str) -> (usize, Op) {
    let values = |text: &str| {
        let value = |v: &str| match v {
            "-" => Sent::Null,
            "?" => Sent::Unchanged,
            v => Sent::Text(v.into()),
        };
        row(&text.split(',').map(value).collect::<Vec<_>>())
    };
    let mut words = notation.split(' ');
    let mut word = || words.next().unwrap_or("");
    let (name, what, rows) = (word(), word(), word());
    let op = match (what, rows.split_once('>')) {
        ("insert", _) => Op::Insert { new: values(rows) },
        ("update", None) => Op::Update { old: None, new: values(rows) },
        ("update", Some((old, new))) => Op::Update { old: Some(Old::Key(values(old))), new: values(new) },
        ("delete", _) => Op::Delete { old: Old::Key(values(rows)) },
        ("truncate", _) => Op::Truncate { restart_identity: false },
        _ => panic!("{notation}"),
    };
    (KINDS.iter().position(|k| k.name == name).unwrap_or(KINDS.len()), op)
}

pub fn act_of(op: &Op) -> Act<'_> {
    match op {
        Op::Insert { new } => Act::Insert(new),
        Op::Update { old, new } => Act::Update { old: old.as_ref().map(Old::row), new },
        Op::Delete { old } => Act::Delete(old.row()),
        Op::Truncate { .. } => Act::Truncate,
        Op::Due { .. } => panic!("it is never folded"),
    }
}

#[track_caller]
fn check(changes: &[&str], steps: &[&str]) {
    let read: Vec<(usize, Op)> = changes.iter().map(|c| read(c)).collect();
    let items: Vec<Item<'_>> = read.iter().map(|(map, op)| Item { map: *map, act: act_of(op) }).collect();
    assert_eq!(show_items(&items), changes.join("; "));
    assert_eq!(show_all(&fold(maps(), items)), steps.join("; "));
}

#[test]
fn a_row_is_written_once_with_its_last_values() {
    check(&[], &[]);
    check(&["keyed insert 1,a,b", "keyed update 1,c,b", "keyed update 1,d,?"], &["keyed insert 1,d,b"]);
    check(&["keyed update 1,c,b", "keyed update 1,d,?", "keyed update 1,?,e"], &["keyed update 1,d,e"]);
    check(&["keyed update 1,?,b", "keyed update 1,?,?"], &["keyed update 1,?,b"]);
    check(&["keyed update 1,a,b", "keyed delete 1,-,-"], &["keyed delete 1,a,b"]);
    check(&["keyed insert 1,a,b", "keyed delete 1,-,-"], &["keyed absent 1,a,b"]);
    check(&["keyed insert 1,a,b", "keyed delete 1,-,-", "keyed insert 1,c,-"], &["keyed insert 1,c,-"]);
    check(&["keyed delete 1,-,-", "keyed insert 1,c,-"], &["keyed update 1,c,-"]);
    check(&["keyed delete 1,-,-", "keyed insert 1,c,-", "keyed delete 1,-,-"], &["keyed delete 1,-,-"]);
    check(&["keyed update 1,-,->1,a,b"], &["keyed update 1,a,b"]);
}

#[test]
fn keys_that_look_alike_are_told_apart() {
    check(&["keyed insert 1,a,-", "whole_keyed delete 1,a,-"], &["whole_keyed delete 1,a,-", "keyed insert 1,a,-"]);
    check(&["only_key insert 1,12", "only_key delete 11,2"], &["only_key delete 11,2", "only_key insert 1,12"]);
    check(&["only_key insert 1,2", "only_key delete 2,1"], &["only_key delete 2,1", "only_key insert 1,2"]);
    check(&["composite update a,1,2,b", "composite update c,1,2,?"], &["composite update c,1,2,b"]);
    check(&["any_case delete a,-", "any_case insert A,1"], &["any_case delete a,-", "any_case insert A,1"]);
}

#[test]
fn values_are_freed_before_they_are_taken() {
    check(
        &["with_unique insert 3,7,-", "with_unique update 2,8,-", "keyless insert a,b", "with_unique delete 1,-,-"],
        &["with_unique delete 1,-,-", "with_unique update 2,8,-", "with_unique insert 3,7,-", "keyless insert a,b"],
    );
    // what was not sent is left out of the statement, so such updates go apart
    check(
        &["keyed update 1,a,b", "keyed update 2,?,b", "keyed update 3,c,d", "keyed update 4,?,e"],
        &["keyed update 1,a,b 3,c,d", "keyed update 2,?,b 4,?,e"],
    );
}

#[test]
fn what_does_not_fold_stands_alone_and_in_its_place() {
    let (before, after) = ("keyed update 1,a,b", "keyed update 1,c,d");
    for (change, alone) in [
        ("keyed truncate", "keyed alone truncate"),
        ("keyed update 1,-,->2,e,f", "keyed alone update 1,-,->2,e,f"),
        ("long_key update -,~1,1,->a,?,1,b", "long_key alone update -,~1,1,->a,?,1,b"),
        ("whole_keyless update a,b>a,c", "whole_keyless alone update a,b>a,c"),
        ("whole_keyless delete a,b", "whole_keyless alone delete a,b"),
    ] {
        check(&["keyless insert a,b", before, change, after], &[before, "keyless insert a,b", alone, after]);
    }
    // a column that cannot be SET: the row goes and comes again
    check(
        &["always_key delete 1,-,-", "always_key insert 1,a,-"],
        &["always_key delete 1,-,-", "always_key insert 1,a,-"],
    );
}

#[test]
fn what_cannot_be_is_handed_on() {
    check(&["nobody insert 1"], &["nobody alone insert 1"]);
    check(&["keyed insert -,a,b"], &["keyed alone insert -,a,b"]);
    check(&["keyed insert 1,?,b"], &["keyed alone insert 1,?,b"]);
    check(&["keyed delete ?,-,-"], &["keyed alone delete ?,-,-"]);
    check(&["keyless update a,b"], &["keyless alone update a,b"]);
    let twice = ["keyed insert 1,a,b", "keyed insert 1,c,d"];
    check(&[twice[0], twice[1], "keyed delete 1,-,-"], &[twice[0], twice[1], "keyed delete 1,-,-"]);
}
