//! What is wrong with a configuration, told to the person who has to repair it.

use std::fmt;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key, `server.listen`, or the file that could not be read.
    pub key: String,
    /// Where the value came from: a file, an environment variable; empty for the built-in default.
    pub source: String,
    /// What is wrong. Never holds the value of a secret.
    pub problem: String,
    /// A value that would do, where one helps.
    pub example: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.key)?;
        if !self.source.is_empty() {
            write!(f, " (from {})", self.source)?;
        }
        write!(f, ": {}", self.problem)?;
        match &self.example {
            Some(example) => write!(f, " Example: {example}"),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(pub(super) Vec<Problem>);

impl ConfigErrors {
    /// Each problem, in the order in which they were found.
    pub fn problems(&self) -> &[Problem] {
        &self.0
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => writeln!(f, "The configuration has a problem:")?,
            n => writeln!(f, "The configuration has {n} problems:")?,
        }
        for problem in &self.0 {
            writeln!(f, "  - {problem}")?;
        }
        write!(f, "Every key is explained in deploy/config/default.toml.")
    }
}

impl std::error::Error for ConfigErrors {}
