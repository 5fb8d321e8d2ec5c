//! The sections of `describe`, each a text of its own; an empty one is left out.

use crate::cli::output::{BOLD, DIM, WARN, append, styled};
use crate::cli::table::{Cell, Table};
use crate::cli::{diagnostics as findings, revisions, view};
use crate::model::diagnostic::Diagnostic;
use crate::model::held::{Held, Subject, WaitingOn};
use crate::model::job::JobWait;
use crate::model::operation::OperationSubject;
use crate::model::revision::Verdict;
use crate::model::status::{
    ActionRecord, Condition, ContainerStatus, ImageMoves, OperationStatus, ProjectEdge,
    ProjectStatus, ServiceStatus, Truth,
};
use crate::model::time::Timestamp;

/// Actions that are shown.
const RECENT: usize = 15;

/// Name, source and generation of a project.
pub(super) fn project_facts(project: &ProjectStatus, now: Timestamp) -> String {
    let observed = match project.observed_at {
        Some(at) => format!("{} ago", view::age(now, Some(at))),
        None => "never".to_owned(),
    };
    let mut pairs = vec![("Project", project.name.to_string())];
    if !project.depends_on.is_empty() {
        let edges: Vec<String> = project.depends_on.iter().map(edge).collect();
        pairs.push(("Depends on", edges.join("; ")));
    }
    pairs.extend([
        ("Source", project.source.clone()),
        ("Generation", generation(project)),
        ("Engine seen", observed),
        ("Published", format!("{} ago", view::age(now, Some(project.published_at)))),
        (
            "Changes made",
            format!("{} engine calls since the controller began", project.mutating_calls),
        ),
    ]);
    facts(&pairs)
}

fn edge(edge: &ProjectEdge) -> String {
    let (project, condition) = (&edge.project, edge.condition);
    let optional = if edge.required { "" } else { ", not required" };
    match &edge.lacking {
        None => format!("project {project}, {condition}{optional}"),
        Some(what) => format!("project {project}, not {condition}{optional}: {what}"),
    }
}

/// What an image that moves follows, and what runs of it.
fn moves(image: &ImageMoves, now: Timestamp) -> String {
    let mut parts = Vec::new();
    if !image.follows.is_empty() {
        let looked = image.checked.map_or_else(
            || "not looked yet".to_owned(),
            |at| format!("looked {} ago", view::age(now, Some(at))),
        );
        parts.push(format!("{}, {looked}", image.follows));
    }
    if let Some(running) = &image.running {
        let since = view::age(now, Some(running.since));
        parts.push(format!("instead of {} for {since}: {running}", image.written));
    }
    parts.join("; ")
}

/// Name, image and counts of a service.
pub(super) fn service_facts(
    project: &ProjectStatus,
    service: &ServiceStatus,
    now: Timestamp,
) -> String {
    let image = service.image_is.as_ref();
    let digest = image.map(|image| {
        image.digest.clone().unwrap_or_else(|| "none: it came from no registry".to_owned())
    });
    let checked = image.and_then(|image| image.checked);
    let checked = checked
        .map_or_else(|| "never".to_owned(), |at| format!("{} ago", view::age(now, Some(at))));
    let mut pairs = vec![
        ("Service", format!("{}/{}", project.name, service.name)),
        ("Image", service.image.clone()),
        ("Image id", image.map_or_else(|| "not known".to_owned(), |image| image.id.clone())),
        ("Digest", digest.unwrap_or_else(|| "not known".to_owned())),
        ("Checked", checked),
        ("Revision", service.revision.clone().unwrap_or_else(|| "not known yet".to_owned())),
        (
            "Replicas",
            format!(
                "{} declared, {} running, {} available, {} ready",
                service.replicas, service.running, service.available, service.ready
            ),
        ),
        ("Generation", generation(project)),
        ("Published", format!("{} ago", view::age(now, Some(project.published_at)))),
    ];
    if let Some(image) = &service.image_moves {
        pairs.insert(2, ("Moves", moves(image, now)));
    }
    facts(&pairs)
}

