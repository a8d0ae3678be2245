//! `sluice.yaml`: what was typed, and what it means.
//!
//! ```text
//!  text ─► tree ─► keys ─► expand ─► sections, tables, masks ─► Config ─► resolve(real tables, lock) ─► Policy
//!  typed   lines   unknown  ${VAR}   units, words, names         meaning
//! ```
//!
//! The tree is what was typed; [`Config`] is what it means, and everything that is done waits for it. No step stops at
//! its first fault: a person who mends a file wants to see all of them, each with its key path. Nothing here but
//! [`Config::load`] touches the world.

mod backup;
mod buffer;
mod effective;
mod expand;
mod files;
mod keys;
mod lock;
mod lock_text;
mod masks;
mod never;
mod notify;
mod overlay;
mod pattern;
mod problem;
mod protect;
mod read;
mod references;
mod remembered;
mod resolve;
mod secret;
mod sections;
mod server;
mod tables;
mod tree;
mod units;

#[cfg(test)]
mod tests;

pub use crate::source::catalog::Reference;
pub use backup::Backup;
pub use buffer::{Buffer, Property};
pub(crate) use effective::{class_text, quote};
pub use expand::Env;
pub use files::Files;
pub use keys::{KEYS, State};
pub use lock::{Lock, LockedColumn};
pub use masks::{Domains, typed as typed_mask, typed_class};
pub use never::{Never, Place};
pub use notify::{Notify, Told};
pub use overlay::{Overlay, Overlays};
pub use pattern::{Pattern, table_name};
pub(crate) use problem::did_you_mean;
pub use problem::{Problem, Problems};
pub use resolve::{Resolved, SourceColumn, SourceTable};
pub use secret::{Secret, read_backup_key, read_mask_key};
pub use sections::{
    Apply, Audit, Copying, Ddl, Limits, Masking, OnDivergence, OnError, Sequences, Serve, SlotWalLimit,
};
pub use server::{EnvironmentFrom, Server, Tls, is_label};
pub use tables::{Rest, Rule, TableEntry};
pub(crate) use units::{show_time as shown_time, typed_time};

use std::path::Path;
use std::time::Duration;

use filters::predicate::Predicate;

/// What a `sluice.yaml` means. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct Config {
    /// Names slot and publication (`sluice_<pipeline>`) and the checkpoint on the target: `[a-z0-9_]{1,40}`.
    pub pipeline: String,
    /// Production.
    pub source: Server,
    /// Staging.
    pub target: Server,
    /// Servers that must never be the target.
    pub never_write: Vec<Never>,
    /// The key of all masks, and the masks with a name.
    pub masking: Masking,
    /// In the file's order.
    pub tables: Vec<TableEntry>,
    /// The target's own tables: never written.
    pub protect: Vec<Pattern>,
    /// Of a table that is written, which rows of the target are its own.
    pub protect_rows: protect::Rows,
    /// What becomes of the target's own rows that refer to a row which production deletes.
    pub on_referenced: protect::References,
    /// Values of the target's own, in rows of production's.
    pub overlay: Overlays,
    /// The topic between capture and apply, if there is one.
    pub buffer: Option<Buffer>,
    /// What becomes of a change that does not go as expected.
    pub apply: Apply,
    /// The pace of copying.
    pub copy: Copying,
    /// `schedule.every`: a refresh, so long after the one before it began, and not a stream.
    pub every: Option<Duration>,
    /// How far ahead of production's the target's sequences are kept; `None`: nobody looks at them.
    pub sequences: Option<Sequences>,
    /// What must not be exceeded.
    pub limits: Limits,
    /// Who is told what happens.
    pub notify: Notify,
    /// Where backups of staging's rows go; `None`: there are none.
    pub backup: Option<Backup>,
    /// Where the audit goes besides.
    pub audit: Audit,
    /// The HTTP side.
    pub serve: Serve,
}

impl Config {
    /// Reads a file, with the process's environment.
    pub fn load(path: &Path) -> Result<Config, Problems> {
        let text = std::fs::read_to_string(path).map_err(|e| {
            Problem::new("", format!("cannot read {}: {e}", path.display()))
                .hint("sluice init writes one; -c names another")
        })?;
        Config::parse(&text, &|name| std::env::var(name).ok())
    }

    /// Reads a text, with variables from `env`. All problems at once.
    pub fn parse(text: &str, env: Env<'_>) -> Result<Config, Problems> {
        let mut problems = Problems::default();
        let mut root = tree::parse(text, &mut problems);
        if let Some(root) = &mut root {
            keys::check(root, &mut problems);
            expand::expand(root, "", env, &mut problems);
        }
        if root.is_none() && !problems.0.is_empty() {
            return Err(problems);
        }
        match sections::config(&read::At::root(root.as_ref()), &mut problems) {
            Some(config) if problems.0.is_empty() => Ok(config),
            _ => {
                problems.0.sort_by_key(|p| p.line.unwrap_or(usize::MAX));
                Err(problems)
            }
        }
    }

    /// The path of the key that speaks for a table: its own name, or the glob that takes it in.
    pub fn path(&self, schema: &str, name: &str) -> String {
        let own = self.tables.iter().find(|e| e.pattern.exact() == Some((schema, name)));
        let entry =
            own.or_else(|| self.tables.iter().find(|e| e.pattern.exact().is_none() && e.pattern.matches(schema, name)));
        format!("tables.{}", entry.map_or_else(|| table_name(schema, name), |e| e.key.clone()))
    }

    /// The name of slot and publication.
    pub fn slot(&self) -> String {
        format!("sluice_{}", self.pipeline)
    }

    /// The name of the publication of tables without a replica identity.
    pub fn publication_inserts(&self) -> String {
        format!("sluice_{}_inserts", self.pipeline)
    }

    /// Which rows of a table are the target's own.
    pub fn own_rows(&self, schema: &str, name: &str) -> Option<&Predicate> {
        self.protect_rows.get(&(schema.to_owned(), name.to_owned()))
    }

    /// Is this table the target's own?
    pub fn is_protected(&self, schema: &str, name: &str) -> bool {
        self.protect.iter().any(|p| p.matches(schema, name))
    }
}
