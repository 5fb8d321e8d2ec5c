//! What the policy says to a project before anything of it is planned: every request that its services may ever make is
//! written down as it would be sent, and judged. The gate of the engine judges again what is really sent.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::controller::desired::belief::Want;
use crate::controller::pass::Surroundings;
use crate::engine::{Admission, TESTED_API, create_body, exec_json, network_json, volume_json};
use crate::model::after_check::Asks;
use crate::model::build::Build;
use crate::model::config::{BindRecursion, ContainerConfig, MountSource};
use crate::model::desired::{DesiredProject, DesiredService};
use crate::model::gate::Gate;
use crate::model::hook::HookCommand;
use crate::model::host_probe::{Handler, ProbeKind};
use crate::model::id::{ContainerName, ImageId, ReplicaId, Revision};
use crate::model::join::Owner;
use crate::model::observed::{ObservedState, ObservedVolume};
use crate::model::path::{HostPath, LocalPath, PathMap};
use crate::model::plan::{CreateContainer, CreateNetwork, CreateVolume};
use crate::model::rulebook::{RuleBook, Rules};
use crate::model::schedule::Work;
use crate::model::violation::{Rule, Violation};
use crate::planner;
use crate::policy::{BuildInput, Facts, Ground, Request, SeenVolume, judge, wanted};
use crate::source::real_paths;

/// A request, as it would be sent.
enum Sent {
    Container { body: Value, built: bool },
    Exec(Value),
    Build(Box<Build>),
    Pull(String),
}

impl Sent {
    fn request(&self) -> Request<'_> {
        match self {
            Self::Container { body, built } => Request::Container { body, built: *built },
            Self::Exec(body) => Request::Exec(body),
            Self::Build(build) => Request::Build(BuildInput { build, parameters: Vec::new() }),
            Self::Pull(reference) => Request::Pull(reference),
        }
    }
}

/// Where composelet lives on this host.
#[derive(Clone, Copy, Debug)]
pub struct Places<'a> {
    /// The watched directory.
    pub desired_state: &'a LocalPath,
    /// Files that are written for containers; in the state directory.
    pub content: &'a LocalPath,
    /// Where the engine finds what this process sees.
    pub paths: &'a PathMap,
}

/// The gate before an engine at `socket`; `is_here` says whether its paths are those of this host.
pub fn admission(
    rules: &Arc<RuleBook>,
    places: Places<'_>,
    (socket, is_here): (Option<&str>, bool),
) -> Admission {
    let host = |path: &LocalPath| places.paths.to_host(path).as_path().to_path_buf();
    let ground = Ground::new(
        &host(places.desired_state),
        &host(&places.content.parent()),
        &host(places.content),
        socket,
    );
    let map = places.paths.clone();
    Admission {
        rules: Arc::clone(rules),
        learnt: Arc::default(),
        ground,
        resolve: Arc::new(
            move |wanted| {
                if is_here { real_paths(wanted, &map) } else { BTreeMap::new() }
            },
        ),
    }
}

/// What the policy refuses of what a pass wants, looked up beside it.
pub(super) async fn gate(around: &Surroundings, want: &Want, observed: &ObservedState) -> Gate {
    let (Want::Run(project) | Want::RunKeeping(project)) = want else {
        return Gate::default();
    };
    let (project, admission) = (Arc::clone(project), around.admission.clone());
    let volumes = observed.volumes.clone();
    let judged = around.blocking.run(move || refusals(&project, &admission, &volumes)).await;
    // What could not be judged here the gate of the engine judges.
    judged.unwrap_or_default()
}

/// What the policy refuses of a project. Links are followed: blocking. `volumes` are those that exist.
pub fn refusals(
    project: &DesiredProject,
    admission: &Admission,
    volumes: &BTreeMap<String, ObservedVolume>,
) -> Gate {
    let mut gate = Gate::default();
    let place = project.directory.as_path();
    admission.learn(&project.name, place);
    let rules = &admission.rules_of(&project.name, Some(place));
    if rules.admit_all() {
        return gate;
    }
    let directory = project.directory.display().to_string();
    let look = Look { project, rules, admission, volumes, directory: &directory };
    for network in project.networks.values().filter(|network| !network.external) {
        let create = CreateNetwork {
            name: network.name.clone(),
            config: network.config.clone(),
            labels: BTreeMap::new(),
        };
        let found = look.found(network_json(&create).as_ref().map(Request::Network));
        if !found.is_empty() {
            gate.networks.insert(network.name.clone(), found);
        }
    }
    for volume in project.volumes.values().filter(|volume| !volume.external) {
        let create = CreateVolume { volume: volume.clone(), labels: BTreeMap::new() };
        let found = look.found(volume_json(&create).as_ref().map(Request::Volume));
        if !found.is_empty() {
            gate.volumes.insert(volume.name.clone(), found);
        }
    }
    for service in project.services.values() {
        let mut found = look.service(service);
        for name in service.config.endpoints.keys() {
            found.extend(gate.networks.get(name).into_iter().flatten().cloned());
        }
        for mount in service.config.mounts.values() {
            if let MountSource::Volume { name, .. } = &mount.source {
                found.extend(gate.volumes.get(name).into_iter().flatten().cloned());
            }
        }
        // A check of it may run copies of others.
        let others = service.before.iter().flat_map(|check| &check.with);
        for other in others.filter_map(|name| project.services.get(name)) {
            found.extend(look.service(other));
        }
        found.sort();
        found.dedup();
        if !found.is_empty() {
            gate.services.insert(service.name.clone(), found);
        }
    }
    gate
}

