//! What a check says.

use std::fmt;

use serde::Serialize;

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Outcome {
    /// As it should be.
    #[serde(rename = "pass")]
    Pass,
    /// Nobody can tell from here.
    #[serde(rename = "not checkable")]
    NotCheckable,
    /// It works, and will not for ever or not for everybody.
    #[serde(rename = "warn")]
    Warn,
    /// Something will not work.
    #[serde(rename = "fail")]
    Fail,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pass => "pass",
            Self::NotCheckable => "not checkable",
            Self::Warn => "warn",
            Self::Fail => "fail",
        })
    }
}

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Name of the check.
    pub check: &'static str,
    /// What it is about: a project, a path, or empty for the host.
    pub about: String,
    /// How it came out.
    pub outcome: Outcome,
    /// What was found.
    pub words: String,
    /// What to do; empty if nothing.
    pub mend: &'static str,
}

impl Line {
    fn new(outcome: Outcome, about: &str, words: String, mend: &'static str) -> Self {
        Self { check: "", about: about.to_owned(), outcome, words, mend }
    }

    /// As it should be.
    pub(super) fn pass(about: &str, words: impl Into<String>) -> Self {
        Self::new(Outcome::Pass, about, words.into(), "")
    }

    /// Nobody can tell.
    pub(super) fn not_checkable(about: &str, words: impl Into<String>) -> Self {
        Self::new(Outcome::NotCheckable, about, words.into(), "")
    }

    /// A warning with its mend.
    pub(super) fn warn(about: &str, words: impl Into<String>, mend: &'static str) -> Self {
        Self::new(Outcome::Warn, about, words.into(), mend)
    }

    /// A failure with its mend.
    pub(super) fn fail(about: &str, words: impl Into<String>, mend: &'static str) -> Self {
        Self::new(Outcome::Fail, about, words.into(), mend)
    }
}
