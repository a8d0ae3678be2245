//! The lock: what it says goes, and what it does not list stays.

use filters::mask::MaskSpec;
use filters::policy::{Class, TableRule};

use super::super::{Config, Lock, Problems, Resolved, SourceTable};
use super::{parse, table, with};

const YAML: &str = "masking: { key: \"${KEY}\", domains: { mail: email } }
tables:
  public.cruises: keep
  \"public.ref_*\": keep
  public.customers: { columns: { email: mail, full_name: { mask: constant, value: \"$${x}: \\\"y\\\"\" }, notes: drop } }
";

fn config() -> Config {
    parse(&with(YAML)).unwrap()
}

fn shop() -> Vec<SourceTable> {
    vec![
        table("public.cruises", &["id", "title"]),
        table("public.customers", &["id", "email", "full_name", "notes"]),
        table("public.ref_ports", &["id", "name"]),
    ]
}

fn lock() -> Lock {
    Lock::of(&config().resolve(&shop(), None).unwrap().policy, &shop())
}

fn resolve(lock: &Lock, tables: &[SourceTable]) -> Result<Resolved, Problems> {
    config().resolve(tables, Some(lock))
}

#[test]
fn a_lock_reads_as_it_is_written_and_always_the_same() {
    let text = lock().text();
    let expected = "\
# Every column of every replicated table, with its type and what becomes of it. Written by sluice, reviewed by people.
# A column that is not listed here is withheld: it does not leave production.
version: 1
tables:
  public.cruises:
    id: { type: bigint, class: keep }
    title: { type: text, class: keep }
  public.customers:
    email: { type: text, class: email, domain: mail }
    full_name: { type: text, class: { mask: constant, value: \"$${x}: \\\"y\\\"\" } }
    id: { type: bigint, class: keep }
    notes: { type: text, class: drop }
  public.ref_ports:
    id: { type: bigint, class: keep }
    name: { type: text, class: keep }
";
    assert_eq!(text, expected);
    assert_eq!(Lock::parse(&text).unwrap(), lock());
    let mut shuffled = shop();
    shuffled.reverse();
    assert_eq!(Lock::of(&resolve(&lock(), &shop()).unwrap().policy, &shuffled).text(), text);
}

#[test]
fn under_a_lock_that_is_right_nothing_changes() {
    let resolved = resolve(&lock(), &shop()).unwrap();
    assert_eq!(resolved.policy, config().resolve(&shop(), None).unwrap().policy);
    assert_eq!(resolved.warnings, vec![]);
}

#[test]
fn what_the_lock_does_not_list_is_withheld() {
    let mut now = shop();
    now[0] = table("public.cruises", &["id", "title", "secret"]);
    now[1].columns[0].type_name = "numeric(10,2)".into();
    now[2] = table("public.ref_ports", &["id"]);
    now.push(table("public.ref_new", &["id"]));
    let resolved = resolve(&lock(), &now).unwrap();
    let class = |table: &str, column: &str| match resolved.policy.rule("public", table) {
        TableRule::Copy(rules) => Some(rules.class(column).clone()),
        _ => None,
    };
    assert_eq!(class("cruises", "secret"), Some(Class::Withheld));
    assert_eq!(class("customers", "id"), Some(Class::Withheld));
    assert_eq!(class("ref_new", "id"), None);
    let told: Vec<String> = resolved.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "tables.public.cruises.columns.secret: public.cruises.secret is not in sluice.lock: withheld (sluice approve public.cruises.secret --as CLASS)",
            "tables.public.customers.columns.id: bigint in sluice.lock, numeric(10,2) now: withheld (sluice approve public.customers.id --as CLASS)",
            "tables.public.ref_*: public.ref_new is not in sluice.lock (sluice init --lock writes it anew, for review)",
            "tables.public.ref_*.columns.name: public.ref_ports.name is in sluice.lock, and not in the table (sluice init --lock writes it anew, for review)",
        ]
    );
}

#[test]
fn a_lock_may_be_stricter_where_the_file_names_no_column() {
    let mut lock = lock();
    let mask = Class::Mask { spec: MaskSpec::of("hash", &[]), domain: None };
    lock.tables.get_mut(&("public".into(), "cruises".into())).unwrap().get_mut("title").unwrap().class = mask.clone();
    let resolved = resolve(&lock, &shop()).unwrap();
    let TableRule::Copy(rules) = resolved.policy.rule("public", "cruises") else { panic!() };
    assert_eq!(rules.class("title"), &mask);
}

#[test]
fn a_lock_older_than_the_file_is_refused() {
    let mut lock = lock();
    lock.tables.get_mut(&("public".into(), "customers".into())).unwrap().get_mut("notes").unwrap().class = Class::Keep;
    lock.tables.remove(&("public".into(), "cruises".into()));
    lock.tables.insert(("public".into(), "gone".into()), Default::default());
    assert_eq!(
        resolve(&lock, &shop()).unwrap_err().to_string(),
        "tables.public.cruises: public.cruises is not in sluice.lock (sluice init --lock writes it anew, for review)
tables.public.customers.columns.notes: drop here, keep in sluice.lock: the lock is older than sluice.yaml (sluice init --lock writes it anew, for review)"
    );
}

#[test]
fn a_bad_lock_is_told_with_its_key_path() {
    for (text, expected) in [
        ("tables: {}", "version: missing"),
        ("version: 2\ntables: {}", "line 1: version: \"2\" is not a version that this sluice reads"),
        ("version: 1\ntable: {}", "line 2: table: unknown key"),
        ("version: 1\ntables: { \"a.*\": {} }", "line 2: tables.a.*: not a table's name"),
        (
            "version: 1\ntables: { a.b: { c: keep } }",
            "line 2: tables.a.b.c: one value or a list, where keys with values are wanted\ntables.a.b.c.type: missing\ntables.a.b.c.class: missing",
        ),
        (
            "version: 1\ntables: { a.b: { c: { type: text, class: kepp } } }",
            "line 2: tables.a.b.c.class: no mask \"kepp\" and no domain of that name (did you mean \"keep\"?)",
        ),
        (
            "version: 1\ntables: { a.b: { c: { type: text, class: keep, domain: x } } }",
            "line 2: tables.a.b.c.domain: a domain without a mask",
        ),
        (
            "version: 1\ntables: { a.b: { c: { type: text, class: keep, kind: x } } }",
            "line 2: tables.a.b.c.kind: unknown key",
        ),
        (
            "version: 1\ntables: { a.b: { c: { type: \"${KEY}\", class: keep } } }",
            "line 2: tables.a.b.c.type: the variable KEY is not set",
        ),
    ] {
        assert_eq!(Lock::parse(text).unwrap_err().to_string(), expected, "\n{text}");
    }
}

#[test]
fn a_lock_is_written_whole_and_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sluice.lock");
    assert_eq!(Lock::read(&path).unwrap(), None);
    lock().write(&path).unwrap();
    assert_eq!(Lock::read(&path).unwrap(), Some(lock()));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    std::fs::write(&path, "version: 1").unwrap();
    assert_eq!(Lock::read(&path).unwrap(), Some(Lock::default()));
}

/// What was approved in the lock, and is not named in the file, is not forgotten when the lock is written anew.
#[test]
fn what_was_approved_is_carried_over() {
    let mut approved = lock();
    let name = ("public".to_owned(), "cruises".to_owned());
    let columns = approved.tables.get_mut(&name).unwrap();
    columns.get_mut("title").unwrap().class = Class::Drop;
    let resolved = config().resolve(&shop(), None).unwrap();
    let mut anew = Lock::of(&resolved.policy, &shop());
    assert_eq!(anew.tables[&name]["title"].class, Class::Keep);
    anew.carry(&approved, &resolved.unnamed);
    assert_eq!(anew, approved);
    // what the file names, it decides; what was withheld is looked at again
    let named = ("public".to_owned(), "customers".to_owned());
    for (_, locked) in approved.tables.get_mut(&named).unwrap().iter_mut() {
        locked.class = Class::Withheld;
    }
    let before = anew.clone();
    anew.carry(&approved, &resolved.unnamed);
    assert_eq!(anew, before);
}
