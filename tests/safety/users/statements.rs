//! What staging's users write, at random: what is theirs alone, rows of theirs among production's, and production's own rows.

/// A statement of a transaction.
pub fn statement(rng: &mut fastrand::Rng) -> String {
    match rng.u8(..10) {
        0..=2 => protected(rng),
        3..=5 => of_big(rng),
        6..=7 => of_others(rng),
        _ => edit(rng),
    }
}

/// What needs a lock on a whole table; and an impatient user cancels what of sluice's is in the way.
pub fn maintenance(rng: &mut fastrand::Rng) -> String {
    let tables = ["big", "comp", "uid", "txt", "ident", "people", "handles", "desks", "notes", "fulls"];
    let table = tables[rng.usize(..tables.len())];
    match rng.u8(..8) {
        0 => format!("VACUUM {table}"),
        1 => format!("VACUUM (FREEZE) {table}"),
        2 => format!("ANALYZE {table}"),
        3 | 4 => format!("LOCK TABLE {table} IN SHARE MODE"),
        // between two statements it would not be heard
        _ => "SELECT pg_cancel_backend(pid) FROM pg_stat_activity, generate_series(1, 40)
            WHERE application_name IN ('sluice/world/apply', 'sluice/world/load') AND pg_sleep(0.001) IS NOT NULL"
            .into(),
    }
}

fn body(rng: &mut fastrand::Rng) -> String {
    format!("repeat(md5('{}'), {})", rng.u32(..), rng.u32(1..90))
}

/// One row of those for which a condition holds, by its key.
fn any(rng: &mut fastrand::Rng, table: &str, key: &str, rows: &str) -> String {
    format!("(SELECT {key} FROM {table} WHERE {rows} ORDER BY md5({key}::text || '{}') LIMIT 1)", rng.u32(..))
}

/// Protected tables, which refer to replicated ones and to each other.
fn protected(rng: &mut fastrand::Rng) -> String {
    let b = body(rng);
    let person = format!("(SELECT id FROM people WHERE id >= {} ORDER BY id LIMIT 1)", rng.u32(1..700));
    let big = format!("(SELECT id FROM big WHERE id >= {} ORDER BY id LIMIT 1)", rng.u32(1..1600));
    let handle = any(rng, "handles", "handle", "true");
    let (desk, note) = (any(rng, "desks", "id", "true"), any(rng, "notes", "id", "true"));
    match rng.u8(..14) {
        0..=2 => format!(
            "INSERT INTO desks (person, name, body) VALUES ({person}, 'desk {}', {b}) ON CONFLICT DO NOTHING",
            rng.u16(..)
        ),
        3..=6 => format!(
            "INSERT INTO notes (desk, big, handle, body) SELECT {desk}, {big}, {handle}, {b} WHERE EXISTS (SELECT FROM desks)"
        ),
        7 => format!("UPDATE desks SET person = {person}, body = {b} WHERE id = {desk}"),
        8 => format!("UPDATE desks SET id = {} WHERE id = {desk}", rng.u32(1_000_000..2_000_000)),
        9 => format!("UPDATE notes SET big = {big}, handle = {handle} WHERE id = {note}"),
        10 => format!("UPDATE notes SET body = {b} WHERE desk = {desk}"),
        11 => format!("DELETE FROM desks WHERE id = {desk}"),
        12 => format!("DELETE FROM notes WHERE id = {note}"),
        _ => format!("UPDATE big SET desk = {desk} WHERE id BETWEEN {i} AND {i} + 3", i = rng.u32(1..1600)),
    }
}

/// Rows of theirs where a column that only staging has says whose a row is.
fn of_big(rng: &mut fastrand::Rng) -> String {
    let (b, v) = (body(rng), rng.i32(..));
    let (i, j) = (rng.u32(1..1700), rng.u32(1..1600));
    let mine = any(rng, "big", "id", "mine");
    match rng.u8(..15) {
        0..=2 => format!("INSERT INTO big VALUES ({i}, {v}, NULL, {b}, true) ON CONFLICT DO NOTHING"),
        3 => format!("INSERT INTO big VALUES ({i}, {v}, {j}, {b}, true) ON CONFLICT DO NOTHING"),
        // a value that production's row has, or wants
        4 => format!(
            "DELETE FROM big WHERE uniq = {j} AND NOT mine; INSERT INTO big VALUES ({i}, {v}, {j}, {b}, true) ON CONFLICT DO NOTHING"
        ),
        5 => format!("UPDATE big SET uniq = {j} WHERE id = {mine} AND NOT EXISTS (SELECT FROM big WHERE uniq = {j})"),
        // production's rows become theirs, and are given back
        6 | 7 => format!(
            "UPDATE big SET mine = true, n = {v} WHERE id BETWEEN {i} AND {i} + {}",
            if rng.u8(..3) == 0 { rng.u32(10..30) } else { rng.u32(..4) }
        ),
        8 => format!("UPDATE big SET mine = false WHERE mine AND id BETWEEN {i} AND {i} + {}", rng.u32(..400)),
        9 | 10 => format!("UPDATE big SET body = {b} WHERE id = {mine}"),
        11 => format!("UPDATE big SET id = {i} WHERE id = {mine} AND NOT EXISTS (SELECT FROM big WHERE id = {i})"),
        12 => format!("UPDATE big SET n = n WHERE mine AND id BETWEEN {i} AND {i} + 100"),
        _ => format!("DELETE FROM big WHERE id = {mine}"),
    }
}

