//! Predicates: what is let in, what is refused and how, and what they say of rows. `tests/policy` asks real servers.

use filters::change::{Column, Identity, Row, RowBuilder, Table, Value};
use filters::predicate::{Collation, Field, Kind, Predicate, Truth};
use proptest::prelude::*;

/// One column of each kind, named after it.
fn fields() -> Vec<Field> {
    let labels: [Box<str>; 2] = ["on".into(), "off".into()];
    let kinds = [
        ("small", Kind::Smallint),
        ("n", Kind::Integer),
        ("big", Kind::Bigint),
        ("num", Kind::Numeric),
        ("r", Kind::Real),
        ("d", Kind::Double),
        ("yes", Kind::Boolean),
        ("day", Kind::Date),
        ("at", Kind::Timestamp),
        ("atz", Kind::TimestampTz),
        ("u", Kind::Uuid),
        ("t", Kind::Text(Collation::Deterministic)),
        ("c", Kind::Padded(Collation::Deterministic)),
        ("e", Kind::Enum(labels.into())),
        ("nocase", Kind::Text(Collation::Nondeterministic)),
        ("ascii", Kind::Text(Collation::Bytes)),
        ("pair", Kind::Composite),
        ("made", Kind::Generated),
        ("j", Kind::Other),
        ("Odd \"Name", Kind::Integer),
        ("date", Kind::Date),
    ];
    let field = |(i, (name, kind)): (usize, (&str, Kind))| Field {
        name: name.into(),
        type_oid: i as u32,
        type_name: kind.to_string().into(),
        kind,
    };
    kinds.into_iter().enumerate().map(field).collect()
}

/// A row that has `value` in the named column and NULL everywhere else.
fn row(column: &str, value: Value<'_>) -> Row {
    let mut b = RowBuilder::new();
    for field in fields() {
        b.push(if *field.name == *column { value } else { Value::Null });
    }
    b.finish()
}

#[track_caller]
fn check(predicate: &str, column: &str, value: Value<'_>, want: Truth) {
    let parsed = Predicate::parse(predicate).unwrap_or_else(|e| panic!("{predicate}: {e}"));
    let bound = parsed.bind(&fields()).unwrap_or_else(|e| panic!("{predicate}: {e}"));
    assert_eq!(bound.eval(&row(column, value)), want, "{predicate} with {column} {value:?}");
    // what production is asked says the same
    let again = Predicate::parse(&parsed.sql()).unwrap_or_else(|e| panic!("{}: {e}", parsed.sql()));
    assert_eq!(again.sql(), parsed.sql());
    let again = again.bind(&fields()).unwrap_or_else(|e| panic!("{}: {e}", parsed.sql()));
    assert_eq!(again.eval(&row(column, value)), want, "{}", parsed.sql());
    let holds = match want {
        Truth::True => Some(true),
        Truth::False | Truth::Unknown => Some(false),
        Truth::NeedsRow => bound.holds(&row(column, value)),
    };
    assert_eq!(bound.holds(&row(column, value)), holds);
}

#[track_caller]
fn refused(predicate: &str, want: &str) {
    let error = match Predicate::parse(predicate) {
        Err(e) => e,
        Ok(p) => p.bind(&fields()).err().unwrap_or_else(|| panic!("{predicate} was let in")),
    };
    assert_eq!(error.to_string(), want, "{predicate}");
}

use Truth::{False, NeedsRow, True, Unknown};
use Value::{Null, Text, Unchanged};

