//! The server as the judge of `filters::predicate`: random predicates over a table of every type that is let in, full of
//! extreme values. Which rows `SELECT … WHERE p` gives must be exactly which rows we say are true, for the text as it was
//! written and for its canonical form.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use filters::change::{Row, RowBuilder, Value};
use filters::predicate::{Bound, Collation, Field, Kind, Predicate, Truth};
use replicator::source::{catalog, production};
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::seed::Seed;
use crate::servers::{Db, Pair};

majors!(decides_as_the_server, refuses_what_it_cannot_decide);

/// Values of a column's type as they stand in quotes, and what else a literal against it may look like.
struct Type {
    column: &'static str,
    sql: &'static str,
    kind: Kind,
    values: &'static [&'static str],
    /// Literals that are no value of the column: rounded, out of its range, of a neighbouring type.
    literals: &'static [&'static str],
    ordered: bool,
}

fn types() -> Vec<Type> {
    let ty = |column, sql, kind, values, literals, ordered| Type { column, sql, kind, values, literals, ordered };
    let labels: [Box<str>; 4] = ["sad".into(), "o k".into(), "it's".into(), "".into()];
    let text = Kind::Text(Collation::Deterministic);
    let strings: &[&str] = &[
        "",
        " ",
        "a",
        "a ",
        "A",
        "ab",
        "abc",
        "ä",
        "äö",
        "ö\u{fe0f}",
        "日本語",
        "a%b",
        "a_b",
        "a\\b",
        "\\",
        "%",
        "it's",
        "\n",
        "aaab",
        "🦀",
    ];
    let floats: &[&str] =
        &["0", "-0", "0.1", "-0.1", "0.5", "1", "-1", "16777217", "1e20", "1e-20", "NaN", "Infinity", "-Infinity"];
    let float_literals: &[&str] = &[
        "0.1",
        "-0.1",
        "0.5",
        "16777216",
        "16777217",
        "9007199254740993",
        "0.1000000014901161",
        "1e20",
        "99999999999999999999",
        "'0.1'",
        "'nan'",
        "'-Infinity'",
        "'-0'",
    ];
    let moments: &[&str] = &[
        "2026-01-01 00:00:00",
        "2026-01-01 00:00:00.000001",
        "2025-12-31 23:59:59.999999",
        "1999-12-31 12:34:56.789",
        "1970-01-01 00:00:00",
        "0001-01-01 00:00:00",
        "0001-12-31 23:59:59 BC",
        "0044-03-15 12:00:00 BC",
        "4713-01-02 00:00:00 BC",
        "294276-12-31 23:59:59.999999",
        "10000-01-01 00:00:00",
        "2024-02-29 23:59:59.5",
        "infinity",
        "-infinity",
    ];
    vec![
        ty(
            "small",
            "smallint",
            Kind::Smallint,
            &["-32768", "-1", "0", "1", "7", "32767"],
            &["40000", "-1.5", "0.0", "1e0"],
            true,
        ),
        ty(
            "n",
            "integer",
            Kind::Integer,
            &["-2147483648", "-1", "0", "1", "7", "10", "2147483647"],
            &["3000000000", "-1.5", "99999999999999999999", "7.0", "1e9"],
            true,
        ),
        ty(
            "big",
            "bigint",
            Kind::Bigint,
            &["-9223372036854775808", "-1", "0", "7", "9223372036854775807"],
            &["9223372036854775808", "-9223372036854775808.5", "7.000", "1e18"],
            true,
        ),
        ty(
            "num",
            "numeric",
            Kind::Numeric,
            &[
                "0",
                "0.10",
                "0.1000000000000000000000000000000000000001",
                "-0.1",
                "10",
                "9",
                "123456789012345678901234567890.123456789",
                "1e400",
                "-1e400",
                "1e-300",
                "NaN",
                "Infinity",
                "-Infinity",
            ],
            &["0.1", "00.100", "1e400", "10.000", "-.1", "9.", "'nan'", "' '", "'1e-300'", "1e-300"],
            true,
        ),
        ty(
            "money",
            "numeric(10,2)",
            Kind::Numeric,
            &["0.00", "99999999.99", "-0.01", "NaN", "7"],
            &["0.001", "-0.010", "99999999.991", "7"],
            true,
        ),
        ty("r", "real", Kind::Real, floats, float_literals, true),
        ty("d", "double precision", Kind::Double, floats, float_literals, true),
        ty("yes", "boolean", Kind::Boolean, &["t", "f"], &["TRUE", "FALSE", "'true'", "'F'"], true),
        ty(
            "day",
            "date",
            Kind::Date,
            &[
                "2026-01-01",
                "2025-12-31",
                "2024-02-29",
                "0001-01-01",
                "0001-12-31 BC",
                "4713-01-01 BC",
                "5874897-12-31",
                "294276-12-31",
                "294277-01-01",
                "infinity",
                "-infinity",
            ],
            &[
                "date '2026-01-01'",
                "timestamp '2026-01-01 00:00:00.000001'",
                "timestamptz '2026-01-01 01:00:00+01'",
                "timestamp 'infinity'",
                "timestamp '294276-12-31 23:59:59'",
                "'2000-01-01'::date",
            ],
            true,
        ),
        ty(
            "at",
            "timestamp",
            Kind::Timestamp,
            moments,
            &[
                "'2026-01-01'",
                "date '2026-01-01'",
                "date '5874897-12-31'",
                "date 'infinity'",
                "timestamptz '2026-01-01 01:00+01'",
                "timestamptz 'infinity'",
                "timestamp '2026-01-01T00:00'",
            ],
            true,
        ),
        ty(
            "at3",
            "timestamp(3)",
            Kind::Timestamp,
            moments,
            &["'2026-01-01 00:00:00.0005'", "'2024-02-29 23:59:59.5'"],
            true,
        ),
        ty(
            "atz",
            "timestamptz",
            Kind::TimestampTz,
            moments,
            &[
                "'2026-01-01'",
                "'2026-01-01 05:30:00+05:30'",
                "'2025-12-31T20:30:00-03:30'",
                "'2026-01-01 00:00Z'",
                "date '2026-01-01'",
                "timestamp '2026-01-01'",
                "timestamp with time zone '2026-01-01 02:00:00+02'",
                "'0044-03-15 12:00:00+00 BC'",
            ],
            true,
        ),
        ty(
            "u",
            "uuid",
            Kind::Uuid,
            &[
                "00000000-0000-0000-0000-000000000000",
                "ffffffff-ffff-ffff-ffff-ffffffffffff",
                "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
            ],
            &["'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", "uuid '00000000-0000-0000-0000-000000000000'"],
            true,
        ),
        ty("t", "text", text.clone(), strings, &[], false),
        ty("tc", "text COLLATE \"C\"", text.clone(), strings, &[], false),
        ty("tg", "text COLLATE german", text.clone(), strings, &[], false),
        ty("v", "varchar(5)", text.clone(), strings, &["'much too long for it'"], false),
        ty("c", "char(4)", Kind::Padded(Collation::Deterministic), strings, &["'a  '", "'abcdefgh'", "'ab   '"], false),
        ty("e", "mood", Kind::Enum(labels.into()), &["sad", "o k", "it's", ""], &[], false),
        ty("code", "code", text, &["", "a", "abc", "a_b"], &["'nope'", "'too long for it'"], false),
        ty("age", "age", Kind::Integer, &["0", "7", "2147483647"], &["-1", "1.5"], true),
        ty("j", "jsonb", Kind::Other, &["null", "{}"], &[], false),
    ]
}

