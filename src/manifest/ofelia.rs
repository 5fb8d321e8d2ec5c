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

const PREFIX: &str = "ofelia.";
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

/// The jobs of a service by name.
fn jobs<'a>(project: &Node, service: &'a Node) -> BTreeMap<&'a str, Job<'a>> {
    let mut jobs: BTreeMap<&str, Job<'_>> = BTreeMap::new();
    let labels = service.get("labels").and_then(Node::as_map);
    let enabled = labels.and_then(|labels| labels.get("ofelia.enabled")?.node.as_text());
    if enabled != Some("true") || runs_itself(project) {
        return jobs;
    }
    for (label, entry) in labels.into_iter().flatten() {
        let rest = label.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix(EXEC));
        let rest = rest.and_then(|rest| rest.strip_prefix('.')?.rsplit_once('.'));
        if let Some((name, key)) = rest.filter(|(name, _)| !name.is_empty()) {
            jobs.entry(name).or_default().insert(key, entry);
        }
    }
    jobs
}

fn text<'a>(job: &Job<'a>, key: &str) -> Option<&'a str> {
    job.get(key).and_then(|entry| entry.node.as_text())
}

/// Checks the labels of a service.
pub(crate) fn check(project: &Node, service: &Node, field: &str, report: &mut Report) {
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
