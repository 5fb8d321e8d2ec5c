//! Desired and observed state laid side by side: replicas with their containers, sorted into named buckets.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::desired::{DependencyCondition, DesiredProject, DesiredService, RestartWhen};
use crate::model::id::{ImageId, ReplicaId, Revision, ServiceName};
use crate::model::job::{Job, JobOnce};
use crate::model::ledger::ReplicaRecord;
use crate::model::observed::{ImageState, Lifecycle, ObservedContainer, ObservedImage};
use crate::model::operation::OperationSubject;
use crate::model::reason::Reason;
use crate::planner::availability;
use crate::planner::conformity::{Conformity, conformity};
use crate::planner::input::PlanInput;
use crate::planner::joined::Directory;
use crate::planner::one_offs;
use crate::planner::own;
use crate::planner::owners::Owners;
use crate::planner::ownership::{Ownership, made_from, ownership};
use crate::planner::plan::suspension;
use crate::planner::revision;
use crate::planner::strategy::is_stable;
use crate::planner::verdict;

/// Everything about one project, looked up once.
#[derive(Debug)]
pub struct World<'a> {
    /// The input.
    pub input: &'a PlanInput<'a>,
    /// The desired project.
    pub desired: &'a DesiredProject,
    /// Services in dependency order: what is depended on first.
    pub services: Vec<ServiceView<'a>>,
    /// Whom joiners share with.
    pub owners: Owners<'a>,
    /// Containers of ours whose service is not declared.
    pub orphans: Vec<&'a ObservedContainer>,
    /// Containers of ours that are steps before a start; neither replicas nor orphans, whatever their labels lack.
    pub steps: Vec<&'a ObservedContainer>,
    /// Containers of ours that are checks before or after a rollout; as with steps.
    pub checks: Vec<&'a ObservedContainer>,
    /// Containers of ours that are throw-away copies of services, for checks before a rollout.
    pub companions: Vec<&'a ObservedContainer>,
    /// Containers of ours that are runs of schedules; neither replicas nor orphans.
    pub runs: Vec<&'a ObservedContainer>,
}

/// One service with its containers.
#[derive(Debug)]
pub struct ServiceView<'a> {
    /// The service.
    pub service: &'a DesiredService,
    /// What others wait for.
    pub awaited: Awaited,
    /// Its image, if it is there.
    pub image: Option<&'a ObservedImage>,
    /// Revision that its replicas should have, if the image is known: it is asked for often, and costs a hash.
    revision: Option<Revision>,
    /// Declared replicas, by number.
    pub slots: Vec<Slot<'a>>,
    /// Containers beyond the declared number.
    pub surplus: Vec<&'a ObservedContainer>,
    /// Containers of Compose whose adoption would change them, with what would change.
    pub adoption: Vec<(&'a ObservedContainer, String)>,
}

/// What those that depend on a service wait for, at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// That it runs, or nothing.
    Running,
    /// That it runs to its end: it is a job.
    Completed,
}

/// One declared replica.
#[derive(Debug)]
pub struct Slot<'a> {
    /// Which.
    pub replica: ReplicaId,
    /// The container that is, or is to be, the replica.
    pub current: Option<Judged<'a>>,
    /// Containers that it takes the place of, or that were left over.
    pub old: Vec<Judged<'a>>,
}

/// A container with the verdict on it.
#[derive(Clone, Debug)]
pub struct Judged<'a> {
    /// The container.
    pub container: &'a ObservedContainer,
    /// The verdict.
    pub conformity: Conformity,
}

impl<'a> ServiceView<'a> {
    /// Revision that its replicas should have, if the image is known.
    pub fn revision(&self) -> Option<Revision> {
        self.revision.clone()
    }

    /// Whether exit code 0 is the end that the service is for: `on-failure` says so; without any policy, a service whose
    /// completion others wait for is a job, and one that publishes and exposes nothing is taken for one.
    pub fn may_complete(&self) -> bool {
        let exposes = !self.service.config.ports.is_empty()
            || !self.service.config.expose.is_empty()
            || self.image.is_some_and(|image| !image.expose.is_empty());
        if self.service.job.is_some() {
            return true;
        }
        match self.service.restart.when {
            RestartWhen::Never | RestartWhen::OnFailure => true,
            RestartWhen::Default => self.awaited == Awaited::Completed || !exposes,
            RestartWhen::Always => false,
        }
    }

    /// Whether a replica ran to its end in the current version, which is remembered when its container is gone. The
    /// restart policy is no part of a revision: it may have become one that knows no end.
    pub fn completed(&self, record: Option<&ReplicaRecord>) -> bool {
        let same =
            record.is_some_and(|record| record.completed && record.revision == self.revision());
        self.may_complete() && (same || self.is_done(record))
    }

    /// How it is a job: by its own word, or because others wait for its completion.
    pub fn job(&self) -> Option<Job> {
        let implied =
            || (self.awaited == Awaited::Completed).then(|| Job::implied(&self.service.restart));
        self.service.job.or_else(|| implied().flatten())
    }