#[test]
fn rows_are_decided() {
    for (predicate, column, value, want) in [
        ("n = 5", "n", "5", True),
        ("n <> 5", "n", "5", False),
        ("n != 5", "n", "6", True),
        ("5 < n", "n", "6", True),
        ("n > -5", "n", "-4", True),
        ("n = 5.0", "n", "5", True),
        ("n > 4.9", "n", "5", True),
        ("n = '5'", "n", "5", True),
        ("n < 99999999999999999999", "n", "2147483647", True),
        ("N BETWEEN 1 AND 3", "n", "3", True),
        ("n NOT BETWEEN 1 AND 3", "n", "4", True),
        ("n BETWEEN 3 AND 1", "n", "2", False),
        ("n IN (1, 3, 2)", "n", "2", True),
        ("n NOT IN (1, 2)", "n", "3", True),
        ("n IN (1, NULL)", "n", "3", Unknown),
        ("n IN (1, NULL)", "n", "1", True),
        ("n NOT IN (1, NULL)", "n", "1", False),
        ("\"Odd \"\"Name\" = 1", "Odd \"Name", "1", True),
        ("num = 1e2", "num", "100.00", True),
        ("num < 'NaN'", "num", "Infinity", True),
        ("num > 0.1", "num", "0.1000000000000000000000000000000000001", True),
        ("r = 0.1", "r", "0.1", False), // as on the server: 0.1 is double precision here
        ("r = '0.1'", "r", "0.1", True),
        ("r IN (0.1, 0.2)", "r", "0.1", True),
        ("r IN (0.1)", "r", "0.1", False),
        ("d = 0.1", "d", "0.1", True),
        ("d = -0.0", "d", "-0", True),
        ("d = 'NaN'", "d", "NaN", True),
        ("d > 'Infinity'", "d", "NaN", True),
        ("yes", "yes", "t", True),
        ("NOT yes", "yes", "t", False),
        ("yes = false", "yes", "f", True),
        ("yes IS NOT TRUE", "yes", "f", True),
        ("day >= '2026-01-01'", "day", "2026-01-01", True),
        ("day < date '2026-01-01'", "day", "0044-03-15 BC", True),
        ("day = 'infinity'", "day", "infinity", True),
        ("date = '2026-01-01'", "date", "2026-01-01", True),
        ("at > '2026-01-01'", "at", "2026-01-01 00:00:00.000001", True),
        ("at >= date '2026-01-01'", "at", "2026-01-01 00:00:00", True),
        ("atz = '2026-01-01 02:00+02'", "atz", "2026-01-01 00:00:00+00", True),
        ("atz < timestamptz '2026-01-01'", "atz", "2025-12-31 23:59:59.999999+00", True),
        ("u = '00000000-0000-0000-0000-00000000000A'", "u", "00000000-0000-0000-0000-00000000000a", True),
        ("u > '00000000-0000-0000-0000-000000000000'", "u", "ffffffff-0000-0000-0000-000000000000", True),
        ("t = 'it''s'", "t", "it's", True),
        ("t = 'a'", "t", "a ", False),
        ("t IN ('a', 'b')", "t", "b", True),
        ("t LIKE 'a%'", "t", "abc", True),
        ("t NOT LIKE 'a%'", "t", "bc", True),
        ("t LIKE 'a!%' ESCAPE '!'", "t", "a%", True),
        ("t LIKE 'a\\%'", "t", "a%", True),
        ("c = 'a'", "c", "a   ", True),
        ("c = 'a '", "c", "a   ", True),
        ("c LIKE 'a'", "c", "a   ", False), // as on the server: LIKE sees the padding
        ("e = 'on'", "e", "on", True),
        ("e NOT IN ('on', 'off')", "e", "on", False),
        ("ascii LIKE 'a%'", "ascii", "abc", True),
        ("j IS NULL", "j", "{}", False),
        ("nocase IS NOT NULL", "nocase", "x", True),
        ("(n = 1) IS UNKNOWN", "n", "1", False),
        ("(n = 1) IS NULL", "n", "1", False),
        ("n = 1 IS TRUE", "n", "1", True),
        ("NOT n = 1 OR n = 1", "n", "1", True),
        ("TRUE", "n", "1", True),
        ("NOT FALSE AND n = 1", "n", "1", True),
        ("NULL", "n", "1", Unknown),
        ("NULL OR n = 1", "n", "1", True),
        ("n = 1 AND t IS NULL AND (u IS NULL OR yes)", "n", "1", True),
    ] {
        check(predicate, column, Text(value.as_bytes()), want);
    }
}

