//! `sluice masks`: which masks there are, and what one makes of a value.

use filters::mask::KINDS;

use super::args::{Args, List, Masks, MasksVerb};
use super::{attempt, print, table};
use crate::error::Error;

/// Lists or tries.
pub async fn run(args: &Args, verb: &Masks) -> Result<(), Error> {
    match &verb.verb {
        MasksVerb::List(List { json: true }) => {
            let all = KINDS.iter().map(|m| {
                serde_json::json!({
                    "name": m.name, "makes": m.makes, "columns": m.types, "unique": m.unique, "example": m.example,
                    "keeps": m.keeps, "gives_away": m.gives_away
                })
            });
            print::data(format_args!("{}\n", serde_json::Value::from_iter(all)))
        }
        MasksVerb::List(_) => {
            let yes_no = |yes| if yes { "yes" } else { "no" }.to_owned();
            let masks = || KINDS.iter();
            let what = masks()
                .map(|m| vec![m.name.into(), m.makes.into(), m.types.into(), yes_no(m.unique), m.example.into()]);
            let what = table::table(&["MASK", "MAKES", "COLUMNS", "UNIQUE", "IN SLUICE.YAML"], what);
            let shows = masks().map(|m| vec![m.name.into(), m.keeps.into(), m.gives_away.into()]);
            let shows = table::table(&["MASK", "KEEPS", "GIVES AWAY"], shows);
            print::data(format_args!(
                "{what}\n\n{shows}\n\nany of them for some rows only: {{ mask: email, when: country = 'DE', else: keep }}\n"
            ))
        }
        MasksVerb::Try(verb) => attempt::run(args, verb).await,
    }
}
