//! Proxies and the containers behind them: who is to get traffic, who knows it, and what waits for that
//! (`x-composelet.on_endpoints_change`).
//!
//! A program like nginx resolves a name when it reads its configuration, and never again. A container leaves the engine's DNS
//! only with its connections (moby: an alias cannot be taken from a live endpoint), so a signal lets a proxy see a new
//! container beside the old one, and later that the old one is gone. A command is told exactly who is to get traffic.

use std::collections::BTreeMap;

use crate::model::endpoints::EndpointsChange;
use crate::model::held::WaitingOn;
use crate::model::hook::HookCommand;
use crate::model::id::{ContainerId, ServiceName};
use crate::model::ledger::{EndpointsRecord, ProjectLedger};
use crate::model::observed::{Lifecycle, ObservedContainer};
use crate::model::operation::{Operation, OperationSubject};
use crate::model::outcome::OperationReport;
use crate::model::plan::Action;
use crate::model::policy::Policy;
use crate::model::reason::Reason;
use crate::model::rollout::RolloutWait;
use crate::model::secret::Secret;
use crate::model::strategy::StrategyKind;
use crate::model::time::Timestamp;
use crate::planner::availability::available_at;
use crate::planner::draft::{Draft, Place};
use crate::planner::hooks::failed_again;
use crate::planner::slot::SlotContext;
use crate::planner::strategy::{Stage, Traffic, is_stable, stage};
use crate::planner::world::{ServiceView, Slot, World};

/// Addresses by service, each as `id@address`, or `id@address*weight` where not all weigh the same.
type Endpoints = BTreeMap<ServiceName, Vec<String>>;

fn behind<'w, 'a>(
    world: &'w World<'a>,
    view: &ServiceView<'_>,
    change: &EndpointsChange,
) -> Vec<&'w ServiceView<'a>> {
    let depends = || view.service.depends_on.keys().cloned().collect();
    let names = if change.services.is_empty() { depends() } else { change.services.clone() };
    names.iter().filter_map(|name| world.service(name)).collect()
}

/// Whom a proxy should know now.
fn wanted(
    world: &World<'_>,
    ledger: &ProjectLedger,
    view: &ServiceView<'_>,
    change: &EndpointsChange,
) -> Endpoints {
    let exact = !change.command.is_empty();
    let services = behind(world, view, change).into_iter().map(|target| {
        let stage = stage(ledger, target);
        let slots = target.slots.iter().enumerate();
        let known = slots.flat_map(|(place, slot)| match &stage {
            Some(stage) => beside((world, ledger, exact), target, (stage, place, slot)),
            None => known(world, ledger, (target, slot), exact),
        });
        let known: Vec<Known<'_>> = known.collect();
        let weights = stage.filter(|_| exact).and_then(|stage| weights(&stage, &known));
        let weigh = |one: &Known<'_>| {
            let text = endpoint(view, one.container)?;
            let (old, new) = weights.unwrap_or((1, 1));
            Some(match if one.candidate { new } else { old } {
                1 => text,
                weight => format!("{text}*{weight}"),
            })
        };
        let mut all: Vec<String> = known.iter().filter_map(weigh).collect();
        all.sort();
        (target.service.name.clone(), all)
    });
    services.collect()
}

/// Containers of one replica that are to get traffic. What the proxy resolves by name (not `exact`) is all that run, but it
/// is not asked to look before a successor is available.
fn known<'w>(
    world: &World<'_>,
    ledger: &ProjectLedger,
    (target, slot): (&ServiceView<'_>, &'w Slot<'_>),
    exact: bool,
) -> Vec<Known<'w>> {
    let of = |container| Known { container, candidate: false };
    let old: Vec<Known<'_>> =
        slot.old.iter().map(|one| one.container).filter(|one| runs(one)).map(of).collect();
    let Some(current) = slot.current.as_ref().map(|one| one.container).filter(|one| runs(one))
    else {
        return old;
    };
    let available = available_at((world.input, ledger), target, slot, current);
    let available = available.is_some_and(|at| at <= world.input.now);
    let current = of(current);
    match (old.is_empty(), available) {
        (true, _) => vec![current],
        (false, false) => old,
        (false, true) if exact => vec![current],
        (false, true) => old.into_iter().chain([current]).collect(),
    }
}

/// A container that is to get traffic.
#[derive(Clone, Copy, Debug)]
struct Known<'w> {
    container: &'w ObservedContainer,
    /// It is of a version that is not promoted.
    candidate: bool,
}

fn runs(one: &ObservedContainer) -> bool {
    matches!(one.lifecycle, Lifecycle::Running { .. })
}

