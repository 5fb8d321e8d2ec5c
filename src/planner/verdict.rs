//! What host probes mean (`x-composelet.probe`): who is ready, who is ill, and whom to ask.
//!
//! The semantics are the kubelet's (Kubernetes, "Liveness, Readiness and Startup Probes"): the startup probe gates the
//! others; a failed startup or liveness probe is one verdict of *unhealthy* per run; readiness never restarts anything.

use std::net::IpAddr;
use std::sync::Arc;

use crate::model::config::NetworkMode;
use crate::model::desired::{DesiredProject, DesiredService};
use crate::model::held::WaitingOn;
use crate::model::host_probe::{HostProbe, HostProbes, ProbeKind};
use crate::model::observed::{Health, Lifecycle, ObservedContainer};
use crate::model::operation::OperationSubject;
use crate::model::time::Timestamp;
use crate::model::verdict::{Asker, ProbeActivity, ProbeState, ProbeTarget, ProbeVerdict};
use crate::planner::draft::Draft;
use crate::planner::input::PlanInput;
use crate::planner::own;
use crate::planner::plan::suspension;
use crate::planner::slot::SlotContext;
use crate::planner::world::World;

/// Why a container is taken for ill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Illness {
    /// Failures in a row.
    pub streak: u32,
    /// The host probe that failed and its last error; `None` if the engine's health check did.
    pub probe: Option<String>,
}

/// A host probe for which a container is not ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unready {
    /// Which.
    pub probe: ProbeKind,
    /// Its verdict.
    pub state: ProbeState,
    /// Its last failure; empty if there was none.
    pub error: String,
    /// Whether it can be asked at all.
    pub possible: bool,
}

impl Unready {
    /// What the container is instead of healthy, in a word.
    pub fn word(&self) -> &'static str {
        match self.state {
            ProbeState::Pending | ProbeState::Passing => "starting",
            ProbeState::Failing { .. } => "not ready",
        }
    }

    /// The hold that says so.
    fn waiting(self) -> WaitingOn {
        if self.possible {
            WaitingOn::NotReady { probe: self.probe, error: self.error }
        } else {
            WaitingOn::ProbeImpossible { probe: self.probe }
        }
    }
}

/// Whether the host probes of a container have nothing against it.
pub fn is_good(
    input: &PlanInput<'_>,
    service: &DesiredService,
    container: &ObservedContainer,
) -> bool {
    unready(input, service, container).is_none() && illness(input, service, container).is_none()
}

/// Why a container is to be restarted, by its health check or by a host probe.
pub fn illness(
    input: &PlanInput<'_>,
    service: &DesiredService,
    container: &ObservedContainer,
) -> Option<Illness> {
    run(container)?;
    if own::is_own(input, container) {
        // Whoever plans this is well enough; if it were not, nobody here could help it.
        return None;
    }
    if let Health::Unhealthy { streak, .. } = container.health {
        return Some(Illness { streak, probe: None });
    }
    [ProbeKind::Startup, ProbeKind::Liveness].into_iter().find_map(|kind| {
        let (_, verdict) = asked(input, service, container, kind)?;
        match verdict.state {
            ProbeState::Failing { streak } => {
                Some(Illness { streak, probe: Some(failed(kind, &verdict.error)) })
            }
            ProbeState::Pending | ProbeState::Passing => None,
        }
    })
}

/// The first host probe for which a running container is not ready.
pub fn unready(
    input: &PlanInput<'_>,
    service: &DesiredService,
    container: &ObservedContainer,
) -> Option<Unready> {
    [ProbeKind::Startup, ProbeKind::Readiness].into_iter().find_map(|kind| {
        let (probe, verdict) = asked(input, service, container, kind)?;
        let possible = is_possible(input, probe);
        (verdict.state != ProbeState::Passing).then_some(Unready {
            probe: kind,
            state: verdict.state,
            error: verdict.error,
            possible,
        })
    })
}

/// Sentences about the host probes of a container that failed last, for its status.
pub fn notes(
    input: &PlanInput<'_>,
    service: &DesiredService,
    container: &ObservedContainer,
) -> Vec<String> {
    let note = |kind| {
        let (_, verdict) = asked(input, service, container, kind)?;
        (!verdict.error.is_empty()).then(|| failed(kind, &verdict.error))
    };
    ProbeKind::ALL.into_iter().filter_map(note).collect()
}

/// `liveness probe failed: …`, as the kubelet writes it.
fn failed(kind: ProbeKind, error: &str) -> String {
    format!("{kind} probe failed: {error}")
}

/// Begin of the present run.
fn run(container: &ObservedContainer) -> Option<Timestamp> {
    match container.lifecycle {
        Lifecycle::Running { started_at } => Some(started_at),
        _ => None,
    }
}

