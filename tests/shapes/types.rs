//! The type matrix: every class of built-in type, with NULL, empty and extreme values, as an ordinary column, as the key,
//! and in a table without one.

use std::fmt::Write as _;

use super::Flow;

majors!(every_type, every_type_between_odd_settings);

/// A type, whether it can be a key, and values as SQL writes them.
pub type Line = (&'static str, Key, &'static [&'static str]);

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// It has a btree class, and its values here are all different.
    Yes,
    No,
}

use Key::{No, Yes};

/// What the types need before the tables.
pub const BEFORE: &str = "
CREATE EXTENSION citext; CREATE EXTENSION hstore; CREATE EXTENSION ltree;
CREATE TYPE mood AS ENUM ('sad', 'o k', 'it''s \"fine\", really', '');
CREATE DOMAIN code AS varchar(5) CHECK (VALUE <> 'nope');
CREATE DOMAIN codes AS code[];
CREATE DOMAIN inner_code AS code NOT NULL DEFAULT 'x';
CREATE TYPE pair AS (a int, \"B \" text);
CREATE TYPE nest AS (p pair, m mood, ps pair[]);
CREATE TYPE span AS RANGE (subtype = float8);
CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE COLLATION german (provider = icu, locale = 'de-DE');";

/// Characters of LATIN1 only, so that the matrix fits every database.
pub const LINES: &[Line] = &[
    ("smallint", Yes, &["-32768", "0", "32767"]),
    ("integer", Yes, &["-2147483648", "0", "2147483647"]),
    ("bigint", Yes, &["'-9223372036854775808'", "0", "9223372036854775807"]),
    (
        "numeric",
        Yes,
        &["'NaN'", "'Infinity'", "'-Infinity'", "0", "0.10", "0.100000000000000000000000000001", "-1e400", "1e-300"],
    ),
    ("numeric(10,2)", Yes, &["'NaN'", "99999999.99", "-0.01", "0.00"]),
    ("numeric(3,-2)", Yes, &["12300", "-99900"]),
    ("real", No, &["'NaN'", "'Infinity'", "'-Infinity'", "'-0'", "1e-45", "3.4028235e38", "0.1"]),
    (
        "double precision",
        Yes,
        &["'NaN'", "'Infinity'", "'-Infinity'", "'-0'", "5e-324", "1.7976931348623157e308", "0.1"],
    ),
    ("money", Yes, &["'-92233720368547758.08'::numeric::money", "'92233720368547758.07'::numeric::money", "0::money"]),
    (
        "text",
        Yes,
        &[
            "''",
            "' '",
            "E'tab\\tnew\\nline\\r\\n\\\\ back'",
            "'quote '' \" $$ {a,\"b\"}'",
            "E'\\\\N'",
            "E'\\\\.'",
            "'NULL'",
            "'äöüßÿ'",
            "repeat('x', 2000)",
            "E'\\x01\\x7f\\b\\f\\v'",
        ],
    ),
    ("text COLLATE \"C\"", Yes, &["''", "'a'", "'B'", "'ä'", "E'\\\\N'"]),
    ("text COLLATE german", Yes, &["''", "'a'", "'B'", "'ä'", "'Z'"]),
    ("text COLLATE nocase", Yes, &["''", "'a'", "'B'", "'c '"]),
    ("varchar(5)", Yes, &["''", "'12345'", "'a   '", "'äöüßÿ'"]),
    ("char(4)", Yes, &["''", "'a'", "'abcd'", "' b'", "'\\\\N'"]),
    ("char(1)[]", No, &["'{}'", "'{a,\" \",NULL}'"]),
    ("\"char\"", Yes, &["'a'", "' '", "E'\\\\'", "E'\\t'", "''"]),
    ("name", Yes, &["''", "'pg class'", "repeat('n', 63)"]),
    ("bytea", Yes, &["''", "'\\x00'", "'\\xdeadbeef00ff5c'", "decode(repeat('00ff', 3), 'hex')"]),
    (
        "date",
        Yes,
        &["'0001-01-01 BC'", "'4713-01-01 BC'", "'infinity'", "'-infinity'", "'5874897-12-31'", "'2024-02-29'"],
    ),
    ("time", Yes, &["'00:00'", "'24:00'", "'23:59:59.999999'"]),
    ("time(0)", Yes, &["'12:34:56'"]),
    ("timetz", Yes, &["'00:00+15:59'", "'24:00-15:59'", "'12:00:00.5+05:30'"]),
    (
        "timestamp",
        Yes,
        &[
            "'4713-01-01 00:00:00 BC'",
            "'294276-12-31 23:59:59.999999'",
            "'infinity'",
            "'-infinity'",
            "'2024-03-10 02:30:00'",
        ],
    ),
    (
        "timestamptz",
        Yes,
        &[
            "'4713-01-02 00:00:00+00 BC'",
            "'294276-12-31 23:59:59.999999+00'",
            "'infinity'",
            "'-infinity'",
            "'2024-10-27 02:30:00+01'",
            "'2024-10-27 02:30:00+02'",
        ],
    ),
    (
        "interval",
        Yes,
        &[
            "'-178000000 years'",
            "'1 mon -1 day 00:00:01.000001'",
            "'0'",
            "'-1 day +25:00'",
            "'1 year 2 mons -3 days -04:05:06.7'",
        ],
    ),
    ("boolean", Yes, &["true", "false"]),
    ("bit", Yes, &["B'0'", "B'1'"]),
    ("bit(7)", Yes, &["B'0000000'", "B'1010101'"]),
    ("varbit", Yes, &["B''", "B'1'", "repeat('10', 50)::varbit"]),
    ("varbit(3)", Yes, &["B''", "B'101'"]),
    ("inet", Yes, &["'0.0.0.0'", "'192.168.1.5/24'", "'::1'", "'::ffff:1.2.3.4/128'", "'10.0.0.1/32'"]),
    ("cidr", Yes, &["'10.0.0.0/8'", "'::/0'", "'1.2.3.4/32'"]),
    ("macaddr", Yes, &["'00:00:00:00:00:00'", "'ff:ff:ff:ff:ff:ff'"]),
    ("macaddr8", Yes, &["'08:00:2b:01:02:03:04:05'"]),
    (
        "uuid",
        Yes,
        &[
            "'00000000-0000-0000-0000-000000000000'",
            "'ffffffff-ffff-ffff-ffff-ffffffffffff'",
            "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'",
        ],
    ),
    ("json", No, &["'null'", "'{\"a\": 1,  \"a\": 2}'", "'[]'", "E'{\"t\":\"\\\\\\\\n\\\\u00e4\"}'"]),
    ("jsonb", Yes, &["'null'", "'{\"b\":[1,{\"a\":null}],\"a\":1.50}'", "'\"\"'", "'1e300'"]),
    ("jsonpath", No, &["'$.a[*] ? (@ > 1)'"]),
    ("xml", No, &["''", "'<a b=\"1\">x &amp; y</a>'", "'text <b/> more'"]),
    ("integer[]", Yes, &["'{}'", "'{1,NULL,3}'", "'{{1,2},{3,4}}'", "'[0:1]={5,6}'", "'[-1:0][2:3]={{1,2},{3,4}}'"]),
    (
        "text[]",
        Yes,
        &[
            "'{}'",
            "ARRAY['', 'NULL', NULL, 'a,b', '{}', E'\\\\', '\"', E'new\\nline', 'ä']",
            "ARRAY[['a','b'],['c','d']]",
        ],
    ),
    ("numeric(5,1)[]", Yes, &["'{NaN,1.0,NULL}'"]),
    ("timestamptz[]", Yes, &["ARRAY['infinity'::timestamptz, '2020-01-01 00:00:00+00', NULL]"]),
    ("bytea[]", Yes, &["ARRAY['\\x00ff'::bytea, '', NULL]"]),
    ("jsonb[]", Yes, &["ARRAY['{\"a\": \"x,y\"}'::jsonb, NULL]"]),
    ("box[]", No, &["'{(1,1),(0,0);(3,3),(2,2)}'"]),
    ("mood", Yes, &["'sad'", "'o k'", "'it''s \"fine\", really'", "''"]),
    ("mood[]", Yes, &["ARRAY['o k', '', NULL]::mood[]"]),
    ("code", Yes, &["''", "'a'", "'12345'"]),
    ("codes", Yes, &["'{}'", "'{a,NULL,\"b c\"}'"]),
    ("code[]", Yes, &["'{a,\"\"}'"]),
    ("pair", Yes, &["ROW(1, 'x')::pair", "ROW(NULL, NULL)::pair", "ROW(-1, 'a,\"b\\ ()')::pair", "ROW(0, '')::pair"]),
    ("pair[]", Yes, &["ARRAY[ROW(1, 'x,\"y')::pair, NULL, ROW(NULL, '')::pair]"]),
    ("nest", Yes, &["ROW(ROW(1, 'a\"b')::pair, 'o k', ARRAY[ROW(2, NULL)::pair])::nest"]),
    ("int4range", Yes, &["'empty'", "'(,)'", "'[1,5)'", "'[1,)'"]),
    ("numrange", Yes, &["'(1.50,2.500]'", "'[-Infinity,NaN]'"]),
    ("tstzrange", Yes, &["'[2020-01-01 00:00:00+00,infinity)'", "'(,2020-01-01 12:00:00+05:30]'"]),
    ("daterange", Yes, &["'[0044-03-15 BC,2024-01-01)'"]),
    ("span", Yes, &["'[-0,1.5]'", "'[0.1,Infinity]'"]),
    ("int8range", Yes, &["'empty'", "'[-9223372036854775808,9223372036854775807)'"]),
    ("tsrange", Yes, &["'[2020-01-01 00:00:00,infinity)'", "'(,)'"]),
    ("int8multirange", Yes, &["'{}'", "'{(,1),[5,7)}'"]),
    ("tsmultirange", Yes, &["'{}'", "'{[2020-01-01 00:00:00,2020-01-02 00:00:00)}'"]),
    ("tstzmultirange", Yes, &["'{[2020-01-01 00:00:00+00,infinity)}'"]),
    ("datemultirange", Yes, &["'{}'", "'{[2020-01-01,2020-02-01),[2021-01-01,)}'"]),
    ("pg_snapshot", No, &["'1:1:'", "'10:20:10,14,15'"]),
    ("txid_snapshot", No, &["'1:1:'", "'10:20:10,14,15'"]),
    ("int4multirange", Yes, &["'{}'", "'{[1,3),[5,7)}'"]),
    ("nummultirange", Yes, &["'{(1.0,2.0],[3,)}'"]),
    ("tsvector", No, &["''", "'a:1A fat:2B,4C cat:5'", "$$'quo''ted' 'sp ace':3$$"]),
    ("tsquery", No, &["''", "'fat & (rat | !cat:*A)'", "'a <2> b'"]),
    ("point", No, &["'(0,-0)'", "'(1e-300,1e300)'", "'(NaN,Infinity)'"]),
    ("line", No, &["'{1,-1,0.1}'"]),
    ("lseg", No, &["'[(0,0),(1,1)]'"]),
    ("box", No, &["'(1,1),(0,0)'"]),
    ("path", No, &["'[(0,0),(1,1)]'", "'((0,0),(1,1),(2,0))'"]),
    ("polygon", No, &["'((0,0),(1,1),(2,0))'"]),
    ("circle", No, &["'<(1,2),3.5>'"]),
    ("pg_lsn", Yes, &["'0/0'", "'FFFFFFFF/FFFFFFFF'"]),
    ("oid", Yes, &["0", "4294967295"]),
    ("xid8", Yes, &["'0'", "'18446744073709551615'"]),
    ("tid", Yes, &["'(0,0)'", "'(4294967295,65535)'"]),
    ("regclass", Yes, &["'pg_catalog.pg_class'", "'\"odd Table\"'", "0"]),
    ("regtype", Yes, &["'integer'", "'\"odd Table\"[]'", "'mood'"]),
    ("regproc", No, &["'pg_catalog.now'"]),
    ("regnamespace", No, &["'pg_catalog'"]),
    ("int2vector", No, &["'1 2 3'"]),
    ("oidvector", No, &["'1 2 3'"]),
    ("citext", Yes, &["''", "'AbC'", "'äÖ'"]),
    ("hstore", No, &["''", "'a=>1, \"b c\"=>NULL, \"\"=>\"x\\\"y\"'"]),
    ("ltree", Yes, &["'Top.Science'", "''"]),
    ("lquery", No, &["'Top.*{1,2}.!x'"]),
];

/// Tables of the matrix: `c…` with the type as a column, `k…` as the key, `f…` without a key, whole rows in the stream.
pub fn tables() -> String {
    let mut sql = format!("{BEFORE} CREATE TABLE \"odd Table\" (id int PRIMARY KEY);");
    for (n, (ty, key, _)) in LINES.iter().enumerate() {
        let _ = write!(sql, "CREATE TABLE c{n} (id int PRIMARY KEY, v {ty}, w int);");
        let _ = write!(sql, "CREATE TABLE f{n} (v {ty}, w int); ALTER TABLE f{n} REPLICA IDENTITY FULL;");
        if *key == Yes {
            let _ = write!(sql, "CREATE TABLE k{n} (w int, v {ty} PRIMARY KEY, x text);");
        }
    }
    sql
}

/// What is there before the copy.
pub fn first() -> String {
    let mut sql = String::new();
    for (n, (_, key, values)) in LINES.iter().enumerate() {
        let _ = write!(sql, "INSERT INTO c{n} (id) VALUES (0); INSERT INTO f{n} VALUES (NULL, 0), (NULL, 0);");
        for (i, v) in values.iter().enumerate() {
            let _ = write!(sql, "INSERT INTO c{n} VALUES ({}, {v}, 1);", i + 1);
            let _ = write!(sql, "INSERT INTO f{n} VALUES ({v}, {i}), ({v}, {i}), ({v}, {i});");
            if *key == Yes && i % 2 == 0 {
                let _ = write!(sql, "INSERT INTO k{n} VALUES ({i}, {v}, 'first');");
            }
        }
    }
    sql
}

/// What is streamed: inserts, updates to every value and to NULL, changes of keys, deletes. One transaction a table.
pub fn then() -> Vec<String> {
    let mut all = Vec::new();
    for (n, (_, key, values)) in LINES.iter().enumerate() {
        let mut sql = format!("INSERT INTO c{n} (id) VALUES (100); UPDATE c{n} SET w = 2 WHERE id = 0;");
        for (i, v) in values.iter().enumerate() {
            let next = values[(i + 1) % values.len()];
            let _ = write!(sql, "INSERT INTO c{n} VALUES ({}, {v}, 3);", i + 101);
            let _ = write!(
                sql,
                "UPDATE c{n} SET v = {next} WHERE id = {}; UPDATE c{n} SET w = 4 WHERE id = {};",
                i + 1,
                i + 101
            );
        }
        sql.push_str(&format!("UPDATE c{n} SET v = NULL WHERE id = 1; DELETE FROM c{n} WHERE id = 101;"));
        // one of three equal rows goes, one changes
        let one = |i: usize| format!("ctid = (SELECT min(ctid) FROM f{n} WHERE w = {i})");
        for (i, _) in values.iter().enumerate() {
            let _ = write!(sql, "DELETE FROM f{n} WHERE {0}; UPDATE f{n} SET w = -1 WHERE {0};", one(i));
        }
        let _ = write!(sql, "UPDATE f{n} SET v = {} WHERE v IS NULL AND {};", values[0], one(0));
        all.push(sql);
        if *key == Yes {
            let mut sql = String::new();
            for (i, v) in values.iter().enumerate() {
                if i % 2 == 1 {
                    let _ = write!(sql, "INSERT INTO k{n} VALUES ({i}, {v}, 'then');");
                }
            }
            let _ = write!(sql, "UPDATE k{n} SET x = 'changed';");
            all.push(sql);
            // the last goes, and its key is taken by the first
            let last = values.len() - 1;
            let mut sql = format!("DELETE FROM k{n} WHERE w = {last};");
            if last > 0 {
                let _ = write!(sql, "UPDATE k{n} SET v = {}, x = 'moved' WHERE w = 0;", values[last]);
            }
            let _ = write!(sql, "INSERT INTO k{n} SELECT 100, v, x FROM k{n} WHERE false;");
            all.push(sql);
        }
    }
    all
}

async fn every_type(major: u32) {
    matrix(&Flow::new(major, "types").await).await;
}

/// Each side's database has its own way of writing values; sluice's sessions must not care.
async fn every_type_between_odd_settings(major: u32) {
    let flow = Flow::new(major, "types_odd").await;
    flow.source(
        "ALTER DATABASE types_odd SET datestyle = 'German'; ALTER DATABASE types_odd SET timezone = 'Asia/Kolkata';
         ALTER DATABASE types_odd SET intervalstyle = 'sql_standard'; ALTER DATABASE types_odd SET bytea_output = 'escape';
         ALTER DATABASE types_odd SET extra_float_digits = -5; ALTER DATABASE types_odd SET xmloption = 'document';
         ALTER DATABASE types_odd SET search_path = 'pg_catalog'; ALTER DATABASE types_odd SET standard_conforming_strings = off;
         ALTER DATABASE types_odd SET default_transaction_isolation = 'serializable';",
    )
    .await;
    flow.target(
        "ALTER DATABASE types_odd SET datestyle = 'SQL, MDY'; ALTER DATABASE types_odd SET timezone = 'America/St_Johns';
         ALTER DATABASE types_odd SET intervalstyle = 'iso_8601'; ALTER DATABASE types_odd SET array_nulls = off;
         ALTER DATABASE types_odd SET default_transaction_isolation = 'repeatable read';
         ALTER DATABASE types_odd SET transform_null_equals = on;",
    )
    .await;
    matrix(&flow).await;
}

pub async fn matrix(flow: &Flow) {
    flow.both(&tables()).await;
    flow.source(&first()).await;
    flow.equal().await;
    for sql in then() {
        flow.source(&format!("BEGIN; {sql} COMMIT")).await;
    }
    flow.equal().await;
}
