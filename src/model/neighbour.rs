//! Other projects of the host: what one says that it depends on, how far they are, and what is waited for.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::id::ProjectName;
use crate::model::status::{Condition, ConditionKind, ProjectStatus, Truth};

/// One entry of `x-composelet.depends_on_projects`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProjectDependency {
    /// How far the other project has to be.
    pub condition: ProjectCondition,
    /// `false`: its absence or failure is no obstacle.
    pub required: bool,
}

/// How far another project has to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProjectCondition {
    /// Its condition Ready is true.
    #[default]
    Ready,
    /// Every replica of it runs, or ran to its end.
    Started,
}

impl fmt::Display for ProjectCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ready => "ready",
            Self::Started => "started",
        })
    }
}

/// All projects that the controller knows of, this one included, as a pass over one of them sees them.
pub type Neighbours = BTreeMap<ProjectName, Neighbour>;

/// A project, as the others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// What it depends on itself.
    pub depends_on: BTreeMap<ProjectName, ProjectDependency>,
    /// Whether it is to run, and how far it is.
    pub presence: Presence,
}

/// Whether a project is to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Its files are there.
    Declared(Progress),
    /// Its files are gone: it is removed, or is about to be.
    Leaving,
    /// Its files are there, and this run of the controller leaves it alone.
    LeftOut,
}

/// How far a project is: `None` is as far as that, else the text says what it is instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// It is Ready.
    pub ready: Option<String>,
    /// Every service of it has a replica that serves, of whatever version.
    pub available: Option<String>,
    /// Every replica of it runs.
    pub started: Option<String>,
    /// Whether it gets there by itself.
    pub outlook: Outlook,
}

/// Whether a project that is not ready gets there by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// It is on its way.
    Coming,
    /// Something of it fails, or a person has to act.
    Troubled,
}

impl Progress {
    /// Of a project that no pass has looked at since its files changed, or since the controller began.
    pub fn unseen() -> Self {
        let text = Some("not looked at yet".to_owned());
        let (ready, available) = (text.clone(), text.clone());
        Self { ready, available, started: text, outlook: Outlook::Coming }
    }

    /// Of one that is all that can be asked for.
    pub fn reached() -> Self {
        Self { ready: None, available: None, started: None, outlook: Outlook::Coming }
    }

    /// As its status says.
    pub fn of(status: &ProjectStatus) -> Self {
        let lacking = |kind| {
            let found = status.conditions.iter().find(|one| one.kind == kind);
            match found {
                Some(one) if one.status == Truth::True => None,
                Some(one) => Some(why(one)),
                None => Some("not known".to_owned()),
            }
        };
        let known = status.conditions.iter().any(|one| one.status != Truth::Unknown);
        let waits = status.services.iter().find(|one| one.running.max(one.ready) < one.replicas);
        let started = match waits {
            _ if !known => Some("not known".to_owned()),
            Some(one) => {
                Some(format!("{} of {} replicas of {} run", one.running, one.replicas, one.name))
            }
            None => None,
        };
        let bad = status.conditions.iter().any(|one| {
            let trouble = matches!(
                one.kind,
                ConditionKind::Stalled | ConditionKind::Degraded | ConditionKind::Suspended
            );
            trouble && one.status == Truth::True
        });
        Self {
            ready: lacking(ConditionKind::Ready),
            available: lacking(ConditionKind::Available),
            started,
            outlook: if bad { Outlook::Troubled } else { Outlook::Coming },
        }
    }
}

fn why(condition: &Condition) -> String {
    format!("{}: {}", condition.reason, condition.message)
}

/// What one project waits for in another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProjectWait {
    /// That it is as far as `depends_on_projects` asks.
    NotReady {
        /// Which.
        project: ProjectName,
        /// How far it should be.
        condition: ProjectCondition,
        /// What it is instead.
        actual: String,
    },
    /// That it is there: no entry of the watched directory has its name, or it is being removed.
    Absent {
        /// Which.
        project: ProjectName,
    },
    /// That it is part of the run: it was not selected, and nothing of it runs.
    LeftOut {
        /// Which.
        project: ProjectName,
    },
    /// A person: projects depend on each other in a circle.
    Cycle {
        /// From this project back to itself.
        path: Vec<ProjectName>,
    },
    /// Before this one is removed: that those that depend on it and are removed too are gone.
    Dependants {
        /// Which.
        projects: Vec<ProjectName>,
    },
    /// Before this one is removed: a person, since others that go on depend on it.
    InUse {
        /// Which.
        projects: Vec<ProjectName>,
    },
}

impl ProjectWait {
    /// The reason code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotReady { .. } | Self::Absent { .. } | Self::LeftOut { .. } => {
                "DependencyNotReady"
            }
            Self::Cycle { .. } => "DependencyCycle",
            Self::Dependants { .. } => "RemovalInProgress",
            Self::InUse { .. } => "ProjectInUse",
        }
    }

    /// Whether it passes without a person or another run.
    pub fn passes(&self) -> bool {
        matches!(self, Self::NotReady { .. } | Self::Dependants { .. })
    }

    /// Whether it is about this project.
    pub fn is_about(&self, name: &ProjectName) -> bool {
        match self {
            Self::NotReady { project, .. }
            | Self::Absent { project }
            | Self::LeftOut { project } => project == name,
            Self::Cycle { path: projects }
            | Self::Dependants { projects }
            | Self::InUse { projects } => projects.contains(name),
        }
    }
}

impl fmt::Display for ProjectWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotReady { project, condition, actual } => {
                write!(f, "project {project} to be {condition}; it is not: {actual}")
            }
            Self::Absent { project } => write!(
                f,
                "project {project}, which is not there: add it, or say `required: false` in depends_on_projects"
            ),
            Self::LeftOut { project } => {
                write!(f, "project {project}, which this run leaves out and which does not run")
            }
            Self::Cycle { path } => write!(
                f,
                "depends_on_projects to be mended: {} is a circle; take one of these out",
                joined(path, " -> ")
            ),
            Self::Dependants { projects } => {
                write!(f, "{} to be removed, which depends on it", joined(projects, ", "))
            }
            Self::InUse { projects } => write!(
                f,
                "{} to let go of it: remove it there too, or take it out of its depends_on_projects",
                joined(projects, ", ")
            ),
        }
    }
}

fn joined(projects: &[ProjectName], by: &str) -> String {
    projects.iter().map(ToString::to_string).collect::<Vec<_>>().join(by)
}
