//! The policy over tables that were known before, under the same names or others.

use filters::policy::{Class, TableRule};
use sink_postgres::known::{Fate, Known, KnownColumn, Memory};

use super::super::SourceColumn;
use super::resolved::resolve;
use super::table;

/// What was known of a table of three columns, the second masked, the third withheld.
fn memory(name: &str, oid: u32, names: [&str; 3]) -> Memory {
    let fates = [Fate::Keep, Fate::Mask, Fate::Withheld];
    let columns = names.iter().zip(fates).enumerate().map(|(i, (name, fate))| KnownColumn {
        number: i as i32 + 1,
        name: (*name).to_owned(),
        fate,
        print: String::new(),
        shielded: (fate == Fate::Mask).then(|| (*name).to_owned()),
    });
    let (schema, table) = name.split_once('.').unwrap();
    [(
        (schema.to_owned(), table.to_owned()),
        Known { oid, key: vec![], only: String::new(), columns: columns.collect() },
    )]
    .into()
}

/// The classes of the columns of `public.t` (numbers and names; its OID is 7), each by its first letter, and the warnings.
#[track_caller]
fn remembered(yaml: &str, now: &[(i32, &str)], memory: &Memory) -> (String, Vec<String>) {
    let mut t = table("public.t", &now.iter().map(|(_, name)| *name).collect::<Vec<_>>());
    t.oid = 7;
    t.columns.iter_mut().zip(now).for_each(|(c, (number, _))| c.number = *number);
    let mut resolved = resolve(yaml, std::slice::from_ref(&t)).unwrap();
    resolved.warnings.clear();
    resolved.remember(&[t.clone()], memory);
    let TableRule::Copy(rules) = resolved.policy.rule("public", "t") else { panic!() };
    let letter = |c: &SourceColumn| match rules.class(&c.name) {
        Class::Keep => 'k',
        Class::Mask { .. } => 'm',
        Class::Drop => 'd',
        Class::Withheld => 'w',
    };
    (t.columns.iter().map(letter).collect(), resolved.warnings.iter().map(ToString::to_string).collect())
}

#[test]
fn without_a_lock_a_column_is_known_by_its_number() {
    let masked = "tables: { public.t: { columns: { mail: email } } }";
    let keep = "tables: { public.t: keep }";
    let was = memory("public.t", 7, ["a", "mail", "new"]);
    let classes = |yaml, now: &[(i32, &str)]| remembered(yaml, now, &was).0;
    assert_eq!(classes(masked, &[(1, "a"), (2, "mail"), (3, "new")]), "kmw", "it stays withheld");
    assert_eq!(classes(masked, &[(1, "a"), (2, "mail"), (4, "newer")]), "kmw");
    assert_eq!(classes(masked, &[(1, "b"), (2, "mail")]), "wm", "another name is another column");
    assert_eq!(classes(masked, &[(2, "mail"), (4, "a")]), "mw", "and so is another number");
    assert_eq!(classes(masked, &[(1, "a"), (3, "mail")]), "km", "what is named is named");
    assert_eq!(classes(keep, &[(1, "a"), (2, "mail")]), "kk", "somebody took the mask away");
    // never copied, or made anew under its name
    assert_eq!(remembered(keep, &[(1, "a"), (9, "z")], &memory("public.u", 8, ["x", "y", "z"])).0, "kk");
    assert_eq!(
        remembered(keep, &[(1, "mail"), (2, "a"), (3, "z")], &memory("public.t", 8, ["a", "mail", "z"])).0,
        "kkw"
    );
}

#[test]
fn what_was_masked_does_not_come_under_another_name() {
    let yaml = "tables: { public.t: { columns: { mail: email, note: keep } } }";
    let mut was = memory("public.t", 7, ["a", "mail", "note"]);
    was.values_mut().for_each(|k| k.columns[2].fate = Fate::Keep);
    // the two have changed places: both names are in the file, and neither says what it said
    let (classes, warnings) = remembered(yaml, &[(1, "a"), (2, "note"), (3, "mail")], &was);
    assert_eq!(classes, "kwm");
    assert!(
        warnings[0]
            .starts_with("tables.public.t.columns.note: is what was masked or dropped as public.t.mail: withheld"),
        "{warnings:?}"
    );
    // and at the next start, when it is known as withheld
    was.values_mut().for_each(|k| {
        k.columns[1] = KnownColumn { name: "note".into(), fate: Fate::Withheld, ..k.columns[1].clone() };
    });
    assert_eq!(remembered(yaml, &[(1, "a"), (2, "note"), (3, "mail")], &was).0, "kwm");
    let masked = "tables: { public.t: { columns: { mail: email, note: hash } } }";
    assert_eq!(remembered(masked, &[(1, "a"), (2, "note"), (3, "mail")], &was).0, "kmm");
    // a glob takes the table in under its new name; a person names it
    let was = memory("public.customers", 7, ["a", "mail", "new"]);
    let now = [(1, "a"), (2, "mail"), (3, "new")];
    assert_eq!(remembered("tables: { \"public.*\": keep }", &now, &was).0, "kww");
    assert_eq!(remembered("tables: { public.t: { columns: { mail: keep } } }", &now, &was).0, "kkw");
}
