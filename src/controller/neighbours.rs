//! What a pass over one project is told of the others, and who is woken when that changes.

use std::sync::Arc;
use std::time::Duration;

use crate::controller::desired::belief::{Belief, Standing};
use crate::controller::queue::Wake;
use crate::controller::supervisor::{Cell, Supervisor};
use crate::model::held::WaitingOn;
use crate::model::id::ProjectName;
use crate::model::neighbour::{Neighbour, Neighbours, Presence, Progress};

/// What was believed of the edges between projects; a change of it may open or close a circle anywhere.
pub(crate) type Edges = Vec<(ProjectName, Vec<ProjectName>)>;

impl Supervisor {
    /// Every project as the others see it; nothing where no project depends on another.
    pub(crate) fn neighbours(&self) -> Arc<Neighbours> {
        if self.edges().is_empty() {
            return Arc::default();
        }
        let all = self.beliefs.iter().map(|(name, belief)| {
            let depends_on = belief.version.as_ref().map(|one| one.depends_on_projects.clone());
            let presence = self.presence(name, belief);
            (name.clone(), Neighbour { depends_on: depends_on.unwrap_or_default(), presence })
        });
        Arc::new(all.collect())
    }

    fn presence(&self, name: &ProjectName, belief: &Belief) -> Presence {
        match belief.standing {
            Standing::Gone { .. } | Standing::Removing => Presence::Leaving,
            _ if !self.is_kept(name) => Presence::LeftOut,
            _ => Presence::Declared(self.progress(name)),
        }
    }

    /// How far it was at the end of its last pass. What was seen of another version of its files says nothing.
    fn progress(&self, name: &ProjectName) -> Progress {
        let cell = self.cells.get(name).filter(|cell| cell.plan.is_some());
        cell.and_then(|cell| cell.progress.clone()).unwrap_or_else(Progress::unseen)
    }

    /// Who depends on whom, of those that depend on anybody.
    pub(crate) fn edges(&self) -> Edges {
        let versions = self.beliefs.iter().filter_map(|(name, belief)| {
            let edges = &belief.version.as_ref()?.depends_on_projects;
            (!edges.is_empty()).then(|| (name.clone(), edges.keys().cloned().collect()))
        });
        versions.collect()
    }

    /// A pass over `name` ended, or nothing is left of it: whoever waits for it, or has not been looked at, looks again.
    pub(crate) fn wake_neighbours(&mut self, name: &ProjectName, before: Option<&Progress>) {
        let changed = self.cells.get(name).and_then(|cell| cell.progress.as_ref()) != before;
        // Two that wait for each other would wake each other for ever.
        if !changed {
            return;
        }
        let waits = |cell: Option<&Cell>| {
            let plan = cell.and_then(|cell| cell.plan.as_ref());
            plan.is_none_or(|plan| {
                plan.held.iter().any(|held| {
                    matches!(&held.waiting_on, WaitingOn::Project(wait) if wait.is_about(name))
                })
            })
        };
        let edges = self.edges();
        let near = edges.iter().filter(|(other, edges)| {
            let depends = edges.contains(name);
            other != name && depends
        });
        let mut near: Vec<ProjectName> = near.map(|(other, _)| other.clone()).collect();
        // Those that it depends on may wait for it to be gone.
        let own = edges.iter().filter(|(other, _)| other == name).flat_map(|(_, edges)| edges);
        near.extend(own.filter(|other| waits(self.cells.get(other))).cloned());
        self.wake(near.iter(), Wake::Change, Duration::ZERO);
    }

    /// Those that depend on a project, and those that it depends on.
    pub(crate) fn near(&self, name: &ProjectName) -> Vec<ProjectName> {
        let edges = self
            .edges()
            .into_iter()
            .flat_map(|(from, all)| all.into_iter().map(move |to| (from.clone(), to)));
        let mut near = Vec::new();
        for (from, to) in edges {
            if from == *name {
                near.push(to);
            } else if to == *name {
                near.push(from);
            }
        }
        near
    }

    /// The edges between projects are others than before, or a project that others depend on came or went.
    pub(crate) fn wake_dependants(&mut self) {
        let names: Vec<ProjectName> = self.edges().into_iter().map(|(name, _)| name).collect();
        self.wake(names.iter(), Wake::Change, Duration::ZERO);
    }
}
