//! What an engine is too old for. It ignores fields that it does not know without a word, so they are compared with its
//! API version before anything is sent, and left out. The versions stand in [`crate::model::feature`].

use crate::model::config::ContainerConfig;
use crate::model::feature::lacking;
use crate::model::observed::ApiVersion;

/// An attribute that this engine cannot honour.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unsupported {
    /// The attribute, as Compose names it.
    pub attribute: &'static str,
    /// API version that brought it.
    pub since: ApiVersion,
}

/// What `config` asks for that an engine of this API version cannot do, by version.
pub fn unsupported(config: &ContainerConfig, api: ApiVersion) -> Vec<Unsupported> {
    lacking(config, api)
        .map(|feature| Unsupported { attribute: feature.attribute, since: feature.since })
        .collect()
}
