//! Foreign keys carry classes: a column that refers to a masked one is masked by the same function, or joins are lost.
//!
//! What a reference does to the class of the referring column:
//!
//! | the column referred to is | the referring column says nothing | it says something |
//! |---|---|---|
//! | masked | it inherits the mask and its domain, through chains | the same function, or NULL for all (`null`, `drop`); else refused |
//! | kept | kept | kept, or NULL for all; a mask is refused: it would point nowhere |
//! | dropped, withheld or `null` | refused: it holds the same values, and would bring them along | NULL for all, or a mask; `keep` is refused |
//!
//! One mask in one domain may still be two functions: `hash` is cut by a narrow column, `citext` knows no case. Such ends are refused
//! ([`agree`]), and so is a masked end whose collation calls different bytes equal: only its server knows which.
//!
//! A mask that looks at its row (`when:`, `compose`) is no function of the value, and stands at neither end.
//!
//! Composite keys go column by column; a table that refers to itself is no special case. A table whose rows are not copied
//! gives nothing on. A column that refers to two others which disagree is refused, and both are named.

use std::collections::{BTreeMap, HashMap, HashSet};

use filters::compiled::looking as looks;
use filters::mask::agree;
use filters::policy::{Class, Policy, TableRule, TableRules};
use filters::predicate::Collation;

use super::effective::class_text;
use super::pattern::table_name;
use super::problem::{Problem, Problems};
use super::resolve::{SourceColumn, SourceTable};
use super::tables::TableEntry;

/// The rules of a table that is copied, before references are followed.
pub(super) struct Draft<'a> {
    /// The table.
    pub table: &'a SourceTable,
    /// What the file says of it.
    pub entry: &'a TableEntry,
    /// The columns that the file names there.
    pub named: HashSet<&'a str>,
    /// Its rules.
    pub rules: TableRules,
    /// Columns that got their class from what they refer to, and from where (schema, table, column).
    pub inherited: BTreeMap<String, Column>,
}

/// Schema, table and column.
pub(super) type Column = (String, String, String);

/// By schema and name.
pub(super) type Drafts<'a> = BTreeMap<(String, String), Draft<'a>>;

/// One column that refers to another; both tables are copied.
struct Edge {
    from: Column,
    to: Column,
    constraint: String,
}

/// Lets every kept column that the file does not name inherit.
pub(super) fn inherit(drafts: &mut Drafts<'_>) {
    let edges = edges(drafts.values().map(|d| d.table), |name| drafts.contains_key(name));
    let mut children: HashMap<&Column, Vec<&Edge>> = HashMap::new();
    edges.iter().for_each(|e| children.entry(&e.to).or_default().push(e));
    // from every masked column along its references; one that has inherited does not inherit again, so circles end
    let mut todo: Vec<&Column> = edges.iter().map(|e| &e.to).filter(|c| is_masked(class(drafts, c))).collect();
    todo.sort();
    todo.dedup();
    while let Some(parent) = todo.pop() {
        let Some(given) = class(drafts, parent).cloned() else { continue };
        for edge in children.get(parent).into_iter().flatten() {
            let Some(draft) = drafts.get_mut(&table_of(&edge.from)) else { continue };
            let name = &edge.from.2;
            let free = !draft.named.contains(name.as_str()) && *draft.rules.class(name) == Class::Keep;
            if free {
                draft.rules.columns.insert(name.clone(), given.clone());
                draft.inherited.insert(name.clone(), parent.clone());
                todo.push(&edge.from);
            }
        }
    }
}

/// Refuses references whose two ends do not fit, in the policy that is in force.
pub(super) fn contradictions(
    tables: &[SourceTable],
    policy: &Policy,
    inherited: &BTreeMap<Column, Column>,
    key: impl Fn(&SourceTable) -> String,
    problems: &mut Problems,
) {
    let class = |c: &Column| match policy.rule(&c.0, &c.1) {
        TableRule::Copy(rules) => Some(rules.class(&c.2)),
        TableRule::Structure | TableRule::Exclude => None,
    };
    let mut looking = HashSet::new();
    for table in tables {
        let TableRule::Copy(rules) = policy.rule(&table.schema, &table.name) else { continue };
        for column in looks(rules, &table.shape()).into_iter().filter_map(|i| table.columns.get(i)) {
            looking.insert((table.schema.clone(), table.name.clone(), column.name.clone()));
        }
    }
    let looks = |c: &Column| looking.contains(c);
    for table in tables {
        for edge in edges([table], |name| matches!(policy.rule(&name.0, &name.1), TableRule::Copy(_))) {
            let (Some(from), Some(to)) = (class(&edge.from), class(&edge.to)) else { continue };
            let hint = match looks(&edge.from) || looks(&edge.to) && !is_null(from) {
                true => Some(
                    "a mask that looks at its row gives one value two faces: mask both by their value alone".to_owned(),
                ),
                false => contradiction(from, to, &edge.to).or_else(|| {
                    let (Class::Mask { spec, domain }, false) = (to, is_null(from) || is_null(to)) else { return None };
                    unequal(spec, domain.as_deref(), column_of(tables, &edge.from)?, column_of(tables, &edge.to)?)
                }),
            };
            let Some(hint) = hint else { continue };
            let because = match inherited.get(&edge.from) {
                Some(other) => format!(" (as is {}, to which it refers too)", full(other)),
                None => String::new(),
            };
            let what = format!(
                "{} is {}{because}, and refers by {} to {}, which is {}",
                full(&edge.from),
                class_text(from),
                edge.constraint,
                full(&edge.to),
                class_text(to)
            );
            problems.push(Problem::new(format!("tables.{}.columns.{}", key(table), edge.from.2), what).hint(hint));
        }
    }
}

