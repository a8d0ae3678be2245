//! Words of column and table names, by language: without accents, in lower case, entries between commas.
//!
//! An entry of two words is looked for as neighbours. The longest entry that fits a name decides, of equally long ones the
//! kind that stands further up in [`Kind`]: `email_address` is an email address, `password_hint` a password. `PLAIN` has
//! entries that sound like something and are not.

mod dutch;
mod english;
mod french;
mod german;
mod italian;
mod polish;
mod portuguese;
mod spanish;

use super::kind::Kind;

/// One language.
pub struct Language {
    /// What a column holds.
    pub kinds: &'static [(Kind, &'static str)],
    /// Entries that are nothing, though words in them are.
    pub plain: &'static str,
    /// Ends of names that make the rest harmless: `card_type`, `email_count`.
    pub heads: &'static str,
    /// The same at the beginning, where a language puts them there: `tipo_documento`.
    pub firsts: &'static str,
    /// Words that are understood and harmless, though they make nothing else harmless.
    pub known: &'static str,
    /// Tables whose rows are people, or companies that one deals with.
    pub people: &'static str,
    /// Tables whose rows are places of one's own.
    pub places: &'static str,
    /// Tables of things that somebody publishes or sells, and of lists to choose from.
    pub catalogue: &'static str,
    /// Tables where people write to or about each other, or say what a payment was for.
    pub talk: &'static str,
    /// What a person's plain name is called, or a thing's.
    pub name: &'static str,
    /// Title, heading.
    pub title: &'static str,
    /// Description.
    pub description: &'static str,
    /// Other words that names are glued together from.
    pub glue: &'static str,
}

/// Every language.
pub const LANGUAGES: &[Language] = &[
    english::WORDS,
    german::WORDS,
    french::WORDS,
    spanish::WORDS,
    italian::WORDS,
    dutch::WORDS,
    portuguese::WORDS,
    polish::WORDS,
];
