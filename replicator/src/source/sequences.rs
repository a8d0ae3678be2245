//! How far production's sequences are, which no stream tells: they are asked, now and then.
//!
//! Nothing is drawn and nobody is waited for: a sequence that somebody holds is left out this time.

use std::collections::{HashMap, HashSet};

use sink_postgres::sequences::{self, Column, Known, Sequence, Wanted};
use wire::Connection;

use crate::error::{Doing, Error};

/// What production says of the columns that were asked for.
pub struct Said {
    /// Where it stands with each of them that draws from a sequence.
    pub wanted: Vec<Wanted>,
    /// Those that we may not see.
    pub hidden: Vec<Sequence>,
}

/// Asks how far the sequences of these columns are.
pub async fn ask(db: &mut Connection, of: &HashSet<Column>, known: &mut Known) -> Result<Said, Error> {
    let all = known.read(db).await.doing("read the sequences")?;
    let ours = all.into_iter().filter(|s| s.columns.iter().any(|c| of.contains(c)));
    let (seen, hidden): (Vec<Sequence>, Vec<Sequence>) = ours.partition(|s| s.may_read);
    if seen.iter().any(|s| s.held) {
        known.forget();
    }
    let free: Vec<&Sequence> = seen.iter().filter(|s| !s.held).collect();
    let drawn = match sequences::drawn(db, &free).await {
        Ok(drawn) => drawn,
        // since it was looked at
        Err(e) if sequences::is_passing(&e) => {
            known.forget();
            HashMap::new()
        }
        Err(e) => return Err(e).doing("read the sequences"),
    };
    let mut wanted = Vec::new();
    for sequence in &free {
        let Some(drawn) = drawn.get(&sequence.oid) else { continue };
        let columns = sequence.columns.iter().filter(|c| of.contains(*c));
        wanted.extend(columns.map(|column| Wanted { column: column.clone(), drawn: *drawn }));
    }
    Ok(Said { wanted, hidden })
}