/// The references of `tables` to tables that are `copied`, column by column.
fn edges<'t>(
    tables: impl IntoIterator<Item = &'t SourceTable>,
    copied: impl Fn(&(String, String)) -> bool,
) -> Vec<Edge> {
    let mut edges = Vec::new();
    for table in tables {
        for reference in table.references.iter().filter(|r| copied(&r.table)) {
            for (from, to) in reference.columns.iter().zip(&reference.to) {
                edges.push(Edge {
                    from: (table.schema.clone(), table.name.clone(), from.clone()),
                    to: (reference.table.0.clone(), reference.table.1.clone(), to.clone()),
                    constraint: reference.constraint.clone(),
                });
            }
        }
    }
    edges
}

fn table_of(column: &Column) -> (String, String) {
    (column.0.clone(), column.1.clone())
}

fn full(column: &Column) -> String {
    format!("{}.{}", table_name(&column.0, &column.1), column.2)
}

fn class<'d>(drafts: &'d Drafts<'_>, column: &Column) -> Option<&'d Class> {
    drafts.get(&table_of(column)).map(|d| d.rules.class(&column.2))
}

fn is_masked(class: Option<&Class>) -> bool {
    matches!(class, Some(c @ Class::Mask { .. }) if !is_null(c))
}

/// Is it NULL for every row?
fn is_null(class: &Class) -> bool {
    match class {
        Class::Drop | Class::Withheld => true,
        Class::Mask { spec, .. } => spec.name() == "null" && spec.when().is_none(),
        Class::Keep => false,
    }
}

/// What mends it, if a column of class `from` may not refer to one of class `to`.
fn contradiction(from: &Class, to: &Class, parent: &Column) -> Option<String> {
    let parent = full(parent);
    match (from, to) {
        // a reference that is NULL refers to nothing
        (from, _) if is_null(from) => None,
        (Class::Keep, to) if is_null(to) => {
            Some(format!("it holds the values that {parent} must not bring: drop or mask both, or neither"))
        }
        (_, to) if is_null(to) => None,
        (Class::Keep, Class::Keep) => None,
        (Class::Mask { spec: a, domain: x }, Class::Mask { spec: b, domain: y }) if same(a, x, b, y) => None,
        (Class::Keep, _) => Some(format!("say nothing of it, and it is masked as {parent} is")),
        (_, Class::Keep) => Some(format!("mask {parent}, and it is masked alike; or null, if nobody needs the join")),
        _ => Some("give both one domain, or say nothing of the one that refers".to_owned()),
    }
}

/// What mends it, if a value that both columns hold does not come out of their mask as one.
fn unequal(
    spec: &filters::mask::MaskSpec,
    domain: Option<&str>,
    from: &SourceColumn,
    to: &SourceColumn,
) -> Option<String> {
    if [from, to].iter().any(|c| c.collation == Collation::Nondeterministic) {
        return Some(
            "a nondeterministic collation calls different texts equal, and no mask can: null on the end that refers, or another collation"
                .to_owned(),
        );
    }
    (!agree(spec, domain, &from.facts(), &to.facts())).then(|| {
        format!(
            "{} gives one value two faces in {} and {}: make the types alike, take a mask that does not look at them (a shorter hash, \
             integer without smallint), or null on the end that refers",
            spec.name(),
            from.type_name,
            to.type_name
        )
    })
}

fn column_of<'t>(tables: &'t [SourceTable], column: &Column) -> Option<&'t SourceColumn> {
    let table = tables.iter().find(|t| t.schema == column.0 && t.name == column.1)?;
    table.columns.iter().find(|c| c.name == column.2)
}

/// One function: the same mask with the same parameters, under the key of the same domain.
fn same(a: &filters::mask::MaskSpec, x: &Option<String>, b: &filters::mask::MaskSpec, y: &Option<String>) -> bool {
    a == b && x == y
}
