//! What a column's name means in its table.
//!
//! The same word is a person's in one table and nobody's in the next: `name` of a customer and of a product, `city` of an
//! address and of an airport, `subject` of a message and of a template. So a table is judged first, by its own name and by
//! what its columns are called together.

use super::column::{Column, Table, Type};
use super::common;
use super::evidence::{By, Finding};
use super::kind::Kind;
use super::names::{self, About, Common, Words};

/// What the table tells of its columns.
pub struct Context {
    /// Its name.
    pub table: Words,
    /// The names of its columns, without what all of them begin or end with.
    pub columns: Vec<Words>,
    /// Are its rows people, or companies that one deals with?
    pub people: bool,
    /// What else its rows are.
    pub about: About,
    /// Are they machines?
    machines: bool,
}

/// Tables of machines: their addresses are nobody's.
const MACHINES: &str = "host, hosts, server, servers, interface, interfaces, upstream, upstreams, cluster, clusters, \
    network, networks, subnet, subnets, vlan, vlans, runner, runners, node, nodes, gateway, gateways, router, routers, \
    ipam, dcim, switch, switches, machine, machines, proxy, proxies, virtualmachine, target, targets";

/// Tables of texts that are sent to everybody.
const TEMPLATES: &str = "template, templates, texts, signatures, canned responses, translation, translations, vorlage, \
    vorlagen, modele, modeles, gabarit, plantilla, plantillas, sjabloon, sjablonen, szablon, szablony, modello, modelli, \
    modelo, modelos, pdfmodels";

/// Check sums are no secrets.
const DIGESTS: &str =
    "sha, sha1, sha224, sha256, sha512, md5, checksum, digest, crc, crc32, etag, blurhash, oid, hashsum";

/// By which people are known, in any language.
const NUMBERS: &str = "number, no, nr, num, numero, nummer, numer, nro, identifier, identification";

/// What else has numbers.
const THINGS: &str = "order, invoice, version, serial, build, port, line, page, row, model, part, article, batch, lot, \
    room, seat, flight, ticket";

impl Context {
    /// Of a table.
    pub fn of(table: &Table<'_>) -> Context {
        let names: Vec<&str> = table.columns.iter().map(|c| c.name).collect();
        let (words, columns) = (Words::of_table(table.name), names::columns(&names));
        // names and birth dates make a table one of people, whatever it is called
        let personal = |(words, column): &(&Words, &Column<'_>)| {
            matches!(column.holds(), Type::Text | Type::Date)
                && matches!(words.kind(), Some(Kind::FirstName | Kind::LastName | Kind::Birth | Kind::NationalId))
        };
        let people = words.people() || columns.iter().zip(table.columns).filter(personal).count() >= 2;
        Context {
            about: if people { About::Else } else { words.about() },
            machines: !people && words.any(MACHINES),
            table: words,
            columns,
            people,
        }
    }

    /// What type and name say.
    pub fn by_name(&self, column: &Column<'_>, words: &Words, holds: Type) -> Option<Finding> {
        let bare = words.without(&self.table);
        let digest = words.any(DIGESTS) || holds == Type::Bytes && words.last() == "hash";
        let said =
            words.kind().or_else(|| bare.kind()).or_else(|| Words::of(column.name).kind()).or_else(|| declared(column));
        let opens = |kind: &Kind| kind.opens();
        match holds {
            // whatever else the name says of them, they may hold more
            Type::Document => Some(match said.filter(opens) {
                Some(kind) => Finding::new(kind, By::Name),
                None => Finding::new(Kind::Document, By::Type),
            }),
            Type::Bytes if digest && !said.is_some_and(Kind::opens) => None,
            Type::Bytes => Some(match said.filter(|kind| kind.fits(holds)) {
                Some(kind) => Finding::new(kind, By::Name),
                None => Finding::new(Kind::Binary, By::Type),
            }),
            Type::Network => (!self.machines).then(|| Finding::new(Kind::Ip, By::Type)),
            Type::Hardware => (!self.machines).then(|| Finding::new(Kind::Mac, By::Type)),
            Type::Geometry => {
                let aside = matches!(self.about, About::Places | About::Catalogue);
                (!aside).then(|| Finding::new(Kind::Geo, By::Type))
            }
            // a reference to a row elsewhere is a number that means nothing by itself
            Type::Integer | Type::Uuid if column.refers => None,
            _ => said
                .filter(|kind| kind.fits(holds) && self.concerns(*kind, words, holds))
                .or_else(|| common::kind(self, column, words, &bare, holds))
                .or_else(|| self.whole(words, holds))
                .filter(|kind| !digest || kind.opens())
                .map(|kind| Finding::new(kind, By::Name)),
        }
    }

