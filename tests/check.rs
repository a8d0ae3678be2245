//! Are two tables equal? By content, with plain SQL, through a client that is not sluice's.
//!
//! `equal(&source, &target, "public.cruises").await` compares every column of production's table as text, in any row
//! order and any column order, under the same output settings; columns that only staging has do not count. What may
//! differ is said by a [`Table`]: `Table::named("public.users").without(&["email"])`.
#![allow(dead_code, reason = "a harness offers more than the tests of any one day use")]

use std::collections::BTreeMap;

use tokio_postgres::{Client, Error, SimpleQueryMessage};

/// How many differing rows are shown.
const SHOWN: usize = 10;

/// One way of writing values as text, whatever the database's or the role's settings are.
const SETTINGS: &str = "SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL intervalstyle = 'postgres'; SET LOCAL timezone = 'UTC';
    SET LOCAL extra_float_digits = 3; SET LOCAL bytea_output = 'hex'; SET LOCAL lc_monetary = 'C'; SET LOCAL xmloption = 'content';";

/// A table and what is compared of it.
#[derive(Clone, Debug)]
pub struct Table {
    source: String,
    target: String,
    without: Vec<String>,
    computed: Vec<(String, String)>,
    source_rows: String,
    target_rows: String,
}

impl Table {
    /// All rows and columns of the table of that name, as SQL writes it, on both sides.
    pub fn named(name: &str) -> Table {
        Table {
            source: name.into(),
            target: name.into(),
            without: Vec::new(),
            computed: Vec::new(),
            source_rows: "true".into(),
            target_rows: "true".into(),
        }
    }

    /// It has another name on the target.
    pub fn on_target(mut self, name: &str) -> Table {
        self.target = name.into();
        self
    }

    /// Without these columns.
    pub fn without(mut self, columns: &[&str]) -> Table {
        self.without.extend(columns.iter().map(|column| (*column).to_owned()));
        self
    }

    /// And an expression over each side's row, such as `("length(email)", "length(email)")`.
    pub fn computed(mut self, source: &str, target: &str) -> Table {
        self.computed.push((source.into(), target.into()));
        self
    }

    /// Only production's rows for which this holds.
    pub fn source_rows(mut self, condition: &str) -> Table {
        self.source_rows = condition.into();
        self
    }

    /// Only staging's rows for which this holds, for example all but the protected ones.
    pub fn target_rows(mut self, condition: &str) -> Table {
        self.target_rows = condition.into();
        self
    }
}

impl From<&str> for Table {
    fn from(name: &str) -> Table {
        Table::named(name)
    }
}

/// Panics with counts and the rows that differ, unless the table is equal on both sides.
pub async fn equal(source: &Client, target: &Client, table: impl Into<Table>) {
    if let Some(differences) = differences(source, target, table).await {
        panic!("{differences}");
    }
}

/// The same for every ordinary or partitioned table of a schema.
pub async fn schema_equal(source: &Client, target: &Client, schema: &str) {
    let tables =
        "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1";
    let tables = source.query(tables, &[&schema]).await.expect("list tables");
    assert!(!tables.is_empty(), "no tables in schema {schema}");
    for table in tables {
        equal(source, target, table.get::<_, &str>(0)).await;
    }
}

/// What differs, or `None`: for use in `wait_until`.
pub async fn differences(source: &Client, target: &Client, table: impl Into<Table>) -> Option<String> {
    let table = table.into();
    compare(source, target, &table).await.unwrap_or_else(|error| panic!("compare {}: {error:?}", table.source))
}