    /// Whether a job has succeeded before and nothing makes it run again.
    fn is_done(&self, record: Option<&ReplicaRecord>) -> bool {
        let done = record.and_then(|record| record.done.as_ref());
        let (Some(job), Some(done)) = (self.job(), done) else {
            return false;
        };
        match job.once {
            JobOnce::Revision => done.revision.is_some() && done.revision == self.revision(),
            JobOnce::Image => Some(&done.image) == self.image_id(),
            JobOnce::Project => true,
        }
    }

    /// Whether nothing may be done with its containers: suspended, or not adopted yet.
    pub fn is_held(&self, world: &World<'_>) -> bool {
        !self.adoption.is_empty()
            || suspension(
                (world.input.ledger, world.input.now),
                world.desired,
                Some(&self.service.name),
            )
            .is_some()
    }

    /// Id of its image, if it is there.
    pub fn image_id(&self) -> Option<&'a ImageId> {
        self.image?.id.as_ref()
    }
}

impl<'a> World<'a> {
    /// Sorts what was seen by what is wanted.
    pub fn new(input: &'a PlanInput<'a>, desired: &'a DesiredProject) -> Self {
        let mut by_service: BTreeMap<&ServiceName, Vec<&'a ObservedContainer>> = BTreeMap::new();
        let mut orphans = Vec::new();
        let mut steps = Vec::new();
        let mut checks = Vec::new();
        let mut companions = Vec::new();
        let mut runs = Vec::new();
        for container in &input.observed.containers {
            let Some(name) = &container.claim.service else {
                continue;
            };
            match owner(input, desired, container) {
                Ownership::Foreign => {}
                Ownership::Ours if container.claim.due.is_some() => runs.push(container),
                owner if container.claim.companion.is_some() => {
                    companions.extend(Some(container).filter(|_| owner == Ownership::Ours));
                }
                owner if container.claim.hook.as_deref() == Some(one_offs::CHECK) => {
                    checks.extend(Some(container).filter(|_| owner == Ownership::Ours));
                }
                owner if container.claim.hook.is_some() => {
                    steps.extend(Some(container).filter(|_| owner == Ownership::Ours));
                }
                _ if desired.services.contains_key(name) => {
                    by_service.entry(name).or_default().push(container);
                }
                Ownership::Ours => orphans.push(container),
                Ownership::Adoptable if made_from(&container.claim, &desired.host_directory) => {
                    orphans.push(container);
                }
                Ownership::Adoptable => {}
            }
        }
        let mut owners = Owners::default();
        let mut services = Vec::new();
        for service in dependency_order(desired) {
            let containers = by_service.remove(&service.name).unwrap_or_default();
            let view = view((input, &owners), desired, service, containers);
            owners.add(input, &view);
            services.push(view);
        }
        Self { input, desired, services, owners, orphans, steps, checks, companions, runs }
    }

    /// Where the names of others are looked up.
    pub fn directory(&self) -> Directory<'_> {
        Directory { owners: &self.owners, host: self.input.host }
    }

    /// The view of a service.
    pub fn service(&self, name: &ServiceName) -> Option<&ServiceView<'a>> {
        self.services.iter().find(|view| view.service.name == *name)
    }
}

fn owner(
    input: &PlanInput<'_>,
    desired: &DesiredProject,
    container: &ObservedContainer,
) -> Ownership {
    ownership(container, &desired.name, &input.policy.installation, input.ledger)
}

fn view<'a>(
    (input, owners): (&'a PlanInput<'a>, &Owners<'a>),
    desired: &'a DesiredProject,
    service: &'a DesiredService,
    containers: Vec<&'a ObservedContainer>,
) -> ServiceView<'a> {
    let image = input.observed.images.get(&service.image).and_then(ImageState::present);
    let id = image.and_then(|image| image.id.as_ref());
    let revision = id.map(|id| revision::revision(service, id));
    let mut adoption = Vec::new();
    let mut numbered: BTreeMap<u32, Vec<Judged<'a>>> = BTreeMap::new();
    for container in containers {
        let conformity = conformity((input, owners), (service, revision.as_ref()), container);
        let obstacle = obstacle(&conformity, image);
        if let Some(change) = obstacle.filter(|_| !is_own(input, desired, container)) {
            adoption.push((container, change));
        } else {
            let number = container.claim.number.unwrap_or(1);
            numbered.entry(number).or_default().push(Judged { container, conformity });
        }
    }
    let wanted = usize::try_from(service.replicas).unwrap_or(usize::MAX);
    let surplus_numbers: Vec<u32> = numbered.keys().copied().skip(wanted).collect();
    let surplus = surplus_numbers.into_iter().filter_map(|number| numbered.remove(&number));
    let surplus = surplus.flatten().map(|judged| judged.container);
    let (surplus, unclaimed): (Vec<_>, Vec<_>) =
        surplus.partition(|container| is_own(input, desired, container));
    adoption.extend(unclaimed.into_iter().map(|one| (one, Reason::Surplus.to_string())));
    let edges = desired.services.values().filter_map(|other| other.depends_on.get(&service.name));
    let completed = DependencyCondition::CompletedSuccessfully;
    let job = edges.into_iter().any(|edge| edge.condition == completed);
    let awaited = if job { Awaited::Completed } else { Awaited::Running };
    let slots = slots(input, service, numbered);
    ServiceView { service, awaited, image, revision, slots, surplus, adoption }
}