#[test]
fn null_is_unknown_and_is_told_apart() {
    for predicate in [
        "n = 1",
        "n <> 1",
        "NOT n = 1",
        "n BETWEEN 1 AND 2",
        "n IN (1)",
        "n NOT IN (1)",
        "yes",
        "t LIKE '%'",
        "t NOT LIKE 'a'",
    ] {
        check(predicate, "j", Null, Unknown);
    }
    for (predicate, want) in [
        ("n IS NULL", True),
        ("n IS NOT NULL", False),
        ("n = 1 AND FALSE", False),
        ("yes IS TRUE", False),
        ("yes IS NOT TRUE", True),
        ("yes IS UNKNOWN", True),
        ("n = 1 OR j IS NULL", True),
    ] {
        check(predicate, "j", Null, want);
    }
}

#[test]
fn what_was_not_sent_decides_only_where_it_must() {
    for (predicate, want) in [
        ("t = 'a'", NeedsRow),
        ("NOT t LIKE 'a%'", NeedsRow),
        ("t IN ('a')", NeedsRow),
        // an unchanged value is in the row: it is not NULL
        ("t IS NULL", False),
        ("t IS NOT NULL", True),
        ("t = 'a' IS UNKNOWN", False),
        ("j IS NOT NULL AND t = 'a'", False),
        ("j IS NULL AND t = 'a'", NeedsRow),
        ("t = 'a' AND j IS NOT NULL", False),
        ("t = 'a' OR j IS NULL", True),
        ("t = 'a' OR NULL", NeedsRow),
    ] {
        check(predicate, "t", Unchanged, want);
    }
    // false or NULL, nobody knows; but not true
    let bound = Predicate::parse("t = 'a' AND NULL").unwrap().bind(&fields()).unwrap();
    assert_eq!(bound.eval(&row("t", Unchanged)), NeedsRow);
    assert_eq!(bound.holds(&row("t", Unchanged)), Some(false));
}

#[test]
fn what_cannot_be_read_is_never_kept() {
    for (predicate, column, text) in [
        ("n = 5", "n", "five"),
        ("n <> 5", "n", ""),
        ("NOT n = 5", "n", "5x"),
        ("num > 0", "num", "1e5"),
        ("d > 0", "d", "x"),
        ("yes", "yes", "true"),
        ("day > '2026-01-01'", "day", "31.12.2026"),
        ("atz > '2026-01-01'", "atz", "2026-12-31 00:00:00 CET"),
        ("u <> '00000000-0000-0000-0000-000000000000'", "u", "x"),
    ] {
        check(predicate, column, Text(text.as_bytes()), NeedsRow);
        assert_eq!(
            Predicate::parse(predicate).unwrap().bind(&fields()).unwrap().holds(&row(column, Text(text.as_bytes()))),
            None
        );
    }
    check("n = 5", "n", Value::Binary(b"\0\0\0\x05"), NeedsRow);
}

