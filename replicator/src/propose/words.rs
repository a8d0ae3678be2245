//! What names of columns mean, in English, German, Spanish and French.
//!
//! A name is cut into words at `_`, at other signs and at camel humps: `guestEmailAddr` has guest, email, addr. Entries
//! stand between commas; one of two words is looked for as neighbours. Accents are laid off first, as most schemas do.

/// What a column holds, as its name says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Secret,
    Email,
    Phone,
    /// IBAN, card, tax number: digits that have a form.
    Number,
    /// Passport, national identity: letters and digits.
    Document,
    Birth,
    Name,
    Login,
    Network,
    Street,
    Postcode,
    Delicate,
    FreeText,
}

/// In this order: the first that fits is taken. `email_address` is an email, `password_hint` a secret.
const MEANINGS: &[(Kind, &str)] = &[
    (
        Kind::Secret,
        "password, passwd, pwd, passphrase, passwort, kennwort, contrasena, clave, mot de passe, motdepasse, mdp, \
         secret, secrets, geheimnis, token, tokens, api key, apikey, private key, access key, hash, salt, otp, totp, \
         mfa, pin, cvv, cvc, recovery code, recovery codes, backup codes, credential, credentials, digest, \
         webhook url",
    ),
    (Kind::Email, "email, emails, e mail, mail, emailaddress, correo, courriel, mailadresse, emailadresse"),
    (
        Kind::Phone,
        "phone, phones, telephone, tel, telefon, telefono, telefonnummer, telefonnr, rufnummer, mobile, mobil, \
         mobilnummer, movil, portable, handy, handynummer, cell, cellphone, fax, faxnummer, whatsapp, msisdn, \
         phonenumber, sms number",
    ),
    (
        Kind::Number,
        "iban, bban, account number, account no, bank account, kontonummer, konto nr, kontonr, cuenta, \
         compte bancaire, card, card number, cardnumber, credit card, creditcard, cc number, pan, kreditkarte, \
         kartennummer, tarjeta, carte bancaire, last4, ssn, social security, sozialversicherung, \
         sozialversicherungsnummer, svnr, tax, tax id, taxid, tin, vat, vat id, steuernummer, steuer id, steuerid, \
         ustid, siret, siren, tva",
    ),
    (
        Kind::Document,
        "passport, reisepass, passnummer, pasaporte, passeport, ausweis, ausweisnummer, personalausweis, \
         national id, identity number, id number, id card, dni, nie, nif, curp, nir, nss, cni, document number, \
         license number, licence number, driver license, drivers license, driving licence, fuhrerschein, \
         license plate, kennzeichen",
    ),
    (
        Kind::Birth,
        "birth, birthday, birthdate, birthplace, born, dob, geburt, geburtsdatum, geburtstag, geburtsort, geboren, \
         gebdat, nacimiento, naissance, fdn, ddn",
    ),
    (
        Kind::Network,
        "ip, ipaddr, ipaddress, ip address, ipv4, ipv6, remote addr, mac address, user agent, useragent, device id, \
         advertising id, fingerprint, cookie, session id, sid, push endpoint",
    ),
    (
        Kind::Login,
        "username, user name, login, login name, loginname, nickname, nick, screen name, benutzername, \
         benutzer name, usuario, pseudo, identifiant, handle, twitter, instagram, facebook, linkedin, skype",
    ),
    (
        Kind::Name,
        "first name, firstname, fname, last name, lastname, lname, full name, fullname, middle name, middlename, \
         given name, givenname, family name, familyname, surname, maiden name, display name, displayname, \
         legal name, contact name, customer name, client name, guest name, passenger name, employee name, holder, \
         holder name, cardholder, account holder, kontoinhaber, recipient, recipient name, signatory, vorname, \
         nachname, zuname, familienname, geburtsname, vollname, ansprechpartner, empfanger, nombre, nombres, \
         apellido, apellidos, apellido1, apellido2, titular, prenom, nom de famille, nom famille, nom, patronyme, \
         emergency contact, contact person, author name, sender name, billing name, shipping name",
    ),
    (
        Kind::Postcode,
        "zip, zipcode, zip code, postal code, postalcode, postcode, post code, plz, postleitzahl, codigo postal, \
         code postal, cp",
    ),
    (
        Kind::Street,
        "street, street1, street2, address, address1, address2, addr, addr1, addr2, addressline, strasse, str, \
         hausnummer, hausnr, adresse, anschrift, calle, direccion, domicilio, rue, house number, apartment",
    ),
    (
        Kind::Delicate,
        "religion, konfession, ethnicity, race, nationality, health, diagnosis, diagnose, medical, allergy, \
         allergies, allergien, alergias, disability, dietary, diet, sexual orientation, political, salary, gehalt, \
         blood type, gender identity",
    ),
    (
        Kind::FreeText,
        "note, notes, comment, comments, body, message, messages, remark, remarks, memo, feedback, transcript, bio, \
         about me, special request, special requests, request text, answer, complaint, notiz, notizen, anmerkung, \
         anmerkungen, bemerkung, bemerkungen, kommentar, kommentare, nachricht, freitext, nota, notas, comentario, \
         comentarios, observacion, observaciones, mensaje, mensajes, remarque, remarques, commentaire, commentaires, \
         free text, freetext, wishes",
    ),
];

