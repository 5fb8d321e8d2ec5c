//! One service.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::project::decode;
use super::{
    bound, build, container, files, hooks, joins, mounts, probes, restart, spec, strategy, update,
};
use crate::manifest::canonical::label_hash;
use crate::manifest::environment::child;
use crate::manifest::extension;
use crate::manifest::node::{Entry, Node};
use crate::manifest::normalise::Context;
use crate::manifest::{image_update, ofelia, schedule, units};
use crate::model::config::RestartPolicy;
use crate::model::desired::{Dependency, DependencyCondition, DesiredService, PullPolicy};
use crate::model::id::ServiceName;

/// Builds a service; `None` after an error.
pub(super) fn service(
    tree: &Node,
    name: &Arc<str>,
    entry: &Entry,
    named: &container::Named,
    context: &mut Context<'_, '_>,
) -> Option<DesiredService> {
    let field = child("services", name);
    let spec: spec::Service = decode(&entry.node, &field, context)?;
    let located = container::Located { node: &entry.node, field: &field };
    let mut config = container::config(&spec, &located, named, context);
    let change = extension::on_change(&entry.node);
    let binds = change.as_ref().map(|change| bound::bound(change, &located, &config, context));
    let on_change = change.map(|change| change.on_change).unwrap_or_default();
    let mut files = files::mounted(tree, &spec, &located, &on_change, &mut config, context);
    files.extend(binds.into_iter().flatten());
    let words = extension::job(&entry.node);
    let only_then = schedule::is_scheduled(name, &entry.node);
    let own = schedule::read(name, &entry.node, words.and_then(|words| words.retries));
    let timed = own.is_some();
    let schedules = own.into_iter().chain(ofelia::read(tree, name, &entry.node)).collect();
    let job = restart::job(&spec, &entry.node, words).filter(|_| !timed);
    if job.is_some() {
        config.restart = RestartPolicy::No;
    }
    let replacement = extension::strategy(&entry.node);
    let image = match &spec.image {
        Some(image) if !image.is_empty() => image.clone(),
        _ => format!("{}-{name}", context.name),
    };
    Some(DesiredService {
        name: ServiceName::new(&**name),
        location: context.report.sources.location(entry.key)?,
        container_name: spec.container_name.clone(),
        replicas: if only_then { 0 } else { replicas(&spec) },
        pull_policy: pull_policy(&spec),
        image_update: image_update::read(&entry.node),
        build: build::build(tree, &spec, &located, context),
        depends_on: dependencies(&spec, tree),
        restart: restart::intent(&spec, job.as_ref()),
        job,
        schedules,
        files,
        on_change,
        update: update::update(&spec, replacement.as_ref()),
        rollback: update::rollback(&spec),
        strategy: strategy::strategy(replacement, &config),
        on_endpoints_change: extension::on_endpoints_change(&entry.node),
        drain: extension::drain(&entry.node),
        hooks: hooks::hooks(&spec, &image, &config),
        probes: probes::probes(&entry.node, &config),
        before: probes::before(tree, (name, &entry.node), &config),
        checks: probes::checks(tree, (name, &entry.node), &image, &config),
        image,
        backup: extension::backup(&entry.node).map(Arc::new),
        suspend: extension::suspend(&entry.node),
        refusal: mounts::refusal(&spec).or_else(|| build::refusal(&spec)),
        links: joins::links(&spec),
        compose_hash: label_hash(&entry.node, tree.get("services")),
        config,
    })
}

fn replicas(spec: &spec::Service) -> u32 {
    let deployed = spec.deploy.as_ref().and_then(|deploy| deploy.replicas);
    let global = spec
        .deploy
        .as_ref()
        .and_then(|deploy| deploy.mode.as_deref())
        .is_some_and(|mode| mode.starts_with("global"));
    if global {
        return spec.scale.unwrap_or(1);
    }
    spec.scale.or(deployed).unwrap_or(1)
}

fn pull_policy(spec: &spec::Service) -> PullPolicy {
    const DAY: Duration = Duration::from_hours(24);
    match spec.pull_policy.as_deref() {
        Some("always") => PullPolicy::Always,
        Some("never") => PullPolicy::Never,
        Some("build") => PullPolicy::Build,
        Some("daily") => PullPolicy::Every(DAY),
        Some("weekly") => PullPolicy::Every(DAY * 7),
        Some(other) => other
            .strip_prefix("every_")
            .and_then(units::duration)
            .map_or(PullPolicy::Missing, PullPolicy::Every),
        None => PullPolicy::Missing,
    }
}

/// Edges to services that are there; one that is not required may lead to a service that its profiles switch off.
fn dependencies(spec: &spec::Service, tree: &Node) -> BTreeMap<ServiceName, Dependency> {
    let dependency = |(name, edge): (&String, &spec::Dependency)| {
        let condition = match edge.condition.as_str() {
            "service_healthy" => DependencyCondition::Healthy,
            "service_completed_successfully" => DependencyCondition::CompletedSuccessfully,
            _ => DependencyCondition::Started,
        };
        let dependency = Dependency { condition, restart: edge.restart, required: edge.required };
        (ServiceName::new(name.as_str()), dependency)
    };
    spec.depends_on
        .iter()
        .filter(|(name, _)| tree.at(&["services", name.as_str()]).is_some())
        .map(dependency)
        .collect()
}
