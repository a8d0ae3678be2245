//! Values of staging's own, read and misread.

use filters::policy::{Class, TableRule};

use super::super::overlay::beneath;
use super::super::{Config, Lock};
use super::resolved::resolve;
use super::{parse, table, with};

const TABLES: &str = "tables: { \"public.*s\": keep, public.settings: { columns: { secret: drop, mail: email } }, public.users: exclude }\n";

fn told(overlay: &str) -> String {
    match parse(&with(&format!("masking: {{ key: \"${{KEY}}\" }}\n{TABLES}{overlay}"))) {
        Ok(config) => config.resolve(&settings(), None).map_or_else(|e| e.to_string(), |_| String::new()),
        Err(problems) => problems.to_string(),
    }
}

fn settings() -> Vec<super::SourceTable> {
    vec![table("public.settings", &["id", "key", "value", "secret", "mail"]), table("public.users", &["id"])]
}

#[test]
fn what_is_wrong_with_one_is_told() {
    for (overlay, expected) in [
        (
            "overlay: { \"public.*\": [] }",
            "line 6: overlay.public.*: a glob: values of staging's own are said of each table by its name",
        ),
        (
            "overlay: { public.settings: [x] }",
            "line 6: overlay.public.settings: where: and set: are wanted ({ where: key = 'mail.host', set: { value: mail.staging.example } })",
        ),
        (
            "overlay: { public.settings: [{ where: key = 'a', sets: { value: b } }] }",
            "line 6: overlay.public.settings.sets: unknown key (did you mean \"set\"?)\noverlay.public.settings.set: missing ({ where: key = 'mail.host', set: { value: mail.staging.example } })",
        ),
        (
            "overlay: { public.users: [{ where: id = 1, set: { id: 2 } }] }",
            "line 6: overlay.public.users: no row of this table comes, so nothing can be laid over it (rows that only staging has are its own: protect.rows, or protect.tables)",
        ),
        (
            "overlay: { public.settigns: [{ where: key = 'a', set: { value: b } }] }",
            "overlay.public.settigns: no such table on the source (did you mean \"public.settings\"?)",
        ),
        (
            "overlay: { public.settings: [{ where: key = 'a', set: { valeu: b } }] }",
            "overlay.public.settings.set.valeu: no column \"valeu\" in public.settings (did you mean \"value\"?)",
        ),
    ] {
        assert_eq!(told(overlay), expected, "{overlay}");
    }
    let odd = told("overlay: { public.settings: [{ where: kye = 'a', set: { value: b } }] }");
    assert!(odd.contains("kye"), "{odd}");
    assert_eq!(told("overlay: { public.settings: [{ where: key = 'a', set: { value: b, id: 7 } }] }"), "");
}

#[test]
fn the_first_that_fits_says_it_and_beneath_is_what_was() {
    let yaml = "overlay:
  public.settings:
    - { where: key = 'a', set: { value: first, secret: of ours } }
    - { where: key = 'a', set: { value: second, mail: a@b.example } }";
    let resolved = resolve(&format!("{TABLES}{yaml}"), &settings()).unwrap();
    let TableRule::Copy(rules) = resolved.policy.rule("public", "settings") else { panic!("it is copied") };
    let value = |class: &Class| match class {
        Class::Mask { spec, .. } => format!("{spec:?}"),
        other => format!("{other:?}"),
    };
    let outer = value(rules.class("value"));
    let (first, second) = (outer.find("first"), outer.find("second"));
    assert!(first.is_some() && second.is_some(), "{outer}");
    let Class::Mask { spec, .. } = rules.class("value") else { panic!("{outer}") };
    assert!(value(&spec.when().unwrap().otherwise).contains("second"), "the first is asked first: {outer}");
    assert_eq!(*beneath(rules.class("value")), Class::Keep);
    assert_eq!(*beneath(rules.class("secret")), Class::Drop, "other rows of it do not come by that");
    assert!(value(beneath(rules.class("mail"))).contains("email"), "nor unmasked");
    // and a lock knows nothing of it
    let config: Config = parse(&with(&format!("masking: {{ key: \"${{KEY}}\" }}\n{TABLES}{yaml}"))).unwrap();
    let plain: Config = parse(&with(&format!("masking: {{ key: \"${{KEY}}\" }}\n{TABLES}"))).unwrap();
    let lock = |config: &Config| Lock::of(&config.reviewed(&settings()).unwrap().policy, &settings());
    assert_eq!(lock(&config), lock(&plain));
    let under = config.resolve(&settings(), Some(&lock(&plain))).unwrap();
    assert_eq!(under.policy.rule("public", "settings"), resolved.policy.rule("public", "settings"));
    // what nobody has reviewed stays away
    let mut narrow = settings();
    narrow[0].columns.retain(|c| c.name != "value");
    let older = Lock::of(&plain.reviewed(&narrow).unwrap().policy, &narrow);
    let withheld = config.resolve(&settings(), Some(&older)).unwrap();
    let TableRule::Copy(rules) = withheld.policy.rule("public", "settings") else { panic!("it is copied") };
    assert_eq!(*rules.class("value"), Class::Withheld);
}

#[test]
fn the_effective_file_says_it_again() {
    let yaml = "overlay:\n  public.cruises:\n    - { where: id = 7, set: { title: \"x: y\" } }";
    let once = parse(&with(yaml)).unwrap();
    let shown = once.effective();
    let (_, shown) = shown.split_once("overlay:\n").expect("it is shown");
    let (shown, _) = shown.split_once("apply:\n").expect("it ends");
    assert_eq!(parse(&with(&format!("overlay:\n{shown}"))).unwrap().overlay, once.overlay, "{shown}");
}
