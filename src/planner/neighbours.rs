//! Other projects: what starts waits for those that this one depends on; what is removed waits for those that depend on
//! it. What runs is never stopped because another project is ill.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::desired::DesiredProject;
use crate::model::held::{Subject, WaitingOn};
use crate::model::id::ProjectName;
use crate::model::neighbour::{
    Neighbour, Outlook, Presence, ProjectCondition, ProjectDependency, ProjectWait,
};
use crate::model::status::ProjectEdge;
use crate::planner::draft::Draft;
use crate::planner::input::PlanInput;
use crate::planner::readiness::Strictness;

/// What keeps the project from starting anything, if something does.
pub fn obstacle(
    input: &PlanInput<'_>,
    desired: &DesiredProject,
    strict: Strictness,
) -> Option<ProjectWait> {
    if let Some(path) = circle(input, desired) {
        return Some(ProjectWait::Cycle { path });
    }
    let required = desired.depends_on_projects.iter().filter(|(_, edge)| edge.required);
    let mut waits = required.map(|(name, edge)| wait(input, name, *edge, strict));
    waits.find_map(|wait| wait).or_else(|| optional(input, desired, strict))
}

/// A project that need not be there is waited for while it is on its way.
fn optional(
    input: &PlanInput<'_>,
    desired: &DesiredProject,
    strict: Strictness,
) -> Option<ProjectWait> {
    let edges = desired.depends_on_projects.iter().filter(|(_, edge)| !edge.required);
    let mut edges = edges.filter(|(name, _)| {
        let known = input.host.projects.get(*name).map(|one| &one.presence);
        matches!(known, Some(Presence::Declared(progress)) if progress.outlook == Outlook::Coming)
    });
    edges.find_map(|(name, edge)| wait(input, name, *edge, strict))
}

/// What is waited for in one other project.
fn wait(
    input: &PlanInput<'_>,
    name: &ProjectName,
    edge: ProjectDependency,
    strict: Strictness,
) -> Option<ProjectWait> {
    let project = name.clone();
    let runs = input.host.running.contains(name);
    let Some(other) = input.host.projects.get(name) else {
        return Some(ProjectWait::Absent { project });
    };
    let actual = match (&other.presence, edge.condition, strict) {
        (Presence::Declared(progress), ProjectCondition::Started, _) => progress.started.clone(),
        (Presence::Declared(progress), ProjectCondition::Ready, Strictness::Updated) => {
            progress.ready.clone()
        }
        // Healing does not wait for an update of the other one.
        (Presence::Declared(progress), ProjectCondition::Ready, Strictness::Serves) => {
            progress.available.clone()
        }
        // It stays until those that depend on it let go, and serves them as long.
        (Presence::Leaving, _, Strictness::Serves) | (Presence::LeftOut, ..) if runs => None,
        (Presence::Leaving, ..) => return Some(ProjectWait::Absent { project }),
        (Presence::LeftOut, ..) => return Some(ProjectWait::LeftOut { project }),
    };
    let condition = edge.condition;
    actual.map(|actual| ProjectWait::NotReady { project, condition, actual })
}

/// What the project depends on, and how far that is.
pub fn edges_of(input: &PlanInput<'_>, desired: &DesiredProject) -> Vec<ProjectEdge> {
    let edge = |(name, edge): (&ProjectName, &ProjectDependency)| ProjectEdge {
        project: name.clone(),
        condition: edge.condition,
        required: edge.required,
        lacking: wait(input, name, *edge, Strictness::Updated).map(|wait| match wait {
            ProjectWait::NotReady { actual, .. } => actual,
            ProjectWait::LeftOut { .. } => "left out of this run".to_owned(),
            _ => "not there".to_owned(),
        }),
    };
    desired.depends_on_projects.iter().map(edge).collect()
}