/// Name, id and owner of a container.
pub(super) fn container_facts(project: &ProjectStatus, container: &ContainerStatus) -> String {
    let replica_of = project
        .services
        .iter()
        .find(|service| service.containers.iter().any(|other| other.id == container.id));
    let owner = match replica_of {
        Some(service) => format!("{}/{}", project.name, service.name),
        None => format!("{} (no replica of a declared service)", project.name),
    };
    facts(&[
        ("Container", container.name.clone()),
        ("Id", container.id.clone()),
        ("Belongs to", owner),
        ("Ports", container.ports.join(", ")),
    ])
}

fn generation(project: &ProjectStatus) -> String {
    match project.observed_generation {
        seen if seen == project.generation => seen.to_string(),
        seen => format!("{}, acted upon {seen}", project.generation),
    }
}

fn facts(pairs: &[(&str, String)]) -> String {
    let line = |(label, value): &(&str, String)| {
        let value = if value.is_empty() { "-" } else { value };
        format!("{} {value}\n", styled(BOLD, &format!("{:<13}", format!("{label}:"))))
    };
    pairs.iter().map(line).collect()
}

/// Long calls about the images and containers of these services, with their last line of progress.
pub(super) fn operations(
    operations: &[OperationStatus],
    services: &[ServiceStatus],
    now: Timestamp,
) -> String {
    let mut text = String::new();
    for operation in operations {
        let about = services.iter().find_map(|service| match &operation.subject {
            OperationSubject::Image(image) => (*image == service.image).then(|| image.clone()),
            OperationSubject::Exec(run) => {
                let service = service.name.as_str();
                let of = run.strip_prefix(service).is_some_and(|rest| rest.starts_with(['/', ' ']));
                of.then(|| run.clone())
            }
            OperationSubject::Analysis(key) => {
                (key.service == service.name).then(|| format!("{} {}", key.service, key.check))
            }
            // The first is over in a moment, of the others a hold tells.
            OperationSubject::ImageCheck { .. }
            | OperationSubject::Check(_)
            | OperationSubject::Backup(_)
            | OperationSubject::RestoreDrill(_)
            | OperationSubject::Restore(_) => None,
            OperationSubject::Container(id)
            | OperationSubject::Hook(id)
            | OperationSubject::Probe(id) => {
                let mut containers = service.containers.iter();
                containers.find(|one| one.id == id.as_str()).map(|one| one.name.clone())
            }
        });
        let Some(about) = about else { continue };
        let running = &operation.running;
        let age = view::age(now, Some(running.since));
        append(
            &mut text,
            &format!("{} {about} for {age}  {}\n", running.kind, styled(DIM, &running.progress)),
        );
    }
    section("Running", text.is_empty(), &text)
}

/// All conditions, as a table.
pub(super) fn conditions(conditions: &[Condition], now: Timestamp) -> String {
    let mut table = Table::new(&["TYPE", "STATUS", "REASON", "SINCE", "MESSAGE"]);
    for condition in conditions {
        let (kind, status) = (format!("{:?}", condition.kind), format!("{:?}", condition.status));
        table.row(vec![
            kind.into(),
            Cell::styled(view::truth_style(condition.kind, condition.status), status),
            condition.reason.as_str().into(),
            view::age(now, Some(condition.last_transition)).into(),
            condition.message.as_str().into(),
        ]);
    }
    section("Conditions", conditions.is_empty(), &table.render())
}

/// The last revision, if it was rejected, with the evidence.
pub(super) fn rejected(project: &ProjectStatus) -> String {
    match project.revisions.last().map(|last| (last.number, &last.verdict)) {
        Some((number, Verdict::Rejected(failure))) => section(
            &format!("Revision {number} was rejected"),
            false,
            &revisions::rejected(failure),
        ),
        _ => String::new(),
    }
}

