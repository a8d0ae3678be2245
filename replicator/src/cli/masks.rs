//! `sluice masks`: which masks there are, and what one makes of a value.

use filters::mask::KINDS;

use super::args::{Args, Masks, MasksVerb};
use super::{attempt, table};
use crate::error::Error;

/// Lists or tries.
pub async fn run(args: &Args, verb: &Masks) -> Result<(), Error> {
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
        MasksVerb::Try(verb) => attempt::run(args, verb).await,
    }
}
