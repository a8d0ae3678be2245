//! What is sent in binary form is what its text says: values as real servers write them, sent both ways, compared by what
//! the server sends back.

use bytes::{BufMut, BytesMut};
use sink_postgres::binary::Form;
use tokio_postgres::types::{IsNull, ToSql, Type};

use crate::servers::Pair;

majors!(what_a_server_writes_is_read_as_it_reads_it);

/// A type, its send function, what has no form of ours, and a query of values.
const TYPES: &[(&str, &str, &[&str], &str)] = &[
    ("boolean", "boolsend", &[], "VALUES (true), (false)"),
    ("smallint", "int2send", &[], "SELECT n::int2 FROM pg_catalog.generate_series(-32768, 32767) n"),
    ("integer", "int4send", &[], "SELECT ((2^31)::int8 * s * random())::int4 FROM few, sign UNION SELECT -2147483648 UNION SELECT 2147483647"),
    (
        "bigint",
        "int8send",
        &[],
        "SELECT (s * 10::numeric ^ (n % 19) * random()::numeric)::int8 FROM few, sign
         UNION SELECT -9223372036854775808 UNION SELECT 9223372036854775807 UNION SELECT 0",
    ),
    (
        "numeric",
        "numeric_send",
        &["NaN", "Infinity", "-Infinity"],
        "SELECT round(s * 10::numeric ^ (n % 61 - 30) * random()::numeric, n % 37) FROM few, sign
         UNION SELECT s * 10::numeric ^ e FROM pg_catalog.generate_series(-150, 150) e, sign
         UNION SELECT s * 10::numeric ^ e + 1 FROM pg_catalog.generate_series(-150, 150) e, sign
         UNION SELECT (repeat('9', e) || '.' || repeat('9', e))::numeric FROM pg_catalog.generate_series(1, 100) e
         UNION ALL SELECT v::numeric FROM pg_catalog.unnest('{0,0.00,-0.0000,1000.0000,0.00001000,NaN,Infinity,-Infinity}'::text[]) v",
    ),
    (
        "real",
        "float4send",
        &["NaN", "Infinity", "-Infinity"],
        "SELECT (s * 10::float8 ^ (n % 75 - 37) * random())::float4 FROM few, sign
         UNION ALL SELECT v::float4 FROM pg_catalog.unnest('{0,-0,1e-45,3.4028235e38,NaN,Infinity,-Infinity}'::text[]) v",
    ),
    (
        "double precision",
        "float8send",
        &["NaN", "Infinity", "-Infinity"],
        "SELECT s * 10::float8 ^ (n % 600 - 300) * random() FROM few, sign
         UNION ALL SELECT v::float8 FROM pg_catalog.unnest('{0,-0,5e-324,1.7976931348623157e308,NaN,Infinity,-Infinity}'::text[]) v",
    ),
    (
        "date",
        "date_send",
        &["infinity", "-infinity", "BC", "10000-"],
        "SELECT '0001-01-01'::date + n * 37 FROM pg_catalog.generate_series(0, 98000) n
         UNION SELECT '1896-01-01'::date + n FROM pg_catalog.generate_series(0, 80000) n
         UNION SELECT v::date FROM pg_catalog.unnest('{9999-12-31,10000-01-01,0001-12-31 BC,infinity,-infinity}'::text[]) v",
    ),
    (
        "timestamp without time zone",
        "timestamp_send",
        &["infinity", "-infinity", "BC", "10000-"],
        "SELECT '2000-01-01'::timestamp + s * random() * interval '300 years' FROM few, sign
         UNION SELECT '2000-01-01'::timestamp + s * n * interval '1 microsecond' FROM few, sign
         UNION SELECT v::timestamp FROM pg_catalog.unnest('{9999-12-31 23:59:59.999999,10000-01-01,0001-12-31 BC,infinity,-infinity}'::text[]) v",
    ),
    (
        "timestamp with time zone",
        "timestamptz_send",
        &["infinity", "-infinity", "BC", "10000-"],
        "SELECT '2000-01-01 00:00:00+00'::timestamptz + s * random() * interval '300 years' FROM few, sign
         UNION SELECT date_trunc('second', '2000-01-01 00:00:00+00'::timestamptz + s * random() * interval '1900 years') FROM few, sign
         UNION SELECT v::timestamptz FROM pg_catalog.unnest('{9999-12-31 23:59:59.999999+00,10000-01-02,0001-12-31 BC,infinity,-infinity}'::text[]) v",
    ),
    ("uuid", "uuid_send", &[], "SELECT gen_random_uuid() FROM few"),
    ("text", "textsend", &[], "SELECT md5(n::text) FROM few UNION SELECT '' UNION SELECT E'\\t\\n\\\\ \u{e9}'"),
    ("json", "json_send", &[], "SELECT ('[' || n || ', \"a\" ]')::json FROM few"),
    ("jsonb", "jsonb_send", &[], "SELECT pg_catalog.jsonb_build_object(n::text, n) FROM few UNION SELECT '[]' UNION SELECT 'null'"),
    ("bytea", "byteasend", &[], "SELECT decode(repeat(md5(n::text), n % 5), 'hex') FROM few"),
];

const LISTS: &str = "WITH few AS (SELECT n FROM pg_catalog.generate_series(1, 5000) n), sign(s) AS (VALUES (1), (-1))";

async fn what_a_server_writes_is_read_as_it_reads_it(major: u32) {
    let db = Pair::get(major).source.client("postgres").await;
    let settings = sink_postgres::session::SETTINGS.iter().filter(|(name, _)| *name != "search_path");
    for (name, value) in settings {
        db.batch_execute(&format!("SET {name} = '{value}'")).await.unwrap();
    }
    for (name, send, not, values) in TYPES {
        let form = Form::of(name).expect(name);
        let listed = db
            .query(
                &format!("{LISTS} SELECT pg_catalog.array_to_string(ARRAY[v::{name}], '') FROM ({values}) x(v)"),
                &[],
            )
            .await
            .expect(name);
        let texts: Vec<String> = listed.iter().map(|row| row.get(0)).collect();
        let (mut read, mut array) = (Vec::new(), BytesMut::new());
        for text in &texts {
            let before = array.len();
            match form.write(text.as_bytes(), &mut array) {
                Some(()) => read.push(text.as_str()),
                None => {
                    assert!(not.iter().any(|n| text.contains(n)), "{name}: {text} is not read");
                    array.truncate(before);
                }
            }
        }
        assert!(read.len() >= 2 && texts.len() - read.len() <= 6, "{name}: {} of {}", read.len(), texts.len());
        let mut head = BytesMut::new();
        [1, 1, form.named().1, read.len() as u32, 1].iter().for_each(|n| head.put_u32(*n));
        head.extend_from_slice(&array);
        let (of, count) = (form.named().0, read.len() as i64);
        let sql = format!(
            "SELECT count(*), min(t) FILTER (WHERE pg_catalog.{send}(t::{of}) IS DISTINCT FROM pg_catalog.{send}(b))
             FROM (SELECT unnest($1::text[]) AS t, unnest($2::{of}[]) AS b) x"
        );
        let row = db.query_one(&sql, &[&read, &Sent(head)]).await.expect(name);
        assert_eq!((row.get::<_, i64>(0), row.get::<_, Option<String>>(1)), (count, None), "{name}");
    }
}

/// Bytes as they are.
#[derive(Debug)]
struct Sent(BytesMut);

impl ToSql for Sent {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        out.extend_from_slice(&self.0);
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    tokio_postgres::types::to_sql_checked!();
}
