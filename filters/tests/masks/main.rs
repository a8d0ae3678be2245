//! What every mask promises, tried on values that nobody wrote down: deterministic, total, under its key, of the shape
//! and as one-to-one as it says.
//!
//! A mask has a file here with its [`Trial`]s and what only it promises, and a line in [`trials`]. The rest is
//! done for it: [`every`] holds each trial to what all masks promise, [`golden`] to its vectors.

mod every;
mod forms;
mod golden;
mod trial;

mod alnum;
mod card;
mod compose;
mod constant;
mod dates;
mod digits;
mod elements;
mod email;
mod hash;
mod hstore;
mod iban;
mod integer;
mod ip;
mod json;
mod mac;
mod name;
mod null;
mod numbers;
mod people;
mod phone;
mod regex;
mod scrub;
mod texts;
mod token;
mod url;
mod username;
mod uuid;
mod when;
mod xml;

use trial::Trial;

/// Every mask, in every form worth a trial.
fn trials() -> Vec<Trial> {
    let all = [
        null::trials(),
        constant::trials(),
        hash::trials(),
        email::trials(),
        name::trials(),
        compose::trials(),
        when::trials(),
        elements::trials(),
        people::trials(),
        phone::trials(),
        digits::trials(),
        alnum::trials(),
        integer::trials(),
        uuid::trials(),
        token::trials(),
        username::trials(),
        card::trials(),
        iban::trials(),
        ip::trials(),
        mac::trials(),
        url::trials(),
        numbers::trials(),
        dates::trials(),
        texts::trials(),
        regex::trials(),
        scrub::trials(),
        json::trials(),
        hstore::trials(),
        xml::trials(),
    ];
    all.into_iter().flatten().collect()
}
