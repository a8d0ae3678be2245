//! Reads a [`Side`] from a server's catalog: the same statements on both, so that the same text means the same.
//!
//! `search_path` is empty in our sessions, so every name comes with its schema. Nothing here takes a lock on a table but for the
//! moment in which the server writes an index or a constraint as text.

use std::collections::HashSet;

use wire::{Connection, Error};

use super::Name;
use super::described::{Function, Relation, Side, Type};

/// What a server has of these tables. Those that are not there are left out.
pub async fn side(db: &mut Connection, tables: &[Name]) -> Result<Side, Error> {
    let names = serde_json::to_string(tables).map_err(|_| Error::Protocol("names are no JSON"))?;
    let mut relations: Vec<Relation> = Vec::new();
    let rows = db.query(&TREE.replace("SELECTED", RELATIONS), &[Some(&names)]).await?;
    for row in rows.iter() {
        relations.push(read(row.get(0))?);
    }
    let mut types: Vec<Type> = Vec::new();
    for row in db.query(&TREE.replace("SELECTED", TYPES), &[Some(&names)]).await?.iter() {
        types.push(read(row.get(0))?);
    }
    let mut functions = Vec::new();
    for row in db.query(&TREE.replace("SELECTED", FUNCTIONS), &[Some(&names)]).await?.iter() {
        let signature = row.get(0).unwrap_or_default().to_owned();
        let text = |i: usize| row.get(i).unwrap_or_default().to_owned();
        functions.push(Function { signature, extension: row.get(1).map(str::to_owned), of: (text(2), text(3)) });
    }
    let list = |rows: &wire::Rows| rows.iter().filter_map(|r| r.get(0).map(str::to_owned)).collect::<Vec<_>>();
    let extensions = list(&db.query("SELECT extname FROM pg_catalog.pg_extension", &[]).await?);
    let schemas = list(&db.query("SELECT nspname FROM pg_catalog.pg_namespace", &[]).await?);
    let all = "SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname NOT IN ('pg_catalog', 'pg_toast', 'information_schema')";
    let pair = |r: wire::Row<'_>| Some((r.get(0)?.to_owned(), r.get(1)?.to_owned()));
    let names = db.query(all, &[]).await?.iter().filter_map(pair).collect();
    let made = "SELECT n.nspname, y.typname FROM pg_catalog.pg_type y JOIN pg_catalog.pg_namespace n ON n.oid = y.typnamespace WHERE y.oid >= 16384";
    let type_names = db.query(made, &[]).await?.iter().filter_map(pair).collect();
    let version = db.server_version();
    Ok(Side { version, relations, types: sorted(types), functions, extensions, schemas, names, type_names })
}

/// Which of these functions (`schema.name(types)`) a server does not have.
pub async fn without(db: &mut Connection, functions: &[&str]) -> Result<Vec<String>, Error> {
    let list = serde_json::to_string(functions).map_err(|_| Error::Protocol("names are no JSON"))?;
    let sql = "SELECT f FROM pg_catalog.json_array_elements_text($1::pg_catalog.json) f WHERE pg_catalog.to_regprocedure(f) IS NULL";
    let rows = db.query(sql, &[Some(&list)]).await?;
    Ok(rows.iter().filter_map(|r| r.get(0).map(str::to_owned)).collect())
}

/// A word for every label that there is: as long as it stays, no enum has changed.
pub async fn labels(db: &mut Connection) -> Result<String, Error> {
    let sql = "SELECT pg_catalog.md5(coalesce(pg_catalog.string_agg(pg_catalog.concat_ws(':', oid, enumtypid, enumsortorder, enumlabel), '/' ORDER BY oid), ''))
        FROM pg_catalog.pg_enum";
    Ok(db.query(sql, &[]).await?.get(0, 0).unwrap_or_default().to_owned())
}

fn read<T: serde::de::DeserializeOwned>(json: Option<&str>) -> Result<T, Error> {
    serde_json::from_str(json.unwrap_or_default()).map_err(|_| Error::Protocol("a table's description is no JSON"))
}

