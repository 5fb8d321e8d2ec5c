//! A plan under construction: nodes get their numbers, holds their place, and back-off of failed calls is applied once.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::config::{ContainerConfig, Logging};
use crate::model::held::{Held, Subject, WaitingOn};
use crate::model::id::{ContainerId, ProjectName, ReplicaId, ServiceName};
use crate::model::operation::Operation;
use crate::model::own::OwnWait;
use crate::model::plan::{Action, ContainerRef, NodeId, Plan, PlanNode};
use crate::model::reason::Reason;
use crate::model::time::Timestamp;
use crate::planner::check::existing;
use crate::planner::input::PlanInput;
use crate::planner::record::{remove_key, stop_key};

/// The draft.
#[derive(Debug)]
pub struct Draft<'a> {
    input: &'a PlanInput<'a>,
    nodes: Vec<PlanNode>,
    held: BTreeMap<(Subject, &'static str), Held>,
    stepped: BTreeSet<ServiceName>,
    disrupted: BTreeSet<ContainerId>,
    backups: BTreeMap<Option<ServiceName>, ServiceName>,
}

/// Where a node belongs.
#[derive(Clone, Debug)]
pub struct Place<'a> {
    /// Whose failures count against it.
    pub subject: &'a Subject,
    /// Nodes that must succeed first.
    pub after: Vec<NodeId>,
}

/// Rotates the log of a container whose service says nothing about it, where the engine's own driver can. It is no part of
/// a version: comparisons let the options of that driver alone.
pub fn rotate(input: &PlanInput<'_>, config: &mut ContainerConfig) {
    let driver = &input.observed.engine.defaults.log_driver;
    if let (Some(rotation), None) = (&input.policy.rotation, &config.logging)
        && matches!(driver.as_str(), "json-file" | "local")
    {
        config.logging = Some(Logging { driver: driver.clone(), options: rotation.options() });
    }
}

impl<'a> Draft<'a> {
    /// An empty draft.
    pub fn new(input: &'a PlanInput<'a>) -> Self {
        let (nodes, held) = (Vec::new(), BTreeMap::new());
        let (stepped, disrupted, backups) = Default::default();
        Self { input, nodes, held, stepped, disrupted, backups }
    }

    /// What the plan is made from.
    pub fn input(&self) -> &'a PlanInput<'a> {
        self.input
    }

    /// Counts a container that this plan takes out of service of its own accord.
    pub fn disrupt(&mut self, container: &ContainerId) {
        self.disrupted.insert(container.clone());
    }

    /// What is counted.
    pub fn disrupted(&self) -> &BTreeSet<ContainerId> {
        &self.disrupted
    }

    /// An update of `service` waits for a backup of `part`, or of the whole project (`None`).
    pub fn want_backup(&mut self, part: Option<&ServiceName>, service: &ServiceName) {
        self.backups.entry(part.cloned()).or_insert_with(|| service.clone());
    }

    /// Whether it begins such an operation.
    pub fn begins(&self, is_such: impl Fn(&Operation) -> bool) -> bool {
        self.nodes
            .iter()
            .any(|node| matches!(&node.action, Action::Begin(operation) if is_such(operation)))
    }

    /// The service whose update waits for a backup of `part`, if one does.
    pub fn wanted_backup(&self, part: Option<&ServiceName>) -> Option<&ServiceName> {
        self.backups.get(&part.cloned())
    }

    /// Whether the step before the start of a service is asked for the first time.
    pub fn once(&mut self, service: &ServiceName) -> bool {
        self.stepped.insert(service.clone())
    }