/// Drills of the way back.
pub(super) fn drills(project: &ProjectStatus, now: Timestamp) -> String {
    let text = revisions::drills(project, now);
    section("Drills of the way back", text.is_empty(), &text)
}

/// Restore drills on a schedule: when the next one is, and which backup was proven last.
pub(super) fn restore_drills(project: &ProjectStatus, now: Timestamp) -> String {
    let mut table = Table::new(&["OF", "AT", "NEXT", "PROVEN", "BACKUP", "FAILURES"]);
    for one in &project.restore_drills {
        let proven = one.proven.as_ref();
        let ago = proven.map(|last| format!("{} ago", view::age(now, Some(last.proven))));
        let next = one.next.map(|next| view::until(now, next)).unwrap_or_default();
        let of = one.service.as_ref().map_or("project", |service| service.as_str());
        table.row(vec![
            of.into(),
            one.when.as_str().into(),
            next.into(),
            ago.unwrap_or_default().into(),
            proven.map(|last| last.id.clone()).unwrap_or_default().into(),
            one.failures.to_string().into(),
        ]);
    }
    section("Restore drills", project.restore_drills.is_empty(), &table.render())
}

/// What is held, what for and until when.
pub(super) fn held<'a>(held: impl IntoIterator<Item = &'a Held>, now: Timestamp) -> String {
    let mut text = String::new();
    for held in held {
        let code = styled(WARN, held.waiting_on.code());
        let until = held.until.map_or_else(
            || "the next event".to_owned(),
            |until| format!("{} ({until})", view::until(now, until)),
        );
        append(&mut text, &format!("{}  {code}: waiting on {}\n", held.subject, held.waiting_on));
        append(&mut text, &format!("  {} {until}\n", styled(DIM, "looked at again:")));
        if let WaitingOn::CrashLoopBackOff { last, .. }
        | WaitingOn::Job(JobWait::BackOff { last, .. } | JobWait::Failed { last, .. }) =
            &held.waiting_on
        {
            text.push_str(&log(last));
        }
    }
    section("Held", text.is_empty(), &text)
}

/// One line per service.
pub(super) fn service_lines(services: &[ServiceStatus], now: Timestamp) -> String {
    let mut table = Table::new(&["NAME", "STATUS", "READY", "SINCE", "IMAGE", "MESSAGE"]);
    for service in services {
        let ready =
            view::condition(&service.conditions, crate::model::status::ConditionKind::Ready);
        let message =
            ready.filter(|ready| ready.status != Truth::True).map(|ready| ready.message.clone());
        table.row(vec![
            service.name.as_str().into(),
            view::summary(&service.conditions),
            view::ratio(service.ready, service.replicas),
            view::age(now, ready.map(|ready| ready.last_transition)).into(),
            service.image.as_str().into(),
            message.unwrap_or_default().into(),
        ]);
    }
    section("Services", services.is_empty(), &table.render())
}

/// Containers with state, failures, next try, last log lines, drift and notes.
pub(super) fn containers(title: &str, containers: &[ContainerStatus], now: Timestamp) -> String {
    let text: String = containers.iter().map(|container| container_text(container, now)).collect();
    section(title, containers.is_empty(), &text)
}

fn container_text(container: &ContainerStatus, now: Timestamp) -> String {
    let mut text = format!(
        "{}  {}",
        styled(BOLD, &container.name),
        styled(view::state_style(container), &container.state)
    );
    if !container.health.is_empty() {
        let health = styled(view::health_style(&container.health), &container.health);
        append(&mut text, &format!(", {health}"));
    }
    if container.since.is_some() {
        append(&mut text, &format!(" for {}", view::age(now, container.since)));
    }
    if let Some(code) = container.exit_code {
        append(&mut text, &format!("; last exit code {code}"));
    }
    text.push('\n');
    let mut line = |label: &str, value: &str| {
        append(&mut text, &format!("  {:<11}{value}\n", format!("{label}:")));
    };
    if container.failures > 0 || container.restarts > 0 {
        let counts = format!(
            "{} since it last ran well, {} restarts",
            container.failures, container.restarts
        );
        line("failures", &counts);
    }
    if let Some(next) = view::next_try(container) {
        line("next try", &styled(WARN, &format!("{} ({next})", view::until(now, next))));
    }
    if !container.ports.is_empty() {
        line("ports", &container.ports.join(", "));
    }
    for drift in &container.drift {
        line("drift", &styled(WARN, drift));
    }
    for note in &container.notes {
        line("note", note);
    }
    text.push_str(&log(&container.last_log));
    text
}

