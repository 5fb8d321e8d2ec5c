//! What the controller published: statuses, how old they are, and whether anybody still writes them.

use std::time::Duration;

use rustix::process::{Pid, test_kill_process};

use crate::cli::context::Context;
use crate::cli::duration;
use crate::cli::exit::CliError;
use crate::model::id::ProjectName;
use crate::model::status::{ContainerStatus, ControllerStatus, ProjectStatus, ServiceStatus};
use crate::model::time::Timestamp;

/// A controller that runs publishes at least at every relist (30 s); three in a row missed is silence.
const STALE_AFTER: Duration = Duration::from_secs(100);

/// Everything that is published.
#[derive(Clone, Debug)]
pub(super) struct Published {
    /// By name.
    pub(super) projects: Vec<ProjectStatus>,
    /// Of the controller.
    pub(super) controller: Option<ControllerStatus>,
    /// When it was read.
    pub(super) now: Timestamp,
}

impl Published {
    /// Reads it.
    ///
    /// # Errors
    /// As [`Context::ledger`].
    pub(super) fn read(context: &Context) -> Result<Self, CliError> {
        let ledger = context.ledger()?;
        let mut projects = ledger.statuses();
        projects.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(Self { projects, controller: ledger.controller_status(), now: context.now() })
    }

    /// Why what was read may not be what is, if so.
    pub(super) fn staleness(&self) -> Option<String> {
        let Some(controller) = &self.controller else {
            return Some("no controller has published anything yet".to_owned());
        };
        let age = self.now.since(controller.published_at);
        if !is_alive(controller.pid) {
            return Some(format!(
                "no controller runs (process {} is gone); this is what it published {} ago",
                controller.pid,
                duration::format(age)
            ));
        }
        (age > STALE_AFTER).then(|| {
            format!(
                "the controller (process {}) has published nothing for {}",
                controller.pid,
                duration::format(age)
            )
        })
    }

    /// Whether a process is there that would take requests.
    pub(super) fn controller_runs(&self) -> bool {
        let controller = self.controller.as_ref();
        controller.is_some_and(|controller| is_alive(controller.pid))
    }

    /// The project of that name.
    ///
    /// # Errors
    /// It is not known; the names that are known are in the hint.
    pub(super) fn project(&self, name: &str) -> Result<&ProjectStatus, CliError> {
        let found = self.projects.iter().find(|project| project.name.as_str() == name);
        found.ok_or_else(|| {
            let known: Vec<&str> = self.projects.iter().map(|known| known.name.as_str()).collect();
            CliError::not_found(format!("there is no project `{name}`")).hint(known_names(&known))
        })
    }

    /// All services with their projects.
    pub(super) fn services(&self) -> impl Iterator<Item = (&ProjectStatus, &ServiceStatus)> {
        self.projects
            .iter()
            .flat_map(|project| project.services.iter().map(move |service| (project, service)))
    }

    /// All containers with their projects, and their services if they are replicas.
    pub(super) fn containers(
        &self,
    ) -> impl Iterator<Item = (&ProjectName, Option<&ServiceStatus>, &ContainerStatus)> {
        self.projects.iter().flat_map(|project| {
            let replicas = project.services.iter().flat_map(move |service| {
                let containers = service.containers.iter();
                containers.map(move |container| (&project.name, Some(service), container))
            });
            let others = project.others.iter();
            replicas.chain(others.map(move |container| (&project.name, None, container)))
        })
    }
}

/// The service of that name in a project.
///
/// # Errors
/// It is not known; the names that are known are in the hint.
pub(super) fn service<'a>(
    project: &'a ProjectStatus,
    name: &str,
) -> Result<&'a ServiceStatus, CliError> {
    let found = project.services.iter().find(|service| service.name.as_str() == name);
    found.ok_or_else(|| {
        let known: Vec<&str> = project.services.iter().map(|known| known.name.as_str()).collect();
        CliError::not_found(format!("project {} has no service `{name}`", project.name))
            .hint(known_names(&known))
    })
}

fn known_names(names: &[&str]) -> String {
    match names {
        [] => "none is known".to_owned(),
        names => format!("known are {}", names.join(", ")),
    }
}

/// Whether a process of that id is there. One that may not be signalled is there too.
fn is_alive(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}