/// The same while a version that is not promoted stands beside the one that serves. A replica that has no predecessor is in
/// the traffic of a canary, because nobody else is there in its place.
fn beside<'w>(
    (world, ledger, exact): (&World<'_>, &ProjectLedger, bool),
    target: &ServiceView<'_>,
    (stage, place, slot): (&Stage<'_>, usize, &'w Slot<'_>),
) -> Vec<Known<'w>> {
    let old = slot.old.iter().map(|one| one.container);
    let old = old.filter(|one| is_stable(stage.record, one));
    let (old, new) = match &slot.current {
        Some(current) if current.conformity.keeps() => (old.collect(), Some(current.container)),
        current => (current.iter().map(|one| one.container).collect::<Vec<_>>(), None),
    };
    let of = |candidate| move |container| Known { container, candidate };
    let old: Vec<Known<'_>> = old.into_iter().filter(|one| runs(one)).map(of(false)).collect();
    let Some(new) = new.filter(|one| runs(one)) else {
        return old;
    };
    let available = available_at((world.input, ledger), target, slot, new);
    let available = available.is_some_and(|at| at <= world.input.now);
    match stage.traffic(place) {
        _ if old.is_empty() && stage.strategy.kind == StrategyKind::Canary => vec![of(true)(new)],
        Traffic::Successor if available && exact => vec![of(true)(new)],
        Traffic::Successor | Traffic::Both if available => {
            old.into_iter().chain([of(true)(new)]).collect()
        }
        _ => old,
    }
}

/// What one container of the old and one of the new version weighs, in the smallest whole numbers, so that the new version
/// gets the percentage of its step.
fn weights(stage: &Stage<'_>, known: &[Known<'_>]) -> Option<(u64, u64)> {
    let percent = u64::from(stage.strategy.weight(stage.record.step)?).min(100);
    let new = known.iter().filter(|one| one.candidate).count();
    let old = u64::try_from(known.len() - new).ok()?;
    let (old, new) = ((100 - percent) * u64::try_from(new).ok()?, percent * old);
    let common = divisor(old, new);
    (old > 0 && new > 0).then(|| (old / common, new / common))
}

/// The greatest common one.
fn divisor(one: u64, other: u64) -> u64 {
    if other == 0 { one } else { divisor(other, one % other) }
}

/// Where a container is found on a network that the proxy is on too.
fn endpoint(proxy: &ServiceView<'_>, container: &ObservedContainer) -> Option<String> {
    let detail = container.detail.known()?;
    let shared = proxy.service.config.endpoints.keys();
    let mut addresses = shared.filter_map(|name| detail.endpoints.get(name)?.ip.clone());
    let address = addresses.find(|address| !address.is_empty()).unwrap_or_default();
    Some(format!("{}@{address}", container.id.short()))
}

fn fingerprint(endpoints: &Endpoints) -> String {
    let lines = endpoints.iter().map(|(name, all)| format!("{name}={}", all.join(",")));
    lines.collect::<Vec<_>>().join(" ")
}

/// Notes what the run of a proxy knows (part of [`account`](super::account::account)). At its start it resolved whatever was
/// there; what came later has to be told.
pub fn remember(
    world: &World<'_>,
    view: &ServiceView<'_>,
    container: &ObservedContainer,
    ledger: &mut ProjectLedger,
) {
    let (Some(change), Lifecycle::Running { started_at: run }) =
        (&view.service.on_endpoints_change, &container.lifecycle)
    else {
        ledger.endpoints.remove(&container.id);
        return;
    };
    let endpoints = wanted(world, ledger, view, change);
    let subject = OperationSubject::Container(container.id.clone());
    let busy = world.input.operations.contains_key(&subject);
    let known = ledger.endpoints.get(&container.id).is_some_and(|record| record.run == *run);
    if !known {
        let settled = change.command.is_empty() && all_older(world, view, change, *run);
        let applied = settled.then(|| fingerprint(&endpoints));
        let record = EndpointsRecord { run: *run, applied, ..EndpointsRecord::default() };
        ledger.endpoints.insert(container.id.clone(), record);
    } else if let Some(record) = ledger.endpoints.get_mut(&container.id)
        && !busy
    {
        record.announcing = None;
    }
}

/// Whether all that runs behind a proxy ran before it did.
fn all_older(
    world: &World<'_>,
    view: &ServiceView<'_>,
    change: &EndpointsChange,
    run: Timestamp,
) -> bool {
    behind(world, view, change).into_iter().all(|target| {
        let slots = target.slots.iter();
        let mut all = slots.flat_map(|slot| slot.current.iter().chain(&slot.old));
        all.all(|one| match &one.container.lifecycle {
            Lifecycle::Running { started_at } => *started_at < run,
            _ => true,
        })
    })
}

