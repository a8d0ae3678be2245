//! What is proposed, and that the file it makes is a configuration.

use filters::policy::{Class, TableRule};

use super::{Column, Facts, Found, Names, Proposal, Sample, Table, Whole, proposals, propose, whole, yaml};
use crate::config::{Config, SourceColumn, SourceTable, class_text};
use crate::source::catalog::Reference;

const SHOP: Names<'_> = Names { pipeline: "shop", source: "production", target: "staging" };

/// What is proposed for one column, alone in its table.
fn alone(table: &str, name: &str, type_name: &str, key: bool, facts: &Facts) -> Proposal {
    propose(&Table { name: table, columns: &[Column { name, type_name, key, refers: false, facts }] }).remove(0)
}

fn told(proposal: &Proposal) -> String {
    format!("{}{}", class_text(&proposal.class), if proposal.undecided { "?" } else { "" })
}

/// `table.column type`, a `*` behind the type for a key; then the class, `?` behind it where a person must look.
#[test]
fn by_name_and_type() {
    for (what, expected) in [
        // addresses and numbers, in four languages
        ("guests.email text", "email"),
        ("guests.contactEmail citext", "email"),
        ("kunden.E-Mail character varying(200)", "email"),
        ("clientes.correo_electronico text", "email"),
        ("clients.courriel text", "email"),
        ("guests.email_address text", "email"),
        ("guests.email text*", "email"),
        ("guests.mobile_phone text", "{ mask: phone, keep_country: true }"),
        ("kunden.telefonnummer text", "{ mask: phone, keep_country: true }"),
        ("clientes.teléfono text", "{ mask: phone, keep_country: true }"),
        ("clients.tel_portable text", "{ mask: phone, keep_country: true }"),
        ("guests.phone bigint", "integer"),
        ("payments.iban text", "iban"),
        ("payments.codice_iban character varying(34)", "iban"),
        ("payments.account_number text", "digits"),
        ("payments.card_number text", "card"),
        ("kunden.steuernummer text", "digits"),
        ("guests.ssn integer", "integer"),
        ("guests.passport_no text", "{ mask: hash, length: 16 }"),
        ("clientes.dni text", "{ mask: hash, length: 16 }"),
        ("guests.passport_no text*", "hash"),
        // people
        ("guests.first_name text", "first_name"),
        ("guests.lastName text", "last_name"),
        ("kunden.Vorname text", "first_name"),
        ("clientes.apellidos text", "last_name"),
        ("clients.prénom text", "first_name"),
        ("customers.name text", "name"),
        ("customers.name text*", "hash"),
        ("cruises.name text", "keep"),
        ("villes.nom text", "keep"),
        ("clients.nom text", "name"),
        ("ports.nombre text", "keep"),
        ("bookings.contact_name text", "name"),
        ("users.username text", "username"),
        ("users.username text*", "username"),
        ("users.username citext", "username"),
        ("guests.date_of_birth date", "null"),
        ("kunden.geburtsdatum date", "null"),
        ("clients.date_naissance timestamp without time zone", "null"),
        ("guests.birth_year integer", "null"),
        ("guests.street text", "street"),
        ("kunden.straße text", "street"),
        ("guests.postal_code text", "postcode"),
        ("guests.plz integer", "integer"),
        // what opens doors
        ("users.password_hash text", "drop"),
        ("users.passwort character varying(60)", "drop"),
        ("users.api_key text", "drop"),
        ("users.reset_token uuid", "drop"),
        ("users.token uuid*", "uuid"),
        ("users.api_token text*", "token"),
        ("users.totp_secret bytea", "drop"),
        // devices
        ("logins.ip inet", "ip"),
        ("logins.ip inet*", "ip"),
        ("logins.ip bigint", "null"),
        ("devices.mac_address macaddr", "mac"),
        ("users.homepage_url text", "url"),
        ("logins.ip_address text", "ip"),
        ("logins.user_agent text", "{ mask: hash, length: 16 }"),
        // what nobody can tell from the name
        ("guests.notes text", "drop?"),
        ("kunden.Bemerkungen text", "drop?"),
        ("emails.body text", "drop?"),
        ("guests.preferences jsonb", "drop?"),
        ("guests.tags text[]", "keep"),
        ("guests.contact_emails text[]", "drop"),
        ("guests.wibble text[]", "drop?"),
        ("guests.attributes public.hstore", "drop?"),
        ("guests.photo bytea", "drop"),
        ("guests.scan bytea", "drop?"),
        ("guests.wibble text", "drop?"),
        ("guests.wibble character varying(3)", "keep"),
        ("files.sha256 bytea", "keep"),
        ("guests.religion text", "drop?"),
        ("guests.preferences jsonb*", "keep?"),
        // what only sounds like it
        ("guests.id bigint*", "keep"),
        ("guests.email_verified boolean", "keep"),
        ("guests.email_count integer", "keep"),
        ("payments.card_type text", "keep"),
        ("orders.tax numeric(10,2)", "keep"),
        ("guests.passport_country text", "keep"),
        ("users.password_changed_at timestamp with time zone", "keep"),
        ("cruises.description text", "keep"),
        ("ships.hostname text", "keep"),
        ("files.filename text", "keep"),
        ("trips.shipping_status text", "keep"),
        ("cruises.title character varying(80)", "keep"),
        ("cruises.recipe text", "keep"),
        ("payments.card_id integer", "keep"),
        ("payments.tax_id text", "digits"),
        ("guests.email_id text", "email"),
        ("payments.card_exp_month integer", "keep"),
        ("orders.vat_amount integer", "keep"),
    ] {
        let (name, type_name) = what.split_once(' ').unwrap();
        let (table, column) = name.split_once('.').unwrap();
        let (type_name, key) = type_name.strip_suffix('*').map_or((type_name, false), |t| (t, true));
        let proposal = alone(table, column, type_name, key, &Facts::default());
        assert_eq!(told(&proposal), expected, "{what}");
        assert_eq!(proposal.reason.is_empty(), expected == "keep", "{what}: a reason for whatever is not kept");
    }
}

