//! Conditions of projects and services, in the form and words of Kubernetes' API conventions.

use crate::model::diagnostic::Severity;
use crate::model::held::{Held, WaitingOn};
use crate::model::id::ServiceName;
use crate::model::status::{Condition, ConditionKind, ProjectStatus, ServiceStatus, Truth};
use crate::planner::backups::{self, Standing};
use crate::planner::input::Intent;
use crate::planner::restore_drills;
use crate::planner::status::StatusInput;

/// A condition without its instant.
struct Statement {
    kind: ConditionKind,
    status: Truth,
    reason: String,
    message: String,
}

fn say(kind: ConditionKind, status: bool, reason: &str, message: String) -> Statement {
    let status = if status { Truth::True } else { Truth::False };
    Statement { kind, status, reason: reason.to_owned(), message }
}

/// Conditions of one service.
pub fn service_conditions(
    look: &StatusInput<'_>,
    status: &ServiceStatus,
    held: &[&Held],
) -> Vec<Condition> {
    let all = status.ready >= status.replicas;
    let first = leading(held);
    let count = format!("{} of {} replicas are ready", status.ready, status.replicas);
    let waiting = first
        .map_or_else(|| count.clone(), |held| format!("{count}; waits for {}", held.waiting_on));
    let ill = status.containers.iter().any(|container| container.health == "unhealthy");
    let working = look.plan.nodes.iter().any(|node| {
        let group = node.group.as_ref().map(|replica| &replica.service);
        let image = matches!(node.action.kind(), "PullImage" | "BuildImage")
            && node.action.object() == status.image
            && !(all && node.reason.is_routine());
        group == Some(&status.name) || image
    });
    let alone = match (ill, all) {
        (true, _) => "HealthCheckFailed",
        (false, true) => "Progressing",
        (false, false) => "ReplicasNotReady",
    };
    let reason = first.map_or(alone, |held| held.waiting_on.code());
    let reconciling = match first {
        _ if working => "Progressing",
        None if all => "ReconciliationSucceeded",
        _ => reason,
    };
    let mut statements = vec![
        ready_statement(planted!("ready-anyway", all && !working, true), reason, &waiting, held),
        available(status, reason),
        say(
            ConditionKind::Reconciling,
            working || (!all && first.is_some_and(|held| !is_final(&held.waiting_on))),
            reconciling,
            waiting.clone(),
        ),
    ];
    statements.extend(trouble(held));
    statements.extend(backed_up(look, Some(&status.name)));
    let before = look.previous.and_then(|previous| {
        let service = previous.services.iter().find(|service| service.name == status.name)?;
        Some(service.conditions.as_slice())
    });
    statements
        .into_iter()
        .map(|statement| dated(look, before.unwrap_or_default(), statement))
        .collect()
}

fn ready_statement(all: bool, reason: &str, waiting: &str, held: &[&Held]) -> Statement {
    let unknown = held.iter().any(|held| matches!(held.waiting_on, WaitingOn::Unknown(_)));
    if unknown {
        let mut statement = say(ConditionKind::Ready, false, reason, waiting.to_owned());
        statement.status = Truth::Unknown;
        return statement;
    }
    // Where all replicas are ready, a pull that runs is a look at the registry.
    let looks = |waiting: &WaitingOn| matches!(waiting, WaitingOn::Operation { kind, .. } if kind == "pull");
    let step = |waiting: &WaitingOn| matches!(waiting, WaitingOn::Rollout(wait) if wait.is_step());
    let blocks = |waiting: &WaitingOn| waiting.blocks_once() && !looks(waiting) || step(waiting);
    let blocked = held.iter().any(|held| blocks(&held.waiting_on));
    if all && !blocked {
        return say(
            ConditionKind::Ready,
            true,
            "ReconciliationSucceeded",
            "as declared".to_owned(),
        );
    }
    say(ConditionKind::Ready, false, reason, waiting.to_owned())
}

fn available(status: &ServiceStatus, reason: &str) -> Statement {
    let count = format!("{} of {} replicas are available", status.available, status.replicas);
    let serving = serves(status);
    let reason = if serving { "MinimumReplicasAvailable" } else { reason };
    say(ConditionKind::Available, serving, reason, count)
}

/// Whether somebody answers for a service, of whatever revision; one without replicas lacks nobody.
fn serves(status: &ServiceStatus) -> bool {
    status.available > 0 || status.replicas == 0
}

