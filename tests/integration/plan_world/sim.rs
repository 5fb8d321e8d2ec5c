//! The host: it does what plans say, or fails where it is told to, and keeps the ledger as the controller does.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use composelet::model::desired::{BuildDigest, DesiredProject, SourceFacts};
use composelet::model::gate::Gate;
use composelet::model::held::WaitingOn;
use composelet::model::hook::StopHooks;
use composelet::model::id::{ContainerId, ImageId, Installation};
use composelet::model::join::{Namespace, Owner};
use composelet::model::ledger::ProjectLedger;
use composelet::model::observed::{
    ApiVersion, ContainerDetail, EngineDefaults, EngineFacts, Health, HostView, ImageState,
    Knowledge, Lifecycle, ObservedImage, ObservedState,
};
use composelet::model::operation::{Operation, RunningOperation, RunningOperations};
use composelet::model::outcome::{
    Effect, Failure, FailureClass, NodeOutcome, OperationReport, PassReport, SkipReason,
};
use composelet::model::plan::{Action, NodeId, Plan, PlanNode};
use composelet::model::policy::Policy;
use composelet::model::secret::sha256_hex;
use composelet::model::status::ProjectStatus;
use composelet::model::time::Timestamp;
use composelet::model::verdict::Verdicts;
use composelet::planner::perfect::PerfectHost;
use composelet::planner::{
    Intent, PlanInput, StatusInput, account, check, intend, plan, record, record_operation, status,
};

/// What is wanted, as a value of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Wish {
    /// [`Intent::Run`].
    #[default]
    Run,
    /// [`Intent::RunKeeping`].
    Keeping,
    /// [`Intent::Remove`].
    Remove,
    /// [`Intent::Hold`].
    Hold,
}

/// A host with one project.
#[derive(Clone, Debug)]
pub(crate) struct Sim {
    pub(crate) desired: DesiredProject,
    /// Every version that was ever wanted, by its digest.
    versions: BTreeMap<String, DesiredProject>,
    pub(crate) wish: Wish,
    pub(crate) engine: PerfectHost,
    pub(crate) facts: SourceFacts,
    pub(crate) gate: Gate,
    pub(crate) ledger: ProjectLedger,
    /// What services run before a stop, those that are gone included.
    pub(crate) pre_stop: StopHooks,
    pub(crate) operations: RunningOperations,
    pub(crate) verdicts: Verdicts,
    pub(crate) policy: Policy,
    pub(crate) now: Timestamp,
    /// How long the host slept, which only the wall clock knows.
    pub(crate) asleep: Duration,
    /// Long calls that were begun and have not ended.
    pending: Vec<PlanNode>,
    /// What containers that do not answer would say.
    hidden: BTreeMap<ContainerId, Knowledge<Box<ContainerDetail>>>,
}

/// The instant at which every world is looked at first.
pub(crate) const NOON: Timestamp = Timestamp::from_millis(1_767_268_800_000);

impl Sim {
    /// An empty host where every image of the project is present and every build current.
    pub(crate) fn new(desired: DesiredProject) -> Self {
        let engine = EngineFacts {
            id: "engine".to_owned(),
            api: ApiVersion::v1(41),
            version: "20.10.24".to_owned(),
            gap_ended: None,
            defaults: EngineDefaults {
                log_driver: "json-file".to_owned(),
                runtime: "runc".to_owned(),
                cgroup_namespace: "host".to_owned(),
            },
        };
        let observed = ObservedState {
            at: NOON,
            engine,
            containers: Vec::new(),
            networks: Vec::new(),
            volumes: BTreeMap::new(),
            images: BTreeMap::new(),
        };
        let policy = Policy {
            installation: Installation::from("default"),
            salt: "salt of the test".to_owned(),
            ..Policy::default()
        };
        let mut sim = Self {
            desired,
            versions: BTreeMap::new(),
            wish: Wish::Run,
            engine: PerfectHost::new(observed, HostView::default()),
            facts: SourceFacts::default(),
            gate: Gate::default(),
            ledger: ProjectLedger::default(),
            pre_stop: StopHooks::new(),
            operations: RunningOperations::new(),
            verdicts: Verdicts::default(),
            policy,
            now: NOON,
            asleep: Duration::ZERO,
            pending: Vec::new(),
            hidden: BTreeMap::new(),
        };
        sim.provide();
        sim
    }