    /// Is it of somebody, in this table?
    pub fn concerns(&self, kind: Kind, words: &Words, holds: Type) -> bool {
        use Kind::*;
        match self.about {
            About::Places => !matches!(
                kind,
                Street | City | Postcode | Phone | Geo | TaxId | Photo | Url | Company | Origin | ExternalId
            ),
            About::Catalogue if kind == FreeText => !self.table.any(TEMPLATES),
            About::Catalogue => !matches!(
                kind,
                City | Geo | Photo | Url | Company | Gender | Health | Salary | Origin | Belief | NamePart
            ),
            _ if self.machines => !matches!(kind, Ip | Mac | Street | City | Postcode | Geo),
            _ => !(kind == ExternalId && holds == Type::Integer && words.last() == "id"),
        }
    }

    /// Would values of this form be somebody's, in this column?
    pub fn may_be(&self, kind: Kind, words: &Words) -> bool {
        use Kind::*;
        match kind {
            Ip | Mac => !self.machines,
            // places and films are in the lists of names too
            FullName | FirstName | LastName => self.about != About::Places && words.common() != Some(Common::Title),
            Street | Phone => self.about != About::Places,
            Token => !words.any(DIGESTS) && words.last() != "id",
            FreeText => self.about == About::Else && words.common().is_none() && words.kind().is_none(),
            _ => true,
        }
    }

    /// A table about one thing: what is in it is about that.
    fn whole(&self, words: &Words, holds: Type) -> Option<Kind> {
        let (text, number) = (holds == Type::Text, holds == Type::Number);
        let numbered = || words.any(NUMBERS) && words.all().len() > 1 && !words.any(THINGS);
        match self.table.kind() {
            _ if words.ends_plainly() || self.about == About::Catalogue => None,
            Some(Kind::Health) => (text || number).then_some(Kind::Health),
            _ if self.table.any("vitals, obs, observation, observations, examination, examinations") => {
                (text || number).then_some(Kind::Health)
            }
            Some(Kind::Street) if text => Some(Kind::Street),
            _ if self.people && text && numbered() => Some(Kind::NationalId),
            _ if number && self.table.any("pay, payroll, payslip, payslips, wages, salary, salaries") => {
                Some(Kind::Salary)
            }
            _ => None,
        }
    }

    /// Is nothing in the name understood, or is the table one of people and nothing says that the column is harmless? Then
    /// nobody can tell, and it is not for us to keep it. A text of four characters tells little.
    pub fn untold(&self, column: &Column<'_>, words: &Words, holds: Type) -> bool {
        let harmless = words.ends_plainly() || words.harmless() || words.common().is_some() || words.any(DIGESTS);
        matches!(holds, Type::Text | Type::Texts)
            && column.room().is_none_or(|room| room > 4)
            && !harmless
            && !matches!(self.about, About::Catalogue | About::Places)
            && !column.facts.sample.nobodys()
            && (self.people || words.strange())
    }
}

/// `public.email_address` is a type that somebody named.
fn declared(column: &Column<'_>) -> Option<Kind> {
    let own = column.facts.base.is_some() || column.facts.enumerated;
    let name = column.type_name.rsplit('.').next().unwrap_or(column.type_name);
    own.then(|| Words::of(name).kind()).flatten()
}