/// Stalled, Degraded and Suspended, as far as holds say so.
fn trouble(held: &[&Held]) -> Vec<Statement> {
    let find = |wanted: fn(&WaitingOn) -> bool| held.iter().find(|held| wanted(&held.waiting_on));
    let row = |kind, held: Option<&&Held>| match held {
        Some(held) => say(
            kind,
            true,
            held.waiting_on.code(),
            format!("{}: {}", held.subject, held.waiting_on),
        ),
        None => say(kind, false, "AsExpected", String::new()),
    };
    vec![
        row(ConditionKind::Stalled, find(is_final)),
        row(ConditionKind::Degraded, find(is_trouble)),
        row(ConditionKind::Suspended, find(is_rest)),
    ]
}

/// Whether there are backups where the files say when they are made, and whether they were proven where they say that: of
/// one service, or the worst that is known of all of the project. Nothing where nothing says so.
fn backed_up(look: &StatusInput<'_>, service: Option<&ServiceName>) -> Vec<Statement> {
    let input = look.input;
    let Some(desired) = input.declared.or(input.desired.project()) else { return Vec::new() };
    let made = backups::parts(desired).map(|one| (one.service, backups::standing(input, one)));
    let proven = restore_drills::drilled(desired)
        .map(|one| (one.service, restore_drills::standing(input, one)));
    let made = worst((ConditionKind::BackedUp, service), made);
    made.into_iter().chain(worst((ConditionKind::Proven, service), proven)).collect()
}

/// The worst of what is said of parts: of the one of a service, or of all.
fn worst<'a>(
    (kind, service): (ConditionKind, Option<&ServiceName>),
    said: impl Iterator<Item = (Option<&'a ServiceName>, Standing)>,
) -> Option<Statement> {
    let said = said.filter(|(of, _)| service.is_none() || *of == service);
    let rank = |good: Option<bool>| match good {
        Some(false) => 0,
        None => 1,
        Some(true) => 2,
    };
    let (of, worst) = said.min_by_key(|(_, one)| rank(one.good))?;
    let of = of.filter(|_| service.is_none());
    let of = of.map_or_else(String::new, |name| format!("service {name}: "));
    let status = match worst.good {
        Some(true) => Truth::True,
        Some(false) => Truth::False,
        None => Truth::Unknown,
    };
    let (reason, message) = (worst.reason.to_owned(), format!("{of}{}", worst.message));
    Some(Statement { kind, status, reason, message })
}

/// A person wants nothing to be done.
fn is_rest(waiting: &WaitingOn) -> bool {
    matches!(waiting, WaitingOn::Suspended(_) | WaitingOn::Stopped(_))
}

/// It will not get better without a change.
fn is_final(waiting: &WaitingOn) -> bool {
    match waiting {
        WaitingOn::Job(wait) => return wait.is_final(),
        WaitingOn::Project(wait) => return !wait.passes(),
        WaitingOn::Policy(wait) => return wait.is_final(),
        WaitingOn::Restore(wait) => return wait.is_failure(),
        _ => {}
    }
    matches!(
        waiting,
        WaitingOn::RestartsExhausted { .. }
            | WaitingOn::ErrImageNeverPull
            | WaitingOn::InvalidManifest
            | WaitingOn::AdoptionNeedsConfirmation { .. }
            | WaitingOn::PruneNeedsConfirmation { .. }
            | WaitingOn::DataPathChanged(_)
            | WaitingOn::RefusedOnEngine(_)
            | WaitingOn::UnsupportedAttribute { .. }
            | WaitingOn::FileReplaced { .. }
    ) || matches!(waiting, WaitingOn::Rollout(wait) if wait.is_final())
}

/// It goes on, but not as declared.
fn is_trouble(waiting: &WaitingOn) -> bool {
    match waiting {
        WaitingOn::Job(wait) => return wait.is_trouble(),
        WaitingOn::Schedule(wait) => return wait.is_trouble(),
        WaitingOn::ImageUpdate(wait) => return wait.is_trouble(),
        WaitingOn::Policy(wait) => return wait.is_trouble(),
        WaitingOn::Backup(wait) => return wait.is_trouble(),
        WaitingOn::RestoreDrill(wait) => return wait.is_trouble(),
        WaitingOn::Restore(wait) => return wait.is_pending(),
        _ => {}
    }
    matches!(
        waiting,
        WaitingOn::CrashLoopBackOff { .. }
            | WaitingOn::RestartsExhausted { .. }
            | WaitingOn::ImagePullBackOff { .. }
            | WaitingOn::ImageRefreshBackOff { .. }
            | WaitingOn::EngineCallBackOff { .. }
            | WaitingOn::DriftConflict { .. }
            | WaitingOn::ContentUnwritable(_)
            | WaitingOn::ReloadFailed { .. }
            | WaitingOn::HookFailed { .. }
            | WaitingOn::FileReplaced { .. }
            | WaitingOn::UnsupportedOnEngine(_)
            | WaitingOn::VolumeChanged(_)
            | WaitingOn::LedgerUnwritable(_)
            | WaitingOn::InvalidManifest
            | WaitingOn::ProbeImpossible { .. }
            | WaitingOn::DiskPressure(_)
    ) || matches!(waiting, WaitingOn::Rollout(wait) if wait.is_trouble())
}

