//! `x-composelet`: the words of our own (DESIGN §8). A key that is not built yet is an error, not a no-op.

use std::time::Duration;

use crate::manifest::backup;
use crate::manifest::checks;
use crate::manifest::drain;
use crate::manifest::drill;
use crate::manifest::environment::child;
use crate::manifest::host_probe;
use crate::manifest::image_update;
use crate::manifest::job;
use crate::manifest::node::{Entry, Node};
use crate::manifest::on_change::{self, Change};
use crate::manifest::on_endpoints_change;
use crate::manifest::projects;
use crate::manifest::report::{Finding, Report};
use crate::manifest::schedule;
use crate::manifest::schema::{self, Object};
use crate::manifest::strategy::{self, Replacement};
use crate::manifest::suggest;
use crate::manifest::words;
use crate::model::backup::Backup;
use crate::model::desired::Suspend;
use crate::model::drill::Drill;
use crate::model::endpoints::EndpointsChange;

/// The extension key.
pub(crate) const KEY: &str = "x-composelet";

const PROJECT: &[&str] = &["depends_on_projects", "suspend", "checks", "drill", "backup"];
const SERVICE: &[&str] = &[
    "suspend",
    "on_change",
    "on_endpoints_change",
    "probe",
    "strategy",
    "drain",
    "job",
    "schedule",
    "checks",
    "backup",
    "image_update",
];
const VOLUME: &[&str] = &["backup"];

/// Checks a key that begins with `x-`: ours has known words only, and one that is nearly ours is pointed out.
pub(crate) fn check(
    object: &'static Object,
    key: &str,
    entry: &Entry,
    field: &str,
    report: &mut Report,
) {
    let field = child(field, key);
    if key != KEY {
        if suggest::nearest(key, std::iter::once(KEY)).is_some() {
            report.add(
                Finding::warning(
                    "extension-name",
                    &field,
                    format!("{key} is not {KEY} and has no effect"),
                )
                .at(entry.key)
                .help(format!("did you mean {KEY}?")),
            );
        }
        return;
    }
    let Some(map) = entry.node.as_map() else {
        let message = format!("{field} is {}", entry.node.kind());
        report.add(
            Finding::error("wrong-kind", &field, message)
                .at(entry.node.place)
                .help("a mapping, such as {suspend: true}"),
        );
        return;
    };
    let known = words(object);
    for (key, entry) in map {
        word(known, key, entry, &child(&field, key), report);
    }
}

