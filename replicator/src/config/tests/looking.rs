//! Masks that look at their row: `when:`, `else:`, `compose`.

use filters::mask::MaskSpec;
use filters::policy::{Class, TableRule};

use super::super::{Lock, Reference, SourceTable};
use super::resolved::resolve;
use super::{parse, table, with};

const YAML: &str = "masking: { key: \"${KEY}\", domains: { who: email } }
tables:
  public.t:
    columns:
      a: { mask: hash, length: 12, when: \"id < 5 and (b = 'x' OR B IS NULL)\", else: keep }
      b: { mask: name, when: a LIKE 'it''s%', else: { mask: 'null', when: id = 7, else: who } }
      c: { mask: constant, value: x, when: \"\\\"C d\\\" = '$${'\", else: drop }
";

fn shop() -> Vec<SourceTable> {
    vec![table("public.t", &["id", "a", "b", "c", "C d"])]
}

fn masks(class: &Class) -> (&MaskSpec, &Class, String) {
    let Class::Mask { spec, domain: None } = class else { panic!("{class:?}") };
    let when = spec.when().unwrap();
    (spec, &when.otherwise, when.predicate.sql())
}

#[test]
fn they_are_read_and_written_back_and_stand_in_the_lock() {
    let config = parse(&with(YAML)).unwrap();
    let policy = config.resolve(&shop(), None).unwrap().policy;
    let TableRule::Copy(rules) = policy.rule("public", "t") else { panic!() };
    let (a, otherwise, sql) = masks(rules.class("a"));
    assert_eq!((a.name(), otherwise), ("hash", &Class::Keep));
    assert_eq!(sql, "((\"id\" < 5) AND ((\"b\" = 'x') OR (\"b\" IS NULL)))");
    let (_, otherwise, sql) = masks(rules.class("b"));
    assert_eq!(sql, "(\"a\" LIKE 'it''s%')");
    let (null, otherwise, _) = masks(otherwise);
    assert!(matches!((null.name(), otherwise), ("null", Class::Mask { domain: Some(who), .. }) if who == "who"));
    assert_eq!(masks(rules.class("c")).2, "(\"C d\" = '${')");

    let secrets = "***";
    let effective = config.effective().replacen(secrets, "postgres://a/b", 1).replacen(secrets, "postgres://c/d", 1);
    let again = parse(&effective.replacen(secrets, "${KEY}", 1)).unwrap();
    assert_eq!(again.tables, config.tables, "{effective}");

    let lock = Lock::of(&policy, &shop());
    assert_eq!(Lock::parse(&lock.text()).unwrap(), lock);
    assert_eq!(config.resolve(&shop(), Some(&lock)).unwrap().policy, policy);
    let other = parse(&with(&YAML.replace("< 5", "< 6"))).unwrap();
    let told = other.resolve(&shop(), Some(&lock)).unwrap_err().to_string();
    assert!(told.contains("the lock is older than sluice.yaml") && told.contains("< 6"), "{told}");
}

#[test]
fn what_cannot_be_is_told() {
    let of = |a: &str| match parse(&with(&format!(
        "masking: {{ key: \"${{KEY}}\" }}\ntables: {{ public.t: {{ columns: {{ a: {a} }} }} }}"
    ))) {
        Ok(config) => config.resolve(&shop(), None).map(drop).unwrap_err().to_string(),
        Err(problems) => problems.to_string(),
    };
    for (class, told) in [
        (
            "{ mask: hash, when: id = 1 }",
            "tables.public.t.columns.a.else: missing: what becomes of the rows that are not masked (else: keep, drop, or another mask)",
        ),
        ("{ mask: hash, else: keep }", "tables.public.t.columns.a.else: else: without when:"),
        ("{ mask: hash, when: lower(b) = 'x', else: keep }", "tables.public.t.columns.a.when: "),
        (
            "{ mask: hash, when: \"${KEY}\", else: keep }",
            "tables.public.t.columns.a.when: the variable's value is no predicate that sluice can decide",
        ),
        (
            "{ mask: hash, when: id = 1, else: kep }",
            "tables.public.t.columns.a.else: no mask \"kep\" and no domain of that name (did you mean \"keep\"?)",
        ),
        (
            "{ mask: hash, when: idd = 1, else: keep }",
            "tables.public.t.columns.a: mask hash: when: there is no column idd (character 1)",
        ),
        (
            "{ mask: compose, template: '{a}' }",
            "tables.public.t.columns.a: mask compose looks at column a: it is masked by what it masks: a circle",
        ),
    ] {
        let said = of(class);
        assert!(said.contains(told), "{class}: {said}");
    }
    let domain =
        parse(&with("masking: { key: \"${KEY}\", domains: { who: { mask: email, when: id = 1, else: keep } } }"));
    let told = domain.unwrap_err().to_string();
    assert!(told.contains("masking.domains.who.when: a domain is one function of the value"), "{told}");
}

#[test]
fn they_stand_in_no_key_and_at_no_end_of_a_reference() {
    let mut parent = table("public.t", &["id", "a", "b"]);
    let key = |mut t: SourceTable| {
        t.columns[1].key = true;
        t
    };
    let yaml = |class: &str| format!("tables: {{ \"public.*\": keep, public.t: {{ columns: {{ a: {class} }} }} }}");
    let looking = yaml("{ mask: hash, when: id = 1, else: keep }");
    for yaml in [looking.clone(), yaml("{ mask: compose, template: '{b}' }")] {
        let told = resolve(&yaml, &[key(parent.clone())]).unwrap_err().to_string();
        assert_eq!(
            told,
            "tables.public.t.columns.a: its mask looks at other columns of the row, and a part of the key must be masked by itself"
        );
        assert!(resolve(&yaml, &[parent.clone()]).is_ok());
    }

    let reference = |table: &str| Reference {
        constraint: "fk".into(),
        columns: vec!["a".into()],
        table: ("public".into(), table.into()),
        to: vec!["a".into()],
    };
    let mut child = table("public.u", &["id", "a", "b"]);
    child.references.push(reference("t"));
    let told = resolve(&looking, &[parent.clone(), child.clone()]).unwrap_err().to_string();
    assert!(told.contains("public.u.a is ") && told.contains("refers by fk to public.t.a"), "{told}");
    assert!(
        told.contains("(a mask that looks at its row gives one value two faces: mask both by their value alone)"),
        "{told}"
    );
    child.references.clear();
    parent.references.push(reference("u"));
    let told = resolve(&looking, &[parent, child]).unwrap_err().to_string();
    assert!(told.contains("public.t.a is ") && told.contains("two faces"), "{told}");
}