#[test]
fn the_rest_is_refused_by_name() {
    let outside = |what: &str, at: usize| format!("{what}: not in the subset a filter can decide (character {at})");
    for (predicate, what, at) in [
        ("lower(t) = 'a'", "function lower()", 1),
        ("n = 1 AND now() > at", "function now()", 11),
        ("user = 'x'", "function user()", 1),
        ("t ILIKE 'a'", "ILIKE", 1),
        ("t SIMILAR TO 'a'", "SIMILAR TO", 1),
        ("t ~ 'a'", "operator ~", 1),
        ("n + 1 = 2", "a comparison or an operator (+) where a column should be", 1),
        ("n = 1 = yes", "a comparison or an operator (=) where a column should be", 1),
        ("n = big", "a column against a column", 1),
        ("1 = 1", "a literal against a literal", 1),
        ("n = ANY (ARRAY[1])", "= ANY", 1),
        ("n IN (SELECT 1)", "a subquery", 1),
        ("EXISTS (SELECT 1)", "a subquery", 9),
        ("n IS DISTINCT FROM 1", "IS DISTINCT FROM", 1),
        ("n::text = '1'", "a cast to TEXT", 1),
        ("n = '1'::int", "a literal of type INT", 5),
        ("day > date '2026-01-01' - 7", "a comparison or an operator (-) where a column should be", 12),
        ("CASE WHEN yes THEN yes ELSE yes END", "CASE", 1),
        ("t COLLATE \"C\" = 'a'", "COLLATE \"C\"", 1),
        ("n = $1", "parameter $1", 5),
        ("(n, big) = 1", "a row of several values", 2),
        ("n IN (1, big)", "a column where a literal should be", 10),
    ] {
        refused(predicate, &outside(what, at));
    }
    for (predicate, want) in [
        ("", "it cannot be read as SQL: Expected: an expression, found: EOF"),
        ("n = 1;", "it goes on with `;` where it should end (character 6)"),
        ("n = 1 n", "it goes on with `n` where it should end (character 7)"),
        ("n = 'x", "it cannot be read as SQL: Unterminated string literal (character 5)"),
        ("n = NULL", "a comparison with NULL is true for no row (character 5)"),
        ("public.n = 1", "a name with a dot in it: not in the subset a filter can decide (character 1)"),
        ("t = E'a'", "a text must be in single quotes, without a prefix (character 5)"),
        ("t = $$a$$", "a text must be in single quotes, without a prefix (character 5)"),
        ("t LIKE 'a\\'", "the pattern of LIKE ends with its escape (character 8)"),
        ("t LIKE 'a' ESCAPE 'bc'", "ESCAPE wants one character, or none (character 8)"),
        ("m = 1", "there is no column m (character 1)"),
        ("t > 'a'", "t is text: a filter knows = <> IN LIKE of it, its order is the server's (character 1)"),
        ("e > 'on'", "e is an enum: a filter knows = <> IN of it, its order is the server's (character 1)"),
        ("e = 'maybe'", "e is an enum and wants one of its labels (character 5)"),
        ("e LIKE 'o%'", "e is an enum, and LIKE is for text (character 1)"),
        ("nocase = 'a'", "nocase has a nondeterministic collation, which only its server can compare (character 1)"),
        ("nocase LIKE 'a'", "nocase has a nondeterministic collation: LIKE hangs on the server (character 1)"),
        ("ascii LIKE '_'", "the server's encoding is SQL_ASCII: it and we count characters differently (character 12)"),
        ("pair IS NULL", "pair is a composite type: IS NULL of a composite type asks its fields (character 1)"),
        ("made = 1", "made is a generated column, which the stream does not carry (character 1)"),
        ("j = '{}'", "j is another type, of which a filter knows IS NULL only (character 1)"),
        ("n", "n is integer, and only a boolean stands by itself (character 1)"),
        ("n = '1.5'", "n is integer and wants an integer in its range (character 5)"),
        ("small = '40000'", "small is smallint and wants an integer in its range (character 9)"),
        ("t = 5", "t is text and stands against a number (character 5)"),
        ("n = TRUE", "n is integer and stands against a boolean (character 5)"),
        ("yes = 1", "yes is boolean and stands against a number (character 7)"),
        ("day = 'today'", "day is date and wants a date as '2026-01-31', in range, or 'infinity' (character 7)"),
        ("d = 1e400", "d is double precision and wants a number in its range, or 'NaN' or 'Infinity' (character 5)"),
        ("r IN (1e39, 1)", "r is real and wants a number in its range, or 'NaN' or 'Infinity' (character 7)"),
        (
            "n IN (1, '2')",
            "an IN list has literals with quotes and without: the server would give them one type (character 1)",
        ),
        (
            "at IN (date '2026-01-01', date '2026-01-02')",
            "in an IN list literals must be of the column's type, timestamp without time zone (character 1)",
        ),
    ] {
        refused(predicate, want);
    }
}