struct Look<'a> {
    project: &'a DesiredProject,
    rules: &'a Rules,
    admission: &'a Admission,
    volumes: &'a BTreeMap<String, ObservedVolume>,
    directory: &'a str,
}

impl Look<'_> {
    fn found(&self, request: Result<Request<'_>, &String>) -> Vec<Violation> {
        let request = match request {
            Ok(request) => request,
            // It cannot be written down: what cannot be judged is not sent.
            Err(why) => {
                return vec![Violation::new(Rule::UnknownField, why, "", &self.rules.profile)];
            }
        };
        let ground = &self.admission.ground;
        let wanted = wanted(&request, (self.rules, ground), Some(self.directory));
        let volumes = wanted.volumes.iter().filter_map(|name| {
            let seen = self.volumes.get(name)?;
            let volume = SeenVolume {
                driver: seen.driver.clone(),
                options: seen.driver_opts.clone(),
                project: seen.project.as_ref().map(ToString::to_string),
            };
            Some((name.clone(), volume))
        });
        let facts = Facts {
            paths: (self.admission.resolve)(&wanted.paths),
            owners: BTreeMap::new(),
            volumes: volumes.collect(),
        };
        let whose = (&self.project.name, Some(self.directory));
        judge(&request, self.rules, whose, (ground, &facts))
    }

    fn service(&self, service: &DesiredService) -> Vec<Violation> {
        let mut found = Vec::new();
        match self.requests(service) {
            Err(why) => found.extend(self.found(Err(&why))),
            Ok(requests) => {
                for sent in requests {
                    found.extend(self.found(Ok(sent.request())));
                }
            }
        }
        found
    }

    /// Everything that a service may ask for that makes or runs something.
    fn requests(&self, service: &DesiredService) -> Result<Vec<Sent>, String> {
        let own = &service.image;
        let built = service.build.is_some();
        let mut sent = vec![self.container(&service.config, (own, built))?];
        match &service.build {
            Some(how) => sent.push(Sent::Build(Box::new(how.clone()))),
            None => sent.push(Sent::Pull(own.clone())),
        }
        let others = service.images().chain(service.check_images()).filter(|image| image != own);
        sent.extend(others.map(|image| Sent::Pull(image.to_owned())));
        let one_offs = service.checks.iter().filter_map(|check| match &check.asks {
            Asks::OneOff(step) => Some(&**step),
            Asks::Replica(_) => None,
        });
        for step in service.hooks.pre_start.iter().chain(one_offs) {
            let config = planner::step_config(service, step);
            let built = built && step.image == *own;
            sent.push(self.container(&config, (&step.image, built))?);
        }
        for check in &service.before {
            let image = check.image.as_ref().unwrap_or(own);
            let built = built && image == own;
            let config = planner::check_config(service, check, "");
            sent.push(self.container(&config, (image, built))?);
        }
        sent.extend(commands(service).map(|command| Sent::Exec(exec_json(command))));
        Ok(sent)
    }

    /// The body of a container; what only an engine knows is as harmless as it will be.
    fn container(
        &self,
        config: &ContainerConfig,
        (image, built): (&str, bool),
    ) -> Result<Sent, String> {
        let mut config = config.clone();
        let content = &self.admission.ground.content;
        for mount in config.mounts.values_mut() {
            if let MountSource::Kept { name } = &mount.source {
                mount.source = MountSource::Bind {
                    source: HostPath::new(format!("{content}/{}/{name}", self.project.name)),
                    create_host_path: false,
                    propagation: None,
                    selinux: None,
                    recursive: BindRecursion::Enabled,
                };
            }
        }
        config.volumes_from.retain(|one| matches!(one.from, Owner::Container(_)));
        let create = CreateContainer {
            replica: ReplicaId::new("x".into(), 1),
            name: ContainerName::new("x"),
            image: image.to_owned(),
            image_id: ImageId::new(""),
            labels: BTreeMap::new(),
            primary_network: config.primary_network().cloned(),
            dns_names: Vec::new(),
            revision: Revision::new(""),
            config,
        };
        let (body, _) = create_body(&create, TESTED_API)?;
        Ok(Sent::Container { body, built })
    }
}

/// Commands that run inside its containers.
fn commands(service: &DesiredService) -> impl Iterator<Item = &HookCommand> {
    let hooks = service.hooks.post_start.iter().chain(&service.hooks.pre_stop);
    let scheduled = service.schedules.iter().filter_map(|schedule| match &schedule.work {
        Work::Exec { command, .. } => Some(&**command),
        Work::Container => None,
    });
    let probes = service.probes.iter().flat_map(|probes| {
        let kinds = [ProbeKind::Startup, ProbeKind::Readiness, ProbeKind::Liveness];
        kinds.into_iter().filter_map(|kind| probes.get(kind)).map(|probe| &probe.handler)
    });
    let asked = service.checks.iter().filter_map(|check| match &check.asks {
        Asks::Replica(handler) => Some(&**handler),
        Asks::OneOff(_) => None,
    });
    let inside = probes.chain(asked).filter_map(|handler| match handler {
        Handler::Exec(command) => Some(&**command),
        Handler::Http(_) | Handler::Tcp { .. } => None,
    });
    hooks.chain(scheduled).chain(inside)
}