/// Words that make the others harmless: `card_type`, `passport_country`, `email_count`, `password_policy`.
const HARMLESS: &str = "expiry, exp, expires, amount, cents, percent, total, type, types, kind, brand, country, count, status, state, rate, template, policy, enabled, verified, format, \
    version, category, provider, lang, language, locale, currency, algorithm, algo, anzahl, typ, tipo";

/// What is no reference to a row elsewhere, although it ends so.
const NUMBERS_THAT_END_IN_ID: &str = "tax id, vat id, steuer id, national id";

/// Tables whose rows are people: there, a plain `name` is a person's.
const PEOPLE: &str = "customer, customers, client, clients, user, users, guest, guests, passenger, passengers, person, persons, \
    people, contact, contacts, employee, employees, staff, member, members, patient, patients, student, students, \
    traveler, travelers, traveller, travellers, lead, leads, profile, profiles, account, accounts, subscriber, \
    subscribers, applicant, applicants, driver, drivers, author, authors, agent, agents, crew, owner, owners, \
    tenant, tenants, candidate, candidates, kunde, kunden, benutzer, nutzer, gast, gaste, mitarbeiter, personen, \
    reisende, ansprechpartner, patienten, schuler, mitglied, mitglieder, cliente, clientes, usuario, usuarios, \
    huesped, huespedes, pasajero, pasajeros, persona, personas, empleado, empleados, utilisateur, utilisateurs, \
    personne, personnes, passager, passagers, employes, invites";

/// Tables that a migration tool writes.
pub(super) const MIGRATIONS: &str = "schema migrations, schema migration, flyway schema history, ar internal metadata, prisma migrations, \
    alembic version, django migrations, knex migrations, databasechangelog, databasechangeloglock, goose db version, \
    drizzle migrations, sqlx migrations, typeorm metadata, doctrine migration versions";

/// Tables of logins and what opens doors.
pub(super) const LOGINS: &str = "session, sessions, django session, password reset, password resets, access token, access tokens, refresh token, \
    refresh tokens, auth tokens, api keys, oauth tokens, login attempts, remember tokens, magic links, otp codes";

/// What the name of a column of a table says, if anything.
pub(super) fn meaning(table: &Words, column: &Words) -> Option<Kind> {
    if column.any(HARMLESS) {
        return None;
    }
    let people = table.any(PEOPLE);
    let reference = column.last() == "id" && !column.any(NUMBERS_THAT_END_IN_ID);
    let found = MEANINGS.iter().find(|(_, words)| column.any(words)).map(|(kind, _)| *kind);
    match found {
        // `card_id` points at a card; `email_id` and `device_id` are what they say
        Some(kind) if reference && !matches!(kind, Kind::Secret | Kind::Email | Kind::Network) => None,
        // outside of people, `city.nom` and `product.nombre` are names of things
        Some(Kind::Name) if column.is(&["nom"]) || column.is(&["nombre"]) => people.then_some(Kind::Name),
        None if people && (column.is(&["name"]) || column.is(&["names"]) || column.is(&["initials"])) => {
            Some(Kind::Name)
        }
        found => found,
    }
}

/// A name, cut into words.
pub(super) struct Words(Vec<String>);

impl Words {
    pub fn of(name: &str) -> Words {
        let mut words = vec![String::new()];
        let mut before = ' ';
        for c in name.chars() {
            let hump = c.is_uppercase() && before.is_lowercase();
            if (hump || !c.is_alphanumeric()) && words.last().is_some_and(|w| !w.is_empty()) {
                words.push(String::new());
            }
            if let (true, Some(word)) = (c.is_alphanumeric(), words.last_mut()) {
                c.to_lowercase().for_each(|c| plain(c, word));
            }
            before = c;
        }
        Words(words)
    }

    fn last(&self) -> &str {
        self.0.iter().rev().find(|w| !w.is_empty()).map_or("", String::as_str)
    }

    fn is(&self, words: &[&str]) -> bool {
        self.0.iter().map(String::as_str).filter(|w| !w.is_empty()).eq(words.iter().copied())
    }

    /// Has it one of these entries, as a word or as neighbouring words?
    pub fn any(&self, entries: &str) -> bool {
        entries.split(", ").any(|entry| {
            let entry: Vec<&str> = entry.split(' ').collect();
            self.0.windows(entry.len()).any(|w| w.iter().map(String::as_str).eq(entry.iter().copied()))
        })
    }
}

/// The letter without its accent.
fn plain(c: char, word: &mut String) {
    let bare = match c {
        'á' | 'à' | 'â' | 'ä' | 'ã' => 'a',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'í' | 'ì' | 'î' | 'ï' => 'i',
        'ó' | 'ò' | 'ô' | 'ö' | 'õ' => 'o',
        'ú' | 'ù' | 'û' | 'ü' => 'u',
        'ñ' => 'n',
        'ç' => 'c',
        'ß' => return word.push_str("ss"),
        c => c,
    };
    word.push(bare);
}
