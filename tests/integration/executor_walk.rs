//! The walk of a plan: order, skips, parallelism, refusals, panics.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests: a panic is a failed test"
)]

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use composelet::executor::{Calls, Lanes, Resolved, Walk, WalkHost, walk};
use composelet::model::desired::{DesiredVolume, NetworkConfig};
use composelet::model::id::{ContainerId, ContainerName, NetworkId, ProjectName, ReplicaId};
use composelet::model::operation::{Operation, OperationSubject};
use composelet::model::outcome::{
    Effect, Failure, FailureClass, NodeOutcome, PassReport, SkipReason,
};
use composelet::model::plan::{
    Action, ContainerRef, CreateNetwork, CreateVolume, NetworkRef, NodeId, Plan, PlanNode,
    StartBudget,
};
use composelet::model::reason::Reason;
use composelet::model::time::Timestamp;
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

/// Answers every call after `takes`, as `answers` says by the object's name; remembers what ran side by side.
#[derive(Default)]
struct Script {
    takes: Duration,
    answers: BTreeMap<String, FailureClass>,
    panics: Option<String>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    calls: Vec<(String, Resolved)>,
    running: BTreeMap<&'static str, u32>,
    most: BTreeMap<&'static str, u32>,
}

impl Calls for Script {
    fn call<'a>(
        &'a self,
        action: &'a Action,
        ids: Resolved,
    ) -> BoxFuture<'a, Result<Effect, Failure>> {
        Box::pin(async move {
            let (kind, object) = (action.kind(), action.object());
            {
                let mut seen = self.seen.lock().unwrap();
                seen.calls.push((object.clone(), ids));
                let running = seen.running.entry(kind).or_default();
                *running += 1;
                let running = *running;
                let most = seen.most.entry(kind).or_default();
                *most = running.max(*most);
            }
            tokio::time::sleep(self.takes).await;
            assert_ne!(self.panics.as_ref(), Some(&object), "as the script says");
            *self.seen.lock().unwrap().running.get_mut(kind).unwrap() -= 1;
            match self.answers.get(&object) {
                Some(class) => {
                    Err(Failure { class: *class, message: "as the script says".to_owned() })
                }
                None => Ok(made(action)),
            }
        })
    }
}

fn made(action: &Action) -> Effect {
    match action {
        Action::CreateNetwork(create) => {
            Effect::Network(NetworkId::new(format!("id-{}", create.name)))
        }
        Action::CreateVolume(create) => {
            Effect::Container(ContainerId::new(format!("id-{}", create.volume.name)))
        }
        _ => Effect::Done,
    }
}

struct Host {
    now: Timestamp,
    budget: Mutex<u32>,
    begun: Mutex<Vec<OperationSubject>>,
    ended: Mutex<Vec<u32>>,
}

impl Default for Host {
    fn default() -> Self {
        Self {
            now: Timestamp::from_millis(1_000_000),
            budget: Mutex::new(u32::MAX),
            begun: Mutex::default(),
            ended: Mutex::default(),
        }
    }
}

impl WalkHost for Host {
    fn hand_over(&self) {}

    fn now(&self) -> Timestamp {
        self.now
    }

    fn draw_restart(&self) -> Result<(), Timestamp> {
        let mut budget = self.budget.lock().unwrap();
        *budget = budget.checked_sub(1).ok_or_else(|| self.now.plus(Duration::from_secs(1)))?;
        Ok(())
    }

    fn begin(&self, operation: &Operation) -> Result<OperationSubject, SkipReason> {
        let mut begun = self.begun.lock().unwrap();
        if begun.contains(&operation.subject()) {
            return Err(SkipReason::Running);
        }
        begun.push(operation.subject());
        Ok(operation.subject())
    }

    fn ended(&self, node: &PlanNode, _: &NodeOutcome) {
        self.ended.lock().unwrap().push(node.id.0);
    }
}