    /// Adds a node, unless calls about its subject wait out a back-off (then the hold is noted) or a long call about the
    /// same thing runs. `None` means: what builds on it cannot be planned either.
    pub fn push(&mut self, place: Place<'_>, mut action: Action, reason: Reason) -> Option<NodeId> {
        if let Action::CreateContainer(create) = &mut action {
            rotate(self.input, &mut create.config);
        }
        if self.backs_off(place.subject) || self.touches_own(&action, place.subject) {
            return None;
        }
        if let Action::Begin(operation) = &action
            && (self.runs(operation, place.subject)
                || self.stop_backs_off(operation, place.subject))
        {
            return None;
        }
        if let Action::RemoveContainer { container, .. } = &action
            && self.key_backs_off(&remove_key(container), place.subject)
        {
            return None;
        }
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX).saturating_add(1));
        let group = match place.subject {
            Subject::Replica(replica) => Some(replica.clone()),
            _ => None,
        };
        self.nodes.push(PlanNode { id, action, reason, depends_on: place.after, group });
        Some(id)
    }

    /// Whether something would be done to the container that this controller runs in, or in it; notes the hold. Only another
    /// name does no harm.
    fn touches_own(&mut self, action: &Action, subject: &Subject) -> bool {
        let own = existing(action).is_some_and(|id| self.input.host.is_own(&id));
        if !own || matches!(action, Action::RenameContainer { .. }) {
            return false;
        }
        let waiting = WaitingOn::Own(OwnWait::OutOfReach(action.kind().to_owned()));
        self.hold(subject.clone(), waiting, None);
        true
    }

    /// Whether calls about `subject` wait out a back-off; notes the hold.
    pub fn backs_off(&mut self, subject: &Subject) -> bool {
        self.key_backs_off(&subject.to_string(), subject)
    }

    /// A stop that failed waits out a back-off of its own, whoever asked for it.
    fn stop_backs_off(&mut self, operation: &Operation, subject: &Subject) -> bool {
        let Operation::Stop { container, .. } = operation else {
            return false;
        };
        self.key_backs_off(&stop_key(container), subject)
    }

    /// Whether calls that count under `key` wait out a back-off; notes the hold.
    pub fn key_backs_off(&mut self, key: &str, subject: &Subject) -> bool {
        let Some(record) = self.input.ledger.calls.get(key) else {
            return false;
        };
        let Some(next_try) = record.next_try.filter(|next| *next > self.input.now) else {
            return false;
        };
        let waiting =
            WaitingOn::EngineCallBackOff { failures: record.failures, error: record.error.clone() };
        self.hold(subject.clone(), waiting, Some(next_try));
        true
    }

    /// Whether a long call about the same thing runs; notes the hold.
    fn runs(&mut self, operation: &Operation, subject: &Subject) -> bool {
        let Some(running) = self.input.operations.get(&operation.subject()) else {
            return false;
        };
        // A build of what is no longer wanted is given up for one of what is.
        if let (Some(runs), Some(wanted)) = (running.digest.as_deref(), operation.digest())
            && runs != wanted
        {
            return false;
        }
        let about = operation.to_string();
        let about = about.split_once(' ').map_or(about.as_str(), |(_, about)| about).to_owned();
        let waiting = WaitingOn::Operation { kind: running.kind.clone(), about };
        self.hold(subject.clone(), waiting, None);
        true
    }

    /// Notes that something waits. One hold for each subject and kind of wait.
    pub fn hold(&mut self, subject: Subject, waiting_on: WaitingOn, until: Option<Timestamp>) {
        let key = (subject.clone(), waiting_on.code());
        self.held.entry(key).or_insert(Held { subject, waiting_on, until });
    }

    /// Nodes of one replica so far whose action satisfies `wanted`.
    pub fn nodes_of(&self, replica: &ReplicaId, wanted: fn(&Action) -> bool) -> Vec<NodeId> {
        let nodes = self.nodes.iter().filter(|node| node.group.as_ref() == Some(replica));
        nodes.filter(|node| wanted(&node.action)).map(|node| node.id).collect()
    }

    /// The node that starts this container, if there is one so far.
    pub fn start_of(&self, id: &ContainerId) -> Option<NodeId> {
        let starts = |node: &&PlanNode| match &node.action {
            Action::StartContainer { container: ContainerRef::Existing(one), .. } => one == id,
            _ => false,
        };
        self.nodes.iter().find(starts).map(|node| node.id)
    }

    /// The finished plan.
    pub fn finish(self, project: &ProjectName) -> Plan {
        Plan {
            project: project.clone(),
            nodes: self.nodes,
            held: self.held.into_values().collect(),
        }
    }
}
