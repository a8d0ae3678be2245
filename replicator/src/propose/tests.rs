//! What is proposed, and that the file it makes is a configuration.

use filters::policy::{Class, TableRule};

use super::{Found, Whole, propose, whole, yaml};
use crate::config::{Config, SourceColumn, SourceTable, class_text};

/// `table.column type`, a `*` behind the type for a key; then the class, `?` behind it where a person must look.
#[test]
fn proposals() {
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
        ("guests.phone bigint", "digits"),
        ("payments.iban text", "digits"),
        ("payments.card_number text", "digits"),
        ("kunden.steuernummer text", "digits"),
        ("guests.ssn integer", "digits"),
        ("guests.passport_no text", "{ mask: hash, length: 16 }"),
        ("clientes.dni text", "{ mask: hash, length: 16 }"),
        ("guests.passport_no text*", "hash"),
        // people
        ("guests.first_name text", "name"),
        ("guests.lastName text", "name"),
        ("kunden.Vorname text", "name"),
        ("clientes.apellidos text", "name"),
        ("clients.prénom text", "name"),
        ("customers.name text", "name"),
        ("customers.name text*", "hash"),
        ("cruises.name text", "keep"),
        ("villes.nom text", "keep"),
        ("clients.nom text", "name"),
        ("ports.nombre text", "keep"),
        ("bookings.contact_name text", "name"),
        ("users.username text", "{ mask: hash, length: 16 }"),
        ("guests.date_of_birth date", "null"),
        ("kunden.geburtsdatum date", "null"),
        ("clients.date_naissance timestamp without time zone", "null"),
        ("guests.birth_year integer", "null"),
        ("guests.street text", "{ mask: hash, length: 16 }"),
        ("kunden.straße text", "{ mask: hash, length: 16 }"),
        ("guests.postal_code text", "digits"),
        ("guests.plz integer", "digits"),
        // what opens doors
        ("users.password_hash text", "drop"),
        ("users.passwort character varying(60)", "drop"),
        ("users.api_key text", "drop"),
        ("users.reset_token uuid", "drop"),
        ("users.token uuid*", "uuid"),
        ("users.totp_secret bytea", "drop"),
        // devices
        ("logins.ip inet", "null"),
        ("logins.ip_address text", "{ mask: hash, length: 16 }"),
        ("logins.user_agent text", "{ mask: hash, length: 16 }"),
        // what nobody can tell from the name
        ("guests.notes text", "drop?"),
        ("kunden.Bemerkungen text", "drop?"),
        ("emails.body text", "drop?"),
        ("guests.preferences jsonb", "drop?"),
        ("guests.tags text[]", "drop?"),
        ("guests.attributes public.hstore", "drop?"),
        ("guests.photo bytea", "drop?"),
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
        let proposal = propose(table, column, type_name, key);
        let told = format!("{}{}", class_text(&proposal.class), if proposal.undecided { "?" } else { "" });
        assert_eq!(told, expected, "{what}");
        assert_eq!(proposal.reason.is_empty(), expected == "keep", "{what}: a reason for whatever is not kept");
    }
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
    });
    Found {
        table: SourceTable { schema: schema.into(), name: name.into(), columns: columns.collect(), references: vec![] },
        key: vec!["id".into()],
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
    let text = yaml("shop", &agency()[..2], &[]);
    let expected = "\
tables:
  public.cruises: keep
  public.guests:
    columns:
      full_name: name                             # a person's name
      email: email                                # an email address
      phone: { mask: phone, keep_country: true }  # a phone number
      born: null                                  # born when or where
      notes: drop                                 # undecided: free text: it may hold anything
      username: drop                              # undecided: a name to log in with
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
    let text = yaml("shop", &found, &[("ops".into(), "notes".into())]);
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
    assert!(Config::parse(&yaml("shop", &[], &[]), &env).is_ok());
}
