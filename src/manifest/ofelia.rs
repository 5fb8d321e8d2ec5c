//! Labels of Ofelia (github.com/mcuadros/ofelia) that say the same as a schedule: `ofelia.job-exec.<name>.*` on a service
//! with `ofelia.enabled: "true"`.

use std::collections::BTreeMap;

use crate::manifest::node::{Entry, Node};
use crate::manifest::report::{Finding, Report};
use crate::manifest::{schedule, shell};
use crate::model::hook::HookCommand;
use crate::model::id::ServiceName;
use crate::model::schedule::{Concurrency, HistoryLimit, Schedule, Work};
use crate::model::secret::Secret;

/// Beginning of every label.
pub(crate) const PREFIX: &str = "ofelia.";
const EXEC: &str = "job-exec";

/// One job by the keys of its labels.
type Job<'a> = BTreeMap<&'a str, &'a Entry>;

/// Whether the labels are Ofelia's own business: it is part of the project.
fn runs_itself(project: &Node) -> bool {
    let services = project.get("services").and_then(Node::as_map);
    services.into_iter().flatten().any(|(_, entry)| {
        let image = entry.node.get("image").and_then(Node::as_text);
        image.is_some_and(|image| image.contains("ofelia"))
    })
}

/// The labels of jobs of one kind on a service: name, key and label. None where Ofelia is not asked for, or runs itself.
pub(crate) fn labels<'a>(
    project: &Node,
    service: &'a Node,
    kind: &'a str,
) -> impl Iterator<Item = (&'a str, &'a str, &'a Entry)> + use<'a> {
    let labels = service.get("labels").and_then(Node::as_map);
    let enabled = labels.and_then(|labels| labels.get("ofelia.enabled")?.node.as_text());
    let labels = labels.filter(|_| enabled == Some("true") && !runs_itself(project));
    labels.into_iter().flatten().filter_map(move |(label, entry)| {
        let rest = label.strip_prefix(PREFIX)?.strip_prefix(kind)?.strip_prefix('.')?;
        let (name, key) = rest.rsplit_once('.')?;
        (!name.is_empty()).then_some((name, key, entry))
    })
}

/// The jobs of a service by name.
fn jobs<'a>(project: &Node, service: &'a Node) -> BTreeMap<&'a str, Job<'a>> {
    let mut jobs: BTreeMap<&str, Job<'_>> = BTreeMap::new();
    for (name, key, entry) in labels(project, service, EXEC) {
        jobs.entry(name).or_default().insert(key, entry);
    }
    jobs
}

fn text<'a>(job: &Job<'a>, key: &str) -> Option<&'a str> {
    job.get(key).and_then(|entry| entry.node.as_text())
}

/// Kinds of jobs that are not taken up, with what to write instead.
const OTHERS: [(&str, &str); 2] = [
    (
        "job-local",
        "it runs where Ofelia runs: write a service with that program and x-composelet.schedule",
    ),
    ("job-service-run", "there is no Swarm here: write a service with x-composelet.schedule"),
];

/// Checks the labels of a service.
pub(crate) fn check(project: &Node, service: &Node, field: &str, report: &mut Report) {
    for (kind, help) in OTHERS {
        for (name, _, entry) in
            labels(project, service, kind).filter(|(_, key, _)| *key == "schedule")
        {
            let path = format!("{field}.labels.{PREFIX}{kind}.{name}");
            let message = format!("the {kind} {name} is not run");
            report.add(Finding::warning("ofelia-label", &path, message).at(entry.key).help(help));
        }
    }
    for (name, job) in jobs(project, service) {
        let path = format!("{field}.labels.{PREFIX}{EXEC}.{name}");
        let Some(place) = job.values().next().map(|entry| entry.key) else { continue };
        for key in ["schedule", "command"] {
            if text(&job, key).is_none_or(str::is_empty) {
                let message = format!("the job {name} has no {key}");
                let finding = Finding::error("missing-key", &path, message).at(place);
                report.add(finding.help(format!("add the label {PREFIX}{EXEC}.{name}.{key}")));
            }
        }
        if let (Some(pattern), Some(entry)) = (text(&job, "schedule"), job.get("schedule"))
            && let Err((message, help)) = schedule::when(pattern, "UTC", true)
        {
            let finding = Finding::error("cron", &format!("{path}.schedule"), message);
            report.add(finding.at(entry.node.place).help(help));
        }
    }
}

/// The schedules that the checked labels of a service say.
pub(crate) fn read(project: &Node, service_name: &str, service: &Node) -> Vec<Schedule> {
    let schedule = |(name, job): (&str, Job<'_>)| {
        let words = shell::words(text(&job, "command")?)?;
        let command = HookCommand {
            command: words.into_iter().map(Secret::new).collect(),
            user: text(&job, "user").filter(|user| !user.is_empty()).map(str::to_owned),
            ..HookCommand::default()
        };
        let alone = text(&job, "no-overlap") == Some("true");
        Some(Schedule {
            name: name.to_owned(),
            when: schedule::when(text(&job, "schedule")?, "UTC", true).ok()?,
            concurrency: if alone { Concurrency::Forbid } else { Concurrency::Allow },
            deadline: None,
            suspend: false,
            history: HistoryLimit::default(),
            timeout: None,
            retries: 0,
            work: Work::Exec {
                service: ServiceName::new(service_name),
                command: Box::new(command),
            },
            on_success: Vec::new(),
        })
    };
    jobs(project, service).into_iter().filter_map(schedule).collect()
}