/// The words that are known on an object.
fn words(object: &'static Object) -> &'static [&'static str] {
    if std::ptr::eq(object, &raw const schema::PROJECT) {
        PROJECT
    } else if std::ptr::eq(object, &raw const schema::SERVICE) {
        SERVICE
    } else if std::ptr::eq(object, &raw const schema::VOLUME) {
        VOLUME
    } else {
        &[]
    }
}

fn word(known: &[&str], key: &str, entry: &Entry, path: &str, report: &mut Report) {
    if key == "suspend" && known.contains(&key) {
        if words::truth(&entry.node).is_none() {
            report.add(
                Finding::error("wrong-kind", path, format!("{path} is {}", entry.node.kind()))
                    .at(entry.node.place)
                    .help("true or false"),
            );
        }
    } else if key == "depends_on_projects" && known.contains(&key) {
        projects::check(&entry.node, path, report);
    } else if key == "drill" && known.contains(&key) {
        drill::check(&entry.node, path, report);
    } else if key == "on_change" && known.contains(&key) {
        on_change::check(&entry.node, path, report);
    } else if key == "on_endpoints_change" && known.contains(&key) {
        on_endpoints_change::check(&entry.node, path, report);
    } else if key == "strategy" && known.contains(&key) {
        strategy::check(&entry.node, path, report);
    } else if key == "drain" && known.contains(&key) {
        drain::check(&entry.node, path, report);
    } else if key == "job" && known.contains(&key) {
        job::check(&entry.node, path, report);
    } else if key == "schedule" && known.contains(&key) {
        schedule::check(&entry.node, path, report);
    } else if key == "image_update" && known.contains(&key) {
        image_update::check(&entry.node, path, report);
    } else if key == "checks" && known.contains(&key) {
        let further: &[&str] = if known == PROJECT { &["service"] } else { &[] };
        checks::check(&entry.node, path, further, report);
    } else if key == "backup" && known.contains(&key) {
        let of = match known {
            PROJECT => backup::Of::Project,
            VOLUME => backup::Of::Volume,
            _ => backup::Of::Service,
        };
        backup::check(&entry.node, path, of, report);
    } else if key == "probe" && known.contains(&key) {
        host_probe::check(&entry.node, path, report);
    } else if known.contains(&key) {
        report.add(
            Finding::error("not-built-yet", path, format!("{path} is not built yet"))
                .at(entry.key)
                .help("remove it; it comes with a later version"),
        );
    } else {
        let finding =
            Finding::error("unknown-key", path, format!("the key {key} is not known here"))
                .at(entry.key);
        report.add(match suggest::nearest(key, known.iter().copied()) {
            Some(near) => finding.help(format!("did you mean {near}?")),
            None if known.is_empty() => {
                finding.help(format!("{KEY} stands on a project or a service"))
            }
            None => finding.help(format!("known are {}", known.join(", "))),
        });
    }
}

/// `suspend` of a checked project or service.
pub(crate) fn suspend(node: &Node) -> Suspend {
    match node.at(&[KEY, "suspend"]).and_then(words::truth) {
        Some(true) => Suspend::Yes,
        _ => Suspend::No,
    }
}

/// `drill` of a checked project, if it has one.
pub(crate) fn drill(node: &Node) -> Option<Drill> {
    node.at(&[KEY, "drill"]).and_then(drill::read)
}

/// `depends_on_projects` of a project.
pub(crate) fn depends_on_projects(node: &Node) -> Option<&Node> {
    node.at(&[KEY, "depends_on_projects"])
}

/// `on_change` of a checked service, if it has one.
pub(crate) fn on_change(node: &Node) -> Option<Change> {
    node.at(&[KEY, "on_change"]).and_then(on_change::read)
}

/// `strategy` of a checked service, if it has one.
pub(crate) fn strategy(node: &Node) -> Option<Replacement> {
    node.at(&[KEY, "strategy"]).and_then(strategy::read)
}

/// `drain` of a checked service, if it has one.
pub(crate) fn drain(node: &Node) -> Option<Duration> {
    node.at(&[KEY, "drain"]).and_then(drain::read)
}

/// `on_endpoints_change` of a checked service, if it has one.
pub(crate) fn on_endpoints_change(node: &Node) -> Option<EndpointsChange> {
    node.at(&[KEY, "on_endpoints_change"]).and_then(on_endpoints_change::read)
}

/// Services that the words of a service name and that are not there, each with the field that names it.
pub(crate) fn unknown_services(
    node: &Node,
    known: impl Fn(&str) -> bool,
) -> Vec<(&'static str, &Node)> {
    let endpoints = node.at(&[KEY, "on_endpoints_change"]);
    let unknown = endpoints.map(|node| on_endpoints_change::unknown(node, known));
    let named = |node| ("x-composelet.on_endpoints_change.services", node);
    unknown.unwrap_or_default().into_iter().map(named).collect()
}

/// `backup` of a checked project, service or volume, if it has one.
pub(crate) fn backup(node: &Node) -> Option<Backup> {
    node.at(&[KEY, "backup"]).and_then(backup::read)
}

/// Services that `backup` of a checked project names, each with the field that names it.
pub(crate) fn named_by_backup(node: &Node) -> Vec<(String, &Node)> {
    node.at(&[KEY, "backup"]).map(backup::named).unwrap_or_default()
}

/// `job` of a checked service, if it has one.
pub(crate) fn job(node: &Node) -> Option<job::Words> {
    node.at(&[KEY, "job"]).and_then(job::read)
}

/// `probe` of a service.
pub(crate) fn probe(node: &Node) -> Option<&Node> {
    node.at(&[KEY, "probe"])
}

/// `checks` of the project or of a service.
pub(crate) fn checks(node: &Node) -> Option<&Node> {
    node.at(&[KEY, "checks"])
}