/// Each behind those that it is made of.
fn sorted(mut types: Vec<Type>) -> Vec<Type> {
    types.sort_by(|a, b| (&a.schema, &a.name).cmp(&(&b.schema, &b.name)));
    let known: HashSet<i64> = types.iter().map(|t| t.oid).collect();
    let (mut done, mut out) = (HashSet::new(), Vec::with_capacity(types.len()));
    while !types.is_empty() {
        let ready = |t: &Type| t.uses.iter().all(|u| *u == t.oid || !known.contains(u) || done.contains(u));
        let (now, later): (Vec<_>, Vec<_>) = types.into_iter().partition(ready);
        if now.is_empty() {
            // no catalog has such a circle; should one, nothing is lost but the order
            out.extend(later);
            break;
        }
        done.extend(now.iter().map(|t| t.oid));
        out.extend(now);
        types = later;
    }
    out
}

// by hand: pg_partition_tree() takes a lock on each of them
const TREE: &str = "
WITH RECURSIVE tree(root, oid, parent, depth) AS (
  SELECT DISTINCT c.oid, c.oid, NULL::pg_catalog.oid, 0 FROM pg_catalog.json_array_elements($1::pg_catalog.json) e
  JOIN pg_catalog.pg_namespace n ON n.nspname = e ->> 0 JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = e ->> 1
  WHERE c.relkind IN ('r', 'p', 'f')
  UNION ALL SELECT t.root, i.inhrelid, i.inhparent, t.depth + 1 FROM tree t JOIN pg_catalog.pg_class p ON p.oid = t.oid AND p.relkind = 'p'
  JOIN pg_catalog.pg_inherits i ON i.inhparent = t.oid AND NOT i.inhdetachpending)
SELECTED";

const RELATIONS: &str = "
SELECT pg_catalog.json_build_object('schema', n.nspname, 'name', c.relname, 'kind', c.relkind::text,
  'root', (SELECT pg_catalog.json_build_array(rn.nspname, rc.relname) FROM pg_catalog.pg_class rc
    JOIN pg_catalog.pg_namespace rn ON rn.oid = rc.relnamespace WHERE rc.oid = t.root),
  'parent', (SELECT pg_catalog.json_build_array(pn.nspname, pc.relname) FROM pg_catalog.pg_class pc
    JOIN pg_catalog.pg_namespace pn ON pn.oid = pc.relnamespace WHERE pc.oid = t.parent),
  'bound', pg_catalog.pg_get_expr(c.relpartbound, c.oid),
  'partition_key', CASE WHEN c.relkind = 'p' THEN pg_catalog.pg_get_partkeydef(c.oid) END,
  'inherits', t.parent IS NULL AND EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhrelid = c.oid),
  'has_children', c.relkind = 'r' AND EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid),
  'columns', coalesce((SELECT pg_catalog.json_agg(pg_catalog.json_build_object('name', a.attname,
      'type', pg_catalog.format_type(a.atttypid, a.atttypmod), 'type_oid', a.atttypid::bigint, 'modifier', a.atttypmod, 'not_null', a.attnotnull,
      'default', pg_catalog.pg_get_expr(d.adbin, d.adrelid), 'generated', a.attgenerated::text, 'identity', a.attidentity::text,
      'collation', CASE WHEN a.attcollation <> y.typcollation THEN pg_catalog.quote_ident(ln.nspname) || '.' || pg_catalog.quote_ident(l.collname) END)
      ORDER BY a.attnum)
    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type y ON y.oid = a.atttypid
    LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation LEFT JOIN pg_catalog.pg_namespace ln ON ln.oid = l.collnamespace
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '[]'),
  'constraints', coalesce((SELECT pg_catalog.json_agg(pg_catalog.json_build_object('name', k.conname, 'kind', k.contype::text,
      'def', pg_catalog.pg_get_constraintdef(k.oid),
      'columns', coalesce((SELECT pg_catalog.json_agg(a.attname ORDER BY u.n) FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY u(attnum, n)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum), '[]'),
      'refers_to', (SELECT pg_catalog.json_build_array(fn.nspname, fc.relname) FROM pg_catalog.pg_class fc
        JOIN pg_catalog.pg_namespace fn ON fn.oid = fc.relnamespace WHERE fc.oid = k.confrelid)) ORDER BY k.contype DESC, k.conname)
    FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid AND k.contype IN ('p', 'u', 'c', 'x', 'f') AND k.conparentid = 0
      AND (t.parent IS NULL OR k.coninhcount = 0)), '[]'),
  'indexes', coalesce((SELECT pg_catalog.json_agg(pg_catalog.json_build_object('name', i.relname, 'def', pg_catalog.pg_get_indexdef(x.indexrelid),
      'unique', x.indisunique,
      'columns', CASE WHEN x.indpred IS NULL AND x.indexprs IS NULL THEN (SELECT pg_catalog.json_agg(a.attname ORDER BY u.n)
        FROM pg_catalog.generate_series(1, x.indnkeyatts) u(n)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[u.n - 1]) END) ORDER BY i.relname)
    FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid WHERE x.indrelid = c.oid AND x.indisvalid
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = x.indexrelid AND k.contype IN ('p', 'u', 'x'))
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE h.inhrelid = x.indexrelid)), '[]'),
  'sequences', coalesce((SELECT pg_catalog.json_agg(pg_catalog.json_build_object('schema', sn.nspname, 'name', s.relname, 'column', a.attname,
      'identity', o.deptype = 'i', 'owned', o.deptype = 'a', 'type', pg_catalog.format_type(q.seqtypid, NULL),
      'options', pg_catalog.format('INCREMENT BY %s MINVALUE %s MAXVALUE %s START WITH %s CACHE %s %s', q.seqincrement, q.seqmin, q.seqmax,
        q.seqstart, q.seqcache, CASE WHEN q.seqcycle THEN 'CYCLE' ELSE 'NO CYCLE' END)) ORDER BY sn.nspname, s.relname)
    FROM (SELECT DISTINCT ON (f.seq) f.seq, f.attnum, f.deptype FROM (
        SELECT p.objid AS seq, p.refobjsubid AS attnum, p.deptype::text AS deptype FROM pg_catalog.pg_depend p
        WHERE p.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND p.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
          AND p.refobjid = c.oid AND p.refobjsubid > 0 AND p.deptype IN ('a', 'i')
        UNION ALL SELECT p.refobjid, d.adnum::integer, 'z' FROM pg_catalog.pg_attrdef d JOIN pg_catalog.pg_depend p
          ON p.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND p.objid = d.oid AND p.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
        WHERE d.adrelid = c.oid) f ORDER BY f.seq, f.deptype) o
    JOIN pg_catalog.pg_class s ON s.oid = o.seq AND s.relkind = 'S' JOIN pg_catalog.pg_namespace sn ON sn.oid = s.relnamespace
    JOIN pg_catalog.pg_sequence q ON q.seqrelid = s.oid JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = o.attnum), '[]'))