const BEFORE: &str = "CREATE TYPE mood AS ENUM ('sad', 'o k', 'it''s', '');
CREATE DOMAIN code AS varchar(5) CHECK (VALUE <> 'nope');
CREATE DOMAIN age AS integer CHECK (VALUE >= 0);
CREATE COLLATION german (provider = icu, locale = 'de-DE');
CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TYPE pair AS (a int, b text);";

fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A table of all types with rows of random values, a sixth of them NULL.
async fn fill(db: &Client, types: &[Type], rng: &mut Rng, rows: usize) {
    let mut sql = format!("{BEFORE} CREATE TABLE t (id int PRIMARY KEY");
    for ty in types {
        sql.push_str(&format!(", {} {}", ty.column, ty.sql));
    }
    sql.push_str(");");
    for id in 0..rows {
        let mut value = |ty: &Type| match rng.u8(..6) {
            0 => "NULL".to_owned(),
            _ => match rng.choice(ty.values).expect("values") {
                text if ty.sql == "varchar(5)" => format!("{}::varchar(5)", quote(text)),
                text if ty.sql == "char(4)" => format!("{}::char(4)", quote(text)),
                text => quote(text),
            },
        };
        let values: Vec<String> = types.iter().map(&mut value).collect();
        sql.push_str(&format!("INSERT INTO t VALUES ({id}, {});", values.join(", ")));
    }
    db.batch_execute(&sql).await.unwrap_or_else(|e| panic!("{e:?}"));
}

