use filters::mask::{ColumnFacts, Made, Mask, MaskError, MaskSpec, Setting};
use filters::policy::Class;

use super::trial::{TEXT, Trial, key, mask_of, masked};

fn facts() -> ColumnFacts {
    ColumnFacts { made: Made::Named("hstore".into()), ..ColumnFacts::new(20_000, -1) }
}

fn settings(keys: &[(&str, Class)], other: Class) -> [(&'static str, Setting); 2] {
    let keys = keys.iter().map(|(key, class)| ((*key).to_owned(), class.clone())).collect();
    [("keys", Setting::Classes(keys)), ("other", Setting::Class(Box::new(other)))]
}

fn mask(name: &str) -> Class {
    Class::Mask { spec: MaskSpec::named(name).unwrap(), domain: None }
}

fn of(keys: &[(&str, Class)], other: Class, value: &str) -> (String, u64) {
    let mask = Mask::new(&MaskSpec::of("hstore", &settings(keys, other)), &key(1), None, &facts()).unwrap();
    let out = masked(&mask, value.as_bytes());
    (String::from_utf8(out).unwrap(), mask.unparsable())
}

pub fn trials() -> Vec<Trial> {
    let keys = [("mail", mask("email")), ("locale", Class::Keep), ("a b", mask("hash"))];
    let mut trial = Trial::new(
        "hstore",
        &settings(&keys, Class::Drop),
        |i| format!(r#""x"=>"1", "mail"=>"ann{i}@example.org", "locale"=>"de", "a b"=>NULL"#),
        r#""(mail|locale|x)"=>("[a-z@\\"]{0,9}"|NULL|null)(, "(mail|y)"=>"[a-z]{0,9}"?){0,2}"#,
    )
    .golden("hstore");
    trial.column = facts();
    vec![trial]
}

#[test]
fn pairs_are_kept_masked_or_gone() {
    use Class::{Drop, Keep};
    let hash = |value: &str| {
        String::from_utf8(masked(&mask_of(&MaskSpec::named("hash").unwrap(), TEXT, -1), value.as_bytes())).unwrap()
    };
    for (keys, other, value, expected) in [
        (&[][..], Drop, r#""a"=>"1""#, String::new()),
        (
            &[],
            Keep,
            r#""a"=>"1", "b"=>NULL, "c"=>"NULL", "d"=>"""#,
            r#""a"=>"1", "b"=>NULL, "c"=>"NULL", "d"=>"""#.into(),
        ),
        (&[("b", Keep)], Drop, r#""a"=>"1", "b"=>"\"\\", "c"=>"3""#, r#""b"=>"\"\\""#.into()),
        (&[("b", Drop)], Keep, r#""a"=>"1", "b"=>"2", "c"=>"3""#, r#""a"=>"1", "c"=>"3""#.into()),
        (&[("\"\\", mask("hash"))], Drop, r#""\"\\"=>"é", "x"=>"y""#, format!(r#""\"\\"=>"{}""#, hash("é"))),
        (&[], mask("hash"), r#""a"=>"", "b"=>NULL, "c"=>"x""#, format!(r#""a"=>"", "b"=>NULL, "c"=>"{}""#, hash("x"))),
        (&[], mask("null"), r#""a"=>"1""#, r#""a"=>NULL"#.into()),
    ] {
        assert_eq!(of(keys, other, value), (expected, 0), "{value}");
    }
}

#[test]
fn what_is_no_hstore_has_no_pairs() {
    for bad in [
        "a",
        "\"a\"",
        "\"a\"=>",
        "\"a\"=>1",
        "a=>\"1\"",
        "\"a\"=>\"1\",",
        "\"a\"=>\"1\", ",
        "\"a\"=>\"1",
        "\"a\"=>\"1\" \"b\"=>NULL",
        "\"a\"=>null",
        "=>",
    ] {
        assert_eq!(of(&[], Class::Keep, bad), (String::new(), 1), "{bad}");
    }
    let text = Mask::new(&MaskSpec::of("hstore", &[]), &key(1), None, &ColumnFacts::TEXT);
    assert!(matches!(text, Err(MaskError::Type { wants: "hstore", .. })));
}
