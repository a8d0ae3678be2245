//! Partitions of the two sides. They are told apart by their bounds and not by their names: rows come by the root, so what counts is whether
//! staging has a place for each.

use super::Name;
use super::described::{Relation, Side};
use super::diff::{Difference, Level};
use crate::config::table_name;

/// What differs between the partitions of a table.
pub(super) fn differences(
    full: &str,
    (production, source): (&Side, &Relation),
    (staging, target): (&Side, &Relation),
    found: &mut Vec<Difference>,
) {
    if source.partition_key != target.partition_key {
        let what = match (&source.partition_key, &target.partition_key) {
            (Some(_), None) => "is partitioned on production only",
            (None, Some(_)) => "is partitioned on staging only: a row without a partition there holds the stream",
            _ => "is partitioned otherwise on staging: a row without a partition there holds the stream",
        };
        found.push(Difference::new(full, "partition", "", Level::Harmless, what));
        return;
    }
    if source.partition_key.is_none() {
        return;
    }
    let there: Vec<&Relation> = staging.partitions(&target.full_name()).collect();
    for part in production.partitions(&source.full_name()) {
        let same = |other: &&Relation| {
            other.bound == part.bound && level_of(other, &staging.relations) == level_of(part, &production.relations)
        };
        let object = table_name(&part.schema, &part.name);
        if there.iter().any(same) {
            continue;
        }
        let default =
            there.iter().any(|other| other.bound.as_deref() == Some("DEFAULT") && other.parent == part.parent);
        let (level, what) = match default {
            true => (Level::Harmless, "staging has no such partition; its rows go to the DEFAULT one"),
            false => (Level::Needed, "staging has no such partition: its rows would be refused"),
        };
        let missing = Difference::new(full, "partition", &object, level, what);
        found.push(if default || staging.names.contains(&part.full_name()) { missing } else { missing.made() });
    }
    for own in there {
        let known = production.partitions(&source.full_name()).any(|part| part.bound == own.bound);
        if !known {
            found.push(Difference::new(
                full,
                "partition",
                &table_name(&own.schema, &own.name),
                Level::Ahead,
                "is staging's own",
            ));
        }
    }
}

/// The bounds of those that a partition is a partition of.
fn level_of(part: &Relation, all: &[Relation]) -> Vec<Option<String>> {
    let (mut above, mut at) = (Vec::new(), part.parent.clone());
    while let Some(parent) = at.and_then(|name| all.iter().find(|r| r.full_name() == name)) {
        above.push(parent.bound.clone());
        at = parent.parent.clone();
    }
    above
}

/// Partitions of a root that staging lacks: all, where it lacks the root; else those that its own partitions take no rows of, where both are
/// cut by the same key.
pub(super) fn lacking<'a>(
    production: &'a Side,
    staging: &Side,
    root: &'a Relation,
    made: &[&Relation],
) -> Vec<&'a Relation> {
    let name = root.full_name();
    let all: Vec<&Relation> = production.partitions(&name).collect();
    if made.iter().any(|m| m.full_name() == name) {
        return all;
    }
    let Some(there) = staging.relation(&name).filter(|t| t.partition_key == root.partition_key) else {
        return Vec::new();
    };
    let known: Vec<&Relation> = staging.partitions(&there.full_name()).collect();
    let default =
        |parent: &Option<Name>| known.iter().any(|k| k.parent == *parent && k.bound.as_deref() == Some("DEFAULT"));
    let mut lacks: Vec<&Relation> = Vec::new();
    for part in all {
        let there = known.iter().any(|k| k.bound == part.bound && k.parent == part.parent);
        // its parent by that name is there, or is made here
        let parent = part
            .parent
            .as_ref()
            .is_some_and(|p| staging.relation(p).is_some() || lacks.iter().any(|l| l.full_name() == *p));
        if !there && parent && !default(&part.parent) {
            lacks.push(part);
        }
    }
    lacks
}
