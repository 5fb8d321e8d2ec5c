//! Evidence out of what the engine shows, the files want and the controller published. Pure; values of the environment are
//! looked at here and leave as *set* or *empty*.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnose::evidence::{
    Evidence, HostFacts, ImageFacts, MountFact, MountKind, Neighbour, PortFact, Probe, Setting,
    SourceKind, State, Verdict, Warning,
};
use crate::diagnose::secrets::passwords;
use crate::model::config::{ContainerConfig, Mount, MountSource};
use crate::model::desired::{BindState, DesiredProject, DesiredService, Suspend};
use crate::model::diagnostic::Diagnostic;
use crate::model::held::WaitingOn;
use crate::model::id::{ContainerId, ServiceName};
use crate::model::observed::{
    Health, HostView, ImageState, Lifecycle, ObservedContainer, ObservedState,
};
use crate::model::path::HostPath;
use crate::model::revision::CheckResult;
use crate::model::status::{ConditionKind, ContainerStatus, ProjectStatus, Truth};

/// What was collected about one project.
#[derive(Clone, Copy, Debug)]
pub struct Collected<'a> {
    /// What its files want.
    pub desired: &'a DesiredProject,
    /// What loading them had to say.
    pub diagnostics: &'a [Diagnostic],
    /// What the engine shows of it.
    pub observed: &'a ObservedState,
    /// The rest of the host.
    pub view: &'a HostView,
    /// Last lines and last health probes of its containers.
    pub words: &'a BTreeMap<ContainerId, Words>,
    /// What its bind sources are.
    pub binds: &'a BTreeMap<HostPath, BindState>,
    /// What a controller published of it, if one runs.
    pub status: Option<&'a ProjectStatus>,
    /// The host.
    pub host: &'a HostFacts,
}

/// What a container said last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// Log lines, oldest first.
    pub log: Vec<String>,
    /// Health probes, oldest first.
    pub probes: Vec<CheckResult>,
}

/// Evidence about every replica of the services, and about services without any.
pub fn gather(collected: &Collected<'_>, only: Option<&ServiceName>) -> Vec<Evidence> {
    let services = collected.desired.services.values();
    let wanted = services.filter(|service| only.is_none_or(|only| *only == service.name));
    wanted.flat_map(|service| of_service(collected, service)).collect()
}

fn of_service(collected: &Collected<'_>, service: &DesiredService) -> Vec<Evidence> {
    let base = declared(collected, service);
    let replicas: Vec<&ObservedContainer> = replicas(collected, &service.name).collect();
    if replicas.is_empty() {
        return vec![Evidence { state: State::Absent, ..base }];
    }
    replicas.into_iter().map(|one| of_container(collected, &base, one)).collect()
}

fn replicas<'a>(
    collected: &Collected<'a>,
    service: &ServiceName,
) -> impl Iterator<Item = &'a ObservedContainer> {
    let containers = collected.observed.containers.iter();
    containers.filter(move |one| {
        let claim = &one.claim;
        let helper = claim.one_off
            || claim.hook.is_some()
            || claim.due.is_some()
            || claim.companion.is_some();
        claim.service.as_ref() == Some(service) && !helper
    })
}

/// What is the same for all replicas.
fn declared(collected: &Collected<'_>, service: &DesiredService) -> Evidence {
    let config = &service.config;
    let environment = config.environment.iter().filter_map(|(name, value)| {
        let value = value.as_ref()?;
        let empty = value.expose().trim().is_empty();
        Some((name.clone(), if empty { Setting::Empty } else { Setting::Set }))
    });
    let image = collected.observed.images.get(&service.image).and_then(ImageState::present);
    let neighbours = collected.desired.services.values().filter(|one| one.name != service.name);
    Evidence {
        service: service.name.to_string(),
        at_rest: at_rest(collected, service),
        complaints: complaints(collected, service),
        warnings: warnings(collected, service),
        image: service.image.clone(),
        image_facts: ImageFacts {
            architecture: image.map(|image| image.architecture.clone()).unwrap_or_default(),
            user: image.map(|image| image.user.clone()).unwrap_or_default(),
        },
        user: config.user.clone().unwrap_or_default(),
        read_only: config.security.read_only,
        memory_bytes: config.resources.memory_bytes,
        environment: environment.collect(),
        networks: config.endpoints.keys().cloned().collect(),
        mounts: config.mounts.iter().map(|(at, mount)| mount_fact(collected, at, mount)).collect(),
        ports: ports(collected, config),
        neighbours: neighbours.map(|one| neighbour(collected, service, one)).collect(),
        host: collected.host.clone(),
        ..Evidence::default()
    }
}