/// A declared probe with what is known of it in the present run; what was not asked yet is pending.
fn asked<'a>(
    input: &PlanInput<'_>,
    service: &'a DesiredService,
    container: &ObservedContainer,
    kind: ProbeKind,
) -> Option<(&'a HostProbe, ProbeVerdict)> {
    let probe = service.probes.as_ref()?.get(kind)?;
    let run = run(container)?;
    if input.verdicts.asker == Asker::Nobody {
        let state = ProbeState::Passing;
        return Some((probe, ProbeVerdict { state, ..ProbeVerdict::default() }));
    }
    let known = input.verdicts.runs.get(&container.id).filter(|verdict| verdict.run == run);
    let verdict = known.and_then(|verdict| verdict.probes.get(&kind)).cloned();
    Some((probe, verdict.unwrap_or_default()))
}

fn is_possible(input: &PlanInput<'_>, probe: &HostProbe) -> bool {
    input.verdicts.asker != Asker::Elsewhere || !probe.handler.dials()
}

/// Notes what a running container that is not ready waits for, and a probe that cannot be asked from here.
pub fn tell(context: SlotContext<'_, '_>, draft: &mut Draft<'_>, container: &ObservedContainer) {
    let (input, service) = (context.world.input, context.view.service);
    if let Some(unready) = unready(input, service, container) {
        return draft.hold(context.subject(), unready.waiting(), None);
    }
    let Some((liveness, verdict)) = asked(input, service, container, ProbeKind::Liveness) else {
        return;
    };
    let probe = ProbeKind::Liveness;
    if !is_possible(input, liveness) {
        draft.hold(context.subject(), WaitingOn::ProbeImpossible { probe }, None);
    } else if matches!(verdict.state, ProbeState::Failing { .. }) {
        // The restart waits, as another hold says; a good answer would take the verdict back.
        let waiting = WaitingOn::NotReady { probe, error: verdict.error };
        draft.hold(context.subject(), waiting, None);
    }
}

/// The runs that are asked: those of declared services. One that is suspended or being stopped rests.
pub fn targets(input: &PlanInput<'_>) -> Vec<ProbeTarget> {
    let asked = |desired: &&DesiredProject| desired.services.values().any(|it| it.probes.is_some());
    let Some(desired) = input.desired.project().filter(asked) else {
        return Vec::new();
    };
    let world = World::new(input, desired);
    let suspended = suspension((input.ledger, input.now), desired, None).is_some();
    world
        .services
        .iter()
        .flat_map(|view| {
            let rests = suspended || view.is_held(&world);
            let probes = view.service.probes.as_ref().and_then(|probes| possible(input, probes));
            let slots = view.slots.iter().flat_map(|slot| slot.current.iter().chain(&slot.old));
            slots.filter_map(move |one| {
                Some(ProbeTarget {
                    container: one.container.id.clone(),
                    name: one.container.name.clone(),
                    run: run(one.container)?,
                    activity: if rests || is_stopping(input, one.container) {
                        ProbeActivity::Resting
                    } else {
                        ProbeActivity::Asked
                    },
                    address: address(input, one.container),
                    probes: Arc::clone(probes.as_ref()?),
                })
            })
        })
        .collect()
}

fn is_stopping(input: &PlanInput<'_>, container: &ObservedContainer) -> bool {
    let subject = OperationSubject::Container(container.id.clone());
    input.operations.get(&subject).is_some_and(|running| running.kind == "stop")
}

/// The probes that can be asked from here.
fn possible(input: &PlanInput<'_>, probes: &Arc<HostProbes>) -> Option<Arc<HostProbes>> {
    if input.verdicts.asker != Asker::Elsewhere {
        return Some(Arc::clone(probes));
    }
    let keep = |probe: &Option<HostProbe>| probe.clone().filter(|probe| is_possible(input, probe));
    let probes = HostProbes {
        startup: keep(&probes.startup),
        readiness: keep(&probes.readiness),
        liveness: keep(&probes.liveness),
    };
    (probes != HostProbes::default()).then(|| Arc::new(probes))
}

/// Where the ports of a container are reached from the host.
pub fn address(input: &PlanInput<'_>, container: &ObservedContainer) -> Option<IpAddr> {
    let detail = container.detail.known()?;
    match &detail.config.network_mode {
        NetworkMode::Host => Some(IpAddr::from([127, 0, 0, 1])),
        NetworkMode::None => None,
        NetworkMode::Other(mode) => {
            let id = mode.strip_prefix("container:")?;
            let own = input.observed.containers.iter();
            let mut all = own.chain(input.host.outside.values());
            // Who owns a network namespace does not share another's.
            endpoint_address(all.find(|one| one.id.as_str() == id)?)
        }
        NetworkMode::Networks | NetworkMode::Bridge => endpoint_address(container),
    }
}

fn endpoint_address(container: &ObservedContainer) -> Option<IpAddr> {
    let detail = container.detail.known()?;
    detail.endpoints.values().find_map(|end| end.ip.as_ref()?.parse().ok())
}
