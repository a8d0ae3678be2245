//! What the detector makes of each half of the corpus.
//!
//! Of the half that is held back nothing comes out but sums. `LOOK=1` lists what is wrong in the half that is seen, for
//! whoever makes it better.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use filters::policy::Class;
use replicator::propose::{Column, Facts, Kind, Sample, Table, propose};

use super::corpus::{self, Half, LABELS, Labelled};
use super::values;

/// How many rows of a table are sampled where its columns have values.
const ROWS: usize = 80;

/// What became of the columns of one half.
#[derive(Default)]
pub struct Tally {
    /// By label, and what a column was taken for: `kept`, or a kind.
    cells: BTreeMap<(&'static str, &'static str), usize>,
}

impl Tally {
    fn of(half: Half, with_values: bool) -> Tally {
        let columns = corpus::half(half);
        let look = half == Half::Seen && with_values && std::env::var_os("LOOK").is_some();
        let mut tally = Tally::default();
        for table in columns.chunk_by(|a, b| (&a.schema, &a.table) == (&b.schema, &b.table)) {
            let facts: Vec<Facts> = table.iter().map(|column| facts(column, with_values)).collect();
            let known: Vec<Column<'_>> = table
                .iter()
                .zip(&facts)
                .map(|(column, facts)| Column {
                    name: &column.column,
                    type_name: &column.type_name,
                    key: false,
                    refers: false,
                    facts,
                })
                .collect();
            for (column, proposal) in table.iter().zip(propose(&Table { name: &table[0].table, columns: &known })) {
                // the corpus knows what is personal; this is about what staging does
                if proposal.kind == Some(Kind::Outward) && !column.personal() {
                    continue;
                }
                let kept = proposal.class == Class::Keep;
                let taken = if kept { "kept" } else { proposal.kind.map_or("kept", Kind::label) };
                let label = LABELS.iter().find(|label| **label == column.label).expect("a label");
                *tally.cells.entry((label, taken)).or_default() += 1;
                if look && column.personal() == kept {
                    println!("{} {}: {} {}", column.path(), column.type_name, column.label, proposal.reason);
                }
            }
        }
        tally
    }

    /// Columns whose label and fate are so.
    pub fn count(&self, which: impl Fn(&str, &str) -> bool) -> usize {
        self.cells.iter().filter(|((label, taken), _)| which(label, taken)).map(|(_, n)| n).sum()
    }

    /// What a label was taken for, the most frequent first.
    pub fn taken(&self, label: &str) -> Vec<(&'static str, usize)> {
        let mut taken: Vec<_> =
            self.cells.iter().filter(|((l, _), _)| *l == label).map(|((_, taken), n)| (*taken, *n)).collect();
        taken.sort_by_key(|(taken, n)| (std::cmp::Reverse(*n), *taken));
        taken
    }

    /// Of what is personal, how much is not kept.
    pub fn recall(&self) -> f64 {
        let personal = |label: &str| label != "not_personal";
        self.count(|label, taken| personal(label) && taken != "kept") as f64
            / self.count(|label, _| personal(label)) as f64
    }

    /// Of what is not kept, how much is personal.
    pub fn precision(&self) -> f64 {
        self.count(|label, taken| label != "not_personal" && taken != "kept") as f64
            / self.count(|_, taken| taken != "kept") as f64
    }
}

/// Of one half, with values where the corpus has some or by names, types and comments alone. Measured once.
pub fn tally(half: Half, with_values: bool) -> &'static Tally {
    static TALLIES: [OnceLock<Tally>; 4] = [const { OnceLock::new() }; 4];
    let place = usize::from(half == Half::Seen) * 2 + usize::from(with_values);
    TALLIES[place].get_or_init(|| Tally::of(half, with_values))
}

fn facts(column: &Labelled, with_values: bool) -> Facts {
    let mut sample = Sample::default();
    if with_values && !column.values.is_empty() {
        let values = values::values(&column.values, &column.path(), ROWS).expect("a generator");
        // every eleventh row has none
        values.iter().enumerate().filter(|(i, _)| i % 11 != 10).for_each(|(_, value)| sample.add(value));
    }
    Facts { comment: column.comment.clone(), sample, ..Facts::default() }
}

/// What issue and documentation promise, on schemas that nobody looked at to reach it.
#[test]
fn finds_what_is_personal_in_schemas_it_was_not_made_for() {
    for (with_values, recall) in [(true, 0.95), (false, 0.94)] {
        let held_back = tally(Half::HeldBack, with_values);
        let figures = (held_back.recall(), held_back.precision());
        assert!(figures.0 >= recall && figures.1 >= 0.80, "recall, precision with values={with_values}: {figures:.3?}");
    }
    let seen = tally(Half::Seen, true);
    assert!(seen.recall() >= 0.97 && seen.precision() >= 0.90, "{:.3} {:.3}", seen.recall(), seen.precision());
}
