//! What is wrong with a configuration: every fault with its key path, all of them at once.

use std::fmt;

/// One fault, at one key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// The key's path, `tables.public.users.columns.email`. Empty where the file as a whole is meant.
    pub path: String,
    /// The line of the file, counted from 1; `None` where the fault is not in the file but in the database or the lock.
    pub line: Option<usize>,
    /// What is wrong. Never a value that came from the environment.
    pub what: String,
    /// What mends it.
    pub hint: Option<String>,
}

impl Problem {
    /// A fault that no line of the file is to blame for.
    pub fn new(path: impl Into<String>, what: impl Into<String>) -> Problem {
        Problem { path: path.into(), line: None, what: what.into(), hint: None }
    }

    /// The same, with what mends it.
    pub fn hint(mut self, hint: impl Into<String>) -> Problem {
        self.hint = Some(hint.into());
        self
    }
}

/// `key.path: what`, then the hint in brackets.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.what)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// All faults of a configuration: never empty where it is an error.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    pub(super) fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }
}

/// One fault a line, each with the line of the file where it has one.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            if let Some(line) = problem.line {
                write!(f, "line {line}: ")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Problems {
        Problems(vec![problem])
    }
}

/// What is wrong with a value, before it is known at which key it stands.
pub(super) struct Fault {
    pub what: String,
    pub hint: Option<String>,
}

impl Fault {
    pub fn new(what: impl Into<String>) -> Fault {
        Fault { what: what.into(), hint: None }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Fault {
        self.hint = Some(hint.into());
        self
    }
}

/// `did you mean "…"?`, where one of `known` is near enough to be a slip of the same hand.
pub(crate) fn did_you_mean<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    known
        .into_iter()
        .map(|k| (strsim::damerau_levenshtein(&typed.to_lowercase(), &k.to_lowercase()), k))
        .filter(|(distance, k)| *distance <= (k.chars().count().max(typed.chars().count()) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, k)| format!("did you mean \"{k}\"?"))
}