/// All rows as the stream would bring them: each value in its type's text output.
async fn rows(db: &Client) -> BTreeMap<i64, Row> {
    let mut rows = BTreeMap::new();
    for message in db.simple_query("SELECT * FROM t").await.expect("rows") {
        let SimpleQueryMessage::Row(row) = message else { continue };
        let mut b = RowBuilder::new();
        for i in 1..row.len() {
            b.push(row.get(i).map_or(Value::Null, |text| Value::Text(text.as_bytes())));
        }
        rows.insert(row.get(0).expect("an id").parse().expect("a number"), b.finish());
    }
    rows
}

async fn ids(db: &Client, predicate: &str) -> Result<BTreeSet<i64>, tokio_postgres::Error> {
    let messages = db.simple_query(&format!("SELECT id FROM t WHERE {predicate}")).await?;
    Ok(messages
        .iter()
        .filter_map(|m| match m {
            SimpleQueryMessage::Row(row) => row.get(0).and_then(|id| id.parse().ok()),
            _ => None,
        })
        .collect())
}

/// A random predicate as a person might write it: any case of keywords, parentheses or none, either side first.
struct Writer<'a> {
    types: &'a [Type],
    rng: Rng,
}

impl Writer<'_> {
    fn predicate(&mut self, depth: u32) -> String {
        match if depth == 0 { 0 } else { self.rng.u8(..12) } {
            0..6 => self.leaf(),
            6 | 7 => self.join(" AND ", depth),
            8 | 9 => self.join(" or ", depth),
            10 => format!("NOT {}", self.part(depth)),
            _ => {
                let is = ["TRUE", "not true", "FALSE", "NOT FALSE", "UNKNOWN", "NOT UNKNOWN", "NULL"];
                let is = *self.rng.choice(&is).expect("one");
                format!("({}) IS {is}", self.predicate(depth - 1))
            }
        }
    }

    fn part(&mut self, depth: u32) -> String {
        let part = self.predicate(depth - 1);
        if self.rng.bool() { format!("({part})") } else { part }
    }

    fn join(&mut self, with: &str, depth: u32) -> String {
        let parts: Vec<String> = (0..self.rng.usize(2..4)).map(|_| self.part(depth)).collect();
        parts.join(with)
    }

    /// Without parentheses a chain is regrouped by precedence, and a NOT or an IS takes more or less with it: all the better,
    /// as long as the text is one. It always is: leaves and joined parts stand beside each other in every grammar of booleans.
    fn leaf(&mut self) -> String {
        let ty = &self.types[self.rng.usize(..self.types.len())];
        let column = if self.rng.bool() { ty.column.to_owned() } else { format!("\"{}\"", ty.column) };
        let not = *self.rng.choice(&["", "NOT ", "not "]).expect("one");
        let is_text = matches!(ty.kind, Kind::Text(_) | Kind::Padded(_));
        match self.rng.u8(..10) {
            _ if ty.kind == Kind::Other => format!("{column} IS {not}NULL"),
            0 => format!("{column} IS {not}NULL"),
            1 if ty.kind == Kind::Boolean => column,
            2 if ty.ordered => format!("{column} {not}BETWEEN {} AND {}", self.literal(ty), self.literal(ty)),
            3 | 4 => {
                let mut list = self.list(ty);
                if self.rng.u8(..5) == 0 {
                    list.push("NULL".into());
                }
                format!("{column} {not}IN ({})", list.join(", "))
            }
            5..8 if is_text => self.like(ty, &column, not),
            _ => {
                let operators: &[&str] =
                    if ty.ordered { &["=", "<>", "!=", "<", "<=", ">", ">="] } else { &["=", "<>", "!="] };
                let op = *self.rng.choice(operators).expect("one");
                let literal = self.literal(ty);
                if self.rng.u8(..4) == 0 {
                    format!("{literal} {op} {column}")
                } else {
                    format!("{column} {op} {literal}")
                }
            }
        }
    }

    fn literal(&mut self, ty: &Type) -> String {
        if !ty.literals.is_empty() && self.rng.bool() {
            return (*self.rng.choice(ty.literals).expect("one")).to_owned();
        }
        let value = *self.rng.choice(ty.values).expect("one");
        // where the value is a number, with quotes or without
        let number = value.parse::<f64>().is_ok_and(f64::is_finite);
        let numeric = matches!(
            ty.kind,
            Kind::Smallint | Kind::Integer | Kind::Bigint | Kind::Numeric | Kind::Real | Kind::Double
        );
        if numeric && number && self.rng.bool() { value.to_owned() } else { quote(value) }
    }

    /// Literals of one sort: with quotes or without.
    fn list(&mut self, ty: &Type) -> Vec<String> {
        let quoted = |literal: &str| literal.ends_with('\'');
        let first = self.literal(ty);
        let mut list = vec![first];
        for _ in 0..self.rng.usize(..4) {
            let next = self.literal(ty);
            if quoted(&next) == quoted(&list[0]) {
                list.push(next);
            }
        }
        list
    }

    fn like(&mut self, ty: &Type, column: &str, not: &str) -> String {
        let mut pattern = String::new();
        let value = *self.rng.choice(ty.values).expect("one");
        for c in value.chars() {
            match self.rng.u8(..6) {
                0 => pattern.push('%'),
                1 => pattern.push('_'),
                2 => pattern.extend(['\\', c]),
                3 => pattern.extend(['!', c]),
                _ => pattern.push(c),
            }
        }
        if self.rng.u8(..3) == 0 {
            pattern.push('%');
        }
        let escape =
            *self.rng.choice(&["", "", " ESCAPE '!'", " escape '\\'", " ESCAPE ''", " ESCAPE 'ä'"]).expect("one");
        format!("{column} {not}LIKE {}{escape}", quote(&pattern))
    }
}