/// Tells a running proxy of the containers behind it, if it does not know them.
pub fn plan_announce(
    context: SlotContext<'_, '_>,
    draft: &mut Draft<'_>,
    container: &ObservedContainer,
) {
    let (world, view) = (context.world, context.view);
    let ledger = world.input.ledger;
    let Some(change) = &view.service.on_endpoints_change else {
        return;
    };
    let endpoints = wanted(world, ledger, view, change);
    let wanted = fingerprint(&endpoints);
    let Some(record) = ledger.endpoints.get(&container.id) else {
        return;
    };
    // A name without any address is an error to most proxies: they go on with what they know.
    if record.applied.as_ref() == Some(&wanted) || endpoints.values().any(Vec::is_empty) {
        return;
    }
    let subject = context.subject();
    if let Some(failure) = &record.failure
        && let Some(until) = failure.next_try.filter(|next| *next > world.input.now)
    {
        let (failures, error) = (failure.failures, failure.error.clone());
        let waiting = WaitingOn::Rollout(RolloutWait::Unannounced { failures, error });
        return draft.hold(subject, waiting, Some(until));
    }
    let operation = Operation::Announce {
        container: container.id.clone(),
        name: container.name.clone(),
        signal: change.signal.clone(),
        command: Box::new(HookCommand {
            command: change.command.clone(),
            environment: environment(&endpoints),
            ..HookCommand::default()
        }),
        endpoints: wanted,
    };
    let services = endpoints.into_keys().collect();
    let place = Place { subject: &subject, after: Vec::new() };
    draft.push(place, Action::Begin(Box::new(operation)), Reason::EndpointsChanged { services });
}

/// `COMPOSELET_ENDPOINTS_APP="172.18.0.3 172.18.0.4"` and `COMPOSELET_WEIGHTS_APP="172.18.0.3=4 172.18.0.4=1"`.
fn environment(endpoints: &Endpoints) -> BTreeMap<String, Option<Secret>> {
    let variables = |(name, all): (&ServiceName, &Vec<String>)| {
        let letters =
            name.as_str().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' });
        let name: String = letters.collect::<String>().to_ascii_uppercase();
        let known = all.iter().filter_map(|one| one.split_once('@'));
        let known = known.map(|(_, address)| address.split_once('*').unwrap_or((address, "1")));
        let known: Vec<(&str, &str)> = known.collect();
        let addresses: Vec<&str> = known.iter().map(|(address, _)| *address).collect();
        let weights: Vec<String> =
            known.iter().map(|(address, weight)| format!("{address}={weight}")).collect();
        [
            (format!("COMPOSELET_ENDPOINTS_{name}"), Some(Secret::new(addresses.join(" ")))),
            (format!("COMPOSELET_WEIGHTS_{name}"), Some(Secret::new(weights.join(" ")))),
        ]
    };
    endpoints.iter().flat_map(variables).collect()
}

/// What the proxies in front of a service know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announced {
    /// One does not know yet whom it should.
    NotYet,
    /// All know; since when, if one was told.
    Since(Option<Timestamp>),
}

/// What the proxies in front of `view` know.
pub fn announced(world: &World<'_>, ledger: &ProjectLedger, view: &ServiceView<'_>) -> Announced {
    let mut since = None;
    for proxy in world.services.iter().filter(|proxy| !proxy.is_held(world)) {
        let Some(change) = &proxy.service.on_endpoints_change else {
            continue;
        };
        if !behind(world, proxy, change).iter().any(|one| one.service.name == view.service.name) {
            continue;
        }
        let wanted = fingerprint(&wanted(world, ledger, proxy, change));
        let containers = proxy.slots.iter().filter_map(|slot| slot.current.as_ref());
        let records = containers.filter_map(|one| ledger.endpoints.get(&one.container.id));
        for record in records {
            if record.applied.as_ref() != Some(&wanted) {
                return Announced::NotYet;
            }
            since = since.max(record.since);
        }
    }
    Announced::Since(since)
}

/// Notes what a proxy is told (part of [`record`](super::record::record)).
pub fn begun(ledger: &mut ProjectLedger, operation: &Operation) {
    if let Operation::Announce { container, endpoints, .. } = operation
        && let Some(record) = ledger.endpoints.get_mut(container)
    {
        record.announcing = Some(endpoints.clone());
    }
}

/// What came of telling it.
pub fn record_end(
    ledger: &mut ProjectLedger,
    id: &ContainerId,
    (report, policy): (&OperationReport, &Policy),
) {
    let Some(record) = ledger.endpoints.get_mut(id) else {
        return;
    };
    let Some(told) = record.announcing.take() else {
        return;
    };
    match &report.result {
        Ok(()) => {
            record.applied = Some(told);
            record.since = Some(report.at);
            record.failure = None;
        }
        Err(failure) => {
            let at = (report.at, policy, id.as_str());
            record.failure =
                Some(failed_again(record.failure.as_ref(), failure.message.clone(), at));
        }
    }
}
