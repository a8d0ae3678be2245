//! Foreign keys: what refers holds what it refers to.

use std::collections::{HashMap, HashSet};

use super::evidence::{By, Finding};
use super::kind::Kind;
use super::yaml::Found;

/// A table and a column in it, by their places.
type Place = (usize, usize);

/// Both ends of each reference hold the same: what one of them was found to be, the other is. Through chains; what the
/// referred column was found to be goes before.
pub fn follow(found: &[Found], findings: &mut [Vec<Option<Finding>>]) {
    let pairs = pairs(found);
    // each round settles at least one more column of a chain
    for _ in 0..=pairs.len() {
        let mut settled = true;
        for ((t, c), (rt, rc)) in &pairs {
            let (own, other) = (&findings[*t][*c], &findings[*rt][*rc]);
            let same = own.as_ref().map(|f| f.kind) == other.as_ref().map(|f| f.kind);
            let by = |finding: &Finding| Finding { by: vec![By::Reference], ..finding.clone() };
            match (own, other) {
                _ if same => continue,
                // anything is more than nothing
                (Some(own), Some(other)) if other.kind == Kind::Unknown => findings[*rt][*rc] = Some(by(own)),
                (_, Some(other)) => findings[*t][*c] = Some(by(other)),
                (Some(own), None) => findings[*rt][*rc] = Some(by(own)),
                (None, None) => continue,
            }
            settled = false;
        }
        if settled {
            break;
        }
    }
}

/// The columns that refer to others, and those that others refer to.
pub fn tied(found: &[Found]) -> HashSet<Place> {
    pairs(found).into_iter().flat_map(|(from, to)| [from, to]).collect()
}

fn pairs(found: &[Found]) -> Vec<(Place, Place)> {
    let mut places: HashMap<(&str, &str, &str), Place> = HashMap::new();
    for (t, f) in found.iter().enumerate() {
        for (c, column) in f.table.columns.iter().enumerate() {
            places.insert((&f.table.schema, &f.table.name, &column.name), (t, c));
        }
    }
    let mut pairs = Vec::new();
    for f in found {
        for reference in &f.table.references {
            for (from, to) in reference.columns.iter().zip(&reference.to) {
                let from = places.get(&(f.table.schema.as_str(), f.table.name.as_str(), from.as_str()));
                let to = places.get(&(reference.table.0.as_str(), reference.table.1.as_str(), to.as_str()));
                pairs.extend(from.copied().zip(to.copied()));
            }
        }
    }
    pairs
}