fn node(id: u32, action: Action, depends_on: &[u32]) -> PlanNode {
    PlanNode {
        id: NodeId(id),
        action,
        reason: Reason::Missing,
        depends_on: depends_on.iter().copied().map(NodeId).collect(),
        group: None,
    }
}

fn volume(name: &str) -> Action {
    Action::CreateVolume(Box::new(CreateVolume {
        volume: DesiredVolume {
            name: name.to_owned(),
            external: false,
            driver: None,
            driver_opts: BTreeMap::new(),
            labels: BTreeMap::new(),
        },
        labels: BTreeMap::new(),
    }))
}

fn network(name: &str) -> Action {
    Action::CreateNetwork(Box::new(CreateNetwork {
        name: name.to_owned(),
        config: NetworkConfig::default(),
        labels: BTreeMap::new(),
    }))
}

fn start(name: &str, budget: StartBudget) -> Action {
    Action::StartContainer {
        container: ContainerRef::Existing(ContainerId::from(name)),
        name: ContainerName::from(name),
        budget,
    }
}

fn stop(name: &str) -> Action {
    Action::Begin(Box::new(Operation::Stop {
        container: ContainerId::from(name),
        name: ContainerName::from(name),
        replica: ReplicaId::new("web".into(), 1),
        timeout_s: None,
        pre_stop: Vec::new(),
    }))
}

async fn walked(nodes: Vec<PlanNode>, script: &Script, host: &Host) -> PassReport {
    let plan = Plan { project: ProjectName::from("shop"), nodes, held: Vec::new() };
    let around = Walk {
        calls: script,
        host,
        lanes: &Lanes::default(),
        observed_at: host.now,
        cancel: &CancellationToken::new(),
    };
    walk(plan, around).await
}

fn words(report: &PassReport) -> Vec<String> {
    let word = |outcome: &NodeOutcome| match outcome {
        NodeOutcome::Succeeded(_) => "ok".to_owned(),
        NodeOutcome::Failed(failure) => format!("failed {:?}", failure.class),
        NodeOutcome::MaybeDone(_) => "maybe".to_owned(),
        NodeOutcome::Skipped(SkipReason::Dependency(id)) => format!("skipped #{}", id.0),
        NodeOutcome::Skipped(reason) => format!("{reason:?}"),
    };
    report.outcomes.iter().map(word).collect()
}

#[tokio::test(start_paused = true)]
async fn a_failure_skips_its_dependants_only() {
    let script = Script {
        answers: BTreeMap::from([
            ("b".to_owned(), FailureClass::Engine),
            ("e".to_owned(), FailureClass::Maybe),
        ]),
        ..Script::default()
    };
    let nodes = vec![
        node(1, volume("a"), &[]),
        node(2, volume("b"), &[1]),
        node(3, volume("c"), &[2]),
        node(4, volume("d"), &[3, 1]),
        node(5, volume("e"), &[1]),
        node(6, volume("f"), &[5]),
        node(7, volume("g"), &[1]),
    ];
    let host = Host::default();
    let report = walked(nodes, &script, &host).await;
    assert_eq!(
        words(&report),
        ["ok", "failed Engine", "skipped #2", "skipped #3", "maybe", "skipped #5", "ok"]
    );
    let mut ended = host.ended.lock().unwrap().clone();
    ended.sort_unstable();
    assert_eq!(ended, [1, 2, 3, 4, 5, 6, 7], "each node ends exactly once");
}

#[tokio::test(start_paused = true)]
async fn ids_of_created_objects_reach_their_users() {
    let nodes = vec![
        node(1, network("net"), &[]),
        node(2, volume("box"), &[]),
        node(
            3,
            Action::ConnectNetwork {
                container: ContainerRef::CreatedBy(NodeId(2)),
                container_name: "shop-web-1".into(),
                network: NetworkRef::CreatedBy(NodeId(1)),
                name: "net".to_owned(),
                endpoint: Box::default(),
                dns_names: Vec::new(),
            },
            &[1, 2],
        ),
    ];
    let script = Script::default();
    let report = walked(nodes, &script, &Host::default()).await;
    assert_eq!(words(&report), ["ok", "ok", "ok"]);
    let seen = script.seen.lock().unwrap();
    let (_, ids) = seen.calls.last().unwrap();
    assert_eq!(ids.container, Some(ContainerId::from("id-box")));
    assert_eq!(ids.network, Some(NetworkId::from("id-net")));
}