fn of_container(
    collected: &Collected<'_>,
    base: &Evidence,
    container: &ObservedContainer,
) -> Evidence {
    let words = collected.words.get(&container.id).cloned().unwrap_or_default();
    let status = status_of(collected, container);
    let mut evidence = Evidence {
        container: container.name.to_string(),
        state: state(&container.lifecycle),
        health: verdict(&container.health),
        failures: status.map_or(container.restart_count, |status| status.failures),
        probes: words.probes.into_iter().map(probe).collect(),
        log: words.log,
        ..base.clone()
    };
    match &container.lifecycle {
        Lifecycle::Created { failure: Some(failure) } => {
            evidence.exit_code = Some(failure.exit_code);
            evidence.error.clone_from(&failure.error);
        }
        Lifecycle::Restarting(exit) | Lifecycle::Exited(exit) => {
            evidence.exit_code = Some(exit.code);
            evidence.oom_killed = exit.oom_killed;
            evidence.error.clone_from(&exit.error);
        }
        _ => evidence.exit_code = status.and_then(|status| status.exit_code),
    }
    evidence
}

fn status_of<'a>(
    collected: &Collected<'a>,
    container: &ObservedContainer,
) -> Option<&'a ContainerStatus> {
    let services = collected.status?.services.iter();
    let mut all = services.flat_map(|service| &service.containers);
    all.find(|status| status.id == container.id.as_str())
}

fn state(lifecycle: &Lifecycle) -> State {
    match lifecycle {
        Lifecycle::Created { .. } => State::Created,
        Lifecycle::Running { .. } => State::Running,
        Lifecycle::Paused { .. } => State::Paused,
        Lifecycle::Restarting(_) => State::Restarting,
        Lifecycle::Exited(_) => State::Exited,
        Lifecycle::Removing => State::Removing,
        Lifecycle::Dead => State::Dead,
    }
}

fn verdict(health: &Health) -> Verdict {
    match health {
        Health::None => Verdict::None,
        Health::Starting => Verdict::Starting,
        Health::Healthy => Verdict::Healthy,
        Health::Unhealthy { .. } => Verdict::Unhealthy,
    }
}

fn probe(check: CheckResult) -> Probe {
    Probe { exit_code: check.exit_code.unwrap_or_default(), output: check.output }
}

/// Suspended by a file or a person, or a project that nobody wants to run now.
fn at_rest(collected: &Collected<'_>, service: &DesiredService) -> bool {
    let declared = [collected.desired.suspend, service.suspend].contains(&Suspend::Yes);
    let Some(status) = collected.status else { return declared };
    let suspended = |one: &crate::model::status::Condition| {
        one.kind == ConditionKind::Suspended && one.status == Truth::True
    };
    let of_service = status.services.iter().find(|one| one.name == service.name);
    let mut conditions =
        status.conditions.iter().chain(of_service.iter().flat_map(|one| &one.conditions));
    declared || service.replicas == 0 || conditions.any(suspended)
}

/// What it is held for, if that is a failure: texts of the engine, of registries and of builds.
fn complaints(collected: &Collected<'_>, service: &DesiredService) -> Vec<String> {
    let held = collected.status.iter().flat_map(|status| &status.held);
    let about = held.filter(|held| match &held.subject {
        crate::model::held::Subject::Image(image) => service.uses_image(image),
        other => other.service().is_none_or(|name| *name == service.name),
    });
    let told = about.filter(|held| {
        !matches!(
            held.waiting_on,
            WaitingOn::Operation { .. }
                | WaitingOn::CrashLoopBackOff { .. }
                | WaitingOn::ImageCheckDue
                | WaitingOn::Throttled
                | WaitingOn::Schedule(_)
                | WaitingOn::Hook(_)
                | WaitingOn::ImageUpdate(_)
        )
    });
    told.map(|held| held.waiting_on.to_string()).collect()
}

/// Findings of the loader about the service. One about an unloaded file of variables has no service: it is everybody's.
fn warnings(collected: &Collected<'_>, service: &DesiredService) -> Vec<Warning> {
    let field = format!("services.{}", service.name);
    let about = |found: &&Diagnostic| {
        let rest = found.field.strip_prefix(&field);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            || !found.field.starts_with("services.")
    };
    let found = collected.diagnostics.iter().filter(about);
    let found = found.filter(|found| !is_refuted(collected, found));
    let told = found.map(|found| Warning {
        code: found.code.clone(),
        text: match &found.location {
            Some(location) => {
                let file = location.file.file_name();
                format!("{file}:{}: {}", location.line, found.message)
            }
            None => found.message.clone(),
        },
    });
    told.collect()
}

