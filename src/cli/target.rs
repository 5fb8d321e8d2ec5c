//! `PROJECT` or `PROJECT/SERVICE`, as people name what a command is about.

use std::str::FromStr;

use crate::model::id::{ProjectName, ServiceName};

/// A project, or one of its services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// The project.
    pub project: ProjectName,
    /// The service; `None` is the whole project.
    pub service: Option<ServiceName>,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (project, service) = match text.split_once('/') {
            Some((project, service)) => (project, Some(service)),
            None => (text, None),
        };
        if project.is_empty() || service.is_some_and(|name| name.is_empty() || name.contains('/')) {
            return Err("write it as PROJECT or PROJECT/SERVICE".to_owned());
        }
        Ok(Self { project: ProjectName::from(project), service: service.map(ServiceName::from) })
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.service {
            Some(service) => write!(f, "{}/{service}", self.project),
            None => write!(f, "{}", self.project),
        }
    }
}