async fn decides_as_the_server(major: u32) {
    let seed = Seed::or(20_260_801);
    let pair = Pair::get(major).create_db("policy_predicates").await;
    let db = pair.source().await;
    let types = types();
    fill(&db, &types, &mut seed.rng(1), 120).await;
    db.batch_execute("SET DateStyle = 'ISO, YMD'; SET TimeZone = 'UTC'; SET extra_float_digits = 3")
        .await
        .expect("settings");
    let rows = rows(&db).await;
    let fields = catalogued(&pair, "t").await[1..].to_vec();
    let kinds: Vec<&Kind> = types.iter().map(|t| &t.kind).collect();
    assert_eq!(fields.iter().map(|f| &f.kind).collect::<Vec<_>>(), kinds, "the catalog says what the types are");
    let mut writer = Writer { types: &types, rng: seed.rng(2) };
    let (mut decided, mut kept, mut refused) = (0u32, 0usize, 0u32);
    for _ in 0..if std::env::var_os("SLUICE_SOAK").is_some() { 100_000 } else { 4000 } {
        let depth = writer.rng.u32(..4);
        let text = writer.predicate(depth);
        let Ok(bound) = Predicate::parse(&text).and_then(|p| p.bind(&fields)) else {
            refused += 1;
            continue;
        };
        let ours = ours(&bound, &rows, &text);
        for sql in [text.as_str(), bound.sql()] {
            let theirs =
                ids(&db, sql).await.unwrap_or_else(|e| panic!("we let in what the server refuses: {e:?} in: {sql}"));
            if theirs != ours {
                let odd = theirs.symmetric_difference(&ours).next().expect("one differs");
                panic!(
                    "row {odd} is {} by the server and not by us, or the other way round, in:\n{sql}",
                    theirs.contains(odd)
                );
            }
        }
        decided += 1;
        kept += ours.len();
    }
    // a writer that wrote nothing, or nothing that is true, would prove nothing
    assert!(decided > 3000 && kept > 20 * decided as usize, "{decided} decided, {kept} rows kept, {refused} refused");
    println!(
        "PostgreSQL {major}: {decided} predicates decided alike, {kept} rows kept of {}, {refused} refused",
        decided as usize * rows.len()
    );
}