/// Every piece of evidence by itself, on a column whose name says nothing.
#[test]
fn by_other_evidence() {
    let facts = |change: fn(&mut Facts)| {
        let mut facts = Facts::default();
        change(&mut facts);
        facts
    };
    let sampled = |values: &[&str]| {
        let mut sample = Sample::default();
        values.iter().cycle().take(20).for_each(|value| sample.add(value));
        Facts { sample, ..Facts::default() }
    };
    for (facts, expected) in [
        (facts(|f| f.comment = "E-Mail des Gastes, falls bekannt".into()), "email an email address (comment)"),
        (facts(|f| f.comment = "name of the shop".into()), "keep "),
        (facts(|f| f.checks = vec!["CHECK ((code ~~ '%@%'::text))".into()]), "email an email address (constraint)"),
        (
            facts(|f| f.checks = vec!["CHECK ((code = ANY (ARRAY['M'::text, 'F'::text])))".into()]),
            "null gender or marital status (constraint)",
        ),
        (facts(|f| f.checks = vec!["CHECK ((code = ANY (ARRAY['new'::text, 'old'::text])))".into()]), "keep "),
        (sampled(&["anna@example.org", "uwe@example.com", ""]), "email an email address (values)"),
        (sampled(&["DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432"]), "iban a bank account (values)"),
        (sampled(&["4111111111111111", "378282246310005"]), "card a payment card (values)"),
        (sampled(&["9783161484100", "4006381333931"]), "keep "),
        (
            sampled(&["Thank you very much", "call me at +49 30 1234567, please"]),
            "drop? free text: it may hold anything (values)",
        ),
        (sampled(&["{\"a\":1}", "{\"b\":\"x@example.org\"}"]), "drop? a document: it may hold anything (values)"),
        (sampled(&["$2b$12$abcdefghijklmnopqrstuv"]), "drop a password (values)"),
        (sampled(&["Anna Keller", "Uwe Smith", "Lea Nowak"]), "name a person's name (values)"),
        (sampled(&["1f0c2a6e-95c4-4f8e-8a55-6d5f0e2b7c11"]), "keep "),
        (
            facts(|f| f.label = Some("MASKED WITH FUNCTION anon.fake_last_name()".into())),
            "last_name labelled so for PostgreSQL Anonymizer",
        ),
        (
            facts(|f| f.label = Some("MASKED WITH VALUE 'hidden'".into())),
            "{ mask: constant, value: hidden } labelled so for PostgreSQL Anonymizer",
        ),
    ] {
        let proposal = alone("things", "code", "text", false, &facts);
        assert_eq!(format!("{} {}", told(&proposal), proposal.reason), expected);
    }
}

