//! What holds a position: by the sink itself, with two of them over one checkpoint.

use std::sync::Arc;
use std::time::Duration;

use filters::change::{Batch, Change, Column, Commit, Identity, Lsn, Op, RowBuilder, Sink, Table, Value};
use filters::scalar::Reading;
use sink_postgres::checkpoint::{self, Identity as Belongs};
use sink_postgres::guard::Protected;
use sink_postgres::known::Known;
use sink_postgres::load::{Loader, Task, Way};
use sink_postgres::part::Part;
use sink_postgres::sink::Options;
use sink_postgres::spec::TableSpec;
use sink_postgres::{Error, PostgresSink, schema, session};
use wire::Conninfo;

use crate::servers::Pair;
use crate::shapes::flow::number;

majors!(whoever_lost_his_turn_moves_nothing, a_chunk_holds_the_position);

const NAME: &str = "fences";
const ROWS: &str = "SELECT count(*) FROM t";

fn shape() -> Arc<Table> {
    let id = Column { name: "id".into(), type_oid: 23, type_modifier: -1, key: true };
    Arc::new(Table {
        oid: 1,
        schema: "public".into(),
        name: "t".into(),
        identity: Identity::Default,
        columns: vec![id],
    })
}

/// One transaction that inserts a row with this id.
fn batch(shape: &Arc<Table>, after: u64, upto: u64, id: &str) -> Batch {
    let mut row = RowBuilder::new();
    row.push(Value::Text(id.as_bytes()));
    let changes = vec![Change { table: shape.clone(), op: Op::Insert { new: row.finish() } }];
    let commits = vec![Commit { changes: 1, lsn: Lsn(upto), begun: Lsn(upto), xid: 1, time: 0, read_on: None }];
    Batch { changes, after: Lsn(after), upto: Some(Lsn(upto)), commits, open: Lsn::ZERO, read_on: None }
}

async fn sink(info: &Conninfo) -> PostgresSink {
    let options = Options {
        pipeline: NAME.into(),
        on_divergence: Default::default(),
        on_error: Default::default(),
        lock_timeout: Duration::from_secs(5),
    };
    PostgresSink::connect(info, options, Protected::default()).await.expect("a sink").0
}

fn fenced<T>(done: Result<T, Error>) -> bool {
    match done {
        Ok(_) => false,
        Err(Error::Fenced(_)) => true,
        Err(e) => panic!("not fenced, but: {e:?}"),
    }
}

async fn begun(info: &Conninfo) -> PostgresSink {
    let mut own = session::open(info, NAME, "test", false, &[]).await.expect("a session");
    schema::ensure(&mut own).await.expect("our schema");
    checkpoint::intend(&mut own, NAME, &Belongs::default()).await.expect("an intent");
    let mut sink = sink(info).await;
    sink.place(Lsn(10), &Belongs::default()).await.expect("the first position");
    sink
}

async fn whoever_lost_his_turn_moves_nothing(major: u32) {
    let db = Pair::get(major).create_db("fences_turn").await;
    db.on_both("CREATE TABLE t (id int PRIMARY KEY)").await;
    let (info, staging, shape) = (Conninfo::parse(&db.target_url()).expect("a URL"), db.target().await, shape());
    let at = || async { number(&staging, "SELECT (lsn - '0/0')::bigint FROM sluice.checkpoint").await };
    let mut first = begun(&info).await;
    // what is not the next one is nobody's
    for after in [5, 15] {
        assert!(fenced(first.apply(batch(&shape, after, 20, "1")).await), "a batch behind {after} at 10");
    }
    first.apply(batch(&shape, 10, 20, "2")).await.expect("the next one");
    assert_eq!((at().await, number(&staging, ROWS).await), (20, 1));

    let mut second = sink(&info).await;
    assert_eq!(second.progress().applied, Lsn(20));
    assert!(fenced(first.look().await));
    assert!(fenced(first.flush().await), "what it applied is not for it to confirm");
    assert!(fenced(first.apply(batch(&shape, 20, 30, "3")).await));
    assert!(fenced(first.place(Lsn(10), &Belongs::default()).await), "it would come a second time");
    assert_eq!((at().await, number(&staging, ROWS).await), (20, 1));
    second.apply(batch(&shape, 20, 30, "4")).await.expect("its turn");
    assert_eq!((at().await, number(&staging, ROWS).await), (30, 2));
}

async fn a_chunk_holds_the_position(major: u32) {
    let db = Pair::get(major).create_db("fences_chunk").await;
    db.on_both("CREATE TABLE t (id int PRIMARY KEY)").await;
    let (info, staging, shape) = (Conninfo::parse(&db.target_url()).expect("a URL"), db.target().await, shape());
    let mut first = begun(&info).await;
    let spec = TableSpec {
        schema: "public".into(),
        name: "t".into(),
        key: vec!["id".into()],
        kinds: Some(vec![Reading::Decimal]),
        pointable: true,
        partial: false,
        known: Known::default(),
        withheld: Vec::new(),
    };
    first.register(vec![spec.clone()]).await.expect("registered");
    let pending = first.pending().next().expect("one table").1.clone();
    let part = Part::Range(pending.ranges.first().expect("all of it").clone());
    let mapping = first.mapping(&shape).await.expect("a mapping");
    let task = || Task {
        mapping: mapping.clone(),
        spec: spec.clone(),
        part: part.clone(),
        pending: Arc::new(pending.clone()),
    };

    let mut loader = Loader::connect(&info, NAME, first.epoch()).await.expect("a loader");
    assert!(fenced(loader.begin(task(), Lsn(9), Way::Straight).await), "its snapshot is of another position");
    let mut load = loader.begin(task(), Lsn(10), Way::Straight).await.expect("a load");
    load.write(b"1\n2\n").await.expect("rows");
    let moves = "SELECT 1 FROM sluice.checkpoint FOR NO KEY UPDATE NOWAIT";
    assert!(staging.query(moves, &[]).await.is_err(), "somebody could move the position meanwhile");
    // somebody asks for all of it once more: what is loaded for the entry that was there does not count
    staging.batch_execute("DELETE FROM sluice.pending; INSERT INTO sluice.pending (pipeline, schema, name) SELECT pipeline, schema, name FROM sluice.tables").await.expect("resync");
    assert!(matches!(load.finish().await, Err(Error::Stale)));
    assert_eq!(number(&staging, ROWS).await, 0);

    let second = sink(&info).await;
    assert!(fenced(loader.begin(task(), Lsn(10), Way::Straight).await), "it is another's turn");
    drop(second);
}
