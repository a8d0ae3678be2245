//! Two rows of production that are one on staging.
//!
//! A row that is fetched takes the place of whatever holds its unique value, and what it has pushed out is due: that heals a
//! tester's edit in one round. Where production keeps two values apart that a mask, or the target's collation, makes one, each
//! of the two rows pushes out the other, slice after slice, and neither stays. Nothing else does that: what is done on the
//! target is production's state in S, and there the two have different values. So after [`ROUNDS`] slices in which a row
//! was pushed out that had been fetched just before, it is said, and the stream is held; or, with `on_error: quarantine`, what
//! comes of that table next gives way instead, and goes into quarantine.

use std::collections::{HashMap, HashSet};

use sink_postgres::error::Error;
use sink_postgres::key::Key;
use sink_postgres::load::Evicted;
use sink_postgres::part::Part;
use sink_postgres::sink::OnError;

/// A tester, or production's own traffic, may make it look so once or twice.
const ROUNDS: u32 = 3;

/// Who pushed out whom, by table.
#[derive(Default)]
pub struct Collisions {
    tables: HashMap<String, Rounds>,
    /// Here whoever comes next gives way.
    yields: HashSet<String>,
}

#[derive(Default)]
struct Rounds {
    /// Fetched by the slice before, and by this one.
    before: HashSet<Key>,
    now: HashSet<Key>,
    /// Was one of these pushed out in this slice?
    again: bool,
    /// In how many slices in a row?
    rounds: u32,
}

impl Collisions {
    /// Is a part of this table to push nobody out?
    pub fn yields(&self, table: &str) -> bool {
        self.yields.contains(table)
    }

    /// A part was loaded, and pushed these out.
    ///
    /// # Errors
    /// [`Error::Collides`], once it is sure that this would not end, and a refused row is to hold the stream.
    pub fn loaded(&mut self, table: &str, part: &Part, evicted: &[Evicted], on_error: OnError) -> Result<(), Error> {
        let Part::Points(points) = part else { return Ok(()) };
        let rounds = self.tables.entry(table.to_owned()).or_default();
        rounds.now.extend(points.iter().cloned());
        let fetched = |key: &Key| rounds.before.contains(key) || rounds.now.contains(key);
        let Some(again) = evicted.iter().find(|e| fetched(&e.key)) else { return Ok(()) };
        rounds.again = true;
        if rounds.rounds + 1 < ROUNDS {
            return Ok(());
        }
        if on_error != OnError::Stop {
            self.yields.insert(table.to_owned());
            return Ok(());
        }
        Err(Error::Collides { table: table.to_owned(), columns: again.columns.clone() })
    }

    /// The next slice is another round; a table that had none of this in it, or no part, is at rest.
    pub fn slice_is_over(&mut self) {
        self.tables.retain(|_, rounds| {
            let again = rounds.again;
            *rounds = Rounds {
                before: std::mem::take(&mut rounds.now),
                now: HashSet::new(),
                again: false,
                rounds: if again { rounds.rounds + 1 } else { 0 },
            };
            !rounds.before.is_empty()
        });
        self.yields.retain(|table| self.tables.contains_key(table));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(keys: &[&str]) -> Part {
        Part::Points(keys.iter().map(|k| vec![(*k).to_owned()]).collect())
    }

    fn out(keys: &[&str]) -> Vec<Evicted> {
        keys.iter().map(|k| Evicted { key: vec![(*k).to_owned()], columns: "mail".into() }).collect()
    }

    #[test]
    fn two_that_push_each_other_out_are_told() {
        let mut collisions = Collisions::default();
        let mut slice = |point: &str, gone: &str| {
            let told = collisions.loaded("public.logins", &points(&[point]), &out(&[gone]), OnError::Stop);
            collisions.slice_is_over();
            told
        };
        assert!(slice("1", "2").is_ok(), "2 was not fetched before: an edit");
        assert!(slice("2", "1").is_ok() && slice("1", "2").is_ok());
        let told = slice("2", "1").expect_err("it does not end");
        assert!(matches!(&told, Error::Collides { table, columns } if table == "public.logins" && columns == "mail"));
    }

    #[test]
    fn whoever_comes_next_gives_way() {
        let mut collisions = Collisions::default();
        let aside = OnError::Quarantine { most: 1, unread: true };
        for (point, gone) in [("1", "2"), ("2", "1"), ("1", "2"), ("2", "1")] {
            assert!(!collisions.yields("public.logins"));
            assert!(collisions.loaded("public.logins", &points(&[point]), &out(&[gone]), aside).is_ok());
            collisions.slice_is_over();
        }
        assert!(collisions.yields("public.logins") && !collisions.yields("public.others"));
        assert!(collisions.loaded("public.logins", &points(&["1"]), &[], aside).is_ok());
        collisions.slice_is_over();
        collisions.slice_is_over();
        assert!(!collisions.yields("public.logins"), "it is at rest");
    }

    #[test]
    fn edits_that_are_healed_are_not() {
        let mut collisions = Collisions::default();
        for n in 0..10 {
            let (point, gone) = (n.to_string(), (n + 1).to_string());
            // each pushes out another one, which comes next
            assert!(collisions.loaded("public.logins", &points(&[&point]), &out(&[&gone]), OnError::Stop).is_ok());
            collisions.slice_is_over();
        }
        // the same two, with a slice of rest between
        for _ in 0..10 {
            assert!(collisions.loaded("public.logins", &points(&["1"]), &out(&["2"]), OnError::Stop).is_ok());
            collisions.slice_is_over();
            assert!(collisions.loaded("public.logins", &points(&["2"]), &[], OnError::Stop).is_ok());
            collisions.slice_is_over();
        }
    }
}
