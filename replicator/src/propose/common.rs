//! Words that are many things: what `name`, `value`, `key`, `owner` hold depends on the table they stand in.

use super::column::{Column, Type};
use super::context::Context;
use super::kind::Kind;
use super::names::{About, Common, Words};

/// Tables whose keys and codes open something.
const OPENS: &str = "api key, api keys, token, tokens, auth, secret, secrets, credential, credentials, jwt, keyauth, invite, \
    invites, invitation, invitations, gift, giftcard, otp, verification, access, session, sessions, oauth, consumer, \
    webhook, hook, integration, integrations, client, referral";

/// Words that make a code, a hash, a key one that opens something.
const OPENING: &str = "confirm, confirmation, verification, verify, activation, activate, reset, invite, invitation, auth, \
    access, login, recovery, unsubscribe, register, registration, optin, session, refresh, temp, temporary, onetime, guest";

/// Ends of names of what may be anything.
const VALUES: &str = "value, val, data, values, config, settings, meta, metadata, payload, attributes, properties, extras, \
    options, params, json, xml, yaml, serialized, blob, valeur, valor, valore, wert, waarde, wartosc, dane, daten, dados, datos";

/// Ends of names of who it was.
const USERS: &str = "user, owner, owners, author, authors, creator, login, nick, uploader, submitter, reporter, assignee, \
    operator, sender, editor, username, benutzer, utilisateur, usuario, utente, gebruiker, uzytkownik";

/// The same, where nothing stands beside them.
const ALONE: &str = "poster, actor, moderator, invited, principal, agent, member, inviter, recipient, uid, userid";

/// What a description is called, where it describes a thing.
const DESCRIBES: &str =
    "description, desc, descr, descricao, descripcion, descrizione, beschreibung, omschrijving, opis";

/// What such a word means here. `bare` is the name without words that the table has as well.
pub fn kind(table: &Context, column: &Column<'_>, words: &Words, bare: &Words, holds: Type) -> Option<Kind> {
    if !matches!(holds, Type::Text | Type::Texts) {
        return None;
    }
    if let Some(common) = bare.common().filter(|_| bare.all().len() <= 2) {
        return described(table, common, words, bare.all().len() == 1);
    }
    by_itself(table, bare).or_else(|| at_the_end(table, words)).or_else(|| {
        let user = words.any("user id, userid, uid") && words.all().len() <= 3 && bare.last() != "type";
        // in a column made for a UUID it is none that somebody would know
        (user && column.room().is_none_or(|room| room >= 60)).then_some(Kind::Username)
    })
}

/// A name, a title, a description.
fn described(table: &Context, common: Common, words: &Words, whole: bool) -> Option<Kind> {
    let talk = table.about == About::Talk;
    // a table that only its columns make one of people has their names too
    let people = table.people && (table.table.people_themselves() || !table.table.people());
    match common {
        Common::Name if whole && people => Some(Kind::FullName),
        Common::Name if whole && talk => Some(Kind::FreeText),
        Common::Name => None,
        Common::Title => talk.then_some(Kind::FreeText),
        Common::Description => {
            let written = table.about == About::Else && !words.any(DESCRIBES);
            (talk || written || table.people && whole).then_some(Kind::FreeText)
        }
    }
}

/// Where nothing else stands in the name.
fn by_itself(table: &Context, bare: &Words) -> Option<Kind> {
    let [word] = bare.all() else { return None };
    let talk = table.about == About::Talk;
    let of = |entries: &str| table.table.any(entries);
    let when = |yes: bool, kind: Kind| yes.then_some(kind);
    match word.as_str() {
        "value" | "val" | "data" | "values" => Some(Kind::Document),
        "key" | "hash" => when(of(OPENS), Kind::Secret),
        "code" => when(of(OPENS), Kind::Token),
        "number" | "no" | "num" if of("phone, phones, telephone") => Some(Kind::Phone),
        "number" | "no" | "num" if of("card, cards, creditcard") => Some(Kind::Card),
        "number" | "numero" | "nr" | "no" | "nummer" | "num" | "unit" | "extra"
            if table.table.kind() == Some(Kind::Street) =>
        {
            Some(Kind::Street)
        }
        "uid" | "identifier" | "subject"
            if of("identity, identities, social, oauth, external, openid, authorizations") =>
        {
            Some(Kind::ExternalId)
        }
        "identifier" | "number" | "external" => when(table.people, Kind::ExternalId),
        "organization" | "organisation" | "org" | "institution" => when(table.people, Kind::Company),
        "prefix" => when(table.people, Kind::Gender),
        "image" | "pic" | "img" | "header" | "cover" => when(table.people, Kind::Photo),
        "location" => when(table.people, Kind::City),
        "from" | "to" => when(talk, Kind::Email),
        "contact" | "contacts" => Some(Kind::FullName),
        "term" | "terms" | "query" | "search" | "q" => when(table.table.has("search"), Kind::FreeText),
        "error" | "stacktrace" | "trace" | "traceback" | "exception" | "sql" | "statement" => Some(Kind::FreeText),
        "caption" | "quote" | "story" | "signature" | "summary" => when(talk || table.people, Kind::FreeText),
        word if has(ALONE, word) => when(table.about != About::Places, Kind::Username),
        _ => None,
    }
}

/// What the last word says, whatever stands before it.
fn at_the_end(table: &Context, words: &Words) -> Option<Kind> {
    let when = |yes: bool, kind: Kind| yes.then_some(kind);
    match words.last() {
        "code" | "hash" | "key" | "pin" if words.any(OPENING) => Some(Kind::Token),
        "key" | "hash" | "iv" => when(table.table.any(OPENS), Kind::Secret),
        "url" | "uri" | "link" | "page" => when(table.people || table.about == About::Talk, Kind::Url),
        last if has(VALUES, last) => when(table.about != About::Catalogue, Kind::Document),
        last if has(USERS, last) => when(table.about != About::Places, Kind::Username),
        _ => None,
    }
}

fn has(list: &str, word: &str) -> bool {
    list.split(", ").any(|entry| entry == word)
}
