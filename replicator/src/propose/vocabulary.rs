//! The words of all languages together, so that a name is looked up at once.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::kind::Kind;
use super::names::Common;
use super::words::{LANGUAGES, Language};

/// Words of two letters that are parts of longer ones.
const SHORT: &str = "id, ip, no, nr, cp, tz, cd, dt, to, by, on";

/// Words that are many things: they count only where they are the whole name.
const ALONE: &str = "via, cap, ci, run, rut, cf, ss, sin, bp, tan, long, first, sus, rg, alter, face, race, haber, portal, puerta, local, lokal, \
    interno, scala, piazza, digital, identidade, carta, conto, conta, cuenta, tessera, denominazione, fede, culte, pai, mae, dependente, \
    contato, contacto, mutter, vater, trainer, halter, kom, poczta, mi, ua, ph, pass, cv, extra, geb, str, stra, fon, cc, bcc, ort, plaats, \
    place, commune, confirmation, session, sesion, sessione, sessao, sesja, seed, valor, valeur, valore, wartosc, waarde, dati, dados, datos, \
    donnees, dane, gegevens, dir, fixe, fijo, ine, cip, naf, crm, pis, cie, icd, age, edad, idade, eta, wiek, holder, web, www, mobil, mac, \
    bem, obs, raw, prompt, completion, interests, strengths, minutes, variables, params, parameters, properties, changes, options, settings, \
    pep, drug, matricula, contribuinte, firma, empresa, societe, civ, mel, posta, chiave, clave, piso, andar, bloco, lote, quadra, batiment, \
    agencia, partido, partei, partie, church, objet, oggetto, motif, grund, frage, placa, plaque, owner, companion, assistant, \
    writer, composer, translator, witness, geom, geog";

/// All languages.
pub static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(Vocabulary::new);

/// Entries with what they mean, by their first word.
type Senses = HashMap<&'static str, Vec<(Vec<&'static str>, Option<Kind>)>>;

/// What is known of words.
pub struct Vocabulary {
    /// By their first word. Nothing said: what only sounds like something.
    senses: Senses,
    /// Ends that make the rest harmless.
    pub heads: Phrases,
    /// Beginnings that do.
    pub firsts: Phrases,
    /// Tables of people.
    pub people: Phrases,
    /// Tables of places.
    pub places: Phrases,
    /// Tables of things.
    pub catalogue: Phrases,
    /// Tables of what people say.
    pub talk: Phrases,
    /// Words that are understood and harmless.
    pub known: HashSet<&'static str>,
    common: [HashSet<&'static str>; 3],
    /// Every word there is.
    pub words: HashSet<&'static str>,
    /// Words of two letters that others are glued together with.
    pub short: HashSet<&'static str>,
    /// Words that mean something only where nothing stands beside them.
    alone: HashSet<&'static str>,
}

impl Vocabulary {
    fn new() -> Vocabulary {
        let each =
            |part: fn(&Language) -> &'static str| LANGUAGES.iter().flat_map(move |language| entries(part(language)));
        let mut senses = Senses::new();
        let kinds = LANGUAGES.iter().flat_map(|language| language.kinds).map(|(kind, text)| (Some(*kind), *text));
        let plain = LANGUAGES.iter().map(|language| (None, language.plain));
        for (kind, text) in kinds.chain(plain) {
            for entry in entries(text) {
                let words: Vec<&str> = entry.split(' ').collect();
                senses.entry(words[0]).or_default().push((words, kind));
            }
        }
        let common = [each(|l| l.name), each(|l| l.title), each(|l| l.description)].map(Iterator::collect);
        let said = senses.values().flatten().flat_map(|(words, _)| words.iter().copied());
        let parts: [fn(&Language) -> &'static str; 11] = [
            |l| l.heads,
            |l| l.known,
            |l| l.firsts,
            |l| l.people,
            |l| l.places,
            |l| l.catalogue,
            |l| l.talk,
            |l| l.name,
            |l| l.title,
            |l| l.description,
            |l| l.glue,
        ];
        let others = parts.into_iter().flat_map(each).flat_map(|entry| entry.split(' '));
        let words = said.chain(others).collect();
        Vocabulary {
            senses,
            heads: each(|l| l.heads).collect(),
            firsts: each(|l| l.firsts).collect(),
            people: each(|l| l.people).collect(),
            places: each(|l| l.places).collect(),
            catalogue: each(|l| l.catalogue).collect(),
            talk: each(|l| l.talk).collect(),
            known: each(|l| l.known).filter(|entry| !entry.contains(' ')).collect(),
            common,
            words,
            short: entries(SHORT).collect(),
            alone: entries(ALONE).collect(),
        }
    }

