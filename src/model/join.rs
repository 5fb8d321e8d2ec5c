//! What containers share with other containers: namespaces, mounts, names.

use std::fmt;

use crate::model::config::{ContainerConfig, NetworkMode};
use crate::model::id::ServiceName;
use crate::model::secret::{Secret, sha256_hex};

const SERVICE: &str = "service:";
const CONTAINER: &str = "container:";

/// Whose namespace or mounts are shared, as Compose writes it: `service:x` or `container:x`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// The container of the lowest number of a service of the project.
    Service(ServiceName),
    /// A container by its name or id.
    Container(String),
}

impl Owner {
    /// Reads a mode such as that of `network_mode`; `None` for `host` and the like.
    pub fn of_mode(mode: &str) -> Option<Self> {
        match (mode.strip_prefix(SERVICE), mode.strip_prefix(CONTAINER)) {
            (Some(name), _) => Some(Self::Service(ServiceName::new(name))),
            (None, Some(name)) => Some(Self::Container(name.to_owned())),
            (None, None) => None,
        }
    }

    /// The service, if it is one.
    pub fn service(&self) -> Option<&ServiceName> {
        match self {
            Self::Service(name) => Some(name),
            Self::Container(_) => None,
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(name) => write!(f, "{SERVICE}{name}"),
            Self::Container(name) => write!(f, "{CONTAINER}{name}"),
        }
    }
}

/// All mounts of another container (an entry of Compose `volumes_from`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumesFrom {
    /// Whose.
    pub from: Owner,
    /// None of them may be written to (`:ro`).
    pub read_only: bool,
}

impl fmt::Display for VolumesFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.from, if self.read_only { "ro" } else { "rw" })
    }
}

/// Another name for the containers of a service (an entry of Compose `links`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// The service.
    pub service: ServiceName,
    /// The name; without one in the file it is that of the service.
    pub alias: String,
}

/// A namespace that may be another container's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Namespace {
    /// `network_mode`.
    Network,
    /// `ipc`.
    Ipc,
    /// `pid`.
    Pid,
}

impl Namespace {
    /// All of them. The engine shares neither UTS nor cgroup namespaces between containers.
    pub const ALL: [Self; 3] = [Self::Network, Self::Ipc, Self::Pid];

    /// The attribute, as Compose names it.
    pub fn attribute(self) -> &'static str {
        match self {
            Self::Network => "network_mode",
            Self::Ipc => "ipc",
            Self::Pid => "pid",
        }
    }

    /// What `config` says of it, if it says a word of its own.
    pub fn mode(self, config: &ContainerConfig) -> Option<&str> {
        match self {
            Self::Network => match &config.network_mode {
                NetworkMode::Other(mode) => Some(mode),
                _ => None,
            },
            Self::Ipc => config.security.ipc.as_deref(),
            Self::Pid => config.security.pid.as_deref(),
        }
    }

    /// Whose it is, if it is shared.
    pub fn owner(self, config: &ContainerConfig) -> Option<Owner> {
        self.mode(config).and_then(Owner::of_mode)
    }

    /// Gives `config` one of its own.
    pub fn leave(self, config: &mut ContainerConfig) {
        match self {
            Self::Network => config.network_mode = NetworkMode::default(),
            Self::Ipc => config.security.ipc = None,
            Self::Pid => config.security.pid = None,
        }
    }

    /// Lets `config` share it with `owner`.
    pub fn join(self, config: &mut ContainerConfig, owner: &Owner) {
        let mode = owner.to_string();
        match self {
            Self::Network => config.network_mode = NetworkMode::Other(mode),
            Self::Ipc => config.security.ipc = Some(mode),
            Self::Pid => config.security.pid = Some(mode),
        }
    }
}

/// The command line's hash of a service, for the label `com.docker.compose.config-hash`. In that of a service which joins
/// others stand the ids of their containers, so that it is known with these only.
#[derive(Clone, PartialEq, Eq)]
pub enum ComposeHash {
    /// The hash.
    Fixed(String),
    /// The text that is hashed, with gaps for ids.
    Joined(Vec<HashPart>),
}

/// A part of a text to be hashed. It may hold values of `environment`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HashPart {
    /// As it is.
    Text(Secret),
    /// The id of the container of this service.
    ContainerOf(ServiceName),
}

impl ComposeHash {
    /// The hash, with the id that `id_of` tells for each service that is joined.
    pub fn with(&self, id_of: impl Fn(&ServiceName) -> String) -> String {
        match self {
            Self::Fixed(hash) => hash.clone(),
            Self::Joined(parts) => sha256_hex(parts.iter().map(|part| match part {
                HashPart::Text(text) => text.expose().to_owned(),
                HashPart::ContainerOf(service) => id_of(service),
            })),
        }
    }
}

impl fmt::Debug for ComposeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(hash) => write!(f, "{hash:?}"),
            Self::Joined(_) => f.write_str("with the ids of others"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_read_and_written_back() {
        for mode in ["service:vpn", "container:0123"] {
            assert_eq!(Owner::of_mode(mode).unwrap().to_string(), mode);
        }
        for mode in ["host", "private", "shareable", "", "ns:/proc/1/ns/net"] {
            assert_eq!(Owner::of_mode(mode), None);
        }
    }

    #[test]
    fn a_hash_of_joined_parts_is_that_of_the_whole_text() {
        let text = |text: &str| HashPart::Text(Secret::from(text));
        let owner = HashPart::ContainerOf(ServiceName::from("vpn"));
        let hash = ComposeHash::Joined(vec![text("container:"), owner, text("!")]);
        assert_eq!(hash.with(|_| "0123".to_owned()), sha256_hex(["container:0123!"]));
        assert!(!format!("{hash:?}").contains("container:"));
    }
}
