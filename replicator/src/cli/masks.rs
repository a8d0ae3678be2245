//! `sluice masks`: which masks there are, and what one makes of a value.

use bytes::BytesMut;
use filters::key::MaskKey;
use filters::mask::{ColumnFacts, KINDS, Mask, Outcome};
use filters::raw::RawRow;

use super::args::{Masks, MasksVerb, Try};
use super::table;
use crate::config::{Problem, typed_mask};
use crate::error::Error;

/// Lists or tries.
pub fn run(verb: &Masks) -> Result<(), Error> {
    match &verb.verb {
        MasksVerb::List => {
            let yes_no = |yes| if yes { "yes" } else { "no" }.to_owned();
            let masks = || KINDS.iter();
            let what = masks()
                .map(|m| vec![m.name.into(), m.makes.into(), m.types.into(), yes_no(m.unique), m.example.into()]);
            println!("{}\n", table::table(&["MASK", "MAKES", "COLUMNS", "UNIQUE", "IN SLUICE.YAML"], what));
            let shows = masks().map(|m| vec![m.name.into(), m.keeps.into(), m.gives_away.into()]);
            println!("{}", table::table(&["MASK", "KEEPS", "GIVES AWAY"], shows));
            println!("\nany of them for some rows only: {{ mask: email, when: country = 'DE', else: keep }}");
            Ok(())
        }
        MasksVerb::Try(verb) => attempt(verb),
    }
}

fn attempt(verb: &Try) -> Result<(), Error> {
    if verb.real_key {
        let hint = "without it a throw-away key is used";
        return Err(Error::Config(Problem::new("--real-key", "not built yet").hint(hint).into()));
    }
    let spec = typed_mask(&verb.mask, &verb.parameters).map_err(Error::Config)?;
    let bug = |e: &dyn std::fmt::Display| Error::Bug(e.to_string());
    let random: [u8; 32] = std::array::from_fn(|_| fastrand::u8(..));
    let key = MaskKey::new(&random).map_err(|e| bug(&e))?;
    // a mask that does not know text (there is none as yet) would say so here
    let mask = Mask::new(&spec, &key, None, &ColumnFacts::TEXT)
        .map_err(|e| Error::Config(Problem::new("", e.to_string()).into()))?;
    let mut out = BytesMut::new();
    match mask.apply(verb.value.as_bytes(), &RawRow::ALONE, &mut out) {
        Outcome::Masked | Outcome::Redacted => println!("{}", String::from_utf8_lossy(&out)),
        Outcome::Null | Outcome::NeedsRow => println!("NULL"),
    }
    if mask.unparsable() > 0 {
        eprintln!("the mask could not read this value, so it hides all of it; in a run such values are counted");
    }
    eprintln!("under a throw-away key: the next run gives another value, your pipeline a third");
    Ok(())
}