/// The hold that says most: what blocks before what only tells, final ones first.
fn leading<'a>(held: &[&'a Held]) -> Option<&'a Held> {
    let said = held.iter().copied().filter(|held| !held.waiting_on.is_schedule());
    said.max_by_key(|held| {
        let waiting = &held.waiting_on;
        let step = matches!(waiting, WaitingOn::Rollout(wait) if wait.is_step());
        // Why the version was rejected is known; that its data is not back is what matters now.
        let data = matches!(waiting, WaitingOn::Restore(wait) if wait.is_pending());
        (data, is_final(waiting), is_trouble(waiting), step, waiting.blocks_once())
    })
}

/// Conditions of a project: the sum of its services and of what is held for it as a whole.
pub fn project_conditions(look: &StatusInput<'_>, status: &ProjectStatus) -> Vec<Condition> {
    let held: Vec<&Held> = look.plan.held.iter().collect();
    let invalid = look.diagnostics.iter().any(|one| one.severity == Severity::Error);
    let ready = status.services.iter().filter(|service| is_ready(service)).count();
    let count = format!("{ready} of {} services are ready", status.services.len());
    let known = matches!(look.input.desired, Intent::Run(_) | Intent::RunKeeping(_));
    let steps = look.plan.nodes.len();
    let changes = look.plan.nodes.iter().filter(|node| !node.reason.is_scheduled()).count();
    let all = known && ready == status.services.len() && changes == 0 && !invalid;
    let (reason, message) = match leading(&held) {
        _ if invalid => {
            ("InvalidManifest", format!("{count}; the last good version goes on running"))
        }
        Some(held) => {
            let (subject, waiting) = (&held.subject, &held.waiting_on);
            (waiting.code(), format!("{count}; {subject} waits for {waiting}"))
        }
        None => ("Progressing", count.clone()),
    };
    let other =
        |held: &&Held| matches!(&held.waiting_on, WaitingOn::Rollout(wait) if wait.runs_other());
    let as_declared = all && !held.iter().any(other);
    let mut statements = vec![ready_statement(as_declared, reason, &message, &held)];
    let available = status.services.iter().filter(|service| serves(service)).count();
    let serving = available == status.services.len();
    let total = status.services.len();
    let word = if serving { "MinimumReplicasAvailable" } else { reason };
    statements.push(say(
        ConditionKind::Available,
        serving && known,
        word,
        format!("{available} of {total} services are available"),
    ));
    let working = steps > 0 || held.iter().any(|held| held.waiting_on.blocks_once());
    let word = if working { reason } else { "ReconciliationSucceeded" };
    statements.push(say(ConditionKind::Reconciling, working, word, message));
    statements.push(say(
        ConditionKind::Progressing,
        steps > 0,
        "Progressing",
        format!("{steps} steps"),
    ));
    statements.extend(trouble(&held));
    statements.extend(backed_up(look, None));
    let before = look.previous.map(|previous| previous.conditions.as_slice()).unwrap_or_default();
    statements.into_iter().map(|statement| dated(look, before, statement)).collect()
}

fn is_ready(service: &ServiceStatus) -> bool {
    let mut conditions = service.conditions.iter();
    conditions.any(|one| one.kind == ConditionKind::Ready && one.status == Truth::True)
}

/// Gives a statement its instant: that of the last change of its status.
fn dated(look: &StatusInput<'_>, before: &[Condition], statement: Statement) -> Condition {
    let same =
        before.iter().find(|one| one.kind == statement.kind && one.status == statement.status);
    Condition {
        kind: statement.kind,
        status: statement.status,
        reason: statement.reason,
        message: statement.message,
        last_transition: same.map_or(look.input.now, |one| one.last_transition),
        observed_generation: look.input.ledger.generation,
    }
}
