//! Answers of the engine as they come over the wire, read leniently: a field that is missing or null is absent, an unknown
//! word stays a text, an unknown field is ignored. Only what we use is named.

mod container;
mod network;
mod summary;

pub(super) use container::{
    ConfigJson, ContainerJson, EndpointJson, HealthJson, HealthcheckJson, HostConfigJson,
    MountJson, StateJson,
};
pub(super) use network::{ImageJson, IpamJson, NetworkJson, VolumeJson, VolumeListJson};
pub(super) use summary::SummaryJson;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

/// A map whose values do not matter, or matter as texts.
pub(super) type Texts = BTreeMap<String, String>;

/// A list of arguments; some engines write a single one as a plain text.
pub(super) fn arguments<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<String>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form {
        List(Vec<String>),
        One(String),
    }
    Ok(
        Option::<Form>::deserialize(deserializer)?.map(|form| match form {
            Form::List(list) => list,
            Form::One(text) => vec![text],
        }),
    )
}
