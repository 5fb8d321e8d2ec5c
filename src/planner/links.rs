//! Other names of services of the project (Compose `links`): the alias, `<service>-<n>` and `<project>-<service>-<n>` for
//! every container, as the command line writes them.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::config::{ContainerConfig, Endpoint, NetworkMode};
use crate::model::desired::{DesiredProject, DesiredService};
use crate::model::id::ServiceName;
use crate::planner::names::container_name;
use crate::planner::world::World;

/// The links of a service as `container:name`, to the containers that its targets have or are to have.
fn texts(
    desired: &DesiredProject,
    service: &DesiredService,
    numbers: &Numbers<'_>,
) -> BTreeSet<String> {
    let mut texts = BTreeSet::new();
    for link in &service.links {
        let Some(target) = desired.services.get(&link.service) else { continue };
        for number in numbers(target) {
            let container = container_name(desired, target, number);
            let short = format!("{}-{number}", link.service);
            let long = format!("{}-{short}", desired.name);
            texts.extend([&link.alias, &short, &long].map(|name| format!("{container}:{name}")));
        }
    }
    texts
}

type Numbers<'a> = dyn Fn(&DesiredService) -> Vec<u32> + 'a;

/// The links of a service as of now.
fn current(world: &World<'_>, service: &DesiredService) -> BTreeSet<String> {
    let numbers = |target: &DesiredService| {
        let slots = world.service(&target.name).map(|view| view.slots.iter());
        slots.into_iter().flatten().map(|slot| slot.replica.number).collect()
    };
    texts(world.desired, service, &numbers)
}

/// The endpoints of a service with its links.
pub fn endpoints(world: &World<'_>, service: &DesiredService) -> BTreeMap<String, Endpoint> {
    let mut endpoints = service.config.endpoints.clone();
    if !service.links.is_empty() {
        let links = current(world, service);
        endpoints.values_mut().for_each(|endpoint| endpoint.links.extend(links.iter().cloned()));
    }
    endpoints
}

/// Adds the links of a service to what its container is created with.
pub fn add(world: &World<'_>, service: &DesiredService, config: &mut ContainerConfig) {
    config.endpoints = endpoints(world, service);
    if config.network_mode == NetworkMode::Bridge && !service.links.is_empty() {
        config.external_links.extend(current(world, service));
    }
}

/// Adds the links of a service to what its container should read back as. Replicas that came or went since it was made are
/// no difference, as for the command line: it would be taken off its network for them.
pub fn expect(
    desired: &DesiredProject,
    service: &DesiredService,
    wanted: &mut ContainerConfig,
    seen: &ContainerConfig,
) {
    if service.links.is_empty() {
        return;
    }
    let all = texts(desired, service, &|target| (1..=target.replicas).collect());
    let resolve = |seen: &BTreeSet<String>| {
        let known: BTreeSet<String> =
            seen.iter().filter(|text| target(desired, service, text).is_some()).cloned().collect();
        if names(desired, service, &known) == names(desired, service, &all) {
            known
        } else {
            all.clone()
        }
    };
    for (name, endpoint) in &mut wanted.endpoints {
        let seen = seen.endpoints.get(name).map(|seen| resolve(&seen.links));
        endpoint.links.extend(seen.unwrap_or_else(|| all.clone()));
    }
    if wanted.network_mode == NetworkMode::Bridge {
        wanted.external_links.extend(resolve(&seen.external_links));
    }
}

/// The service that `container:name` links to, if the file asks for it.
fn target<'a>(
    desired: &DesiredProject,
    service: &'a DesiredService,
    text: &str,
) -> Option<&'a ServiceName> {
    let (container, _) = text.split_once(':')?;
    let mut targets = service.links.iter().map(|link| &link.service);
    targets.find(|name| {
        let replica = container.strip_prefix(&format!("{}-{name}-", desired.name));
        let fixed = desired.services.get(*name).map(|target| container_name(desired, target, 1));
        replica.is_some_and(|number| number.parse::<u32>().is_ok())
            || fixed.is_some_and(|fixed| fixed.as_str() == container)
    })
}

/// The aliases among `texts`, by service; names that only tell a replica are left out.
fn names<'a>(
    desired: &DesiredProject,
    service: &'a DesiredService,
    texts: &'a BTreeSet<String>,
) -> BTreeSet<(&'a ServiceName, &'a str)> {
    let named = texts.iter().filter_map(|text| {
        let (_, alias) = text.split_once(':')?;
        let target = target(desired, service, text)?;
        let mut links = service.links.iter();
        let declared = links.any(|link| link.service == *target && link.alias == alias);
        let short =
            alias.strip_prefix(desired.name.as_str()).and_then(|rest| rest.strip_prefix('-'));
        let number = short.unwrap_or(alias).strip_prefix(target.as_str());
        let numbered = number.and_then(|rest| rest.strip_prefix('-')?.parse::<u32>().ok());
        (declared || numbered.is_none()).then_some((target, alias))
    });
    named.collect()
}
