//! Names of columns and tables, cut into words, and what the words mean.
//!
//! A name is cut at `_` and other signs, at camel humps and before digits: `guestEmailAddr2` has guest, email, addr. Accents
//! are laid off first, as most schemas do. A word that no language knows is taken for several glued together, if it can be
//! cut into known ones without a rest: `billingaddress`, `kontaktperson`. What all columns of a table begin or end with is
//! no part of any of their names: `kdnam`, `kdort`, `kdplz`.

use super::kind::Kind;
use super::vocabulary::VOCABULARY;

/// A name, cut into words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Words(Vec<String>);

/// What a table is about, as its name says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum About {
    /// Places of one's own.
    Places,
    /// What somebody sells, publishes or chooses from.
    Catalogue,
    /// What people say to or about each other.
    Talk,
    /// Something else.
    Else,
}

/// A plain word, whose meaning depends on where it stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Common {
    /// What a thing or a person is called.
    Name,
    /// A heading.
    Title,
    /// A description, a text.
    Description,
}

impl Words {
    /// Cuts a name.
    pub fn of(name: &str) -> Words {
        Words(pieces(name).into_iter().flat_map(|word| unglued(&word)).collect())
    }

    /// Cuts a table's name: many begin all of them with a `t`.
    pub fn of_table(name: &str) -> Words {
        let words = Words::of(name).0.into_iter();
        let bare = |word: String| match word.strip_prefix('t') {
            Some(rest) if !VOCABULARY.words.contains(word.as_str()) && VOCABULARY.words.contains(rest) => {
                rest.to_owned()
            }
            _ => word,
        };
        Words(words.map(bare).collect())
    }

    /// The words.
    pub fn all(&self) -> &[String] {
        &self.0
    }

    /// Has it this word?
    pub fn has(&self, word: &str) -> bool {
        self.0.iter().any(|w| w == word)
    }

    /// The last word.
    pub fn last(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }

    /// Has it one of these entries, as a word or as neighbouring words?
    pub fn any(&self, entries: &str) -> bool {
        entries.split(", ").any(|entry| {
            let entry: Vec<&str> = entry.split(' ').collect();
            self.0.windows(entry.len()).any(|w| w.iter().map(String::as_str).eq(entry.iter().copied()))
        })
    }

    /// What it says that a column holds.
    pub fn kind(&self) -> Option<Kind> {
        VOCABULARY.kind(&self.0)
    }

    /// Does it end or begin as harmless names do?
    pub fn ends_plainly(&self) -> bool {
        let v = &*VOCABULARY;
        v.heads.at_end(&self.0) || v.firsts.at_start(&self.0) || v.heads.has(self.last())
    }

    /// Is not one of its words known?
    pub fn strange(&self) -> bool {
        !self.0.iter().any(|word| VOCABULARY.words.contains(word.as_str()))
    }

    /// Is one of its words known to be harmless?
    pub fn harmless(&self) -> bool {
        self.0.iter().any(|word| VOCABULARY.known.contains(word.as_str()))
    }

    /// Is it, apart from words that only say whose, one of the plain words?
    pub fn common(&self) -> Option<Common> {
        [Common::Name, Common::Title, Common::Description]
            .into_iter()
            .find(|common| self.0.last().is_some_and(|w| VOCABULARY.common(*common).contains(w.as_str())))
    }

    /// The same without words that are in `others` as well, or a singular or plural of one.
    pub fn without(&self, others: &Words) -> Words {
        let alike = |a: &str, b: &str| a == b || a.trim_end_matches('s') == b.trim_end_matches('s');
        let rest: Vec<String> =
            self.0.iter().filter(|w| w.len() > 1 && !others.0.iter().any(|o| alike(o, w))).cloned().collect();
        if rest.is_empty() { self.clone() } else { Words(rest) }
    }

    /// Of a table: are its rows people, or companies that one deals with?
    pub fn people(&self) -> bool {
        VOCABULARY.people.last_end(&self.0).is_some()
    }

    /// Of a table: is it one of people by its last word? `user_attribute` is not, `customer_data` is.
    pub fn people_themselves(&self) -> bool {
        const TAILS: &[&str] = &[
            "data", "info", "details", "detail", "profile", "profiles", "entity", "lookup", "list", "base", "main",
            "master", "mst", "stm", "field",
        ];
        let tail = self.0.iter().rev().take_while(|word| TAILS.contains(&word.as_str())).count();
        let end = VOCABULARY.people.last_end(&self.0);
        end.is_some_and(|end| end + tail >= self.0.len())
    }

    /// Of a table: what its rows are about. What stands last decides: `product_reviews`, `email_templates`.
    pub fn about(&self) -> About {
        let v = &*VOCABULARY;
        [(&v.places, About::Places), (&v.catalogue, About::Catalogue), (&v.talk, About::Talk)]
            .into_iter()
            .filter_map(|(phrases, about)| Some((phrases.last_end(&self.0)?, about)))
            // a membership of a room is no room
            .filter(|(end, about)| *about != About::Places || *end == self.0.len())
            // a person's table is about that person, whatever else it is
            .filter(|(end, _)| v.people.last_end(&self.0).is_none_or(|people| people < *end))
            .max_by_key(|(end, _)| *end)
            .map_or(About::Else, |(_, about)| about)
    }
}