#[test]
fn a_label_wins() {
    let label = |text: &str| Facts { label: Some(text.into()), ..Facts::default() };
    let kept = alone("guests", "email", "text", false, &label("NOT MASKED"));
    assert_eq!((told(&kept).as_str(), kept.reason.is_empty()), ("keep", false));
    assert_eq!(told(&alone("guests", "id", "bigint", false, &label("MASKED WITH VALUE NULL"))), "null");
    // what cannot be read is a reason all the same
    assert_eq!(
        told(&alone("ports", "depth", "numeric", false, &label("MASKED WITH FUNCTION mine.blur(depth)"))),
        "null?"
    );
    assert_eq!(told(&alone("ports", "depth", "numeric", false, &label("SAMPLE 10%"))), "keep");
}

#[test]
fn the_same_word_in_other_tables() {
    for (what, expected) in [
        ("customers.city", "city"),
        ("warehouses.city", "keep"),
        ("cities.city", "keep"),
        ("tickets.title", "drop?"),
        ("films.title", "keep"),
        ("messages.subject", "drop?"),
        ("email_templates.subject", "keep"),
        ("products.description", "keep"),
        ("transactions.description", "drop?"),
        ("api_keys.key", "drop"),
        ("caches.key", "keep"),
        ("invitations.code", "drop"),
        ("currencies.code", "keep"),
        ("user_roles.name", "keep"),
        ("tKunde.cName", "name"),
    ] {
        let (table, column) = what.split_once('.').unwrap();
        assert_eq!(told(&alone(table, column, "text", false, &Facts::default())), expected, "{what}");
    }
}

#[test]
fn what_all_names_share_is_no_part_of_them() {
    let names = ["kdnr", "kdnam1", "kdplz", "kdort", "kdmail", "kdtel"];
    let nothing = Facts::default();
    let columns = names.map(|name| Column { name, type_name: "text", key: false, refers: false, facts: &nothing });
    let told: Vec<String> =
        propose(&Table { name: "kdstm", columns: &columns }).iter().map(|p| class_text(&p.class)).collect();
    assert_eq!(told[2..], ["postcode", "city", "email", "{ mask: phone, keep_country: true }"]);
}

#[test]
fn what_must_have_a_value_gets_one() {
    let needed = Facts { needed: true, ..Facts::default() };
    for (column, type_name, expected) in [
        ("date_of_birth", "date", "{ mask: constant, value: 1970-01-01 }"),
        ("notes", "text", "{ mask: constant, value: \"\" }?"),
        ("preferences", "jsonb", "{ mask: constant, value: \"{}\" }?"),
        ("email", "text", "email"),
    ] {
        assert_eq!(told(&alone("guests", column, type_name, false, &needed)), expected, "{column}");
    }
}

/// Both ends of a reference become the same, whichever of them says what they hold.
#[test]
fn references_are_followed() {
    let text = |name| (name, "text", 25, -1);
    let to = |own: &str, table: &str, column: &str| {
        vec![Reference {
            constraint: "fk".into(),
            columns: vec![own.into()],
            table: ("public".into(), table.into()),
            to: vec![column.into()],
        }]
    };
    let mut found = [
        found("public.logins", &[text("handle")]),
        found("public.visits", &[text("who")]),
        found("public.ways", &[text("code")]),
        found("public.hints", &[text("email")]),
    ];
    found[1].table.references = to("who", "logins", "handle");
    found[2].table.references = to("code", "visits", "who");
    found[3].table.references = to("email", "ways", "code");
    // a chain of three, and at its end an email address that would have been masked otherwise
    let told: Vec<String> = proposals(&found).iter().map(|p| class_text(&p[0].class)).collect();
    assert_eq!(told, ["username"; 4]);
    found[0] = self::found("public.cargo", &[text("slot")]);
    found[1].table.references = to("who", "cargo", "slot");
    let told: Vec<String> = proposals(&found).iter().map(|p| class_text(&p[0].class)).collect();
    assert_eq!(told, ["email"; 4], "the other way");
}