    /// The words that are one of the plain ones.
    pub fn common(&self, which: Common) -> &HashSet<&'static str> {
        match which {
            Common::Name => &self.common[0],
            Common::Title => &self.common[1],
            Common::Description => &self.common[2],
        }
    }

    /// What a name says that a column holds.
    pub fn kind(&self, words: &[String]) -> Option<Kind> {
        let found = self.found(words);
        let plain: Vec<&Found> = found.iter().filter(|f| f.kind.is_none()).collect();
        let (head, first) = (self.heads.at_end(words), self.firsts.at_start(words));
        found
            .iter()
            .filter(|f| !plain.iter().any(|p| p.start <= f.start && f.end <= p.end))
            // card_type, email_count; but birth_date is whole
            .filter(|f| f.end == words.len() || !head)
            .filter(|f| f.start == 0 || !first)
            .filter_map(|f| Some((f.end - f.start, f.kind?)))
            .min_by_key(|(length, kind)| (std::cmp::Reverse(*length), *kind))
            .map(|(_, kind)| kind)
    }

    fn found(&self, words: &[String]) -> Vec<Found> {
        let mut found = Vec::new();
        for start in 0..words.len() {
            for (entry, kind) in self.senses.get(words[start].as_str()).into_iter().flatten() {
                let end = start + entry.len();
                let here =
                    words.get(start..end).is_some_and(|w| w.iter().map(String::as_str).eq(entry.iter().copied()));
                let beside = entry.len() == 1 && words.len() > 1 && self.alone.contains(entry[0]);
                if here && !beside {
                    found.push(Found { start, end, kind: *kind });
                }
            }
        }
        found
    }
}

struct Found {
    start: usize,
    end: usize,
    kind: Option<Kind>,
}

/// Entries of one or several words.
pub struct Phrases(Vec<Vec<&'static str>>);

impl FromIterator<&'static str> for Phrases {
    fn from_iter<I: IntoIterator<Item = &'static str>>(entries: I) -> Phrases {
        Phrases(entries.into_iter().map(|entry| entry.split(' ').collect()).collect())
    }
}

impl Phrases {
    /// Is this word one of them?
    pub fn has(&self, word: &str) -> bool {
        self.0.iter().any(|entry| entry[..] == [word])
    }

    /// Where the last of them ends that the words have.
    pub fn last_end(&self, words: &[String]) -> Option<usize> {
        let ends = |entry: &Vec<&str>| {
            (0..words.len()).filter(|start| begins(&words[*start..], entry)).map(|start| start + entry.len()).max()
        };
        self.0.iter().filter_map(ends).max()
    }

    /// Do the words begin with one, and go on?
    pub fn at_start(&self, words: &[String]) -> bool {
        self.0.iter().any(|entry| words.len() > entry.len() && begins(words, entry))
    }

    /// Do the words end with one, and is something before it?
    pub fn at_end(&self, words: &[String]) -> bool {
        let ends = |entry: &Vec<&str>| words.len() > entry.len() && begins(&words[words.len() - entry.len()..], entry);
        self.0.iter().any(ends)
    }
}

fn begins(words: &[String], entry: &[&str]) -> bool {
    words.get(..entry.len()).is_some_and(|w| w.iter().map(String::as_str).eq(entry.iter().copied()))
}

fn entries(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.split(',').map(str::trim).filter(|entry| !entry.is_empty())
}
