//! Documents and arrays on real servers: what a mask writes is what the type takes, copied and streamed.

use crate::shapes::Flow;
use crate::shapes::flow::{number, text};

majors!(documents_arrive_masked);

const SCHEMA: &str = "
    CREATE EXTENSION hstore;
    CREATE DOMAIN tags AS text[];
    CREATE TABLE guests (
        id int PRIMARY KEY, first_name text, mails text[], codes int[], labels tags, props hstore, prefs jsonb, raw json, page xml, notes varchar(70));
    ALTER TABLE guests ALTER first_name SET STORAGE EXTERNAL;
";

const YAML: &str = r#"tables:
  public.guests:
    columns:
      first_name: first_name
      mails: email
      codes: integer
      labels: { mask: hash, length: 8 }
      props: { mask: hstore, keys: { mail: email, locale: keep } }
      prefs: { mask: json, paths: { "$.locale": keep, "$.mails[*]": email, "$.age": digits } }
      raw: { mask: json, paths: { "$.mail": drop }, other: lorem }
      page: { mask: xml, text: lorem }
      notes: { mask: scrub, names: [first_name] }"#;

const ROWS: &str = r#"
    INSERT INTO guests SELECT g, 'Rawley', ARRAY['raw@x.org', NULL, 'raw, "b" \ {c}@x.org'], ARRAY[[1, 2], [NULL, g]], ARRAY['raw', '', 'raw null'],
        hstore(ARRAY['mail', 'raw"\@x.org', 'locale', 'de', 'raw', 'raw']),
        '{"locale": "de", "age": 1234567, "mails": ["raw@x.org", {"raw": "raw@x.org"}], "raw": {"raw": 1.50}}',
        '{ "mail": "raw", "a" : ["raw \u00e9", 12.50, null, true], "mail": 2 }', '<?raw raw?><a raw="raw">raw &amp; raw<!-- raw --><b/></a>',
        'Call Rawley on 0171 raw 2345678, raw' || g || '@x.org or +49 30 1234567'
    FROM generate_series(FIRST, LAST) g;
"#;

/// Rows of the target that are otherwise than they must be.
const ODD: &str = r#"SELECT count(*) FROM guests WHERE NOT (
    mails[1] LIKE '%@example.com' AND mails[2] IS NULL AND mails[3] LIKE '%@example.com' AND array_length(mails, 1) = 3
    AND codes[1][1] = (SELECT codes[1][1] FROM guests WHERE id = 1) AND codes[1][2] <> 2 AND codes[2][1] IS NULL AND array_dims(codes) = '[1:2][1:2]'
    AND length(labels[1]) = 8 AND labels[2] = '' AND length(labels[3]) = 8
    AND props -> 'mail' LIKE '%@example.com' AND props -> 'locale' = 'de' AND akeys(props) = ARRAY['mail', 'locale']
    AND prefs - 'age' - 'mails' = '{"locale": "de"}' AND jsonb_typeof(prefs -> 'mails' -> 0) = 'string' AND jsonb_array_length(prefs -> 'mails') = 2
    AND (prefs ->> 'age')::int <> 1234567
    AND raw::text LIKE '{"a":["%",%]}' AND json_typeof(raw -> 'a' -> 1) = 'number' AND json_typeof(raw -> 'a' -> 2) = 'null'
    AND page::text LIKE '<a>%<b/></a>' AND page IS DOCUMENT
    AND notes = 'Call [name] on 0171 raw [phone], [email] or [phone]')"#;

async fn documents_arrive_masked(major: u32) {
    let flow = Flow::with(major, "papers", YAML).await;
    flow.both(SCHEMA).await;
    flow.source(&ROWS.replace("FIRST", "1").replace("LAST", "100")).await;
    flow.catch_up().await;
    holds(&flow, 100).await;
    flow.source(&ROWS.replace("FIRST", "101").replace("LAST", "150")).await;
    flow.source("UPDATE guests SET prefs = prefs || '{\"raw\": 7}', notes = notes || ' ', first_name = 'Raw' || repeat('x', 4000) WHERE id = 7").await;
    flow.source("UPDATE guests SET first_name = 'Rawley', notes = rtrim(notes) WHERE id = 7").await;
    flow.catch_up().await;
    holds(&flow, 150).await;
    assert_eq!(flow.divergences().await, 0, "nobody else wrote staging");
}

async fn holds(flow: &Flow, rows: i64) {
    assert_eq!(number(&flow.t, "SELECT count(*) FROM guests").await, rows);
    assert_eq!(
        number(&flow.t, ODD).await,
        0,
        "{}",
        text(&flow.t, "SELECT guests::text FROM guests ORDER BY id LIMIT 1").await
    );
    let raw = "SELECT count(*) FROM guests WHERE (to_jsonb(guests) - 'notes')::text ~ 'raw@|Rawley|raw .u00e9|raw &|raw null|1[.]50'";
    assert_eq!(number(&flow.t, raw).await, 0);
}
