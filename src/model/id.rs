//! Identifiers. Each is a newtype, so that a name never stands where an id is meant.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps the text as it is; the manifest loader and the engine adapter are the only makers.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
    };
}

id!(
    /// Name of a project: lower-case letters, digits, `_` and `-`, beginning with a letter or digit.
    ProjectName
);
id!(
    /// Key of a service within its project.
    ServiceName
);
id!(
    /// The engine's id of a container: 64 hexadecimal digits. The only handle by which a container is changed (invariant 4).
    ContainerId
);
id!(
    /// Name of a container on the host, without the leading slash.
    ContainerName
);
id!(
    /// The engine's id of an image: `sha256:` and 64 hexadecimal digits.
    ImageId
);
id!(
    /// The engine's id of a network. Two networks may share a name before API 1.44, so changes go by id.
    NetworkId
);
id!(
    /// Identity of this controller on the engine (`io.composelet.installation`), `default` unless set.
    Installation
);
id!(
    /// Identity of one version of a service: hash of effective spec, image id and content digests.
    Revision
);
id!(
    /// Versioned hash (`v1:…`) of the recreate-fields of a container's configuration. A short cut, never the judge.
    SpecHash
);

/// The first twelve digits of the id of an image, as the docker command line prints them.
pub fn short_image_id(id: &str) -> &str {
    let digits = id.strip_prefix("sha256:").unwrap_or(id);
    digits.get(..12).unwrap_or(digits)
}

impl ContainerId {
    /// The first twelve digits, as the docker command line prints them.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

/// One replica of one service: what a container is *for*. Numbers count from 1, as Compose numbers them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ReplicaId {
    /// The service.
    pub service: ServiceName,
    /// Its replica, from 1.
    pub number: u32,
}

impl ReplicaId {
    /// Names replica `number` of `service`.
    pub fn new(service: ServiceName, number: u32) -> Self {
        Self { service, number }
    }
}

impl fmt::Display for ReplicaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.service, self.number)
    }
}