fn ours(bound: &Bound, rows: &BTreeMap<i64, Row>, text: &str) -> BTreeSet<i64> {
    let mut ours = BTreeSet::new();
    for (id, row) in rows {
        match bound.eval(row) {
            Truth::True => drop(ours.insert(*id)),
            Truth::False | Truth::Unknown => {}
            Truth::NeedsRow => panic!("row {id} has all its values, and yet: {text}"),
        }
    }
    ours
}

/// A table's columns as `run` learns them.
async fn catalogued(pair: &Db, table: &str) -> Vec<Field> {
    let conninfo = wire::Conninfo::parse(&pair.source_url()).expect("a URL");
    let mut reader = production::reader(&conninfo, "policy", "test", &[]).await.expect("connect");
    let table = catalog::table(&mut reader, "public", table).await.expect("the catalog").expect("the table");
    table.shape.columns.iter().zip(&table.facts).map(|(c, facts)| facts.field(&c.name)).collect()
}

/// Where a refusal says that the server would not have it either, or would have it by rules that we do not know.
async fn refuses_what_it_cannot_decide(major: u32) {
    let pair = Pair::get(major).create_db("policy_refusals").await;
    let db = pair.source().await;
    fill(&db, &types(), &mut Seed::or(1).rng(1), 1).await;
    let t = catalogued(&pair, "t").await;
    db.batch_execute(
        "CREATE EXTENSION citext; CREATE DOMAIN insensitive AS text COLLATE nocase;
         CREATE TABLE n (x text COLLATE nocase, p pair, id int, g int GENERATED ALWAYS AS (id + 1) STORED, dx insensitive, c citext);
         INSERT INTO n (x, p) VALUES ('A', ROW(NULL, NULL))",
    )
    .await
    .expect("create");
    for (predicate, column) in [
        ("t = 5", "t"),
        ("n = '1.5'", "n"),
        ("small = '40000'", "small"),
        ("n = TRUE", "n"),
        ("yes = 1", "yes"),
        ("e = 'no label'", "e"),
        ("e LIKE 'a'", "e"),
        ("d = 1e400", "d"),
        ("d = 1e-400", "d"),
        ("r IN (1e39, 1)", "r"),
        ("day = '2026-02-30'", "day"),
        ("at = '294277-01-01 00:00:00'", "at"),
        ("u = 'x'", "u"),
        ("day = uuid '00000000-0000-0000-0000-000000000000'", "day"),
    ] {
        assert!(ids(&db, predicate).await.is_err(), "the server takes {predicate}");
        let refused = Predicate::parse(predicate).and_then(|p| p.bind(&t)).expect_err(predicate);
        assert!(refused.to_string().contains(column), "{refused}");
    }
    // equal by the collation, not by the bytes; and a composite that is not NULL, but IS NULL
    let row = db.query_one("SELECT x = 'a', p IS NULL, p IS NOT DISTINCT FROM NULL FROM n", &[]).await.expect("a row");
    assert_eq!((row.get::<_, bool>(0), row.get::<_, bool>(1), row.get::<_, bool>(2)), (true, true, false));
    let fields = catalogued(&pair, "n").await;
    for (predicate, what) in [
        ("x = 'a'", "nondeterministic"),
        ("dx LIKE 'a'", "nondeterministic"),
        ("p IS NULL", "composite"),
        ("g = 1", "no column g"),
        ("c = 'a'", "citext"),
    ] {
        let refused = Predicate::parse(predicate).and_then(|p| p.bind(&fields)).expect_err(predicate);
        assert!(refused.to_string().contains(what), "{refused}");
    }
}