FROM tree t JOIN pg_catalog.pg_class c ON c.oid = t.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
ORDER BY t.depth, n.nspname, c.relname";

// 16384 is the first that is not PostgreSQL's own
const TYPES: &str = "
, used(oid) AS (
  SELECT a.atttypid FROM tree t JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND a.atttypid >= 16384
  UNION SELECT m.oid FROM used u JOIN pg_catalog.pg_type y ON y.oid = u.oid CROSS JOIN LATERAL (
    SELECT CASE WHEN y.typtype = 'd' THEN y.typbasetype ELSE y.typelem END
    UNION ALL SELECT a.atttypid FROM pg_catalog.pg_attribute a WHERE y.typtype = 'c' AND a.attrelid = y.typrelid AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE r.rngtypid = y.oid OR r.rngmultitypid = y.oid
    UNION ALL SELECT r.rngtypid FROM pg_catalog.pg_range r WHERE r.rngmultitypid = y.oid) m(oid) WHERE m.oid >= 16384)
SELECT pg_catalog.json_build_object('oid', y.oid::bigint, 'schema', n.nspname, 'name', y.typname,
  'kind', CASE WHEN y.typcategory = 'A' AND y.typelem <> 0 AND y.typtype = 'b' THEN 'a' ELSE y.typtype::text END,
  'uses', coalesce((SELECT pg_catalog.json_agg(m.oid::bigint) FROM (
      SELECT CASE WHEN y.typtype = 'd' THEN y.typbasetype ELSE y.typelem END
      UNION ALL SELECT a.atttypid FROM pg_catalog.pg_attribute a WHERE y.typtype = 'c' AND a.attrelid = y.typrelid AND a.attnum > 0 AND NOT a.attisdropped
      UNION ALL SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE r.rngtypid = y.oid
      UNION ALL SELECT r.rngtypid FROM pg_catalog.pg_range r WHERE r.rngmultitypid = y.oid) m(oid) WHERE m.oid >= 16384), '[]'),
  'of_a_table', EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = y.typrelid AND c.relkind <> 'c'),
  'extension', (SELECT e.extname FROM pg_catalog.pg_depend p JOIN pg_catalog.pg_extension e ON e.oid = p.refobjid
    WHERE p.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND p.objid = y.oid AND p.deptype = 'e' LIMIT 1),
  'labels', coalesce((SELECT pg_catalog.json_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_catalog.pg_enum e WHERE e.enumtypid = y.oid), '[]'),
  'of', CASE WHEN y.typtype = 'd' THEN pg_catalog.format_type(y.typbasetype, y.typtypmod)
    ELSE (SELECT pg_catalog.format_type(r.rngsubtype, NULL) FROM pg_catalog.pg_range r WHERE r.rngtypid = y.oid) END,
  'not_null', y.typnotnull, 'default', y.typdefault,
  'collation', CASE WHEN y.typtype = 'd' AND y.typcollation <> b.typcollation THEN pg_catalog.quote_ident(ln.nspname) || '.' || pg_catalog.quote_ident(l.collname) END,
  'checks', coalesce((SELECT pg_catalog.json_agg(pg_catalog.json_build_array(k.conname, pg_catalog.pg_get_constraintdef(k.oid)) ORDER BY k.conname)
    FROM pg_catalog.pg_constraint k WHERE k.contypid = y.oid AND k.contype = 'c'), '[]'),
  'attributes', coalesce((SELECT pg_catalog.json_agg(pg_catalog.json_build_array(a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod)) ORDER BY a.attnum)
    FROM pg_catalog.pg_attribute a WHERE y.typtype = 'c' AND a.attrelid = y.typrelid AND a.attnum > 0 AND NOT a.attisdropped), '[]'))