#[test]
fn all_problems_are_told_at_once() {
    refused(
        "lower(t) = 'a'\n  AND t ILIKE 'b'",
        "function lower(): not in the subset a filter can decide (character 1); ILIKE: not in the subset a filter can decide (line 2, character 7)",
    );
    refused(
        "nn = 1 AND at = 5 OR n",
        "there is no column nn (character 1); at is timestamp without time zone and stands against a number (character 17); n is integer, and only a boolean stands by itself (character 22)",
    );
    let error = Predicate::parse("daay = '2026-01-01'").unwrap().bind(&fields()).unwrap_err();
    assert_eq!(error.problems[0].hint.as_deref(), Some("did you mean day?"));
}

#[test]
fn the_canonical_text_stays_what_it_is() {
    for (predicate, want) in [
        ("a=1 or b is null and not c", "((\"a\" = 1) OR ((\"b\" IS NULL) AND (NOT (\"c\"))))"),
        (
            "a in (1,-2) and b between '2026-01-01' and date '2026-02-01'",
            "((\"a\" IN (1, -2)) AND (\"b\" BETWEEN '2026-01-01' AND '2026-02-01'::date))",
        ),
        ("a not like 'x\\_y''%' escape '\\'", "(\"a\" NOT LIKE 'x\\_y''%' ESCAPE '\\')"),
        ("\"A\"\"b\" is not false", "((\"A\"\"b\") IS NOT FALSE)"),
        ("(a and b) and c", "(((\"a\") AND (\"b\")) AND (\"c\"))"),
        ("a and b and c", "((\"a\") AND (\"b\") AND (\"c\"))"),
    ] {
        assert_eq!(Predicate::parse(predicate).unwrap().sql(), want);
    }
    assert_eq!(Predicate::parse("b = 1 AND A = 2 AND b > 0").unwrap().columns(), ["a", "b"]);
}

#[test]
fn nothing_overflows_the_stack() {
    for text in [
        "(".repeat(100_000),
        "NOT ".repeat(1500) + "yes",
        "yes".to_owned() + &" IS NULL".repeat(600),
        "yes".to_owned() + &" AND yes".repeat(5000),
        "n = ".to_owned() + &"-".repeat(1900) + "1",
        "n ".to_owned() + &"+ n ".repeat(900) + "= 1",
        "x".repeat(300_000),
    ] {
        assert!(Predicate::parse(&text).is_err());
    }
    assert!(Predicate::parse(&("yes".to_owned() + &" AND yes".repeat(900))).is_ok());
    let many: Vec<String> = (0..5000).map(|n| format!("'{n}'")).collect();
    let list = Predicate::parse(&format!("n IN ({})", many.join(", "))).unwrap().bind(&fields()).unwrap();
    assert_eq!(list.eval(&row("n", Text(b"4999"))), True);
    assert_eq!(list.eval(&row("n", Text(b"5000"))), False);
}

#[test]
fn it_follows_its_columns() {
    let bound = Predicate::parse("b = 1").unwrap();
    let column = |name: &str, type_oid| Column { name: name.into(), type_oid, type_modifier: -1, key: false };
    let table =
        |columns| Table { oid: 1, schema: "public".into(), name: "t".into(), identity: Identity::Default, columns };
    let before = table(vec![column("a", 25), column("b", 23)]);
    let fields: Vec<Field> = before.columns.iter().map(Field::built_in).collect();
    let bound = bound.bind(&fields).unwrap();
    let moved = bound.for_table(&table(vec![column("b", 23)])).unwrap();
    let mut b = RowBuilder::new();
    b.push(Text(b"1"));
    assert_eq!(moved.eval(&b.finish()), True);
    let gone = bound.for_table(&table(vec![column("a", 25)])).unwrap_err();
    assert_eq!(gone.to_string(), "there is no column b any more");
    let retyped = bound.for_table(&table(vec![column("b", 25)])).unwrap_err();
    assert_eq!(retyped.to_string(), "column b has another type now");
}

