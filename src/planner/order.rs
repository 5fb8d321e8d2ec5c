//! What comes first when a replica is replaced: the start of its successor, or the stop of its predecessor (DESIGN §5, data).

use std::collections::BTreeSet;

use crate::model::config::HealthTest;
use crate::model::exclusive;
use crate::model::id::ServiceName;
use crate::model::update::UpdateOrder;
use crate::planner::world::ServiceView;

/// What comes first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// The successor runs and is ready before the predecessor is stopped.
    StartFirst,
    /// The predecessor is gone before the successor starts, for this reason.
    StopFirst(String),
}

/// What comes first for a service whose edges to others are `joined`: those whose namespaces or volumes somebody shares.
pub fn order(
    view: &ServiceView<'_>,
    joined: &BTreeSet<ServiceName>,
    sharers: &BTreeSet<String>,
) -> Order {
    let declared = view.service.update().order;
    if declared == UpdateOrder::StopFirst {
        return Order::StopFirst("deploy.update_config says so".to_owned());
    }
    if let Some(why) = exclusive(view, joined, sharers) {
        return Order::StopFirst(why);
    }
    // Whoever wants steps wants both versions side by side.
    let steps = view.service.strategy.is_some();
    if declared == UpdateOrder::Auto && !steps && !tells_readiness(view) {
        return Order::StopFirst("without a health check nobody knows when it is ready".to_owned());
    }
    Order::StartFirst
}

/// Whether the service says when it is ready.
fn tells_readiness(view: &ServiceView<'_>) -> bool {
    let probes = view.service.probes.as_ref();
    if probes.is_some_and(|probes| probes.startup.is_some() || probes.readiness.is_some()) {
        return true;
    }
    let own = view.service.config.healthcheck.as_ref();
    let image = view.image.and_then(|image| image.healthcheck.as_ref());
    let test = own.map(|check| &check.test).filter(|test| **test != HealthTest::Inherit);
    let test = test.or(image.map(|check| &check.test));
    test.is_some_and(|test| !matches!(test, HealthTest::Disabled | HealthTest::Inherit))
}

/// What two containers of the service cannot both have.
fn exclusive(
    view: &ServiceView<'_>,
    joined: &BTreeSet<ServiceName>,
    sharers: &BTreeSet<String>,
) -> Option<String> {
    if view.job().is_some() {
        return Some("two versions of a job must not run at once".to_owned());
    }
    if let Some(why) = exclusive::exclusive(view.service, (joined, sharers)) {
        return Some(why);
    }
    let image = view.image?;
    if exclusive::is_scheduler(view.service, (&image.entrypoint, &image.command)) {
        return Some("two schedulers would do everything twice".to_owned());
    }
    let mounts = &view.service.config.mounts;
    let mut anonymous = image.volumes.iter().filter(|target| !mounts.contains_key(*target));
    anonymous.next().map(|target| format!("it alone writes to {target}"))
}