FROM used JOIN pg_catalog.pg_type y ON y.oid = used.oid JOIN pg_catalog.pg_namespace n ON n.oid = y.typnamespace
LEFT JOIN pg_catalog.pg_type b ON b.oid = y.typbasetype
LEFT JOIN pg_catalog.pg_collation l ON l.oid = y.typcollation LEFT JOIN pg_catalog.pg_namespace ln ON ln.oid = l.collnamespace";

const FUNCTIONS: &str = "
SELECT DISTINCT pg_catalog.format('%I.%I(%s)', n.nspname, f.proname, pg_catalog.oidvectortypes(f.proargtypes)),
  (SELECT e.extname FROM pg_catalog.pg_depend x JOIN pg_catalog.pg_extension e ON e.oid = x.refobjid
    WHERE x.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND x.objid = f.oid AND x.deptype = 'e' LIMIT 1), tn.nspname, tc.relname
FROM tree t JOIN pg_catalog.pg_class tc ON tc.oid = t.oid JOIN pg_catalog.pg_namespace tn ON tn.oid = tc.relnamespace CROSS JOIN LATERAL (
  SELECT 'pg_catalog.pg_attrdef'::pg_catalog.regclass AS class, d.oid FROM pg_catalog.pg_attrdef d WHERE d.adrelid = t.oid
  UNION ALL SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, k.oid FROM pg_catalog.pg_constraint k WHERE k.conrelid = t.oid
  UNION ALL SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, k.oid FROM pg_catalog.pg_constraint k
    JOIN pg_catalog.pg_attribute a ON a.atttypid = k.contypid WHERE a.attrelid = t.oid AND a.attnum > 0
  UNION ALL SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, x.indexrelid FROM pg_catalog.pg_index x WHERE x.indrelid = t.oid
  UNION ALL SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, t.oid) o
JOIN pg_catalog.pg_depend p ON p.classid = o.class AND p.objid = o.oid AND p.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
JOIN pg_catalog.pg_proc f ON f.oid = p.refobjid AND f.oid >= 16384 JOIN pg_catalog.pg_namespace n ON n.oid = f.pronamespace";