fn soup() -> impl Strategy<Value = String> {
    let words = [
        "n",
        "t",
        "yes",
        "day",
        "\"Odd \"\"Name\"",
        "=",
        "<>",
        "<",
        ">=",
        "IN",
        "(",
        ")",
        ",",
        "BETWEEN",
        "AND",
        "OR",
        "NOT",
        "IS",
        "NULL",
        "TRUE",
        "FALSE",
        "UNKNOWN",
        "LIKE",
        "ESCAPE",
        "'a'",
        "'\\'",
        "''",
        "5",
        "-",
        "1e9",
        "0.5",
        "date",
        "'2026-01-01'",
        "::",
        "lower",
        "*",
        ".",
        "CASE",
        "WHEN",
        "END",
        "SELECT",
        "[",
        "]",
        "$1",
        "E'a'",
        "--",
        "/*",
        "\n",
        ";",
        "ä",
        "\0",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..25).prop_map(|words| words.join(" "))
}

fn value() -> impl Strategy<Value = Option<Vec<u8>>> {
    prop_oneof![
        Just(None),
        prop::collection::vec(any::<u8>(), 0..12).prop_map(Some),
        "[-+]?[0-9]{0,25}[.]?[0-9]{0,25}".prop_map(|s| Some(s.into_bytes())),
        "[0-9]{4,7}-[01][0-9]-[0-3][0-9]( [0-9:.]{5,15})?([+-][0-9]{2})?( BC)?".prop_map(|s| Some(s.into_bytes())),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 3000, ..ProptestConfig::default() })]

    /// Any text is a predicate or an error; any predicate has an answer on any row, and its canonical text the same one.
    #[test]
    fn total(text in prop_oneof![soup(), any::<String>()], value in value(), column in 0usize..21, unchanged in any::<bool>()) {
        let fields = fields();
        if let Ok(parsed) = Predicate::parse(&text) {
            let again = Predicate::parse(&parsed.sql()).expect("the canonical text is in the subset");
            prop_assert_eq!(again.sql(), parsed.sql());
            if let Ok(bound) = parsed.bind(&fields) {
                let value = match &value {
                    _ if unchanged => Unchanged,
                    None => Null,
                    Some(bytes) => Text(bytes),
                };
                let row = row(&fields[column].name, value);
                prop_assert_eq!(bound.eval(&row), again.bind(&fields).expect("it was bound once").eval(&row));
                // the answers agree with each other
                match bound.eval(&row) {
                    True => prop_assert_eq!(bound.holds(&row), Some(true)),
                    False | Unknown => prop_assert_eq!(bound.holds(&row), Some(false)),
                    NeedsRow => prop_assert!(bound.holds(&row) != Some(true)),
                }
            }
        }
    }

    /// What the stream leaves out never turns an answer: whatever the value is, an answer given without it is the answer.
    #[test]
    fn an_answer_without_a_value_is_the_answer(text in soup(), value in value(), column in 0usize..21) {
        let fields = fields();
        if let Ok(Ok(bound)) = Predicate::parse(&text).map(|p| p.bind(&fields))
            && let Some(bytes) = &value
            && let Some(without) = bound.holds(&row(&fields[column].name, Unchanged))
            && let Some(with) = bound.holds(&row(&fields[column].name, Text(bytes)))
        {
            prop_assert_eq!(without, with);
        }
    }
}
