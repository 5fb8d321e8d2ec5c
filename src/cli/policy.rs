//! What the policy has against manifests, as findings in them.

use std::collections::BTreeMap;

use crate::cli::settings::Settings;
use crate::controller::admission::{self, Places, refusals};
use crate::engine::Admission;
use crate::model::desired::DesiredProject;
use crate::model::diagnostic::{Diagnostic, Location, Severity};
use crate::model::path::PathMap;
use crate::model::violation::Violation;

/// Code of these findings.
const CODE: &str = "policy";

/// The gate that the settings ask for, without asking an engine: its socket is taken from its address.
pub(super) fn local(settings: &Settings) -> Admission {
    let socket = settings.host.strip_prefix("unix://");
    admission(settings, &PathMap::default(), (socket, socket.is_some()))
}

/// The gate that the settings ask for.
pub(super) fn admission(
    settings: &Settings,
    paths: &PathMap,
    near: (Option<&str>, bool),
) -> Admission {
    let content = settings.state_dir.join("content");
    let places = Places { desired_state: &settings.desired_state, content: &content, paths };
    admission::admission(&settings.rules, places, near)
}

/// What is refused of a project. Volumes that exist already are not looked at.
pub(super) fn findings(project: &DesiredProject, admission: &Admission) -> Vec<Diagnostic> {
    let gate = refusals(project, admission, &BTreeMap::new());
    let of_service = |(name, found): (&_, &Vec<Violation>)| {
        let service = project.services.get(name);
        let location = service.map(|service| service.location.clone());
        found.iter().map(|one| finding(location.clone(), format!("services.{name}"), one)).collect()
    };
    let services = gate.services.iter().flat_map(|entry| -> Vec<Diagnostic> { of_service(entry) });
    services.collect()
}

fn finding(location: Option<Location>, field: String, violation: &Violation) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code: CODE.to_owned(),
        location,
        field,
        message: violation.to_string(),
        help: None,
        meanwhile: Some("the service is held; what runs of it runs on as it is".to_owned()),
        related: Vec::new(),
    }
}