#[test]
fn tables_of_tools_and_of_logins_are_not_copied() {
    assert!(matches!(whole("schema_migrations"), Whole::Exclude(_)));
    assert!(matches!(whole("_prisma_migrations"), Whole::Exclude(_)));
    assert!(matches!(whole("user_sessions"), Whole::Structure(_)));
    assert!(matches!(whole("passwordResets"), Whole::Structure(_)));
    for name in ["cruises", "users", "migrations_of_birds", "tokens_of_love"] {
        assert_eq!(whole(name), Whole::Copy, "{name}");
    }
}

fn found(name: &str, columns: &[(&str, &str, u32, i32)]) -> Found {
    let (schema, name) = name.split_once('.').unwrap();
    let columns = columns.iter().map(|(name, type_name, type_oid, type_modifier)| SourceColumn {
        name: (*name).into(),
        type_name: (*type_name).into(),
        type_oid: *type_oid,
        type_modifier: *type_modifier,
        ..SourceColumn::default()
    });
    Found {
        table: SourceTable {
            schema: schema.into(),
            name: name.into(),
            columns: columns.collect(),
            ..SourceTable::default()
        },
        key: vec!["id".into()],
        facts: Vec::new(),
    }
}

fn agency() -> Vec<Found> {
    let id = ("id", "bigint", 20, -1);
    vec![
        found("public.cruises", &[id, ("title", "text", 25, -1)]),
        found(
            "public.guests",
            &[
                id,
                ("full_name", "text", 25, -1),
                ("email", "citext", 70_000, -1),
                ("phone", "character varying(20)", 1043, 24),
                ("born", "date", 1082, -1),
                ("notes", "text", 25, -1),
                ("username", "character varying(5)", 1043, 9),
                ("cabin_class", "text", 25, -1),
            ],
        ),
        found("public.odd\"na.me", &[id, ("evil\n  x: keep", "text", 25, -1), ("e mail: #", "text", 25, -1)]),
        found("public.schema_migrations", &[id]),
        found("public.sessions", &[id]),
        found("public.users", &[id, ("email", "text", 25, -1)]),
    ]
}

#[test]
fn the_file_is_pleasant_to_read() {
    let text = yaml(SHOP, &agency()[..2], &[]);
    let expected = "\
tables:
  public.cruises: keep
  public.guests:
    columns:
      full_name: name                             # a person's name (name)
      email: email                                # an email address (name)
      phone: { mask: phone, keep_country: true }  # a phone number (name)
      born: null                                  # born when or where (name)
      notes: drop                                 # undecided: free text: it may hold anything (name)
      username: drop                              # undecided: a name to log in with (name)
      # kept: id, cabin_class

# The target's own tables: never written, never emptied, whatever else is said here.
protect:
  tables: []
  # tables: [public.users]
";
    assert!(text.contains(expected), "{text}");
    assert!(text.lines().all(|l| l.chars().count() <= 122 && !l.ends_with(' ')), "{text}");
}

#[test]
fn the_file_is_a_configuration() {
    let env = |name: &str| match name {
        "SLUICE_MASK_KEY" => Some("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".to_owned()),
        name => Some(format!("postgres://{name}")),
    };
    let found = agency();
    let text = yaml(SHOP, &found, &[("ops".into(), "notes".into())]);
    let config = Config::parse(&text, &env).unwrap_or_else(|e| panic!("{text}\n{e}"));
    let tables: Vec<SourceTable> = found.iter().map(|f| f.table.clone()).collect();
    let policy = config.resolve(&tables, None).unwrap_or_else(|e| panic!("{text}\n{e}")).policy;
    let class = |table: &str, column: &str| match policy.rule("public", table) {
        TableRule::Copy(rules) => rules.class(column).clone(),
        _ => Class::Withheld,
    };
    assert_eq!(class("guests", "notes"), Class::Drop);
    assert_eq!(class("guests", "cabin_class"), Class::Keep);
    assert_eq!(class("odd\"na.me", "evil\n  x: keep"), Class::Keep);
    assert!(matches!(class("odd\"na.me", "e mail: #"), Class::Mask { .. }));
    assert_eq!(policy.rule("public", "sessions"), &TableRule::Structure);
    assert_eq!(policy.rule("public", "schema_migrations"), &TableRule::Exclude);
    assert!(text.contains("  # tables: [public.users]\n"), "{text}");
    assert!(text.contains("  # tables: [ops.notes]\n"), "{text}");
    assert!(Config::parse(&yaml(SHOP, &[], &[]), &env).is_ok());
}
