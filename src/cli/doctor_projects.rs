//! What `doctor` looks at of one project: its files, and what the engine has of it. No value of a secret leaves.

use std::collections::BTreeMap;

use crate::cli::foresight;
use crate::doctor::{BindWant, ImageWant, PortWant, ProjectSurvey, weakness};
use crate::engine::{Engine, unsupported};
use crate::manifest::Loaded;
use crate::model::backup_set::BackupSet;
use crate::model::config::{ContainerConfig, MountSource, Protocol};
use crate::model::desired::{BindState, DesiredProject, DesiredService, PullPolicy};
use crate::model::diagnostic::{Diagnostic, Severity};
use crate::model::observed::ImageState;
use crate::model::path::PathMap;
use crate::model::status::{ConditionKind, ProjectStatus, Truth};
use crate::model::time::Timestamp;
use crate::source::bind_states;

/// Log drivers that write files of the host without an end, unless told otherwise.
const UNROTATED: &[&str] = &["", "json-file"];

/// What the files say.
pub(super) fn of_files(loaded: &Loaded, paths: &PathMap) -> ProjectSurvey {
    let named = |codes: &[&str]| -> Vec<String> {
        let found = loaded.diagnostics.iter().filter(|one| codes.contains(&one.code.as_str()));
        found.map(line).collect()
    };
    let errors = loaded.diagnostics.iter().filter(|one| one.severity == Severity::Error);
    let mut survey = ProjectSurvey {
        name: loaded.name.as_ref().map(ToString::to_string).unwrap_or_default(),
        errors: errors.map(line).collect(),
        unset: named(&["unset-variable"]),
        unloaded: named(&["unloaded-env-file"]),
        weak_checks: named(&[
            "health-cannot-fail",
            "curl-without-fail",
            "curl-redirect",
            "no-health-check",
            "health-without-password",
        ]),
        ..ProjectSurvey::default()
    };
    if let Some(project) = &loaded.project {
        let binds = bind_states(project, paths);
        for service in project.services.values() {
            of_service(&mut survey, service);
            for mount in service.config.mounts.values() {
                let MountSource::Bind { source, .. } = &mount.source else { continue };
                let state = binds.get(source);
                let like_file = source.as_path().extension().is_some_and(|ending| ending != "d");
                survey.binds.push(BindWant {
                    service: service.name.to_string(),
                    path: source.display().to_string(),
                    missing: state == Some(&BindState::Missing),
                    became_directory: like_file && state == Some(&BindState::EmptyDirectory),
                });
            }
        }
    }
    survey
}

fn line(found: &Diagnostic) -> String {
    match &found.location {
        Some(at) => format!("{}:{}: {}", at.file.file_name(), at.line, found.message),
        None => found.message.clone(),
    }
}

fn of_service(survey: &mut ProjectSurvey, service: &DesiredService) {
    let config = &service.config;
    let name = service.name.to_string();
    for (variable, value) in &config.environment {
        let weak = value.as_ref().and_then(|value| weakness(variable, value.expose()));
        survey.weak_secrets.extend(weak.map(|weak| format!("{variable} of {name} {weak}")));
    }
    match config.resources.memory_bytes.and_then(|bytes| u64::try_from(bytes).ok()) {
        Some(bytes) => {
            let all = bytes.saturating_mul(u64::from(service.replicas));
            survey.memory_limits.0 = survey.memory_limits.0.saturating_add(all);
        }
        None => survey.memory_limits.1 += 1,
    }
    let logging = config.logging.as_ref();
    let driver = logging.map_or("", |logging| logging.driver.as_str());
    let rotated = logging.is_some_and(|logging| logging.options.contains_key("max-size"));
    if UNROTATED.contains(&driver) && !rotated {
        survey.unrotated_logs.push(format!("{name} sets no max-size"));
    }
    if config
        .mounts
        .values()
        .any(|mount| matches!(mount.source, MountSource::Volume { .. }) && !mount.read_only)
    {
        survey.with_data.insert(name.clone());
    }
    survey.ports.extend(ports(&name, config));
}

fn ports(service: &str, config: &ContainerConfig) -> Vec<PortWant> {
    let bindings = config.ports.iter().filter(|(port, _)| port.protocol == Protocol::Tcp);
    let all = bindings.flat_map(|(_, bindings)| bindings);
    let wanted = all.filter_map(|binding| {
        Some(PortWant {
            service: service.to_owned(),
            ip: binding.ip.clone(),
            port: binding.port.parse().ok()?,
            ..PortWant::default()
        })
    });
    wanted.collect()
}

/// What the engine has of it. What it does not tell is left as it was.
pub(super) async fn on_engine(
    survey: &mut ProjectSurvey,
    desired: &DesiredProject,
    engine: &Engine,
) {
    let api = engine.facts().api;
    for service in desired.services.values() {
        let lacking = unsupported(&service.config, api);
        survey.lacking.extend(lacking.iter().map(|one| {
            format!("{}: {} needs API {}", service.name, one.attribute, one.since.with_engine())
        }));
    }
    if let Ok(view) = engine.host_view(&desired.containers_of_others()).await {
        for port in &mut survey.ports {
            let mut holders = view.ports.iter();
            let Some(holder) = holders.find(|holder| holder.port == port.port) else { continue };
            let owner = view.names.get(&holder.name).and_then(|one| one.project.as_ref());
            if owner == Some(&desired.name) {
                port.ours = true;
            } else {
                port.container = Some(holder.name.to_string());
            }
        }
    }
    let request = foresight::request(&desired.name, Some(desired));
    let Ok(observed) = engine.observe(&request).await else { return };
    for service in desired.services.values() {
        survey.images.push(ImageWant {
            reference: service.image.clone(),
            present: matches!(observed.images.get(&service.image), Some(ImageState::Present(_))),
            built: service.build.is_some() || service.pull_policy == PullPolicy::Build,
        });
    }
}

/// Whether a controller found it ready.
pub(super) fn is_ready(status: &ProjectStatus) -> bool {
    let mut conditions = status.conditions.iter();
    conditions.any(|one| one.kind == ConditionKind::Ready && one.status == Truth::True)
}

/// Age in seconds of the newest verified backup of every service that was ever saved; `None`: none of them is good.
pub(super) fn backups(sets: &[BackupSet], now: Timestamp) -> Vec<(String, Option<u64>)> {
    let mut ages: BTreeMap<String, Option<u64>> = BTreeMap::new();
    for set in sets {
        let age = now.since(set.at).as_secs();
        let good = set.is_good() && set.verified.is_some();
        for member in &set.members {
            let best = ages.entry(member.service.to_string()).or_default();
            if good {
                *best = Some(best.map_or(age, |other| other.min(age)));
            }
        }
    }
    ages.into_iter().collect()
}
