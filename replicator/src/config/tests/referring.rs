//! Foreign keys: who inherits, and what is refused.

use filters::policy::{Class, TableRule};
use filters::predicate::Collation;

use super::super::{Lock, Problems, Reference, Resolved, SourceTable};
use super::{parse, table, with};

/// `from(a,b) -> to(c,d)`, by a constraint named after the table.
fn refers(mut table: SourceTable, columns: &str, to: &str, there: &str) -> SourceTable {
    let names = |list: &str| list.split(',').map(str::to_owned).collect::<Vec<_>>();
    let constraint = format!("{}_{}_fkey", table.name, columns.replace(',', "_"));
    let (schema, name) = to.split_once('.').unwrap();
    let table_to = (schema.to_owned(), name.to_owned());
    table.references.push(Reference { constraint, columns: names(columns), table: table_to, to: names(there) });
    table
}

/// Customers by their mail; orders of customers; notes to orders; a customer's referrer.
fn shop() -> Vec<SourceTable> {
    let customers = table("public.customers", &["mail", "referrer", "full_name"]);
    let orders = table("public.orders", &["id", "customer"]);
    let notes = table("public.notes", &["id", "customer", "text"]);
    vec![
        refers(notes, "customer", "public.orders", "customer"),
        refers(orders, "customer", "public.customers", "mail"),
        refers(customers, "referrer", "public.customers", "mail"),
    ]
}

fn resolve(tables: &str, shop: &[SourceTable], lock: Option<&Lock>) -> Result<Resolved, Problems> {
    let yaml = format!("masking: {{ key: \"${{KEY}}\", domains: {{ who: email }} }}\n{tables}");
    parse(&with(&yaml)).unwrap().resolve(shop, lock)
}

fn class(resolved: &Resolved, column: &str) -> Class {
    let mut parts = column.split('.');
    let (table, column) = (parts.next().unwrap(), parts.next().unwrap());
    match resolved.policy.rule("public", table) {
        TableRule::Copy(rules) => rules.class(column).clone(),
        other => panic!("{other:?}"),
    }
}

fn check(tables: &str, shop: &[SourceTable], expected: &str) {
    match resolve(tables, shop, None) {
        Ok(resolved) => panic!("{tables}\n{resolved:?}"),
        Err(problems) => assert_eq!(problems.to_string(), expected, "\n{tables}"),
    }
}

#[test]
fn a_mask_goes_along_a_chain_and_a_circle() {
    let resolved =
        resolve("tables: { \"public.*\": keep, public.customers: { columns: { mail: who } } }", &shop(), None).unwrap();
    let mail = class(&resolved, "customers.mail");
    assert!(matches!(&mail, Class::Mask { domain: Some(who), .. } if who == "who"));
    for column in ["customers.referrer", "orders.customer", "notes.customer"] {
        assert_eq!(class(&resolved, column), mail, "{column}");
    }
    for column in ["customers.full_name", "orders.id", "notes.text"] {
        assert_eq!(class(&resolved, column), Class::Keep, "{column}");
    }
    let guessed: Vec<&str> = resolved.guessed.iter().map(|g| g.2.as_str()).collect();
    assert!(!guessed.contains(&"customer") && guessed.contains(&"text"), "what is inherited is no guess: {guessed:?}");
}

#[test]
fn a_composite_key_goes_column_by_column() {
    let cabins = table("public.cabins", &["ship", "code", "area"]);
    let bookings =
        refers(table("public.bookings", &["id", "ship", "cabin"]), "cabin,ship", "public.cabins", "code,ship");
    let tables = [bookings, cabins];
    let yaml = "tables: { public.bookings: keep, public.cabins: { columns: { code: hash } } }";
    let resolved = resolve(yaml, &tables, None).unwrap();
    assert_eq!(class(&resolved, "bookings.cabin"), class(&resolved, "cabins.code"));
    assert_eq!(class(&resolved, "bookings.ship"), Class::Keep);
}

