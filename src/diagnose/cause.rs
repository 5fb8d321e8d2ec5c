//! An entry of the catalogue.

use std::fmt;

use serde::Serialize;

use crate::diagnose::evidence::Evidence;

/// A known failure.
#[derive(Clone, Copy, Debug)]
pub struct Cause {
    /// Stable name in kebab-case.
    pub id: &'static str,
    /// What is wrong, as a sentence.
    pub title: &'static str,
    /// How sure its signs are.
    pub certainty: Certainty,
    /// Any of them is enough.
    pub signs: &'static [Sign],
    /// What to do about it.
    pub mend: &'static str,
}

/// How sure a diagnosis is; the surest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Certainty {
    /// The engine, the kernel or the configuration says so.
    Certain,
    /// The program says so in words that mean nothing else.
    Likely,
    /// It fits, and something else may, too.
    Possible,
}

impl fmt::Display for Certainty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certain => "certain",
            Self::Likely => "likely",
            Self::Possible => "possible",
        })
    }
}

/// One way to recognise a failure. Texts are compared without regard to case; all pieces have to stand in one line.
#[derive(Clone, Copy, Debug)]
pub enum Sign {
    /// In a text of the engine or a registry.
    Engine(&'static [&'static str]),
    /// In a log line of a container that is not well.
    Log(&'static [&'static str]),
    /// In the output of a health probe that failed.
    Probe(&'static [&'static str]),
    /// Loading the manifest gave a warning with this code.
    Warning(&'static str),
    /// A look at several facts: in words, and what gives the lines of evidence; none: it is not so.
    Fact(&'static str, fn(&Evidence) -> Vec<String>),
}

impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pieces = |f: &mut fmt::Formatter<'_>, pieces: &[&str]| {
            let quoted: Vec<String> = pieces.iter().map(|piece| format!("`{piece}`")).collect();
            f.write_str(&quoted.join(" with "))
        };
        match self {
            Self::Engine(texts) => {
                f.write_str("the engine says ")?;
                pieces(f, texts)
            }
            Self::Log(texts) => {
                f.write_str("log line ")?;
                pieces(f, texts)
            }
            Self::Probe(texts) => {
                f.write_str("health probe says ")?;
                pieces(f, texts)
            }
            Self::Warning(code) => write!(f, "warning [{code}](lints.md#{code}) of the manifest"),
            Self::Fact(words, _) => f.write_str(words),
        }
    }
}