/// Made by this installation, adopted, or by Compose from the project's own files; or a person agreed.
fn is_own(input: &PlanInput<'_>, desired: &DesiredProject, container: &ObservedContainer) -> bool {
    owner(input, desired, container) == Ownership::Ours
        || made_from(&container.claim, &desired.host_directory)
        || input.ledger.adoption_confirmed
}

/// Why a container cannot be adopted without a word: it would be changed, or that is not known yet.
fn obstacle(conformity: &Conformity, image: Option<&ObservedImage>) -> Option<String> {
    match conformity {
        Conformity::Recreate(reason) => Some(reason.to_string()),
        Conformity::Unknown(why) => Some(format!("its state is not known: {why}")),
        _ if image.is_none() => Some("its image is not known yet".to_owned()),
        _ => None,
    }
}

/// Existing numbers are kept, missing replicas take the lowest free ones.
fn slots<'a>(
    input: &PlanInput<'_>,
    service: &DesiredService,
    mut numbered: BTreeMap<u32, Vec<Judged<'a>>>,
) -> Vec<Slot<'a>> {
    let missing =
        service.replicas.saturating_sub(u32::try_from(numbered.len()).unwrap_or(u32::MAX));
    let free: Vec<u32> =
        (1..).filter(|n| !numbered.contains_key(n)).take(missing as usize).collect();
    numbered.extend(free.into_iter().map(|number| (number, Vec::new())));
    let slot = |(number, judged): (u32, Vec<Judged<'a>>)| {
        let (current, old) = elect((input, service), judged);
        Slot { replica: ReplicaId::new(service.name.clone(), number), current, old }
    };
    numbered.into_iter().map(slot).collect()
}

/// The container that is the replica: one that conforms before one that does not, one that lives and is not being stopped
/// before one that does not, the newest of equals; of two that have to go and serve, the older. The rest are predecessors or
/// leftovers.
fn elect<'a>(
    (input, service): (&PlanInput<'_>, &DesiredService),
    mut judged: Vec<Judged<'a>>,
) -> (Option<Judged<'a>>, Vec<Judged<'a>>) {
    let rollout = input.ledger.rollouts.get(&service.name).filter(|_| service.strategy.is_some());
    let steps = rollout.and_then(|rollout| rollout.strategy.as_ref());
    let steps = steps.filter(|steps| steps.promoted.is_none() && steps.stable.is_some());
    judged.sort_by_key(|one| {
        let stopping = OperationSubject::Container(one.container.id.clone());
        let serves_on = !one.conformity.keeps() && serves(input, service, one.container);
        let rank = (
            one.conformity.keeps(),
            // It cannot make way for anybody but a container that is as wanted.
            own::is_own(input, one.container),
            one.container.lifecycle.is_alive() && !input.operations.contains_key(&stopping),
            // Of two that have to go, the one whose successor was not promoted stays.
            !one.conformity.keeps() && steps.is_some_and(|steps| is_stable(steps, one.container)),
            // Of two that have to go, the one that serves stays until the last.
            serves_on,
            !matches!(one.container.lifecycle, Lifecycle::Removing | Lifecycle::Dead),
        );
        // Of two that serve, that is the older one: its successor may not have stayed ready for long enough.
        let created = one.container.created_at.as_millis();
        (rank, if serves_on { -created } else { created }, one.container.id.clone())
    });
    let current = judged.pop();
    (current, judged)
}

fn serves(input: &PlanInput<'_>, service: &DesiredService, container: &ObservedContainer) -> bool {
    availability::is_well(input.ledger, container) && verdict::is_good(input, service, container)
}

/// Services so that each stands behind what it depends on; ties by name. The loader refuses cycles; what is left of one
/// goes last.
pub fn dependency_order(desired: &DesiredProject) -> Vec<&DesiredService> {
    let mut done: BTreeSet<&ServiceName> = BTreeSet::new();
    let mut order = Vec::new();
    loop {
        let ready = desired.services.values().filter(|service| !done.contains(&service.name));
        let ready: Vec<&DesiredService> = ready
            .filter(|service| {
                let mut needed = service.depends_on.keys();
                needed.all(|name| done.contains(name) || !desired.services.contains_key(name))
            })
            .collect();
        if ready.is_empty() {
            let rest = desired.services.values().filter(|service| !done.contains(&service.name));
            order.extend(rest);
            return order;
        }
        done.extend(ready.iter().map(|service| &service.name));
        order.extend(ready);
    }
}