#[test]
fn what_is_withheld_stays_so() {
    let yaml = "tables: { public.orders: { columns: { id: keep }, rest: withhold }, public.customers: { columns: { mail: who } } }";
    let resolved = resolve(yaml, &shop(), None).unwrap();
    assert_eq!(class(&resolved, "orders.customer"), Class::Withheld);
}

#[test]
fn ends_that_do_not_fit_are_refused_by_both_names() {
    check(
        "tables: { public.orders: { columns: { customer: keep } }, public.customers: { columns: { mail: who, referrer: null } } }",
        &shop(),
        "tables.public.orders.columns.customer: public.orders.customer is keep, and refers by orders_customer_fkey to public.customers.mail, which is who \
         (say nothing of it, and it is masked as public.customers.mail is)",
    );
    check(
        "tables: { public.orders: { columns: { customer: hash } }, public.customers: { columns: { mail: who } } }",
        &shop(),
        "tables.public.orders.columns.customer: public.orders.customer is hash, and refers by orders_customer_fkey to public.customers.mail, which is who \
         (give both one domain, or say nothing of the one that refers)",
    );
    // the same mask in another domain is another function
    check(
        "tables: { public.orders: { columns: { customer: email } }, public.customers: { columns: { mail: who } } }",
        &shop(),
        "tables.public.orders.columns.customer: public.orders.customer is email, and refers by orders_customer_fkey to public.customers.mail, which is who \
         (give both one domain, or say nothing of the one that refers)",
    );
    check(
        "tables: { public.orders: { columns: { customer: who } }, public.customers: keep }",
        &shop(),
        "tables.public.orders.columns.customer: public.orders.customer is who, and refers by orders_customer_fkey to public.customers.mail, which is keep \
         (mask public.customers.mail, and it is masked alike; or null, if nobody needs the join)",
    );
    check(
        "tables: { public.orders: keep, public.customers: { columns: { mail: drop, referrer: drop } } }",
        &shop(),
        "tables.public.orders.columns.customer: public.orders.customer is keep, and refers by orders_customer_fkey to public.customers.mail, which is drop \
         (it holds the values that public.customers.mail must not bring: drop or mask both, or neither)",
    );
}

/// Ends of two types, or of a collation that calls different texts equal.
#[test]
fn a_mask_that_is_two_functions_is_refused() {
    let ends = |from: (u32, &str, i32), to: (u32, &str, i32), collation: Collation| {
        let mut shop = shop();
        for (table, (type_oid, type_name, type_modifier)) in [(1, from), (2, to)] {
            let columns = &mut shop[table].columns;
            let name = if table == 1 { "customer" } else { "mail" };
            let column = columns.iter_mut().find(|c| c.name == name).unwrap();
            (column.type_oid, column.type_name, column.type_modifier) = (type_oid, type_name.to_owned(), type_modifier);
            column.collation = collation;
        }
        shop
    };
    let (text, narrow) = ((25, "text", -1), (1043, "character varying(20)", 24));
    let tables = |mask: &str| {
        format!(
            "tables: {{ public.orders: keep, public.customers: {{ columns: {{ mail: {mask}, referrer: drop }} }} }}"
        )
    };
    let told = |mask: &str, shop: &[SourceTable]| {
        resolve(&tables(mask), shop, None).map(drop).map_err(|problems| problems.to_string())
    };
    assert_eq!(told("{ mask: hash, length: 20 }", &ends(narrow, text, Collation::Deterministic)), Ok(()));
    assert_eq!(told("integer", &ends((23, "integer", -1), (20, "bigint", -1), Collation::Deterministic)), Ok(()));
    let refused = told("hash", &ends(narrow, text, Collation::Deterministic)).unwrap_err();
    assert!(refused.contains("(hash gives one value two faces in character varying(20) and text: "), "{refused}");
    let refused =
        told("integer", &ends((21, "smallint", -1), (23, "integer", -1), Collation::Deterministic)).unwrap_err();
    assert!(refused.contains("integer gives one value two faces in smallint and integer"), "{refused}");
    let refused = told("hash", &ends(text, text, Collation::Nondeterministic)).unwrap_err();
    assert!(
        refused.contains("(a nondeterministic collation calls different texts equal, and no mask can"),
        "{refused}"
    );
    // a key that nobody refers to
    let mut alone = ends(text, text, Collation::Nondeterministic);
    alone.iter_mut().for_each(|table| table.references.clear());
    alone[2].columns.iter_mut().for_each(|c| c.key = c.name == "mail");
    let refused = told("hash", &alone).unwrap_err();
    assert!(
        refused.starts_with(
            "tables.public.customers.columns.mail: a column of the key of public.customers whose collation"
        ),
        "{refused}"
    );
    assert_eq!(told("keep", &alone), Ok(()));
}