#[tokio::test(start_paused = true)]
async fn parallelism_is_bounded_by_kind() {
    let nodes = (0..40)
        .map(|id| node(id, start(&format!("c{id}"), StartBudget::Free), &[]))
        .chain((40..50).map(|id| node(id, network(&format!("n{id}")), &[])))
        .collect();
    let script = Script { takes: Duration::from_millis(100), ..Script::default() };
    let begin = tokio::time::Instant::now();
    walked(nodes, &script, &Host::default()).await;
    let most = script.seen.lock().unwrap().most.clone();
    assert_eq!(most["StartContainer"], 8);
    assert_eq!(most["CreateNetwork"], 1);
    assert_eq!(
        begin.elapsed().as_millis() / 10,
        100,
        "ten networks one by one; starts beside them"
    );
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_an_outcome() {
    let script = Script { panics: Some("a".to_owned()), ..Script::default() };
    let nodes =
        vec![node(1, volume("a"), &[]), node(2, volume("b"), &[1]), node(3, volume("c"), &[])];
    let report = walked(nodes, &script, &Host::default()).await;
    assert_eq!(words(&report), ["maybe", "skipped #1", "ok"]);
}

#[tokio::test(start_paused = true)]
async fn the_budget_of_restarts_throttles_restarts_only() {
    let host = Host { budget: Mutex::new(1), ..Host::default() };
    let nodes = vec![
        node(1, start("a", StartBudget::Restart), &[]),
        node(2, start("b", StartBudget::Restart), &[]),
        node(3, start("c", StartBudget::Free), &[]),
    ];
    let script = Script::default();
    let report = walked(nodes, &script, &host).await;
    let until = host.now.plus(Duration::from_secs(1));
    assert_eq!(report.outcomes[1], NodeOutcome::Skipped(SkipReason::Throttled(until)));
    assert_eq!(script.seen.lock().unwrap().calls.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn operations_are_begun_not_awaited() {
    let host = Host::default();
    let nodes = vec![node(1, stop("a"), &[]), node(2, stop("a"), &[]), node(3, volume("v"), &[1])];
    let script = Script::default();
    let report = walked(nodes, &script, &host).await;
    assert_eq!(words(&report), ["ok", "Running", "ok"]);
}

#[tokio::test(start_paused = true)]
async fn an_old_observation_and_a_shutdown_refuse_every_node() {
    let host = Host::default();
    let script = Script::default();
    for (age, cancelled, expected) in [(31, false, "Stale"), (0, true, "Shutdown")] {
        let cancel = CancellationToken::new();
        if cancelled {
            cancel.cancel();
        }
        let plan = Plan {
            project: ProjectName::from("shop"),
            nodes: vec![node(1, volume("a"), &[]), node(2, stop("b"), &[])],
            held: Vec::new(),
        };
        let around = Walk {
            calls: &script,
            host: &host,
            lanes: &Lanes::default(),
            observed_at: host.now.minus(Duration::from_secs(age)),
            cancel: &cancel,
        };
        let report = walk(plan, around).await;
        assert_eq!(words(&report), [expected, expected]);
    }
    assert!(script.seen.lock().unwrap().calls.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_cycle_ends_too() {
    let nodes = vec![node(1, volume("a"), &[2]), node(2, volume("b"), &[1])];
    let report = walked(nodes, &Script::default(), &Host::default()).await;
    assert_eq!(words(&report), ["skipped #2", "skipped #1"]);
}