/// Last log lines, bounded as they were stored.
pub(super) fn log(lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let lines = lines.iter().map(|line| format!("    {} {line}\n", styled(DIM, "|")));
    format!("  last log lines:\n{}", lines.collect::<String>())
}

/// Findings in the manifests.
pub(super) fn diagnostics<'a>(found: impl IntoIterator<Item = &'a Diagnostic>) -> String {
    let text: String = found.into_iter().map(findings::render).collect();
    section("Findings in the manifests", text.is_empty(), &text)
}

/// The last actions with their reasons.
pub(super) fn recent<'a>(
    actions: impl Iterator<Item = &'a ActionRecord>,
    now: Timestamp,
) -> String {
    let actions: Vec<&ActionRecord> = actions.collect();
    let skipped = actions.len().saturating_sub(RECENT);
    let line = |record: &&ActionRecord| {
        let age = format!("{:>7} ago", view::age(now, Some(record.at)));
        format!("{}  {}\n", styled(DIM, &age), view::action(record))
    };
    let text: String = actions.iter().skip(skipped).map(line).collect();
    section("Recent actions (newest last)", text.is_empty(), &text)
}

/// Holds of a container: its replica's, or its own if it is none.
pub(super) fn held_of_container<'a>(
    project: &'a ProjectStatus,
    container: &'a ContainerStatus,
) -> impl Iterator<Item = &'a Held> {
    let service = project
        .services
        .iter()
        .find(|service| service.containers.iter().any(|other| other.id == container.id));
    project.held.iter().filter(move |held| match &held.subject {
        Subject::Replica(replica) => {
            service.is_some_and(|service| service.name == replica.service)
                && container.number == Some(replica.number)
        }
        Subject::Service(name) => service.is_some_and(|service| service.name == *name),
        Subject::Container(name) => name.as_str() == container.name,
        _ => false,
    })
}

/// Actions on the containers and the image of a service.
pub(super) fn recent_of<'a>(
    project: &'a ProjectStatus,
    service: &'a ServiceStatus,
) -> impl Iterator<Item = &'a ActionRecord> {
    let prefix = format!("{}-{}-", project.name, service.name);
    project.recent.iter().filter(move |record| {
        let mut names = record.object.split(' ');
        names.any(|name| {
            name == service.image
                || name.contains(&prefix)
                || service.containers.iter().any(|container| container.name == name)
        })
    })
}

/// Actions on a container of that name.
pub(super) fn recent_about<'a>(
    project: &'a ProjectStatus,
    name: &'a str,
) -> impl Iterator<Item = &'a ActionRecord> {
    let records = project.recent.iter();
    records.filter(move |record| record.object.split(' ').any(|word| word == name))
}

/// Findings about the fields of a service.
pub(super) fn diagnostics_of<'a>(
    project: &'a ProjectStatus,
    service: &'a ServiceStatus,
) -> impl Iterator<Item = &'a Diagnostic> {
    let field = format!("services.{}", service.name);
    project.diagnostics.iter().filter(move |found| {
        let rest = found.field.strip_prefix(&field);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    })
}

pub(super) fn section(title: &str, empty: bool, text: &str) -> String {
    if empty {
        return String::new();
    }
    let indent = |line: &str| match line {
        "" => "\n".to_owned(),
        line => format!("  {line}\n"),
    };
    let indented = text.trim_end().lines().map(indent);
    format!("{}\n{}", styled(BOLD, &format!("{title}:")), indented.collect::<String>())
}