#[test]
fn two_parents_that_disagree_are_refused() {
    let people = table("public.people", &["mail"]);
    let both = refers(table("public.visits", &["mail"]), "mail", "public.people", "mail");
    let both = refers(both, "mail", "public.customers", "mail");
    let tables = [table("public.customers", &["mail"]), people, both];
    check(
        "tables: { public.visits: keep, public.people: { columns: { mail: hash } }, public.customers: { columns: { mail: who } } }",
        &tables,
        "tables.public.visits.columns.mail: public.visits.mail is hash (as is public.people.mail, to which it refers too), \
         and refers by visits_mail_fkey to public.customers.mail, which is who (give both one domain, or say nothing of the one that refers)",
    );
}

#[test]
fn a_reference_that_is_null_for_all_refers_to_nothing() {
    for class in ["drop", "{ mask: null }"] {
        let yaml = format!(
            "tables: {{ public.orders: {{ columns: {{ customer: {class} }} }}, public.customers: {{ columns: {{ mail: who }} }} }}"
        );
        resolve(&yaml, &shop(), None).unwrap_or_else(|p| panic!("{yaml}: {p}"));
    }
}

#[test]
fn a_lock_from_before_the_mask_is_refused_where_it_would_leak() {
    let kept = "tables: { public.orders: keep, public.customers: keep }";
    let lock = Lock::of(&resolve(kept, &shop(), None).unwrap().policy, &shop());
    let masked = "tables: { public.orders: keep, public.customers: { columns: { mail: who } } }";
    let told = resolve(masked, &shop(), Some(&lock)).unwrap_err().to_string();
    for column in ["customers.columns.mail", "customers.columns.referrer", "orders.columns.customer"] {
        assert!(told.contains(&format!("tables.public.{column}: who here, keep in sluice.lock")), "{column}: {told}");
    }
}

/// One mask, and a column that is shorter, or of another type.
#[test]
fn one_mask_with_two_faces_is_refused() {
    let orders = |type_oid: u32, type_modifier: i32| {
        let mut shop = shop();
        let column = shop[1].columns.iter_mut().find(|c| c.name == "customer").unwrap();
        (column.type_oid, column.type_modifier) = (type_oid, type_modifier);
        shop
    };
    let hashed = "tables: { \"public.*\": keep, public.notes: exclude, public.customers: { columns: { mail: hash } } }";
    assert!(resolve(hashed, &orders(25, -1), None).is_ok());
    // varchar(100) holds what text does, varchar(40) does not
    assert!(resolve(hashed, &orders(1043, 104), None).is_ok());
    check(
        hashed,
        &orders(1043, 44),
        "tables.public.*.columns.customer: public.orders.customer is hash (as is public.customers.mail, to which it refers too), and refers by orders_customer_fkey to public.customers.mail, which is hash (hash gives one value two faces in text and text: make the types alike, take a mask that does not look at them (a shorter hash, integer without smallint), or null on the end that refers)",
    );
    let short = hashed.replace("mail: hash", "mail: { mask: hash, length: 24 }");
    assert!(resolve(&short, &orders(1043, 44), None).is_ok());
}