    /// Images and build digests of services that have none yet.
    pub(crate) fn provide(&mut self) {
        for service in self.desired.services.values() {
            let digest = format!("digest of {}", service.image);
            let build = service.build.is_some().then(|| digest.clone());
            if let Some(digest) = &build {
                let known = BuildDigest::Known(digest.clone());
                self.facts.builds.entry(service.name.clone()).or_insert(known);
            }
            for reference in service.images() {
                let build = build.clone().filter(|_| reference == service.image);
                let id = Some(image_id(reference));
                let image = ObservedImage { id, build, ..Default::default() };
                let state = ImageState::Present(Box::new(image));
                self.engine.observed.images.entry(reference.to_owned()).or_insert(state);
            }
        }
    }

    /// The version that runs instead of the wanted one, if one does.
    fn earlier(&self) -> Option<DesiredProject> {
        let target = composelet::planner::target(&self.ledger, &self.desired)?;
        let kept = self.versions.get(&target.digest)?;
        Some(composelet::planner::pinned(kept.clone(), target))
    }

    /// Input of the planner as of now.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&PlanInput<'_>) -> T) -> T {
        let wait = WaitingOn::ManifestSettling;
        let earlier = self.earlier();
        let runs = earlier.as_ref().unwrap_or(&self.desired);
        let desired = match self.wish {
            Wish::Run => Intent::Run(runs),
            Wish::Keeping => Intent::RunKeeping(runs),
            Wish::Remove => Intent::Remove,
            Wish::Hold => Intent::Hold(&wait, None),
        };
        look(&PlanInput {
            project: &self.desired.name,
            desired,
            declared: earlier.as_ref().map(|_| &self.desired),
            observed: &self.engine.observed,
            host: &self.engine.host,
            facts: &self.facts,
            ledger: &self.ledger,
            pre_stop: &self.pre_stop,
            operations: &self.operations,
            verdicts: &self.verdicts,
            gate: &self.gate,
            policy: &self.policy,
            now: self.now,
            wall: self.now.plus(self.asleep),
        })
    }

    fn present_images(&self) -> Vec<ObservedImage> {
        self.engine.observed.images.values().filter_map(ImageState::present).cloned().collect()
    }

    /// Accounts, and once more for another version if that is what comes of it.
    fn count(&mut self) {
        // An earlier version names its images by id.
        let images: Vec<ObservedImage> = self.present_images();
        for image in images {
            let id = image.id.as_ref().map(ToString::to_string);
            let state = ImageState::Present(Box::new(image));
            self.engine.observed.images.extend(id.map(|id| (id, state)));
        }
        for _ in 0..3 {
            let (before, runs) = (self.ledger.clone(), self.earlier());
            self.ledger = self.with(account);
            let first = std::mem::replace(&mut self.ledger, before.clone());
            assert_eq!(self.with(account), first, "account is a function of its input");
            self.ledger = first;
            if self.earlier() == runs {
                assert_eq!(self.with(account), self.ledger, "looking twice counts nothing twice");
                return;
            }
        }
    }

    /// Accounts and plans, as a pass does, and checks what holds for every pass.
    pub(crate) fn look(&mut self) -> Plan {
        self.versions.insert(self.desired.digest.clone(), self.desired.clone());
        for service in self.desired.services.values() {
            self.pre_stop.insert(service.name.clone(), service.hooks.pre_stop.clone());
        }
        self.count();
        let plan = self.with(plan);
        let again = self.with(composelet::planner::plan);
        assert_eq!(plan, again, "the plan is a function of its input");
        assert_eq!(plan.to_string(), again.to_string());
        let wrong = self.with(|input| check(&plan, input));
        assert!(wrong.is_empty(), "{plan}\n{wrong:#?}");
        plan
    }

    /// Carries out `plan` as far as `fate` lets it: `None` succeeds.
    pub(crate) fn walk(&mut self, plan: &Plan, fate: &dyn Fn(&PlanNode) -> Option<Failure>) {
        self.ledger = intend(&self.ledger, plan);
        let mut bad: BTreeSet<NodeId> = BTreeSet::new();
        let mut outcomes = Vec::new();
        let mut done = Vec::new();
        for node in &plan.nodes {
            let outcome = match (node.depends_on.iter().find(|id| bad.contains(id)), fate(node)) {
                (Some(id), _) => NodeOutcome::Skipped(SkipReason::Dependency(*id)),
                (None, Some(failure)) => NodeOutcome::Failed(failure),
                (None, None) => NodeOutcome::Succeeded(Effect::Done),
            };
            if matches!(outcome, NodeOutcome::Succeeded(_)) {
                done.push(node.clone());
            } else {
                bad.insert(node.id);
            }
            outcomes.push(outcome);
        }
        self.apply(&done);
        let report = PassReport { plan: plan.clone(), outcomes, at: self.now };
        self.ledger = record(&self.ledger, &report, &self.policy);
    }

    /// The first `count` nodes happen, then the controller dies: nothing is recorded.
    pub(crate) fn interrupted(&mut self, plan: &Plan, count: usize) {
        self.ledger = intend(&self.ledger, plan);
        let done: Vec<PlanNode> = plan.nodes.iter().take(count).cloned().collect();
        self.apply(&done);
        self.operations.clear();
    }

    fn apply(&mut self, nodes: &[PlanNode]) {
        let (long, short): (Vec<PlanNode>, Vec<PlanNode>) =
            nodes.iter().cloned().partition(|node| matches!(node.action, Action::Begin(_)));
        self.engine.apply(&self.plan_of(short), self.now);
        for node in long {
            let Action::Begin(operation) = &node.action else { continue };
            let running = RunningOperation {
                kind: operation.kind().to_owned(),
                since: self.now,
                progress: String::new(),
                digest: operation.digest().map(str::to_owned),
            };
            self.operations.insert(operation.subject(), running);
            self.pending.push(node);
        }
    }

    fn plan_of(&self, nodes: Vec<PlanNode>) -> Plan {
        Plan { project: self.desired.name.clone(), nodes, held: Vec::new() }
    }

    /// All long calls end: well, unless `fate` says otherwise. Says whether there was one.
    pub(crate) fn finish(&mut self, fate: &dyn Fn(&Operation) -> Option<Failure>) -> bool {
        let pending = std::mem::take(&mut self.pending);
        let any = !pending.is_empty();
        for node in pending {
            let Action::Begin(operation) = &node.action else { continue };
            let failure = fate(operation);
            if failure.is_none() {
                self.end(&node, operation);
            }
            // A controller that died in between knows nothing of the end.
            if self.operations.remove(&operation.subject()).is_some() {
                let result = failure.map_or(Ok(()), Err);
                let (subject, kind, at) = (operation.subject(), operation.kind(), self.now);
                let report =
                    OperationReport { subject, kind, result, notes: Vec::new(), found: None, at };
                self.ledger = record_operation(&self.ledger, &report, &self.policy);
            }
        }
        any
    }

    fn end(&mut self, node: &PlanNode, operation: &Operation) {
        let images = &mut self.engine.observed.images;
        match operation {
            Operation::Reload { .. }
            | Operation::Announce { .. }
            | Operation::PostStart { .. }
            | Operation::Exec { .. }
            | Operation::Check { .. }
            | Operation::CheckImage { .. }
            | Operation::Probe { .. }
            | Operation::Analyse { .. } => {}
            Operation::Backup(request) => {
                // It ends with the controller that makes it.
                if self.operations.contains_key(&operation.subject()) {
                    self.facts.backups.push(request.made(self.now.plus(self.asleep)));
                }
            }
            Operation::RestoreDrill(request) => {
                if self.operations.contains_key(&operation.subject()) {
                    request.prove(&mut self.facts.backups, self.now.plus(self.asleep));
                }
            }
            Operation::Restore(request) => {
                let wall = self.now.plus(self.asleep);
                if self.operations.contains_key(&operation.subject()) {
                    let mut saved = self.facts.backups.iter_mut();
                    let one = saved.find(|one| one.id == request.backup);
                    one.map(|one| one.restored.insert(request.service.clone(), wall));
                }
            }
            Operation::Stop { .. } => {
                let plan = self.plan_of(vec![node.clone()]);
                self.engine.apply(&plan, self.now);
            }
            Operation::Pull { image, .. } => {
                let known = images.get(image).and_then(ImageState::present).cloned();
                let new = ObservedImage { id: Some(image_id(image)), ..Default::default() };
                let image_state = ImageState::Present(Box::new(known.unwrap_or(new)));
                images.insert(image.clone(), image_state);
            }
            Operation::Build { image, digest, .. } => {
                let known = images.get(image).and_then(ImageState::present).cloned();
                let built = ObservedImage {
                    id: Some(image_id(&format!("{image} from {digest}"))),
                    build: Some(digest.clone()),
                    ..known.unwrap_or_default()
                };
                images.insert(image.clone(), ImageState::Present(Box::new(built)));
            }
        }
    }

    /// Jobs that run end with 0. Says whether there was one.
    pub(crate) fn complete_jobs(&mut self) -> bool {
        let jobs: BTreeSet<_> = self
            .desired
            .services
            .values()
            .filter(|service| service.name.as_str().starts_with("job"))
            .map(|service| service.name.clone())
            .collect();
        let now = self.now;
        let mut any = false;
        for one in &mut self.engine.observed.containers {
            let job = one.claim.service.as_ref().is_some_and(|service| jobs.contains(service));
            if let (true, Lifecycle::Running { started_at }) = (job, one.lifecycle.clone()) {
                any = true;
                let exit = composelet::model::observed::Exit {
                    code: 0,
                    started_at: Some(started_at),
                    finished_at: Some(now),
                    oom_killed: false,
                    error: String::new(),
                };
                one.lifecycle = Lifecycle::Exited(exit);
                one.health = Health::None;
            }
        }
        self.engine.refresh();
        any
    }

    /// A container stops answering.
    pub(crate) fn hide(&mut self, at: usize) {
        let one = &mut self.engine.observed.containers[at];
        let unknown = Knowledge::Unknown("deadline of 10 s".to_owned());
        let known = std::mem::replace(&mut one.detail, unknown);
        self.hidden.entry(one.id.clone()).or_insert(known);
    }

    /// All containers answer again.
    pub(crate) fn reveal(&mut self) {
        for one in &mut self.engine.observed.containers {
            if let Some(detail) = self.hidden.remove(&one.id) {
                one.detail = detail;
            }
        }
        self.engine.refresh();
    }

    /// Time goes on.
    pub(crate) fn pass_time(&mut self, by: Duration) {
        self.now = self.now.plus(by);
        self.engine.observed.at = self.now;
    }

    /// Passes until there is nothing to do and nothing happens by itself; the number of passes, or `None` after `most`.
    pub(crate) fn settle(&mut self, most: usize, jobs: bool) -> Option<usize> {
        for pass in 1..=most {
            let plan = self.look();
            self.walk(&plan, &|_| None);
            let mut moved = !plan.nodes.is_empty();
            moved |= self.finish(&|_| None);
            moved |= !self.engine.make_healthy().is_empty();
            moved |= jobs && self.complete_jobs();
            let until = plan.waits().filter_map(|held| held.until);
            let until = until.filter(|until| *until > self.now).min();
            match until {
                _ if moved => self.pass_time(Duration::from_millis(200)),
                Some(until) => self.pass_time(until.since(self.now)),
                None => return Some(pass),
            }
        }
        None
    }

    /// What is published after a pass with `plan`.
    pub(crate) fn status(&self, plan: &Plan) -> ProjectStatus {
        self.with(|input| {
            let look =
                StatusInput { input, plan, previous: None, source: "shop", diagnostics: &[] };
            status(&look)
        })
    }

    /// Containers get ids that follow from their names, so that expectations do not change with the way there.
    pub(crate) fn stable_ids(&mut self) {
        let mut new: BTreeMap<ContainerId, ContainerId> = BTreeMap::new();
        for one in &mut self.engine.observed.containers {
            let id = ContainerId::new(sha256_hex([one.name.as_str()]));
            new.insert(std::mem::replace(&mut one.id, id.clone()), id);
        }
        let known = |owner: &Owner| match owner {
            Owner::Container(id) => new.get(&ContainerId::new(id.as_str())),
            Owner::Service(_) => None,
        };
        for one in &mut self.engine.observed.containers {
            let Knowledge::Known(detail) = &mut one.detail else { continue };
            for namespace in Namespace::ALL {
                if let Some(id) = namespace.owner(&detail.config).as_ref().and_then(known) {
                    namespace.join(&mut detail.config, &Owner::Container(id.to_string()));
                }
            }
            for from in &mut detail.config.volumes_from {
                if let Some(id) = known(&from.from) {
                    from.from = Owner::Container(id.to_string());
                }
            }
        }
        for record in self.ledger.replicas.values_mut() {
            let known = record.counted.container.as_ref().and_then(|id| new.get(id));
            record.counted.container = known.cloned().or(record.counted.container.take());
        }
        let hooks = std::mem::take(&mut self.ledger.hooks).into_iter();
        self.ledger.hooks =
            hooks.map(|(id, record)| (new.get(&id).cloned().unwrap_or(id), record)).collect();
        self.engine.observed.containers.sort_by(|one, other| one.id.cmp(&other.id));
        self.engine.host.names.clear();
        self.engine.host.ports.clear();
        self.engine.refresh();
    }
}

/// A failure that a test asks for.
pub(crate) fn failure(class: FailureClass, message: &str) -> Failure {
    Failure { class, message: message.to_owned() }
}

/// The id of the image of a reference.
pub(crate) fn image_id(reference: &str) -> ImageId {
    ImageId::new(format!("sha256:{}", sha256_hex([reference])))
}