/// Rows of theirs where a column that production writes too says it.
fn of_others(rng: &mut fastrand::Rng) -> String {
    let (b, own) = (body(rng), rng.i32(-2_100_000_000..-2_000_000_001));
    let (k, l) = (rng.u32(1..750), rng.u32(1..750));
    let table = ["uid", "txt", "ident", "people", "handles"][rng.usize(..5)];
    let id = |n: u32| match table {
        "uid" => format!("md5('{n}')::uuid"),
        "txt" => format!("'t{n}'"),
        "handles" => format!("md5('{n}')"),
        _ => n.to_string(),
    };
    let key = if table == "handles" { "handle" } else { "id" };
    let (value, condition) = match table {
        "txt" => (format!("'{own}'"), "v LIKE '-20%'"),
        _ => (own.to_string(), "v < -2000000000"),
    };
    let mine = any(rng, table, key, condition);
    let not_mine = any(rng, table, key, &format!("({condition}) IS NOT TRUE"));
    match rng.u8(..11) {
        0..=2 => match table {
            "ident" => format!("INSERT INTO ident (v, body) VALUES ({value}, {b})"),
            "people" => {
                format!("INSERT INTO people VALUES ({}, 'mine{k}@quux.test', {value}) ON CONFLICT DO NOTHING", id(l))
            }
            "handles" => format!("INSERT INTO handles VALUES ({}, {value}, {b}) ON CONFLICT DO NOTHING", id(k)),
            _ => format!("INSERT INTO {table} VALUES ({}, {value}) ON CONFLICT DO NOTHING", id(k)),
        },
        // another's key, and their unique value
        3 if table == "people" => format!(
            "WITH old AS (DELETE FROM people WHERE id = {not_mine} RETURNING email) INSERT INTO people SELECT {k}, email, {value} FROM old WHERE NOT EXISTS (SELECT FROM people WHERE id = {k})"
        ),
        3 if table == "ident" => {
            format!("UPDATE ident SET v = {value} WHERE id BETWEEN {k} AND {k} + {}", rng.u32(..20))
        }
        4 if table == "people" => {
            format!("UPDATE people SET v = {value} WHERE id BETWEEN {k} AND {k} + {}", rng.u32(..20))
        }
        3..=5 => format!("UPDATE {table} SET v = {value} WHERE {key} = {not_mine}"),
        6 => format!("UPDATE {table} SET v = '7' WHERE {condition} AND hashtext({key}::text) % 3 = {}", rng.u8(..3)),
        7 => format!("UPDATE {table} SET v = {value} WHERE {key} = {mine}"),
        8 if table == "ident" => format!("UPDATE ident SET id = DEFAULT, body = {b} WHERE id = {mine}"),
        8 => format!(
            "UPDATE {table} SET {key} = {id} WHERE {key} = {mine} AND NOT EXISTS (SELECT FROM {table} WHERE {key} = {id})",
            id = id(l)
        ),
        _ => format!("DELETE FROM {table} WHERE {key} = {mine}"),
    }
}

/// Production's rows, which nobody ought to write: this heals.
fn edit(rng: &mut fastrand::Rng) -> String {
    let (b, v) = (body(rng), rng.i32(-1000..1000));
    let (i, k, l) = (rng.u32(1..1600), rng.u32(1..700), rng.u32(1..700));
    match rng.u8(..24) {
        0 | 1 => format!("UPDATE big SET n = n + 1, body = {b} WHERE id = {i} AND NOT mine"),
        2 => format!("DELETE FROM big WHERE id BETWEEN {i} AND {i} + 2 AND NOT mine"),
        3 => format!("INSERT INTO big VALUES ({i}, {v}, {k}, {b}) ON CONFLICT DO NOTHING"),
        4 => format!("UPDATE big SET id = {} WHERE id = {i} AND NOT mine", i + 30_000),
        5 | 6 => format!("UPDATE comp SET v = {v}, body = {b} WHERE (a, b) = ({}, 'k{k}')", k % 20),
        7 => format!("DELETE FROM comp WHERE (a, b) = ({}, 'k{k}')", k % 20),
        8 => format!("INSERT INTO comp VALUES ({}, 'k{k}', {v}, {b}) ON CONFLICT DO NOTHING", l % 20),
        9 => format!("DELETE FROM uid WHERE id = md5('{k}')::uuid AND v > -2000000000"),
        10 => format!("INSERT INTO uid VALUES (md5('{k}')::uuid, {v}) ON CONFLICT DO NOTHING"),
        11 => format!("UPDATE txt SET v = 'edited' WHERE id = 't{k}' AND v NOT LIKE '-20%'"),
        12 => format!("DELETE FROM txt WHERE id = 't{k}' AND v NOT LIKE '-20%'"),
        13 => format!("DELETE FROM ident WHERE id = {k} AND v > -2000000000"),
        14 => format!("INSERT INTO ident (v, body) VALUES ({v}, {b})"),
        15 => format!("UPDATE people SET email = 'edited{k}@quux.test' WHERE id = {k} AND v > -2000000000"),
        16 => format!("DELETE FROM people WHERE id = {k} AND v > -2000000000"),
        17 => format!("INSERT INTO people VALUES ({k}, 'new{l}@quux.test', {v}) ON CONFLICT DO NOTHING"),
        18 => format!("UPDATE handles SET body = {b} WHERE handle LIKE '{:x}%' AND v > -2000000000", k % 16),
        19 => format!("DELETE FROM handles WHERE handle = (SELECT min(handle) FROM handles WHERE v > {v})"),
        20 => format!("UPDATE fulls SET b = 'edited' WHERE a = {}", k % 50),
        21 => format!("INSERT INTO fulls VALUES ({}, 'f{}')", k % 50, l % 60),
        22 => format!("DELETE FROM log WHERE at = {}", k % 20),
        _ => format!("INSERT INTO log VALUES ({}, 'edited')", k % 20),
    }
}
