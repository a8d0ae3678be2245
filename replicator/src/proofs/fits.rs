//! What a mask writes at worst fits where it goes.
//!
//! A mask is made for production's column, and keeps within its length, its domain's and its enum's labels. Where the target's
//! column is another, that proves nothing: so the mask is made for the target's column too, and what it writes at most is held
//! against the room there. Where it writes as much as the value has, nobody can
//! say, and it is a warning: so it would be of a column that is kept.

use filters::key::MaskKey;
use filters::mask::{ColumnFacts, KINDS, Mask, MaskError, MaskSpec};
use filters::policy::Class;
use wire::quote_ident;

use super::Proofs;
use super::subject::Subject;
use crate::config::{Problem, class_text};

/// A column of the target: its type, for masks and for people.
pub type There = (ColumnFacts, String);

/// Holds every masked column against the target's.
pub fn prove(subject: &Subject<'_>, there: impl Fn(&str) -> Option<There>, out: &mut Proofs) {
    let columns = subject.table.shape.columns.iter().zip(&subject.table.facts).zip(&subject.table.types);
    for ((column, here), here_name) in columns {
        let class @ Class::Mask { spec, domain } = subject.rules.class(&column.name) else { continue };
        let Some((facts, name)) = there(&column.name).filter(|(facts, _)| facts != here) else { continue };
        // one for some rows, or one that looks at others, cannot be made alone; their types are tried with rows
        let Some((mask, made)) = both(spec, domain.as_deref(), here, &facts) else { continue };
        let full = format!("{}.{}", subject.compiled.input(), column.name);
        let is = class_text(class);
        let wider = format!(
            "on the target: ALTER TABLE {} ALTER COLUMN {} TYPE {here_name};",
            subject.table.quoted(),
            quote_ident(&column.name)
        );
        let hint = match would_do(subject, &column.name, here, &facts) {
            masks if masks.is_empty() => wider.clone(),
            masks => format!("would do: {}; or {wider}", masks.join(", ")),
        };
        let refused = match (made, too_long(&mask, here, &facts)) {
            (Some(error), _) => Some(format!("{full} is {is}, and {name} on the target: {}", plain(&error))),
            (None, Some(Room::Known { writes, holds })) => Some(format!(
                "{full} is {is}, which writes up to {writes} characters, and {name} on the target holds {holds}"
            )),
            (None, Some(Room::Unknown { holds })) => {
                let what = format!(
                    "{full} is {is}, which writes about as much as the value has, and {name} on the target holds {holds}: a longer one would hold the stream"
                );
                out.warnings.push(Problem::new(subject.path(&column.name), what).hint(wider));
                None
            }
            (None, None) => None,
        };
        if let Some(what) = refused {
            out.problems.push(Problem::new(subject.path(&column.name), what).hint(hint));
        }
    }
}

/// The mask as it is made for production's column, and why it cannot be made for the target's, if it cannot.
fn both(
    spec: &MaskSpec,
    domain: Option<&str>,
    here: &ColumnFacts,
    there: &ColumnFacts,
) -> Option<(Mask, Option<MaskError>)> {
    let any = MaskKey::new(&[0; 32]).ok()?;
    let mask = Mask::new(spec, &any, domain, here).ok()?;
    Some((mask, Mask::new(spec, &any, domain, there).err()))
}

enum Room {
    /// More than there is.
    Known { writes: usize, holds: usize },
    /// As much as the value.
    Unknown { holds: usize },
}

/// Is there less room on the target than the mask was made for?
fn too_long(mask: &Mask, here: &ColumnFacts, there: &ColumnFacts) -> Option<Room> {
    let holds = there.room()?;
    if here.room().is_some_and(|room| room <= holds) {
        return None;
    }
    match mask.writes().longest {
        Some(writes) if writes <= holds => None,
        Some(writes) => Some(Room::Known { writes, holds }),
        None => Some(Room::Unknown { holds }),
    }
}

/// Masks for production's column that fit the target's, and keep its values apart if they must be.
fn would_do(subject: &Subject<'_>, column: &str, here: &ColumnFacts, there: &ColumnFacts) -> Vec<String> {
    let fits = |spec: &MaskSpec| {
        let Some((mask, None)) = both(spec, None, here, there) else { return false };
        too_long(&mask, here, there).is_none() && subject.apart(column, mask.injective())
    };
    let kinds = KINDS.iter().filter(|k| k.keyed && k.parameters.iter().all(|p| !p.required));
    // where a mask has a length to be set, it may be as much as there is room
    let made = |kind| {
        let (spec, mut shorter) = (MaskSpec::new(kind), MaskSpec::new(kind));
        let room = there.room().and_then(|room| i64::try_from(room).ok());
        let is_set = room.is_some_and(|room| shorter.set("length", room.into()));
        if is_set && !fits(&spec) { shorter } else { spec }
    };
    let specs = kinds.map(|k| made(k)).filter(|spec| fits(spec));
    specs.map(|spec| class_text(&Class::Mask { spec, domain: None })).collect()
}

/// The type is named already, not by its number.
fn plain(error: &MaskError) -> String {
    match error {
        MaskError::Type { mask, wants, .. } => format!("mask {mask} wants {wants}"),
        other => other.to_string(),
    }
}