async fn compare(source: &Client, target: &Client, table: &Table) -> Result<Option<String>, Error> {
    let columns: Vec<String> = columns(source, &table.source, "attnum > 0 AND NOT attisdropped").await?;
    let columns: Vec<&String> = columns.iter().filter(|column| !table.without.contains(&unquoted(column))).collect();
    let row = |side: fn(&(String, String)) -> &String| {
        let parts: Vec<&str> =
            columns.iter().map(|c| c.as_str()).chain(table.computed.iter().map(|pair| side(pair).as_str())).collect();
        format!("ROW({})::text", parts.join(", "))
    };
    let source_side = (source, &table.source, row(|pair| &pair.0), &table.source_rows);
    let target_side = (target, &table.target, row(|pair| &pair.1), &table.target_rows);

    let mut sums = Vec::new();
    for (client, name, row, rows) in [&source_side, &target_side] {
        // md5 of UTF-8: hash functions of the server depend on its version and encoding
        let sum = format!(
            "SELECT count(*), coalesce(sum(('x' || substr(md5(convert_to({row}, 'UTF8')), 1, 15))::bit(60)::bigint), 0) FROM {name} WHERE {rows}"
        );
        sums.push(read(client, &sum).await?);
    }
    if sums[0] == sums[1] {
        return Ok(None);
    }

    let is_key = "attnum = ANY (SELECT unnest(indkey) FROM pg_index WHERE indrelid = attrelid AND indisprimary)";
    let key = self::columns(source, &table.source, is_key).await?;
    let usable = !key.is_empty() && key.iter().all(|column| !table.without.contains(&unquoted(column)));
    let mut sides = Vec::new();
    for (client, name, row, rows) in [&source_side, &target_side] {
        let key = if usable { format!("ROW({})::text", key.join(", ")) } else { row.clone() };
        let all = read(client, &format!("SELECT {key}, {row} FROM {name} WHERE {rows} ORDER BY 1, 2")).await?;
        let mut side: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for [key, row] in all {
            side.entry(key).or_default().push(row);
        }
        sides.push(side);
    }
    Ok(Some(describe(table, &sums, &sides[0], &sides[1])))
}

type Side = BTreeMap<String, Vec<String>>;

fn describe(table: &Table, sums: &[Vec<[String; 2]>], source: &Side, target: &Side) -> String {
    let count = |side: usize| sums[side].first().map_or("?", |[count, _]| count.as_str());
    let mut lines =
        vec![format!("{} differs: {} rows on the source, {} on the target", table.source, count(0), count(1))];
    let keys: std::collections::BTreeSet<&String> = source.keys().chain(target.keys()).collect();
    let differing: Vec<&String> = keys.into_iter().filter(|key| source.get(*key) != target.get(*key)).collect();
    for key in differing.iter().take(SHOWN) {
        lines.push(match (source.get(*key), target.get(*key)) {
            (Some(rows), None) => format!("  missing on the target: {}", short(rows)),
            (None, Some(rows)) => format!("  only on the target:    {}", short(rows)),
            (here, there) => {
                format!(
                    "  {key}\n    source {}\n    target {}",
                    here.map_or("-".into(), |r| short(r)),
                    there.map_or("-".into(), |r| short(r))
                )
            }
        });
    }
    lines.push(format!("  {} keys differ", differing.len()));
    lines.join("\n")
}

fn short(rows: &[String]) -> String {
    let text: String = rows.join(" ").chars().take(300).collect();
    if rows.len() > 1 { format!("{} times {text}", rows.len()) } else { text }
}

async fn columns(client: &Client, table: &str, which: &str) -> Result<Vec<String>, Error> {
    let sql = format!(
        "SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = $1::text::regclass AND {which} ORDER BY attname"
    );
    Ok(client.query(&sql, &[&table]).await?.iter().map(|row| row.get(0)).collect())
}

fn unquoted(column: &str) -> String {
    column.strip_prefix('"').and_then(|c| c.strip_suffix('"')).map_or(column.into(), |c| c.replace("\"\"", "\""))
}

/// Two text columns of every row, read under [`SETTINGS`].
async fn read(client: &Client, sql: &str) -> Result<Vec<[String; 2]>, Error> {
    let answer = client.simple_query(&format!("BEGIN READ ONLY; {SETTINGS} {sql}; COMMIT")).await;
    if answer.is_err() {
        client.batch_execute("ROLLBACK").await?;
    }
    let text = |row: &tokio_postgres::SimpleQueryRow, at| row.get(at).unwrap_or("NULL").to_owned();
    Ok(answer?
        .iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some([text(row, 0), text(row, 1)]),
            _ => None,
        })
        .collect())
}
