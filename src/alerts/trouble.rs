//! What is wrong with a project, read from its published status. Pure.

use crate::alerts::message::{MOST_DETAILS, Severity, line};
use crate::model::diagnostic;
use crate::model::status::{
    Condition, ConditionKind, ContainerStatus, ProjectStatus, ServiceStatus, Truth,
};

/// The reason of a project whose engine cannot be asked.
pub(super) const ENGINE_UNREACHABLE: &str = "EngineUnreachable";
/// Most lines of a log that a message holds.
const MOST_LOG: usize = 20;

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// How much it matters.
    pub severity: Severity,
    /// One word: that of the condition.
    pub reason: String,
    /// A sentence.
    pub text: String,
    /// Lines of evidence.
    pub details: Vec<String>,
    /// Last lines of a log.
    pub log: Vec<String>,
    /// It does not pass by itself: it is told at once.
    pub is_final: bool,
}

/// What one look at something says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// All is well.
    Good,
    /// Neither: it is at work, or nobody knows.
    Between,
    /// A person suspended it: nobody needs to be told that it is not as declared.
    Hushed,
    /// Something is wrong.
    Bad(Box<Trouble>),
}

/// What the conditions of a project say. A project that is only on its way to being ready is neither good nor bad.
pub fn look_at(status: &ProjectStatus) -> Look {
    let find = |kind: ConditionKind, truth: Truth| {
        status.conditions.iter().find(|one| one.kind == kind && one.status == truth)
    };
    if find(ConditionKind::Suspended, Truth::True).is_some() {
        return Look::Hushed;
    }
    if find(ConditionKind::Ready, Truth::Unknown).is_some() {
        return Look::Between;
    }
    let bad = |severity: Severity, condition: &Condition, is_final: bool| {
        Look::Bad(Box::new(trouble(status, severity, condition, is_final)))
    };
    let unavailable = find(ConditionKind::Available, Truth::False);
    if let Some(stalled) = find(ConditionKind::Stalled, Truth::True) {
        return bad(Severity::Error, stalled, true);
    }
    let degraded = find(ConditionKind::Degraded, Truth::True);
    match (unavailable, degraded) {
        (Some(_), Some(degraded)) => bad(Severity::Error, degraded, false),
        (Some(unavailable), None) => bad(Severity::Error, unavailable, false),
        (None, Some(degraded)) => bad(Severity::Warning, degraded, false),
        (None, None) if find(ConditionKind::Ready, Truth::True).is_some() => Look::Good,
        (None, None) => Look::Between,
    }
}

/// Whether the engine could not be asked about the project.
pub(super) fn engine_is_lost(status: &ProjectStatus) -> Option<&Condition> {
    status.conditions.iter().find(|one| {
        one.kind == ConditionKind::Ready
            && one.status == Truth::Unknown
            && one.reason == ENGINE_UNREACHABLE
    })
}

fn trouble(
    status: &ProjectStatus,
    severity: Severity,
    condition: &Condition,
    is_final: bool,
) -> Trouble {
    let mut details = Vec::new();
    let errors =
        status.diagnostics.iter().filter(|one| one.severity == diagnostic::Severity::Error);
    details.extend(errors.take(3).map(|one| {
        let place = one.location.as_ref().map_or_else(String::new, |place| format!("{place}: "));
        line(&format!("{place}{}", one.message))
    }));
    let ill: Vec<&ServiceStatus> =
        status.services.iter().filter(|service| service.ready < service.replicas).collect();
    for service in &ill {
        details.push(service_line(service));
        details.extend(worst(service).map(container_line));
    }
    if details.len() > MOST_DETAILS {
        let more = details.len() - MOST_DETAILS + 1;
        details.truncate(MOST_DETAILS - 1);
        details.push(format!("… and {more} lines more: `composelet describe {}`", status.name));
    }
    let log = ill.iter().find_map(|service| {
        let log = &worst(service)?.last_log;
        (!log.is_empty()).then(|| tail(log))
    });
    Trouble {
        severity,
        reason: condition.reason.clone(),
        text: line(&condition.message),
        details,
        log: log.unwrap_or_default(),
        is_final,
    }
}

fn service_line(service: &ServiceStatus) -> String {
    let why = service.conditions.iter().find(|one| one.kind == ConditionKind::Ready);
    let why = why.map_or_else(String::new, |one| format!("{}: {}", one.reason, one.message));
    line(&format!("{}: {why}", service.name))
}

/// The container of a service that says most of what is wrong.
fn worst(service: &ServiceStatus) -> Option<&ContainerStatus> {
    let ill = |one: &&ContainerStatus| {
        one.failures > 0 || one.health == "unhealthy" || one.state != "running"
    };
    service.containers.iter().filter(ill).max_by_key(|one| (one.failures, one.restarts))
}

fn container_line(container: &ContainerStatus) -> String {
    let code =
        container.exit_code.map_or_else(String::new, |code| format!(", last exit code {code}"));
    let health = match container.health.as_str() {
        "" => String::new(),
        health => format!(", {health}"),
    };
    let (name, state, failures) = (&container.name, &container.state, container.failures);
    line(&format!("  {name} is {state}{health}{code}, failures: {failures}"))
}

/// The last lines of a log.
pub(super) fn tail(log: &[String]) -> Vec<String> {
    log.iter().skip(log.len().saturating_sub(MOST_LOG)).map(|text| line(text)).collect()
}
