//! Every key there is. One list, for three uses: unknown keys are refused with a guess at what was meant, keys of
//! features that are not built yet are refused by name, and a test holds `docs/configuration.md` to it.

use super::problem::{Problem, Problems, did_you_mean};
use super::tree::{Kind, Node, join};

/// Is the feature behind a key there?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Yes.
    Built,
    /// Its name is promised, and the feature is not there: refused.
    NotYet,
}

use State::{Built, NotYet};

/// Key paths; `*` stands for any one key (a table, a column, a mask's parameter).
pub const KEYS: &[(&str, State)] = &[
    ("pipeline", Built),
    ("source", Built),
    ("source.url", Built),
    ("source.environment", Built),
    ("source.environment_from", Built),
    ("source.environment_from.table", Built),
    ("source.environment_from.column", Built),
    ("source.environment_from.where", Built),
    ("source.tls", Built),
    ("source.primary_url", Built),
    ("target", Built),
    ("target.url", Built),
    ("target.environment", Built),
    ("target.environment_from", Built),
    ("target.environment_from.table", Built),
    ("target.environment_from.column", Built),
    ("target.environment_from.where", Built),
    ("never_write", Built),
    ("masking", Built),
    ("masking.key", Built),
    ("masking.environment", Built),
    ("masking.domains", Built),
    ("masking.domains.*", Built),
    ("masking.domains.*.*", Built),
    ("tables", Built),
    ("tables.*", Built),
    ("tables.*.columns", Built),
    ("tables.*.columns.*", Built),
    ("tables.*.columns.*.*", Built),
    ("tables.*.optional", Built),
    ("tables.*.rest", Built),
    ("tables.*.where", Built),
    ("protect", Built),
    ("protect.tables", Built),
    ("protect.rows", Built),
    ("protect.rows.*", Built),
    ("protect.on_referenced", Built),
    ("protect.on_referenced.*", Built),
    ("overlay", Built),
    ("overlay.*", Built),
    ("buffer", Built),
    ("buffer.kafka", Built),
    ("buffer.kafka.brokers", Built),
    ("buffer.kafka.topic", Built),
    ("buffer.kafka.properties", Built),
    ("buffer.kafka.properties.*", Built),
    ("apply", Built),
    ("apply.on_error", Built),
    ("apply.max_quarantined", Built),
    ("apply.on_divergence", Built),
    ("apply.ddl", Built),
    ("copy", Built),
    ("copy.slice", Built),
    ("copy.readers", Built),
    ("copy.chunk_rows", Built),
    ("copy.window", Built),
    ("schedule", Built),
    ("schedule.every", Built),
    ("sequences", Built),
    ("sequences.margin", Built),
    ("sequences.offset", Built),
    ("limits", Built),
    ("limits.memory", Built),
    ("limits.logical_decoding_work_mem", Built),
    ("limits.lag", Built),
    ("limits.max_slot_wal_keep_size", Built),
    ("limits.source", Built),
    ("limits.source.connections", Built),
    ("limits.source.idle", Built),
    ("limits.source.rate", Built),
    ("limits.wal", Built),
    ("limits.wal.warn", Built),
    ("limits.wal.pause_copy", Built),
    ("limits.wal.drop_slot", Built),
    ("notify", Built),
    ("notify.slack", Built),
    ("notify.slack.url", Built),
    ("notify.slack.events", Built),
    ("notify.webhooks", Built),
    ("notify.webhooks.url", Built),
    ("notify.webhooks.secret", Built),
    ("notify.webhooks.events", Built),
    ("notify.repeat", Built),
    ("backup", Built),
    ("backup.directory", Built),
    ("backup.key", Built),
    ("backup.keep", Built),
    ("audit", Built),
    ("audit.file", Built),
    ("serve", Built),
    ("serve.listen", Built),
];

/// Takes out of the tree every key that is unknown or not built, with a problem each. What remains is ours to read.
pub(super) fn check(root: &mut Node, problems: &mut Problems) {
    walk(root, &mut Vec::new(), "", problems);
}

fn walk(node: &mut Node, pattern: &mut Vec<&'static str>, path: &str, problems: &mut Problems) {
    if let Kind::List(all) = &mut node.kind {
        all.iter_mut().for_each(|one| walk(one, pattern, path, problems));
    }
    let Kind::Map(entries) = &mut node.kind else { return };
    entries.retain_mut(|entry| {
        let children = children(pattern);
        let path = join(path, &entry.key);
        let problem = |what: String| Problem { line: Some(entry.line), ..Problem::new(path.clone(), what) };
        match children.iter().find(|(name, _)| *name == entry.key || *name == "*") {
            Some((_, NotYet)) => {
                // the deepest single key says best what was asked for: `notify.slack`, not `notify`
                let mut deep = path.clone();
                if let Kind::Map(inner) = &entry.node.kind
                    && let [only] = inner.as_slice()
                    && !pattern.contains(&"tables")
                {
                    deep = join(&deep, &only.key);
                }
                problems.push(Problem { path: deep, ..problem("not built yet".to_owned()) });
                false
            }
            Some((name, Built)) => {
                pattern.push(name);
                walk(&mut entry.node, pattern, &path, problems);
                pattern.pop();
                true
            }
            None if children.is_empty() => true, // not a map; whoever reads it says so
            None => {
                let mut unknown = problem("unknown key".to_owned());
                unknown.hint = did_you_mean(&entry.key, children.iter().map(|(name, _)| *name));
                problems.push(unknown);
                false
            }
        }
    });
}

/// The keys directly below a pattern.
fn children(pattern: &[&str]) -> Vec<(&'static str, State)> {
    KEYS.iter()
        .filter_map(|(path, state)| {
            let segments: Vec<&'static str> = path.split('.').collect();
            let (last, above) = segments.split_last()?;
            (above == pattern).then_some((*last, *state))
        })
        .collect()
}
