//! A policy on whole changes, and on lines of COPY: both ways give the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::BytesMut;
use filters::change::{Change, Column, Identity, Old, Op, Row, RowBuilder, Table, Value};
use filters::filter::{Compiled, Filter, FilterError, Verdict};
use filters::key::MaskKey;
use filters::mask::{MaskError, MaskSpec};
use filters::policy::{Class, Policy, TableRule, TableRules};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn config() -> ProptestConfig {
    let mut config = ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() };
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(1);
    }
    config
}

fn table(columns: usize) -> Arc<Table> {
    let column = |i: usize| Column { name: format!("c{i}").into(), type_oid: 25, type_modifier: -1, key: i == 0 };
    Arc::new(Table {
        oid: 16400,
        schema: "public".into(),
        name: "t".into(),
        identity: Identity::Default,
        columns: (0..columns).map(column).collect(),
    })
}

fn filter(classes: &[Class]) -> Filter {
    let columns = classes.iter().enumerate().map(|(i, class)| (format!("c{i}"), class.clone())).collect();
    let rule = TableRule::Copy(TableRules::new(columns, Class::Withheld));
    let policy = Policy { tables: BTreeMap::from([(("public".into(), "t".into()), rule)]) };
    Filter::new(policy, MaskKey::new(&[1; 32]).unwrap())
}

fn compiled(classes: &[Class]) -> Arc<Compiled> {
    filter(classes).compile(&table(classes.len())).unwrap().unwrap()
}

fn mask(spec: MaskSpec) -> Class {
    Class::Mask { spec, domain: None }
}

fn short_hash() -> MaskSpec {
    MaskSpec::of("hash", &[("length", 8.into())])
}

