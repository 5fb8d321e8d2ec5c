//! Drills of the way back: at set times a project goes back to its last stable version and returns, to show that it can
//! (`x-composelet.drill`).

use std::collections::VecDeque;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::schedule::When;
use crate::model::time::Timestamp;

/// Drills that are remembered, at most.
pub const MOST_DRILLS: usize = 10;

/// When the way back is tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drill {
    /// At which times.
    pub when: When,
}

/// Memory of the drills of one project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DrillRecord {
    /// What the rest is about: the times, as they print. Empty: none is declared.
    pub when: String,
    /// Since when that holds: nothing from before is caught up.
    pub since: Timestamp,
    /// The last due time that was begun or passed over.
    pub last: Option<Timestamp>,
    /// The one that goes on.
    pub active: Option<ActiveDrill>,
    /// Those that ended, oldest first; at most [`MOST_DRILLS`].
    pub history: VecDeque<EndedDrill>,
}

/// A drill that goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActiveDrill {
    /// The time that it was due, by the wall clock.
    pub due: Timestamp,
    /// Number of the version that the files say.
    pub from: u64,
    /// Number of the one that it goes back to.
    pub to: u64,
    /// Which way it goes.
    pub stage: DrillStage,
    /// When that began.
    pub since: Timestamp,
}

/// Which way a drill goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DrillStage {
    /// Back to the earlier version.
    Back,
    /// To the present one.
    Forth {
        /// How the way back was.
        back: Way,
    },
}

/// How one way was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Way {
    /// All of it was available after so many milliseconds.
    Took(u64),
    /// It was not; the text says why.
    Failed(String),
}

/// A drill that ended, or was not made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedDrill {
    /// The time that it was due, by the wall clock.
    pub due: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// What came of it.
    pub end: DrillEnd,
}

/// What came of a drill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DrillEnd {
    /// It went both ways, or failed on one of them.
    Made {
        /// Number of the version that the files say.
        from: u64,
        /// Number of the one that it went back to.
        to: u64,
        /// The way back.
        back: Way,
        /// The way forth.
        forth: Way,
    },
    /// It was not made; the text says why.
    Skipped(String),
    /// An edit or a person ended it; the text says which.
    Interrupted(String),
}

impl EndedDrill {
    /// Why it failed, if it did.
    pub fn failure(&self) -> Option<String> {
        let DrillEnd::Made { from, to, back, forth } = &self.end else { return None };
        match (back, forth) {
            (Way::Failed(why), _) => Some(format!("back to revision {to}: {why}")),
            (_, Way::Failed(why)) => Some(format!("forth to revision {from}: {why}")),
            _ => None,
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Took(ms) => write!(f, "{}.{} s", ms / 1000, ms % 1000 / 100),
            Self::Failed(why) => write!(f, "failed: {why}"),
        }
    }
}

impl fmt::Display for DrillEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Made { from, to, back, forth } => {
                write!(f, "back to revision {to}: {back}; forth to revision {from}: {forth}")
            }
            Self::Skipped(why) => write!(f, "skipped: {why}"),
            Self::Interrupted(why) => write!(f, "interrupted: {why}"),
        }
    }
}

impl DrillRecord {
    /// The last one that was made, if it failed: its due time and why.
    pub fn failed(&self) -> Option<(Timestamp, String)> {
        let made = |one: &&EndedDrill| matches!(one.end, DrillEnd::Made { .. });
        let last = self.history.iter().rev().find(made)?;
        last.failure().map(|why| (last.due, why))
    }
}

/// What is published of the drills of a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillStatus {
    /// At which times, as it prints.
    pub when: String,
    /// The next one, by the wall clock.
    pub next: Option<Timestamp>,
    /// The one that goes on.
    pub active: Option<ActiveDrill>,
    /// Those that ended, oldest first.
    pub history: VecDeque<EndedDrill>,
}