/// Notes a circle of projects, though all that it holds may run already.
pub fn plan_circle(input: &PlanInput<'_>, desired: &DesiredProject, draft: &mut Draft<'_>) {
    if let Some(path) = circle(input, desired) {
        draft.hold(Subject::Project, WaitingOn::Project(ProjectWait::Cycle { path }), None);
    }
}

/// A circle that this project is part of, from it back to it: the shortest, and of those the first by name.
fn circle(input: &PlanInput<'_>, desired: &DesiredProject) -> Option<Vec<ProjectName>> {
    let mut from: BTreeMap<&ProjectName, &ProjectName> = BTreeMap::new();
    let mut front: Vec<&ProjectName> = Vec::new();
    for name in desired.depends_on_projects.keys() {
        from.insert(name, &desired.name);
        front.push(name);
    }
    while !front.is_empty() {
        let mut next = Vec::new();
        for name in front {
            if *name == desired.name {
                return Some(path(&from, &desired.name));
            }
            for further in edges(input, name) {
                if !from.contains_key(further) {
                    from.insert(further, name);
                    next.push(further);
                }
            }
        }
        front = next;
    }
    None
}

fn path(from: &BTreeMap<&ProjectName, &ProjectName>, end: &ProjectName) -> Vec<ProjectName> {
    let mut path = vec![end.clone()];
    let mut at = end;
    while let Some(before) = from.get(at) {
        path.push((*before).clone());
        if *before == end {
            break;
        }
        at = before;
    }
    path.reverse();
    path
}

fn edges<'a>(
    input: &'a PlanInput<'_>,
    name: &ProjectName,
) -> impl Iterator<Item = &'a ProjectName> + use<'a> {
    input.host.projects.get(name).into_iter().flat_map(|other| other.depends_on.keys())
}

/// Projects with what is known of them.
type Users<'a> = Vec<(&'a ProjectName, &'a Neighbour)>;

/// Whether the removal of the project waits for others that depend on it and still run; notes for which. Those that it
/// depends on itself are not waited for: of a circle nobody would go first.
pub fn removal_waits(input: &PlanInput<'_>, draft: &mut Draft<'_>) -> bool {
    let needed = needed(input);
    let users = input.host.projects.iter().filter(|(name, other)| {
        let edge = other.depends_on.get(input.project);
        let goes = matches!(other.presence, Presence::Leaving);
        *name != input.project
            && edge.is_some_and(|edge| edge.required || goes)
            && input.host.running.contains(*name)
            && !needed.contains(*name)
    });
    let (going, staying): (Users<'_>, Users<'_>) =
        users.partition(|(_, other)| matches!(other.presence, Presence::Leaving));
    let names = |users: &Users<'_>| users.iter().map(|(name, _)| (*name).clone()).collect();
    let wait = match (going.is_empty(), staying.is_empty()) {
        (true, true) => return false,
        (_, false) => ProjectWait::InUse { projects: names(&staying) },
        (false, true) => ProjectWait::Dependants { projects: names(&going) },
    };
    draft.hold(Subject::Project, WaitingOn::Project(wait), None);
    true
}

/// Everything that the project depends on, directly or not.
fn needed<'a>(input: &'a PlanInput<'_>) -> BTreeSet<&'a ProjectName> {
    let mut needed = BTreeSet::new();
    let mut open: Vec<&ProjectName> = edges(input, input.project).collect();
    while let Some(name) = open.pop() {
        if needed.insert(name) {
            open.extend(edges(input, name));
        }
    }
    needed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::ProjectName;

    #[test]
    fn a_path_is_told_from_end_to_end() {
        let names = ["a", "b", "c"].map(ProjectName::from);
        let [a, b, c] = &names;
        let from = BTreeMap::from([(b, a), (c, b), (a, c)]);
        assert_eq!(path(&from, a), [a.clone(), b.clone(), c.clone(), a.clone()]);
        assert_eq!(path(&BTreeMap::from([(a, a)]), a), [a.clone(), a.clone()]);
    }
}
