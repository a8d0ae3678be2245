//! The file over the tables that there are.

use filters::mask::MaskSpec;
use filters::policy::{Class, TableRule};

use super::super::{Problems, Resolved, SourceColumn, SourceTable};
use super::{parse, table, with};

pub fn resolve(yaml: &str, tables: &[SourceTable]) -> Result<Resolved, Problems> {
    parse(&with(&format!("masking: {{ key: \"${{KEY}}\" }}\n{yaml}"))).unwrap().resolve(tables, None)
}

fn shop() -> Vec<SourceTable> {
    vec![
        table("public.cruises", &["id", "title"]),
        table("public.customers", &["id", "email", "full_name"]),
        table("public.ref_ports", &["id", "name"]),
        table("public.ref_ships", &["id", "name"]),
        table("public.users", &["id", "email"]),
    ]
}

fn check(yaml: &str, expected: &str) {
    let told = match resolve(yaml, &shop()) {
        Ok(resolved) => panic!("{yaml}\n{resolved:?}"),
        Err(problems) => problems.to_string(),
    };
    assert_eq!(told, expected, "\n{yaml}");
}

#[test]
fn what_contradicts_the_tables_is_told() {
    check(
        "tables: { public.cruise: keep }",
        "tables.public.cruise: no such table on the source (did you mean \"public.cruises\"?)",
    );
    check(
        "tables: { shop.orders: exclude }",
        "tables.shop.orders: no such table on the source (optional: true, if it may be missing)",
    );
    check(
        "tables: { public.users: { columns: { emial: drop, id: keep } } }",
        "tables.public.users.columns.emial: no column \"emial\" in public.users (did you mean \"email\"?)",
    );
    check(
        "tables: { \"public.ref_*\": { columns: { nmae: drop } } }",
        "tables.public.ref_*.columns.nmae: no column \"nmae\" in any of 2 tables (did you mean \"name\"?)",
    );
    check(
        "tables: { \"public.ref_*\": keep, \"public.*_ports\": structure, \"public.*s\": keep }",
        "tables.public.*_ports: disagrees with public.ref_* about public.ref_ports (name the table itself: public.ref_ports)",
    );
    check(
        "tables: { \"public.*s\": keep }\nprotect: { tables: [\"public.u*\"] }",
        "tables.public.*s: takes in public.users, which protect.tables protects as public.u* (name it beside the glob: public.users: exclude)",
    );
    check(
        "tables: { public.cruises: { columns: { id: email, title: { mask: null } } } }",
        "tables.public.cruises.columns.id: mask email wants a column of type text, varchar or char; public.cruises has the type bigint",
    );
    check(
        "tables: { public.cruise: keep, public.users: { columns: { x_y_z: keep } } }",
        "tables.public.cruise: no such table on the source (did you mean \"public.cruises\"?)
tables.public.users.columns.x_y_z: no column \"x_y_z\" in public.users",
    );
}

#[test]
fn a_mask_that_does_not_fit_is_told() {
    let column = SourceColumn {
        name: "code".into(),
        type_name: "character varying(6)".into(),
        type_oid: 1043,
        type_modifier: 10,
        ..SourceColumn::default()
    };
    let tables =
        [SourceTable { schema: "public".into(), name: "t".into(), columns: vec![column], ..SourceTable::default() }];
    let told = resolve("tables: { public.t: { columns: { code: uuid } } }", &tables).unwrap_err().to_string();
    assert_eq!(told, "tables.public.t.columns.code: mask uuid needs 36 characters; the column holds 6");
}

#[test]
fn an_exact_name_goes_before_a_glob() {
    let yaml = "tables: { \"public.*\": keep, public.users: exclude, public.ref_ships: structure, public.customers: { columns: { email: email } } }";
    let resolved = resolve(yaml, &shop()).unwrap();
    let rule = |name: &str| resolved.policy.rule("public", name);
    assert!(matches!((rule("users"), rule("ref_ships")), (TableRule::Exclude, TableRule::Structure)));
    let TableRule::Copy(rules) = rule("customers") else { panic!() };
    assert_eq!(rules.class("email"), &Class::Mask { spec: MaskSpec::of("email", &[]), domain: None });
    assert_eq!((rules.class("full_name"), rules.class("tomorrow")), (&Class::Keep, &Class::Withheld));
    assert_eq!(
        resolved.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["no sluice.lock: columns that sluice.yaml does not name are taken as they are (sluice init --lock writes it)"]
    );
}

#[test]
fn the_targets_own_may_be_excluded_where_production_has_no_such_table() {
    let yaml = "tables: { \"public.*\": keep, public.users: exclude, public.quotes: exclude }\nprotect: { tables: [public.users, public.quotes] }";
    let resolved = resolve(yaml, &shop()).unwrap();
    assert_eq!(resolved.policy.rule("public", "users"), &TableRule::Exclude);
}

#[test]
fn globs_of_one_mind_may_overlap_and_an_empty_one_is_worth_a_word() {
    let resolved =
        resolve("tables: { \"public.ref_*\": keep, \"public.*_ports\": keep, \"shop.?\": keep }", &shop()).unwrap();
    assert_eq!(resolved.policy.tables.len(), 2);
    assert_eq!(resolved.warnings[0].to_string(), "tables.shop.?: no table of this kind on the source");
}

#[test]
fn an_optional_table_may_be_missing_and_nothing_unnamed_is_kept_under_withhold() {
    let yaml = "tables: { public.later: { optional: true }, public.users: { rest: withhold, columns: { id: keep } } }";
    let resolved = resolve(yaml, &shop()).unwrap();
    let TableRule::Copy(rules) = resolved.policy.rule("public", "users") else { panic!() };
    assert_eq!((rules.class("id"), rules.class("email")), (&Class::Keep, &Class::Withheld));
    assert_eq!((resolved.policy.tables.len(), resolved.warnings), (1, vec![]));
}

#[test]
fn names_match_as_people_expect() {
    use super::super::Pattern;
    let matches = |pattern: &str, name: &str| {
        let (schema, name) = name.split_once('.').unwrap();
        Pattern::read(pattern).unwrap_or_else(|_| panic!("{pattern}")).matches(schema, name)
    };
    for (pattern, name) in [
        ("public.*", "public.a.b"),
        ("*.*", "x.y"),
        ("public.a*b*c", "public.a1b2b3c"),
        ("public.a?", "public.aé"),
        ("public.*aab", "public.aaaab"),
        ("public.\"a*\"", "public.a*"),
        ("\"a\".b", "a.b"),
        ("public.\"a\"\"b\"", "public.a\"b"),
    ] {
        assert!(matches(pattern, name), "{pattern} {name}");
    }
    for (pattern, name) in [
        ("public.*", "publica.a"),
        ("public.a", "public.A"),
        ("public.a?", "public.a"),
        ("public.\"a*\"", "public.ab"),
        ("public.a*b", "public.ac"),
        ("?.a", "ab.a"),
    ] {
        assert!(!matches(pattern, name), "{pattern} {name}");
    }
    for bad in ["", ".", "a.", ".a", "a.b.c", "\"a.b", "a.\"\"", "a.b\"", "a. b", "\"a\"b.c"] {
        assert!(Pattern::read(bad).is_err(), "{bad}");
    }
}
