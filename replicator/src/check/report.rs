//! What the checks found, and how a person reads it.

use std::fmt::Write;

use serde::Serialize;

use super::review::{self, Change};
use crate::config::Problem;
use crate::error::Error;

/// Where a check belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// What was typed.
    Configuration,
    /// The source's server and role.
    Production,
    /// The standby that has slot and stream, where there is one.
    Standby,
    /// Kafka, and the topic between.
    Topic,
    /// The target's server and role.
    Target,
    /// The tables, on both sides.
    Tables,
    /// What must not be touched.
    Protected,
    /// sluice.lock.
    Lock,
}

const AREAS: [(Area, &str); 8] = [
    (Area::Configuration, "CONFIGURATION"),
    (Area::Production, "PRODUCTION"),
    (Area::Standby, "STANDBY"),
    (Area::Topic, "TOPIC"),
    (Area::Target, "TARGET"),
    (Area::Tables, "TABLES"),
    (Area::Protected, "PROTECTED"),
    (Area::Lock, "LOCK"),
];

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As it should be.
    Passed,
    /// Worth a thought; `run` goes on.
    Warned,
    /// `run` would refuse, or be held, or hurt.
    Failed,
    /// Not looked at.
    Skipped,
}

/// What mends a failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mend {
    /// `production`, `standby`, `target` (SQL), `shell`, or `by hand`.
    pub at: &'static str,
    /// A statement, or a command.
    pub text: String,
}

impl Mend {
    /// SQL for production.
    pub fn production(sql: impl Into<String>) -> Mend {
        Mend { at: "production", text: sql.into() }
    }

    /// SQL for the standby that has the slot.
    pub fn standby(sql: impl Into<String>) -> Mend {
        Mend { at: "standby", text: sql.into() }
    }

    /// SQL for the server that an area is about.
    pub fn of(area: Area, sql: impl Into<String>) -> Mend {
        match area {
            Area::Target => Mend::target(sql),
            Area::Standby => Mend::standby(sql),
            _ => Mend::production(sql),
        }
    }

    /// SQL for the target.
    pub fn target(sql: impl Into<String>) -> Mend {
        Mend { at: "target", text: sql.into() }
    }

    /// A command.
    pub fn shell(command: impl Into<String>) -> Mend {
        Mend { at: "shell", text: command.into() }
    }

    /// Words.
    pub fn hand(words: impl Into<String>) -> Mend {
        Mend { at: "by hand", text: words.into() }
    }
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item {
    /// Where it belongs.
    pub area: Area,
    /// What was looked at.
    pub name: String,
    /// How it ended.
    pub state: State,
    /// Why, or what was found.
    pub says: String,
    /// What mends it.
    pub mend: Option<Mend>,
}

/// All of them.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// In the order in which they were looked at.
    pub checks: Vec<Item>,
    /// What keeps sluice.lock and production apart.
    pub changes: Vec<Change>,
}

impl Report {
    pub(crate) fn push(&mut self, area: Area, name: &str, state: State, says: impl Into<String>, mend: Option<Mend>) {
        self.checks.push(Item { area, name: name.to_owned(), state, says: says.into(), mend });
    }

    pub(crate) fn ok(&mut self, area: Area, name: &str, says: impl Into<String>) {
        self.push(area, name, State::Passed, says, None);
    }

    pub(crate) fn warn(&mut self, area: Area, name: &str, says: impl Into<String>, mend: Option<Mend>) {
        self.push(area, name, State::Warned, says, mend);
    }

    pub(crate) fn fail(&mut self, area: Area, name: &str, says: impl Into<String>, mend: Option<Mend>) {
        self.push(area, name, State::Failed, says, mend);
    }

    pub(crate) fn skip(&mut self, area: Area, name: &str, why: &str) {
        self.push(area, name, State::Skipped, why, None);
    }

    /// An error is a failure with its chain and its hint.
    pub(crate) fn error(&mut self, area: Area, name: &str, e: &Error) {
        self.fail(area, name, e.chain(), e.hint().map(Mend::hand));
    }

    /// A check that could not be made is a failure too.
    pub(crate) fn hear(&mut self, area: Area, name: &str, done: Result<(), Error>) {
        if let Err(e) = done {
            self.error(area, name, &e);
        }
    }

    pub(crate) fn problem(&mut self, p: &Problem, state: State) {
        let name = if p.path.is_empty() { "sluice.yaml" } else { &p.path };
        let says = p.line.map_or_else(|| p.what.clone(), |line| format!("line {line}: {}", p.what));
        self.push(Area::Configuration, name, state, says, p.hint.clone().map(Mend::hand));
    }

    /// How many ended so.
    pub fn count(&self, state: State) -> usize {
        self.checks.iter().filter(|c| c.state == state).count()
    }

    /// As a checklist.
    pub fn text(&self, colour: bool) -> String {
        let mut out = String::new();
        for (area, title) in AREAS {
            let items: Vec<&Item> = self.checks.iter().filter(|c| c.area == area).collect();
            if !items.is_empty() {
                _ = writeln!(out, "{}{title}", if out.is_empty() { "" } else { "\n" });
            }
            items.iter().for_each(|item| line(&mut out, item, colour));
            if area == Area::Lock && !self.changes.is_empty() {
                review::text(&self.changes).lines().for_each(|l| _ = writeln!(out, "           {l}"));
            }
        }
        let count = |state| self.count(state);
        _ = writeln!(
            out,
            "\n{} checks: {} passed, {} warned, {} failed{}",
            self.checks.len(),
            count(State::Passed),
            count(State::Warned),
            count(State::Failed),
            match count(State::Skipped) {
                0 => String::new(),
                n => format!(", {n} skipped"),
            }
        );
        out
    }
}

fn line(out: &mut String, item: &Item, colour: bool) {
    let (sign, word, code) = match item.state {
        State::Passed => ("✓", "ok  ", 32),
        State::Warned => ("!", "warn", 33),
        State::Failed => ("✗", "FAIL", 31),
        State::Skipped => ("-", "skip", 2),
    };
    let (on, off) = if colour { (format!("\x1b[{code}m"), "\x1b[0m") } else { (String::new(), "") };
    let colon = if item.says.is_empty() { "" } else { ": " };
    _ = writeln!(out, "  {on}{sign} {word}{off}   {}{colon}{}", item.name, item.says.replace('\n', "\n           "));
    if let Some(mend) = &item.mend {
        let lead = match mend.at {
            "production" => "on production:",
            "standby" => "on the standby:",
            "target" => "on the target:",
            "shell" => "in a shell:",
            _ => "do:",
        };
        let text = mend.text.trim_end().replace('\n', "\n             ");
        let gap = if mend.text.trim_end().contains('\n') { "\n             " } else { " " };
        _ = writeln!(out, "           {lead}{gap}{text}");
    }
}
