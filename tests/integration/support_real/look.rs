//! What the tests look at: real containers, and what the controller publishes about them.

use std::fs;
use std::process::Command;

use composelet::model::status::{Condition, ConditionKind, ControllerStatus, ProjectStatus, Truth};
use composelet::model::time::Timestamp;
use serde::de::DeserializeOwned;

use crate::support_real::container::Container;
use crate::support_real::controller::Controller;
use crate::support_real::engine::SERVICE_LABEL;
use crate::support_real::host::Host;
use crate::support_real::wait::{eventually, hold};

impl Host {
    fn published<T: DeserializeOwned>(&self, path: &str) -> Result<T, String> {
        let path = self.state().join("status").join(path);
        let text = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// The published status of a project.
    pub(crate) fn status(&self, project: &str) -> Result<ProjectStatus, String> {
        self.published(&format!("projects/{project}.json"))
    }

    /// The published status of the controller.
    pub(crate) fn controller(&self) -> Result<ControllerStatus, String> {
        self.published("controller.json")
    }

    /// Waits until the project is said to be Ready, by the controller that runs now.
    pub(crate) async fn ready(&self, project: &str) {
        let since = self.controllers.first().map(Controller::pid);
        eventually(&format!("{project} is Ready"), || {
            let controller = self.controller()?;
            hold(since.is_none_or(|pid| pid == controller.pid), || "an older status".to_owned())?;
            let status = self.status(project)?;
            hold(status.published_at >= controller.started_at, || "an older status".to_owned())?;
            let ready = condition(&status, ConditionKind::Ready)?;
            hold(ready.status == Truth::True, || {
                format!("{:?} {}: {}", ready.status, ready.reason, ready.message)
            })
        })
        .await;
    }

    /// Waits until `describe` shows every one of the words, and gives its text.
    pub(crate) async fn described(&self, target: &str, words: &[&str]) -> String {
        eventually(&format!("describe {target} shows {words:?}"), || {
            let run = self.run(&["describe", target]);
            let missing: Vec<_> = words.iter().filter(|word| !run.out.contains(**word)).collect();
            hold(missing.is_empty(), || format!("{missing:?} missing in\n{}{}", run.out, run.err))?;
            Ok(run.out)
        })
        .await
    }

    /// The only container of a service, in whatever state.
    pub(crate) fn only(&self, project: &str, service: &str) -> Result<Container, String> {
        let mut found = self.containers(project, service);
        match found.len() {
            1 => Ok(found.remove(0)),
            _ => Err(lines(&found)),
        }
    }

    /// The containers of a service by name.
    pub(crate) fn containers(&self, project: &str, service: &str) -> Vec<Container> {
        let mut found = self.engine.containers_of(project);
        found.retain(|container| container.label(SERVICE_LABEL) == service);
        found
    }

    /// Waits until a service has one container and it runs.
    pub(crate) async fn running(&self, project: &str, service: &str) -> Container {
        self.running_and(project, service, "runs", |_| true).await
    }

    /// Waits until a service has one container, it runs, and more holds.
    pub(crate) async fn running_and(
        &self,
        project: &str,
        service: &str,
        what: &str,
        more: impl Fn(&Container) -> bool,
    ) -> Container {
        eventually(&format!("{project} {service}: {what}"), || {
            let found = self.only(project, service)?;
            hold(found.runs() && more(&found), || found.line())?;
            Ok(found)
        })
        .await
    }

    /// Waits until a service has so many containers and all run; by name.
    pub(crate) async fn replicas(
        &self,
        project: &str,
        service: &str,
        count: usize,
    ) -> Vec<Container> {
        eventually(&format!("{project} {service} has {count} replicas"), || {
            let found = self.containers(project, service);
            let right = found.len() == count && found.iter().all(Container::runs);
            hold(right, || lines(&found))?;
            Ok(found)
        })
        .await
    }

    /// Asks for a look at every published project; the answer to a request follows the pass that made it.
    pub(crate) fn pass(&self) {
        for entry in fs::read_dir(self.state().join("status/projects")).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            // A file that is being written has another name for a moment, which begins with a dot.
            let published = name.strip_suffix(".json").filter(|name| !name.starts_with('.'));
            if let Some(project) = published {
                self.expect(&["reconcile", project]);
            }
        }
    }

    /// The controller's status as of now or later: its counters are published from time to time.
    pub(crate) async fn fresh(&self) -> ControllerStatus {
        let pid = self.controllers.first().map(Controller::pid);
        let now = now();
        eventually("a fresh status of the controller", || {
            let status = self.controller()?;
            let fresh = status.published_at >= now && pid.is_none_or(|pid| pid == status.pid);
            hold(fresh, || format!("as of {}", status.published_at))?;
            Ok(status)
        })
        .await
    }

    /// Waits until nothing of the project is held for a second look at the directory.
    pub(crate) async fn settled(&self, project: &str) {
        eventually(&format!("{project} is settled"), || {
            let status = self.status(project)?;
            let held: Vec<_> = status.held.iter().map(|held| held.waiting_on.code()).collect();
            hold(!held.contains(&"ManifestSettling"), || format!("held: {held:?}"))
        })
        .await;
    }

    /// Waits until a removal is held for a second look.
    pub(crate) async fn settling(&self, project: &str) {
        eventually(&format!("{project} is held for a second look"), || {
            let status = self.status(project)?;
            let held: Vec<_> = status.held.iter().map(|held| held.waiting_on.code()).collect();
            hold(held.contains(&"ManifestSettling"), || format!("held: {held:?}"))
        })
        .await;
    }

    /// The condition of a service, as published.
    pub(crate) fn service_condition(
        &self,
        project: &str,
        service: &str,
        kind: ConditionKind,
    ) -> Result<Condition, String> {
        let status = self.status(project)?;
        let services = status.services.iter();
        let mut named = services.filter(|one| one.name.as_str() == service);
        let found = named.next().ok_or_else(|| format!("no service {service}"))?;
        let of_kind = found.conditions.iter().find(|one| one.kind == kind);
        of_kind.cloned().ok_or_else(|| format!("{service} has no condition {kind:?}"))
    }

    /// Whether a network or a volume is there.
    pub(crate) fn has(&self, kind: &str, name: &str) -> bool {
        self.engine.find(&format!("/{kind}/{name}")).is_some()
    }
}

/// A condition of a project.
pub(crate) fn condition(status: &ProjectStatus, kind: ConditionKind) -> Result<Condition, String> {
    let found = status.conditions.iter().find(|one| one.kind == kind);
    found.cloned().ok_or_else(|| format!("no condition {kind:?}"))
}

/// Containers for a failed test.
pub(crate) fn lines(containers: &[Container]) -> String {
    let lines: Vec<String> = containers.iter().map(Container::line).collect();
    format!("{} containers: {}", containers.len(), lines.join("; "))
}

/// The time of the host.
pub(crate) fn now() -> Timestamp {
    let text = String::from_utf8(Command::new("date").arg("+%s%3N").output().unwrap().stdout);
    Timestamp::from_millis(text.unwrap().trim().parse().unwrap())
}