fn row(values: &[Value<'_>]) -> Row {
    let mut b = RowBuilder::new();
    values.iter().for_each(|v| b.push(*v));
    b.finish()
}

fn text(values: &[&'static str]) -> Row {
    row(&values.iter().map(|v| Value::Text(v.as_bytes())).collect::<Vec<_>>())
}

fn kept(verdict: Verdict) -> Change {
    match verdict {
        Verdict::Keep(change) => change,
        other => panic!("{other:?}"),
    }
}

#[test]
fn new_old_and_key_meet_the_same_mask() {
    let mut filter = filter(&[mask(short_hash()), mask(short_hash()), Class::Keep, Class::Drop]);
    let table = table(4);
    let new = text(&["1", "a", "x", "gone"]);
    let key = row(&[Value::Text(b"1"), Value::Null, Value::Null, Value::Null]);
    let mut out = |op| kept(filter.apply(Change { table: Arc::clone(&table), op }).unwrap()).op;

    let Op::Insert { new: inserted } = out(Op::Insert { new: new.clone() }) else { panic!() };
    let id = inserted.get(0);
    assert_ne!(id, Value::Text(b"1"));
    assert_eq!(inserted.len(), 3);
    assert_eq!(inserted.get(2), Value::Text(b"x"));

    let Op::Update { old: Some(Old::Full(full)), new: updated } =
        out(Op::Update { old: Some(Old::Full(new.clone())), new: new.clone() })
    else {
        panic!()
    };
    assert_eq!(full, inserted);
    assert_eq!(updated, inserted);

    let Op::Delete { old: Old::Key(key) } = out(Op::Delete { old: Old::Key(key) }) else { panic!() };
    assert_eq!(key.values().collect::<Vec<_>>(), [id, Value::Null, Value::Null]);

    let Op::Update { old: None, .. } = out(Op::Update { old: None, new }) else { panic!() };
    let truncate = Op::Truncate { restart_identity: true };
    assert_eq!(out(truncate.clone()), truncate);
}

#[test]
fn nulls_and_unchanged_values_stay_what_they_are() {
    for spec in [
        short_hash(),
        MaskSpec::of("constant", &[("value", "c".into())]),
        MaskSpec::of("null", &[]),
        MaskSpec::of("name", &[]),
    ] {
        let compiled = compiled(&[mask(spec.clone()), mask(spec)]);
        let mut b = RowBuilder::new();
        let values = [Value::Null, Value::Unchanged];
        assert_eq!(compiled.row(&row(&values), &mut b).unwrap().values().collect::<Vec<_>>(), values);
    }
}

#[test]
fn nothing_is_made_anew_where_nothing_is_done() {
    let mut filter = filter(&[Class::Keep, Class::Keep]);
    let table = table(2);
    assert!(filter.compile(&table).unwrap().unwrap().untouched());
    let change = Change { table: Arc::clone(&table), op: Op::Insert { new: text(&["1", "2"]) } };
    let out = kept(filter.apply(change.clone()).unwrap());
    assert_eq!(out, change);
    assert!(Arc::ptr_eq(&out.table, &table));

    // masked, but nothing left out: still the same table
    let compiled = compiled(&[Class::Keep, mask(short_hash())]);
    assert!(!compiled.untouched());
    assert_eq!(compiled.sources(), [0, 1]);
}

#[test]
fn a_shape_that_comes_again_keeps_its_output_and_a_new_one_does_not() {
    let mut filter = filter(&[Class::Keep, Class::Drop]);
    let mut out = |table: &Arc<Table>, row: Row| {
        kept(filter.apply(Change { table: Arc::clone(table), op: Op::Insert { new: row } }).unwrap()).table
    };
    let first = out(&table(2), text(&["1", "2"]));
    assert!(Arc::ptr_eq(&first, &out(&table(2), text(&["1", "2"]))));
    // a column that nobody has classified is withheld
    let wider = table(3);
    let second = out(&wider, text(&["1", "2", "secret"]));
    assert_eq!(second.columns.len(), 1);
    assert!(!Arc::ptr_eq(&first, &second));
}

#[test]
fn a_table_that_is_not_named_is_not_replicated() {
    for rule in [None, Some(TableRule::Structure), Some(TableRule::Exclude)] {
        let tables = rule.into_iter().map(|rule| (("public".into(), "t".into()), rule)).collect();
        let mut filter = Filter::new(Policy { tables }, MaskKey::new(&[1; 32]).unwrap());
        let table = table(1);
        assert!(filter.compile(&table).unwrap().is_none());
        let change = Change { table, op: Op::Truncate { restart_identity: false } };
        assert_eq!(filter.apply(change), Ok(Verdict::Drop));
    }
}

#[test]
fn what_a_policy_does_to_a_table() {
    let c = compiled(&[mask(short_hash()), Class::Drop, Class::Keep, Class::Withheld]);
    assert_eq!(c.masked_columns().collect::<Vec<_>>(), ["c0"]);
    assert_eq!(c.dropped_columns().collect::<Vec<_>>(), ["c1"]);
    assert_eq!(c.withheld_columns().collect::<Vec<_>>(), ["c3"]);
    assert_eq!(c.sources(), [0, 2]);
    assert_eq!(c.output.columns.iter().map(|c| &*c.name).collect::<Vec<_>>(), ["c0", "c2"]);
    assert!(c.key_masked() && !c.key_incomplete());
    let c = compiled(&[Class::Withheld, mask(short_hash())]);
    assert!(!c.key_masked() && c.key_incomplete());
}

#[test]
fn errors_name_the_column_and_never_the_value() {
    let c = compiled(&[Class::Keep, mask(short_hash())]);
    let mut b = RowBuilder::new();
    let binary = c.row(&row(&[Value::Text(b"1"), Value::Binary(b"secret")]), &mut b).unwrap_err();
    assert_eq!(binary, FilterError::Binary { table: "public.t".into(), column: "c1".into() });
    // and the builder is as good as new
    assert_eq!(c.row(&row(&[Value::Null, Value::Null]), &mut b).unwrap().len(), 2);

    let short = c.row(&row(&[Value::Text(b"secret")]), &mut b).unwrap_err();
    assert_eq!(short, FilterError::Columns { table: "public.t".into(), expected: 2, found: 1 });
    let mut out = BytesMut::from(&b"before"[..]);
    for line in [&b"secret"[..], b"a\tb\tc", b""] {
        let error = c.copy_line(line, &mut Vec::new(), &mut out).unwrap_err();
        assert!(matches!(error, FilterError::Columns { expected: 2, .. }));
        assert_eq!(&out[..], b"before");
    }

    let mut wrong = Table::clone(&table(1));
    wrong.columns[0].type_oid = 17;
    let error = filter(&[mask(short_hash())]).compile(&Arc::new(wrong)).unwrap_err();
    assert!(matches!(&error, FilterError::Mask { column, .. } if column == "c0"), "{error}");
}

#[test]
fn redactions_are_counted_wherever_they_happen() {
    let mut filter = filter(&[mask(MaskSpec::of("email", &[("keep_domain", true.into())]))]);
    let table = table(1);
    let compiled = filter.compile(&table).unwrap().unwrap();
    compiled.copy_line(b"not one", &mut Vec::new(), &mut BytesMut::new()).unwrap();
    filter.apply(Change { table, op: Op::Insert { new: text(&["nor this"]) } }).unwrap();
    assert_eq!(filter.unparsable(), 2);
}

/// As COPY TO writes a field. Written apart from the code under test, from the manual.
fn escaped(value: Option<&str>) -> String {
    let Some(value) = value else { return "\\N".into() };
    let escapes = [
        ('\\', "\\\\"),
        ('\t', "\\t"),
        ('\n', "\\n"),
        ('\r', "\\r"),
        ('\x08', "\\b"),
        ('\x0b', "\\v"),
        ('\x0c', "\\f"),
    ];
    escapes.iter().fold(value.to_owned(), |text, (plain, escape)| text.replace(*plain, escape))
}

fn classes() -> impl Strategy<Value = Class> {
    prop_oneof![
        3 => Just(Class::Keep),
        1 => Just(Class::Drop),
        1 => Just(Class::Withheld),
        1 => Just(mask(short_hash())),
        1 => Just(mask(MaskSpec::of("null", &[]))),
        1 => Just(mask(MaskSpec::of("constant", &[("value", "a\\N\t\n\\.".into())]))),
        1 => Just(mask(MaskSpec::of("name", &[]))),
        1 => Just(mask(MaskSpec::of("email", &[("keep_domain", true.into())]))),
        1 => Just(mask(MaskSpec::of("phone", &[]))),
        2 => Just(mask(MaskSpec::of("digits", &[("keep_prefix", 1.into())]))),
    ]
}

fn fields() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        1 => Just(None),
        2 => "\\PC{0,20}".prop_map(Some),
        2 => "[a-z0-9\\\\\t\n\r\x08\x0b\x0cN.]{0,12}".prop_map(Some),
        2 => "[\t\n\\\\]?[0-9]{7,9}[\t\n\r\\\\N]{0,3}".prop_map(Some),
        1 => Just(Some("\\N".into())),
    ]
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_row_and_a_line_of_copy_agree(columns in proptest::collection::vec((classes(), fields()), 0..9)) {
        let (classes, values): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
        let compiled = compiled(&classes);
        let views: Vec<_> =
            values.iter().map(|v| v.as_ref().map_or(Value::Null, |v| Value::Text(v.as_bytes()))).collect();
        let filtered = compiled.row(&row(&views), &mut RowBuilder::new()).unwrap();
        prop_assert_eq!(filtered.len(), compiled.output.columns.len());
        let want: Vec<_> = filtered
            .values()
            .map(|v| match v {
                Value::Text(text) => escaped(Some(std::str::from_utf8(text).unwrap())),
                _ => escaped(None),
            })
            .collect();

        let selected: Vec<_> = compiled.sources().iter().map(|i| escaped(values[*i].as_deref())).collect();
        let mut out = BytesMut::new();
        compiled.copy_line(selected.join("\t").as_bytes(), &mut vec![1, 2, 3], &mut out).unwrap();
        prop_assert_eq!(String::from_utf8(out.to_vec()).unwrap(), want.join("\t") + "\n");
    }
}
fn compose(template: &str) -> Class {
    mask(MaskSpec::of("compose", &[("template", template.into())]))
}