/// Whether the engine shows that the loader was wrong: a health check may come from the image, which no file tells.
fn is_refuted(collected: &Collected<'_>, found: &Diagnostic) -> bool {
    let awaited = found.field.rsplit_once(".depends_on.").map(|(_, rest)| rest);
    let awaited = awaited.and_then(|rest| rest.split('.').next());
    let has_check = |name: &str| {
        let of = |one: &&ObservedContainer| {
            one.claim.service.as_ref().is_some_and(|it| it.as_str() == name)
        };
        let mut containers = collected.observed.containers.iter().filter(of);
        containers.any(|one| one.health != Health::None)
    };
    found.code == "no-health-check" && awaited.is_some_and(has_check)
}

fn mount_fact(collected: &Collected<'_>, target: &str, mount: &Mount) -> MountFact {
    let mut fact = MountFact {
        target: target.to_owned(),
        read_only: mount.read_only,
        kind: MountKind::Other,
        ..MountFact::default()
    };
    match &mount.source {
        MountSource::Bind { source, .. } => {
            fact.kind = MountKind::Bind;
            fact.source = source.display().to_string();
            fact.is = match collected.binds.get(source) {
                Some(BindState::File) => SourceKind::File,
                Some(BindState::FullDirectory) => SourceKind::Directory,
                Some(BindState::EmptyDirectory) => SourceKind::Empty,
                Some(BindState::Missing) => SourceKind::Missing,
                Some(BindState::Unknown) | None => SourceKind::Unknown,
            };
        }
        MountSource::Volume { name, .. } => {
            fact.kind = MountKind::Volume;
            fact.source.clone_from(name);
        }
        MountSource::Anonymous => fact.kind = MountKind::Volume,
        MountSource::Tmpfs { .. } => fact.kind = MountKind::Tmpfs,
        MountSource::Kept { .. } | MountSource::Image { .. } => {}
    }
    fact
}

/// Published ports, with the containers of others that hold them.
fn ports(collected: &Collected<'_>, config: &ContainerConfig) -> Vec<PortFact> {
    let own: BTreeSet<&ContainerId> =
        collected.observed.containers.iter().map(|one| &one.id).collect();
    let bindings =
        config.ports.iter().flat_map(|(port, all)| all.iter().map(move |one| (port, one)));
    let facts = bindings.map(|(port, binding)| {
        let host = binding.port.parse().ok();
        let holder = collected.view.ports.iter().find(|holder| {
            Some(holder.port) == host
                && holder.protocol == port.protocol
                && !own.contains(&holder.container)
        });
        PortFact {
            ip: binding.ip.clone(),
            host,
            container: port.port,
            holder: holder.map(|holder| holder.name.to_string()),
        }
    });
    facts.collect()
}

fn neighbour(
    collected: &Collected<'_>,
    looked_at: &DesiredService,
    other: &DesiredService,
) -> Neighbour {
    let container = replicas(collected, &other.name).next();
    let words = container.and_then(|one| collected.words.get(&one.id));
    let endpoints = &other.config.endpoints;
    let aliases = endpoints.values().flat_map(|endpoint| endpoint.aliases.iter().cloned());
    let names = [other.name.to_string()].into_iter().chain(other.container_name.clone());
    let called = container.map(|one| one.name.to_string());
    let theirs = passwords(&other.config);
    let ours: Vec<&str> = looked_at
        .config
        .environment
        .values()
        .flatten()
        .map(crate::model::secret::Secret::expose)
        .collect();
    let shares = theirs.iter().any(|password| ours.iter().any(|value| value.contains(password)));
    Neighbour {
        service: other.name.to_string(),
        names: names.chain(called).chain(aliases).collect(),
        state: container.map_or(State::Absent, |one| state(&one.lifecycle)),
        health: container.map_or(Verdict::None, |one| verdict(&one.health)),
        networks: endpoints.keys().cloned().collect(),
        image: other.image.clone(),
        log: words.map(|words| words.log.clone()).unwrap_or_default(),
        shares_password: (!theirs.is_empty()).then_some(shares),
    }
}
