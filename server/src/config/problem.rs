//! What is wrong with a configuration: all of it, each with the place where it was written.

use std::fmt;

/// One thing to change before the server can start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The setting, `section.key`; for a file that can't be read or parsed, its path.
    pub key: String,
    /// What is wrong with it and what would be right.
    pub reason: String,
    /// Where the value came from (a file, a variable, a flag), if it wasn't a default.
    pub origin: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.reason)?;
        match &self.origin {
            Some(origin) => write!(f, " (from {origin})"),
            None => Ok(()),
        }
    }
}

/// A configuration that can't be used. It holds every problem that was found, not only the first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the configuration can't be used:{}", list(.problems))]
pub struct ConfigError {
    /// At least one.
    pub problems: Vec<Problem>,
}

fn list(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("\n  {problem}")).collect()
}

/// Collects problems while the layers are read and the settings are checked.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<Problem>);

impl Problems {
    pub(super) fn add(&mut self, key: impl Into<String>, reason: impl Into<String>) {
        self.0.push(Problem { key: key.into(), reason: reason.into(), origin: None });
    }

    pub(super) fn add_from(&mut self, key: &str, reason: String, origin: &str) {
        self.0.push(Problem { key: key.to_owned(), reason, origin: Some(origin.to_owned()) });
    }

    /// Notes the failure of one setting's check and hands on its value.
    pub(super) fn check<T>(&mut self, key: &str, outcome: Result<T, String>) -> Option<T> {
        outcome.map_err(|reason| self.add(key, reason)).ok()
    }

    /// Names the origin of the problems that don't have one yet.
    pub(super) fn attribute(&mut self, origin_of: impl Fn(&str) -> Option<String>) {
        for problem in self.0.iter_mut().filter(|problem| problem.origin.is_none()) {
            problem.origin = origin_of(&problem.key);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn into_error(self) -> ConfigError {
        ConfigError { problems: self.0 }
    }
}
