//! `x-composelet`: the words of our own (DESIGN §8). A key that is not built yet is an error, not a no-op.

use crate::manifest::environment::child;
use crate::manifest::node::{Node, Value};
use crate::manifest::report::{Finding, Report};
use crate::manifest::suggest;
use crate::model::desired::Suspend;

/// The extension key.
pub(crate) const KEY: &str = "x-composelet";

const PROJECT: &[&str] = &["depends_on_projects", "suspend", "checks"];
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

/// Where an extension stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum On {
    /// At the top of a file.
    Project,
    /// In a service.
    Service,
    /// In a volume.
    Volume,
    /// Elsewhere, where it means nothing.
    Elsewhere,
}

/// Reads the extension of `node`; everything but `suspend` is an error for now.
pub(crate) fn suspend(node: &Node, on: On, field: &str, report: &mut Report) -> Suspend {
    let Some(extension) = node.get(KEY) else {
        return Suspend::No;
    };
    let field = child(field, KEY);
    let Some(map) = extension.as_map() else {
        let message = format!("{field} is {}", extension.kind());
        report.add(
            Finding::error("wrong-kind", &field, message)
                .at(extension.place)
                .help("a mapping, such as {suspend: true}"),
        );
        return Suspend::No;
    };
    let known = match on {
        On::Project => PROJECT,
        On::Service => SERVICE,
        On::Volume => VOLUME,
        On::Elsewhere => &[],
    };
    let mut suspend = Suspend::No;
    for (key, entry) in map {
        let path = child(&field, key);
        match (&**key, &entry.node.value) {
            ("suspend", Value::Bool(value)) if known.contains(&"suspend") => {
                suspend = if *value { Suspend::Yes } else { Suspend::No };
            }
            ("suspend", Value::Text(text))
                if known.contains(&"suspend") && matches!(&**text, "true" | "false") =>
            {
                suspend = if &**text == "true" {
                    Suspend::Yes
                } else {
                    Suspend::No
                };
            }
            ("suspend", _) if known.contains(&"suspend") => report.add(
                Finding::error(
                    "wrong-kind",
                    &path,
                    format!("{path} is {}", entry.node.kind()),
                )
                .at(entry.node.place)
                .help("true or false"),
            ),
            (name, _) if known.contains(&name) => report.add(
                Finding::error("not-built-yet", &path, format!("{path} is not built yet"))
                    .at(entry.key)
                    .help("remove it; only suspend works so far"),
            ),
            (name, _) => {
                let finding = Finding::error(
                    "unknown-key",
                    &path,
                    format!("the key {name} is not known here"),
                )
                .at(entry.key);
                report.add(match suggest::nearest(name, known.iter().copied()) {
                    Some(near) => finding.help(format!("did you mean {near}?")),
                    None => finding.help(format!("known are {}", known.join(", "))),
                });
            }
        }
    }
    suspend
}

/// Checks the extensions of a whole project but for those that [`suspend`] is asked for.
pub(crate) fn check_rest(tree: &Node, report: &mut Report) {
    for (section, on) in [
        ("volumes", On::Volume),
        ("networks", On::Elsewhere),
        ("configs", On::Elsewhere),
        ("secrets", On::Elsewhere),
    ] {
        let map = tree.get(section).and_then(Node::as_map);
        for (name, entry) in map.into_iter().flatten() {
            let _none = suspend(&entry.node, on, &child(section, name), report);
        }
    }
}
