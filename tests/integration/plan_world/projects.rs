//! Other projects, as the scripts write them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use composelet::model::id::ProjectName;
use composelet::model::neighbour::{
    Neighbour, Outlook, Presence, Progress, ProjectCondition, ProjectDependency,
};

use super::sim::Sim;

/// Another project: ready, unless it says otherwise.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "the words of a case, each its own")]
pub(crate) struct ProjectChange {
    /// It is not ready, and serves.
    updating: Option<String>,
    /// It is not ready and serves nobody.
    down: Option<String>,
    /// It will not get better by itself.
    troubled: bool,
    /// It is being removed.
    leaving: bool,
    /// It is not part of this run.
    left_out: bool,
    /// Containers of it run.
    runs: bool,
    depends_on: Vec<String>,
}

/// Makes the changes.
pub(crate) fn apply(sim: &mut Sim, changes: &BTreeMap<String, Option<ProjectChange>>) {
    let mut projects = (*sim.engine.host.projects).clone();
    for (name, change) in changes {
        let name = ProjectName::from(name.as_str());
        sim.engine.host.running.remove(&name);
        let Some(change) = change else {
            projects.remove(&name);
            continue;
        };
        if change.runs {
            sim.engine.host.running.insert(name.clone());
        }
        projects.insert(name, change.neighbour());
    }
    sim.engine.host.projects = Arc::new(projects);
}

impl ProjectChange {
    fn neighbour(&self) -> Neighbour {
        let progress = Progress {
            ready: self.down.clone().or_else(|| self.updating.clone()),
            available: self.down.clone(),
            started: self.down.clone(),
            outlook: if self.troubled { Outlook::Troubled } else { Outlook::Coming },
        };
        let presence = match (self.leaving, self.left_out) {
            (true, _) => Presence::Leaving,
            (_, true) => Presence::LeftOut,
            _ => Presence::Declared(progress),
        };
        let plain = ProjectDependency { condition: ProjectCondition::Ready, required: true };
        let edges = self.depends_on.iter().map(|name| (ProjectName::from(name.as_str()), plain));
        Neighbour { depends_on: edges.collect(), presence }
    }
}
