//! Tables, and records that may follow their description: any that there can be.

use filters::change::{Column, Identity, Old, Op, Row, RowBuilder, Value};
use filters::scalar::{Calendar, Reading};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use sink_postgres::known::{Fate, Known, KnownColumn};
use sink_postgres::pending::Range;
use sink_postgres::sequences::{Drawn, Wanted};

use super::super::*;

fn name() -> impl Strategy<Value = String> {
    "[^\0]{0,12}"
}

fn lsn() -> impl Strategy<Value = Lsn> {
    prop_oneof![Just(Lsn(0)), any::<u64>().prop_map(Lsn)]
}

fn key() -> impl Strategy<Value = Vec<String>> {
    vec(".{0,8}", 0..4)
}

/// A row of so many columns.
fn row(columns: usize) -> impl Strategy<Value = Row> + Clone {
    let value = (0..5u8, vec(any::<u8>(), 0..40));
    vec(value, columns).prop_map(|values| {
        let mut b = RowBuilder::new();
        for (kind, bytes) in &values {
            b.push(match kind {
                0 => Value::Null,
                1 => Value::Unchanged,
                2 => Value::Binary(bytes),
                _ => Value::Text(bytes),
            });
        }
        b.finish()
    })
}

fn old(columns: usize) -> impl Strategy<Value = Old> {
    prop_oneof![row(columns).prop_map(Old::Key), row(columns).prop_map(Old::Full)]
}

fn op(columns: usize) -> impl Strategy<Value = Op> {
    prop_oneof![
        row(columns).prop_map(|new| Op::Insert { new }),
        (option::of(old(columns)), row(columns)).prop_map(|(old, new)| Op::Update { old, new }),
        old(columns).prop_map(|old| Op::Delete { old }),
        row(columns).prop_map(|key| Op::Due { key }),
        any::<bool>().prop_map(|restart_identity| Op::Truncate { restart_identity }),
    ]
}

fn spec(oid: u32, schema: String, name: String) -> impl Strategy<Value = TableSpec> {
    use Calendar::*;
    use Reading::*;
    let reading = select(vec![
        Decimal,
        Real,
        Double,
        Boolean,
        Moment(Date),
        Moment(Timestamp),
        Moment(TimestampTz),
        Uuid,
        Bytes,
        Padded,
    ]);
    let fate = select(vec![Fate::Keep, Fate::Mask, Fate::Drop, Fate::Withheld, Fate::Gone]);
    let column = (any::<i32>(), self::name(), fate, self::name(), option::of(self::name()));
    let column =
        column.prop_map(|(number, name, fate, print, shielded)| KnownColumn { number, name, fate, print, shielded });
    let known = (key(), self::name(), vec(column, 0..5));
    let known = known.prop_map(move |(key, only, columns)| Known { oid, key, only, columns });
    (key(), option::of(vec(reading, 0..4)), any::<bool>(), any::<bool>(), known, key()).prop_map(
        move |(key, kinds, pointable, partial, known, withheld)| {
            let (schema, name) = (schema.clone(), name.clone());
            TableSpec { schema, name, key, kinds, pointable, partial, known, withheld }
        },
    )
}

fn described() -> impl Strategy<Value = Described> {
    let identity = select(vec![Identity::Default, Identity::Nothing, Identity::Full, Identity::Index]);
    let column = (name(), any::<u32>(), any::<i32>(), any::<bool>(), name(), any::<bool>());
    (any::<u32>(), name(), name(), identity, vec(column, 0..6)).prop_flat_map(
        |(oid, schema, table, identity, columns)| {
            let mut shape = Table { oid, schema: (*schema).into(), name: (*table).into(), identity, columns: vec![] };
            let (mut types, mut masked) = (vec![], vec![]);
            for (at, (name, type_oid, type_modifier, key, ty, mask)) in columns.into_iter().enumerate() {
                let name = format!("{name}{at}"); // names differ
                if mask {
                    masked.push(name.clone());
                }
                shape.columns.push(Column { name: name.into(), type_oid, type_modifier, key });
                types.push(ty);
            }
            let shape = Arc::new(shape);
            spec(oid, schema, table).prop_map(move |spec| {
                let (shape, types, masked) = (Arc::clone(&shape), types.clone(), masked.clone());
                let constraint = spec.name.clone();
                let table = (spec.schema.clone(), constraint.clone());
                let (columns, to) = (masked.clone(), masked.clone());
                Described { shape, spec, types, masked, references: vec![Reference { constraint, columns, table, to }] }
            })
        },
    )
}

fn part() -> impl Strategy<Value = Part> {
    let range = (option::of(key()), option::of(key()), key());
    prop_oneof![
        range.prop_map(|(lo, hi, columns)| Part::Range(Range { id: 0, lo, hi, columns })),
        vec(key(), 0..4).prop_map(Part::Points),
    ]
}

fn start() -> impl Strategy<Value = Start> {
    let text = (name(), name(), name(), name(), name());
    let numbers = (any::<u64>(), any::<u32>(), lsn(), any::<i64>());
    (text, numbers).prop_map(|((pipeline, version, slot, policy, mask_key), (system_id, timeline, at, time))| Start {
        pipeline,
        version,
        system_id,
        timeline,
        slot,
        at,
        policy,
        mask_key,
        begun: time / 2,
        rules: format!("{time}"),
        structures: (0..system_id % 3).map(|n| ("public".into(), format!("t{n}"))).collect(),
        time,
    })
}

/// A table, and a record that may follow its description.
pub fn scene() -> impl Strategy<Value = (Described, Record)> {
    described().prop_flat_map(|table| {
        let shape = Arc::clone(&table.shape);
        let oid = shape.oid;
        let change = (lsn(), prop_oneof![Just(0), any::<u64>()], op(shape.columns.len()));
        let commit = (lsn(), any::<u32>(), any::<i64>(), any::<(u64, u64)>(), any::<u64>());
        let record = prop_oneof![
            start().prop_map(Record::Start),
            described().prop_map(Record::Table),
            change.prop_map(move |(lsn, seq, op)| {
                Record::Change { lsn, seq, change: Change { table: Arc::clone(&shape), op } }
            }),
            commit.prop_map(|(lsn, xid, time, xids, changes)| {
                Record::Commit(Commit { lsn, xid, time, xids, changes, after: Lsn(lsn.0 / 2) })
            }),
            (lsn(), lsn()).prop_map(|(after, lsn)| Record::Position { after, lsn }),
            (any::<u32>(), name()).prop_map(|(table, why)| Record::Due { table, why }),
            (any::<u64>(), lsn(), part())
                .prop_map(move |(id, at, part)| { Record::ChunkBegin(ChunkBegin { table: oid, id, at, part }) }),
            vec(any::<u8>(), 0..200).prop_map(|lines| Record::ChunkRows(lines.into())),
            any::<(u64, u64)>().prop_map(|(id, rows)| Record::ChunkEnd(ChunkEnd { id, rows })),
            vec((name(), name(), any::<(i64, i64)>()), 0..4).prop_map(|all| {
                let drawn = |(last, step): (i64, i64)| Drawn { last: last.into(), step };
                let one = |(table, column, of)| Wanted { column: ("public".into(), table, column), drawn: drawn(of) };
                Record::Sequences(all.into_iter().map(one).collect())
            }),
        ];
        (Just(table), record)
    })
}