/// id, full name, first name, last name (which is only looked at).
fn people() -> [Class; 4] {
    [Class::Keep, compose("{c2} {c2}"), mask(short_hash()), Class::Keep]
}

#[test]
fn a_row_that_hangs_on_what_was_not_sent_is_to_be_fetched() {
    let mut filter = filter(&people());
    let table = table(4);
    let mut of = |op| filter.apply(Change { table: Arc::clone(&table), op }).unwrap();
    let new = |full, first| row(&[Value::Text(b"7"), full, first, Value::Text(b"Smith")]);
    let (ann, full) = (Value::Text(b"Ann"), Value::Text(b"Ann Smith"));

    let Verdict::Keep(Change { op: Op::Update { new: whole, .. }, .. }) =
        of(Op::Update { old: None, new: new(full, ann) })
    else {
        panic!("all was sent")
    };
    // what it looks at was not sent, or was sent and it itself was not: either way it may be another now
    for new in [new(full, Value::Unchanged), new(Value::Unchanged, ann)] {
        let Verdict::NeedsRow { gone: None, due } = of(Op::Update { old: None, new }) else { panic!() };
        let Op::Due { key } = due.op else { panic!() };
        assert_eq!(key.values().collect::<Vec<_>>(), [Value::Text(b"7"), Value::Null, Value::Null, Value::Null]);
    }
    // a column that looks at no other stays as it is, and so does one of which all that it looks at has stayed
    for (full, first, last) in [(full, ann, Value::Unchanged), (Value::Unchanged, Value::Unchanged, full)] {
        let new = row(&[Value::Text(b"7"), full, first, last]);
        let Verdict::Keep(Change { op: Op::Update { new, .. }, .. }) = of(Op::Update { old: None, new }) else {
            panic!()
        };
        assert_eq!(new.get(1) == Value::Unchanged, full == Value::Unchanged);
    }

    // the old key goes first
    let key = row(&[Value::Text(b"6"), Value::Null, Value::Null, Value::Null]);
    let moved = Op::Update { old: Some(Old::Key(key)), new: new(full, Value::Unchanged) };
    let Verdict::NeedsRow { gone: Some(gone), due } = of(moved) else { panic!() };
    let Op::Delete { old: Old::Key(key) } = gone.op else { panic!() };
    assert_eq!(key.get(0), Value::Text(b"6"));
    assert!(matches!(due.op, Op::Due { .. }));

    // with FULL nothing is missing: it stands in the old row
    for new in [new(full, Value::Unchanged), new(Value::Unchanged, ann)] {
        let old = Some(Old::Full(row(&[Value::Text(b"7"), full, ann, Value::Text(b"Smith")])));
        let Verdict::Keep(Change { op: Op::Update { new, .. }, .. }) = of(Op::Update { old, new }) else { panic!() };
        assert_eq!(new.get(1), whole.get(1));
    }
}

#[test]
fn a_part_of_the_key_looks_at_no_other_column() {
    let of = |identity| {
        let filter = filter(&[compose("{c1}"), Class::Keep]);
        filter.compile(&Arc::new(Table { identity, ..Table::clone(&table(2)) })).map(drop)
    };
    for identity in [Identity::Default, Identity::Index] {
        assert!(matches!(of(identity), Err(FilterError::Mask { source: MaskError::InKey, .. })));
    }
    assert_eq!(of(Identity::Full), Ok(()));
}

#[test]
fn what_is_not_copied_is_not_looked_at_as_masked() {
    for class in [Class::Drop, Class::Withheld] {
        let refused = filter(&[class, compose("<{c0}>"), Class::Keep, Class::Keep]).compile(&table(4)).map(drop);
        assert!(matches!(refused, Err(FilterError::Mask { source: MaskError::Sibling { .. }, .. })), "{refused:?}");
    }
}
