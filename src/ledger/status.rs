//! Published status: plain JSON, written by the controller that acts, read by everybody who may read the directory.
//!
//! It is not synced: a controller publishes afresh after every start, and a power failure costs a reader nothing but an
//! unreadable file until then. Readers never see half a file, as it is renamed into place.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ledger::error::LedgerError;
use crate::ledger::open::Ledger;
use crate::ledger::store::{Durability, checked, encode, replace};
use crate::model::id::ProjectName;
use crate::model::own::InstanceStatus;
use crate::model::status::{ControllerStatus, ProjectStatus};
use crate::model::sync::SourceStatus;
use crate::model::time::Timestamp;

const CONTROLLER: &str = "status/controller.json";
const SOURCES: &str = "status/sources.json";
const INSTANCES: &str = "status/instances";

impl Ledger {
    /// Publishes the status of a project. Unchanged status is not written.
    ///
    /// # Errors
    /// If it cannot be written; readers keep seeing the version before, with its age.
    pub fn publish_project(&self, status: &ProjectStatus) -> Result<(), LedgerError> {
        self.publish(&project_path(&status.name)?, status)
    }

    /// Takes back the status of a project that went away.
    ///
    /// # Errors
    /// If the file cannot be removed.
    pub fn unpublish_project(&self, name: &ProjectName) -> Result<(), LedgerError> {
        let path = project_path(name)?;
        match self.storage.remove(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(LedgerError::io(&path, error))
            }
            _ => Ok(()),
        }
    }

    /// Publishes the status of the controller.
    ///
    /// # Errors
    /// As [`Ledger::publish_project`].
    pub fn publish_controller(&self, status: &ControllerStatus) -> Result<(), LedgerError> {
        self.publish(CONTROLLER, status)
    }

    /// Publishes the status of all git sources.
    ///
    /// # Errors
    /// As [`Ledger::publish_project`].
    pub fn publish_sources(&self, statuses: &[SourceStatus]) -> Result<(), LedgerError> {
        self.publish(SOURCES, &statuses)
    }

    /// The status of all git sources, by name; none, if none was published.
    pub fn source_statuses(&self) -> Vec<SourceStatus> {
        self.published(SOURCES).unwrap_or_default()
    }

    /// The status of every project, by name. Files that cannot be read are passed over.
    pub fn statuses(&self) -> Vec<ProjectStatus> {
        let names = self.storage.list("status/projects").unwrap_or_default();
        names
            .iter()
            .filter(|name| name.strip_suffix(".json").is_some_and(|name| checked(name).is_ok()))
            .filter_map(|name| self.published(&format!("status/projects/{name}")))
            .collect()
    }

    /// The status of one project, if one was published and can be read.
    pub fn project_status(&self, name: &ProjectName) -> Option<ProjectStatus> {
        self.published(&project_path(name).ok()?)
    }

    /// The status of the controller, if one was published.
    pub fn controller_status(&self) -> Option<ControllerStatus> {
        self.published(CONTROLLER)
    }

    /// Publishes what a controller in a container says of itself; `key` tells its container from others.
    ///
    /// # Errors
    /// As [`Ledger::publish_project`].
    pub fn publish_instance(&self, key: &str, status: &InstanceStatus) -> Result<(), LedgerError> {
        let path = instance_path(key)?;
        let made = self.storage.create_directory(INSTANCES);
        made.map_err(|error| LedgerError::io(INSTANCES, error))?;
        self.publish(&path, status)
    }

    /// What the controller of that container published of itself.
    pub fn instance_status(&self, key: &str) -> Option<InstanceStatus> {
        self.published(&instance_path(key).ok()?)
    }

    /// Takes back what controllers published that have said nothing since `since`: their containers are gone.
    pub fn forget_instances(&self, since: Timestamp) {
        for name in self.storage.list(INSTANCES).unwrap_or_default() {
            let path = format!("{INSTANCES}/{name}");
            let status: Option<InstanceStatus> = self.published(&path);
            if status.is_some_and(|status| status.published_at < since) {
                self.storage.remove(&path).ok();
            }
        }
    }

    pub(super) fn publish<T: Serialize>(&self, path: &str, status: &T) -> Result<(), LedgerError> {
        let text = encode(path, status)? + "\n";
        replace(self.storage.as_ref(), path, text.as_bytes(), Durability::Cached)
    }

    pub(super) fn published<T: DeserializeOwned>(&self, path: &str) -> Option<T> {
        serde_json::from_slice(&self.storage.read(path).ok()?).ok()
    }
}

fn instance_path(key: &str) -> Result<String, LedgerError> {
    Ok(format!("{INSTANCES}/{}.json", checked(key)?))
}

fn project_path(name: &ProjectName) -> Result<String, LedgerError> {
    Ok(format!("status/projects/{}.json", checked(name.as_str())?))
}
