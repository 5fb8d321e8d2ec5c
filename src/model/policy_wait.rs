//! What the policy makes something wait for.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::violation::Violation;

/// What the policy makes something wait for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PolicyWait {
    /// The manifest, or the policy, to be changed: something of it is refused. What runs runs on.
    Denied {
        /// What is refused.
        violations: Vec<Violation>,
        /// Where it stands.
        place: String,
    },
    /// A window in which the policy lets what runs be replaced.
    MaintenanceWindow {
        /// As they are written.
        windows: Vec<String>,
    },
    /// Fewer containers to have been replaced or removed lately.
    BlastRadius {
        /// The most of them.
        containers: usize,
        /// The most projects.
        projects: usize,
        /// Within so many seconds.
        per_s: u64,
    },
    /// A person, because the project is protected.
    ProtectedProject {
        /// What would be removed.
        what: String,
    },
}

impl PolicyWait {
    /// The reason code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Denied { .. } => "PolicyDenied",
            Self::MaintenanceWindow { .. } => "MaintenanceWindow",
            Self::BlastRadius { .. } => "BlastRadius",
            Self::ProtectedProject { .. } => "ProtectedProject",
        }
    }

    /// Whether `run --once` waits for it: not for persons, nor for windows.
    pub fn blocks_once(&self) -> bool {
        matches!(self, Self::BlastRadius { .. })
    }

    /// Whether only a person ends it.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Denied { .. } | Self::ProtectedProject { .. })
    }

    /// Whether something runs otherwise than it is declared.
    pub fn is_trouble(&self) -> bool {
        matches!(self, Self::Denied { .. })
    }
}

impl fmt::Display for PolicyWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied { violations, place } => {
                let all: Vec<String> = violations.iter().map(ToString::to_string).collect();
                write!(f, "a change of {place}: {}", all.join("; "))
            }
            Self::MaintenanceWindow { windows } => {
                write!(f, "the maintenance window to open: {}", windows.join(", "))
            }
            Self::BlastRadius { containers, projects, per_s } => write!(
                f,
                "fewer disturbances: at most {containers} containers of {projects} projects are replaced or removed within {per_s} s"
            ),
            Self::ProtectedProject { what } => {
                write!(f, "`composelet confirm`: the project is protected; {what} would be removed")
            }
        }
    }
}