/// The columns of a table, each in its words, without what all of them begin or end with.
pub fn columns(names: &[&str]) -> Vec<Words> {
    let cut: Vec<Vec<String>> = names.iter().map(|name| pieces(name)).collect();
    let first = shared(&cut, |words| words.first());
    let last = shared(&cut, |words| words.last());
    let glued = glued_prefix(&cut);
    cut.iter()
        .map(|words| {
            let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
            if words.len() > 1 && words.first().copied() == first.as_deref() {
                words.remove(0);
            }
            if words.len() > 1 && words.last().copied() == last.as_deref() {
                words.pop();
            }
            let bare = |word: &str| match &glued {
                Some(prefix) if word.len() > prefix.len() => {
                    word.strip_prefix(prefix.as_str()).unwrap_or(word).trim_matches(|c: char| c.is_numeric()).to_owned()
                }
                _ => word.to_owned(),
            };
            let bared = words.iter().enumerate().map(|(i, w)| if i == 0 { bare(w) } else { (*w).to_owned() });
            Words(bared.flat_map(|word| unglued(&word)).collect())
        })
        .collect()
}

/// The word that most names begin (or end) with, if it says nothing by itself.
fn shared<'a>(cut: &'a [Vec<String>], end: impl Fn(&'a Vec<String>) -> Option<&'a String>) -> Option<String> {
    let long: Vec<&'a Vec<String>> = cut.iter().filter(|words| words.len() > 1).collect();
    let word = end(long.first().copied()?)?;
    let n = long.iter().filter(|words| end(words) == Some(word)).count();
    let v = &*VOCABULARY;
    let says = v.kind(std::slice::from_ref(word)).is_some() || v.heads.has(word) || v.firsts.has(word);
    (n >= 3 && n * 10 >= cut.len() * 7 && !says).then(|| word.clone())
}

/// Letters that most names begin with, where names are not cut into words at all: `kdplz`, `OXCITY`.
fn glued_prefix(cut: &[Vec<String>]) -> Option<String> {
    (2..=4).rev().find_map(|length| {
        let prefix = cut.first()?.first()?.get(..length)?;
        let n = cut.iter().filter(|words| words[..].first().is_some_and(|w| w.starts_with(prefix))).count();
        let whole = cut.iter().filter(|words| words.len() <= 2).count();
        (n >= 5 && n * 10 >= cut.len() * 9 && whole * 10 >= cut.len() * 8).then(|| prefix.to_owned())
    })
}

/// Cuts at signs, humps and digits. Digits go, where the word is not known with them.
fn pieces(name: &str) -> Vec<String> {
    let chars: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (i, c) in chars.iter().enumerate() {
        let (before, after) = (i.checked_sub(1).map(|i| chars[i]), chars.get(i + 1));
        let hump = c.is_uppercase()
            && before.is_some_and(|b| {
                b.is_lowercase() || b.is_numeric() || b.is_uppercase() && after.is_some_and(|a| a.is_lowercase())
            });
        if hump || !c.is_alphanumeric() {
            words.push(String::new());
        }
        if let (true, Some(word)) = (c.is_alphanumeric(), words.last_mut()) {
            c.to_lowercase().for_each(|c| plain(c, word));
        }
    }
    words.into_iter().flat_map(|word| without_digits(&word)).filter(|w| !w.is_empty()).collect()
}

fn without_digits(word: &str) -> Vec<String> {
    if VOCABULARY.words.contains(word) || !word.contains(|c: char| c.is_ascii_digit()) {
        return vec![word.to_owned()];
    }
    word.split(|c: char| c.is_ascii_digit()).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// The letter without its accent; German ones as they are written without.
fn plain(c: char, word: &mut String) {
    let bare = match c {
        'á' | 'à' | 'â' | 'ã' | 'å' | 'ą' => "a",
        'é' | 'è' | 'ê' | 'ë' | 'ę' => "e",
        'í' | 'ì' | 'î' | 'ï' | 'ı' => "i",
        'ó' | 'ò' | 'ô' | 'õ' | 'ø' => "o",
        'ú' | 'ù' | 'û' => "u",
        'ä' | 'æ' => "ae",
        'ö' | 'œ' => "oe",
        'ü' => "ue",
        'ß' => "ss",
        'ñ' | 'ń' => "n",
        'ç' | 'ć' | 'č' => "c",
        'ł' => "l",
        'ś' | 'ş' | 'š' => "s",
        'ź' | 'ż' | 'ž' => "z",
        'ğ' => "g",
        '\u{300}'..='\u{36f}' => "",
        c => return word.push(c),
    };
    word.push_str(bare);
}

/// A word as it is, if it is known or cannot be cut into known ones.
fn unglued(word: &str) -> Vec<String> {
    let whole = vec![word.to_owned()];
    if VOCABULARY.words.contains(word) || !word.is_ascii() || !(5..=48).contains(&word.len()) {
        return whole;
    }
    // fewest pieces up to each place, and where the last of them begins
    let mut best: Vec<Option<(usize, usize)>> = vec![None; word.len() + 1];
    best[0] = Some((0, 0));
    for end in 2..=word.len() {
        for start in 0..end - 1 {
            let Some((pieces, _)) = best[start] else { continue };
            let piece = &word[start..end];
            // the s and n that German puts between
            let joint = piece.strip_suffix(['s', 'n']).filter(|p| end < word.len() && p.len() > 3);
            let known = |p: &str| p.len() > 2 && VOCABULARY.words.contains(p) || VOCABULARY.short.contains(p);
            if (known(piece) || joint.is_some_and(known)) && best[end].is_none_or(|(n, _)| pieces + 1 < n) {
                best[end] = Some((pieces + 1, start));
            }
        }
    }
    if best[word.len()].is_none_or(|(n, _)| n > 4) {
        return whole;
    }
    let mut cut = Vec::new();
    let mut end = word.len();
    while let Some((_, start)) = best[end].filter(|_| end > 0) {
        cut.push(word[start..end].to_owned());
        end = start;
    }
    cut.reverse();
    cut.iter_mut().for_each(|piece| {
        if !VOCABULARY.words.contains(piece.as_str()) && piece.ends_with(['s', 'n']) {
            piece.pop();
        }
    });
    cut
}
